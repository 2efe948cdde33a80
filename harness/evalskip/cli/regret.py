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
            help="A spec in YAML; or a past run's trainer_state.json or trainer_log.jsonl.",
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
            help="Of a past run, what chooses checkpoints; less is better. [default: eval_loss]"
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
    if spec.suffix in (".json", ".jsonl"):
        from evalskip.experiments.past import past_summary
        from evalskip.spec.load import regret_design

        if resume:
            raise InputError("--resume: expected none with a past run's log")
        design = regret_design(settings or [])
        summary = past_summary(spec, metric or "eval_loss", design, within, out)
        print_summary(screen, summary, ENGLISH)
        if out:
            print_report_path(screen, out / "report.md")
        return
    if metric is not None:
        raise InputError("--metric: expected a past run's log as well, in which it is looked up")
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
