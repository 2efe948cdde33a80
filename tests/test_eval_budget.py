"""A share of the time in place of a number of steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from datasets import Dataset
from transformers import EarlyStoppingCallback

from evalskip.callbacks import EvalBudget, eval_budget
from evalskip.jobs.llamafactory.settings import PYTHON
from evalskip.jobs.llamafactory.tiny import make_tiny, tiny_settings
from evalskip.probe.slicing import foreseen
from evalskip.spacing import SpacingLaw
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from transformers import Trainer


class Clock:
    """Time that passes only while something is trained or evaluated."""

    def __init__(self, trainer: Trainer, steps: Iterable[float], batch_s: float) -> None:
        self.now = self.trained = self.evaluated = 0.0
        self._steps = iter(steps)
        self._train, self._predict = trainer.training_step, trainer.prediction_step
        self._batch_s = batch_s
        trainer.training_step = self._training_step
        trainer.prediction_step = self._prediction_step

    def _training_step(self, *args: Any, **kwargs: Any) -> Any:
        step = next(self._steps)
        self.now += step
        self.trained += step
        return self._train(*args, **kwargs)

    def _prediction_step(self, *args: Any, **kwargs: Any) -> Any:
        self.now += self._batch_s
        self.evaluated += self._batch_s
        return self._predict(*args, **kwargs)

    @property
    def share(self) -> float:
        return self.evaluated / (self.trained + self.evaluated)


@pytest.fixture
def timed(
    make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Trainer, Clock]]:
    def made(
        *callbacks: Any,
        steps: int = 400,
        costs: Any = None,
        evaluation_s: float,
        samples: int = 4,
        sets: int = 1,
        **arguments: Any,
    ) -> tuple[Trainer, Clock]:
        evaluation: Any = Dataset.from_dict(
            {"input_ids": [[1, 2, 3]] * samples, "labels": [[1] * 3] * samples}
        )
        if sets > 1:
            evaluation = {f"set{number}": evaluation for number in range(sets)}
        trainer = make_trainer(*callbacks, max_steps=steps, evaluation=evaluation, **arguments)
        clock = Clock(trainer, costs or [1.0] * steps, evaluation_s / (samples / 2))
        monkeypatch.setattr(eval_budget, "_now", lambda: clock.now)
        return trainer, clock

    return made


def evaluated_at(trainer: Trainer) -> list[int]:
    return [entry["step"] for entry in trainer.state.log_history if "eval_loss" in entry]


@pytest.mark.parametrize("cost", [0.4, 1.2])
def test_it_uses_its_share_and_no_more(
    cost: float, timed: Callable[..., tuple[Trainer, Clock]]
) -> None:
    # one evaluation costs at most 0.3% of the job
    trainer, clock = timed(EvalBudget(share=0.05, every=1), evaluation_s=cost)
    trainer.train()
    assert 0.04 <= clock.share <= 0.05
    steps = evaluated_at(trainer)
    assert steps[-1] == 400
    gaps = [after - before for before, after in pairwise(steps[:-1])]
    # the first was placed by a guess of what it costs
    assert gaps[0] <= 1.5 * min(gaps)
    assert max(gaps[1:]) <= min(gaps[1:]) + 2


def test_several_evaluation_sets_share_it(timed: Callable[..., tuple[Trainer, Clock]]) -> None:
    trainer, clock = timed(EvalBudget(share=0.05, every=1), evaluation_s=0.3, sets=3)
    trainer.train()
    assert 0.04 <= clock.share <= 0.05


def test_an_evaluation_before_training_is_not_its_own(
    timed: Callable[..., tuple[Trainer, Clock]],
) -> None:
    trainer, clock = timed(
        EvalBudget(share=0.05, every=1), evaluation_s=0.8, samples=8, eval_on_start=True
    )
    trainer.train()
    assert evaluated_at(trainer)[0] == 0
    assert 0.04 <= (clock.evaluated - 0.8) / (clock.trained + clock.evaluated - 0.8) <= 0.05


def test_the_best_model_can_be_loaded(timed: Callable[..., tuple[Trainer, Clock]]) -> None:
    trainer, _ = timed(
        EvalBudget(0.05),
        evaluation_s=0.6,
        steps=60,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=30,
        save_steps=30,
    )
    trainer.train()
    best = trainer.state.best_model_checkpoint
    assert best is not None
    assert best.endswith(f"checkpoint-{trainer.state.best_global_step}")


def test_when_it_evaluates_cannot_be_foreseen(
    timed: Callable[..., tuple[Trainer, Clock]],
) -> None:
    trainer, _ = timed(EvalBudget(0.05), evaluation_s=0.6, steps=60)
    with pytest.raises(RuntimeError, match="EvalBudget decides by the clock"):
        foreseen(trainer)


def test_it_holds_while_steps_grow_slower(timed: Callable[..., tuple[Trainer, Clock]]) -> None:
    costs = [0.5 + 2.0 * step / 400 for step in range(400)]
    trainer, clock = timed(EvalBudget(), costs=costs, evaluation_s=1.0)
    trainer.train()
    assert 0.04 <= clock.share <= 0.05
    assert all(step % 2 == 0 for step in evaluated_at(trainer))


def test_what_the_strategy_asks_for_is_overruled(
    timed: Callable[..., tuple[Trainer, Clock]],
) -> None:
    trainer, clock = timed(
        EvalBudget(0.05), evaluation_s=4.0, samples=20, steps=100, eval_strategy="epoch"
    )
    trainer.train()
    assert evaluated_at(trainer) == [100]
    assert clock.share <= 0.05


def test_an_evaluation_that_never_fits_comes_once(
    timed: Callable[..., tuple[Trainer, Clock]],
) -> None:
    trainer, _ = timed(EvalBudget(0.05), evaluation_s=60.0, samples=200, steps=100)
    trainer.train()
    assert evaluated_at(trainer) == [100]


def test_one_that_was_dearer_than_its_samples_is_warned_of(
    timed: Callable[..., tuple[Trainer, Clock]], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, _ = timed(EvalBudget(0.1), evaluation_s=60.0, samples=4, steps=100)
    trainer.train()
    assert len(evaluated_at(trainer)) == 2
    told = capsys.readouterr().err
    assert "EvalBudget: one evaluation is 37.5% of the training, more than the share" in told


def test_it_warns_where_early_stopping_would_starve(
    timed: Callable[..., tuple[Trainer, Clock]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"metric_for_best_model": "eval_loss", "eval_strategy": "steps", "eval_steps": 30}
    for patience, starves in ((2, False), (30, True)):
        stopping = EarlyStoppingCallback(early_stopping_patience=patience)
        trainer, _ = timed(
            stopping,
            EvalBudget(0.05),
            evaluation_s=0.6,
            steps=60,
            load_best_model_at_end=True,
            save_strategy="steps",
            save_steps=30,
            **arguments,
        )
        trainer.train()
        assert ("early stopping would starve" in capsys.readouterr().err) == starves


def say(trainer: Trainer, metric: str, value: Callable[[int], float]) -> None:
    """Let evaluations name a metric, whose value follows from the step."""
    original = trainer.evaluation_loop

    def loop(*args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        output.metrics[metric] = value(trainer.state.global_step)
        return output

    trainer.evaluation_loop = loop


def least_s(law: SpacingLaw) -> float:
    return law.seconds(law.best)


@pytest.mark.parametrize(("expected_steps", "wasted_more"), [(300, 1.5), (None, 1.9)])
def test_a_target_stops_training_at_little_more_than_the_least_time(
    expected_steps: int | None,
    wasted_more: float,
    timed: Callable[..., tuple[Trainer, Clock]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    wasted = []
    for reached in (260, 285, 310, 335):
        trainer, clock = timed(
            EvalBudget(every=1, stop_at="eval_gap>=0.5", expected_steps=expected_steps),
            evaluation_s=4.0,
            steps=700,
        )
        say(trainer, "eval_gap", lambda step, reached=reached: 0.5 if step >= reached else 0.1)
        trainer.train()
        assert trainer.state.global_step >= reached
        told = capsys.readouterr().err
        assert f"eval_gap>=0.5 is met at step {trainer.state.global_step}: training stops" in told
        wasted.append(clock.now - reached)
    law = SpacingLaw(work=300, step_s=1.0, evaluation_s=4.0)
    assert sum(wasted) / len(wasted) <= wasted_more * (least_s(law) - 300)


def test_patience_is_fed_at_the_spacing_of_least_cost(
    timed: Callable[..., tuple[Trainer, Clock]],
) -> None:
    law = SpacingLaw(work=200, step_s=1.0, evaluation_s=4.0, patience=2)
    trainer, clock = timed(
        EarlyStoppingCallback(early_stopping_patience=2),
        EvalBudget(every=1, stop_at="patience", expected_steps=200),
        evaluation_s=4.0,
        steps=600,
        load_best_model_at_end=True,
        metric_for_best_model="eval_gap_loss",
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=30,
        save_steps=30,
    )
    say(trainer, "eval_gap_loss", lambda step: abs(step - 200.0))
    trainer.train()
    low, high = law.near(0.05)
    gaps = [after - before for before, after in pairwise(evaluated_at(trainer))]
    assert all(low <= gap <= high for gap in gaps)
    assert clock.now <= 1.1 * least_s(law)


def test_patience_without_early_stopping_is_a_share(
    timed: Callable[..., tuple[Trainer, Clock]], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, clock = timed(EvalBudget(every=1, stop_at="patience"), evaluation_s=0.8)
    trainer.train()
    assert 0.04 <= clock.share <= 0.05
    assert "stop_at: no EarlyStoppingCallback; expected one" in capsys.readouterr().err


def test_a_target_that_no_evaluation_names_is_told_of_and_ends_nothing(
    timed: Callable[..., tuple[Trainer, Clock]], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, _ = timed(EvalBudget(stop_at="bleu=30"), evaluation_s=0.8, steps=60)
    trainer.train()
    assert trainer.state.global_step == 60
    told = capsys.readouterr().err
    assert told.count("stop_at: evaluations say nothing of eval_bleu") == 1


def test_what_is_evaluated_after_training_stops_nothing(
    timed: Callable[..., tuple[Trainer, Clock]], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, _ = timed(EvalBudget(stop_at="eval_gap>=1"), evaluation_s=0.8, steps=60)
    say(trainer, "eval_gap", lambda _: 0.0)
    trainer.train()
    say(trainer, "eval_gap", lambda _: 2.0)
    trainer.evaluate()
    assert "is met" not in capsys.readouterr().err


def test_a_training_that_may_stop_long_before_its_plan_is_looked_at_often_enough(
    timed: Callable[..., tuple[Trainer, Clock]],
) -> None:
    trainer, _ = timed(
        EvalBudget(stop_at="eval_gap>=1", expected_steps=100), evaluation_s=2.0, steps=20_000
    )
    say(trainer, "eval_gap", lambda step: step / 100)
    trainer.train()
    # sqrt(2 x 100 x 2) is 20 steps
    assert 100 <= trainer.state.global_step <= 125


def test_a_share_bounds_what_stopping_would_spend(
    timed: Callable[..., tuple[Trainer, Clock]],
) -> None:
    trainer, clock = timed(EvalBudget(share=0.05, every=1, stop_at="eval_loss=0"), evaluation_s=1.0)
    trainer.train()
    assert 0.03 <= clock.share <= 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"share": 0}, "share: expected a number between 0 and 1, got 0"),
        ({"share": 5}, "share: expected a number between 0 and 1, got 5"),
        ({"every": 0}, "every: expected at least 1, got 0"),
        ({"stop_at": "eval_loss"}, "stop_at: expected METRIC=VALUE such as eval_loss=0.925, got"),
        (
            {"stop_at": "eval_gap=0.5"},
            "eval_gap: which way is better is not known; expected eval_g",
        ),
        ({"stop_at": "eval_loss=nan"}, "stop_at: expected METRIC=VALUE"),
        ({"stop_at": "loss=1", "expected_steps": 0}, "expected_steps: expected at least 1, got 0"),
        ({"expected_steps": 9}, "expected_steps: expected stop_at beside it"),
    ],
)
def test_what_is_no_budget_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvalBudget(**arguments)


RANKS = """
import os, sys, time
import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments
from evalskip.callbacks import EvalBudget

rank = int(os.environ["RANK"])
samples = Dataset.from_dict({"input_ids": [[1, 2, 3]] * 64, "labels": [[1, 2, 3]] * 64})
config = LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                     num_attention_heads=1, num_key_value_heads=1)
settings = dict(max_steps=60, per_device_train_batch_size=2, use_cpu=True, report_to=[],
                disable_tqdm=True, save_strategy="no")
trainer = Trainer(LlamaForCausalLM(config), TrainingArguments(sys.argv[1], **settings),
                  train_dataset=samples, eval_dataset=samples.select(range(8)),
                  callbacks=[EvalBudget(0.3)])
original = trainer.prediction_step
def slow(*args, **kwargs):
    time.sleep(0.02 * rank)  # the clocks of the ranks disagree
    return original(*args, **kwargs)
trainer.prediction_step = slow
trainer.train()
steps = [entry["step"] for entry in trainer.state.log_history if "eval_loss" in entry]
with open(f"{sys.argv[1]}/steps-{rank}", "w") as file:
    file.write(str(steps))
torch.distributed.barrier()  # a rank that loses its peer while it ends aborts (gloo)
os._exit(0)
"""


@pytest.mark.slow
def test_all_ranks_follow_one_decision(tmp_path: Path) -> None:
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [*command, "--master-port", "29571", script, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    first, second = (json.loads((tmp_path / f"steps-{rank}").read_text()) for rank in (0, 1))
    assert first == second
    assert first[-1] == 60
    assert len(first) > 1


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="needs make llamafactory")
def test_llamafactory_takes_it(tmp_path: Path) -> None:
    make_tiny(tmp_path)
    settings = {
        **tiny_settings(tmp_path),
        "eval_strategy": "no",
        "num_train_epochs": 6,
        "output_dir": str(tmp_path / "out"),
        "report_to": "none",
        "use_cpu": True,
    }
    script = f"""
from llamafactory.train.tuner import run_exp
from evalskip.callbacks import EvalBudget
run_exp(args={settings!r}, callbacks=[EvalBudget(share=0.2, every=1)])
"""
    ended = subprocess.run(
        [str(PYTHON), "-c", script],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "harness"), "DISABLE_VERSION_CHECK": "1"},
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    log = [json.loads(line) for line in (tmp_path / "out" / "trainer_log.jsonl").open()]
    evaluated = [entry["current_steps"] for entry in log if "eval_loss" in entry]
    assert evaluated
    assert evaluated[-1] == log[-1]["total_steps"]
