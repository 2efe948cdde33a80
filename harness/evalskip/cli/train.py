"""LLaMA-Factory's training with a callback: ``evalskip train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evalskip.cli.options import PythonOption, parsed
from evalskip.errors import InputError


def train(
    configuration: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A LLaMA-Factory configuration as it is.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="What overrules it, as LLaMA-Factory has it."
        ),
    ] = None,
    eval_budget: Annotated[
        str | None,
        typer.Option(help="Evaluate as often as this share of training time allows: 5%."),
    ] = None,
    stop_at: Annotated[
        str | None,
        typer.Option(
            help="Evaluate as stopping soonest takes: eval_loss=0.925, at which training stops, or "
            "patience (early_stopping_steps)."
        ),
    ] = None,
    expected_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps after which runs like it were there. With --stop-at."),
    ] = None,
    every_n_epochs: Annotated[
        int | None, typer.Option(min=1, help="Evaluate at the end of epochs N, 2N, ...")
    ] = None,
    eval_by_length: Annotated[
        bool,
        typer.Option("--eval-by-length", help="Evaluate samples of like lengths together."),
    ] = False,
    eval_subset: Annotated[
        int | None, typer.Option(min=1, help="Evaluate so many random samples, always the same.")
    ] = None,
    eval_wrong: Annotated[
        str | None,
        typer.Option(
            help="End an evaluation once it is no new best; at most this share of runs calls one "
            "worse that is not: 5%."
        ),
    ] = None,
    eval_beside: Annotated[
        str | None,
        typer.Option(
            help="Evaluate in a second process while training goes on: on cpu, or cuda:1."
        ),
    ] = None,
    eval_cost: Annotated[
        bool, typer.Option("--eval-cost", help="Say at the end what evaluation took.")
    ] = False,
    python: PythonOption = None,
) -> None:
    """Train as llamafactory-cli train does, with a callback that its YAML cannot name."""
    from evalskip.beside.process import parse_device
    from evalskip.jobs.llamafactory.started import (
        HowToEvaluate,
        WhenToEvaluate,
        callbacks_for,
        check_evaluates,
        settings_of,
    )
    from evalskip.launch.train import train_llamafactory
    from evalskip.spec.units import parse_share
    from evalskip.targets import stop_target

    share = None if eval_budget is None else parsed("--eval-budget", parse_share, eval_budget)
    if stop_at is not None:
        parsed("--stop-at", stop_target, stop_at)
    wanted = WhenToEvaluate(share, stop_at, expected_steps, every_n_epochs)
    wrong = None if eval_wrong is None else parsed("--eval-wrong", parse_share, eval_wrong)
    if wrong is not None and not 0 < wrong < 1:
        raise InputError(f"--eval-wrong: expected a share between 0% and 100%, got {eval_wrong}")
    if eval_subset is not None and wrong is not None:
        raise InputError("--eval-wrong: expected no --eval-subset beside it")
    cheaper = HowToEvaluate(eval_by_length, eval_subset, wrong)
    if eval_beside is not None:
        parsed("--eval-beside", parse_device, eval_beside)
    asked = (wanted != WhenToEvaluate(), cheaper != HowToEvaluate(), eval_beside, eval_cost)
    if not any(asked):
        raise InputError(
            "train: expected --eval-budget 5%, --stop-at METRIC=VALUE, --every-n-epochs N, "
            "--eval-by-length, --eval-subset N, --eval-wrong 5%, --eval-beside DEVICE or "
            "--eval-cost"
        )
    if every_n_epochs is not None and (share is not None or stop_at is not None):
        option = "--eval-budget" if stop_at is None else "--stop-at"
        raise InputError(f"{option}: decides alone; expected no --every-n-epochs beside it")
    if expected_steps is not None and stop_at is None:
        raise InputError("--expected-steps: expected --stop-at beside it")
    assignments = overrides or []
    settings = settings_of(configuration, assignments)
    callbacks: list[tuple[str, list[Any]]] = [
        *cheaper.callbacks(settings),
        *callbacks_for(settings, wanted),
    ]
    if eval_beside is not None:
        check_evaluates(settings)
        callbacks.append(("EvalBeside", [eval_beside]))
    if eval_cost:
        callbacks.append(("EvalCost", []))
    raise typer.Exit(train_llamafactory([str(configuration), *assignments], callbacks, python))
