"""What the worker does where the program that it is begun as would train."""

from __future__ import annotations

import os
import resource
import select
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import torch

from evalskip.beside import weights
from evalskip.beside.folder import Result, SnapshotFolder
from evalskip.beside.process import REFUSED, VARIABLE

if TYPE_CHECKING:
    from transformers import Trainer

_LOOKS_S = 0.02
"""From one look for a snapshot to the next."""


class RefusedError(ValueError):
    """The worker's program is not the trainer's."""


def folder_of_worker() -> SnapshotFolder | None:
    """The folder that this process is the worker of; None: it is none."""
    place = os.environ.get(VARIABLE)
    return SnapshotFolder(Path(place)) if place else None


def end_with_trainer(folder: SnapshotFolder) -> None:
    """Have this process end, and the folder go, once the trainer's process is gone.

    The trainer holds the other end of the standard input, which closes however it ends; where a
    child of it outlives it, that is a little later, so the process is looked for as well.
    """
    try:
        trainer = folder.job()["pid"]
    except (OSError, ValueError):  # it is gone already
        os._exit(1)

    def watch() -> None:
        while Path(f"/proc/{trainer}").exists():
            ready, _, _ = select.select([0], [], [], 1.0)
            if ready and not os.read(0, 1):
                break
        folder.remove()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def serve(
    trainer: Trainer, folder: SnapshotFolder, ignore_keys: list[str] | None = None
) -> NoReturn:
    """Evaluate snapshots until training has ended, and end this process.

    Args:
        trainer: whose ``train`` was called.
        folder: of the training.
        ignore_keys: as ``train`` was given them for evaluations.
    """
    try:
        _serve(trainer, folder, ignore_keys)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = REFUSED if isinstance(error, RefusedError) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # what the program does after training is the trainer's to do


def _serve(trainer: Trainer, folder: SnapshotFolder, ignore_keys: list[str] | None) -> NoReturn:
    job = folder.job()
    model = trainer.model
    if weights.fingerprint(model, trainer.eval_dataset) != job["fingerprint"]:
        raise RefusedError(
            "expected a program that builds the same model and evaluation set each time it is begun"
        )
    # loggers and what stops early belong to the trainer
    trainer.callback_handler.callbacks = []
    while True:
        snapshot = folder.take()
        if snapshot is None:
            time.sleep(_LOOKS_S)
            continue
        place, path = snapshot
        began = time.time()
        weights.load(model, path)
        metrics = evaluated(trainer, place.step, place.epoch, ignore_keys)
        folder.tell(Result(place.step, place.epoch, metrics, began, time.time(), peak_bytes()))


def evaluated(
    trainer: Trainer, step: int, epoch: float | None, ignore_keys: list[str] | None = None
) -> dict[str, float]:
    """Evaluate as inside training at that step."""
    trainer.state.global_step, trainer.state.epoch = step, epoch
    metrics: dict[str, float] = trainer.evaluate(ignore_keys=ignore_keys)
    return metrics


def peak_bytes() -> int:
    """Of memory: what this process has reserved of its device at most, on a CPU what it has had."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_reserved())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
