"""What has to change in a LLaMA-Factory configuration so that arms can be compared.

Each rule names a key, what it is set to (None: taken out), when it applies, and why. Rules of
:data:`SIDE_EFFECTS` hold for every arm, those of :data:`MATCHING` for all but ``as_written``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    Rule("output_dir", None, "each run writes into a folder that is taken away after it"),
    Rule("report_to", "none", "reporters would be told of runs that are only measured", _reports),
    Rule("use_swanlab", False, "reporters would be told of runs that are only measured"),
    Rule("push_to_hub", False, "a run that is only measured is not published"),
    Rule("resume_from_checkpoint", None, "every run trains from the start"),
    Rule("do_predict", False, "prediction after training is no evaluation of it"),
    Rule("plot_loss", False, "a plot per run would be drawn and thrown away"),
)
MATCHING = (
    Rule("load_best_model_at_end", False, "a metric would choose the weights"),
    Rule("early_stopping_steps", None, "a metric would end the training", lambda v: v is not None),
    Rule("save_strategy", "no", "a metric would choose what is saved", lambda v: v == "best"),
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
    for rules, where in ((SIDE_EFFECTS, "in every arm"), (MATCHING, "in all arms but as_written")):
        for rule in rules:
            if rule.changes(settings):
                to = "taken out" if rule.value is None else f"set to {rule.value}"
                lines.append(f"{rule.key}: {settings[rule.key]}: {to} {where}: {rule.why}")
    if settings.get("val_size"):
        lines.append(
            f"val_size: {settings['val_size']}: kept where nothing is evaluated as well, so that "
            "all arms train on the same rows"
        )
    return lines
