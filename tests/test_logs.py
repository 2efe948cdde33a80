"""Logs of finished trainings: all formats say the same of a run, or that they do not know."""

from __future__ import annotations

import ast
import json
import math
import os
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.analysis.audit import audited
from evalskip.analysis.metrics import ChosenMetric, direction, metric_of
from evalskip.logs import NotALog, UnfitLog, read_file, read_runs
from evalskip.logs.merging import merged
from log_writers import (
    FORMATS,
    RESUMED,
    Training,
    evaluated,
    loss,
    notebook,
    shown,
    stream,
    train_output,
    trained,
    write_llamafactory,
    write_printed_4,
    write_printed_5,
    write_results,
    write_state,
    write_tensorboard,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalskip.logs import FinishedRun
    from evalskip.summary import AuditedRun


# --- the same trainings in every format


@dataclass(frozen=True)
class Scenario:
    """Trainings, and what is to be read of each, added up by hand.

    ``unlike`` is what is otherwise in a format; None: it holds nothing of such a training.
    ``...``: not asked.
    """

    trainings: list[Training]
    right: list[dict[str, Any]]
    by_epochs: str | None = None
    """The schedule, of a log that has epochs and no steps."""
    unlike: dict[str, dict[str, Any] | None] = field(default_factory=dict)


def told(
    evaluations: int,
    evaluation_s: float | None,
    training_s: float | None,
    share: float | None,
    schedule: str,
    steps: int | None,
    **others: Any,
) -> dict[str, Any]:
    values = locals()
    return {"after": 0, "after_s": None, **values.pop("others"), **values}


def every(places: Sequence[int], seconds: float, train: float = 1.0, **metrics: Any) -> list[Any]:
    """A loss and an evaluation, of as many seconds, after each of these steps."""
    return [
        entry
        for number, step in enumerate(places)
        for entry in (
            loss(step, train),
            evaluated(step, seconds, **{"value": 2.1 - 0.1 * number, **metrics}),
        )
    ]


def same(names: Sequence[str], **values: Any) -> dict[str, dict[str, Any] | None]:
    return dict.fromkeys(names, values)


UNTIMED = {"evaluations": ..., "evaluation_s": None, "share": None, "schedule": ...}
"""Of LLaMA-Factory's log where evaluations have no ``eval_loss``: it does not tell of them."""

SCENARIOS = {
    "without evaluation": Scenario(
        [Training(10, [*map(loss, (10, 20, 30, 40)), trained(40.0, 40)], 40)],
        [told(0, 0.0, 40.0, 0.0, "off", 40)],
    ),
    # 3 x 2 s of 40 s
    "every epoch": Scenario(
        [Training(10, [*every((10, 20, 30), 2.0), trained(40.0, 30)], 30)],
        [told(3, 6.0, 40.0, 0.15, "every_epoch", 30)],
    ),
    # 4 x 1.5 s of 30 s; by whole seconds of a clock 1, 2, 1 and 2 s
    "every 5 steps": Scenario(
        [Training(20, [*every((5, 10, 15, 20), 1.5), trained(30.0, 20)], 20)],
        [told(4, 6.0, 30.0, 0.2, "every_n_steps count=5", 20)],
        by_epochs="every_n_epochs count=0.25",
    ),
    "irregular": Scenario(
        [Training(10, [*every((3, 10, 12), 2.0), loss(20), trained(40.0, 20)], 20)],
        [told(3, 6.0, 40.0, 0.15, "irregular count=3", 20)],
    ),
    # 3 x 4 s of 48 s
    "every 2 epochs": Scenario(
        [Training(5, [loss(5), *every((10, 20, 30), 4.0), trained(48.0, 30)], 30)],
        [told(3, 12.0, 48.0, 0.25, "every_n_epochs count=2", 30)],
    ),
    "only after training": Scenario(
        [Training(10, [*map(loss, (10, 20, 30)), trained(30.0, 30), evaluated(30, 6.0)], 30)],
        [told(0, 0.0, 30.0, 0.0, "final_only", 30, after=1, after_s=6.0)],
        unlike={"llamafactory": {"schedule": "off"}},
    ),
    # eval_on_start, then after both epochs: 3 x 1 s of 25 s
    "at the start too": Scenario(
        [Training(10, [evaluated(0, 1.0, 2.3), *every((10, 20), 1.0), trained(25.0, 20)], 20)],
        [told(3, 3.0, 25.0, 0.12, "every_epoch", 20)],
    ),
    # inside 2 x 2 s of 20 s; after it 3 s and 5 s
    "again after training": Scenario(
        [
            Training(
                8,
                [
                    *every((8, 16), 2.0),
                    trained(20.0, 16),
                    evaluated(16, 3.0, 1.7),
                    evaluated(16, 5.0, 1.8, "test"),
                ],
                16,
            )
        ],
        [told(2, 4.0, 20.0, 0.2, "every_epoch", 16, after=2, after_s=8.0)],
    ),
    # twice 1 s and 3 s, of 32 s
    "two sets": Scenario(
        [
            Training(
                10,
                [
                    loss(10),
                    evaluated(10, 1.0, 1.5, "eval_a"),
                    evaluated(10, 3.0, 2.5, "eval_b"),
                    loss(20),
                    evaluated(20, 1.0, 1.4, "eval_a"),
                    evaluated(20, 3.0, 2.4, "eval_b"),
                    trained(32.0, 20),
                ],
                20,
            )
        ],
        [told(2, 8.0, 32.0, 0.25, "every_epoch", 20, sets=2)],
        unlike={
            "llamafactory": {**UNTIMED, "sets": ...},
            "wandb_summary": {"sets": ...},
            "results": {"sets": ...},
        },
    ),
    # twice 2 s and 3 s, of 40 s; after it 7 s
    "predictions": Scenario(
        [
            Training(
                10,
                [
                    loss(10),
                    evaluated(10, 2.0, 1.5),
                    evaluated(10, 3.0, 1.6, "predict"),
                    loss(20),
                    evaluated(20, 2.0, 1.3),
                    evaluated(20, 3.0, 1.4, "predict"),
                    trained(40.0, 20),
                    evaluated(20, 7.0, 1.2, "predict"),
                ],
                20,
            )
        ],
        [told(2, 10.0, 40.0, 0.25, "every_epoch", 20, after=1, after_s=7.0)],
    ),
    # 3 x 2 s of 48 s; the rates of transformers 4 are of all 100 steps that were planned
    "stopped early": Scenario(
        [Training(10, [*every((10, 20, 30), 2.0), trained(48.0, 30, counted=100)], 100)],
        [told(3, 6.0, 48.0, 0.125, "every_epoch", 30, trained_samples=120.0)],
        # how many of the steps were done, neither the rates nor their file say
        unlike={
            **same(
                ("printed_4", "printed_5", "notebook", "wandb_log", "results"),
                steps=...,
                trained_samples=...,
            ),
            "wandb_summary": {"trained_samples": ...},
            "llamafactory": {"trained_samples": None},
        },
    ),
    # 20 steps in one process, 20 in another, of which alone train_runtime is: transformers 5
    "resumed": Scenario(
        [
            Training(
                10,
                [*every((10, 20), 2.0), RESUMED, *every((30, 40), 2.0), trained(25.0, 40, 20)],
                40,
            )
        ],
        [told(4, 8.0, None, None, "every_epoch", 40)],
        unlike={
            "results": {"training_s": 25.0, "steps": ...},
            # its clock begins anew with the second part: 24 s and 25 s
            "llamafactory": {"training_s": 49.0, "share": 8 / 49},
        },
    ),
    # transformers 4: all 40 steps are counted, and the losses of 20 divided by them
    "resumed, of old": Scenario(
        [
            Training(
                10,
                [
                    *every((10, 20), 2.0),
                    RESUMED,
                    *every((30, 40), 2.0),
                    trained(25.0, 40, mean=0.5),
                ],
                40,
            )
        ],
        [told(4, 8.0, None, None, "every_epoch", 40)],
        unlike={
            "results": {"training_s": 25.0},
            "wandb_summary": {"training_s": ...},
            "llamafactory": {"training_s": 49.0, "share": 8 / 49},
        },
    ),
    # 2 x 1 s of 25 s, then 2 x 3 s of 30 s
    "two trainings": Scenario(
        [
            Training(10, [*every((10, 20), 1.0), trained(25.0, 20)], 20),
            Training(10, [*every((10, 20), 3.0, train=0.7), trained(30.0, 20, mean=0.7)], 20),
        ],
        [
            told(2, 2.0, 25.0, 0.08, "every_epoch", 20),
            told(2, 6.0, 30.0, 0.2, "every_epoch", 20),
        ],
        # 2 s of the first training are 2.0 +- 1.2 s by its clock, which says no share
        unlike={"llamafactory": {"share": ...}},
    ),
    # 20 of 40 steps: 20 s and 2 x 2 s have passed
    "cut off": Scenario(
        [Training(10, every((10, 20), 2.0), 40)],
        [told(2, 4.0, None, None, "every_epoch", 20)],
        unlike={
            "llamafactory": {"training_s": 24.0, "share": 4 / 24},
            "results": None,
        },
    ),
    # 3 x 2 s of 40 s; from the second on nothing is a number
    "diverged": Scenario(
        [
            Training(
                10,
                [
                    *every((10,), 2.0),
                    *every((20, 30), 2.0, value=math.nan),
                    trained(40.0, 30, mean=math.nan),
                ],
                30,
            )
        ],
        [told(3, 6.0, 40.0, 0.15, "every_epoch", 30)],
    ),
    # 2 x 3 s of 24 s
    "no loss of evaluation": Scenario(
        [
            Training(
                9,
                [*every((9, 18), 3.0, value=None, accuracy=0.5, f1=0.4), trained(24.0, 18)],
                18,
            )
        ],
        [told(2, 6.0, 24.0, 0.25, "every_epoch", 18, generates="no", kind="metric")],
        unlike={
            "llamafactory": {**UNTIMED, "generates": ..., "kind": ...},
            "wandb_summary": {"generates": ..., "kind": ...},
            "results": {"generates": ..., "kind": ...},
        },
    ),
    # 9 s and 3 x 1 s of 48 s
    "slow at first": Scenario(
        [
            Training(
                9,
                [
                    loss(9),
                    evaluated(9, 9.0, 1.9),
                    *every((18, 27, 36), 1.0),
                    trained(48.0, 36),
                ],
                36,
            )
        ],
        [told(4, 12.0, 48.0, 0.25, "every_epoch", 36, first_evaluation_s=9.0, first_share=0.75)],
        unlike=same(("wandb_summary", "results"), first_evaluation_s=None, first_share=None),
    ),
    # 3 x 30 s of 100 s: a step takes a third of a second
    "evaluates longer than it trains": Scenario(
        [Training(10, [*every((10, 20, 30), 30.0), trained(100.0, 30)], 30, step_s=0.3)],
        [told(3, 90.0, 100.0, 0.9, "every_epoch", 30)],
    ),
    # 2 x 10 s of 50 s
    "generates": Scenario(
        [
            Training(
                15,
                [*every((15, 30), 10.0, bleu=21.5, gen_len=33.25), trained(50.0, 30)],
                30,
            )
        ],
        [told(2, 20.0, 50.0, 0.4, "every_epoch", 30, generates="yes", kind="generate")],
        unlike=same(("llamafactory", "wandb_summary", "results"), generates=..., kind=...),
    ),
    # 4 x 50,000 s of 1,000,000 s, which is 11 days and 14 hours
    "very large": Scenario(
        [
            Training(
                250_000,
                [
                    *every((250_000, 500_000, 750_000, 1_000_000), 50_000.0),
                    trained(1e6, 1_000_000),
                ],
                1_000_000,
                step_s=0.75,
            )
        ],
        [told(4, 2e5, 1e6, 0.2, "every_epoch", 1_000_000)],
    ),
    # 2 x 0.0003 s of 0.003 s, of which a clock of whole seconds sees nothing
    "very small": Scenario(
        [Training(10, [*every((10, 20), 0.0003), trained(0.003, 20)], 20, step_s=0.0001)],
        [told(2, 0.0006, 0.003, 0.2, "every_epoch", 20)],
        unlike={"llamafactory": {"training_s": None, "evaluation_s": None, "share": None}},
    ),
}


def cases() -> Iterator[Any]:
    for name in FORMATS:
        for title, scenario in SCENARIOS.items():
            if scenario.unlike.get(name, {}) is not None:
                yield pytest.param(name, scenario, id=f"{name}-{title}")


@pytest.mark.parametrize(("name", "scenario"), list(cases()))
def test_a_training_is_read_the_same_in_every_format(
    name: str, scenario: Scenario, tmp_path: Path
) -> None:
    form = FORMATS[name]
    form.write(tmp_path, scenario.trainings)
    reading = read_runs([tmp_path])
    assert reading.unread == []
    expected = scenario.right[-1:] if form.keeps_last else scenario.right
    assert len(reading.runs) == len(expected)
    for run, right in zip(reading.runs, expected, strict=True):
        if form.by_epochs and scenario.by_epochs:
            right = {**right, "schedule": scenario.by_epochs}
        right = {**right, **form.unsaid, **(scenario.unlike.get(name) or {})}
        asked = {what: value for what, value in right.items() if value is not ...}
        found = figures(audited(run, 0.05))
        assert {what: found[what] for what in asked} == {
            # TensorBoard has single precision, transformers 5 prints four digits
            what: pytest.approx(value, rel=1e-3) if isinstance(value, float) else value
            for what, value in asked.items()
        }


def figures(run: AuditedRun) -> dict[str, Any]:
    return {
        **dict(run),
        "schedule": str(run.schedule),
        "after": run.evaluations_after,
        "after_s": run.evaluation_after_s,
    }


def audits(*paths: Path) -> list[AuditedRun]:
    reading = read_runs(list(paths))
    assert reading.unread == []
    return [audited(run, 0.05) for run in reading.runs]


def of_text(folder: Path, text: str | bytes, name: str = "train.log") -> AuditedRun:
    (found,) = audits(written(folder / name, text))
    return found


def costs(run: AuditedRun) -> tuple[Any, ...]:
    return run.training_s, run.evaluations, run.evaluation_s, run.evaluations_after


@pytest.mark.parametrize("name", ["state", "llamafactory", "results", "wandb_summary", "notebook"])
def test_a_file_may_begin_with_a_bom(name: str, tmp_path: Path) -> None:
    path = FORMATS[name].write(tmp_path, SCENARIOS["every epoch"].trainings)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (found,) = audits(path)
    assert found.training_s == 40.0


def test_whole_seconds_of_a_clock_are_said_to_be_so(tmp_path: Path) -> None:
    form = FORMATS["llamafactory"]
    (clocked,) = audits(form.write(tmp_path, SCENARIOS["every 5 steps"].trainings))
    # each is off by at most a second, so that four are by less than four
    assert clocked.evaluation_error_s is not None
    assert 0 < clocked.evaluation_error_s < 4
    (timed,) = audits(FORMATS["state"].write(tmp_path / "b", SCENARIOS["every 5 steps"].trainings))
    assert timed.evaluation_error_s is None


def test_an_evaluation_made_twice_is_two(tmp_path: Path) -> None:
    # of one set at one step: 2 s and 3 s, of 25 s
    log = [loss(20), evaluated(20, 2.0, 1.5), evaluated(20, 3.0, 1.5), trained(25.0, 20)]
    (found,) = audits(write_state(tmp_path, [Training(10, log, 20)]))
    assert costs(found) == (25.0, 2, 5.0, 0)
    assert found.sets == 1


def test_what_comes_before_the_first_step_is_no_evaluation(tmp_path: Path) -> None:
    # a minute goes by before the first step, which takes a second; 5 steps and 3 s of evaluation
    places = [(10, "loss", "0:01:10"), (20, "loss", "0:01:20"), (25, "eval_loss", "0:01:28")]
    lines = [
        {"current_steps": step, "total_steps": 25, what: 1.0, "elapsed_time": elapsed}
        for step, what, elapsed in places
    ]
    text = "\n".join(map(json.dumps, lines))
    assert costs(of_text(tmp_path, text, "trainer_log.jsonl")) == (88.0, 1, 3.0, 0)


def test_a_training_of_which_the_last_loss_is_high_is_not_taken_for_resumed(tmp_path: Path) -> None:
    # the summary of Weights & Biases has the last loss alone, which says nothing of the mean
    training = Training(10, [loss(10, 1.0), loss(20, 1.3), trained(25.0, 20, mean=1.15)], 20)
    (found,) = audits(FORMATS["wandb_summary"].write(tmp_path, [training]))
    assert found.training_s == 25.0


# --- as trainers of others write them

SFT = """\
{'loss': '1.412', 'grad_norm': '0.81', 'learning_rate': '0.0002', 'entropy': '1.39', \
'num_tokens': '2.048e+04', 'mean_token_accuracy': '0.671', 'epoch': '0.5'}
{'eval_loss': '1.377', 'eval_runtime': '3.5', 'eval_samples_per_second': '14.29', \
'eval_steps_per_second': '2', 'eval_entropy': '1.35', 'eval_num_tokens': '2.048e+04', \
'eval_mean_token_accuracy': '0.6802', 'epoch': '0.5'}
{'loss': '1.301', 'grad_norm': '0.77', 'learning_rate': '0.0001', 'entropy': '1.31', \
'num_tokens': '4.096e+04', 'mean_token_accuracy': '0.689', 'epoch': '1'}
{'eval_loss': '1.342', 'eval_runtime': '3.5', 'eval_samples_per_second': '14.29', \
'eval_steps_per_second': '2', 'eval_entropy': '1.32', 'eval_num_tokens': '4.096e+04', \
'eval_mean_token_accuracy': '0.6873', 'epoch': '1'}
{'train_runtime': '70', 'train_samples_per_second': '5.714', 'train_steps_per_second': '0.7143', \
'train_loss': '1.356', 'entropy': '1.3', 'num_tokens': '4.1e+04', 'mean_token_accuracy': '0.69', \
'epoch': '1'}
"""

DPO = """\
{'loss': 0.6931, 'grad_norm': 4.25, 'learning_rate': 5e-07, 'rewards/chosen': 0.0, \
'rewards/rejected': 0.0, 'rewards/accuracies': 0.0, 'rewards/margins': 0.0, \
'logps/chosen': -271.5, 'logps/rejected': -243.25, 'logits/chosen': -2.5, \
'logits/rejected': -2.375, 'epoch': 0.07}
{'loss': 0.6402, 'grad_norm': 4.5, 'learning_rate': 4e-07, 'rewards/chosen': -0.0625, \
'rewards/rejected': -0.1875, 'rewards/accuracies': 0.6875, 'rewards/margins': 0.125, \
'logps/chosen': -280.0, 'logps/rejected': -262.5, 'logits/chosen': -2.5, \
'logits/rejected': -2.25, 'epoch': 0.5}
{'eval_loss': 0.6179, 'eval_runtime': 12.5, 'eval_samples_per_second': 4.0, \
'eval_steps_per_second': 0.48, 'eval_rewards/chosen': -0.25, 'eval_rewards/rejected': -0.4375, \
'eval_rewards/accuracies': 0.703125, 'eval_rewards/margins': 0.1875, \
'eval_logps/chosen': -284.0, 'eval_logps/rejected': -259.0, 'eval_logits/chosen': -2.125, \
'eval_logits/rejected': -2.0, 'epoch': 0.5}
{'train_runtime': 125.0, 'train_samples_per_second': 1.6, 'train_steps_per_second': 0.2, \
'train_loss': 0.66, 'epoch': 1.0}
"""

AXOLOTL = """\
[2026-01-02 03:04:05,678] [INFO] [axolotl.utils.data.sft:97] [PID:4242] [RANK:0] max_steps: 30
[2026-01-02 03:04:09,001] [INFO] [axolotl.train.train:500] [PID:4242] [RANK:0] Starting trainer...
  0%|          | 0/30 [00:00<?, ?it/s] 33%|███▎      | 10/30 [00:10<00:20,  1.00s/it]\
{'loss': 1.21, 'grad_norm': 0.33, 'learning_rate': 0.0002, 'memory/max_active (GiB)': 11.3, \
'memory/max_alloc (GiB)': 11.3, 'memory/device_reserved (GiB)': 12.07, \
'tokens_per_second_per_gpu': 2101.4, 'epoch': 0.3333}

  0%|          | 0/4 [00:00<?, ?it/s]\r 50%|█████     | 2/4 [00:01<00:01,  1.0it/s]\r\
100%|██████████| 4/4 [00:02<00:00,  1.9it/s]
[2026-01-02 03:04:22,118] [INFO] {'eval_loss': 1.19, 'eval_runtime': 2.5, \
'eval_samples_per_second': 3.2, 'eval_steps_per_second': 1.6, 'memory/max_active (GiB)': 11.9, \
'memory/max_alloc (GiB)': 11.9, 'memory/device_reserved (GiB)': 12.07, 'epoch': 0.3333}
 67%|██████▋   | 20/30 [00:22<00:10,  1.00s/it]{'loss': 1.15, 'grad_norm': 0.31, \
'learning_rate': 0.0001, 'memory/max_alloc (GiB)': 11.3, 'epoch': 0.6667}
[2026-01-02 03:04:35,118] [INFO] {'eval_loss': 1.16, 'eval_runtime': 2.5, \
'eval_samples_per_second': 3.2, 'eval_steps_per_second': 1.6, 'memory/max_alloc (GiB)': 11.9, \
'epoch': 0.6667}
100%|██████████| 30/30 [00:40<00:00,  1.00s/it]{'train_runtime': 40.0, \
'train_samples_per_second': 6.0, 'train_steps_per_second': 0.75, 'train_loss': 1.17, \
'memory/max_alloc (GiB)': 11.9, 'epoch': 1.0}
[2026-01-02 03:04:51,900] [INFO] [axolotl.train.save_trained_model:230] [PID:4242] Saved to ./out
"""

BANNER = """\
🦥 Unsloth: Will patch your computer to enable 2x faster free finetuning.
==((====))==  Unsloth - 2x faster free finetuning | Num GPUs used = 1
   \\\\   /|    Num examples = 80 | Num Epochs = 2 | Total steps = 20
O^O/ \\_/ \\    Batch size per device = 2 | Gradient accumulation steps = 4
\\        /    Data Parallel GPUs = 1 | Total batch size (2 x 4 x 1) = 8
 "-____-"     Trainable parameters = 4,194,304 of 1,240,000,000 (0.34% trained)
Unsloth: Will smartly offload gradients to save VRAM!
"""

UNSLOTH = f"""\
{BANNER}{{'loss': 1.61, 'grad_norm': 0.9, 'learning_rate': 0.0002, 'epoch': 1.0}}
{{'eval_loss': 1.58, 'eval_runtime': 5.0, 'eval_samples_per_second': 4.0, \
'eval_steps_per_second': 2.0, 'epoch': 1.0}}
{{'loss': 1.43, 'grad_norm': 0.8, 'learning_rate': 0.0001, 'epoch': 2.0}}
{{'train_runtime': 50.0, 'train_samples_per_second': 3.2, 'train_steps_per_second': 0.4, \
'train_loss': 1.52, 'epoch': 2.0}}
"""


@pytest.mark.parametrize(
    ("text", "right", "share", "schedule", "steps"),
    [
        # 2 x 3.5 s of 70 s
        (SFT, (70.0, 2, 7.0, 0), 0.1, "every_n_epochs count=0.5", 50),
        # 12.5 s of 125 s
        (DPO, (125.0, 1, 12.5, 0), 0.1, "every_n_epochs count=0.5", 25),
        # 2 x 2.5 s of 40 s
        (AXOLOTL, (40.0, 2, 5.0, 0), 0.125, "every_n_epochs count=0.333", 30),
        # 5 s of 50 s
        (UNSLOTH, (50.0, 1, 5.0, 0), 0.1, "every_epoch", 20),
    ],
    ids=["TRL, SFT", "TRL, DPO", "Axolotl", "Unsloth"],
)
def test_trainers_of_others(
    text: str, right: Any, share: float, schedule: str, steps: int, tmp_path: Path
) -> None:
    found = of_text(tmp_path, text)
    assert costs(found) == right
    assert found.share == pytest.approx(share)
    assert str(found.schedule) == schedule
    assert found.steps == steps
    # all that they log beside the loss comes out of the same passes
    assert (found.generates, found.kind) == ("no", "loss")


def table(*rows: str, heads: str = "Step,Training Loss,Validation Loss") -> str:
    """What transformers shows in a notebook while it trains."""
    cells = "".join(
        "<tr>" + "".join(f"<td>{each}</td>" for each in row.split(",")) + "</tr>" for row in rows
    )
    names = "".join(f"<th>{each}</th>" for each in heads.split(","))
    return (
        "<div><progress value='20' max='20'></progress> [20/20 00:50, Epoch 2/2]</div>"
        f'<table border="1" class="dataframe"><thead><tr>{names}</tr></thead>'
        f"<tbody>{cells}</tbody></table><p>"
    )


def shown_table(html: str) -> str:
    training = Training(10, [trained(50.0, 20, mean=1.52)], 20)
    plain = "<IPython.core.display.HTML object>"
    return notebook(stream(BANNER), shown(plain, html), shown(train_output(training)))


def test_a_table_of_a_notebook_has_no_times(tmp_path: Path) -> None:
    html = table("10,1.610000,1.580000", "20,1.430000,1.490000")
    found = of_text(tmp_path, shown_table(html), "unsloth.ipynb")
    assert (found.training_s, found.steps) == (50.0, 20)
    # it evaluated twice, which took nobody knows how long
    assert (found.evaluation_s, found.share) == (None, None)
    # one without evaluation: the losses of training alone
    html = table("10,1.610000", "20,1.430000", heads="Step,Training Loss")
    found = of_text(tmp_path, shown_table(html), "without.ipynb")
    assert (found.training_s, found.evaluations, found.share) == (50.0, 0, 0.0)


def test_a_runtime_so_far_is_no_end_of_training(tmp_path: Path) -> None:
    # include_num_input_tokens_seen: each loss comes with train_runtime as it stands
    text = """\
{'loss': '1.5', 'epoch': '0.5', 'num_input_tokens_seen': 2800, 'train_runtime': '10.7', \
'train_tokens_per_second': '261.7'}
{'eval_loss': '1.4', 'eval_runtime': '2', 'epoch': '0.5', 'num_input_tokens_seen': 2800}
{'loss': '1.3', 'epoch': '1', 'num_input_tokens_seen': 5600, 'train_runtime': '22.1', \
'train_tokens_per_second': '253.4'}
{'eval_loss': '1.2', 'eval_runtime': '2', 'epoch': '1', 'num_input_tokens_seen': 5600}
{'train_runtime': '25', 'train_samples_per_second': '3.2', 'train_steps_per_second': '0.8', \
'train_loss': '1.4', 'epoch': '1', 'num_input_tokens_seen': 5600}
"""
    assert costs(of_text(tmp_path, text)) == (25.0, 2, 4.0, 0)


# --- what is read as an entry, and what is not

PLAIN = """\
{'loss': 1.5, 'epoch': 1.0}
{'eval_loss': 1.4, 'eval_runtime': 3.0, 'epoch': 1.0}
{'train_runtime': 30.0, 'train_loss': 1.5, 'epoch': 1.0}
"""
LOST = """\
{'loss': '1.5', 'epoch': '1'}
100%|█████| 4/4 [00:03<00:00]oss': '0.671', 'eval_runtime': '3', 'epoch': '1'}
{'train_runtime': '30', 'train_loss': '1.5', 'epoch': '1'}
"""
READ = {
    "as it is printed": PLAIN,
    "over several lines": PLAIN.replace(", ", ",\n   ").replace("{", "{\n   ").replace("}", "\n}"),
    "over several lines, after others": "Training begins.\n"
    + PLAIN.replace(", ", ",\n   ").replace("{", "{\n   ").replace("}", "\n}"),
    "after a bar": PLAIN.replace("{'e", "100%|█████| 4/4 [00:03<00:00,  1.3it/s]{'e"),
    "its beginning lost to a bar": LOST,
    "bars that go back": PLAIN.replace("{'e", "\r 50%|██ | 2/4 [00:01]\r100%|█| 4/4 [00:03]\r{'e"),
    # of one line that is longer than is kept of it
    "a great many bars": PLAIN.replace("{'e", "\r 50%|██ | 2/4 [00:01]" * 60_000 + "\r{'e"),
    "lines of Windows": PLAIN.replace("\n", "\r\n"),
    "after a BOM": b"\xef\xbb\xbf" + PLAIN.encode(),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "between colours": PLAIN.replace("{", "\x1b[32m{").replace("}", "}\x1b[0m"),
    "with its result printed": PLAIN
    + "TrainOutput(global_step=10, training_loss=1.5, metrics={'train_runtime': 30.0, "
    "'train_loss': 1.5, 'epoch': 1.0})\n",
    "with tables of results": PLAIN
    + "***** train metrics *****\n  epoch         = 1.0\n  train_runtime = 0:00:30.00\n",
    "with its settings": "{'eval_steps': 500, 'eval_batch_size': 8, 'eval_delay': 0}\n"
    'TrainingArguments(\neval_strategy=steps,\neval_steps=500,\n)\n{\n  "eval_batch_size": 8\n}\n'
    + PLAIN,
    # what our own callback adds up is none
    "with our own metrics": PLAIN.replace(
        "{'train",
        "{'eval_cost/seconds': 3.0, 'eval_cost/share': 0.1, 'eval_cost/evaluations': 1}\n"
        "{'eval_cost/loss': 1.0, 'eval_cost_runtime': 3.0}\n{'train",
    ),
    "after a dump of JSON": '{\n  "model_type": "llama",\n  "eval_steps": 500\n}\n' + PLAIN,
    "half a line at its end": PLAIN + "{'eval_loss': 1.3, 'eval_runtime': 9.0, 'epo",
    "with numbers of numpy": PLAIN.replace("3.0,", "np.float64(3.0),"),
    "as JSON": PLAIN.replace("'", '"'),
    "as a list of entries": json.dumps([ast.literal_eval(line) for line in PLAIN.splitlines()]),
    "bytes that are no text": PLAIN.encode() + b"\xff\xfe\xfa\n",
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_what_is_read_as_an_entry(text: str | bytes, tmp_path: Path) -> None:
    # one evaluation of 3 s in 30 s
    assert costs(of_text(tmp_path, text)) == (30.0, 1, 3.0, 0)


QUOTED = "It prints {'loss': 1.5, 'epoch': 1.0} and {'eval_loss': 1.4, 'eval_runtime': 3.0}."
NO_LOGS: dict[str, str | bytes] = {
    "config.json": '{"model_type": "llama", "hidden_size": 64, "eval_steps": 500}',
    "tokenizer.json": json.dumps({"model": {"vocab": {"loss": 1, "eval_loss": 2}}}),
    "trainer.py": "logs = {'loss': 1.0, 'eval_loss': 2.0, 'eval_runtime': 3.0}\n" * 4,
    # rows of data that speak of logs
    "data.jsonl": f"{json.dumps({'text': QUOTED, 'label': 0})}\n" * 4,
    "rows.json": json.dumps([{"text": QUOTED}] * 4, indent=1),
    "settings.log": "{'eval_steps': 500, 'eval_batch_size': 8}\n{'eval_cost/share': 0.1}\n",
    "notes.ipynb": notebook(stream("{'eval_steps': 500}\n")),
    "adapter_config.json": '{"lora_alpha": 16, "r": 8}',
    "model.safetensors": b"\x10\0\0\0\0\0\0\0{}",
}


@pytest.mark.parametrize("name", NO_LOGS)
def test_a_search_passes_over_what_is_no_log(name: str, tmp_path: Path) -> None:
    written(tmp_path / name, NO_LOGS[name])
    reading = read_runs([tmp_path])
    assert (reading.runs, reading.unread, reading.files) == ([], [], 0)


def test_a_log_among_many_files_and_links_in_a_circle(tmp_path: Path) -> None:
    for number in range(2_000):
        written(tmp_path / f"many/{number % 7}/{number}.json", '{"model_type": "llama"}')
    log = written(tmp_path / "many/3/train.log", PLAIN)
    (tmp_path / "many/3/again").symlink_to(tmp_path / "many", target_is_directory=True)
    (found,) = audits(tmp_path)
    assert costs(found) == (30.0, 1, 3.0, 0)
    assert [source.path for source in found.sources] == [str(log)]


# --- several files

TUNED = Training(
    10,
    [*every((10, 20, 30), 2.0), trained(50.0, 30), evaluated(30, 4.0, 1.9)],
    30,
)
"""Evaluates 3 x 2 s in 50 s, and 4 s after it."""


def without_end(training: Training, count: int) -> Training:
    """As much of it as its first entries are."""
    return Training(training.in_epoch, training.log[:count], training.planned)


def write_folder(folder: Path) -> None:
    """What LLaMA-Factory leaves of one run."""
    # a checkpoint is saved after its evaluation, and the state before the last one
    write_state(folder / "checkpoint-20", [without_end(TUNED, 4)])
    write_state(folder, [without_end(TUNED, 7)])
    write_llamafactory(folder, [TUNED])
    write_tensorboard(folder, [TUNED])
    write_printed_5(folder, [TUNED])
    results = json.loads(write_results(folder, [TUNED]).read_text())
    for part in ("train", "eval"):
        of_part = {n: v for n, v in results.items() if n.startswith(f"{part}_") or n == "epoch"}
        written(folder / f"{part}_results.json", json.dumps(of_part))


def test_all_files_of_a_run_are_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "saves"
    write_folder(folder)
    (found,) = audits(folder)
    assert len(found.sources) == 9
    assert found.name == str(folder)
    assert costs(found) == (50.0, 3, 6.0, 1)
    assert found.evaluation_after_s == 4.0
    assert found.share == pytest.approx(0.12)
    # 10 of 54 s
    assert found.share_with_after == pytest.approx(10 / 54)
    assert found.evaluation_error_s is None
    assert (found.steps, found.planned_steps, found.epochs) == (30, 30, 3)
    assert found.warnings == []


@pytest.mark.parametrize(
    "missing", ["trainer_state", "trainer_log", "events", "nohup", "all_results"]
)
def test_a_run_is_the_same_without_one_of_its_files(missing: str, tmp_path: Path) -> None:
    write_folder(tmp_path)
    for path in sorted(tmp_path.rglob(f"*{missing}*")):
        path.unlink()
    (found,) = audits(tmp_path)
    assert costs(found) == (50.0, 3, 6.0, 1)
    assert found.evaluation_after_s == pytest.approx(4.0)


def test_a_checkpoint_is_part_of_its_run(tmp_path: Path) -> None:
    for count in (2, 4):
        write_state(tmp_path / f"checkpoint-{5 * count}", [without_end(TUNED, count)])
    write_state(tmp_path, [TUNED])
    (found,) = audits(tmp_path)
    assert len(found.sources) == 3
    assert costs(found) == (50.0, 3, 6.0, 1)
    # of checkpoints alone, it is not known how long training took
    (tmp_path / "trainer_state.json").unlink()
    (found,) = audits(tmp_path)
    assert costs(found) == (None, 2, 4.0, 0)


def other(seconds: float, value: float, whole: float) -> Training:
    log = [*every((10, 20, 30), seconds, train=value, value=value), trained(whole, 30, mean=value)]
    return Training(10, log, 30)


def test_runs_are_told_apart(tmp_path: Path) -> None:
    first = other(2.0, 1.0, 40.0)
    # another run, and the same seed again: its losses are equal, its seconds are not
    for name, second in {
        "different": other(3.0, 0.8, 50.0),
        "again": other(2.1, 1.0, 42.0),
    }.items():
        folder = tmp_path / name
        write_printed_4(folder / "a", [first])
        write_printed_4(folder / "b", [second])
        assert len(audits(folder)) == 2
        (folder / "b/train.log").rename(folder / "a/second.log")
        assert len(audits(folder)) == 2
        write_state(folder / "c", [first])
        write_state(folder / "d", [second])
        found = audits(folder)
        assert [len(run.sources) for run in found] == [2, 2]
    # without evaluations there are losses and the whole time alone
    for name, whole in {"a": 40.0, "b": 42.0}.items():
        log = [*map(loss, (10, 20, 30)), trained(whole, 30)]
        write_state(tmp_path / "bare" / name, [Training(10, log, 30)])
    assert len(audits(tmp_path / "bare")) == 2
    # copies are the run itself
    for name in ("a", "b", "c"):
        write_state(tmp_path / "copies" / name, [first])
    (found_once,) = audits(tmp_path / "copies")
    assert costs(found_once) == (40.0, 3, 6.0, 0)


def test_both_parts_of_a_resumed_run_are_added_up(tmp_path: Path) -> None:
    begin, end = every((10, 20), 2.0), every((30, 40), 2.0, value=1.8)
    # stopped after 25 s, taken up from its last checkpoint, ended 27 s later
    write_state(tmp_path / "first", [Training(10, [*begin, trained(25.0, 20)], 40)])
    second = Training(10, [*begin, *end, trained(27.0, 40, 20)], 40)
    write_state(tmp_path / "second", [second])
    (found,) = audits(tmp_path)
    assert costs(found) == (52.0, 4, 8.0, 0)
    assert found.share == pytest.approx(8 / 52)
    # alone, it says that it is the time of a part
    (alone,) = audits(tmp_path / "second")
    assert (alone.training_s, alone.share) == (None, None)
    assert alone.share_unknown is not None
    assert alone.share_unknown.code == "training_resumed"


# --- bad input

BAD = {
    "empty": b"",
    "blank": b" \n\n",
    "binary": bytes(range(256)) * 40,
    "zeros": b"\0" * 4096,
    "not JSON": b'{"log_history": [}',
    "JSON cut off": b'{"log_history": [{"loss": 1.0, "step": 1}, {"eval_lo',
    "a list": b"[1, 2, 3]",
    "a list of entries": b'[{"loss": 1.0}]',
    "no list": b'{"log_history": {"loss": 1.0}}',
    "null": b'{"log_history": null}',
    "nested": b'{"log_history": ' + b"[" * 100_000,
    "nested and closed": b'{"log_history": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested lines": (b"[" * 100_000 + b"\n") * 3,
    "nested entry": b'{"current_steps": 1, "elapsed_time": ' + b"[" * 100_000,
    "nested cells": b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "braces": b"{" * 100_000 + b"'loss': " * 1_000,
    "one long line": b"x" * 3_000_000,
    "half of UTF-16": b"\xff\xfe{",
    "events cut off": b"\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22\t\0\0brain.Event:",
    "cells that are none": b'{"cells": [1, null, {"outputs": 3}, {"outputs": [null, {"text": 1}]}'
    b"]}",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_bad_input_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / "log", content)
    with pytest.raises((UnfitLog, NotALog)) as raised:
        read_file(str(path))
    assert str(raised.value).count("\n") == 0
    assert str(path) in str(raised.value)
    # and among others it is passed over
    written(tmp_path / "train.log", PLAIN)
    reading = read_runs([tmp_path])
    assert len(reading.runs) == 1


def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    os.mkfifo(tmp_path / "pipe")
    written(tmp_path / "train.log", PLAIN)
    for path in (circle, tmp_path / "none", tmp_path, tmp_path / "pipe", tmp_path / ("n" * 300)):
        with pytest.raises(UnfitLog) as raised:
            read_file(str(path))
        assert str(raised.value).count("\n") == 0
    reading = read_runs([tmp_path / "none", tmp_path / "no*", tmp_path])
    assert len(reading.runs) == 1
    assert {line.partition(": ")[0] for line in reading.unread} >= {
        str(tmp_path / "none"),
        str(tmp_path / "no*"),
    }


@pytest.mark.parametrize(
    "name", ["two\nlines", "\x1b[31mred\x07", "n" * 250, "[a]*?", "-", "%s {0}"]
)
def test_any_name_of_a_file(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, PLAIN)
    (found,) = audits(tmp_path)
    assert costs(found) == (30.0, 1, 3.0, 0)
    (found,) = audits(path)
    assert found.name == str(path)
    path.write_bytes(b"{")
    with pytest.raises((UnfitLog, NotALog)) as raised:
        read_file(str(path))
    assert re.search(r"[\n\x1b\x07]", str(raised.value)) is None


HOSTILE = [
    "1e400",
    "-1e400",
    "-1",
    "-0",
    "0",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e308",
    "1e-320",
    "9" * 400,
    "-" + "9" * 50,
    "null",
    "true",
    "[]",
    "{}",
    '""',
    '"x"',
    '"1e999"',
    '"nan"',
    '"' + "9" * 5_000 + '"',
]
"""Values that a place of a number may hold."""

NAMES = ("step", "epoch", "loss", "eval_loss", "eval_runtime", "train_runtime", "train_loss")
RATES = ("eval_samples_per_second", "train_samples_per_second", "train_steps_per_second")
OF_STATE = ("global_step", "max_steps", "num_train_epochs", "best_metric", "best_global_step")


def numbers(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a summary, and where they stand."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from numbers(each, f"{where}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each, where)
    elif isinstance(value, int | float):
        yield where, value


def assert_sound(runs: Sequence[FinishedRun]) -> None:
    """Whatever a log holds, figures are numbers, and times and shares such as there can be."""
    for run in merged(runs):
        found = audited(run, 0.05)
        for where, number in numbers(found.model_dump()):
            # which documents its infinity
            is_documented = where == ".missed.policies.regret" and number == math.inf
            assert math.isfinite(number) or is_documented, where
            if where.endswith(("_s", "share", "samples", "steps", "epochs")):
                assert number >= 0, where
        assert found.share is None or found.share <= 1


@pytest.mark.parametrize("name", [*NAMES, *RATES, *OF_STATE, "epoch of state"])
def test_hostile_numbers(name: str, tmp_path: Path) -> None:
    log = every((10, 20, 30, 40, 50, 60), 2.0)
    training = Training(
        10,
        [*log, trained(90.0, 60)],
        60,
        state={"best_metric": 1.6, "best_global_step": 60},
    )
    document = json.loads(write_state(tmp_path, [training]).read_text())
    entries = document["log_history"]
    for value in HOSTILE:
        mark = "@@"
        holders = [entry for entry in entries if name in entry]
        if not holders:
            holders = [document]
        for places in ([holders[0]], [holders[-1]], holders):
            key = name.partition(" ")[0]
            before = [each[key] for each in places]
            for each in places:
                each[key] = mark
            text = json.dumps(document).replace(f'"{mark}"', value)
            for each, old in zip(places, before, strict=True):
                each[key] = old
            try:
                runs = read_file(str(written(tmp_path / "trainer_state.json", text)))
            except (UnfitLog, NotALog):
                continue
            assert_sound(runs)


@pytest.mark.parametrize(
    "elapsed",
    [
        "9" * 400 + " days, 0:00:30",
        "0:00:" + "9" * 400,
        "-1 day, 23:59:59",
        "0:00:00",
        "",
        30,
        None,
    ],
)
def test_hostile_clocks(elapsed: Any, tmp_path: Path) -> None:
    path = write_llamafactory(tmp_path, SCENARIOS["every epoch"].trainings)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    for place in range(len(entries)):
        changed_entries = [dict(entry) for entry in entries]
        changed_entries[place]["elapsed_time"] = elapsed
        path.write_text("\n".join(map(json.dumps, changed_entries)))
        assert_sound(read_file(str(path)))


# --- logs that were changed at random

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def changed(source: random.Random, content: bytes) -> bytes:
    """The same after a few changes: of a byte, a part, a line, or numbers."""
    for _ in range(source.randint(1, 5)):
        if not content:
            break
        begin = source.randrange(len(content))
        end = min(len(content), begin + source.randint(1, 200))
        lines = content.split(b"\n")
        one, two = source.randrange(len(lines)), source.randrange(len(lines))
        kind = source.choice(["byte", "cut", "twice", "out", "swap", "line", "value", "value"])
        if kind == "byte":
            content = content[:begin] + bytes([source.randrange(256)]) + content[begin + 1 :]
        elif kind == "cut":
            content = content[:begin]
        elif kind == "twice":
            content = content[:end] + content[begin:]
        elif kind == "out":
            content = content[:begin] + content[end:]
        elif kind == "swap":
            lines[one], lines[two] = lines[two], lines[one]
            content = b"\n".join(lines)
        elif kind == "line":
            content = b"\n".join([*lines[:one], lines[two], *lines[one:]])
        else:
            found = list(NUMBER.finditer(content))
            chosen = source.sample(found, min(len(found), source.randint(1, 8)))
            for match in sorted(chosen, key=lambda each: -each.start()):
                other_number = source.choice([*HOSTILE, source.choice(found)[0].decode()])
                content = content[: match.start()] + other_number.encode() + content[match.end() :]
    return content


def changed_logs(name: str, folder: Path, count: int) -> None:
    training = Training(
        10,
        [
            *every((10, 20, 30, 40, 50, 60), 2.0, accuracy=0.5),
            evaluated(60, 1.0, 1.2, "test"),
            trained(90.0, 60),
            evaluated(60, 3.0),
        ],
        60,
        state={"best_metric": 1.6, "best_global_step": 60},
    )
    path = FORMATS[name].write(folder, [training])
    whole = path.read_bytes()
    source = random.Random(name)
    outcomes = []
    for _ in range(count):
        path.write_bytes(changed(source, whole))
        try:
            runs = read_file(str(path))
        except (UnfitLog, NotALog) as error:
            assert str(error).count("\n") == 0
            outcomes.append(False)
            continue
        assert_sound(runs)
        outcomes.append(True)
    # else nothing was tried
    assert any(outcomes)


@pytest.mark.parametrize("name", FORMATS)
def test_a_log_that_was_changed_is_read_or_refused(name: str, tmp_path: Path) -> None:
    changed_logs(name, tmp_path, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_many_logs_that_were_changed(name: str, tmp_path: Path) -> None:
    changed_logs(name, tmp_path, 500)


# --- by which metric checkpoints are judged


def chosen(tmp_path: Path, state: dict[str, Any]) -> tuple[FinishedRun, AuditedRun]:
    """A run whose accuracy is best after step 50, and whose loss is after step 20."""
    accuracies = (0.5, 0.6, 0.7, 0.8, 0.9, 0.7)
    losses = (1.5, 1.0, 1.2, 1.4, 1.6, 1.8)
    log = [
        entry
        for number in range(6)
        for entry in (
            loss(10 * number + 10),
            evaluated(10 * number + 10, 2.0, losses[number], accuracy=accuracies[number]),
        )
    ]
    training = Training(10, [*log, trained(90.0, 60)], 60, state=state)
    (run,) = read_file(str(write_state(tmp_path, [training])))
    return run, audited(run, 0.05)


def test_a_run_is_judged_by_what_it_chose_by(tmp_path: Path) -> None:
    best = {"best_metric": 0.9, "best_global_step": 50, "best_model_checkpoint": "checkpoint-50"}
    run, found = chosen(tmp_path, best)
    assert metric_of(run) == ChosenMetric("eval_accuracy", greater_is_better=True, by_run=True)
    assert found.missed is not None
    assert (found.missed.metric, found.missed.best_place) == ("eval_accuracy", 50)
    assert (found.missed.greater_is_better, found.missed.chosen_by_run) == (True, True)
    regrets = {str(each.policy): each for each in found.missed.policies}
    # looks at 10, 30, 50 and the last keep 50; at 20, 40 and 60 they keep 40, of 0.8
    every_2 = regrets["every_n_evaluations count=2"]
    assert every_2.regret == pytest.approx((0 + 0.1) / 2)
    # the last has 0.7
    assert regrets["final_only"].regret == pytest.approx(0.2)
    assert regrets["final_only"].kept_place == 60


def test_a_run_that_says_nothing_is_judged_by_its_loss(tmp_path: Path) -> None:
    run, found = chosen(tmp_path, {})
    assert metric_of(run) == ChosenMetric("eval_loss", greater_is_better=False, by_run=False)
    assert found.missed is not None
    assert (found.missed.metric, found.missed.best_place) == ("eval_loss", 20)
    assert metric_of(run, "eval_accuracy") == ChosenMetric("eval_accuracy", True, by_run=False)
    assert metric_of(run, "eval_f1") is None
    # a metric that may be either, chosen as it fell
    best = {"best_metric": 1.0, "best_global_step": 20}
    run, _ = chosen(tmp_path, best)
    assert metric_of(run) == ChosenMetric("eval_loss", greater_is_better=False, by_run=True)


@pytest.mark.parametrize(
    ("name", "greater", "is_sure"),
    [
        ("eval_loss", False, True),
        ("eval_wer", False, True),
        ("eval_perplexity", False, True),
        ("eval_ppl", False, True),
        ("eval_rmse", False, True),
        ("eval_accuracy", True, True),
        ("eval_rewards/accuracies", True, True),
        ("eval_rewards/margins", True, True),
        ("eval_f1_macro", True, True),
        ("eval_rougeL", True, True),
        ("eval_sacrebleu", True, True),
        ("eval_top_5_accuracy", True, True),
        ("eval_mean_token_accuracy", True, True),
        ("eval_error_rate", False, True),
        ("eval_emission", False, False),
        ("eval_mapping_time", False, False),
        ("eval_something", False, False),
    ],
)
def test_a_name_says_which_way_is_better(name: str, greater: bool, is_sure: bool) -> None:
    assert direction(name) == (greater, is_sure)
