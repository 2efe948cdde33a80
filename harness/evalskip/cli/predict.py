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


def predict(
    spec: SpecArgument = DEFAULT_SPEC,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Add to the results that are there.")
    ] = False,
    share: Annotated[
        str, typer.Option(help="Of T, the most that evaluation may take, for the recommendation.")
    ] = "5%",
    every: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Steps between evaluations to tell of as well. Repeatable."),
    ] = None,
    budget: Annotated[
        str, typer.Option(help="Time for the pilot, beside the start of its processes.")
    ] = "40s",
    arms: Annotated[str | None, typer.Option(help="Arms to keep, as of bench.")] = None,
    settings: SettingsOption = None,
    python: PythonOption = None,
) -> None:
    """What every schedule would cost, from a pilot of a few steps."""
    from evalskip.experiments.predict import predict_costs
    from evalskip.report.markdown import write_markdown
    from evalskip.report.terminal import console, print_predictions
    from evalskip.results import open_results
    from evalskip.spec import load_spec
    from evalskip.spec.units import parse_duration, parse_share

    within = parsed("--share", parse_share, share)
    budget_s = parsed("--budget", parse_duration, budget)
    loaded = load_spec(spec, settings=settings or [], arms=names(arms), python=python)
    directory = out or Path("results", f"{spec.stem}-predict")
    screen = console()
    with open_results(directory, directory.name, loaded, resume=resume) as results:
        summary = predict_costs(
            loaded,
            results,
            lambda line: screen.print(line, highlight=False, markup=False),
            within=within,
            every=every or [],
            budget_s=budget_s,
        )
        write_markdown(directory, [summary])
    print_predictions(screen, summary)
