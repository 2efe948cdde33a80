"""Evaluate checkpoints that LLaMA-Factory has saved: ``evalskip evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalskip.cli.options import PythonOption, parsed
from evalskip.errors import InputError


def evaluate(
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT_DIR", help="Where training saves its checkpoints.")
    ],
    configuration: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The LLaMA-Factory configuration as it is.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="What overrules it, as LLaMA-Factory has it."
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until training has ended.")] = False,
    newest_first: Annotated[
        bool, typer.Option("--newest-first", help="Begin with the newest checkpoint.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="Where to evaluate: cpu, or cuda:1. Unset: as it trains.")
    ] = None,
    python: PythonOption = None,
    lang: Annotated[str, typer.Option(help="Language, such as en or zh.")] = "en",
) -> None:
    """Evaluate saved checkpoints beside a training, or after it, and say which is best."""
    from evalskip.beside.evaluated import read_evaluated
    from evalskip.beside.process import parse_device
    from evalskip.jobs.llamafactory.started import check_evaluates, settings_of
    from evalskip.launch.train import evaluate_llamafactory
    from evalskip.report.terminal import console, print_evaluated
    from evalskip.report.words import LANGUAGES, Language

    if lang not in LANGUAGES:
        raise InputError(f"--lang {lang}: expected one of {', '.join(LANGUAGES)}")
    if not output.is_dir():
        raise InputError(f"{output}: no such folder; expected one with checkpoints")
    if device is not None:
        parsed("--device", parse_device, device)
    assignments = overrides or []
    check_evaluates(settings_of(configuration, assignments))
    code = evaluate_llamafactory(
        [str(configuration), *assignments],
        output,
        device=device,
        watch=watch,
        newest_first=newest_first,
        python=python,
    )
    found = read_evaluated(output)
    if found is not None:
        print_evaluated(console(), found, Language(lang))
    raise typer.Exit(code)
