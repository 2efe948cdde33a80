"""Makes the evidence for claims that no figure settles, and has them judged by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evalskip.analysis.identity import made_now
from evalskip.article.ledger import STUDY, judged
from evalskip.article.ranks import observe_ranks, planned_ranks
from evalskip.article.truth import observe, planned
from evalskip.machine.fingerprint import fingerprint
from evalskip.notes import note
from evalskip.summary import ClaimsSummary, Effort, Scope, Summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.article.truth import Report

KINDS = {"llamafactory": (observe, planned), "ranks": (observe_ranks, planned_ranks)}
"""What makes which evidence, and how many observations that takes."""


def make_claims(
    kinds: Sequence[str], pythons: Sequence[str], directory: Path, report: Report
) -> Summary:
    """Make real runs of LLaMA-Factory and of the Trainer, and judge what they were seen to do.

    Args:
        kinds: of evidence, of ``KINDS``.
        pythons: interpreters that have a LLaMA-Factory.
        directory: of the result.
        report: called with each observation as it is made.

    Raises:
        InputError: an interpreter has no LLaMA-Factory that is known.
    """
    began = time.monotonic()
    observations = [
        observation
        for kind in kinds
        for observation in KINDS[kind][0](pythons, directory / "logs" / kind, report)
    ]
    trainers = sorted({observation.trainer for observation in observations})
    versions = {name: version for name, _, version in (t.rpartition(" ") for t in trainers)}
    section = ClaimsSummary(
        claims=[],
        study=STUDY,
        observations=observations,
        effort=Effort(
            runs=sum("error" in o.behaviour or "steps" in o.behaviour for o in observations),
            seconds=time.monotonic() - began,
            stopped=note("all_combinations_run"),
        ),
    )
    summary = Summary(
        name=directory.name,
        made=made_now(fingerprint(), versions),
        scope=Scope(job=note("truth_table"), model="tiny", parameters=0, device="cpu"),
        claims=section,
    )
    section.claims = judged(summary)
    return write_sections(directory, summary)
