"""What is predicted of public runs from their first evaluations: ``make validate-logs``."""

from __future__ import annotations

import pytest

import validate_logs
from wild.blocks import Block, BlockRun, read_blocks


def run_of(*blocks: Block, organisation: str = "A") -> BlockRun:
    return BlockRun("5.0", organisation, "one", 8, 173, blocks, ())


STEADY = run_of(Block(1536, 800.0, 40.0), *[Block(384, 200.0, 38.0)] * 4)


def test_a_run_that_goes_on_as_it_began_is_predicted_as_it_was() -> None:
    row = validate_logs.row(STEADY, 2, constant=3.0)
    # three blocks of 200 s and 38 s are left
    assert row.share == pytest.approx(38 / 238)
    assert row.said["predict"] == pytest.approx(38 / 238)
    assert row.said["last block"] == pytest.approx(38 / 238)
    assert row.wall_error == pytest.approx(0, abs=1e-9)
    assert row.share_low < row.share < row.share_high
    # the first one took 40 s, and 800 s for four times as many samples
    assert row.said["first block"] == pytest.approx(40 / 240)
    # 173 evaluated of 384 trained samples
    assert row.said["load rule"] == pytest.approx((173 / 384) / (173 / 384 + 3.0))


def test_what_was_not_seen_is_not_used() -> None:
    slow = run_of(*STEADY.blocks[:2], *[Block(384, 900.0, 5.0)] * 3)
    seen, other = (validate_logs.row(run, 2, 3.0) for run in (STEADY, slow))
    assert seen.said == other.said
    assert seen.share != other.share


def test_the_constant_of_a_rival_is_of_other_organisations() -> None:
    # 200 s for 384 samples, 38 s for 173: and one of whom evaluation costs twice as much
    dear = run_of(*[Block(384, 200.0, 76.0)] * 5, organisation="B")
    assert validate_logs.constant_of([dear]) == pytest.approx(200 / 384 / (76 / 173))
    rows = validate_logs.rows_of([STEADY, dear], 1)
    constant = validate_logs.constant_of([dear])
    assert rows[0].said["load rule"] == pytest.approx((173 / 384) / (173 / 384 + constant))


def test_runs_that_were_handed_in_twice_count_once() -> None:
    runs = read_blocks()
    assert len({run.blocks for run in runs}) == len(runs) == 918
    assert all(block.train_s > 0 and block.samples > 0 for run in runs for block in run.blocks)


@pytest.mark.slow
def test_the_page_is_what_the_command_makes() -> None:
    assert validate_logs.OUT.read_text() == validate_logs.page(read_blocks())
