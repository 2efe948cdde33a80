"""The claim that checkpoints are saved without evaluation, only without choosing the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "checkpoints", 60
WORDS = {
    "checkpoints.says": N_(
        "Checkpoints are still saved, only without choosing the best by validation."
    ),
    "checkpoints.saved": N_(
        "{trainer}: {count} checkpoints, {resumed} and {loaded}; "
        "load_best_model_at_end: {best}; save_strategy best: {save_best}"
    ),
    "checkpoints.resumed": N_("resumed"),
    "checkpoints.not_resumed": N_("not resumed"),
    "checkpoints.loaded": N_("loaded"),
    "checkpoints.not_loaded": N_("not loaded"),
}


def judge(summary: Summary) -> Claim | None:
    """Save, go on from, load; and ask for the best."""
    saved = observed.observations_of(summary, "files_off")
    holds, measured, used = [], [], list(saved)
    for observation in saved:
        own = [r for r in observed.all_observations(summary) if r.trainer == observation.trainer]
        resume, load, best, save_best = (
            next((run for run in own if run.what == what), None)
            for what in ("resume", "load", "best_at_end", "save_best")
        )
        used += [run for run in (resume, load, best, save_best) if run]
        goes_on = bool(resume and resume.behaviour.get("steps"))
        loads = bool(load and load.behaviour.get("steps"))
        chooses = bool(best and not observed.error(best))
        holds.append(
            bool(observation.behaviour["checkpoints"]) and goes_on and loads and not chooses
        )
        measured.append(
            note(
                "checkpoints.saved",
                trainer=observation.trainer,
                count=len(observation.behaviour["checkpoints"]),
                resumed=note("checkpoints.resumed" if goes_on else "checkpoints.not_resumed"),
                loaded=note("checkpoints.loaded" if loads else "checkpoints.not_loaded"),
                best=observed.ending(best, 120),
                save_best=observed.ending(save_best, 120),
            )
        )
    return observed.judged(ID, used, holds, measured=measured)
