"""What a summary warns of."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from evalskip.analysis.nodes import said_of_nodes
from evalskip.messages import say
from evalskip.records import disturbed_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.records import RunRecord
    from evalskip.summary import Comparison, Matched


def uncompared(coupled: Mapping[str, str | None]) -> list[str]:
    """Arms of which only T can be compared, each with the reason, or with none."""
    return [
        say("{arm}: only its T is compared, since {told}", arm=arm, told=why)
        for arm, why in coupled.items()
        if why
    ]


def ended_otherwise(records: Sequence[RunRecord], found: Matched, timed: int) -> list[str]:
    """Blocks and runs that did not go as they should.

    Args:
        records: of all runs.
        found: what matching found.
        timed: blocks whose time was taken.
    """
    warnings = []
    if found.blocks < timed:
        warnings.append(
            say(
                "{part} of {whole} blocks do not match and enter no estimate",
                part=timed - found.blocks,
                whole=timed,
            )
        )
    endings = Counter((record.arm, record.status) for record in records if record.status != "ok")
    for (arm, status), count in sorted(endings.items()):
        ended = next(r for r in records if (r.arm, r.status) == (arm, status))
        warnings.append(
            say(
                "{arm}: {count} of its runs ended {status}: {error}",
                arm=arm,
                count=count,
                status=status,
                error=ended.error_in_a_line,
            )
        )
    diverged = sorted({r.arm for r in records if not all(map(math.isfinite, r.weights_sketch))})
    if diverged:
        warnings.append(
            say("training diverged: weights that are not numbers: {arms}", arms=", ".join(diverged))
        )
    blocks = disturbed_blocks(record for record in records if record.measure == "time")
    if flagged := sum(map(bool, blocks.values())):
        warnings.append(
            say(
                "{part} of {whole} timed blocks are disturbed: others kept the machine busy",
                part=flagged,
                whole=len(blocks),
            )
        )
    return warnings + said_of_nodes(records)


def miscounted(
    records: Sequence[RunRecord], expected: Mapping[str, Sequence[int] | None]
) -> list[str]:
    """Runs that metered memory, which no digest is compared of, but evaluated at other steps."""
    return [
        say(
            "{arm}: its memory run evaluated after steps {steps}",
            arm=run.arm,
            steps=run.evaluated_after,
        )
        for run in records
        if (run.measure, run.status) == ("memory", "ok")
        and (steps := expected.get(run.arm)) is not None
        and run.evaluated_after != list(steps)
    ]


def disagreements(comparisons: Sequence[Comparison], window: int) -> list[str]:
    """Where the matched estimate and the whole span differ, so that no verdict can be given."""
    return [
        say(
            "{arm}: no verdict: over the whole span the gain is {span}, and matched {matched}: "
            "evaluation slows steps beyond the window of {window}, or noise came with it; the "
            "figure is that of the whole span",
            arm=found.arm,
            span=f"{100 * (found.throughput_gain.estimate + _difference(found)):.1f} %",
            matched=f"{100 * found.throughput_gain.estimate:.1f} %",
            window=window,
        )
        for found in comparisons
        if found.disagrees
    ]


def _difference(found: Comparison) -> float:
    return found.agreement.difference.estimate if found.agreement else 0.0


def unseen(records: Sequence[RunRecord]) -> list[str]:
    """What an interval over blocks cannot know of a job that was not run whole."""
    if not any(record.extrapolated for record in records):
        return []
    warnings = [
        say(
            "extrapolated: intervals do not hold what rows that were not run would add, should "
            "they be longer or shorter; --full runs the job whole"
        )
    ]
    if early := sorted({record.arm for record in records if record.may_stop_early}):
        warnings.append(
            say(
                "extrapolated: early stopping may end {arms} before the last step; told as if it "
                "did not",
                arms=", ".join(early),
            )
        )
    return warnings
