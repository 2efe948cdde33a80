"""The largest batch of every arm, measured or planned: ``evalskip headroom``."""

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


def headroom(
    spec: SpecArgument = DEFAULT_SPEC,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up an interrupted experiment.")
    ] = False,
    memory: Annotated[
        str | None, typer.Option(help="The limit, such as 3GiB. [default: the spec's]")
    ] = None,
    arms: Annotated[str | None, typer.Option(help="Arms to keep, as of bench.")] = None,
    settings: SettingsOption = None,
    python: PythonOption = None,
    timing: Annotated[
        bool, typer.Option(help="Time the largest batch against the job's own.")
    ] = True,
    model: Annotated[
        str | None,
        typer.Option(help="Plan without the device: a packaged configuration, or a config.json."),
    ] = None,
    device_memory: Annotated[
        str | None, typer.Option(help="Memory of the card to plan for, such as 80GiB.")
    ] = None,
    length: Annotated[int, typer.Option(min=2, help="Plan: tokens in a sample.")] = 2048,
    evaluation_batch: Annotated[
        int, typer.Option(min=1, help="Plan: samples evaluated at once.")
    ] = 8,
    evaluation_length: Annotated[
        int | None,
        typer.Option(min=2, help="Plan: tokens in an evaluated sample. [default: length]"),
    ] = None,
) -> None:
    """Find the largest batch with evaluation and without it, and what it is worth.

    With --model and --device-memory: plan for a card that you do not have, from fake tensors.
    """
    if model is not None or device_memory is not None:
        of_measuring = {"--memory": memory, "--arms": arms, "--set": settings, "--out": out}
        for option, value in of_measuring.items():
            if value is not None:
                raise InputError(f"{option}: expected none with --model, which measures nothing")
        _plan(
            model,
            device_memory,
            length=length,
            evaluation_batch=evaluation_batch,
            evaluation_length=evaluation_length or length,
        )
        return
    from functools import partial

    from evalskip.cli.measured import measured
    from evalskip.experiments.headroom import headroom as find_headroom
    from evalskip.report.terminal import console
    from evalskip.spec import load_spec

    loaded = load_spec(
        spec,
        settings=[*(settings or []), *([f"limits.memory={memory}"] if memory else [])],
        arms=names(arms),
        python=python,
    )
    measured(
        console(),
        loaded,
        out or Path("results", f"{spec.stem}-headroom"),
        resume=resume,
        experiment=partial(find_headroom, timing=timing),
    )


def _plan(
    model: str | None,
    device_memory: str | None,
    *,
    length: int,
    evaluation_batch: int,
    evaluation_length: int,
) -> None:
    """The largest batches on a card that is not there."""
    from evalskip.jobs.transformers.model import fields_of
    from evalskip.memory.model import text_fields
    from evalskip.report.terminal import console, print_plans
    from evalskip.spec.units import parse_size

    if device_memory is None:
        raise InputError("--device-memory: missing; expected that of the card, such as 80GiB")
    if model is None:
        raise InputError("--device-memory: expected --model as well, a configuration to plan for")
    device_bytes = parsed("--device-memory", parse_size, device_memory)
    fields = fields_of(model, "--model")
    text = text_fields(fields)
    positions = text.get("max_position_embeddings", text.get("n_positions"))
    for option, tokens in (("--length", length), ("--evaluation-length", evaluation_length)):
        if isinstance(positions, int) and tokens > positions:
            raise InputError(f"{option}: expected at most {positions}, the model's, got {tokens}")
    from evalskip.memory.peaks import BatchShape
    from evalskip.memory.plan import plans

    work = BatchShape(length, evaluation_batch, evaluation_length)
    print_plans(console(), model, plans(fields, device_bytes, work), device_bytes, work)
