"""What claims about memory share: peaks, largest batches, and the arms that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from evalskip.analysis.peak_differences import FEWEST_RUNS
from evalskip.analysis.verdicts import overall
from evalskip.article.scope import scope_of
from evalskip.notes import Note, note
from evalskip.report.words import N_
from evalskip.summary import Claim
from evalskip.summary.figures import byte_change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.summary import BenchSummary, Headroom, PeakDifference, Summary, Verdict

WORDS = {
    "peak_is_higher": N_("{more} with {arms}: {verdict}"),
    "peaks_are_higher": N_("at most {more} with {arms}: {verdict}"),
    "materially_supported": N_("higher"),
    "materially_refuted": N_("not higher"),
    "materially_inconclusive": N_("inconclusive"),
    "few_runs_metered": N_("a verdict needs {runs} runs of each arm, not {fewest}"),
    "train_sets_peak": N_("train steps set the peak, not evaluation"),
    "train_needs_more": N_("train steps after an evaluation need more with {arms}"),
    "evaluation_sets_peak": N_("evaluation sets the peak with {arms}"),
    "evaluation_sets_peak_unless": N_(
        "evaluation sets the peak with {arms}, and does not with {free}: a cheaper remedy"
    ),
}


def peak_differences(
    bench: BenchSummary, what: Literal["peak", "after_evaluation"]
) -> dict[str, PeakDifference]:
    """Per arm that evaluates, its peak against that of runs without evaluation."""
    return {
        difference.arm: difference
        for difference in bench.peak_differences
        if difference.what == what
    }


def differences(by_arm: Mapping[str, PeakDifference]) -> list[Note]:
    """What came of each arm; of those of one verdict, the largest difference with its interval."""
    by_verdict: dict[Verdict, dict[str, PeakDifference]] = {}
    for arm, each in by_arm.items():
        by_verdict.setdefault(each.verdict, {})[arm] = each
    notes = []
    for verdict, own in by_verdict.items():
        largest = max(own.values(), key=lambda each: each.difference.estimate)
        notes.append(
            note(
                "peak_is_higher" if len(own) == 1 else "peaks_are_higher",
                more=byte_change(largest.difference),
                arms=list(own),
                verdict=note(f"materially_{verdict}"),
            )
        )
    return notes


def few_runs(by_arm: Mapping[str, PeakDifference]) -> list[Note]:
    """What is missing where too few runs were metered."""
    fewest = min((each.runs for each in by_arm.values()), default=FEWEST_RUNS)
    if fewest >= FEWEST_RUNS:
        return []
    return [note("few_runs_metered", runs=FEWEST_RUNS, fewest=fewest)]


def is_larger(off: Headroom, headroom: Headroom) -> bool:
    """Whether off has a larger batch than an arm, beyond what repeats differ by.

    That is a sample, unless evaluation is what a sample more fails at.
    """
    return off.max_batch - headroom.max_batch > (1 if headroom.bound_by == "train" else 0)


def bounds(holds: Mapping[str, bool], others: Sequence[Headroom]) -> list[Note]:
    """What bounds the arms for which a claim holds, and which of their like it does not bound."""
    bound = [headroom for headroom in others if holds.get(headroom.arm)]
    if not bound:
        return [note("train_sets_peak")] if holds else []
    notes = []
    if leaves := [headroom.arm for headroom in bound if headroom.bound_by == "train"]:
        notes.append(note("train_needs_more", arms=leaves))
    bound = [headroom for headroom in bound if headroom.bound_by != "train"]
    if sets := [headroom.arm for headroom in bound]:
        free = [
            headroom.arm
            for headroom in others
            if holds.get(headroom.arm) is False and headroom.settings and _alike(headroom, bound[0])
        ]
        if free:
            notes.append(note("evaluation_sets_peak_unless", arms=sets, free=free))
        else:
            notes.append(note("evaluation_sets_peak", arms=sets))
    return notes


def _alike(one: Headroom, other: Headroom) -> bool:
    """Whether two arms evaluate as many samples, as often."""
    return (one.schedule, one.evaluation_samples) == (other.schedule, other.evaluation_samples)


def judged(
    claim: str,
    summary: Summary,
    verdicts: Mapping[str, Verdict],
    *,
    measured: Sequence[Note],
    condition: Sequence[Note],
    evidence: Sequence[Note | str],
) -> Claim | None:
    """A claim by its verdicts, one per arm; None without any."""
    verdict = overall(list(verdicts.values()))
    if verdict == "not_run":
        return None
    return Claim(
        id=claim,
        statement=note(f"{claim}.says"),
        verdict=verdict,
        scope=scope_of(summary.scope),
        measured=list(measured),
        condition=list(condition),
        evidence=list(evidence),
    )


def verdicts_of(holds: Mapping[str, bool]) -> dict[str, Verdict]:
    """Of arms for which a claim certainly holds or does not."""
    return {arm: "supported" if outcome else "refuted" for arm, outcome in holds.items()}
