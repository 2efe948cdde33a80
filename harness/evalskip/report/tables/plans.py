"""Plans for a card that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.memory.peaks import CATEGORIES, CONTEXT_BYTES, FRAGMENTS, TOLERANCE
from evalskip.report import digits
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.memory.peaks import BatchShape, Plan


def tuning(plan: Plan) -> str:
    """How a plan trains, in a few words."""
    setting = plan.setting
    how = "full" if setting.finetuning == "full" else f"lora, rank {setting.lora_rank}"
    return f"{how}{', gradient checkpointing' if setting.gradient_checkpointing else ''}"


def plans(all_plans: Sequence[Plan], device_bytes: int, work: BatchShape) -> Table:
    """The largest batches on a card that is not there."""
    rows = []
    for plan in all_plans:
        bound = "evaluate" if plan.largest_train_batch and not plan.fits_evaluation else "train"
        rows.append(
            (
                tuning(plan),
                _largest(plan.largest_train_batch),
                _largest(plan.largest_evaluated_batch),
                bound,
                _largest(plan.largest_evaluation_batch),
            )
        )
    return Table(
        title=f"Largest batch on a card of {digits.bytes_of(device_bytes)}",
        note=f"Samples of {work.length:,} tokens. Evaluated: {work.evaluation_batch} samples of "
        f"{work.evaluation_length:,} tokens at once, the loss alone being kept. Of the card, "
        f"{digits.bytes_of(CONTEXT_BYTES)} are left to CUDA's context, and "
        f"{100 * FRAGMENTS:g}% of each peak to fragments of its allocator, as seen on an H100. "
        f"Predicted peaks were within {100 * TOLERANCE:.0f}% of those measured on a CPU "
        "(tests/test_memory.py), and within 1.1% on an H100 (headroom-full-h100).",
        columns=(
            "in bfloat16",
            "train batch without evaluation",
            "train batch with evaluation",
            "limited by",
            "largest evaluation batch",
        ),
        rows=rows,
    )


def _largest(batch: int) -> str:
    return str(batch) if batch else "not one fits"


def plan_peaks(all_plans: Sequence[Plan], work: BatchShape) -> Table:
    """What the peaks are made of."""
    rows = [
        (
            tuning(plan),
            phase,
            digits.gibibytes(peak.total),
            *(digits.gibibytes(peak.parts.get(part, 0)) for part in CATEGORIES),
        )
        for plan in all_plans
        for phase, peak in (("train", plan.train), ("evaluate", plan.evaluation))
    ]
    return Table(
        title="Peaks by category, GiB",
        note=f"At the moment of the peak. Train: one sample; evaluate: {work.evaluation_batch} "
        "samples, beside weights and the optimizer's state.",
        columns=("in bfloat16", "phase", "peak", *CATEGORIES),
        rows=rows,
    )
