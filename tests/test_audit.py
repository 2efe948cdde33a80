"""What evaluation cost runs that are over: ``evalskip audit``, as people and machines meet it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from evalskip import audit
from evalskip.errors import InputError
from evalskip.logs import sample_logs
from evalskip.report.html import write_page
from evalskip.report.words import ENGLISH, Language
from evalskip.summary import read_summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def state(
    path: Path,
    losses: Sequence[float] = (1.5, 1.2, 1.0, 1.1, 1.3, 1.6),
    *,
    seconds: float = 1.0,
    runtime: float | None = 60.0,
    **known: Any,
) -> Path:
    """A trainer's state with an evaluation of 10 samples after every tenth step."""
    history: list[dict[str, Any]] = [
        {
            "step": 10 * place,
            "epoch": place / 2,
            "eval_loss": loss,
            "eval_runtime": seconds,
            "eval_samples_per_second": 10 / seconds,
        }
        for place, loss in enumerate(losses, start=1)
    ]
    steps = 10 * len(losses)
    if runtime is not None:
        history.append(
            {
                "step": steps,
                "epoch": len(losses) / 2,
                "train_runtime": runtime,
                "train_samples_per_second": 120 / runtime,
                "train_steps_per_second": steps / runtime,
            }
        )
    document = {
        "global_step": steps,
        "max_steps": steps,
        "epoch": len(losses) / 2,
        "num_train_epochs": len(losses) // 2,
        "log_history": history,
        **known,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_run_is_answered_with_lines_to_paste(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("audit", state(tmp_path / "trainer_state.json"))
    assert ended.returncode == 0, ended.stderr
    said = flat(ended.stdout)
    # 6 s of 60 s; 60 / 54 - 1; 2 evaluations, at 30 and 60, are 2 s of 56 s
    assert "Evaluation took 10.0% of this training: 6 s of 1 min 0 s, in 6 evaluations." in said
    assert "Without it training would have been 11.1% faster." in said
    assert "evaluate every 30 steps (3.6% of it)" in said
    assert "eval_steps: 30" in said
    assert "last model is 0.600 nats worse than the best that it evaluated, at step 30." in said
    # (54 s / 120) / (6 s / 60)
    assert "a trained sample cost as much as 4.5 evaluated ones" in said
    assert ended.stderr == ""


def test_what_other_schedules_would_have_taken(tmp_path: Path) -> None:
    [run] = audit(state(tmp_path / "trainer_state.json")).runs
    costs = {str(each.schedule): each for each in run.schedules}
    # 54 s without evaluation, and 1 s each
    assert costs["as_it_was"].training_s == pytest.approx(60)
    assert costs["every_epoch"].evaluations == 3
    assert costs["every_epoch"].training_s == pytest.approx(57)
    assert costs["every_epoch"].share == pytest.approx(3 / 57)
    assert costs["final_only"].training_s == pytest.approx(55)
    assert costs["off"].training_s == pytest.approx(54)
    assert costs["off"].share == 0


def test_what_skipping_would_have_missed(tmp_path: Path) -> None:
    [run] = audit(state(tmp_path / "trainer_state.json")).runs
    assert run.missed is not None
    assert run.missed.best_place == 30
    lost = {str(each.policy): each.regret for each in run.missed.policies}
    # every second: begun at the first it keeps 1.0, begun at the second 1.1
    assert lost["every_n_evaluations count=2"] == pytest.approx(0.05)
    assert lost["final_only"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--max-share", "12%"), 0, ""),
        (("--max-share", "9%"), 1, "--max-share 9%: evaluation took 10.0% of"),
        (("--max-share", "0"), 2, "--max-share: expected a share"),
        (("--json", "--csv"), 2, "expected one of them"),
        (("--share", "x"), 2, "--share: expected a share"),
        (("--lang", "xx"), 2, "--lang xx"),
    ],
)
def test_exit_codes_for_ci(
    options: tuple[str, ...], code: int, said: str, tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("audit", state(tmp_path / "trainer_state.json"), *options)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert ended.stderr.count("\n") == bool(said)


def test_a_limit_without_any_share_has_an_exit_code_of_its_own(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    log = state(tmp_path / "trainer_state.json", runtime=None)
    ended = evalskip("audit", log, "--max-share", "10%")
    assert ended.returncode == 3
    assert "no log says what training took" in ended.stderr
    said = flat(ended.stdout)
    assert "6 evaluations took 6 s; the evaluation share is not known." in said
    assert "train_results.json" in said


def test_nothing_evaluated_is_said_so(tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    log = state(tmp_path / "trainer_state.json", ())
    ended = evalskip("audit", log)
    assert ended.returncode == 0, ended.stderr
    assert "not evaluated while it went on: 0% of its 1 min 0 s." in flat(ended.stdout)


def test_a_folder_is_a_table_with_totals_and_money(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    for name, seconds in (("a", 1.0), ("b", 4.0), ("c", 0.1)):
        state(tmp_path / "runs" / name / "trainer_state.json", seconds=seconds)
    state(tmp_path / "runs" / "d" / "trainer_state.json", seconds=2.0, runtime=None)
    (tmp_path / "runs" / "notes.txt").write_text("nothing of a training")
    out = tmp_path / "out"
    ended = evalskip("audit", tmp_path / "runs", "--per-hour", "3600", "--out", out)
    assert ended.returncode == 0, ended.stderr
    said = flat(ended.stdout)
    # 6 + 24 + 0.6 + 12 s; 30.6 s of the 180 s that are known
    assert "Evaluation took 43 s, that after training included, in 4 of 4 runs." in said
    assert "what training took, 3 min 0 s, evaluation inside it is 17.0%." in said
    assert "At 3600 an hour that cost 42.60." in said
    assert "2 runs spent more than 5% on it" in said
    assert "of 1 of 4 runs the logs do not say what training took" in said
    section = read_summary(out).audit
    assert [run.name.rpartition("/runs/")[2][0] for run in section.runs] == ["b", "d", "a", "c"]
    assert (out / "report.md").exists()
    assert "How much evaluation took, run by run" in (out / "report.html").read_text()
    assert write_page(tmp_path / "zh", [read_summary(out)], Language("zh")).exists()
    assert ENGLISH.code == "en"


def test_json_and_csv_are_for_machines(tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    log = state(tmp_path / "trainer_state.json", (1.0, float("nan"), 0.9, 0.8, float("nan")))
    printed = json.loads(evalskip("audit", log, "--json").stdout)
    assert printed["runs"][0]["share"] == pytest.approx(5 / 60)
    assert printed["runs"][0]["missed"]["policies"][-1]["regret"] == "Infinity"
    [row] = csv.DictReader(io.StringIO(evalskip("audit", log, "--csv").stdout))
    assert float(row["share"]) == pytest.approx(5 / 60)
    assert row["name"] == str(log)


def test_logs_come_from_globs_and_standard_input_too(tmp_path: Path) -> None:
    for name in "ab":
        state(tmp_path / name / "trainer_state.json", seconds=1 + ord(name) / 100)
    assert len(audit(tmp_path / "*" / "trainer_state.json").runs) == 2
    text = (tmp_path / "a" / "trainer_state.json").read_bytes()
    words = [sys.executable, "-m", "evalskip", "audit", "-", "--csv"]
    ended = subprocess.run(words, input=text, capture_output=True, check=True)
    assert b"standard input" in ended.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"\0\1\2" * 99, "binary"),
        (b'{"log_history": [{"step"', "not JSON, cut off perhaps"),
        (b'{"log_history": 3}', "expected a list"),
        (b'{"a": 1}', "no log of a training"),
        (b"hello\nworld\n", "no evaluation, no loss and no train_runtime"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_exit_2(
    content: bytes | None, said: str, tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    log = tmp_path / "trainer_state.json"
    if content is not None:
        log.write_bytes(content)
    ended = evalskip("audit", log)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    # beside one that can be read it is a line, and no more
    ended = evalskip("audit", log, state(tmp_path / "good" / "trainer_state.json"))
    assert ended.returncode == 0
    assert said in ended.stderr
    assert "Evaluation took 10.0%" in flat(ended.stdout)


def test_a_document_that_is_too_large_is_refused(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    log = tmp_path / "trainer_state.json"
    with log.open("wb") as file:
        file.write(b'{"log_history": [\n')
        file.truncate(257 * 2**20)
    ended = evalskip("audit", log)
    assert ended.returncode == 2
    assert "a JSON document above 256 MiB" in ended.stderr


def test_nobody_is_asked_to_read_a_link_that_circles(tmp_path: Path) -> None:
    state(tmp_path / "runs" / "a" / "trainer_state.json")
    (tmp_path / "runs" / "a" / "again").symlink_to(tmp_path / "runs")
    assert len(audit(tmp_path / "runs").runs) == 1


def test_the_sample_is_read_without_torch_in_a_moment() -> None:
    code = (
        "import sys; sys.argv[1:] = ['audit', '--sample']\n"
        "from evalskip.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    # a second on a machine that does nothing else; here to notice what imports the world
    assert time.monotonic() - began < 10


def test_the_sample_is_a_run_of_three_files_evaluated_after_training_as_well() -> None:
    [run] = audit(sample_logs()).runs
    assert len(run.sources) == 3
    assert (run.evaluations, run.evaluations_after) == (10, 1)
    assert run.share == pytest.approx(82.258 / 577.842, rel=1e-4)
    assert run.share_with_after == pytest.approx((82.258 + 7.880) / (577.842 + 7.880), rel=1e-4)
    assert run.place is not None


def test_a_script_gets_typed_objects_and_a_frame(tmp_path: Path) -> None:
    found = audit(state(tmp_path / "trainer_state.json"))
    frame = found.frame()
    assert frame.loc[0, "eval_steps"] == 30
    assert frame.loc[0, "schedule"] == "every_n_steps count=10"
    with pytest.raises(InputError, match="no such file"):
        audit(tmp_path / "missing")


# --- what is one run, and what is not


def printed(path: Path, *entries: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{entry}\n" for entry in entries))
    return path


def loss(epoch: float, value: float = 1.0) -> dict[str, Any]:
    return {"loss": value, "epoch": epoch}


def evaluated(epoch: float, seconds: float, value: float = 1.0, name: str = "eval") -> Any:
    return {f"{name}_loss": value, f"{name}_runtime": seconds, "epoch": epoch}


def ended(epoch: float, seconds: float, **more: float) -> dict[str, Any]:
    return {"train_runtime": seconds, "epoch": epoch, **more}


def test_runs_of_one_seed_under_other_schedules_are_two(tmp_path: Path) -> None:
    losses = [1.9, 1.7, 1.6, 1.5]
    off = [loss(epoch, value) for epoch, value in enumerate(losses, start=1)]
    on = [each for entry in off for each in (entry, evaluated(entry["epoch"], 2.0, 1.8))]
    printed(tmp_path / "a" / "off.log", *off, ended(4, 40.0))
    printed(tmp_path / "b" / "on.log", *on, ended(4, 48.0))
    # cut off, so that no time tells them apart
    printed(tmp_path / "c" / "off.log", *off)
    found = {run.name[len(str(tmp_path)) :]: run for run in audit(tmp_path).runs}
    assert found["/a/off.log"].share == 0
    assert found["/b/on.log"].share == pytest.approx(8 / 48)
    assert found["/c/off.log"].share is None


def test_two_sets_in_a_checkpoint_and_the_final_state_are_one_run(tmp_path: Path) -> None:
    history = [
        {"step": step, "epoch": step / 10, f"eval_{name}_loss": 2.0 + own, **time}
        for step in (10, 20, 30)
        for name, own in (("a", 0.1), ("b", 0.5))
        for time in ({f"eval_{name}_runtime": 1.0 + own + step / 100},)
    ]
    for folder, count in (("checkpoint-10", 2), ("checkpoint-20", 4), (".", 6)):
        document = {"global_step": 5 * count, "max_steps": 30, "log_history": history[:count]}
        path = tmp_path / folder / "trainer_state.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
    [run] = audit(tmp_path).runs
    assert (run.evaluations, run.sets, run.steps) == (3, 2, 30)
    # 1.1 + 1.5 at each of three steps, and twice each step's hundredth part
    assert run.evaluation_s == pytest.approx(3 * 2.6 + 2 * 0.6)


def test_a_checkpoint_that_logged_nothing_yet_is_part_of_its_run(tmp_path: Path) -> None:
    state(tmp_path / "trainer_state.json")
    early = {"log_history": [], "global_step": 8, "max_steps": 60, "epoch": 0.4}
    (tmp_path / "checkpoint-8").mkdir()
    (tmp_path / "checkpoint-8" / "trainer_state.json").write_text(json.dumps(early))
    [run] = audit(tmp_path).runs
    assert run.steps == 60
    assert run.share == pytest.approx(0.1)


def test_a_folder_of_runs_is_no_folder_of_events(tmp_path: Path) -> None:
    for name, seconds in (("one", 1.0), ("two", 1.5)):
        folder = tmp_path / "runs" / name
        state(folder / "trainer_state.json", seconds=seconds)
        after = {"eval_loss": 1.0, "eval_runtime": 3.0 + seconds, "epoch": 3.0}
        (folder / "eval_results.json").write_text(json.dumps(after))
    runs = audit(tmp_path / "runs").runs
    assert [run.evaluation_after_s for run in runs] == [4.5, 4.0]
    assert [run.name for run in runs] == [str(tmp_path / "runs" / n) for n in ("two", "one")]


def test_training_that_goes_on_in_the_same_log_is_one(tmp_path: Path) -> None:
    first = [loss(0.5, 4.2), evaluated(0.5, 2.0), loss(1.0, 4.1), evaluated(1.0, 2.0)]
    second = [loss(1.5, 4.0), evaluated(1.5, 2.0), loss(2.0, 3.9), evaluated(2.0, 2.0)]
    log = printed(tmp_path / "a.log", *first, ended(1.0, 24.0), *second, ended(2.0, 16.0))
    [run] = audit(log).runs
    # 8 s of 24 s and 16 s
    assert (run.evaluations, run.evaluations_after, run.share) == (4, 0, 0.2)


def test_stopped_early_is_not_resumed(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    lines = []
    for step, value in ((10, 4.2), (30, 4.1), (70, 4.0)):
        lines += [f" {step}%|#    | {step}/100 [00:00<00:00, 90.0it/s]"]
        lines += [str(loss(step / 10, value)), str(evaluated(step / 10, 2.0, 4.0))]
    rates = {"train_samples_per_second": 2.8, "train_steps_per_second": 0.7, "train_loss": 4.1}
    log.write_text("\n".join([*lines, str(ended(7.0, 100.0, **rates))]))
    [run] = audit(log).runs
    assert run.share == pytest.approx(0.06)
    assert (run.steps, run.trained_samples) == (70, pytest.approx(280))
    # where the rates are of what was planned, 100 steps of 4 samples
    rates = {"train_samples_per_second": 4.0, "train_steps_per_second": 1.0, "train_loss": 4.1}
    log.write_text("\n".join([*lines, str(ended(7.0, 100.0, **rates))]))
    [run] = audit(log).runs
    assert (run.steps, run.trained_samples) == (70, pytest.approx(280))


def test_what_is_summed_up_below_a_progress_bar_is_read_and_counted_once(tmp_path: Path) -> None:
    block = (
        "***** eval metrics *****\n  epoch                   =        2.0\n"
        "  eval_loss               =     1.2346\n  eval_runtime            = 0:01:03.50\n"
    )
    lines = [str(loss(1.0)), str(loss(2.0)), str(ended(2.0, 200.0))]
    log = tmp_path / "a.log"
    log.write_text("\n".join([*lines, block]))
    [run] = audit(log).runs
    assert (run.evaluations, run.evaluations_after, run.evaluation_after_s) == (0, 1, 63.5)
    log.write_text("\n".join([*lines, str(evaluated(2.0, 63.5012, 1.23456)), block]))
    [run] = audit(log).runs
    assert (run.evaluations_after, run.evaluation_after_s) == (1, 63.5012)


def test_one_before_the_first_step_counts_in_what_is_advised(tmp_path: Path) -> None:
    steps = range(0, 201, 10)
    history: list[dict[str, Any]] = [
        {"step": step, "epoch": step / 100, "eval_loss": 1.0, "eval_runtime": 1.0} for step in steps
    ]
    history.append({"step": 200, "epoch": 2.0, "train_runtime": 140.0})
    log = tmp_path / "trainer_state.json"
    log.write_text(json.dumps({"global_step": 200, "max_steps": 200, "log_history": history}))
    [run] = audit(log).runs
    assert run.recommendation is not None
    assert run.recommendation.every_steps is not None
    # 119 s without evaluation: 6 of 1 s are 4.8%, 7 would be 5.6%
    evaluations = 1 + -(-200 // run.recommendation.every_steps)
    assert evaluations == run.recommendation.evaluations == 6


def test_a_clock_that_is_too_coarse_says_no_share(tmp_path: Path) -> None:
    log = tmp_path / "trainer_log.jsonl"
    entries = [
        {"current_steps": 1, "total_steps": 2, "loss": 1.0, "elapsed_time": "0:00:01"},
        {"current_steps": 1, "total_steps": 2, "eval_loss": 1.0, "elapsed_time": "0:00:02"},
        {"current_steps": 2, "total_steps": 2, "loss": 1.0, "elapsed_time": "0:00:03"},
    ]
    log.write_text("\n".join(map(json.dumps, entries)))
    [run] = audit(log).runs
    assert run.share is None
    assert run.share_unknown is not None
    assert run.share_unknown.code == "clock_too_coarse"
