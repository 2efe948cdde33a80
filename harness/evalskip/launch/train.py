"""Starts LLaMA-Factory's training with callbacks of ours, as its user would start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalskip.beside.process import visible
from evalskip.errors import InputError
from evalskip.jobs.llamafactory.settings import PYTHON
from evalskip.launch.bundle import bundle
from evalskip.worker import train

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def train_llamafactory(
    arguments: Sequence[str], callbacks: Sequence[tuple[str, Sequence[Any]]], python: str | None
) -> int:
    """Train, and return the exit code; what is printed and written is LLaMA-Factory's own.

    Args:
        arguments: of ``llamafactory-cli train``: the configuration, and settings that overrule it.
        callbacks: names and arguments, as :func:`evalskip.callbacks.made_of` takes them.
        python: the interpreter that has LLaMA-Factory; None: this one, or that of
            ``make llamafactory``.

    Raises:
        InputError: there is no such interpreter.
    """
    return _started(arguments, callbacks, python, {})


def evaluate_llamafactory(
    arguments: Sequence[str],
    output: Path,
    *,
    device: str | None,
    watch: bool,
    newest_first: bool,
    python: str | None,
) -> int:
    """Evaluate saved checkpoints as the configuration has it, and return the exit code.

    Args:
        arguments: as for training.
        output: where the checkpoints are.
        device: ``cpu``, ``cuda:1``; None: as it trains.
        watch: go on until training has ended.
        newest_first: begin with the newest checkpoint.
        python: as for training.

    Raises:
        InputError: there is no such interpreter.
    """
    callback = ("EvaluateCheckpoints", [str(output.absolute()), watch, newest_first])
    with tempfile.TemporaryDirectory(prefix="evalskip-") as folder:
        # the program begins as training does, and must not meet what that has written
        own = [*arguments, f"output_dir={folder}", "do_train=true"]
        return _started(own, [callback], python, {} if device is None else visible(device))


def _started(
    arguments: Sequence[str],
    callbacks: Sequence[tuple[str, Sequence[Any]]],
    python: str | None,
    own: Mapping[str, str],
) -> int:
    chosen = python or (sys.executable if find_spec("llamafactory") else str(PYTHON))
    environment = {**os.environ, train.VARIABLE: json.dumps(list(callbacks)), **own}
    # its launcher finds torchrun by the path
    beside = str(Path(chosen).absolute().parent)
    environment["PATH"] = os.pathsep.join((beside, environment.get("PATH", "")))
    with tempfile.TemporaryDirectory(prefix="evalskip-") as folder:
        place = Path(folder)
        environment["PYTHONPATH"] = bundle(place, environment)
        script = place / "evalskip" / "worker" / "train.py"
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the training's to act on
        try:
            code = subprocess.run(
                [chosen, str(script), *arguments], env=environment, check=False
            ).returncode
        except OSError as error:
            raise InputError(
                f"--python: {chosen}: {error.strerror}; expected one that has LLaMA-Factory, by "
                "--python or from make llamafactory"
            ) from None
        finally:
            signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
