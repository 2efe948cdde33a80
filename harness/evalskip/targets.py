"""A metric's value at which training may stop, and in which direction metrics are better."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LESS = (
    "loss",
    "perplexity",
    "ppl",
    "wer",
    "cer",
    "ter",
    "error",
    "mse",
    "rmse",
    "mae",
    "eer",
    "fpr",
    "mape",
    "smape",
    "brier",
    "hamming",
    "edit_distance",
    "nll",
    "bpb",
    "bpc",
)
_GREATER = (
    "accuracy",
    "f1",
    "precision",
    "recall",
    "bleu",
    "sacrebleu",
    "rouge",
    "meteor",
    "chrf",
    "matthews",
    "pearson",
    "spearman",
    "exact",
    "dice",
    "reward",
    "score",
    "ndcg",
    "pass@",
    "margin",
    "kappa",
    "bertscore",
    "winrate",
)
"""Beginnings of words of names of which more is better."""
_SHORT = frozenset({"acc", "auc", "auroc", "em", "iou", "map", "mcc", "mrr", "r2", "win"})
"""Whole words of such names, which other words begin with as well."""
_PREFIX = "eval_"


@dataclass(frozen=True)
class Target:
    """A metric, and the value from which on training need not go on."""

    metric: str
    value: float
    greater_is_better: bool

    @classmethod
    def from_text(cls, text: str) -> Target:
        """Of ``eval_loss=0.925``; ``loss=0.925`` is the same, as the Trainer names metrics.

        Which way is better follows from the metric's name, or is said: ``eval_gain>=0.5``.

        Raises:
            ValueError: it is no such text, or the name does not say which way is better; the
                message says what is expected.
        """
        parts = re.fullmatch(r"\s*([^<>=]*[^<>=\s])\s*(<=|>=|=)\s*(\S+)\s*", text)
        try:
            value = float(parts[3]) if parts else math.nan
        except ValueError:
            value = math.nan
        if parts is None or not math.isfinite(value):
            raise ValueError(f"expected METRIC=VALUE such as eval_loss=0.925, got {text!r}")
        name = parts[1] if parts[1].startswith(_PREFIX) else _PREFIX + parts[1]
        greater, is_sure = direction(name)
        if parts[2] != "=":
            greater = parts[2] == ">="
        elif not is_sure:
            raise ValueError(
                f"{name}: which way is better is not known; expected {name}>={parts[3]} or "
                f"{name}<={parts[3]}"
            )
        return cls(name, value, greater)

    def is_met(self, metrics: Mapping[str, float]) -> bool:
        """Whether an evaluation met it; one without the metric, or without a number, did not."""
        value = metrics.get(self.metric, math.nan)
        return value >= self.value if self.greater_is_better else value <= self.value


PATIENCE = "patience"
"""What training stops by in place of a target."""


def stop_target(text: str) -> Target | None:
    """The target that training stops at; None: it stops by patience.

    Raises:
        ValueError: it is neither; the message says what is expected.
    """
    if text == PATIENCE:
        return None
    try:
        return Target.from_text(text)
    except ValueError as error:
        raise ValueError(f"{error}, or {PATIENCE}") from None


def direction(name: str) -> tuple[bool, bool]:
    """Whether more of a metric is better, by its name; and whether that is known."""
    words = re.split(r"[_\-/. ]", name.lower())
    if any(word in _LESS for word in words):
        return False, True
    is_greater = any(word in _SHORT or word.startswith(_GREATER) for word in words)
    return is_greater, is_greater
