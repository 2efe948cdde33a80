"""Headroom: the largest batch within a limit that is really run into."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalskip.analysis.headroom import Search
from evalskip.article.ledger import judged
from evalskip.article.words import WORDS
from evalskip.report.words import Language
from evalskip.spec.units import parse_size
from evalskip.summary import read_summary
from support import trials_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 2**20
LIMIT = 3 * 2**30


def searched(search: Search, peak_of: Callable[[int], int]) -> int:
    """How many trials it takes until a search is done."""
    trials = 0
    while batch := search.next():
        trials += 1
        assert trials < 40
        peak = peak_of(batch)
        search.note(batch, peak if peak <= LIMIT else None)
    return trials


@given(
    base=st.integers(0, 2000),
    model=st.integers(1, 800),
    sample_kib=st.integers(2000, 200_000),
    first=st.integers(1, 8),
    wobble=st.integers(0, 64),
)
@example(base=1886, model=800, sample_kib=79053, first=1, wobble=0)
def test_the_largest_batch_is_found_and_confirmed_in_five_trials(
    base: int, model: int, sample_kib: int, first: int, wobble: int
) -> None:
    def peak_of(batch: int) -> int:
        # what an allocator rounds up differs from batch to batch, by less than a sample
        rounded = (batch * 7919 % 17) * wobble * 64
        return (base + model) * MIB + batch * sample_kib * 1024 + rounded

    search = Search(first, LIMIT, base * MIB)
    trials = searched(search, peak_of)
    assert search.fails == search.fits + 1
    assert peak_of(search.fits) <= LIMIT < peak_of(search.fits + 1) or search.fits == 0
    if peak_of(first) <= LIMIT:
        assert trials <= 5


def test_a_line_that_bends_is_followed() -> None:
    search = Search(8, LIMIT)
    assert searched(search, lambda batch: 500 * MIB + batch**2 * MIB) < 10
    assert search.fits == 50


@pytest.mark.parametrize("excess", [0, 1])
def test_a_search_that_the_line_misleads_still_ends(excess: int) -> None:
    # what was read is an upper bound, near the limit from the first sample on
    search = Search(8, LIMIT)
    trials = 0
    while batch := search.next():
        trials += 1
        assert trials < 24
        search.note(batch, LIMIT - 1 + excess if batch <= 700 else None)
    assert search.fits == 700


JOB: dict[str, Any] = {
    "kind": "synthetic",
    "epochs": 2,
    "train_batch": 4,
    "evaluation_batch": 64,
    "memory": {
        "base": 500 * MIB,
        "model": 700 * MIB,
        "train_sample": 40 * MIB,
        "evaluation_sample": 20 * MIB,
    },
}


@pytest.fixture
def headroom(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> Callable[..., Any]:
    """Runs ``evalskip headroom`` on a synthetic job; gives its section by arm, and the process."""

    def make(*options: str, arms: Any, **job: Any) -> Any:
        path = write_spec(arms=arms, replace={"job": {**JOB, **job}})
        ended = evalskip("headroom", path, "--out", tmp_path / "out", *options)
        assert ended.returncode == 0, ended.stderr
        summary = read_summary(tmp_path / "out")
        return {found.arm: found for found in summary.headroom.arms}, summary, ended

    return make


def test_every_arm_has_its_largest_batch_and_what_bounds_it(headroom: Callable[..., Any]) -> None:
    otherwise = {"evaluation_batch": 8}
    arms = [
        {"schedule": "every_epoch", "evaluation_samples": [16, 64]},
        {"schedule": "every_epoch", "evaluation_samples": 64, "evaluation": otherwise},
    ]
    found, summary, ended = headroom("--memory", "2000 MiB", arms=arms)
    # (2000 - 500 - 700) / 40 samples
    assert (found["off"].max_batch, found["off"].bound_by) == (20, "train")
    assert (found["every_epoch@16"].max_batch, found["every_epoch@16"].bound_by) == (20, "train")
    # 64 samples of 20 MiB do not fit beside the model
    assert (found["every_epoch@64"].max_batch, found["every_epoch@64"].bound_by) == (0, "evaluate")
    remedied = found["every_epoch@64+evaluation_batch=8"]
    assert (remedied.max_batch, remedied.bound_by) == (20, "train")
    assert all(one.trials <= 5 for one in found.values())
    assert found["off"].peak_bytes == 2000 * MIB
    assert remedied.evaluation_bytes == (500 + 700 + 160) * MIB
    verdicts = {claim.id: claim.verdict for claim in judged(summary)}
    assert verdicts == {"batch": "conditional", "completion": "conditional"}
    claim = next(claim for claim in judged(summary) if claim.id == "completion")
    assert "does not with every_epoch@64+evaluation_batch=8: a cheaper remedy" in Language(
        "en", WORDS
    ).clauses(claim.condition)
    assert "Headroom: the largest batch" in ended.stdout


def test_where_train_steps_set_the_peak_the_claims_are_refuted(
    headroom: Callable[..., Any],
) -> None:
    arms = [{"schedule": "every_epoch", "evaluation_samples": 8}]
    _, summary, _ = headroom("--memory", "2000MiB", arms=arms)
    assert {claim.id: claim.verdict for claim in judged(summary)} == {
        "batch": "refuted",
        "completion": "refuted",
    }


def test_it_adds_to_what_bench_has_found(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    path = write_spec(
        replace={"job": JOB}, measure=["time", "headroom"], limits={"memory": "2000MiB"}
    )
    ended = evalskip("bench", path, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(tmp_path / "out")
    assert summary.headroom.arms[0].max_batch == 20
    assert [claim.id for claim in judged(summary)] == ["speed", "batch", "completion"]
    assert "Speed-up from skipping evaluation" in ended.stdout
    assert "Headroom: the largest batch" in ended.stdout
    assert {trial["batch"] for trial in trials_of(tmp_path / "out")} >= {20, 21}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--memory", "1000MiB"], "is less than the model itself needs"),
        (["--memory", "much"], "limits.memory: expected a size such as 3GiB"),
        (["--memory", "0"], "limits.memory: expected a size such as 3GiB"),
    ],
)
def test_a_limit_that_makes_no_sense_is_told_in_one_line(
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
    options: list[str],
    error: str,
) -> None:
    path = write_spec(replace={"job": JOB})
    ended = evalskip("headroom", path, "--out", tmp_path / "out", *options)
    assert ended.returncode == 2
    assert error in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_trial_that_hangs_is_ended(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    job = {
        "kind": "transformers",
        "model": {"config": "tiny-llama"},
        "data": {"train_samples": 16, "length": 64},
        "epochs": 1,
    }
    path = write_spec(replace={"job": job}, limits={"memory": "3GiB", "run_time": "0.05s"})
    ended = evalskip("headroom", path, "--out", tmp_path / "out")
    assert ended.returncode == 4
    (line,) = ended.stderr.splitlines()
    assert "a trial of off at 8 samples timed_out: ended after its limit of 0.05 s" in line
    children = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True)
    assert not children.stdout


def test_settings_that_the_job_does_not_have_are_refused(
    write_spec: Callable[..., Path], evalskip: Callable[..., Any]
) -> None:
    arm = {"schedule": "every_epoch", "evaluation_samples": 8, "evaluation": {"train_batch": 1}}
    ended = evalskip("bench", write_spec(arms=[arm]))
    assert ended.returncode == 2
    assert "arms.0.evaluation.train_batch: unknown setting" in ended.stderr


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("80GB", 80 * 10**9),
        ("80G", 80 * 10**9),
        ("80 GiB", 80 * 2**30),
        ("3GiB", 3 * 2**30),
        ("512 MiB", 512 * MIB),
    ],
)
def test_sizes_as_people_write_them(written: str | int, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.slow
@pytest.mark.nightly
def test_a_real_training_runs_into_a_real_limit(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    job = {
        "kind": "transformers",
        "model": {"config": "tiny-llama"},
        "data": {"train_samples": 16, "length": 256},
        "epochs": 1,
        "train_batch": 8,
        "evaluation_batch": 8,
        "metrics": True,
    }
    otherwise = {"preprocess_logits": True}
    arms = [
        {"schedule": "every_epoch", "evaluation_samples": 64},
        {"schedule": "every_epoch", "evaluation_samples": 64, "evaluation": otherwise},
    ]
    limits = {"memory": "120MiB", "beyond_process": True}
    path = write_spec(
        arms=arms, measure=["memory", "headroom"], replace={"job": job}, limits=limits
    )
    ended = evalskip("bench", path, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(tmp_path / "out")
    found = {one.arm: one for one in summary.headroom.arms}
    # the logits of 64 samples, 256 tokens, 2048 entries and 4 bytes are 128 MiB
    assert (found["every_epoch@64"].max_batch, found["every_epoch@64"].bound_by) == (0, "evaluate")
    off, remedied = found["off"], found["every_epoch@64+preprocess_logits=true"]
    assert off.max_batch > off.own_batch
    assert off.bound_by == "train"
    assert off.max_batch - 1 <= remedied.max_batch <= off.max_batch
    assert off.trials <= 5
    assert remedied.trials <= 5
    assert off.peak_bytes <= off.limit_bytes
    assert off.tokens_per_s.keys() == {str(off.own_batch), str(off.max_batch)}
    assert off.throughput_gain.low < off.throughput_gain.estimate
    verdicts = {claim.id: claim.verdict for claim in judged(summary)}
    assert verdicts["memory"] == "conditional"
    assert verdicts["batch"] in ("conditional", "supported")
    assert verdicts["completion"] == "conditional"
    arm = summary.bench.arms["every_epoch@64"]
    assert arm.peak_bytes["evaluate"]["resident"] > arm.peak_bytes["train"]["resident"]
    assert set(arm.train_peaks) <= {"before_evaluation", "after_evaluation"}


@pytest.mark.parametrize(
    ("largest", "bound_by", "verdict"),
    [
        (20, "train", "refuted"),
        (21, "train", "refuted"),
        # a sample is what repeats differ by
        (19, "train", "refuted"),
        (18, "train", "supported"),
        (19, "evaluate", "supported"),
        (0, "evaluate", "supported"),
    ],
)
def test_a_sample_of_difference_is_no_growth(
    largest: int, bound_by: Any, verdict: str, headroom: Callable[..., Any]
) -> None:
    arms = [{"schedule": "every_epoch", "evaluation_samples": 8}]
    _, summary, _ = headroom("--memory", "2000MiB", arms=arms)
    changed = [
        found
        if found.arm.startswith("off")
        else found.model_copy(update={"max_batch": largest, "bound_by": bound_by})
        for found in summary.headroom.arms
    ]
    summary.headroom.arms = changed
    assert judged(summary)[0].verdict == verdict
