"""What a callback asks of a LLaMA-Factory configuration that is trained as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from evalskip.errors import InputError
from evalskip.targets import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def settings_of(path: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The keys of a configuration, with what overrules them.

    Args:
        path: of the YAML.
        overrides: such as ``num_train_epochs=3``.

    Raises:
        InputError: it cannot be read, or an override is none.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)  # as LLaMA-Factory reads it
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a LLaMA-Factory configuration") from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(settings, dict) or "model_name_or_path" not in settings:
        raise InputError(f"{path}: model_name_or_path: missing; expected a LLaMA-Factory YAML")
    for override in overrides:
        key, is_one, value = override.partition("=")
        if not is_one:
            raise InputError(f"{override}: expected KEY=VALUE, as LLaMA-Factory takes it")
        settings[key] = YAML(typ="safe", pure=True).load(value)
    return settings


@dataclass(frozen=True)
class WhenToEvaluate:
    """What is asked of ``evalskip train``; None: not asked for."""

    share: float | None = None
    """Of the time, for ``EvalBudget``."""
    stop_at: str | None = None
    """A target, or patience, for the same."""
    expected_steps: int | None = None
    """Until that is reached, for the same."""
    every_n_epochs: int | None = None


@dataclass(frozen=True)
class HowToEvaluate:
    """What is asked of ``evalskip train`` to make evaluation cheaper."""

    by_length: bool = False
    samples: int | None = None
    """Of a fixed random subset; None: all."""
    wrong: float | None = None
    """Of runs, that may call a checkpoint worse that is not; None: evaluations are whole."""

    def callbacks(self, settings: dict[str, Any]) -> list[tuple[str, list[Any]]]:
        """By name and arguments.

        Args:
            settings: the configuration's keys.

        Raises:
            InputError: the configuration has nothing to evaluate, or generates.
        """
        if self == HowToEvaluate():
            return []
        check_evaluates(settings)
        if self.wrong is not None and settings.get("predict_with_generate"):
            raise InputError("--eval-wrong: expected the loss alone, got predict_with_generate")
        return [
            *([("SortByLength", [])] if self.by_length else []),
            *([("EvalSubset", [self.samples])] if self.samples is not None else []),
            *([("EvalSubset", [None, self.wrong])] if self.wrong is not None else []),
        ]


def check_evaluates(settings: dict[str, Any]) -> None:
    """See that a configuration has something to evaluate.

    Raises:
        InputError: it has not.
    """
    if not settings.get("val_size") and not settings.get("eval_dataset"):
        raise InputError("val_size: missing; expected it, or eval_dataset: samples to evaluate")


def callbacks_for(settings: dict[str, Any], wanted: WhenToEvaluate) -> list[tuple[str, list[Any]]]:
    """The callbacks that decide when it evaluates, by name and arguments.

    Args:
        settings: its keys.
        wanted: what they are to do.

    Raises:
        InputError: the configuration has nothing to evaluate, decides when itself, or never stops.
    """
    if wanted == WhenToEvaluate():
        return []
    check_evaluates(settings)
    if wanted.share is not None or wanted.stop_at is not None:
        if wanted.share is not None and wanted.share >= 1:
            raise InputError("--eval-budget: expected a share below 100%")
        if wanted.stop_at == PATIENCE and not settings.get("early_stopping_steps"):
            raise InputError(
                "--stop-at patience: the configuration never stops early; expected "
                "early_stopping_steps in it"
            )
        return [("EvalBudget", [wanted.share, None, wanted.stop_at, wanted.expected_steps])]
    strategy = settings.get("eval_strategy", "no")
    if strategy not in ("no", False):
        raise InputError(
            f"eval_strategy: expected no, since --every-n-epochs says when, got {strategy}"
        )
    return [("EveryNEpochs", [wanted.every_n_epochs])]
