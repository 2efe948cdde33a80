"""What claims about memory share: peaks, the arms that they are of, and how they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from evalskip.analysis.peak_differences import FEWEST_RUNS
from evalskip.analysis.verdicts import overall
from evalskip.messages import listed, message, say
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.summary import Headroom, Interval, PeakDifference, Scope, Summary, Verdict

NO_GPU = message("not yet measured on a GPU")
"""What the scope of every verdict says until it is."""


def peak_differences(
    summary: Summary, what: Literal["peak", "after_evaluation"]
) -> dict[str, PeakDifference]:
    """Per arm that evaluates, its peak against that of runs without evaluation."""
    return {found.arm: found for found in summary.peak_differences if found.what == what}


def told_differences(found: Mapping[str, PeakDifference]) -> str:
    """What came of each arm; of those of one verdict, the largest difference with its interval."""
    by_verdict: dict[Verdict, dict[str, PeakDifference]] = {}
    for arm, each in found.items():
        by_verdict.setdefault(each.verdict, {})[arm] = each
    texts = []
    for verdict, own in by_verdict.items():
        largest = max(own.values(), key=lambda each: each.difference.estimate)
        known = {
            "more": _with_interval(largest.difference),
            "arms": listed(own),
            "verdict": say(_MATERIALLY[verdict]),
        }
        if len(own) == 1:
            texts.append(say("{more} with {arms}: {verdict}", **known))
        else:
            texts.append(say("at most {more} with {arms}: {verdict}", **known))
    return say("; ").join(texts)


def few_runs(found: Mapping[str, PeakDifference]) -> str:
    """What is missing where too few runs were metered; empty where none is."""
    fewest = min((each.runs for each in found.values()), default=FEWEST_RUNS)
    if fewest >= FEWEST_RUNS:
        return ""
    return say(
        "a verdict needs {runs} runs of each arm, {fewest} were metered",
        runs=FEWEST_RUNS,
        fewest=fewest,
    )


_MATERIALLY: dict[Verdict, str] = {
    "supported": message("material"),
    "refuted": message("no material difference"),
    "inconclusive": message("inconclusive"),
}


def _with_interval(value: Interval) -> str:
    """Bytes as MiB with their interval."""
    sizes = [value.estimate, value.low, value.high]
    estimate, low, high = (None if size is None else f"{round(size / 2**20):+,}" for size in sizes)
    return f"{estimate} MiB" if low is None else f"{estimate} MiB [{low}, {high}]"


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
    verdicts: Mapping[str, Verdict],
    *,
    measured: str,
    condition: str = "",
    evidence: Sequence[str] = (),
) -> Claim:
    """A claim by its verdicts, one per arm; without any, it was not run."""
    return Claim(
        id=claim[0],
        says=say(claim[1]),
        verdict=overall(list(verdicts.values())),
        scope=where_run(summary.scope),
        measured=measured,
        condition=condition,
        evidence=list(evidence),
    )


def verdicts_of(holds: Mapping[str, bool]) -> dict[str, Verdict]:
    """Of arms for which a claim certainly holds or does not."""
    return {arm: "supported" if held else "refuted" for arm, held in holds.items()}
