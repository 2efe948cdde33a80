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
    assert "kept the last model, 0.600 nats worse than the best" in said
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
    assert "Evaluation took 43 s in 4 of 4 runs." in said
    assert "evaluation took 17.0%" in said
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
