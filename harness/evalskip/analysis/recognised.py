"""When a finished run evaluated, as a schedule; and what its evaluations are, by their metrics."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from evalskip.notes import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.logs import Evaluation, FinishedRun
    from evalskip.notes import Note
    from evalskip.summary import EvaluationKind, Generates

_EPOCH = 0.03
"""Epochs by which an evaluation at the end of one may be off: it is printed to two digits, and the
last step of an epoch need not end it (accumulation)."""
_LATE = 1.6
_GENERATED = "gen_len"
_OF_TEXT = ("wer", "cer", "bleu", "rouge", "chrf", "meteor", "exact_match", "ter", "bertscore")
_OF_LOSS = (
    "loss",
    "ppl",
    "rewards/",
    "logps/",
    "logits/",
    "perplexity",
    "mean_token_accuracy",
    "entropy",
    "num_tokens",
    "model_preparation_time",
    "aux_loss",
    "nll_loss",
    "kl",
)
"""What comes out of the same forward passes as the loss: that of TRL's trainers too."""


def occasions(run: FinishedRun) -> list[list[Evaluation]]:
    """Evaluations inside training by where training was: those of several sets are one."""
    groups: list[list[Evaluation]] = []
    for evaluation in run.inside:
        last = groups[-1][-1] if groups else None
        if last is not None and _together(last, evaluation) and not _again(groups[-1], evaluation):
            groups[-1].append(evaluation)
        else:
            groups.append([evaluation])
    return groups


def _together(one: Evaluation, other: Evaluation) -> bool:
    if one.step is not None and other.step is not None:
        return one.step == other.step
    if one.epoch is not None and other.epoch is not None:
        return abs(one.epoch - other.epoch) < 1e-9
    return one.place is None and other.place is None


def _again(group: Sequence[Evaluation], evaluation: Evaluation) -> bool:
    """Whether the same figures were evaluated already, so that this is another evaluation."""
    names = evaluation.metrics.keys()
    return any(names and names == each.metrics.keys() for each in group)


def schedule_of(run: FinishedRun) -> Note:
    """The schedule: what the run evaluated inside training."""
    # one before the first step is of eval_on_start, which any schedule may have
    places = [group for group in occasions(run) if group[0].place != 0]
    if not places:
        if not run.tells_inside:
            return note("not_told")
        has_after = any(each.when == "after" for each in run.evaluations)
        return note("final_only") if has_after else note("off")
    epochs = [group[0].epoch for group in places if group[0].epoch is not None]
    if len(epochs) == len(places) and (found := _by_epochs(epochs, run.epoch)):
        return found
    steps = [group[0].step for group in places if group[0].step is not None]
    if len(steps) == len(places) and (every := _spacing(steps, run.steps)):
        return note("every_n_steps", count=every)
    if len(epochs) == len(places) and (spacing := _epoch_spacing(epochs)):
        return note("every_n_epochs", count=spacing)
    return note("irregular", count=len(places))


def _by_epochs(epochs: Sequence[float], done: float | None) -> Note | None:
    """Every so many epochs; a part of one at the end counts as one."""
    tail = done is not None and abs(epochs[-1] - done) < 1e-6
    whole = [round(epoch) for epoch in epochs]
    unfit = [abs(e - w) > _EPOCH for e, w in zip(epochs, whole, strict=True)]
    if tail and unfit[-1] and len(epochs) > 1:
        whole[-1], unfit[-1] = math.ceil(epochs[-1]), False
    every = whole[0]
    if any(unfit) or every < 1:
        return None
    if len(whole) > 1:
        every = whole[1] - whole[0]
    # it may begin late, by eval_delay or in the middle of a training
    if every < 1 or whole[0] % every or not _is_even(whole, every):
        return None
    return note("every_epoch") if every == 1 else note("every_n_epochs", count=every)


def _spacing(steps: Sequence[float], done: float | None) -> int | None:
    """Steps from one to the next; one at the start, and the last at the end, may stand off."""
    inner = [step for step in steps if step > 0]
    if len(inner) > 2 and done is not None and inner[-1] >= done and inner[-1] % inner[0]:
        inner = inner[:-1]
    if not inner:
        return None
    every = inner[1] - inner[0] if len(inner) > 1 else inner[0]
    is_even = every > 0 and not inner[0] % every and _is_even(inner, every)
    return round(every) if is_even else None


def _is_even(places: Sequence[float], every: float) -> bool:
    return all(later - before == every for before, later in pairwise(places))


def _epoch_spacing(epochs: Sequence[float]) -> float | None:
    """Parts of an epoch from one to the next, of a log without steps."""
    inner = epochs[:-1] if len(epochs) > 2 else epochs
    every = inner[-1] / len(inner)
    if inner[0] > _LATE * every and len(inner) > 1:  # begun late
        every = (inner[-1] - inner[0]) / (len(inner) - 1)
    first = every * round(inner[0] / every) if every > 0 else 0.0
    is_even = all(abs(e - first - every * place) < 0.02 for place, e in enumerate(inner))
    return float(f"{every:.3g}") if every > 0 and is_even else None


def names_of_metrics(run: FinishedRun) -> list[str]:
    """Metrics of evaluations inside training or else after it, as logged, each once."""
    evaluations = run.inside or run.evaluations
    return list(dict.fromkeys(name for each in evaluations for name in each.metrics))


def generates(run: FinishedRun, train_over_evaluation: float | None) -> Generates:
    """Whether evaluation generates, by what it logs.

    ``gen_len`` is of ``predict_with_generate``. Word error rates and the like need text, which may
    be generated or not (CTC, argmax); where an evaluated sample costs more than a trained one, it
    is likely.
    """
    names = [_bare(name) for name in names_of_metrics(run)]
    if not names:
        return "unknown"
    if _GENERATED in names:
        return "yes"
    if not any(name.startswith(_OF_TEXT) for name in names):
        return "no"
    if train_over_evaluation is None:
        return "unknown"
    return "likely" if train_over_evaluation < 1 else "unknown"


def kind_of(run: FinishedRun, generating: Generates) -> EvaluationKind | None:
    """What an evaluation does: the loss alone, metrics beside it, or generation."""
    if generating in ("yes", "likely"):
        return "generate"
    names = [_bare(name) for name in names_of_metrics(run)]
    if not names or generating == "unknown":
        return None
    is_loss = all(name.startswith(_OF_LOSS) or name.endswith("_loss") for name in names)
    return "loss" if is_loss else "metric"


def _bare(name: str) -> str:
    """A metric without the prefix of its set: ``wer`` of ``eval_wer``."""
    return name.partition("_")[2].lower()
