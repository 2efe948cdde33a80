"""The verdicts on claims, and what real runs were seen to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip import digits
from evalskip.messages import message, say
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalskip.summary import Claim, Observation, Summary


def verdicts(claims: Iterable[Claim]) -> Table:
    """Each claim, and on what its verdict rests."""
    return Table(
        title=say("The claims"),
        note=say(
            "What an article claims of skipping evaluation, in our words, and what was measured "
            "of it. Supported: the whole interval lies in the claimed range; refuted: wholly "
            "outside; conditional: it depends, and the boundary is given."
        ),
        columns=(say("claim"), say("it says"), say("verdict"), say("measured"), say("condition")),
        rows=[
            (
                claim.id,
                claim.says,
                say(claim.verdict),
                claim.measured,
                claim.condition or digits.NOTHING,
            )
            for claim in claims
        ],
    )


def evidence(claims: Iterable[Claim]) -> Table:
    """What each verdict holds for, and where in ``summary.json`` it comes from."""
    return Table(
        title=say("Evidence"),
        note=say("The sections of summary.json that each verdict rests on, and what it holds for."),
        columns=(say("claim"), say("scope"), say("evidence")),
        rows=[
            (claim.id, claim.scope, say("; ").join(claim.evidence) or digits.NOTHING)
            for claim in claims
        ],
    )


def shown(summary: Summary) -> list[Claim]:
    """Those that have a verdict; of a ledger, all."""
    return [claim for claim in summary.claims if claim.verdict != "not_run" or summary.sources]


def truth(summary: Summary) -> Table:
    """How often each trainer evaluated under each combination of the two switches."""
    seen = [found for found in summary.observations if found.what == "switch"]
    trainers = list(dict.fromkeys(found.trainer for found in seen))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for found in seen:
        asked = tuple(
            say("not set") if key not in found.asked else str(found.asked[key]).lower()
            for key in ("do_eval", "eval_strategy")
        )
        cells.setdefault((asked[0], asked[1]), {})[found.trainer] = _evaluated(found)
    return Table(
        title=say("Which switch works"),
        note=say(
            "Evaluations in the loop + after training, of runs of two epochs of 4 steps; "
            "eval_steps is 5."
        ),
        columns=("do_eval", "eval_strategy", *trainers),
        rows=[
            (*asked, *(by_trainer.get(trainer, digits.NOTHING) for trainer in trainers))
            for asked, by_trainer in cells.items()
        ],
    )


def disagreements(summary: Summary) -> Table:
    """What became of trainings on two ranks, alike and not alike, with the check and without."""
    rows = []
    for found in summary.observations:
        if found.what == "ranks":
            asked = {k: v for k, v in found.asked.items() if k not in ("rank 1", "check")}
            rows.append(
                (
                    found.trainer,
                    _settings(asked),
                    _settings(found.asked.get("rank 1", {})) or say("the same"),
                    say("yes") if found.asked["check"] else say("no"),
                    say(_ENDED[found.seen["status"]]),
                    digits.seconds(found.seen["seconds"]),
                )
            )
    return Table(
        title=say("Ranks that do not evaluate alike"),
        note=say(
            "Trainings on two ranks; seconds from start to end. Checked: by RanksAgree, "
            "before the first step. Timed out: it took at least four times as long as alike."
        ),
        columns=(
            say("trainer"),
            say("both ranks"),
            say("rank 1 otherwise"),
            say("checked"),
            say("ended"),
            "s",
        ),
        rows=rows,
    )


_ENDED = {
    "ok": message("ok"),
    "out_of_memory": message("out of memory"),
    "failed": message("failed"),
    "timed_out": message("timed out"),
}


def _settings(asked: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in asked.items())


def _evaluated(found: Observation) -> str:
    if "evaluations_inside" not in found.seen:
        return say("refused")
    return f"{found.seen['evaluations_inside']} + {found.seen['evaluations_after']}"
