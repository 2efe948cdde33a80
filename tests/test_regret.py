"""What sparser evaluation would have missed: replays, past logs, and a job that overfits."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import chain, combinations
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    EarlyStoppingCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from evalskip.analysis.curves import LossCurve, overfits, ranks_alike, replay
from evalskip.analysis.intervals import crossed_interval, mean_interval
from evalskip.analysis.policies import (
    CheckpointPolicy,
    remedied,
    schedule_policies,
    settled,
    substitutes,
)
from evalskip.analysis.regret import ReplayCosts, of_others, recommended, regrets_of
from evalskip.article.ledger import judged as judged_claims
from evalskip.article.regret_evidence import within
from evalskip.article.words import WORDS
from evalskip.experiments.curves import curve_from
from evalskip.jobs.transformers.curve import holdout_of
from evalskip.notes import Note, note
from evalskip.probe.measured import Measured, parsed
from evalskip.records import Steps
from evalskip.report.html import write_page
from evalskip.report.words import ENGLISH, Language
from evalskip.summary import Effort, Made, RegretSummary, Scope, Summary, read_summary
from support import ROOT
from test_training import TINY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

losses = st.lists(st.floats(0.1, 10), min_size=1, max_size=30)


def curve_of(loss: Sequence[float], seed: int = 0, **known: Any) -> LossCurve:
    """A curve with a point after every tenth step."""
    points = len(loss)
    return LossCurve(
        seed=seed,
        steps=tuple(10 * (place + 1) for place in range(points)),
        loss=np.array(loss),
        all_steps=10 * points,
        **known,
    )


class Stopper:
    """``EarlyStoppingCallback`` of transformers, driven as the Trainer drives it."""

    def __init__(self, patience: int) -> None:
        self.callback = EarlyStoppingCallback(early_stopping_patience=patience)
        self.arguments = TrainingArguments(
            output_dir="unused",
            metric_for_best_model="eval_loss",
            greater_is_better=False,
            load_best_model_at_end=True,
            eval_strategy="epoch",
            save_strategy="epoch",
            report_to="none",
            use_cpu=True,
        )
        self.state = TrainerState()
        self.kept: int | None = None

    def evaluated(self, place: int, loss: float) -> bool:
        """Whether training stops."""
        control = TrainerControl()
        metrics = {"eval_loss": loss}
        self.callback.on_evaluate(self.arguments, self.state, control, metrics)
        # Trainer._determine_best_metric, which comes after
        if self.state.best_metric is None or loss < self.state.best_metric:
            self.state.best_metric, self.kept = loss, place
        return control.should_training_stop


@given(losses, st.integers(1, 5), st.integers(1, 4))
def test_a_replay_ends_where_the_trainer_would(
    loss: list[float], patience: int, every: int
) -> None:
    curve = curve_of(loss)
    places = list(range(every - 1, len(loss), every))
    real = Stopper(patience)
    stopped = next((p for p in places if real.evaluated(p, loss[p])), None)
    found = replay(curve, places, patience=patience)
    assert found.stopped_at == stopped
    assert found.kept_at == (curve.last if real.kept is None else real.kept)


@given(losses)
def test_a_replay_without_looks_keeps_the_last(loss: list[float]) -> None:
    found = replay(curve_of(loss), [])
    assert found.kept_at == len(loss) - 1
    assert (found.stopped_at, found.noticed_at, found.evaluations) == (None, None, 0)


def _every(n: int) -> Note:
    return note("every_n_epochs", count=n)


def test_overfitting_is_noticed_at_the_first_of_two_in_a_sample() -> None:
    curve = curve_of([3.0, 2.0, 2.04, 2.01, 2.06, 2.10, 2.2])
    dense = range(7)
    assert replay(curve, dense, margin=0.02).noticed_at == 4
    assert replay(curve, dense, margin=0.05).noticed_at == 4
    assert replay(curve, dense, margin=0.15).noticed_at is None
    # seen at every second point, it shows later
    assert replay(curve, [1, 3, 5], margin=0.005).noticed_at == 3
    assert replay(curve, [1, 4], margin=0.05).noticed_at is None


def test_what_costs_less_and_sees_the_same_loses_nothing() -> None:
    curves = [overfitting(seed) for seed in range(6)]
    for curve in curves:  # batches differ a little from point to point
        assert curve.samples is not None
        curve.samples[:] += np.random.default_rng(9).normal(0, 0.01, curve.samples.shape)
        curve.loss[:] = curve.samples.mean(axis=1)
    (dense,) = schedule_policies({"every": (_every(1), list(range(10, 301, 10)))})
    policies = [dense, remedied(dense, note("batch_of", batch=8), 0.25), settled(dense, 2)]
    regrets = {
        each.name: each
        for each in regrets_of(policies, curves, [COSTS] * 6, margin=0.02, patience=3, **LEVELS)
    }
    cheap = regrets["remedies"]
    # 30 evaluations take 30 s of 60
    assert cheap.saved == pytest.approx(1 - 37.5 / 60)
    assert cheap.lost.estimate == 0
    ended = regrets["settled:0.05"]
    # of the 20 points after the best most are settled soon
    assert 0.1 < ended.saved < 0.5
    assert ended.lost.estimate == pytest.approx(0, abs=1e-3)


def overfitting(seed: int) -> LossCurve:
    """Falls to its best after a third, then rises; the test samples do the same, with noise."""
    source = np.random.default_rng(seed)
    places = np.arange(30)
    loss = 2 + 0.002 * (places - 9.0) ** 2
    samples = loss[:, None] + source.normal(0, 0.3, (1, 100))
    return curve_of(
        loss.tolist(),
        seed,
        test=loss[:, None] + source.normal(0, 0.004, (30, 16)),
        samples=samples,
        holdout=loss[:, None] + source.normal(0, 0.02, (30, 8)),
        train=np.linspace(3, 0.1, 30),
    )


COSTS = ReplayCosts(step_s=0.1, loader_s=0.2, batch_s=0.08, batch=10, evaluation_samples=100)
LEVELS = {"level": 0.95, "level_of_verdict": 0.99, "limit": 0.02}


def test_samples_say_what_each_way_to_look_would_have_made_of_it() -> None:
    curves = [overfitting(seed) for seed in range(6)]
    costs = [COSTS] * 6
    every = {n: list(range(10 * n, 301, 10 * n)) for n in (1, 2, 5)}
    schedules = {
        **{f"every_n_epochs:{n}": (_every(n), steps) for n, steps in every.items()},
        "final_only": (note("final_only"), [300]),
        "off": (note("off"), []),
    }
    policies = schedule_policies(schedules)
    policies += substitutes(policies[0], 80, 8)
    regrets = {
        each.name: each
        for each in regrets_of(policies, curves, costs, margin=0.02, patience=3, **LEVELS)
    }
    dense, off = regrets["every_n_epochs:1"], regrets["off"]
    assert dense.regret is not None
    assert dense.regret.estimate == 0
    assert dense.saved == 0
    assert dense.delay_steps is not None
    assert dense.delay_steps.estimate == 0
    assert dense.noticed == 6
    assert dense.kept_step == 100
    # 300 steps take 30 s, 30 evaluations take 30 s
    assert off.saved == pytest.approx(0.5)
    assert off.noticed == 0
    assert off.kept_step == 300
    assert off.regret_chosen.estimate == pytest.approx(0.8)
    sparse = regrets["every_n_epochs:5"]
    assert sparse.saved == pytest.approx(1 - 36 / 60)
    assert sparse.kept_step == 100
    assert regrets["every_n_epochs:2"].saved == pytest.approx(1 - 45 / 60)
    held = regrets["holdout:8"]
    assert held.correlation is not None
    assert held.correlation.estimate > 0.8
    assert held.saved == pytest.approx(1 - (30 + 30 * (0.2 + 0.08)) / 60)
    trained = regrets["train_loss"]
    assert trained.correlation is not None
    assert trained.correlation.estimate < 0
    assert trained.regret is not None
    assert off.regret is not None
    assert trained.regret.estimate == pytest.approx(off.regret.estimate)
    # each sample has a level of its own, so a subset that is drawn anew ranks worse than the whole
    drawn, subset = regrets["subset:0.1"], regrets["fixed:0.1"]
    assert drawn.correlation is not None
    assert drawn.correlation.estimate < 1
    assert subset.correlation is not None
    assert subset.correlation.estimate == pytest.approx(1)
    assert subset.saved == pytest.approx(1 - (30 + 30 * (0.2 + 0.08)) / 60)
    assert off.worth_choosing
    assert sparse.worth_choosing
    assert not regrets["final_only"].worth_choosing
    chosen = recommended(list(regrets.values()), within_share=0.2, within_regret=0.05)
    assert chosen is not None
    assert chosen.name not in ("off", "final_only", "train_loss")
    assert chosen.share is not None
    assert chosen.share <= 0.2
    assert chosen.judged.high is not None
    assert chosen.judged.high <= 0.05
    assert recommended(list(regrets.values()), 0.0, 0.05) is None


def test_regret_is_also_told_of_where_a_schedule_may_begin() -> None:
    curves = [overfitting(seed) for seed in range(6)]
    # the best is after step 100, where every fifth falls: begun elsewhere it would miss it
    shifts = {"every:5": [list(range(10 * begin, 301, 50)) for begin in range(1, 6)]}
    schedules = {f"every:{n}": (_every(n), list(range(10 * n, 301, 10 * n))) for n in (1, 5)}
    policies = schedule_policies(schedules, shifts)
    (_, sample) = regrets_of(policies, curves, None, margin=0.02, patience=3, **LEVELS)
    assert sample.regret is not None
    assert sample.regret.estimate == 0
    assert sample.regret_shifted is not None
    # begun after 10, 20, ..., 50 it keeps 110, 120, 80, 90, 100: 1, 2, 2, 1, 0 points off the best
    assert sample.regret_shifted.estimate == pytest.approx(0.002 * (1 + 4 + 4 + 1) / 5, abs=0.001)
    assert sample.judged.estimate == sample.regret_shifted.estimate
    assert sample.judged.level == 0.99
    assert (sample.time_saved, sample.share, sample.worth_choosing) == (None, None, False)


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        ([3.0, 2.0, 2.05, 2.05], True),
        # what was high once and fell again is no overfitting
        ([3.0, 2.0, 2.05, 2.05, 1.5, 1.0], False),
        ([3.0, 2.0, 2.05], False),
        ([3.0, 2.0, 2.05, 2.0, 2.05], False),
        ([3.0, 2.0, 1.0], False),
    ],
)
def test_a_curve_that_overfits(loss: list[float], found: bool) -> None:
    assert overfits(np.array(loss), 0.02) is found


def judged(curves: list[LossCurve], **changes: Any) -> dict[str, Any]:
    """The claims' verdicts on a job with these curves."""
    last = curves[0].steps[-1]
    schedules = {
        f"every_n_epochs:{n}": (
            _every(n),
            list(range(10 * n, last + 1, 10 * n)),
        )
        for n in (1, 2, 5, 10)
    } | {"final_only": (note("final_only"), [last]), "off": (note("off"), [])}
    shifts = {
        f"every_n_epochs:{n}": [
            sorted({*range(10 * begin, last + 1, 10 * n), last}) for begin in range(1, n + 1)
        ]
        for n in (2, 5, 10)
    }
    policies = schedule_policies(schedules, shifts)
    policies += substitutes(policies[0], 80, 8)
    found = RegretSummary(
        seeds=6,
        points=30,
        steps=last,
        level=0.95,
        level_of_verdict=0.99,
        margin=0.02,
        patience=3,
        dense_overfits=sum(overfits(curve.loss, 0.02) for curve in curves),
        best_step=100,
        last_rise=mean_interval([0.8], 0.95),
        proven=5,
        not_proven=[],
        policies=regrets_of(
            policies,
            curves,
            [COSTS] * 6,
            margin=0.02,
            patience=3,
            **LEVELS,
        ),
        within_share=0.05,
        within_regret=0.02,
        recommended=None,
        advice=note("none_within", share=5.0, regret=0.02),
        effort=Effort(runs=0, seconds=0, stopped=note("running")),
    )
    summary = Summary(
        name="job",
        made=Made(at="", evalskip=""),
        scope=Scope(job="a job", model="tiny", parameters=1, device="cpu"),
        regret=found.model_copy(update=changes),
    )
    return {claim.id: claim for claim in judged_claims(summary)}


clauses = Language("en", WORDS).clauses


def test_claims_on_a_job_that_overfits() -> None:
    claims = judged([overfitting(seed) for seed in range(6)])
    verdicts = {name: claim.verdict for name, claim in claims.items()}
    assert verdicts["overfitting"] == "supported"
    assert verdicts["final_eval"] == "refuted"
    assert verdicts["train_loss"] == "refuted"
    assert verdicts["debug_use"] == "supported"
    # every 2 and every 5 lose 0.001 and 0.004 nats, every 10 about 0.017 with what begins when
    assert "it holds: every 2 epochs, every 5 epochs" in clauses(claims["mixed"].condition)
    assert all("not yet measured on a GPU" in clauses(claim.scope) for claim in claims.values())


def test_claims_on_a_job_that_does_not_overfit_are_not_settled() -> None:
    curves = [
        curve_of(
            np.linspace(3, 2, 30).tolist(),
            seed,
            test=np.tile(np.linspace(3, 2, 30)[:, None], 16),
            samples=np.tile(np.linspace(3, 2, 30)[:, None], 100),
            holdout=np.tile(np.linspace(3, 2, 30)[:, None], 8),
            train=np.linspace(3, 1.9, 30),
        )
        for seed in range(6)
    ]
    claims = judged(curves)
    assert {claim.verdict for claim in claims.values()} == {"inconclusive"}
    assert "overfits on 0 of 6 seeds" in clauses(claims["final_eval"].condition)


def test_claims_do_not_rest_on_a_replay_that_a_real_run_contradicts() -> None:
    curves = [overfitting(seed) for seed in range(6)]
    differs = note(
        "replay_differs",
        run=note("real_run", seed=0, epochs=1),
        differences=[note("kept_another", replayed=10, real=20)],
    )
    claims = judged(curves, not_proven=[differs])
    assert {claim.verdict for claim in claims.values()} == {"inconclusive"}
    assert "replay 10, real 20" in clauses(claims["mixed"].condition)


def test_ranks_of_what_does_not_vary() -> None:
    assert ranks_alike(np.ones(5), np.arange(5.0)) == 0
    assert ranks_alike(np.arange(5.0), np.arange(5.0)) == pytest.approx(1)


# --- samples, and seeds that collapse


def schedules_of(**others: Sequence[int]) -> list[Any]:
    """Every epoch of ten steps, as the job is written, every fifth, others, and off."""
    named = {"every_epoch": range(10, 301, 10), "every_5": range(50, 301, 50), **others, "off": ()}
    return schedule_policies({name: (note(name), list(steps)) for name, steps in named.items()})


def test_an_interval_over_seeds_holds_the_sampling_of_the_samples_that_they_share() -> None:
    source = np.random.default_rng(1)
    covered = {"crossed": 0, "seeds alone": 0}
    for _ in range(400):
        # what is shared, the samples, differs more than the seeds do
        lost = 1 + source.normal(0, 0.1, (10, 1)) + source.normal(0, 2, (1, 60))
        lost = lost + source.exponential(0.5, (10, 60)) - 0.5
        both = {
            "crossed": crossed_interval(lost, 0.95),
            "seeds alone": mean_interval(lost.mean(axis=1), 0.95),
        }
        for name, interval in both.items():
            covered[name] += interval.low <= 1 <= interval.high
    assert covered["crossed"] >= 370
    assert covered["seeds alone"] < 200


def test_seeds_that_hold_back_the_same_samples_are_one() -> None:
    curves = [overfitting(seed) for seed in range(12)]
    curves = [replace(curve, holdout_set=curve.seed % 4) for curve in curves]
    policies = schedules_of()
    policies += substitutes(policies[0], 80, 8)
    regrets = {
        each.name: each
        for each in regrets_of(policies, curves, None, margin=0, patience=3, **LEVELS)
    }
    assert regrets["every_5"].units == 12
    assert regrets["holdout:8"].units == 4
    assert regrets["train_loss"].units == 12


def reference() -> list[LossCurve]:
    """The curves of ``bench/overfit.yaml``, nine steps an epoch, with other samples each."""
    path = ROOT / "results" / "reference" / "overfit-cpu" / "curves.jsonl"
    curves = []
    for line in path.read_text().splitlines():
        found = json.loads(line)
        if found["request"]["every"] is None:
            own = parsed(Measured, found["measured"])
            steps = Steps(
                timeline=own.timeline, losses=[], batch_digests=[], curve=own.curve, activity=[]
            )
            curves.append(curve_from(steps, found["seed"], found["request"]["holdout_set"], 9))
    return curves


def test_verdicts_do_not_depend_on_which_of_the_held_back_samples_are_chosen() -> None:
    curves = reference()
    assert sorted(curve.holdout_set for curve in curves) == list(range(10))
    usual = schedule_policies({"every_epoch": (note("every_epoch"), list(range(9, 271, 9)))})[0]
    verdicts = Counter()
    for chosen in combinations(range(8), 4):

        def signal(curve: LossCurve, chosen: tuple[int, ...] = chosen) -> Any:
            return curve.holdout[:, list(chosen)].mean(axis=1)

        policies = note("samples_held_back", count=4, part=5.0)
        four = CheckpointPolicy(
            "holdout:4",
            "substitute",
            policies,
            usual.places,
            signal,
            unit=attrgetter("holdout_set"),
        )
        sample = regrets_of([usual, four], curves, None, margin=0.02, patience=3, **LEVELS)[1]
        verdicts[within(sample, 0.02)] += 1
    assert verdicts.total() == 70
    assert min(verdicts["supported"], verdicts["refuted"]) <= 0.05 * 70, verdicts


def test_every_training_sample_may_be_held_back() -> None:
    sets = [holdout_of(80, 8, number) for number in range(10)]
    assert sorted(chain.from_iterable(sets)) == list(range(80))
    # drawn from all of them, not one after another
    assert all(max(own) - min(own) > 20 for own in sets)


@pytest.mark.parametrize("seeds", [6, 10])
def test_a_collapse_in_ten_is_covered_or_said(seeds: int) -> None:
    source = np.random.default_rng(2)
    said = held = 0
    for _ in range(200):
        curves = []
        for seed, collapses in enumerate(source.random(seeds) < 0.1):
            loss = np.linspace(3, 2, 30) + source.normal(0, 0.002, 30)
            if collapses:
                loss[20:] += np.linspace(0.5, 1, 10)
            test = loss[:, None] + source.normal(0, 0.01, (30, 32))
            curves.append(curve_of(loss.tolist(), seed, test=test))
        sample = regrets_of(schedules_of(), curves, None, margin=0.02, patience=3, **LEVELS)[-1]
        # a collapse ends with 3, where the best, the 20th point, has 3 - 19 / 29
        held += sample.judged.low <= 0.1 * 19 / 29 <= sample.judged.high
        said += not sample.beyond and sample.beyond_at_most > 0.1
    assert said + held >= 190
    assert said > 0


def test_how_often_others_may_lose_more_is_part_of_the_advice() -> None:
    curves = [overfitting(seed) for seed in range(10)]
    policies = schedules_of()
    regrets = regrets_of(policies, curves, [COSTS] * 10, margin=0.02, patience=3, **LEVELS)
    chosen = recommended(regrets, within_share=0.2, within_regret=0.05)
    assert chosen is not None
    assert chosen.name == "every_5"
    assert ENGLISH.note(of_others(chosen)) == "none of 10 lost more, but up to 26% of runs could"
    assert (
        ENGLISH.note(of_others(regrets[-1])) == "10 of 10 lost more, and up to 100% of runs could"
    )


def test_what_is_saved_is_of_the_job_as_written_whatever_else_is_tried() -> None:
    dense = [overfitting(seed) for seed in range(6)]
    few = schedules_of()
    few += substitutes(few[0], 80, 8)
    usual = regrets_of(few, dense, [COSTS] * 6, margin=0.02, patience=3, **LEVELS)
    # the same runs, evaluated half way between as well
    denser = []
    for curve in dense:
        names = ("loss", "test", "samples", "holdout", "train")
        between = {name: np.repeat(getattr(curve, name), 2, axis=0) for name in names}
        between["loss"][::2] -= 0.1  # better than what the job as written sees
        denser.append(replace(curve, steps=tuple(range(5, 301, 5)), **between))
    many = schedules_of(every_5_steps=range(5, 301, 5))
    many += substitutes(many[0], 80, 8)
    found = {
        sample.name: sample
        for sample in regrets_of(many, denser, [COSTS] * 6, margin=0.02, patience=3, **LEVELS)
    }
    for sample in usual:
        assert found[sample.name].time_saved == sample.time_saved
        assert found[sample.name].judged == sample.judged
        assert found[sample.name].correlation == sample.correlation
    assert found["every_5_steps"].saved == pytest.approx(-0.5)


# --- past runs


def state(path: Path, evaluations: Sequence[tuple[int, Any]], **known: Any) -> Path:
    history: list[dict[str, Any]] = []
    for step, loss in evaluations:
        history.append({"step": step, "loss": 1.0})
        history.append({"step": step, "eval_loss": loss, "eval_runtime": 2.0})
    history.append({"step": 300, "train_runtime": 100.0})
    written = {"global_step": 300, "max_steps": 300, "log_history": history, **known}
    path.write_text(json.dumps(written))
    return path


RISING = [(10 * place, 2 + 0.01 * abs(place - 8)) for place in range(1, 31)]


def test_a_past_run_is_replayed(tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    log = state(tmp_path / "trainer_state.json", RISING)
    ended = evalskip("regret", log, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    found = read_summary(tmp_path / "out").regret
    regrets = {each.name: each for each in found.policies}
    assert found.points == 30
    assert regrets["every:1"].kept_step == 80
    assert regrets["every:1"].share == pytest.approx(0.6)
    assert regrets["every:5"].kept_step == 100
    assert regrets["every:5"].regret is None
    assert regrets["every:5"].regret_chosen.estimate == pytest.approx(0.02)
    assert regrets["every:5"].regret_chosen.low is None
    assert regrets["off"].regret_chosen.estimate == pytest.approx(0.22)
    assert "every 5 evaluations" in ended.stdout
    assert write_page(tmp_path / "page", [read_summary(tmp_path / "out")], ENGLISH).exists()


def test_a_log_of_llamafactory(tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    log = tmp_path / "trainer_log.jsonl"
    lines = [
        json.dumps({"current_steps": step, "total_steps": 300, "eval_loss": loss})
        for step, loss in RISING
    ]
    log.write_text("\n".join([*lines, '{"current_steps": 31, "ev']))
    ended = evalskip("regret", log)
    assert ended.returncode == 0, ended.stderr
    told = " ".join(ended.stdout.split())
    assert "warning: 1 line is no log entry and is left out" in told
    assert "the log does not say what training took" in told
    assert "for 0.0%" not in told
    assert "a log of 300 steps, evaluated 30 times" in told
    assert "hat evaluations took is not known, so nothing is recommended" in told
    # one that ends in the middle of the run
    log.write_text("\n".join(lines[:10]) + "\n\n")
    told = " ".join(evalskip("regret", log).stdout.split())
    assert "the log goes to step 100 of 300" in told


@pytest.mark.parametrize(
    ("evaluations", "known", "said"),
    [
        ([*RISING, (300, 2.5)], {}, "1 step was evaluated twice"),
        ([*RISING[:-1], (300, float("nan"))], {}, "eval_loss is not a number at 1 evaluation"),
        ([(10 * p, 2.0 + p) for p in range(1, 81)], {}, "it was resumed, and its evaluation share"),
        (RISING[:-3], {}, "the last evaluation is after step 270 of 300"),
        (RISING, {"global_step": 300, "max_steps": 900}, "stopped early: 300 of 900 planned steps"),
    ],
)
def test_what_is_odd_about_a_log_is_named(
    evaluations: Any, known: Any, said: str, tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("regret", state(tmp_path / "trainer_state.json", evaluations, **known))
    assert ended.returncode == 0, ended.stderr
    assert said in " ".join(ended.stdout.split())


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("{}", (), "no evaluation, no loss and no train_runtime"),
        ('{"log_history": [', (), "not JSON"),
        ('{"log_history": []}', (), "no evaluation with eval_loss"),
        ('{"log_history": [{"step": 1, "eval_f1": 1}]}', (), "what it holds: eval_f1"),
        (None, ("--metric", "eval_f1"), "no evaluation with eval_f1"),
        ('{"log_history": [{"step": 1, "eval_loss": 1}]}', (), "1 evaluations say nothing"),
        ('{"log_history": [{"eval_loss": 1, "train_runtime": null}]}', (), "0 evaluations say"),
        (None, ("--resume",), "--resume: expected none"),
        (None, ("--set", "job.epochs=3"), "expected regret.KEY=value"),
        (None, ("--set", "regret.margin=.inf"), "regret.margin"),
    ],
)
def test_a_log_that_says_nothing_is_refused(
    text: str | None,
    options: tuple[str, ...],
    said: str,
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    log = tmp_path / "trainer_state.json"
    if text is None:
        state(log, RISING)
    else:
        log.write_text(text)
    ended = evalskip("regret", log, *options)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert said in ended.stderr


# --- jobs


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"arms": [{"schedule": "every_epoch", "evaluation_samples": [4, 8]}]},
            "expected one number",
        ),
        (
            {
                "arms": [
                    {
                        "schedule": "every_epoch",
                        "evaluation_samples": 8,
                        "evaluation": {"evaluation_batch": 2},
                    }
                ]
            },
            "arms.0.evaluation: expected none",
        ),
        ({"regret": {"seeds": 3}}, "regret.seeds"),
        ({"regret": {"holdout": 0.7}}, "regret.holdout"),
        ({"job": {**TINY, "metrics": True}}, "job.metrics: expected none"),
        ({"regret": {"test_samples": 10**6}}, "samples"),
        ({"job": {"kind": "synthetic", "epochs": 4}}, "curves are kept of transformers jobs"),
    ],
)
def test_bad_input_is_one_line(
    changes: dict[str, Any],
    said: str,
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    document = {
        "job": TINY,
        "arms": [{"schedule": "every_epoch", "evaluation_samples": 8}],
        **changes,
    }
    spec = write_spec(replace=document)
    ended = evalskip("regret", spec, "--out", tmp_path / "out")
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1
    assert said in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.nightly
def test_a_job_that_overfits(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    job = {
        **TINY,
        "epochs": 12,
        "data": {"train_samples": 20, "length": 32},
        "learning_rate": 5e-3,
    }
    arms = [{"schedule": "every_n_epochs", "n": 3, "evaluation_samples": 24}]
    spec = write_spec(
        replace={"job": job, "arms": arms, "regret": {"test_samples": 24, "margin": 0.01}}
    )
    ended = evalskip("regret", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(tmp_path / "out")
    found = summary.regret
    # real runs with early stopping, and the best kept, end where the replay says: weights included
    assert found.not_proven == []
    assert found.proven >= 4
    assert found.seeds == 6
    assert found.points == 12
    assert found.dense_overfits == 6
    names = {each.name for each in found.policies}
    assert {"every_epoch", "every_n_epochs:3", "off", "holdout:2", "train_loss"} <= names
    off = next(each for each in found.policies if each.name == "off")
    assert off.regret is not None
    assert off.regret.low is not None
    assert off.regret.low > 0
    verdicts = {claim.id: claim.verdict for claim in judged_claims(summary)}
    assert verdicts["overfitting"] == "supported"
    assert set(verdicts) == {
        "mixed",
        "overfitting",
        "final_eval",
        "holdout",
        "train_loss",
        "debug_use",
    }
    assert "not_run" not in verdicts.values()
    page = write_page(tmp_path / "out", [summary], ENGLISH).read_text()
    assert "The frontier" in page
