"""What public logs say of the claimed range: beside our verdict, never in place of it."""

from __future__ import annotations

from evalskip.article.claims.speed import RANGE
from evalskip.notes import note
from evalskip.public import public_map
from evalskip.report.words import N_
from evalskip.summary import PublicGain

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
}


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
