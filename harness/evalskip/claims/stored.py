"""The texts that a result holds beside its claims, in the language that is spoken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalskip.messages import retold, say

if TYPE_CHECKING:
    from evalskip.summary import Summary


def texts_retold(summary: Summary) -> Summary:
    """The result with what was said of it when it was made, claims excepted, said once more."""
    scope, effort = summary.scope, summary.effort
    return summary.model_copy(
        update={
            "scope": scope.model_copy(
                update={"job": retold(scope.job), "device": retold(scope.device)}
            ),
            "effort": effort.model_copy(update={"stopped": retold(effort.stopped)}),
            "arms": {
                name: arm.model_copy(update={"schedule": _in_parts(arm.schedule)})
                for name, arm in summary.arms.items()
            },
            "cost_models": [
                model.model_copy(update={"evaluation": _in_parts(model.evaluation)})
                for model in summary.cost_models
            ],
            "predictions": [
                found.model_copy(update={"schedule": _in_parts(found.schedule)})
                for found in summary.predictions
            ],
            "recommendations": [
                found.model_copy(
                    update={
                        "evaluation": _in_parts(found.evaluation),
                        "says": retold(found.says),
                        "lines": {
                            place: [retold(line) for line in lines]
                            for place, lines in found.lines.items()
                        },
                    }
                )
                for found in summary.recommendations
            ],
            "regret": [
                found.model_copy(
                    update={
                        "says": retold(found.says),
                        "not_proven": [_proof(text) for text in found.not_proven],
                        "rows": [
                            row.model_copy(update={"says": retold(row.says)}) for row in found.rows
                        ],
                    }
                )
                for found in summary.regret
            ],
            "changes": [retold(text) for text in summary.changes],
            "warnings": [retold(text) for text in summary.warnings],
        }
    )


def _proof(text: str) -> str:
    """Which real run, and in what it differs from the replay."""
    run, _, differs = text.partition(": ")
    return say(
        "{how}: {each}", how=retold(run), each=say("; ").join(map(retold, differs.split("; ")))
    )


def _in_parts(text: str) -> str:
    """A schedule, or rows, and the settings that may follow: ``every epoch, batch=1``."""
    settings = re.search(r"(, |^)\w+=", text)
    said = text[: settings.start()] if settings else text
    return f"{retold(said)}{text[len(said) :]}"
