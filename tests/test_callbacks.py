"""Callbacks in anybody's Trainer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from transformers import set_seed

from evalskip.callbacks import EvalCost, EveryNEpochs

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import Trainer


@pytest.mark.parametrize(
    ("n", "epochs", "evaluated"), [(1, 2, [1, 2]), (2, 5, [2, 4]), (3, 2, []), (2, 4, [2, 4])]
)
def test_it_evaluates_at_multiples_only(
    n: int, epochs: int, evaluated: list[int], make_trainer: Callable[..., Trainer]
) -> None:
    trainer = make_trainer(EveryNEpochs(n), num_train_epochs=epochs)
    trainer.train()
    seen = [entry["epoch"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert seen == evaluated


def slow_evaluation(trainer: Trainer, seconds: float) -> None:
    """Make every evaluation batch of a Trainer take so long."""
    original = trainer.prediction_step

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(seconds)
        return original(*args, **kwargs)

    trainer.prediction_step = slow


def test_eval_cost_tells_warns_and_logs(
    make_trainer: Callable[..., Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = make_trainer(EvalCost(share=0.3), num_train_epochs=3, eval_strategy="epoch")
    slow_evaluation(trainer, 0.2)
    trainer.train()
    told = capsys.readouterr().err.splitlines()
    warnings = [line for line in told if "of the time so far, more than 30%" in line]
    assert len(warnings) == 1
    assert "3 evaluations took 1." in told[-1]
    logged = [entry for entry in trainer.state.log_history if "eval_cost/share" in entry]
    assert [entry["eval_cost/evaluations"] for entry in logged] == [1, 2, 3]
    assert logged[-1]["eval_cost/seconds"] == pytest.approx(1.2, abs=0.5)
    assert 0.3 < logged[-1]["eval_cost/share"] < 1
    trainer.evaluate()
    assert "4 evaluations took 1." in capsys.readouterr().err


def test_eval_cost_may_come_late_and_find_no_evaluation(
    make_trainer: Callable[..., Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = make_trainer(num_train_epochs=1)
    trainer.add_callback(EvalCost())
    trainer.train()
    assert "there was no evaluation" in capsys.readouterr().err


def test_eval_cost_changes_no_training(make_trainer: Callable[..., Trainer]) -> None:
    histories = []
    for callbacks in ([], [EvalCost()]):
        set_seed(0)
        trainer = make_trainer(*callbacks, num_train_epochs=2, eval_strategy="epoch", seed=3)
        trainer.train()
        histories.append([e["eval_loss"] for e in trainer.state.log_history if "eval_loss" in e])
    assert histories[0] == histories[1]


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="share: expected a number between 0 and 1, got 20"):
        EvalCost(share=20)


def test_an_n_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="n: expected at least 1, got 0"):
        EveryNEpochs(0)
