"""What has to change in a LLaMA-Factory configuration so that arms can be compared.

Each rule names a key, what it is set to (None: taken out), when it applies, and why. Rules of
:data:`SIDE_EFFECTS` hold for every arm, those of :data:`MATCHING` for all but ``as_written``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalskip.notes import Note, note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Rule:
    """Set ``key`` to ``value`` where ``applies`` to what the user wrote."""

    key: str
    value: Any
    why: str
    """The code of a note."""
    applies: Callable[[Any], bool] = bool

    def changes(self, settings: Mapping[str, Any]) -> bool:
        """Whether it changes anything of these settings."""
        return self.key in settings and self.applies(settings[self.key])


def _reports(value: Any) -> bool:
    return value not in ("none", ["none"], None, [])


SIDE_EFFECTS = (
    Rule("output_dir", None, "folder_is_temporary"),
    Rule(
        "report_to",
        "none",
        "reporters_would_count",
        _reports,
    ),
    Rule("use_swanlab", False, "reporters_would_count"),
    Rule("push_to_hub", False, "not_published"),
    Rule("resume_from_checkpoint", None, "trained_from_start"),
    Rule("do_predict", False, "prediction_is_apart"),
    Rule("plot_loss", False, "plot_is_thrown_away"),
)
MATCHING = (
    Rule("load_best_model_at_end", False, "metric_chooses_weights"),
    Rule(
        "early_stopping_steps",
        None,
        "metric_ends_training",
        lambda v: v is not None,
    ),
    Rule("save_strategy", "no", "metric_chooses_saves", lambda v: v == "best"),
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


def explained(settings: Mapping[str, Any]) -> list[Note]:
    """What is changed, and why."""
    changes = []
    for rules, taken_out, set_to in (
        (
            SIDE_EFFECTS,
            "removed_everywhere",
            "set_everywhere",
        ),
        (
            MATCHING,
            "removed_but_as_written",
            "set_but_as_written",
        ),
    ):
        for rule in rules:
            if rule.changes(settings):
                details = {"key": rule.key, "own": str(settings[rule.key]), "why": note(rule.why)}
                if rule.value is None:
                    changes.append(note(taken_out, **details))
                else:
                    changes.append(note(set_to, **details, value=rule.value))
    if settings.get("val_size"):
        changes.append(note("val_size_kept", size=settings["val_size"]))
    return changes
