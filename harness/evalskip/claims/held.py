"""What claims about memory share: peaks, the arms that they are of, and how they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import overall
from evalskip.messages import listed, message, say
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.summary import Headroom, Scope, Summary

NO_GPU = message("not yet measured on a GPU")
"""What the scope of every verdict says until it is."""

# of a peak: less than this is never told from nothing
_SHARE = 0.01
_QUANTITIES = ("allocated", "resident")


def quantity_of(peaks: Mapping[str, int]) -> str | None:
    """What is compared: allocated on a device, the resident set on a CPU."""
    return next((quantity for quantity in _QUANTITIES if quantity in peaks), None)


def peaks_of(summary: Summary) -> dict[str, int]:
    """Per arm, the highest peak of any phase, in bytes."""
    found = {}
    for name, arm in summary.arms.items():
        peaks = [
            phase[quantity]
            for phase in arm.peak_bytes.values()
            if (quantity := quantity_of(phase)) is not None
        ]
        if peaks:
            found[name] = max(peaks)
    return found


def tolerance(summary: Summary) -> int:
    """By how much peaks of the same work differ: off against off again, and at least 1 %."""
    peaks = peaks_of(summary)
    off = peaks.get(OFF, 0)
    return max(round(_SHARE * off), abs(off - peaks.get(OFF_AGAIN, off)))


def evaluates(summary: Summary, arm: str) -> bool:
    """Whether runs of the arm were seen to evaluate."""
    return arm not in (OFF, OFF_AGAIN) and summary.arms[arm].evaluations > 0


def headroom_of(summary: Summary) -> tuple[Headroom | None, list[Headroom]]:
    """That of off, and those of the arms that evaluate."""
    off = next((found for found in summary.headroom if found.arm == OFF), None)
    return off, [found for found in summary.headroom if found.arm not in (OFF, OFF_AGAIN)]


def is_larger(off: Headroom, found: Headroom) -> bool:
    """Whether off has a larger batch than an arm, beyond what repeats differ by.

    That is a row, unless evaluation is what a row more fails at.
    """
    return off.max_batch - found.max_batch > (1 if found.bound_by == "train" else 0)


def where(holds: Mapping[str, bool], others: Sequence[Headroom]) -> str:
    """What bounds the arms for which a claim holds, and which of their like it does not bound."""
    bound = [found for found in others if holds.get(found.arm)]
    if not bound:
        return say("train steps set the peak, not evaluation") if holds else ""
    texts = []
    if leaves := [found.arm for found in bound if found.bound_by == "train"]:
        texts.append(
            say(
                "train steps after an evaluation need more with {arms}",
                arms=listed(leaves),
            )
        )
    if sets := [found.arm for found in bound if found.bound_by != "train"]:
        free = [
            found.arm
            for found in others
            if holds.get(found.arm) is False and found.arm.startswith(f"{sets[0]}+")
        ]
        arms = listed(sets)
        if free:
            text = say(
                "evaluation sets the peak with {arms}, and does not with {free}: a cheaper remedy",
                arms=arms,
                free=listed(free),
            )
        else:
            text = say("evaluation sets the peak with {arms}", arms=arms)
        texts.append(text)
    return say("; ").join(texts)


def on_what(scope: Scope) -> str:
    """The job, its model and the device."""
    return say("{job}, {model}, on {device}", job=scope.job, model=scope.model, device=scope.device)


def where_run(scope: Scope, *beside: str) -> str:
    """What a claim's verdict holds for, in words.

    Args:
        scope: of what was measured.
        *beside: what else belongs to it.
    """
    where = say("; ").join([on_what(scope), *beside])
    if scope.device in ("cpu", "none"):
        where = say("{where} ({so_far})", where=where, so_far=say(NO_GPU))
    return where


def judged(
    claim: tuple[str, str],
    summary: Summary,
    holds: Mapping[str, bool],
    *,
    measured: str,
    condition: str = "",
    evidence: Sequence[str] = (),
) -> Claim:
    """A claim by the arms for which it holds; without any, it was not run."""
    return Claim(
        id=claim[0],
        says=say(claim[1]),
        verdict=overall(["supported" if held else "refuted" for held in holds.values()]),
        scope=where_run(summary.scope),
        measured=measured,
        condition=condition,
        evidence=list(evidence),
    )
