"""The claim that skipping for long lets overfitting go unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import missed

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID = "overfitting"
SAYS = "Skipping evaluation for long lets overfitting go unnoticed."


def judged(summary: Summary) -> Claim:
    """On a job that overfits: when does each schedule notice, and what does off lose?"""
    found = missed.of(summary)
    off = missed.row(found, "off") if found else None
    if found is None or off is None:
        return missed.judged((ID, SAYS), summary, "not_run", measured="nothing")
    schedules = [each for each in found.rows if each.kind == "schedule"]
    late = [
        f"{each.says}: by {each.noticed} of {found.seeds} seeds"
        + (f", {each.delay_steps.estimate:.0f} steps later" if each.delay_steps else "")
        for each in schedules
    ]
    verdict: Verdict = "inconclusive"
    if found.dense_overfits == found.seeds:
        lost = missed.within(off.lost, found.margin)
        unnoticed = off.noticed == 0
        verdict = {"refuted": "supported", "supported": "refuted"}.get(lost, lost)  # type: ignore[assignment]
        verdict = verdict if unnoticed else "refuted"
    return missed.judged(
        (ID, SAYS),
        summary,
        verdict,
        measured=f"overfitting is noticed {'; '.join(late)}; training on to the end loses "
        f"{missed.nats(off.lost)}",
        condition=f"noticed: two evaluations in a row {found.margin:g} nats above the best"
        if found.dense_overfits == found.seeds
        else f"the job overfits on {found.dense_overfits} of {found.seeds} seeds only",
        told=schedules,
    )
