"""The words of notes: one template a code, or two where the first is for a ``count`` of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.words.marks import N_, NN_
from evalskip.report.words.remedies import REMEDIES

if TYPE_CHECKING:
    from evalskip.report.words.marks import Template

NOTES: dict[str, Template] = {
    # schedules; one that is not here is said by its code
    "off": N_("off"),
    "as_written": N_("as written"),
    "every_epoch": N_("every epoch"),
    "every_n_steps": NN_("every step", "every {count} steps"),
    "every_n_epochs": NN_("every 1 epoch", "every {count} epochs"),
    "final_only": N_("once, at the end"),
    "every_evaluation": N_("every evaluation"),
    "every_n_evaluations": N_("every {count} evaluations"),
    # which evaluation
    "samples": N_("{samples:,} samples"),
    "own_samples": N_("its own samples"),
    # where a claimed gain holds, and what would settle the rest
    "at_samples": N_("on {samples} samples"),
    "with_arm": N_("with {arm}"),
    "verdict_needs_blocks": N_("a verdict needs {blocks} blocks, not {fewest}"),
    "span_disagrees": N_("{place} matched and the whole span disagree, so there is no verdict"),
    "range_crossed": N_(
        "the range is entered at {entered} evaluated tokens per trained token and left at {left}"
    ),
    "range_crossed_by_time_saved": N_(
        "read as time saved, it is entered at {entered} and left at {left}"
    ),
    "on_the_edge": N_(
        "{place} the gain lies on the edge of the range, and no number of blocks would settle it"
    ),
    "open_after_blocks": N_(
        "{place} it is open after {blocks} blocks, and about {needed} would settle it"
    ),
    "load": N_("{load:.2f}"),
    "load_beyond": N_("above {load:.2f}"),
    "with_limits": N_("{estimate} [{low}, {high}]"),
    # why no more was run
    "all_blocks_run": N_("all planned blocks were run"),
    "budget_used": N_("the budget of {budget:g} s was used up"),
    "verdicts_settled": N_("every verdict was settled at the interim analysis after {look} blocks"),
    "running": N_("still running"),
    "all_batches_found": N_("the largest batch of every arm was found"),
    "pilot_made": N_("the pilot is complete"),
    "all_seeds_trained": N_("all seeds were trained"),
    "read_from_log": N_("read from its log"),
    # what a summary warns of
    "wall_clock_only": N_("{arm}: only its training time is compared, since {why}"),
    "clock_decides": N_(
        "{arm}: the time that a run takes decides how often it evaluates, so whole runs alone are "
        "compared"
    ),
    "never_stops": N_(
        "--expected-steps and --past are not used: nothing ends this training before its last "
        "step; name a --target"
    ),
    "not_predicted": N_("{arm}: not predicted, since only a run itself knows when it evaluates"),
    "evaluation_steers": N_("{settings} lets evaluation steer training"),
    "blocks_differ": N_("blocks that do not match and enter no estimate: {part} of {whole}"),
    "runs_ended_otherwise": N_("{arm}: {count} of its runs ended {status}: {error}"),
    "training_diverged": N_("training diverged: weights that are not numbers: {arms}"),
    "blocks_disturbed": N_(
        "disturbed blocks: {part} of {whole} timed; other processes kept the machine busy"
    ),
    "memory_run_differs": N_("{arm}: its memory run evaluated after steps {steps}"),
    "whole_span_disagrees": N_(
        "{arm}: no verdict: the whole-span estimate is {span:.1f%}, the matched one "
        "{matched:.1f%}: either evaluation slows more than the {window} steps after it, or "
        "noise came with it; the whole-span figure is shown"
    ),
    "samples_not_run": N_(
        "extrapolated: intervals do not cover that samples which were not run may be longer or "
        "shorter; --full runs the whole job"
    ),
    "early_stopping_may_end": N_(
        "extrapolated: early stopping may end {arms} before the last step; treated as if it did not"
    ),
    "several_models_of_machine": N_(
        "blocks were run on {models} models of machine; arms are compared within a node, and "
        "figures over all nodes hold for none of them"
    ),
    "times_are_missing": N_("{arm}, block {block}: left out: its times per step are missing"),
    "clock_went_backwards": N_("{arm}, block {block}: left out: its clock went backwards"),
    "times_do_not_sum": N_(
        "{arm}, block {block}: left out: its phases do not sum to the training time"
    ),
    "other_pieces": N_(
        "{arm}, block {block}: left out: {steps} steps and {evaluations} evaluations, expected "
        "{usual_steps} and {usual_evaluations}"
    ),
    "line_torn": N_("{file}: the last line was torn and is dropped"),
    # what is read from a log, and what is not
    "less_is_better": N_("{metric}: less is taken to be better, and margins to be in its unit"),
    "no_number": NN_(
        "{metric} is not a number at 1 evaluation, which counts as worse than all others",
        "{metric} is not a number at {count} evaluations, which count as worse than all others",
    ),
    "evaluated_twice": NN_(
        "1 step was evaluated twice; the last counts",
        "{count} steps were evaluated twice; the last counts",
    ),
    "last_stands_for_end": N_(
        "the last evaluation is after step {step} of {whole}; it stands for the end"
    ),
    "times_unknown": N_(
        "the log holds no times of evaluations or of the run: no times are reported"
    ),
    "training_resumed": N_(
        "the training was resumed: the {seconds:,.4g} s that the log holds are of its last part, "
        "so its evaluation share is not known"
    ),
    "clock_too_coarse": N_(
        "evaluation took {seconds:,.0f} ± {error:,.0f} s by a clock of whole seconds, which is too "
        "coarse to say its share"
    ),
    "training_restarted": N_(
        "the training went back and on from a checkpoint, so what all of it took is not known"
    ),
    "evaluations_exceed_training": N_(
        "evaluations took {evaluation:,.4g} s, more than the {training:,.4g} s of training that "
        "the log holds: it was resumed, and its evaluation share is not known"
    ),
    "runs_without_share": N_(
        "of {count} of {whole} runs the logs do not say what training took, so their share is not "
        "known; train_results.json, the state saved after training or what was printed at its end "
        "would say it"
    ),
    "runs_with_remarks": NN_(
        "1 run has remarks: audit it alone",
        "{count} runs have remarks: audit one alone to see them",
    ),
    "logs_unread": NN_("1 log could not be read", "{count} logs could not be read"),
    "no_train_runtime": N_(
        "the log does not say what training took; train_results.json, the state saved after "
        "training or what was printed at its end would"
    ),
    "stopped_early": N_("stopped early: {part:,} of {whole:,} planned steps"),
    "several_trainings": N_("the log holds {count} trainings; this is of one"),
    "evaluated_before_training": NN_(
        "1 evaluation came before training and is not counted",
        "{count} evaluations came before training and are not counted",
    ),
    "evaluations_untimed": NN_(
        "the log does not say what 1 evaluation took",
        "the log does not say what {count} evaluations took",
    ),
    "log_numbers_unfit": NN_(
        "{name}: 1 value is no time and is left out",
        "{name}: {count} values are no times and are left out",
    ),
    "log_last_evaluation_only": N_(
        "a summary of Weights & Biases holds the last evaluation alone; output.log holds all"
    ),
    "run_cut_off": N_("the log goes to step {part:,} of {whole:,}"),
    "log_lines_unread": NN_(
        "1 line is no log entry and is left out",
        "{count} lines are no log entries and are left out",
    ),
    # what was changed of a configuration
    "removed_everywhere": N_("{key}: {own}: taken out in every arm: {why}"),
    "set_everywhere": N_("{key}: {own}: set to {value} in every arm: {why}"),
    "removed_but_as_written": N_("{key}: {own}: taken out in all arms but as_written: {why}"),
    "set_but_as_written": N_("{key}: {own}: set to {value} in all arms but as_written: {why}"),
    "val_size_kept": N_(
        "val_size: {size}: kept where nothing is evaluated as well, so that all arms train on the "
        "same samples"
    ),
    "folder_is_temporary": N_("each run writes into a folder that is taken away after it"),
    "reporters_would_count": N_("reporters would log runs that are only measured"),
    "not_published": N_("a run that is only measured is not published"),
    "trained_from_start": N_("every run trains from the start"),
    "prediction_is_apart": N_("prediction after training is no evaluation of it"),
    "plot_is_thrown_away": N_("a plot per run would be drawn and thrown away"),
    "metric_chooses_weights": N_("a metric would choose the weights"),
    "metric_ends_training": N_("a metric would end the training"),
    "metric_chooses_saves": N_("a metric would choose what is saved"),
    # what is recommended
    "evaluate_every": N_("evaluate every {every:,} steps ({share})"),
    "evaluate_every_and_before": N_(
        "evaluate every {every:,} steps ({share}, including the one before training)"
    ),
    "evaluate_every_and_after": N_(
        "evaluate every {every:,} steps ({share}, including the one that LLaMA-Factory adds "
        "after training)"
    ),
    "evaluate_every_before_and_after": N_(
        "evaluate every {every:,} steps ({share}, including the one before training and the one "
        "that LLaMA-Factory adds after it)"
    ),
    "evaluate_once": N_("evaluate once, after training ({share})"),
    "evaluate_once_perhaps_beyond": N_(
        "evaluate once, after training ({share}, which may exceed {within:g%})"
    ),
    "keep_as_written": N_("keep it as it is ({share})"),
    "do_not_evaluate": N_("do not evaluate: a single evaluation at the end would take {share}"),
    "evaluate_to_stop": NN_(
        "evaluate after every step (every {low:,} to {high:,} costs at most {near:.0f%} more), if "
        "training could end at step {work:,} ({source})",
        "evaluate every {count:,} steps (every {low:,} to {high:,} costs at most {near:.0f%} "
        "more), if training could end at step {work:,} ({source})",
    ),
    "advice_for_range": N_(
        "{advice}; from step {low:,} to {high:,}, that costs at most {longer:.1f%} more than the "
        "best"
    ),
    "work_of_user": N_("as you say"),
    "work_of_run": N_("as this run did"),
    "work_of_runs": NN_("as an earlier run did", "the median of {count} earlier runs"),
    "work_unknown": N_("half of the plan, since nobody says"),
    "spacing_needs_costs": N_("evaluations cost nothing that was measured"),
    "reached_at_start": N_("it could have ended before its first step"),
    "patience_never_ended": N_("its patience never ended it"),
    "spacing_beyond_work": N_(
        "an evaluation costs so much that none should come before step {work:,}, where training "
        "could end"
    ),
    "spacing_beyond_plan": N_(
        "evaluations at the spacing that costs least would stop it at step {stops:,}, after the "
        "last of the planned ones"
    ),
    "stop_metric_missing": N_("the log has no evaluation with the metric that ends training"),
    "stop_steps_unknown": N_("the steps of evaluations are not known"),
    "stop_costs_unknown": N_(
        "without the training time it is not known how often it should have evaluated"
    ),
    "target_never_met": N_("it never met the target"),
    "advice_against": N_("{advice}; {against}"),
    "early_stopping_starves": N_(
        "early stopping with a patience of {patience} could not act on that"
    ),
    "needs_evaluation": N_("against that: evaluation is needed for {wants}"),
    "share_with_limits": N_(
        "{share:.1f%} of it, {low:.1f%} to {high:.1f%} with {level:.3g%} confidence"
    ),
    "share_alone": N_("{share:.1f%} of it"),
    "llamafactory_yaml": N_("a LLaMA-Factory YAML"),
    "training_arguments": N_("TrainingArguments"),
    "job_settings": N_("the job's settings"),
    "shell": N_("a shell"),
    "without_early_stopping": N_("# and without EarlyStoppingCallback"),
    "evaluate_after_training": N_("# and trainer.evaluate() after trainer.train()"),
    # what sparser evaluation would have missed
    "samples_held_back": NN_(
        "{count} training sample, {part:.2g%}, held back",
        "{count} training samples, {part:.2g%}, held back",
    ),
    "random_samples": N_("a random {part:g%} of the evaluation samples each time"),
    "fixed_samples": N_("a fixed random {part:g%} of the evaluation samples"),
    "until_settled": N_("evaluations that end once settled ({wrong:g%} of runs may be wrong)"),
    "training_loss": N_("the training loss alone"),
    "others_may_lose": N_("none of {whole} lost more, but up to {most:.0f%} of runs could"),
    "some_lost": N_("{part} of {whole} lost more, and up to {most:.0f%} of runs could"),
    "within": N_(
        "evaluate {chosen}: within {share:g%} of the training time and {regret:g} nats of "
        "regret; {others}"
    ),
    "none_within": N_(
        "no schedule meets both limits: {share:g%} of the training time and {regret:g} nats of "
        "regret"
    ),
    "within_metric": N_(
        "evaluate {chosen}: within {share:g%} of the training time and a regret of {regret:g}; "
        "{others}"
    ),
    "skip_within_metric": N_("skipping stays within a regret of {regret:g}; {others}"),
    "none_within_metric": N_(
        "no schedule meets both limits: {share:g%} of the training time and a regret of {regret:g}"
    ),
    "evaluation_time_unknown": N_("what evaluations took is not known, so nothing is recommended"),
    "replay_differs": N_("{run}: {differences}"),
    "real_run": N_("seed {seed}, every {epochs} epochs, no early stopping"),
    "real_run_with_patience": N_("seed {seed}, every {epochs} epochs, patience {patience}"),
    "stopped_elsewhere": N_("stopped at step: replay {replayed}, real {real}"),
    "kept_another": N_("kept step: replay {replayed}, real {real}"),
    "other_weights": N_("weights: replay {replayed}, real {real}"),
    # what it is of
    "past_run": N_("a finished run"),
    "finished_runs": NN_("1 finished run", "{count} finished runs"),
    "as_it_was": N_("as it was"),
    "not_told": N_("not told"),
    "inside_not_told": N_(
        "the files do not tell of evaluations inside training; a trainer state or what was printed "
        "would"
    ),
    "irregular": NN_("once", "{count} times, irregularly"),
    "own_device": N_("its own"),
    # what a gate compares
    "throughput_gain": N_("speed-up from skipping"),
    "evaluation_share": N_("evaluation share"),
    "headroom": N_("batch without evaluation over batch with"),
    "fixed_cost": N_("fixed cost per run over training time"),
    "instrumentation": N_("cost of marking a step over a step"),
    "peak_memory": N_("peak of memory"),
    "undisturbed_time": N_("undisturbed training time"),
    # and what becomes of it
    "unchanged": N_("unchanged"),
    "improved": N_("improved"),
    "regressed": N_("regressed"),
    "over_budget": N_("over budget"),
    "not_compared": N_("not compared"),
    "not_measured_today": N_("was not measured today"),
    "of_another_machine": N_("measured on another model of machine"),
    "not_in_baseline": N_("not in the baseline"),
    "could_go_unseen": N_("a change of {change} could go unseen"),
    "share_without_interval": N_("its share has no interval"),
    "limits_hold_budget": N_("its limits hold the budget"),
    "baseline_of_one_session": N_(
        "the baseline holds one session: how sessions differ is assumed, not known; add more"
    ),
    "baseline_is_noisy": N_(
        "the baseline is noisy: it knows the {figure}, {arm}, to within {within}; sessions on a "
        "machine that does nothing else would help"
    ),
    "times_not_compared": N_(
        "absolute times are not compared ({why}), and a slow-down of training and evaluation alike "
        "would not be seen"
    ),
    "others_disturbed": N_("others disturbed runs"),
    "baseline_of_another_machine": N_("the baseline is of another model of machine"),
    "training_is_faster": N_(
        "training itself is faster than it was: of that alone, every ratio over it grows"
    ),
    # what the doctor examines
    "frequency_governor": N_("frequency governor"),
    "turbo": N_("turbo"),
    "neighbours": N_("neighbours"),
    "cpu_quota": N_("CPU quota"),
    "threads": N_("threads"),
    "pinned_cores": N_("pinned cores"),
    "memory_allocator": N_("memory allocator"),
    "waiting_threads": N_("waiting threads"),
    "memory": N_("memory"),
    # what it finds
    "not_shown": N_("not shown by this machine"),
    "names": N_("{names}"),
    "on": N_("on"),
    "turned_off": N_("turned off"),
    "none": N_("none"),
    "cores_withheld": N_("{cores:.1f} cores withheld"),
    "cores_busy": N_("{cores:.2f} cores busy"),
    "cores_busy_with": N_("{cores:.1f} cores busy: {names}"),
    "quota_of_cores": N_("{cores:g} cores"),
    "too_many_threads": N_("OMP_NUM_THREADS={threads} on {cores} cores"),
    "cores_share_pipelines": N_("{cores} cores, sharing pipelines in pairs"),
    "one_thread_each": N_("{cores} cores, one thread each"),
    "settings_applied": N_("{settings} (applied to timed runs)"),
    "settings_of_user": N_("{settings} (as you have set)"),
    "pinned_to_cores": N_("runs keep to {usable} of {cores} cores"),
    "all_cores_needed": N_("none: a run needs all {cores}"),
    "no_core_pinned": N_("none of {cores}"),
    "memory_available": N_("{available:.1f} GiB available"),
    "memory_swapped_out": N_("{available:.1f} GiB available, {swapped:.1f} GiB swapped out"),
    # and advises
    "set_governor": N_("set it: cpupower frequency-set -g performance"),
    "turn_turbo_off": N_("turn it off: echo {value} > {path}"),
    "move_to_quieter_host": N_("move to a quieter host"),
    "stop_neighbours": N_("stop them while measuring"),
    "pin_instead_of_quota": N_("pin cores (a cpuset) instead of a quota"),
    "unset_threads": N_("unset OMP_NUM_THREADS"),
    "set_threads": N_("set job.threads: {threads}"),
    "pin_some": N_("leave some to the rest of the machine: taskset -c {first}-{last} make bench"),
    "free_memory": N_("free memory"),
    "free_memory_for_run": N_("free memory: a run wants about 1 GiB"),
    **REMEDIES,
}
