"""The claim that evaluating every few epochs balances speed and monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import overall
from evalskip.claims import missed
from evalskip.claims.held import per_cent

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID = "mixed"
SAYS = "Evaluating every N epochs, every 5 say, balances speed and monitoring."


def judged(summary: Summary) -> Claim:
    """Does each N save time, and lose no more than the regret that the spec allows?"""
    found = missed.of(summary)
    if found is None:
        return missed.judged((ID, SAYS), summary, "not_run", measured="nothing")
    rows = [each for each in missed.rows(found, "every_n_epochs:") if each.evaluations]
    verdicts: dict[str, Verdict] = {
        each.says: missed.within(each.lost, found.within_regret)
        if (each.time_saved.low or 0) > 0
        else "refuted"
        for each in rows
    }
    told = [
        f"{each.says} saves {per_cent(each.time_saved)} of T and loses {missed.nats(each.lost)}"
        for each in rows
    ]
    holds = [says for says, verdict in verdicts.items() if verdict == "supported"]
    fails = [says for says, verdict in verdicts.items() if verdict == "refuted"]
    each = [f"it holds {', '.join(holds)}" * bool(holds), f"not {', '.join(fails)}" * bool(fails)]
    return missed.judged(
        (ID, SAYS),
        summary,
        overall(list(verdicts.values())),
        measured="; ".join(told),
        condition=f"{', '.join(filter(None, each)) or 'not settled'}, where "
        f"{found.within_regret:g} nats may be lost",
        told=rows,
    )
