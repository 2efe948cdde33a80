"""Blocks from several nodes, of which one is faster than another.

What is located over all blocks, piece by piece, must not take a piece of one arm from one node and
that of another arm from another: so each node's pieces are taken in units of its own pace, which is
where its runs without evaluation lie.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from evalskip.machine.fingerprint import same_model
from evalskip.notes import note
from evalskip.spec import OFF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.pieces import Pieces
    from evalskip.machine.fingerprint import Machine
    from evalskip.notes import Note
    from evalskip.records import RunRecord


def in_own_pace(pieces: Mapping[str, Pieces], nodes: Mapping[int, str]) -> dict[str, Pieces]:
    """The pieces of every arm, in seconds of a node of median pace.

    Args:
        pieces: by arm.
        nodes: by block, the name of its node.
    """
    off = pieces.get(OFF)
    if off is None or len(set(nodes.values())) < 2:
        return dict(pieces)
    walls = off.steps.sum(axis=1) + off.remainders.sum(axis=1)
    of_node: dict[str, list[float]] = {}
    for block, wall in zip(off.blocks, walls, strict=True):
        of_node.setdefault(nodes[block], []).append(float(wall))
    paces = {node: median(own) for node, own in of_node.items()}
    usual = median(paces.values())
    return {
        arm: _scaled(own, [paces.get(nodes[block], usual) / usual for block in own.blocks])
        for arm, own in pieces.items()
    }


def of_blocks(runs: Sequence[RunRecord]) -> dict[int, str]:
    """By block, the name of its node; those that ran on the harness's own machine have none."""
    return {run.block: run.node.name if run.node else "" for run in runs}


def noted_of_nodes(runs: Sequence[RunRecord]) -> list[Note]:
    """A warning where blocks were run on unlike machines."""
    machines = {run.node.name: run.node for run in runs if run.node}
    models: list[Machine] = []
    for node in machines.values():
        if not any(same_model(node, other) for other in models):
            models.append(node)
    if len(models) < 2:
        return []
    return [note("several_models_of_machine", models=len(models))]


def _scaled(own: Pieces, paces: Sequence[float]) -> Pieces:
    factors = np.array(paces)[:, None]
    return replace(
        own,
        steps=own.steps / factors,
        evaluations=own.evaluations / factors,
        remainders=own.remainders / factors,
    )
