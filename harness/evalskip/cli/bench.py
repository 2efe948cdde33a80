"""Matched runs of every arm: ``evalskip bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalskip.cli.options import (
    DEFAULT_SPEC,
    OutOption,
    PythonOption,
    SettingsOption,
    SpecArgument,
    names,
    parsed,
)
from evalskip.errors import InputError

if TYPE_CHECKING:
    from evalskip.session import Session
    from evalskip.summary import Summary


def bench(
    spec: SpecArgument = DEFAULT_SPEC,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up an interrupted experiment.")
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="Time after which no further block begins, such as 10m.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Run the job whole, however long one run takes.")
    ] = False,
    arms: Annotated[
        str | None,
        typer.Option(help="Arms to keep, by schedule or name: every_epoch,every_n_epochs:5@48."),
    ] = None,
    claimed_gain: Annotated[
        str | None,
        typer.Option(help="Judge a claim, such as 15-30%. [default: as the spec says]"),
    ] = None,
    remedies: Annotated[
        bool,
        typer.Option(
            "--remedies", help="Predict what makes evaluation cheaper, and run that beside it."
        ),
    ] = False,
    settings: SettingsOption = None,
    python: PythonOption = None,
    engine: Annotated[str, typer.Option(help="Where blocks run: local, ray or slurm.")] = "local",
    engine_option: Annotated[
        list[str] | None,
        typer.Option(
            "-E",
            "--engine-option",
            help="Of it: gpus=1, address=HOST:PORT, partition=gpu. Repeatable.",
        ),
    ] = None,
) -> None:
    """Measure what evaluation costs: train the same job with it and without it."""
    from evalskip.cli.measured import measured
    from evalskip.engines import engine_for
    from evalskip.experiments.bench import bench as run_bench
    from evalskip.experiments.headroom import headroom as find_headroom
    from evalskip.experiments.predict import predict_costs
    from evalskip.experiments.remedies import with_predicted_shares, with_remedies
    from evalskip.report.terminal import console
    from evalskip.report.words import ENGLISH
    from evalskip.spec import load_spec
    from evalskip.spec.units import parse_range
    from evalskip.summary import read_summary, write_sections

    loaded = load_spec(
        spec,
        settings=settings or [],
        arms=names(arms),
        budget=budget,
        full=full or None,
        python=python,
        elsewhere=engine != "local",
    )
    if engine != "local" and "headroom" in loaded.measure:
        raise InputError("measure: expected no headroom, which is looked for on this machine only")
    if claimed_gain is not None:
        claimed = parsed("--claimed-gain", parse_range, claimed_gain)
        loaded = loaded.model_copy(update={"claimed_gain": claimed})
        if not loaded.judged_arms():
            raise InputError("--claimed-gain: expected an arm that evaluates every epoch as well")
    directory = out or Path("results", spec.stem)
    screen = console()
    for change in map(ENGLISH.note, loaded.job.changes()):
        screen.print(f"changed: {change}", highlight=False, markup=False)
    options = dict(pair(setting) for setting in engine_option or [])
    prediction = None
    if remedies:
        predicted = directory.with_name(f"{directory.name}-predict")
        measured(screen, loaded, predicted, resume=resume, experiment=predict_costs)
        prediction = read_summary(predicted).prediction
    if prediction is not None:
        loaded = with_remedies(loaded, prediction)

    def run(session: Session) -> Summary:
        summary = run_bench(session)
        if prediction is not None and summary.bench is not None:
            section = with_predicted_shares(summary.bench, prediction)
            summary = write_sections(directory, summary.model_copy(update={"bench": section}))
        return find_headroom(session) if "headroom" in loaded.measure else summary

    measured(
        screen,
        loaded,
        directory,
        resume=resume,
        experiment=run,
        engine=engine_for(engine, options),
    )


def pair(setting: str) -> tuple[str, str]:
    """What an option of the form ``key=value`` says."""
    key, separator, value = setting.partition("=")
    if not separator or not key:
        raise InputError(f"--engine-option {setting}: expected key=value, such as gpus=1")
    return key, value
