"""Lines to paste: whatever a configuration keeps, what is recommended can be pasted and run."""

from __future__ import annotations

import json
import os
import subprocess
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from transformers import TrainingArguments

from evalskip.analysis.recommendation import EvaluationShares, recommend
from evalskip.jobs import Keeping
from evalskip.jobs.llamafactory import LlamaFactoryJob
from evalskip.jobs.llamafactory.settings import PYTHON
from evalskip.jobs.llamafactory.tiny import make_tiny, tiny_settings
from evalskip.notes import note
from evalskip.report.words import ENGLISH
from evalskip.summary import CostModel, JobSize, PieceCosts

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Recommendation

SIZE = JobSize(
    steps=16,
    epochs=4.0,
    train_samples=16,
    train_batch=4,
    accumulation=1,
    drop_last=False,
    train_tokens_per_sample=64,
    evaluation_sets=[4],
    evaluation_batch=4,
    evaluation_tokens_per_sample=64,
)
MODEL = CostModel(
    evaluation=[note("own_samples")],
    size=SIZE,
    costs=PieceCosts(
        fixed_s=0.0,
        step_s=1.0,
        save_log_s=0.0,
        micro_batch_s=0.0,
        token_s=0.0,
        loader_s=1.0,
        batch_s=0.0,
        evaluation_token_s=0.0,
        gathered_sample_s=0.0,
        first_evaluation_s=0.0,
        evaluation_log_s=0.0,
        after_effect_s=0.0,
    ),
    level=0.95,
    sampled_half_width=0.0,
    evaluation_half_width=0.0,
    event_half_width=0.0,
    pace_half_width=0.0,
    after_effect_half_width_s=0.0,
    operations_ratio=None,
)
"""An evaluation costs as much as a step, of which there are 16."""
SHARES = {"steps": 0.25, "once": 0.08, "never": 0.01}
"""Of T: what each allows."""
SAVES = ("steps", "epoch", "no", "best")
CONFIGURATIONS = [
    {"save_strategy": save, "load_best_model_at_end": loads, "early_stopping_steps": patience}
    for save, loads, patience in product(SAVES, (False, True), (None, 1, 9))
    if not (loads and save == "no")
]
CASES = list(product(CONFIGURATIONS, SHARES))


def own(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration as its author has it, which LLaMA-Factory takes."""
    save = configuration["save_strategy"]
    when = "epoch" if save == "epoch" else "steps"
    return {
        **configuration,
        "eval_strategy": when,
        "eval_steps": 4 if when == "steps" else None,
        "save_steps": 4 if save == "steps" else None,
        "metric_for_best_model": "eval_loss",
    }


def recommended(configuration: dict[str, Any], outcome: str) -> Recommendation:
    settings = {**tiny_settings(PYTHON), **own(configuration)}
    settings = {name: value for name, value in settings.items() if value is not None}
    job = LlamaFactoryJob(kind="llamafactory", settings=settings)
    return recommend(
        EvaluationShares.from_model(MODEL),
        SHARES[outcome],
        before=0,
        closing=1,
        keeping=job.keeping,
    )


def pasted(configuration: dict[str, Any], outcome: str) -> dict[str, Any]:
    """The configuration with the recommended lines in place of its own."""
    lines = recommended(configuration, outcome).lines["llamafactory_yaml"]
    # a key that is there twice is refused, a value that YAML reads otherwise is seen below
    found = YAML(typ="safe", pure=True).load("\n".join(lines))
    assert len(found) == len(lines)
    settings = {**own(configuration), **found}
    return {name: value for name, value in settings.items() if value is not None}


@pytest.mark.parametrize(("configuration", "outcome"), CASES)
def test_the_trainer_takes_what_is_recommended(
    configuration: dict[str, Any], outcome: str, tmp_path: Path
) -> None:
    settings = pasted(configuration, outcome)
    patience = settings.pop("early_stopping_steps", None)
    arguments = TrainingArguments(str(tmp_path), use_cpu=True, report_to=[], **settings)
    # as EarlyStoppingCallback asks when training begins
    assert patience is None or arguments.eval_strategy != "no"
    assert arguments.do_eval == (outcome != "never")
    if outcome == "steps":
        assert arguments.eval_strategy == "steps"
        assert arguments.eval_steps == recommended(configuration, outcome).every_steps
        assert arguments.load_best_model_at_end == configuration["load_best_model_at_end"]
    else:
        assert arguments.eval_strategy == "no"
    lines = recommended(configuration, outcome).lines["training_arguments"]
    code = "".join(line for line in lines if isinstance(line, str))
    given = {**settings, **eval(f"dict({code})")}
    TrainingArguments(str(tmp_path), use_cpu=True, report_to=[], **given)


def test_what_stands_against_a_recommendation_is_said() -> None:
    loads = {"save_strategy": "steps", "load_best_model_at_end": True, "early_stopping_steps": 2}
    told = ENGLISH.note(recommended(loads, "once").advice)
    assert "evaluation is needed for load_best_model_at_end, early_stopping_steps" in told
    starved = ENGLISH.note(recommended({**loads, "early_stopping_steps": 9}, "steps").advice)
    assert "early stopping with a patience of 9 could not act on that" in starved
    plain = {"save_strategy": "no", "load_best_model_at_end": False, "early_stopping_steps": None}
    assert recommended(plain, "never").advice.code == "do_not_evaluate"


def test_a_job_that_is_within_its_share_has_nothing_to_paste() -> None:
    found = recommend(
        EvaluationShares.from_model(MODEL),
        0.25,
        before=0,
        closing=1,
        keeping=Keeping(),
        own_steps=[8, 16, 16],
    )
    says = "keep it as it is (15.8% of it, 15.8% to 15.8% with 95% confidence)"
    assert ENGLISH.note(found.advice) == says
    assert found.lines == {}
    assert found.evaluations == 3


def test_a_share_below_the_limit_is_never_answered_with_none() -> None:
    # an evaluation is 5.9%: within 6%, but not for sure
    unsure = MODEL.model_copy(update={"evaluation_half_width": 0.2})
    found = recommend(
        EvaluationShares.from_model(unsure), 0.06, before=0, closing=0, keeping=Keeping()
    )
    assert found.evaluations == 1
    says = ENGLISH.note(found.advice)
    assert says.startswith("evaluate once, after training (5.9% of it")
    assert says.endswith("which may exceed 6%)")
    assert (
        recommend(
            EvaluationShares.from_model(unsure), 0.05, before=0, closing=0, keeping=Keeping()
        ).evaluations
        == 0
    )


_TAKES = """
import json, sys
from llamafactory.hparams import get_train_args
for number, settings in enumerate(json.load(sys.stdin)):
    try:
        get_train_args(settings)
    except Exception as error:
        sys.exit(f"{number}: {type(error).__name__}: {error}")
print("all taken")
"""

needs = pytest.mark.skipif(not PYTHON.exists(), reason="needs make llamafactory")


@pytest.mark.slow
@needs
def test_llamafactory_takes_what_is_recommended(tmp_path: Path) -> None:
    make_tiny(tmp_path)
    known = {**tiny_settings(tmp_path), "output_dir": str(tmp_path / "out"), "report_to": "none"}
    asked = [{**known, **pasted(*case)} for case in CASES]
    assert len(asked) >= 40
    ended = subprocess.run(
        [PYTHON.absolute(), "-c", _TAKES],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert "all taken" in ended.stdout, ended.stderr[-2000:]


RUN = [CASES[place] for place in range(0, len(CASES), len(CASES) // 10)][:10]


@pytest.mark.slow
@needs
@pytest.mark.parametrize(("configuration", "outcome"), RUN)
@pytest.mark.nightly
def test_what_is_pasted_evaluates_as_often_as_predicted(
    configuration: dict[str, Any], outcome: str, tmp_path: Path
) -> None:
    make_tiny(tmp_path)
    settings = {
        **tiny_settings(tmp_path),
        "num_train_epochs": 4,
        "output_dir": str(tmp_path / "out"),
        "report_to": "none",
        **pasted(configuration, outcome),
        # so that it trains to its end, as it is predicted to
        "early_stopping_steps": None,
    }
    path = tmp_path / "train.yaml"
    path.write_text(json.dumps({k: v for k, v in settings.items() if v is not None}))
    command = "from llamafactory.cli import main; main()"
    subprocess.run(
        [PYTHON.absolute(), "-c", command, "train", path], check=True, capture_output=True
    )
    log = (tmp_path / "out" / "trainer_log.jsonl").read_text().splitlines()
    inside = sum("eval_loss" in json.loads(line) for line in log)
    after = (tmp_path / "out" / "eval_results.json").exists()
    assert inside + after == recommended(configuration, outcome).evaluations
