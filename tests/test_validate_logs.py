"""What our own functions say of public runs on GPUs, against what these were.

``make validate-logs``, ``make gate-history``, ``make spacing`` and ``make regret-logs``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import gate_history
import regret_logs
import spacing
import validate_logs
from evalskip.logs import read_runs
from evalskip.public import public_map
from wild.blocks import Block, BlockRun, read_blocks

if TYPE_CHECKING:
    from pathlib import Path


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


def test_most_shares_are_predicted_within_half_a_point() -> None:
    rows = validate_logs.rows_of(read_blocks(), 2)
    errors = [abs(row.said["predict"] - row.share) for row in rows]
    assert sum(error < 0.005 for error in errors) >= 0.9 * len(errors)
    held, error = validate_logs.resampled(
        rows, lambda row: row.share_low <= row.share <= row.share_high
    )
    assert held >= 0.95 - error


def test_the_gate_finds_the_two_changes_and_compares_no_other_schedule() -> None:
    findings = gate_history.judged_history(gate_history.read_history())
    found = {(alarm.run.experiment, alarm.run.date) for alarm in findings.alarms if alarm.is_known}
    assert found == gate_history.KNOWN
    (other,) = findings.other_schedules
    assert [run.schedule for run in other] == [(6, 64), (20, 50)]
    assert all(alarm.run.experiment != other[1].experiment for alarm in findings.alarms)
    # a level of 99% for the three figures of a result together
    assert sum(not alarm.is_known for alarm in findings.alarms) <= 2


def test_a_target_is_met_later_by_every_second_evaluation() -> None:
    # four blocks of 200 s and 38 s after one of 800 s and 40 s; the fifth evaluation meets it
    seconds = spacing.replayed(STEADY)
    assert seconds[1] == [800 + 40 + 4 * 238]
    # 1st, 3rd, 5th; 2nd, 4th, and one beyond the end
    assert seconds[2] == [800 + 40 + 800 + 2 * 38, 800 + 1000 + 3 * 38]
    found = {each.every: each for each in spacing.stopped_later(spacing.distinct_runs())}
    assert 0 < found[2].longer < 0.02 < found[3].longer < 0.06 < found[4].longer
    assert list(found.values()) == public_map().stopped_later


def test_the_law_chooses_by_other_organisations_alone() -> None:
    runs = spacing.distinct_runs()
    own = next(run for run in runs if len(run.blocks) > 4)
    before = spacing.chosen(own, runs)
    strangers = [run for run in runs if run.organisation != own.organisation]
    assert spacing.chosen(own, strangers) == before
    near = []
    for run in runs:
        means = {every: sum(each) / len(each) for every, each in spacing.replayed(run).items()}
        near.append(means[spacing.chosen(run, runs)] <= 1.01 * min(means.values()))
    assert sum(near) >= 0.9 * len(near)


def test_what_is_kept_is_of_runs_that_were_not_stopped(tmp_path: Path) -> None:
    losses = [2.0, 1.5, 1.2, 1.1, 1.0, 1.05, 1.3, 1.6]
    history = [{"step": 10 * n, "epoch": n, "eval_loss": loss} for n, loss in enumerate(losses, 1)]
    end = {"step": 80, "epoch": 8, "train_runtime": 100.0}
    for name, planned in (("aa-1", 80), ("bb-1", 800)):
        state = {"log_history": [*history, end], "global_step": 80, "max_steps": planned}
        (tmp_path / f"{name}-trainer_state.json").write_text(json.dumps(state))
    rows = [row for run in read_runs([tmp_path]).runs if (row := regret_logs.lost_of(run))]
    (row,) = rows
    assert row.repository == "aa"
    # every second: 1.05 or 1.1 with the last; begun later, 1.0
    assert row.parts["2"] == pytest.approx((0.0 + 0.05) / 2)
    assert row.parts[""] == pytest.approx(0.6)
    (second, *_) = regret_logs.kept_worse(rows)
    assert (second.every, second.repositories, second.none) == (2, 1, 0)
    assert regret_logs.read_kept() == public_map().kept_worse


@pytest.mark.slow
def test_the_page_is_what_the_command_makes() -> None:
    assert validate_logs.OUT.read_text() == validate_logs.page(read_blocks())


def test_the_page_of_the_gate_is_what_the_command_makes() -> None:
    assert gate_history.OUT.read_text() == gate_history.page(gate_history.read_history())
