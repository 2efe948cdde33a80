"""What every schedule would have missed: ``evalskip regret``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalskip.cli.options import OutOption, SettingsOption, parsed
from evalskip.errors import InputError


def regret(
    spec: Annotated[
        Path,
        typer.Argument(
            help="A spec in YAML; or a finished run: a log, or the folder of its logs.",
            show_default=True,
        ),
    ] = Path("bench/overfit.yaml"),
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up an interrupted experiment.")
    ] = False,
    share: Annotated[
        str, typer.Option(help="Share of the training time that evaluation may take.")
    ] = "5%",
    metric: Annotated[
        str | None,
        typer.Option(
            help="Of a finished run, what judges checkpoints. [default: as the run itself chose]"
        ),
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Find out what less evaluation, or a substitute for it, would have missed."""
    from functools import partial

    from evalskip.report.terminal import console, print_report_path, print_summary
    from evalskip.report.words import ENGLISH
    from evalskip.spec.units import parse_share

    within = parsed("--share", parse_share, share)
    screen = console()
    if spec.suffix not in (".yaml", ".yml"):
        from evalskip.experiments.past import past_summary
        from evalskip.spec.load import regret_design

        if resume:
            raise InputError("--resume: expected none with a finished run")
        design = regret_design(settings or [])
        summary = past_summary(spec, metric, design, within, out)
        print_summary(screen, summary, ENGLISH)
        if out:
            print_report_path(screen, out / "report.md")
        return
    if metric is not None:
        raise InputError(
            "--metric: expected a finished run's log as well, in which it is looked up"
        )
    from evalskip.cli.measured import measured
    from evalskip.experiments.regret import find_regret
    from evalskip.spec import load_spec

    measured(
        screen,
        load_spec(spec, settings=settings or []),
        out or Path("results", f"{spec.stem}-regret"),
        resume=resume,
        experiment=partial(find_regret, within_share=within),
    )
