"""What public logs say of the claimed range: beside our verdict, never in place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article.claims import mixed, speed
from evalskip.article.claims.speed import RANGE
from evalskip.notes import note
from evalskip.public import public_map
from evalskip.report.words import N_
from evalskip.summary import PublicGain

if TYPE_CHECKING:
    from evalskip.notes import Note

WORDS = {
    "mlperf_lora": N_("MLPerf, Llama-2-70B LoRA"),
    "mlperf": N_("MLPerf, all benchmarks"),
    "peft": N_("PEFT's method comparison, generating"),
    "algoperf": N_("AlgoPerf, evaluation off its clock"),
    "community": N_("community repositories"),
    "system": N_("systems"),
    "experiment": N_("experiments"),
    "workload": N_("workloads"),
    "repository": N_("repositories"),
    "public.stopped_later": N_(
        "where training stops at a target it needs evaluation: making one in {every} of its "
        "evaluations it takes {longer:.1f%} longer, and {later:.0f%} of {runs} LoRA runs of MLPerf "
        "stop later (replayed; at the least)"
    ),
    "public.kept_worse": N_(
        "of a fixed number of steps: one in {every} evaluations would have kept a model worse "
        "by {lost:.1f%} of what training gained (median of {repositories} repositories; {none} of "
        "them lose nothing)"
    ),
}
_SPARSE = 5
"""Evaluations of which one is made, as the article proposes."""


def public_gains() -> list[PublicGain]:
    """How often the gain lies in the claimed range in public logs, in both of its readings."""
    low, high = RANGE
    least, most = low / (1 + low), high / (1 + high)
    return [
        PublicGain(
            kind=note(group.id),
            unit=note(group.unit),
            runs=group.runs,
            units=len(group.shares),
            low=group.quantile(0.25),
            median=group.quantile(0.5),
            high=group.quantile(0.75),
            by_gain=group.counted(least, most, by_run=False),
            by_time_saved=group.counted(low, high, by_run=False),
            runs_by_gain=group.counted(least, most, by_run=True),
            sources=group.sources,
        )
        for group in public_map().groups
    ]


def public_beside() -> dict[str, list[Note]]:
    """What replays of public runs say of single claims, of both questions that they mix.

    Training for a fixed number of steps can be sped up by skipping evaluation, at the price of the
    checkpoint; training that stops at a target cannot.
    """
    stops = [
        note("public.stopped_later", **each.model_dump()) for each in public_map().stopped_later
    ]
    kept = [
        note("public.kept_worse", **each.model_dump())
        for each in public_map().kept_worse
        if each.every == _SPARSE
    ]
    return {speed.ID: stops[:1], mixed.ID: kept + stops[-1:]}
