"""The contract of a run's report: every runner keeps it, and what does not is a failed run."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.jobs import CurveRequest, RunId, RunRequest, TrialRequest
from evalskip.launch import launcher_for
from evalskip.launch.base import Outcome, reported
from evalskip.plan import plan
from evalskip.probe.measured import (
    Evaluation,
    EvaluationSet,
    Measured,
    ReportError,
    Timeline,
    TriedBatch,
    as_report,
    parsed,
)
from evalskip.schedules import EveryEpoch, FinalOnly
from evalskip.slices import Pilot, Slice
from evalskip.spec import load_spec
from test_command import LOOP
from test_training import TINY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

counts = st.integers(0, 10**12)
shapes = st.tuples(counts, counts)
sets = st.builds(EvaluationSet, st.text(max_size=3), *[counts] * 6)
evaluations = st.builds(
    Evaluation,
    after_step=counts,
    after_training=st.booleans(),
    batches_ns=st.lists(counts, max_size=3),
    shapes=st.lists(shapes, max_size=3),
    sets=st.lists(sets, max_size=2),
)
timelines = st.builds(
    Timeline,
    wall_ns=counts,
    steps_ns=st.lists(counts, max_size=3),
    step_shapes=st.lists(st.tuples(counts, counts, counts), max_size=3),
    evaluations=st.lists(evaluations, max_size=2),
    saves_ns=st.lists(shapes, max_size=2),
    waits_ns=st.dictionaries(st.sampled_from(["train", "log"]), counts),
)
reports = st.builds(
    Measured,
    timeline=timelines,
    phases_ns=st.dictionaries(st.text(max_size=3), counts, max_size=2),
    train_tokens=counts,
    losses=st.lists(st.floats(allow_nan=False), max_size=3),
    batch_digests=st.lists(st.text(max_size=3), max_size=3),
)


@given(reports)
def test_a_report_survives_its_journey(report: Measured) -> None:
    assert parsed(Measured, json.loads(json.dumps(as_report(report)))) == report


def places_of(report: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where fields lie in a report."""
    if isinstance(report, list):
        return [each for n, own in enumerate(report) for each in places_of(own, (*place, n))]
    if not isinstance(report, dict):
        return []
    own = [(*place, name) for name in report]
    return own + [each for name in report for each in places_of(report[name], (*place, name))]


REPORT = as_report(
    Measured(
        timeline=Timeline(
            wall_ns=5,
            steps_ns=[1, 2],
            evaluations=[Evaluation(1, sets=[EvaluationSet("a", 1, 2, 3, 4, 5, 6)])],
        ),
        phases_ns={},
        train_tokens=7,
        losses=[0.5],
        batch_digests=["d"],
    )
)


@pytest.mark.parametrize("place", places_of(REPORT), ids=lambda place: ".".join(map(str, place)))
def test_a_misspelt_field_is_named(place: tuple[Any, ...]) -> None:
    report = json.loads(json.dumps(REPORT))
    *before, name = place
    inside = report
    for step in before:
        inside = inside[step]
    inside[f"{name}x"] = inside.pop(name)
    with pytest.raises(ReportError, match=rf"{name}x: unknown"):
        parsed(Measured, report)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda report: report.pop("train_tokens"), "train_tokens: missing"),
        (
            lambda report: report["timeline"]["evaluations"][0].pop("after_step"),
            r"\[0\].after_step",
        ),
        (lambda report: report.update(train_tokens="7"), "train_tokens: expected int, got 7"),
        (lambda report: report.update(train_tokens=7.5), "train_tokens: expected int, got 7.5"),
        (lambda report: report.update(train_tokens=True), "train_tokens: expected int, got True"),
        (lambda report: report.update(losses=[None]), r"losses\[0\]: expected float, got None"),
        (lambda report: report["timeline"].update(steps_ns=3), "timeline.steps_ns: expected list"),
        (
            lambda report: report["timeline"].update(saves_ns=[[1]]),
            r"saves_ns\[0\]: expected tuple",
        ),
        (lambda report: report.update(timeline=[]), "timeline: expected fields"),
    ],
)
def test_what_is_missing_or_mistyped_is_a_failed_run(change: Any, said: str) -> None:
    report = json.loads(json.dumps(REPORT))
    change(report)
    with pytest.raises(ReportError, match=said):
        parsed(Measured, report)
    outcome = reported(Outcome(status="ok"), [report], request())
    assert outcome.status == "failed"
    assert outcome.measured is None
    assert outcome.error is not None
    assert outcome.error.startswith("its report: ")


def request(**changes: Any) -> RunRequest:
    known = {
        "arm": "every_epoch",
        "schedule": EveryEpoch(),
        "evaluation_samples": 8,
        "measure": "time",
        "id": RunId(purpose="observation", block=0),
        "seed": 0,
    }
    return RunRequest(**{**known, **changes})


SLICE = Slice(steps=12, evaluation_batches=2)
PILOT = Slice(
    steps=10, evaluation_batches=2, pilot=Pilot(survey_s=0.1, evaluations=12, repeats_s=60)
)
TRIAL = TrialRequest(batch=2, evaluates=True, limit_bytes=8 * 2**30)
CURVE = CurveRequest(steps=[2, 4], test_samples=8, holdout_samples=2)
STOPS = CurveRequest(test_samples=0, holdout_samples=2, every=2, patience=2)
SYNTHETIC = {"kind": "synthetic", "epochs": 20}
REAL = {**SYNTHETIC, "clock": "real", "costs": {"step": 0.001}}
LONG = {**TINY, "epochs": 40}


@pytest.mark.parametrize(
    ("job", "asked"),
    [
        (SYNTHETIC, {}),
        (SYNTHETIC, {"sliced": SLICE}),
        (SYNTHETIC, {"sliced": PILOT}),
        (SYNTHETIC, {"trial": TRIAL}),
        (REAL, {}),
        (TINY, {}),
        (TINY, {"measure": "memory"}),
        (TINY, {"schedule": FinalOnly()}),
        (LONG, {"sliced": SLICE}),
        (LONG, {"sliced": PILOT}),
        (TINY, {"trial": TRIAL}),
        (TINY, {"curve": CURVE}),
        (TINY, {"curve": STOPS}),
    ],
)
def test_every_runner_keeps_the_contract(
    job: dict[str, Any],
    asked: dict[str, Any],
    write_spec: Callable[..., Path],
    tmp_path: Path,
) -> None:
    arms = [{"schedule": "every_epoch", "evaluation_samples": 8}]
    spec = load_spec(write_spec(replace={"job": job, "arms": arms}))
    usual = next(each for each in plan(spec)[0].runs if each.evaluation_samples)
    wanted = usual.model_copy(update=asked)
    with closing(launcher_for(spec.job, wanted.measure, [8], tmp_path, 120)) as launcher:
        outcome = launcher.run(wanted, 120)
    assert outcome.error is None
    assert outcome.status == "ok"
    if "trial" in asked:
        assert isinstance(outcome.tried, TriedBatch)
        return
    measured = outcome.measured
    assert measured is not None
    assert sum(measured.timeline.phases_ns().values()) == measured.timeline.wall_ns
    assert measured.phases_ns == measured.timeline.phases_ns()
    assert measured.train_tokens > 0
    assert (measured.full_run is not None) == ("sliced" in asked)
    assert (measured.curve is not None) == ("curve" in asked)
    if asked.get("sliced") is PILOT:
        assert measured.full_run is not None
        assert measured.full_run.job is not None
        assert measured.full_run.job.train_shapes
        assert len(measured.timeline.evaluations) >= 12


def test_a_command_keeps_it_as_well(command_spec: Callable[..., Path], tmp_path: Path) -> None:
    spec = load_spec(command_spec(LOOP))
    (wanted, *_) = plan(spec)[0].runs
    with closing(launcher_for(spec.job, "time", [], tmp_path, 60)) as launcher:
        outcome = launcher.run(wanted, 60)
    assert outcome.error is None
    assert outcome.measured is not None
    assert outcome.measured.train_tokens > 0


def test_a_runner_that_misspells_a_field_fails_its_runs(
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evalskip.jobs.synthetic import run

    original = run.SyntheticRunner.run

    def misspelt(self: Any, request: dict[str, Any]) -> dict[str, Any]:
        report = original(self, request)
        return {**report, "train_token": report.pop("train_tokens")}

    monkeypatch.setattr(run.SyntheticRunner, "run", misspelt)
    ended = evalskip("bench", write_spec(), "--out", tmp_path / "out")
    assert ended.returncode == 4
    assert "its report: train_token: unknown" in ended.stderr
    assert ended.stderr.count("\n") == 1
