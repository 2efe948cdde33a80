"""What has to change in a LLaMA-Factory configuration so that arms can be compared.

Each rule names a key, what it is set to (None: taken out), when it applies, and why. Rules of
:data:`SIDE_EFFECTS` hold for every arm, those of :data:`MATCHING` for all but ``as_written``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Rule:
    """Set ``key`` to ``value`` where ``applies`` to what the user wrote."""

    key: str
    value: Any
    why: str
    applies: Callable[[Any], bool] = bool

    def changes(self, settings: Mapping[str, Any]) -> bool:
        """Whether it changes anything of these settings."""
        return self.key in settings and self.applies(settings[self.key])


def _reports(value: Any) -> bool:
    return value not in ("none", ["none"], None, [])


SIDE_EFFECTS = (
    Rule("output_dir", None, message("each run writes into a folder that is taken away after it")),
    Rule(
        "report_to",
        "none",
        message("reporters would be told of runs that are only measured"),
        _reports,
    ),
    Rule("use_swanlab", False, message("reporters would be told of runs that are only measured")),
    Rule("push_to_hub", False, message("a run that is only measured is not published")),
    Rule("resume_from_checkpoint", None, message("every run trains from the start")),
    Rule("do_predict", False, message("prediction after training is no evaluation of it")),
    Rule("plot_loss", False, message("a plot per run would be drawn and thrown away")),
)
MATCHING = (
    Rule("load_best_model_at_end", False, message("a metric would choose the weights")),
    Rule(
        "early_stopping_steps",
        None,
        message("a metric would end the training"),
        lambda v: v is not None,
    ),
    Rule(
        "save_strategy", "no", message("a metric would choose what is saved"), lambda v: v == "best"
    ),
)


def applied(settings: Mapping[str, Any], rules: Sequence[Rule]) -> dict[str, Any]:
    """The settings after these rules."""
    changed = dict(settings)
    for rule in rules:
        if rule.changes(settings):
            changed[rule.key] = rule.value
            if rule.value is None:
                del changed[rule.key]
    return changed


def explained(settings: Mapping[str, Any]) -> list[str]:
    """One line per change, for people."""
    lines = []
    for rules, taken_out, set_to in (
        (
            SIDE_EFFECTS,
            message("{key}: {own}: taken out in every arm: {told}"),
            message("{key}: {own}: set to {value} in every arm: {told}"),
        ),
        (
            MATCHING,
            message("{key}: {own}: taken out in all arms but as_written: {told}"),
            message("{key}: {own}: set to {value} in all arms but as_written: {told}"),
        ),
    ):
        for rule in rules:
            if rule.changes(settings):
                line = taken_out if rule.value is None else set_to
                own = settings[rule.key]
                lines.append(say(line, key=rule.key, own=own, value=rule.value, told=say(rule.why)))
    if settings.get("val_size"):
        lines.append(
            say(
                "val_size: {size}: kept where nothing is evaluated as well, so that all arms "
                "train on the same rows",
                size=settings["val_size"],
            )
        )
    return lines
