"""The claim that checkpoints are saved without evaluation, only without choosing the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "checkpoints"
SAYS = message("Checkpoints are still saved, only without choosing the best by validation.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Save, go on from, load; and ask for the best."""
    saved = observed.of(observations, "files_off")
    holds, texts, used = [], [], list(saved)
    for found in saved:
        own = [run for run in observations if run.trainer == found.trainer]
        resume, load, best, save_best = (
            next((run for run in own if run.what == what), None)
            for what in ("resume", "load", "best_at_end", "save_best")
        )
        used += [run for run in (resume, load, best, save_best) if run]
        goes_on = bool(resume and resume.seen.get("steps"))
        loads = bool(load and load.seen.get("steps"))
        chooses = bool(best and not observed.error(best))
        holds.append(bool(found.seen["checkpoints"]) and goes_on and loads and not chooses)
        texts.append(
            say(
                "{trainer}: {count} checkpoints, {resumed} and {loaded}; "
                "load_best_model_at_end: {best}; save_strategy best: {save_best}",
                trainer=found.trainer,
                count=len(found.seen["checkpoints"]),
                resumed=say("resumed") if goes_on else say("not resumed"),
                loaded=say("loaded") if loads else say("not loaded"),
                best=_ended(best),
                save_best=_ended(save_best),
            )
        )
    return observed.judged((ID, SAYS), used, holds, measured=say("; ").join(texts))


def _ended(run: Observation | None) -> str:
    if run is None:
        return say("not run")
    return observed.error(run)[:120] or say("ran")
