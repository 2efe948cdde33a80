"""What fits on a card that one does not have, with evaluation and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.answers.card import AnswerCard
from evalskip.report.tables.plans import tuning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.memory.peaks import BatchShape, Plan


def plans_card(
    model: str, all_plans: Sequence[Plan], device_bytes: int, work: BatchShape
) -> AnswerCard:
    """The card of a plan: what trains, and what evaluation makes of it."""
    card = digits.bytes_of(device_bytes)
    trained = [plan for plan in all_plans if plan.largest_train_batch]
    if not trained:
        return AnswerCard(f"{model} does not train on a card of {card}, not even by LoRA.")
    largest = max(trained, key=lambda plan: plan.largest_train_batch)
    sentences = [
        f"{_named(plan)} fits only without evaluation{_remedy(plan)}."
        for plan in trained
        if not plan.fits_evaluation
    ]
    if not sentences:
        sentences = [f"Evaluation of {work.evaluation_batch} samples fits beside whatever trains."]
    missing = [_named(plan) for plan in all_plans if not plan.largest_train_batch]
    if missing:
        sentences.append(f"Not trained on this card: {'; '.join(missing)}.")
    cheap = next((plan for plan in trained if _evaluates_smaller(plan)), None)
    return AnswerCard(
        " ".join(sentences),
        f"The largest batch is that of {tuning(largest)}: {largest.largest_train_batch} "
        f"sample{'s' if largest.largest_train_batch > 1 else ''} per device.",
        {"training_arguments": [f"per_device_eval_batch_size={cheap.largest_evaluation_batch},"]}
        if cheap
        else {},
        scopes=[f"{model} in bfloat16, {work.length:,} tokens per sample, a card of {card}"],
    )


def _named(plan: Plan) -> str:
    text = tuning(plan)
    return text[:1].upper() + text[1:]


def _evaluates_smaller(plan: Plan) -> bool:
    return not plan.fits_evaluation and plan.largest_evaluation_batch > 0


def _remedy(plan: Plan) -> str:
    if not _evaluates_smaller(plan):
        return ""
    return f"; with per_device_eval_batch_size: {plan.largest_evaluation_batch} it fits"
