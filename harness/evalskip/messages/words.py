"""The words of notes: one template a code, or two where the first is for a ``count`` of one."""

from __future__ import annotations

from evalskip.messages.marks import message

WORDS: dict[str, str | tuple[str, str]] = {
    # schedules
    "off": message("off"),
    "as_written": message("as written"),
    "every_epoch": message("every epoch"),
    "every_n_epochs": (message("every 1 epoch"), message("every {count} epochs")),
    "every_n_steps": message("every {count} steps"),
    "final_only": message("once, at the end"),
    "every_n_evaluations": (message("every evaluation"), message("every {count} evaluations")),
    # which evaluation
    "rows": message("{rows:,} rows"),
    "own_rows": message("its own rows"),
    # why no more was run
    "all_blocks_run": message("every planned block is run"),
    "budget_used": message("the budget of {budget:g} s is used up"),
    "verdicts_settled": message("every verdict was settled at the look after {look} blocks"),
    "running": message("it goes on"),
    "all_combinations_run": message("every combination was run"),
    "all_batches_found": message("every arm has its largest batch"),
    "pilot_made": message("the pilot is made"),
    "all_seeds_trained": message("every seed is trained"),
    "read_from_log": message("read from its log"),
    "all_results_read": message("every result was read"),
    # what a summary warns of
    "wall_clock_only": message("{arm}: only its T is compared, since {why}"),
    "evaluation_steers": message("{settings} lets evaluation steer training"),
    "blocks_differ": message("{part} of {whole} blocks do not match and enter no estimate"),
    "runs_ended_otherwise": message("{arm}: {count} of its runs ended {status}: {error}"),
    "training_diverged": message("training diverged: weights that are not numbers: {arms}"),
    "blocks_disturbed": message(
        "{part} of {whole} timed blocks are disturbed: others kept the machine busy"
    ),
    "memory_run_differs": message("{arm}: its memory run evaluated after steps {steps}"),
    "whole_span_disagrees": message(
        "{arm}: no verdict: over the whole span the gain is {span:.1f} %, and matched "
        "{matched:.1f} %: evaluation slows steps beyond the window of {window}, or noise came with "
        "it; the figure is that of the whole span"
    ),
    "rows_not_run": message(
        "extrapolated: intervals do not hold what rows that were not run would add, should they "
        "be longer or shorter; --full runs the job whole"
    ),
    "early_stopping_may_end": message(
        "extrapolated: early stopping may end {arms} before the last step; told as if it did not"
    ),
    "several_models_of_machine": message(
        "blocks were run on {models} models of machine; arms are compared within a node, and what "
        "is told of all nodes together holds for none of them"
    ),
    "times_are_missing": message("{arm}, block {block}: left out: its times per step are missing"),
    "clock_went_backwards": message("{arm}, block {block}: left out: its clock went backwards"),
    "times_do_not_sum": message("{arm}, block {block}: left out: its times do not sum to T"),
    "other_pieces": message(
        "{arm}, block {block}: left out: {steps} steps and {evaluations} evaluations, expected "
        "{usual_steps} and {usual_evaluations}"
    ),
    "line_torn": message("{file}: the last line was torn and is dropped"),
    # what is read from a log, and what is not
    "less_is_better": message(
        "{metric}: less is taken to be better, and margins to be in its unit"
    ),
    "step_unknown": message("{metric} {value}: it does not say at which step; left out"),
    "no_number": message("step {step}: {metric} is not a number: {value}; left out"),
    "evaluated_twice": message("step {step}: evaluated twice, after a resume say; the last counts"),
    "last_stands_for_end": message(
        "the last evaluation is after step {step} of {whole}; it stands for the end"
    ),
    "times_unknown": message(
        "the log does not say what evaluations, or the run, took: no time is told"
    ),
    "resumed": message("resumed, so it does not say what the whole run took: no time is told"),
    "run_cut_off": message("the run is cut off: {part} of {whole} steps"),
    "line_cut_off": message("line {number} is cut off and left out"),
    # what was changed of a configuration
    "removed_everywhere": message("{key}: {own}: taken out in every arm: {why}"),
    "set_everywhere": message("{key}: {own}: set to {value} in every arm: {why}"),
    "removed_but_as_written": message("{key}: {own}: taken out in all arms but as_written: {why}"),
    "set_but_as_written": message("{key}: {own}: set to {value} in all arms but as_written: {why}"),
    "val_size_kept": message(
        "val_size: {size}: kept where nothing is evaluated as well, so that all arms train on the "
        "same rows"
    ),
    "folder_is_temporary": message("each run writes into a folder that is taken away after it"),
    "reporters_would_count": message("reporters would be told of runs that are only measured"),
    "not_published": message("a run that is only measured is not published"),
    "trained_from_start": message("every run trains from the start"),
    "prediction_is_apart": message("prediction after training is no evaluation of it"),
    "plot_is_thrown_away": message("a plot per run would be drawn and thrown away"),
    "metric_chooses_weights": message("a metric would choose the weights"),
    "metric_ends_training": message("a metric would end the training"),
    "metric_chooses_saves": message("a metric would choose what is saved"),
    # what is recommended
    "evaluate_every": message("evaluate every {every:,} steps: {share} of the run"),
    "evaluate_every_and_before": message(
        "evaluate every {every:,} steps: {share} of the run, with the one before training"
    ),
    "evaluate_every_and_after": message(
        "evaluate every {every:,} steps: {share} of the run, with the one that LLaMA-Factory adds "
        "after training"
    ),
    "evaluate_every_before_and_after": message(
        "evaluate every {every:,} steps: {share} of the run, with the one before training, with "
        "the one that LLaMA-Factory adds after training"
    ),
    "evaluate_once": message("evaluate once, after training: {share} of the run"),
    "evaluate_once_perhaps_beyond": message(
        "evaluate once, after training: {share} of the run, which may be more than {within:g} %"
    ),
    "keep_as_written": message("as written it is already: {share} of the run"),
    "do_not_evaluate": message(
        "do not evaluate: even once, at the end, would take {share} of the run"
    ),
    "advice_against": message("{advice}; {against}"),
    "early_stopping_starves": message(
        "early stopping with a patience of {patience} could not act on that"
    ),
    "needs_evaluation": message("against that stands {wants}, which needs evaluation"),
    "share_with_limits": message("{share:.1f} % (at {level:g} %: {low:.1f} to {high:.1f} %)"),
    "share_alone": message("{share:.1f} %"),
    "llamafactory_yaml": message("a LLaMA-Factory YAML"),
    "training_arguments": message("TrainingArguments"),
    "without_early_stopping": message("# and without EarlyStoppingCallback"),
    "evaluate_after_training": message("# and trainer.evaluate() after trainer.train()"),
    # what sparser evaluation would have missed
    "rows_held_back": (
        message("{count} training row, {part:.2g} %, held back"),
        message("{count} training rows, {part:.2g} %, held back"),
    ),
    "random_rows": message("a random {part:g} % of the evaluation rows each time"),
    "training_loss": message("the training loss alone"),
    "others_may_lose": message("none of {whole} lost more, but up to {most:.0f} % of runs could"),
    "some_lost": message("{part} of {whole} lost more, and up to {most:.0f} % of runs could"),
    "within": message("within {share:g} % of T and {regret:g} nats of regret: {chosen}; {others}"),
    "none_within": message("nothing stays within {share:g} % of T and {regret:g} nats of regret"),
    "within_metric": message(
        "within {share:g} % of T and {regret:g} of regret: {chosen}; {others}"
    ),
    "none_within_metric": message(
        "nothing that is known stays within {share:g} % of T and {regret:g} of regret"
    ),
    "evaluation_time_unknown": message(
        "what evaluations took is not known, so nothing is recommended"
    ),
    "replay_differs": message("{run}: {differences}"),
    "real_run": message("seed {seed}, every {epochs} epochs, no early stopping"),
    "real_run_with_patience": message("seed {seed}, every {epochs} epochs, patience {patience}"),
    "stopped_elsewhere": message("stopped at step: replay {replayed}, real {real}"),
    "kept_another": message("kept step: replay {replayed}, real {real}"),
    "other_weights": message("weights: replay {replayed}, real {real}"),
    # what it is of
    "truth_table": message("truth table"),
    "past_run": message("a past run"),
    "own_device": message("its own"),
}
