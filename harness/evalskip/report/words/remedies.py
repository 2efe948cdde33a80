"""The words of what makes evaluation cheaper, and of why something does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.words.marks import N_

if TYPE_CHECKING:
    from evalskip.report.words.marks import Template

REMEDIES: dict[str, Template] = {
    # what is done
    "larger_batch": N_("larger eval batches"),
    "batch_of": N_("eval batches of {batch}"),
    "by_length": N_("samples sorted by length"),
    "sorted_by_length": N_("samples sorted by length, {padding:.0f%} fewer tokens"),
    "batch_by_length": N_("eval batches of {batch}, samples sorted by length"),
    "loader_workers": N_("loader workers that stay"),
    "persistent_workers": N_("loader workers that stay from one evaluation to the next"),
    "accumulation": N_("logits moved off the device every few batches"),
    "batch_metrics": N_("metrics batch by batch"),
    "reduced_logits": N_("ids in place of logits"),
    "loss_only": N_("the loss alone, without other metrics"),
    "fewer_tokens": N_("half as many generated tokens"),
    "subset": N_("a random subset"),
    "subset_of": N_("a random {samples:,} of {whole:,} samples"),
    "all_remedies": N_("any of them"),
    "both_remedies": N_("{one}, {other}"),
    # what that changes
    "metrics_lost": N_("loses {metrics}"),
    "answers_cut": N_("cuts answers, so {metrics} change"),
    "subset_off": N_(
        "the loss is off by up to {loss:.2g} nats, differences between checkpoints by up to "
        "{difference:.2g}"
    ),
    # why it is left out
    "no_larger_batch_memory": N_("memory does not suffice for larger ones"),
    "no_larger_batch_time": N_("larger ones take as long"),
    "no_larger_batch_samples": N_("there are no more samples, or larger ones take as long"),
    "lengths_unknown": N_("samples hold no token ids, or there are too many to look at"),
    "padded_otherwise": N_("the collator does not pad a batch to its longest sample"),
    "grouped_already": N_("samples of like lengths are evaluated together already"),
    "nothing_padded": N_("all samples of a batch are as long"),
    "few_batches": N_("there are too few batches to tell"),
    "batch_of_one": N_("a batch of one sample has no padding"),
    "saves_nothing": N_("evaluation would take {ratio:.0f%} of the time that it takes now"),
    "loads_fast": N_("batches hardly wait for the loader"),
    "cannot_be_tried": N_("evaluating beside the training failed"),
    "no_input_ids": N_("batches hold no input_ids, by which they could be told apart"),
    "memory": N_("memory does not suffice"),
    "cannot_be_set": N_("the job fails with it"),
    "metric_needs_logits": N_("the job's metrics are others without logits"),
    "metric_decides": N_("a metric that would be lost chooses checkpoints"),
    "few_samples": N_("too few samples to tell how far it is off"),
    "losses_spread": N_(
        "the model has only begun to tell samples apart, so how far it will be off is not known"
    ),
    "subset_not_smaller": N_(
        "for differences within {difference:g} nats it takes {samples:,} samples"
    ),
    "loss_not_by_sample": N_("the loss cannot be told by sample"),
    "generates": N_("a metric of generated text cannot be told by sample"),
    "stream": N_("the evaluation set is a stream"),
    "several_ranks": N_("only tried on one process"),
    "own_evaluate": N_("the job has an evaluate() of its own"),
    "batch_needs_all": N_("the collator makes one piece of all samples of a batch"),
    "loss_of_batch": N_("the loss of a batch is no mean over its samples"),
    # what is recommended with it
    "remedies_named": N_("{names}"),
    "evaluate_for_less": N_("make evaluation cheaper ({remedy}), and then: {advice}"),
    "evaluate_for_less_and_keep": N_(
        "make evaluation cheaper ({remedy}) and keep the schedule ({share})"
    ),
    "evalskip_train": N_("a shell"),
    "trainer_callbacks": N_("Trainer(...)"),
    "trainer_code": N_("Trainer(...), as code"),
    "limit_tokens": N_("model.generation_config.max_new_tokens = {value}"),
    "reduce_logits": N_("preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1),"),
}
