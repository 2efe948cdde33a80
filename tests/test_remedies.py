"""What makes evaluation cheaper: it touches no training, and costs what it is said to cost."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import EvalPrediction, Trainer

from evalskip.analysis.remedies.batches import offers as batch_offers
from evalskip.analysis.remedies.offer import Evaluated, Offer
from evalskip.analysis.remedies.settings import offers as setting_offers
from evalskip.analysis.remedies.subset import errors_of, half_width, samples_within
from evalskip.callbacks import EvalSubset, SortByLength
from evalskip.callbacks.set_arguments import SetArguments
from evalskip.notes import note
from evalskip.paired import FEWEST, PairedEvaluations
from evalskip.probe.lengths import lengths_of, longest_first, pad_multiple, shapes_of
from evalskip.probe.remedies import RemediesTried
from evalskip.probe.sample_losses import sample_losses
from evalskip.probe.surveyed import RemedySurvey, SampleLosses, TriedEvaluation
from evalskip.probe.trainer import TrainerProbe
from evalskip.probe.trying import REDUCES_LOGITS
from evalskip.report.words import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def samples_of(count: int, *, seed: int = 0, longest: int = 20) -> Dataset:
    """Samples of 3 tokens and more."""
    source = random.Random(seed)
    ids = [[source.randrange(8) for _ in range(source.randint(3, longest))] for _ in range(count)]
    return Dataset.from_dict({"input_ids": ids, "labels": ids})


def padded(samples: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    longest = max(len(sample["input_ids"]) for sample in samples)
    return {
        name: torch.tensor(
            [sample[name] + [fill] * (longest - len(sample[name])) for sample in samples]
        )
        for name, fill in (("input_ids", 0), ("labels", -100))
    }


@pytest.fixture
def trained(make_trainer: Callable[..., Trainer]) -> Callable[..., tuple[Trainer, TrainerProbe]]:
    """A training of 12 steps on samples of several lengths, evaluated after each."""

    def train(
        *callbacks: Any, samples: int = 50, restores: bool = False, **arguments: Any
    ) -> tuple[Trainer, TrainerProbe]:
        torch.manual_seed(0)
        settings: dict[str, Any] = {
            "max_steps": 12,
            "eval_strategy": "steps",
            "eval_steps": 1,
            "learning_rate": 0.05,
            **arguments,
        }
        trainer = make_trainer(*callbacks, evaluation=samples_of(samples, seed=1), **settings)
        trainer.train_dataset = samples_of(24)
        trainer.data_collator = padded
        trainer.model.config.attention_dropout = 0.2
        for layer in trainer.model.model.layers:
            layer.self_attn.attention_dropout = 0.2
        probe = TrainerProbe(trainer, "time", restore_random_state=restores)
        trainer.train()
        return trainer, probe

    return train


@pytest.mark.parametrize(
    "callbacks",
    [
        [SortByLength],
        [lambda: EvalSubset(10)],
        [lambda: EvalSubset(wrong=0.3)],
        [SortByLength, lambda: EvalSubset(wrong=0.3)],
        [lambda: SetArguments({"per_device_eval_batch_size": 8})],
        [lambda: SetArguments({"eval_accumulation_steps": 2})],
        [lambda: SetArguments({"prediction_loss_only": True})],
        [lambda: SetArguments({REDUCES_LOGITS: True})],
        [
            lambda: SetArguments(
                {"dataloader_num_workers": 1, "dataloader_persistent_workers": True}
            )
        ],
    ],
    ids=[
        "by_length",
        "subset",
        "settled",
        "both",
        "batch",
        "accumulation",
        "loss_only",
        "logits",
        "workers",
    ],
)
def test_no_training_batch_and_no_weight_differs(
    callbacks: list[Callable[[], Any]], trained: Callable[..., tuple[Trainer, TrainerProbe]]
) -> None:
    made = [make() for make in callbacks]
    # workers that stay draw their seed once, so with dropout all that follows draws otherwise
    restores = any(isinstance(each, SetArguments) for each in made)
    _, plain = trained(restores=restores)
    _, remedied = trained(*made, restores=restores)
    plain_report, report = plain.finish(), remedied.finish()
    assert report["batch_digests"] == plain_report["batch_digests"]
    assert report["losses"] == plain_report["losses"]
    assert report["weights_digest"] == plain_report["weights_digest"]
    assert len(report["timeline"]["evaluations"]) == 12


def losses_logged(trainer: Trainer) -> list[float]:
    return [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]


def test_samples_by_length_pad_less_and_lose_the_same(
    trained: Callable[..., tuple[Trainer, TrainerProbe]],
) -> None:
    plain, plain_probe = trained()
    by_length, probe = trained(SortByLength())
    tokens = [
        each.finish()["timeline"]["evaluations"][0]["tokens"] for each in (plain_probe, probe)
    ]
    own = lengths_of(plain.eval_dataset)
    assert own is not None
    assert tokens[0] == sum(count for _, count in shapes_of(own, 2, 1))
    assert tokens[1] == sum(count for _, count in shapes_of(sorted(own, reverse=True), 2, 1))
    each = sample_losses(plain, plain.eval_dataset)
    again = sample_losses(by_length, by_length.eval_dataset)
    assert sorted(each) == pytest.approx(sorted(again), abs=1e-6)
    # batches' means are others, by little
    assert losses_logged(plain) == pytest.approx(losses_logged(by_length), abs=0.1)


def test_a_stream_stays_as_it_is(
    make_trainer: Callable[..., Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    class Stream(torch.utils.data.IterableDataset[Any]):
        def __iter__(self) -> Iterator[dict[str, list[int]]]:
            yield from ({"input_ids": [1, 2, 3], "labels": [1, 2, 3]} for _ in range(4))

    trainer = make_trainer(
        SortByLength(),
        EvalSubset(wrong=0.05),
        max_steps=2,
        evaluation=Stream(),
        eval_steps=1,
        eval_strategy="steps",
    )
    trainer.train()
    said = capsys.readouterr().err
    assert said.count("SortByLength: the evaluation set stays as it is") == 1
    assert "EvalSubset: all samples are evaluated: expected samples that can be put" in said
    assert len(losses_logged(trainer)) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"compute_metrics": lambda _: {"accuracy": 1.0}}, "got compute_metrics"),
        ({"several": True}, "got several"),
        ({"metric_for_best_model": "eval_runtime"}, "got eval_runtime"),
    ],
    ids=["metrics", "sets", "other_metric"],
)
def test_what_is_about_more_than_the_loss_is_evaluated_whole(
    arguments: dict[str, Any],
    reason: str,
    make_trainer: Callable[..., Trainer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = arguments.pop("compute_metrics", None)
    samples: Any = samples_of(60, longest=3)
    if arguments.pop("several", False):
        samples = {"one": samples, "two": samples_of(4, longest=3)}
    trainer = make_trainer(
        EvalSubset(wrong=0.3),
        evaluation=samples,
        max_steps=8,
        eval_strategy="steps",
        eval_steps=1,
        **arguments,
    )
    trainer.compute_metrics = metrics
    probe = TrainerProbe(trainer, "time", restore_random_state=False)
    trainer.train()
    evaluated = {each["samples"] for each in probe.finish()["timeline"]["evaluations"]}
    assert evaluated == {64 if isinstance(samples, dict) else 60}
    assert reason in capsys.readouterr().err


def test_settled_evaluations_end_and_never_name_a_wrong_best(
    trained: Callable[..., tuple[Trainer, TrainerProbe]],
) -> None:
    # it gets worse and worse, so most evaluations are settled soon
    whole, _ = trained(samples=120, learning_rate=1.0)
    trainer, probe = trained(EvalSubset(wrong=0.3), samples=120, learning_rate=1.0)
    samples = [each["samples"] for each in probe.finish()["timeline"]["evaluations"]]
    assert samples[0] == samples[1] == samples[-1] == 120
    assert min(samples) < 120
    told, truth = losses_logged(trainer), losses_logged(whole)
    best = math.inf
    for said, true, count in zip(told, truth, samples, strict=True):
        if count == 120:
            assert said == pytest.approx(true, abs=1e-4)
        else:
            assert said > best
            assert true > best
        best = min(best, true)
    # Accelerate takes none of those that ended early for the one that is on
    on = trainer.accelerator.gradient_state.active_dataloader
    assert on is None or len(on.dataset) == len(trainer.train_dataset)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "expected samples, or wrong"),
        ({"samples": 5, "wrong": 0.1}, "expected samples, or wrong"),
        ({"samples": 0}, "expected at least 1"),
        ({"wrong": 1.0}, "expected a number between 0 and 1"),
        ({"wrong": 0.0}, "expected a number between 0 and 1"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        EvalSubset(**options)


def drifting(source: np.random.Generator, batches: int) -> Any:
    """Losses that fall and rise, with differences of six degrees of freedom."""
    course = 0.3 * np.exp(-np.arange(15) / 2) + 0.01 * np.maximum(0, np.arange(15) - 5)
    base = source.exponential(1.0, batches) + 0.5
    return base + course[:, None] + 0.05 * source.standard_t(6, (15, batches))


def jumping(source: np.random.Generator, batches: int) -> Any:
    """One batch in forty doubles its loss now and then; nothing else happens."""
    base = source.exponential(1.0, batches) + 0.5
    return base * (1 + (source.random((15, batches)) < 0.025))


@pytest.mark.parametrize("scene", [drifting, jumping])
def test_few_runs_call_a_checkpoint_worse_that_is_not(scene: Callable[..., Any]) -> None:
    runs, wrong, used = 40, 0, []
    for seed in range(runs):
        losses = scene(np.random.default_rng(seed), 60 + 10 * seed)
        evaluations = PairedEvaluations([4] * losses.shape[1], 0.05, 15, seed)
        best, is_wrong, batches = math.inf, False, 0
        for number, row in enumerate(losses):
            order = evaluations.begin(whole=number == 14)
            settled = evaluations.settled_after(row[order])
            is_wrong |= settled is not None and row.mean() <= best
            batches += settled or len(row)
            said = evaluations.finish(row[order][:settled])
            assert settled is not None or said == pytest.approx(row.mean())
            best = min(best, row.mean())
        wrong += is_wrong
        used.append(batches / losses.size)
    assert wrong <= 0.05 * runs + 2.6 * math.sqrt(runs * 0.05 * 0.95)
    if scene is drifting:
        assert np.mean(used) < 0.8


def test_losses_that_are_no_numbers_settle_nothing() -> None:
    evaluations = PairedEvaluations([2] * 40, 0.05, 10)
    for number in range(4):
        order = evaluations.begin()
        losses = np.ones(40) + number
        losses[3] = math.nan
        assert evaluations.settled_after(losses[order]) is None
        evaluations.finish(losses[order])


def test_an_evaluation_of_few_batches_is_whole() -> None:
    evaluations = PairedEvaluations([2] * FEWEST, 0.05, 10)
    for number in range(5):
        order = evaluations.begin()
        assert evaluations.settled_after(np.ones(FEWEST)[order] + number) is None
        evaluations.finish(np.ones(FEWEST) + number)


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=60),
    st.integers(1, 9),
    st.sampled_from([1, 8, 64]),
)
def test_padding_is_counted_as_a_collator_pads(
    lengths: list[int], batch: int, multiple: int
) -> None:
    shapes = shapes_of(lengths, batch, multiple)
    assert sum(samples for samples, _ in shapes) == len(lengths)
    found = pad_multiple(lengths, batch, shapes)
    assert found is not None
    assert shapes_of(lengths, batch, found) == shapes
    order = longest_first(lengths)
    assert sorted(order) == list(range(len(lengths)))
    sorted_ = shapes_of([lengths[number] for number in order], batch, multiple)
    assert sum(t for _, t in sorted_) <= sum(t for _, t in shapes) or len(lengths) % batch


# what is tried of a job, and what is left out


def survey_of(trainer: Trainer, seconds: float = 0.5) -> RemedySurvey:
    tried = RemediesTried(trainer, trainer.eval_dataset, seconds)
    tried.begin()
    return tried.finish(4, 0.0)


class OwnEvaluate(Trainer):
    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        return super().evaluate(*args, **kwargs)


def packed(samples: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    ids = [token for sample in samples for token in sample["input_ids"]]
    return {"input_ids": torch.tensor([ids]), "labels": torch.tensor([ids])}


def test_a_plain_job_is_tried_in_larger_batches(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(evaluation=samples_of(40))
    trainer.data_collator = padded
    survey = survey_of(trainer)
    assert "all" not in survey.refused
    assert survey.refused.get("workers") == "loads_fast" or "workers" in survey.ways
    assert {"", "batch:4"} <= set(survey.ways)
    assert survey.lengths[""] == lengths_of(trainer.eval_dataset)
    assert survey.pad_multiple == 1
    assert survey.losses is not None
    assert len(survey.losses.before) == 40
    # the Trainer is as it was
    assert trainer.args.per_device_eval_batch_size == 2
    assert trainer.is_in_train is False


def test_what_does_not_apply_is_left_out_with_its_reason(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer(evaluation=samples_of(20))
    trainer.data_collator = packed
    assert survey_of(trainer).refused["all"] == "batch_needs_all"

    trainer = make_trainer(evaluation=samples_of(20))
    trainer.data_collator = padded
    trainer.__class__ = OwnEvaluate
    assert survey_of(trainer).refused["all"] == "own_evaluate"

    def of_batch(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        return outputs.logits.mean() * 0 + len(labels) ** 2

    trainer = make_trainer(evaluation=samples_of(20))
    trainer.data_collator = padded
    trainer.compute_loss_func = of_batch
    assert survey_of(trainer).refused["all"] == "loss_of_batch"


def accuracy_of_ids(prediction: EvalPrediction) -> dict[str, float]:
    ids = prediction.predictions
    ids = ids.argmax(-1) if ids.ndim == 3 else ids
    return {"accuracy": float((ids[:, :-1] == prediction.label_ids[:, 1:]).mean())}


def entropy(prediction: EvalPrediction) -> dict[str, float]:
    return {"spread": float(np.std(prediction.predictions))}


def test_metrics_decide_what_may_go(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(evaluation=samples_of(20, longest=3))
    trainer.compute_metrics = accuracy_of_ids
    survey = survey_of(trainer)
    assert survey.metrics == ["accuracy"]
    assert {"reduced_logits", "loss_only", "accumulation"} <= set(survey.ways)
    assert "batch_metrics" not in survey.ways

    trainer = make_trainer(evaluation=samples_of(20, longest=3), metric_for_best_model="accuracy")
    trainer.compute_metrics = entropy
    survey = survey_of(trainer)
    assert survey.refused["reduced_logits"] == "metric_needs_logits"
    assert survey.refused["loss_only"] == "metric_decides"


# what tries say


def tried_survey(
    cost: Callable[[int, int], float], lengths: list[int], batches: Sequence[int], **fields: Any
) -> RemedySurvey:
    """A survey of a job whose batches of so many samples and tokens cost so much."""
    source = np.random.default_rng(0)
    ordered = [lengths[number] for number in longest_first(lengths)]
    own = batches[0]

    def tried(batch: int) -> TriedEvaluation:
        shapes = shapes_of(ordered, batch, 1)
        chosen = shapes[:: max(1, len(shapes) // 6)]
        times = [int(1e9 * cost(s, t) * source.lognormal(0, 0.02)) for s, t in chosen]
        way = "" if batch == own else f"batch:{batch}"
        return TriedEvaluation(way, batch, 0, times, [0] * len(times), chosen, 0)

    ways: dict[str, dict[str, Any]] = {
        "" if batch == own else f"batch:{batch}": {"per_device_eval_batch_size": batch}
        for batch in batches
    }
    return RemedySurvey(
        batch=own,
        ways=ways,
        tries=[[tried(batch) for batch in batches] for _ in range(4)],
        lengths={"": lengths},
        **fields,
    )


@pytest.mark.parametrize("fixed", [0.0, 0.01, 0.2])
def test_a_ratio_is_that_of_whole_evaluations(fixed: float) -> None:
    def cost(samples: int, tokens: int) -> float:
        return fixed + 1e-4 * tokens

    source = random.Random(0)
    lengths = [source.randint(8, 200) for _ in range(203)]
    survey = tried_survey(cost, lengths, [4, 8, 16, 32])
    found = {
        each.name: each
        for each in batch_offers(Evaluated(survey, 203, 5))
        if isinstance(each, Offer)
    }
    own = sum(cost(*shape) for shape in shapes_of(lengths, 4, 1))
    ordered = sorted(lengths, reverse=True)
    for name, each in found.items():
        batch = int(each.settings.get("per_device_eval_batch_size", 4))
        by_length = "by_length" in name
        whole = sum(cost(*s) for s in shapes_of(ordered if by_length else lengths, batch, 1))
        assert each.ratio.estimate == pytest.approx(whole / own, rel=0.04), name
    assert any("by_length" in name for name in found)
    if fixed == 0.2:  # the largest batch saves most
        assert "batch:32" in found


def test_persistent_workers_save_what_their_start_takes() -> None:
    lengths = [50] * 60
    survey = tried_survey(lambda *_: 0.01, lengths, [1], workers=4)
    for each in (each for tried in survey.tries for each in tried):
        each.loads_ns[0] += int(0.3e9)
        each.batches_ns[0] += int(0.3e9)
    (kept,) = (
        each
        for each in batch_offers(Evaluated(survey, 60, 10))
        if isinstance(each, Offer) and each.name == "persistent_workers"
    )
    assert kept.bears_on_training
    assert kept.ratio.estimate == pytest.approx((0.6 + 0.03) / 0.9, rel=0.03)


def test_a_setting_that_saves_nothing_is_left_out() -> None:
    survey = tried_survey(lambda *_: 0.01, [50] * 60, [1], metrics=["accuracy"])
    survey.ways |= {"own": {}, "loss_only": {"prediction_loss_only": True}, "accumulation": {}}
    survey.setting_tries = [
        [
            TriedEvaluation(way, 1, 0, [int(1e9 * each_s)] * 6, [0] * 6, [(1, 50)] * 6, 0)
            for way, each_s in (("own", 0.01), ("loss_only", 0.005), ("accumulation", 0.01))
        ]
    ] * 3
    offers = list(setting_offers(Evaluated(survey, 60, 10)))
    (kept,) = (each for each in offers if isinstance(each, Offer))
    assert kept.name == "loss_only"
    assert kept.ratio.estimate == pytest.approx(0.5, rel=0.02)
    assert kept.loses == note("metrics_lost", metrics=["accuracy"])


# how far a subset is off


def test_a_subset_is_off_by_what_is_said() -> None:
    source = np.random.default_rng(3)
    losses = source.gamma(4, 0.5, 400)
    count = samples_within(float(losses.std(ddof=1)), 0.1, 400, 0.95)
    assert half_width(float(losses.std(ddof=1)), count, 400, 0.95) <= 0.1
    draws = [source.choice(losses, count, replace=False).mean() for _ in range(2000)]
    inside = np.mean(np.abs(np.array(draws) - losses.mean()) <= 0.1)
    assert inside == pytest.approx(0.95, abs=0.02)


def test_differences_of_checkpoints_vary_less_than_losses() -> None:
    source = np.random.default_rng(4)
    before = source.gamma(4, 0.5, 100)
    after = before - 0.1 + source.normal(0, 0.05, 100)
    survey = RemedySurvey(1, losses=SampleLosses(before.tolist(), after.tolist(), 10))
    errors = errors_of(survey, 400)
    assert errors is not None
    assert errors.deviation_of_difference == pytest.approx(0.05, rel=0.2)
    assert all(each.difference_half_width < each.loss_half_width / 5 for each in errors.subsets)


def test_a_model_that_begins_to_tell_samples_apart_says_nothing_of_subsets() -> None:
    source = np.random.default_rng(5)
    before, after = 7 + source.normal(0, 0.02, 100), 6 + source.normal(0, 0.1, 100)
    survey = RemedySurvey(1, losses=SampleLosses(before.tolist(), after.tolist(), 10))
    assert errors_of(survey, 400) is None


def test_every_reason_has_words() -> None:
    for code in ("own_evaluate", "stream", "batch_needs_all", "loss_of_batch", "generates"):
        assert ENGLISH.note(note(code)) != code.replace("_", " ")
