"""Runs of the real LLaMA-Factory, in the interpreter that has it.

A run calls ``run_exp(args=..., callbacks=[...])`` of ``llamafactory.train.tuner``, which is what
``llamafactory-cli train`` calls on one device. A callback finds the Trainer that LLaMA-Factory
builds and attaches the probe to it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from contextlib import nullcontext
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

OLDEST, NEWEST = (0, 9, 2), (0, 9, 5)
"""Releases that are known to work; what others change is not known."""


def runner(settings: dict[str, Any]) -> LlamaFactoryRunner:
    """The job's runner, from its settings as JSON holds them."""
    return LlamaFactoryRunner(settings)


class LlamaFactoryRunner:
    """Prepared once in a parent that touches no device; each run is a child of it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings["settings"]

    def prepare(self, evaluation_samples: Sequence[int]) -> dict[str, Any]:
        """Import LLaMA-Factory; everything else happens inside each run, as it would.

        Raises:
            InputError: this interpreter has none, or one of a version that is not known.
        """
        began = time.perf_counter_ns()
        version = _version()
        import torch

        # a parent that ran a two-thread operation before the fork hangs its children
        torch.set_num_threads(1)
        # it reads the command line where it is given no arguments
        sys.argv = sys.argv[:1]
        try:
            from llamafactory.train import tuner  # noqa: F401
        except Exception as error:
            raise InputError(
                f"job.python: {sys.executable}: LLaMA-Factory {version} cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error
        return {
            "setup_ns": {"imports": time.perf_counter_ns() - began},
            "parameters": None,
            "software": _software(),
        }

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have LLaMA-Factory train, and prove what was done."""
        began = time.perf_counter_ns()
        import torch
        from llamafactory.train.tuner import run_exp

        from evalskip.callbacks import made_of
        from evalskip.probe.environment import environment
        from evalskip.worker.attached import Attached, NoEvaluationAfterTraining, SamplesChosen

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        if request["trial"]:
            return _try(request)
        attached = Attached(
            request["measure"],
            restore_random_state=request["restore_random_state"],
            sliced=request["sliced"],
            tells_losses=request["tells_losses"],
        )
        chosen = SamplesChosen(request["evaluation_samples"], request["train_samples"])
        callbacks = [chosen, *made_of(request["callbacks"]), attached]
        if request["arguments"].get("do_eval") is False and request["arm"] != "as_written":
            # it evaluates after training whenever it evaluates during it, whatever do_eval says
            callbacks.append(NoEvaluationAfterTraining())
        stays = request.get("output")
        with (
            nullcontext(stays) if stays else tempfile.TemporaryDirectory(prefix="evalskip-")
        ) as output:
            try:
                run_exp(args=_arguments(request, output), callbacks=callbacks)
            except Exception as error:
                if attached.began_at_ns is None:
                    # before training began, it is the configuration that is wrong
                    raise InputError(f"LLaMA-Factory: {_error_text(error)}") from error
                raise
        probe = attached.probe
        if probe is None or attached.began_at_ns is None:
            raise RuntimeError("LLaMA-Factory built no Trainer that called its callbacks")
        return {
            **probe.finish(),
            "setup_ns": {"llamafactory": attached.began_at_ns - began},
            "environment": {**environment(probe.device), "parameters": probe.parameters()},
        }


def _try(request: dict[str, Any]) -> dict[str, Any]:
    """Have LLaMA-Factory train a few steps at a batch that may not fit."""
    import torch
    from llamafactory.train.tuner import run_exp

    from evalskip.worker.attached import AttachedTrial, NoEvaluationAfterTraining
    from evalskip.worker.trial import Trial, trial_arguments

    trial_request = request["trial"]
    trial = Trial(trial_request, "cuda" if torch.cuda.is_available() else "cpu")

    def train() -> None:
        with tempfile.TemporaryDirectory(prefix="evalskip-") as output:
            run_exp(
                args={
                    **_arguments(request, output),
                    **trial_arguments(trial_request["batch"], trial_request["passes"]),
                },
                callbacks=[AttachedTrial(trial), NoEvaluationAfterTraining()],
            )

    try:
        return trial.run(train)
    except Exception as error:
        if trial.phase == "model":
            raise InputError(f"LLaMA-Factory: {_error_text(error)}") from error
        raise


def _arguments(request: dict[str, Any], output: str) -> dict[str, Any]:
    # a second process that evaluates finds in it what the first has written
    own = {"output_dir": output, "overwrite_output_dir": True}
    return {**request["arguments"], **request["evaluation"], **own}


def _error_text(error: Exception) -> str:
    """An error in one line; one without a text is told by where it happened."""
    text = " ".join(str(error).split())
    if not text:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = f"in {last.name}, {Path(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__}: {text}"


def _version() -> str:
    if find_spec("llamafactory") is None:
        raise InputError(
            f"job.python: {sys.executable}: has no LLaMA-Factory; expected an interpreter that has "
            "it, such as make llamafactory builds"
        )
    version = metadata.version("llamafactory")
    release = tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())
    if not OLDEST <= release <= NEWEST:
        versions = " to ".join(".".join(map(str, bound)) for bound in (OLDEST, NEWEST))
        raise InputError(
            f"job.python: {sys.executable}: LLaMA-Factory {version} is not known; "
            f"expected {versions}"
        )
    return version


def _software() -> dict[str, str]:
    """Versions of what bears on the figures."""
    import torch

    names = ("llamafactory", "torch", "transformers", "accelerate", "datasets", "peft", "trl")
    return {
        **{name: metadata.version(name) for name in names if find_spec(name)},
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
