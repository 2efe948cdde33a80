"""What every schedule would cost: ``evalskip predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


def predict(
    spec: SpecArgument = DEFAULT_SPEC,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up an interrupted experiment.")
    ] = False,
    share: Annotated[
        str, typer.Option(help="Share of the training time that evaluation may take.")
    ] = "5%",
    every: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Predict evaluation every so many steps as well. Repeatable."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Training stops at this: eval_loss=0.925.", show_default=False),
    ] = None,
    expected_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps after which runs like it reached the target, or its best."),
    ] = None,
    past: Annotated[
        list[Path] | None,
        typer.Option(help="Logs of such runs, which tell that. Repeatable.", show_default=False),
    ] = None,
    budget: Annotated[
        str, typer.Option(help="Time for the pilot, beside the start of its processes.")
    ] = "40s",
    arms: Annotated[str | None, typer.Option(help="Arms to keep, as of bench.")] = None,
    settings: SettingsOption = None,
    python: PythonOption = None,
) -> None:
    """Predict what every schedule would cost, from a pilot of a few steps."""
    from functools import partial

    from evalskip.cli.measured import measured
    from evalskip.experiments.predict import predict_costs
    from evalskip.experiments.stopping import StopQuestion
    from evalskip.report.terminal import console
    from evalskip.spec import load_spec
    from evalskip.spec.units import parse_duration, parse_share
    from evalskip.targets import Target

    stop_at = parsed("--target", Target.from_text, target) if target is not None else None
    if expected_steps and past:
        raise InputError("--expected-steps and --past: expected one of them")
    within = parsed("--share", parse_share, share)
    budget_s = parsed("--budget", parse_duration, budget)
    loaded = load_spec(spec, settings=settings or [], arms=names(arms), python=python)
    measured(
        console(),
        loaded,
        out or Path("results", f"{spec.stem}-predict"),
        resume=resume,
        experiment=partial(
            predict_costs,
            within=within,
            every=every or [],
            budget_s=budget_s,
            stops=StopQuestion(stop_at, expected_steps, tuple(past or ())),
        ),
    )
