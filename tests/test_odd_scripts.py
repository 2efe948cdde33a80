"""Trainings as odd as people write them: ours ends none, bends none, and says of each the truth."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import torch
from datasets import Dataset
from transformers import (
    EarlyStoppingCallback,
    LlamaConfig,
    LlamaForCausalLM,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from evalskip.callbacks import EvalBudget, EvalCost, EveryNEpochs, RanksAgree, ranks_agree
from evalskip.probe.phases import PhaseRecorder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LINE = re.compile(r"evalskip: (\d+) evaluations? took .*?: ([\d.]+)%\. ")
_NONE = "evalskip: there was no evaluation"


def samples(number: int) -> Dataset:
    tokens = torch.randint(0, 64, (number, 24), generator=torch.Generator().manual_seed(number))
    return Dataset.from_dict({"input_ids": tokens.tolist(), "labels": tokens.tolist()})


class Timed(Trainer):  # type: ignore[misc]
    """A Trainer that keeps its own clock: of each ``train()``, its time and its evaluations'."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.trainings: list[list[float]] = []
        self.is_training = False
        self._depth = 0
        super().__init__(*args, **kwargs)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        self.trainings.append([0.0, 0.0, 0])
        self.is_training = True
        try:
            return super().train(*args, **kwargs)
        finally:
            self.is_training = False
            self.trainings[-1][1] = time.perf_counter() - began

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        self._depth += 1
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            self._depth -= 1
            if self.trainings and not self._depth:
                took = time.perf_counter() - began
                self.trainings[-1][0] += took
                self.trainings[-1][2] += 1
                if not self.is_training:
                    self.trainings[-1][1] += took


class Script:
    """What a script has to write itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cost = EvalCost(share=None)

    def trainer(
        self,
        *callbacks: TrainerCallback,
        kind: type[Timed] = Timed,
        data: Any = None,
        evaluation: Any = None,
        model: Any = None,
        metrics: Any = None,
        **arguments: Any,
    ) -> Timed:
        settings: dict[str, Any] = {
            "num_train_epochs": 2,
            "eval_strategy": "epoch",
            "save_strategy": "no",
            "report_to": [],
            "use_cpu": True,
            "disable_tqdm": True,
            **arguments,
        }
        made = {"model_init": llama} if model is None else {"model": model}
        return kind(
            args=TrainingArguments(str(self.folder), **settings),
            train_dataset=samples(64) if data is None else data,
            eval_dataset=samples(64) if evaluation is None else evaluation,
            compute_metrics=metrics,
            callbacks=[self.cost, *callbacks],
            **made,
        )


def llama() -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )


class At(TrainerCallback):  # type: ignore[misc]
    """Acts once, at an event of one of the first steps."""

    def __init__(self, event: str, action: Callable[..., None], step: int = 3) -> None:
        self.done = False

        def act(args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if not self.done and state.global_step >= step:
                self.done = True
                action(control)

        setattr(self, event, act)


def raising(error: BaseException) -> Callable[..., None]:
    def act(*_: Any) -> None:
        raise error

    return act


SCRIPTS: dict[str, Callable[[Script], list[Timed]]] = {}
"""By name, scripts that train; each returns its Trainers."""


def script(written: Callable[[Script], list[Timed]]) -> Callable[[Script], list[Timed]]:
    SCRIPTS[written.__name__] = written
    return written


@script
def one_training(at: Script) -> list[Timed]:
    trainer = at.trainer()
    trainer.train()
    return [trainer]


@script
def trained_three_times(at: Script) -> list[Timed]:
    trainer = at.trainer()
    for _ in range(3):
        trainer.train()
    return [trainer]


@script
def trained_again_after_an_interrupt(at: Script) -> list[Timed]:
    trainer = at.trainer(At("on_step_end", raising(KeyboardInterrupt())))
    with suppress(KeyboardInterrupt):
        trainer.train()
    trainer.trainings.clear()
    trainer.train()
    return [trainer]


@script
def trained_again_after_an_error_of_its_own(at: Script) -> list[Timed]:
    trainer = at.trainer(At("on_log", raising(ValueError("mine"))), logging_steps=1)
    with pytest.raises(ValueError, match="mine"):
        trainer.train()
    trainer.trainings.clear()
    trainer.train()
    return [trainer]


@script
def interrupted_while_it_evaluates(at: Script) -> list[Timed]:
    trainer = at.trainer(At("on_prediction_step", raising(KeyboardInterrupt())))
    with suppress(KeyboardInterrupt):
        trainer.train()
    trainer.trainings.clear()
    trainer.train()
    return [trainer]


def once_out_of_memory(trainer: Trainer, method: str, at_call: int) -> None:
    original, calls = getattr(trainer, method), count(1)

    def called(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == at_call:
            raise RuntimeError("CUDA out of memory.")
        return original(*args, **kwargs)

    setattr(trainer, method, called)


@script
def out_of_memory_in_a_step(at: Script) -> list[Timed]:
    trainer = at.trainer(auto_find_batch_size=True)
    once_out_of_memory(trainer, "training_step", 3)
    trainer.train()
    return [trainer]


@script
def out_of_memory_in_an_evaluation(at: Script) -> list[Timed]:
    trainer = at.trainer()
    once_out_of_memory(trainer, "prediction_step", 2)
    with pytest.raises(RuntimeError, match="out of memory"):
        trainer.train()
    trainer.trainings.clear()
    trainer.train()
    return [trainer]


@script
def evaluated_before_training(at: Script) -> list[Timed]:
    trainer = at.trainer()
    trainer.evaluate()
    trainer.train()
    return [trainer]


@script
def evaluated_after_training(at: Script) -> list[Timed]:
    trainer = at.trainer()
    trainer.train()
    trainer.evaluate()
    return [trainer]


@script
def evaluated_between_trainings(at: Script) -> list[Timed]:
    trainer = at.trainer()
    trainer.train()
    trainer.evaluate()
    trainer.train()
    return [trainer]


@script
def evaluated_by_its_own_callback(at: Script) -> list[Timed]:
    trainer = at.trainer(eval_strategy="no")
    trainer.add_callback(At("on_step_end", lambda _: trainer.evaluate()))
    trainer.train()
    return [trainer]


@script
def an_evaluation_that_raises_and_is_caught(at: Script) -> list[Timed]:
    trainer = at.trainer()

    def tried(_: Any) -> None:
        with suppress(ZeroDivisionError):
            trainer.evaluate(eval_dataset=Broken())

    trainer.add_callback(At("on_step_end", tried))
    trainer.train()
    return [trainer]


class Broken(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 8

    def __getitem__(self, place: int) -> Any:
        return 1 / 0


@script
def predicts_inside_training(at: Script) -> list[Timed]:
    trainer = at.trainer()
    trainer.add_callback(At("on_step_end", lambda _: trainer.predict(samples(8))))
    trainer.train()
    return [trainer]


@script
def several_sets(at: Script) -> list[Timed]:
    trainer = at.trainer(evaluation={"a": samples(32), "b": samples(16)})
    trainer.train()
    return [trainer]


@script
def evaluates_on_start(at: Script) -> list[Timed]:
    trainer = at.trainer(eval_on_start=True)
    trainer.train()
    return [trainer]


@script
def trains_on_a_stream(at: Script) -> list[Timed]:
    trainer = at.trainer(data=samples(64).to_iterable_dataset(), max_steps=20)
    trainer.train()
    return [trainer]


@script
def evaluates_a_stream(at: Script) -> list[Timed]:
    trainer = at.trainer(evaluation=samples(48).to_iterable_dataset())
    trainer.train()
    return [trainer]


@script
def a_compiled_model(at: Script) -> list[Timed]:
    trainer = at.trainer(torch_compile=True, torch_compile_backend="eager", num_train_epochs=1)
    trainer.train()
    return [trainer]


class Wrapped(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = llama()

    def forward(self, input_ids: Any = None, labels: Any = None, **_: Any) -> Any:
        return {"loss": self.inner(input_ids=input_ids, labels=labels).loss}


@script
def a_wrapped_model(at: Script) -> list[Timed]:
    trainer = at.trainer(model=Wrapped(), label_names=["labels"])
    trainer.train()
    return [trainer]


@script
def one_callback_for_two_trainers(at: Script) -> list[Timed]:
    first, second = at.trainer(), at.trainer(evaluation=samples(16))
    first.train()
    second.train()
    return [first, second]


@script
def two_trainers_in_turns(at: Script) -> list[Timed]:
    first, second = at.trainer(), at.trainer(evaluation=samples(16))
    second.train()
    first.train()
    second.train()
    second.trainings, again = second.trainings[:1], second.trainings[1:]
    last = at.trainer()
    last.trainings = again
    return [second, first, last]


@script
def a_trainer_inside_anothers_training(at: Script) -> list[Timed]:
    outer, inner = at.trainer(), at.trainer(evaluation=samples(16))
    outer.add_callback(At("on_step_end", lambda _: inner.train()))
    outer.train()
    return [inner, outer]


@script
def added_later(at: Script) -> list[Timed]:
    trainer = at.trainer()
    trainer.remove_callback(at.cost)
    trainer.add_callback(at.cost)
    trainer.train()
    return [trainer]


@script
def computes_metrics(at: Script) -> list[Timed]:
    trainer = at.trainer(metrics=lambda found: {"size": found.predictions.size})
    trainer.train()
    return [trainer]


@script
def loads_its_best_model(at: Script) -> list[Timed]:
    trainer = at.trainer(load_best_model_at_end=True, save_strategy="epoch")
    trainer.train()
    return [trainer]


@script
def goes_on_from_a_checkpoint(at: Script) -> list[Timed]:
    trainer = at.trainer(save_strategy="epoch")
    trainer.train()
    trainer.args.num_train_epochs = 4
    trainer.train(resume_from_checkpoint=True)
    return [trainer]


@script
def stops_early(at: Script) -> list[Timed]:
    trainer = at.trainer(
        EarlyStoppingCallback(1, 10.0),
        num_train_epochs=9,
        load_best_model_at_end=True,
        save_strategy="epoch",
        metric_for_best_model="eval_loss",
    )
    trainer.train()
    return [trainer]


@script
def stops_at_its_third_step(at: Script) -> list[Timed]:
    def stop(control: Any) -> None:
        control.should_training_stop = control.should_evaluate = True

    trainer = at.trainer(At("on_step_end", stop))
    trainer.train()
    return [trainer]


@script
def accumulates_gradients(at: Script) -> list[Timed]:
    trainer = at.trainer(gradient_accumulation_steps=3, max_steps=5)
    trainer.train()
    return [trainer]


@script
def evaluates_by_steps_and_accumulates_there(at: Script) -> list[Timed]:
    trainer = at.trainer(eval_strategy="steps", eval_steps=3, eval_accumulation_steps=1)
    trainer.train()
    return [trainer]


class Renamed(Timed):
    """Evaluates and predicts in ways of its own, as Trainers of libraries do."""

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        return super().evaluation_loop(*args, **kwargs)

    def prediction_step(self, model: Any, inputs: Any, *rest: Any, **kwargs: Any) -> Any:
        return super().prediction_step(model, dict(inputs), *rest, **kwargs)


@script
def a_trainer_of_a_library(at: Script) -> list[Timed]:
    trainer = at.trainer(kind=Renamed)
    trainer.train()
    return [trainer]


@script
def no_evaluation(at: Script) -> list[Timed]:
    trainer = at.trainer(eval_strategy="no")
    trainer.train()
    return [trainer]


@script
def searches_hyperparameters(at: Script) -> list[Timed]:
    trainer = at.trainer()
    for rate in (1e-3, 1e-4):  # as Trainer.hyperparameter_search does, trial by trial
        trainer.args.learning_rate = rate
        trainer.train()
    return [trainer]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_training_is_told_for_itself_and_truly(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trainers = SCRIPTS[name](Script(tmp_path))
    told = capfd.readouterr().err
    assert "stops, and training goes on" not in told
    # of a training that is evaluated afterwards, the last line counts
    lines = [line for line in told.splitlines() if _LINE.match(line) or line == _NONE]
    after = {"evaluated_after_training": [1], "evaluated_between_trainings": [1, 2]}
    lines = [lines[place] for place in after.get(name, range(len(lines)))]
    own = [training for trainer in trainers for training in trainer.trainings]
    assert len(lines) == len(own)
    for line, (evaluated, whole, evaluations) in zip(lines, own, strict=True):
        if not evaluations:
            assert line == _NONE
            continue
        found = _LINE.match(line)
        assert found
        assert int(found[1]) == evaluations
        # added later, T begins with the loop
        tolerance = 4 if name == "added_later" else 1
        assert float(found[2]) == pytest.approx(100 * evaluated / whole, abs=tolerance)


# --- what is ours fails


def failing(*_: Any, **__: Any) -> None:
    raise RuntimeError("ours")


@pytest.mark.parametrize(
    "method", ["start", "enter_loop", "step_done", "micro_batch_begins", "phase", "stop", "pause"]
)
def test_where_measuring_fails_training_goes_on(
    method: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(PhaseRecorder, method, failing)
    trainer = Script(tmp_path).trainer()
    trainer.train()
    assert trainer.state.global_step == 16
    assert sum("eval_loss" in entry for entry in trainer.state.log_history) == 2
    told = capfd.readouterr().err
    assert told.count("stops, and training goes on") == (method != "stop")


def test_a_callback_that_cannot_bear_our_log_does_not_end_the_training(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Strict(TrainerCallback):  # type: ignore[misc]
        def on_log(self, *args: Any, logs: Any = None, **kwargs: Any) -> None:
            if "eval_loss" not in logs:
                logs["train_runtime"]

    trainer = Script(tmp_path).trainer(Strict(), logging_strategy="no")
    trainer.train()
    assert trainer.state.global_step == 16
    assert "stops, and training goes on, since it failed: KeyError" in capfd.readouterr().err


def test_a_budget_that_cannot_decide_leaves_it_to_the_strategy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(EvalBudget, "_fits", failing)
    trainer = Script(tmp_path).trainer(EvalBudget(every=2), num_train_epochs=3)
    trainer.train()
    seen = [entry["epoch"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert seen == [1, 2, 3]
    assert capfd.readouterr().err.count("EvalBudget: stops, and training goes on") == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), MemoryError()])
def test_what_ends_a_training_passes_unchanged(error: BaseException, tmp_path: Path) -> None:
    trainer = Script(tmp_path).trainer(At("on_step_end", raising(error)))
    with pytest.raises(type(error)) as raised:
        trainer.train()
    assert raised.value is error


def test_ranks_that_cannot_compare_train_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ranks_agree, "_decisive", failing)
    monkeypatch.setattr(ranks_agree.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(ranks_agree.dist, "get_world_size", lambda: 2)
    gathered: list[Any] = []
    monkeypatch.setattr(
        ranks_agree.dist, "all_gather_object", lambda found, own: gathered.append(own)
    )
    trainer = Script(tmp_path).trainer()
    trainer.args.__dict__["world_size"] = 2
    arguments = type("Arguments", (), {"world_size": 2})()
    RanksAgree().on_train_begin(arguments, trainer.state, trainer.control)
    # it came to the collective, where the other rank waits
    assert gathered == [None]
    assert "RanksAgree: stops, and training goes on" in capfd.readouterr().err


# --- streams


@pytest.mark.parametrize(("n", "expected"), [(1, [7, 14, 21, 28, 30]), (2, [14, 28])])
def test_a_pass_over_a_stream_is_an_epoch(n: int, expected: list[int], tmp_path: Path) -> None:
    def evaluated(*callbacks: TrainerCallback, strategy: str) -> list[int]:
        trainer = Script(tmp_path).trainer(
            *callbacks,
            data=samples(50).to_iterable_dataset(),
            max_steps=30,
            eval_strategy=strategy,
        )
        trainer.train()
        return [entry["step"] for entry in trainer.state.log_history if "eval_loss" in entry]

    assert evaluated(EveryNEpochs(n), strategy="no") == expected
    if n == 1:
        assert evaluated(strategy="epoch") == expected


# --- loops written by hand

_HEAD = "import time\nfrom evalskip import phase\n"
LOOPS = {
    "evaluated before training": (
        "with phase('evaluate'): time.sleep(.2)\n"
        "with phase('train'):\n"
        "    with phase('step'): time.sleep(.3)\n"
        "    with phase('evaluate'): time.sleep(.1)\n",
        (1, 25.0),
        None,
    ),
    "a training per epoch": (
        "for epoch in range(3):\n"
        "    with phase('train'):\n"
        "        with phase('step'): time.sleep(.15)\n"
        "    with phase('evaluate'): time.sleep(.05)\n",
        (3, 25.0),
        None,
    ),
    "an evaluation that raises and is caught": (
        "with phase('train'):\n"
        "    with phase('step'): time.sleep(.3)\n"
        "    try:\n"
        "        with phase('evaluate'): time.sleep(.1); 1 / 0\n"
        "    except ZeroDivisionError: pass\n"
        "    with phase('evaluate'): time.sleep(.1)\n",
        (2, 40.0),
        None,
    ),
    "a training that raises and begins again": (
        "for number in range(2):\n"
        "    try:\n"
        "        with phase('train'):\n"
        "            with phase('step'): time.sleep(.1)\n"
        "            with phase('evaluate'): time.sleep(.1)\n"
        "            if not number: raise ValueError\n"
        "    except ValueError: pass\n",
        (2, 50.0),
        None,
    ),
    "a phase that there is not": (
        "with phase('train'):\n"
        "    with phase('step'): time.sleep(.3)\n"
        "    for _ in range(2):\n"
        "        with phase('validate'): pass\n"
        "    with phase('evaluate'): time.sleep(.1)\n",
        (1, 25.0),
        'evalskip: phase("validate"): no such phase; expected one of train, step, evaluate, save',
    ),
    "a training inside itself": (
        "with phase('train'):\n"
        "    with phase('train'):\n"
        "        with phase('step'): time.sleep(.3)\n"
        "    with phase('evaluate'): time.sleep(.1)\n",
        (1, 25.0),
        'evalskip: phase("train"): entered inside itself, which counts once',
    ),
    "a step outside training": (
        "with phase('step'): pass\n"
        "with phase('train'):\n"
        "    with phase('step'): time.sleep(.3)\n"
        "    with phase('evaluate'): time.sleep(.1)\n",
        (1, 25.0),
        'evalskip: phase("step"): outside phase("train"), so it does not count',
    ),
    "an evaluation inside a step": (
        "with phase('train'):\n"
        "    with phase('step'):\n"
        "        time.sleep(.3)\n"
        "        with phase('evaluate'): time.sleep(.1)\n",
        (1, 25.0),
        None,
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_by_hand_is_told_truly_and_never_ended(name: str, tmp_path: Path) -> None:
    text, (evaluations, share), said = LOOPS[name]
    path = tmp_path / "script.py"
    path.write_text(f"{_HEAD}{text}print('the end')\n")
    ended = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "the end\n"
    *before, last = ended.stderr.splitlines()
    found = _LINE.match(last)
    assert found, ended.stderr
    assert int(found[1]) == evaluations
    assert float(found[2]) == pytest.approx(share, abs=1.5)
    if said:
        assert sum(said in line for line in before) == 1


@pytest.mark.parametrize("error", ["KeyboardInterrupt()", "SystemExit(3)", "ValueError('mine')"])
def test_a_loop_by_hand_ends_as_its_author_has_it(error: str, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        f"{_HEAD}try:\n    with phase('train'):\n        with phase('evaluate'): raise {error}\n"
        "except BaseException as error: print(repr(error))\n"
    )
    ended = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == repr(eval(error))
