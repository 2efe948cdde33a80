"""The claim that the code is an if/else on ``do_eval``, whose else says that it skips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "message", 40
WORDS = {
    "message.says": N_(
        "The code is an if/else on do_eval, and a run without evaluation logs that it skips the "
        "phase."
    ),
    "message.source": N_(
        "{trainer}: {conditions} conditions on do_eval in {files} files, {with_else} of them with "
        "an else; {logged}"
    ),
    "message.logged": N_("a run without evaluation logged that it skips it"),
    "message.not_logged": N_("no run without evaluation logged that it skips it"),
}


def judge(summary: Summary) -> Claim | None:
    """Search the installed source, and the logs of runs that did not evaluate."""
    sources = observed.observations_of(summary, "source")
    switches = observed.observations_of(summary, "switch")
    silent = [run for run in switches if not observed.evaluations(run)]
    logging = {run.trainer for run in silent if run.behaviour.get("says_skip")}
    return observed.judged(
        ID,
        sources,
        [bool(source.behaviour["if_else"]) and source.trainer in logging for source in sources],
        measured=[
            note(
                "message.source",
                trainer=source.trainer,
                conditions=len(source.behaviour["if"]),
                files=source.behaviour["files"],
                with_else=len(source.behaviour["if_else"]),
                logged=note(
                    "message.logged" if source.trainer in logging else "message.not_logged"
                ),
            )
            for source in sources
        ],
    )
