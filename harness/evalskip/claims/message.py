"""The claim that the code is an if/else on ``do_eval``, whose else says that it skips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "message"
SAYS = message(
    "The code is an if/else on do_eval, and a run without evaluation logs that it skips the phase."
)


def judged(observations: Sequence[Observation]) -> Claim:
    """Search the installed source, and the logs of runs that did not evaluate."""
    sources = observed.of(observations, "source")
    silent = [run for run in observed.of(observations, "switch") if not observed.evaluations(run)]
    told = {run.trainer for run in silent if run.seen.get("says_skip")}
    return observed.judged(
        (ID, SAYS),
        sources,
        [bool(found.seen["if_else"]) and found.trainer in told for found in sources],
        measured=say("; ").join(
            say(
                "{trainer}: {conditions} conditions on do_eval in {files} files, {with_else} of "
                "them with an else; {logged}",
                trainer=found.trainer,
                conditions=len(found.seen["if"]),
                files=found.seen["files"],
                with_else=len(found.seen["if_else"]),
                logged=say("a run without evaluation logged that it skips it")
                if found.trainer in told
                else say("no run without evaluation logged that it skips it"),
            )
            for found in sources
        ),
    )
