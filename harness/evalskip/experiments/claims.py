"""Makes the evidence for claims that no figure settles, and has them judged by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evalskip.claims.ledger import judged_by_observation
from evalskip.experiments.ranks import observe_ranks
from evalskip.experiments.truth import observe
from evalskip.machine.fingerprint import fingerprint
from evalskip.notes import note
from evalskip.summary import Effort, Scope, Summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.experiments.truth import Tell

KINDS = {"llamafactory": observe, "ranks": observe_ranks}
"""What makes which evidence."""
CLAIM_SECTIONS = {"name", "scope", "machine", "effort", "observations", "claims"}
"""The sections of the summary that ``claims`` owns."""


def make_claims(
    kinds: Sequence[str], pythons: Sequence[str], directory: Path, tell: Tell
) -> Summary:
    """Make real runs of LLaMA-Factory and of the Trainer, and judge what they were seen to do.

    Args:
        kinds: of evidence, of ``KINDS``.
        pythons: interpreters that have a LLaMA-Factory.
        directory: of the result.
        tell: called with each observation as it is made.

    Raises:
        InputError: an interpreter has no LLaMA-Factory that is known.
    """
    began = time.monotonic()
    observations = [
        observation
        for kind in kinds
        for observation in KINDS[kind](pythons, directory / "logs" / kind, tell)
    ]
    trainers = sorted({observation.trainer for observation in observations})
    summary = Summary.of_nothing(
        name=directory.name,
        scope=Scope(
            job=note("truth_table"),
            model="tiny",
            parameters=0,
            device="cpu",
            versions={name: version for name, _, version in (t.rpartition(" ") for t in trainers)},
        ),
        machine=fingerprint(),
        effort=Effort(
            blocks=0,
            runs=sum("error" in o.seen or "steps" in o.seen for o in observations),
            seconds=time.monotonic() - began,
            run_overhead_s=None,
            block_start_s=None,
            stopped=note("all_combinations_run"),
        ),
    )
    found = {"claims": judged_by_observation(observations), "observations": observations}
    summary = summary.model_copy(update=found)
    return write_sections(directory, summary, CLAIM_SECTIONS)
