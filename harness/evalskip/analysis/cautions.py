"""What a summary warns of."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from evalskip.analysis.nodes import noted_of_nodes
from evalskip.notes import note
from evalskip.records import disturbed_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.notes import Note
    from evalskip.records import RunRecord
    from evalskip.summary import Comparison, Matched


def uncompared(coupled: Mapping[str, Note | None]) -> list[Note]:
    """Arms of which only T can be compared, each with the reason, or with none."""
    return [note("wall_clock_only", arm=arm, why=why) for arm, why in coupled.items() if why]


def ended_otherwise(records: Sequence[RunRecord], matched: Matched, timed: int) -> list[Note]:
    """Blocks and runs that did not go as they should.

    Args:
        records: of all runs.
        matched: what matching found.
        timed: blocks whose time was taken.
    """
    warnings = []
    if matched.blocks < timed:
        warnings.append(note("blocks_differ", part=timed - matched.blocks, whole=timed))
    endings = Counter((record.arm, record.status) for record in records if record.status != "ok")
    for (arm, status), count in sorted(endings.items()):
        ended = next(r for r in records if (r.arm, r.status) == (arm, status))
        warnings.append(
            note(
                "runs_ended_otherwise",
                arm=arm,
                count=count,
                status=status,
                error=ended.error_in_a_line,
            )
        )
    diverged = sorted({r.arm for r in records if not all(map(math.isfinite, r.weights_sketch))})
    if diverged:
        warnings.append(note("training_diverged", arms=diverged))
    blocks = disturbed_blocks(record for record in records if record.measure == "time")
    if flagged := sum(map(bool, blocks.values())):
        warnings.append(note("blocks_disturbed", part=flagged, whole=len(blocks)))
    return warnings + noted_of_nodes(records)


def miscounted(
    records: Sequence[RunRecord], expected: Mapping[str, Sequence[int] | None]
) -> list[Note]:
    """Runs that metered memory, which no digest is compared of, but evaluated at other steps."""
    return [
        note("memory_run_differs", arm=run.arm, steps=run.evaluated_after)
        for run in records
        if (run.measure, run.status) == ("memory", "ok")
        and (steps := expected.get(run.arm)) is not None
        and run.evaluated_after != list(steps)
    ]


def disagreements(comparisons: Sequence[Comparison], window: int) -> list[Note]:
    """Where the matched estimate and the whole span differ, so that no verdict can be given."""
    return [
        note(
            "whole_span_disagrees",
            arm=comparison.arm,
            span=comparison.throughput_gain.estimate + _difference(comparison),
            matched=comparison.throughput_gain.estimate,
            window=window,
        )
        for comparison in comparisons
        if comparison.disagrees
    ]


def _difference(comparison: Comparison) -> float:
    return comparison.agreement.difference.estimate if comparison.agreement else 0.0


def unseen(records: Sequence[RunRecord]) -> list[Note]:
    """What an interval over blocks cannot know of a job that was not run whole."""
    if not any(record.extrapolated for record in records):
        return []
    warnings = [note("samples_not_run")]
    if early := sorted({record.arm for record in records if record.may_stop_early}):
        warnings.append(note("early_stopping_may_end", arms=early))
    return warnings
