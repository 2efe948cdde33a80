"""The map of public runs: its figures, and the readers of the raw logs that they come from."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.public import PublicGroup, public_map, quantile
from support import ROOT
from wild import algoperf, make_map, mlperf, peft, raw
from wild.figures import WildRun, read_figures, write_figures
from wild.groups import map_of

if TYPE_CHECKING:
    from pathlib import Path


def event(key: str, time_ms: Any, **metadata: Any) -> str:
    """An entry of MLPerf's logger."""
    entry = {"namespace": "", "time_ms": time_ms, "key": key, "value": None, "metadata": metadata}
    return f":::MLLOG {json.dumps(entry)}"


def run_events(start: int = 1_000, status: str = "success") -> list[str]:
    """Ten seconds, of which 1.5 are in two evaluations."""
    return [
        event("run_start", start),
        event("eval_start", start + 2_000, epoch_num=1),
        event("eval_stop", start + 3_000, epoch_num=1),
        event("eval_start", start + 6_000, epoch_num=2),
        event("eval_stop", start + 6_500, epoch_num=2),
        event("run_stop", start + 10_000, status=status),
    ]


def read_mlperf(folder: Path, lines: list[str], end: str = "\n") -> WildRun:
    log = folder / "log.txt"
    log.write_bytes("".join(f"{line}{end}" for line in lines).encode())
    kind, (run,) = raw.figures_of(log)
    assert kind == "MLPerf"
    return run


def refusal(path: Path) -> str:
    with pytest.raises(raw.Refused) as refused:
        raw.figures_of(path)
    reason = str(refused.value)
    assert reason.strip()
    assert "\n" not in reason
    return reason


def test_an_mlperf_run_has_the_share_of_its_evaluations(tmp_path: Path) -> None:
    before = [event("eval_start", 100), event("eval_stop", 900)]
    after = [event("eval_start", 12_000), event("eval_stop", 13_000)]
    benchmark = json.dumps({"key": "submission_benchmark", "value": "bert", "time_ms": 1})
    lines = [f":::MLLOG {benchmark}", *before, *run_events(), *after]
    run = read_mlperf(tmp_path, lines)
    assert (run.total_s, run.evals, run.eval_s) == (10, 2, 1.5)
    assert (run.share_pct, run.gain_pct) == (15, 17.65)
    assert (run.task, run.flag, run.source) == ("bert", "success", "MLPerf Training")


@pytest.mark.parametrize("prefix", ["", "0: ", "  13: ", "[rank3] ", "\t", "12%|###  | 3/9\r"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "", " trailing words\n"])
@pytest.mark.parametrize("space", [" ", "", "   ", "\t"])
def test_submitters_write_their_logs_in_many_ways(
    prefix: str, end: str, space: str, tmp_path: Path
) -> None:
    lines = [prefix + line.replace("MLLOG ", f"MLLOG{space}") for line in run_events()]
    assert read_mlperf(tmp_path, ["hello", *lines], end).share_pct == 15


def test_what_several_processes_write_is_one_run(tmp_path: Path) -> None:
    both = [line for line in run_events() for _ in range(2)]
    run = read_mlperf(tmp_path, both)
    assert (run.evals, run.share_pct) == (2, 15)
    run = read_mlperf(tmp_path, list(reversed(run_events())))
    assert (run.evals, run.share_pct) == (2, 15)
    # the first that starts and the first that stops
    later = [event("run_start", 1_400), event("run_stop", 11_300, status="success")]
    assert read_mlperf(tmp_path, [*run_events(), *later]).total_s == 10


def test_what_evaluations_share_counts_once(tmp_path: Path) -> None:
    lines = run_events()
    lines[1:5] = [
        event("eval_start", 3_000, samples_count=1),
        event("eval_start", 4_000, samples_count=2),
        event("eval_stop", 5_000, samples_count=1),
        event("eval_stop", 6_000, samples_count=2),
    ]
    run = read_mlperf(tmp_path, lines)
    assert (run.evals, run.eval_s, run.share_pct) == (2, 3, 30)


def test_of_several_runs_the_last_that_ended_well_counts(tmp_path: Path) -> None:
    short = [event("run_start", 50_000), event("eval_start", 51_000), event("eval_stop", 52_000)]
    end = event("run_stop", 54_000, status="aborted")
    # ended badly after it, before it, and not at all
    assert read_mlperf(tmp_path, [*run_events(), *short, end]).share_pct == 15
    assert read_mlperf(tmp_path, [*short, end, *run_events(100_000)]).share_pct == 15
    assert read_mlperf(tmp_path, [*short, *run_events(100_000)]).share_pct == 15
    alone = read_mlperf(tmp_path, [*short, end])
    assert (alone.share_pct, alone.flag) == (25, "aborted")


def test_an_evaluation_that_the_run_ends_within_counts_up_to_there(tmp_path: Path) -> None:
    lines = run_events()
    lines[4] = event("eval_stop", 11_500, epoch_num=2)
    assert read_mlperf(tmp_path, lines).eval_s == 1 + 4
    assert read_mlperf(tmp_path, lines[:4] + lines[5:]).eval_s == 1 + 4


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [(5, "run_stop"), (0, "run_start"), (2, "eval_stop"), (slice(1, 5), "no evaluation")],
)
def test_a_part_of_an_mlperf_log_is_refused(
    left_out: int | slice, reason: str, tmp_path: Path
) -> None:
    lines = run_events()
    del lines[left_out]
    log = tmp_path / "log.txt"
    log.write_text("\n".join(lines))
    assert reason in refusal(log)


@pytest.mark.parametrize(
    "time_ms",
    [float("nan"), float("inf"), -1, True, None, "1000", [], 1e300, 10**400],
    ids=lambda value: str(value)[:9],
)
def test_a_time_that_is_none_is_refused(time_ms: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("\n".join([*run_events()[:2], event("eval_stop", time_ms)]))
    assert "time" in refusal(log)


@pytest.mark.parametrize("entry", ['{"key": "eval_stop", "time', '{"key": ["eval_stop", ' * 9_000])
def test_a_damaged_entry_is_refused(entry: str, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("\n".join([*run_events(), f":::MLLOG {entry}"]))
    assert "damaged" in refusal(log)


def test_an_mlperf_log_may_begin_far_down_and_have_endless_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"{'=' * 3_000_000}\r" + "\n".join(f"{'-' * 70_000}{e}" for e in run_events()))
    assert mlperf.matches("=" * 9, log)
    assert mlperf.read(log).share_pct == 15


@pytest.mark.parametrize("split", [1, 5, 40])
def test_an_entry_may_lie_where_a_log_is_read_in_two_pieces(split: int, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("\n" * ((1 << 20) - split) + "\n".join(run_events()))
    assert mlperf.read(log).share_pct == 15


def peft_result(**changed: Any) -> dict[str, Any]:
    """Two stretches of training and evaluation, 25% of which is evaluation; then the test."""
    stretch = {"train time": 30.0, "eval time": 10.0}
    training = {
        "status": "success",
        "train_time": 95.25,
        "metrics": [stretch, stretch, {"step": 3}],
    }
    return {
        "run_info": {
            "created_at": "2026-07-15T08:54:04+00:00",
            "experiment_name": "oft/rank32",
            "train_config": {"query_template": ""},
        },
        "train_info": {**training, **changed},
        "meta_info": {
            "system_info": {"accelerator": "NVIDIA L40S"},
            "package_info": {"torch-version": "2.13.0"},
        },
    }


def test_a_peft_result_has_the_share_of_its_evaluations(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(peft_result(), indent=2))
    kind, (run,) = raw.figures_of(path)
    assert kind == "PEFT"
    assert (run.total_s, run.evals, run.eval_s, run.share_pct) == (80, 2, 20, 25)
    assert run.path_or_system == "MetaMathQA/oft/rank32 2026-07-15 NVIDIA L40S torch 2.13.0"
    assert run.flag == "share of train+eval steps; published train_time 95.2"


@pytest.mark.parametrize(
    "changed",
    [
        {"metrics": None},
        {"metrics": []},
        {"metrics": [{"train time": 1.0}]},
        {"metrics": [{"train time": 1.0, "eval time": float("nan")}]},
        {"metrics": [{"train time": 1.0, "eval time": -1}]},
        {"metrics": [{"train time": 1.0, "eval time": 10**400}]},
        {"metrics": [{"train time": "1", "eval time": 1.0}]},
        {"metrics": [{"train time": 0, "eval time": 0}]},
        {"train_time": "long"},
    ],
    ids=str,
)
def test_a_peft_result_without_times_is_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(peft_result(**changed)))
    refusal(path)


def test_a_peft_result_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(peft_result())[:-9])
    assert "cut off" in refusal(path)
    path.write_text(json.dumps(peft_result())[:-1] + ', "deep": ' + "[" * 100_000)
    assert "cut off" in refusal(path)


HEADER = "global_step,accumulated_eval_time,loss,accumulated_submission_time"
ROWS = ("0,,0.7,", "1,5.0,0.6,15.0", "2,20.0,0.5,80.0", "3,,0.4,")


def write_trial(folder: Path, *rows: str, name: str = "eval_measurements.csv") -> Path:
    trial = folder / "study_0" / "wmt_jax" / "trial_1"
    trial.mkdir(parents=True, exist_ok=True)
    (trial / name).write_text("".join(f"{row}\n" for row in (HEADER, *rows)))
    return trial / name


def test_an_algoperf_trial_has_the_share_of_its_evaluations(tmp_path: Path) -> None:
    write_trial(tmp_path, *ROWS)
    # as more than one file of a trial has them
    write_trial(tmp_path, *ROWS, name="measurements.csv")
    (run,), tallies = raw.read_folder(tmp_path)
    assert (run.total_s, run.evals, run.eval_s, run.share_pct) == (100, 2, 20, 20)
    assert (run.path_or_system, run.task) == ("study_0/wmt_jax/trial_1", "wmt_jax")
    tally = tallies["AlgoPerf"]
    assert (tally.files, tally.read, tally.repeated) == (2, 1, 1)


@pytest.mark.parametrize(
    "row",
    ["3,30.0,0.4", "3,nan,0.4,90.0", "3,inf,0.4,90.0", "3,-1,0.4,90.0", "3,x,0.4,90", "3,9,0.4,-9"],
)
def test_damaged_measurements_are_refused(row: str, tmp_path: Path) -> None:
    refusal(write_trial(tmp_path, *ROWS, row))


def test_measurements_that_are_cut_off_or_endless_are_refused(tmp_path: Path) -> None:
    path = write_trial(tmp_path, *ROWS)
    path.write_text(path.read_text()[:-12])
    assert "cut off" in refusal(path)
    refusal(write_trial(tmp_path, *ROWS, f"3,{'9' * 300_000},0.4,90.0"))
    refusal(write_trial(tmp_path, f'3,"{"9" * 100_000}', "9" * 100_000, '"'))
    refusal(write_trial(tmp_path))


GOOD = {
    "log.txt": "\n".join(run_events()),
    "result.json": json.dumps(peft_result()),
    "measurements.csv": "\n".join((HEADER, *ROWS, "")),
}


@given(
    name=st.sampled_from(sorted(GOOD)),
    cut=st.integers(0, 2_000),
    put=st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"-", b"9" * 400, b"\xff\xfe", b"1e999", b"NaN", b"[" * 9_999, b'"', b"\r"]
        ),
    ),
    gone=st.integers(0, 60),
)
def test_damage_never_ends_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, cut: int, put: bytes, gone: int
) -> None:
    good = GOOD[name].encode()
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(good[:cut] + put + good[cut + gone :])
    try:
        _, runs = raw.figures_of(path)
    except raw.Refused as refused:
        assert str(refused)
        assert "\n" not in str(refused)
    else:
        assert all(0 <= run.share_pct <= 100 for run in runs)


def test_a_folder_becomes_figures_and_says_what_it_refuses(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    system = logs / "training_results_v5.0" / "Org" / "system" / "bert"
    system.mkdir(parents=True)
    (system / "result_0.txt").write_text("\n".join(run_events()))
    (system / "result_1.txt").write_text("\n".join(run_events()[:4]))
    write_trial(logs, *ROWS)
    (logs / "renamed.dat").write_text(json.dumps(peft_result()))
    (logs / "picture.png").write_bytes(b"\x89PNG\0\0\1")
    (logs / "empty").touch()
    out = tmp_path / "new" / "runs.csv"
    ended = subprocess.run(
        [sys.executable, ROOT / "bench" / "wild" / "raw.py", logs, "--out", out],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == [
        "AlgoPerf: files 1, read 1, refused 0",
        "MLPerf: files 2, read 1, refused 1 "
        "(1 x the run has no end (run_stop): the log is cut off)",
        "PEFT: files 1, read 1, refused 0",
        "other: files 2, read 0, refused 2 (1 x empty; 1 x binary)",
        f"3 runs in {out}",
    ]
    runs = read_figures(out)
    assert sorted(run.share_pct for run in runs) == [15, 20, 25]
    assert {run.source for run in runs if run.share_pct == 15} == {"MLPerf Training v5.0"}
    # and the map can be made of them
    assert [group.id for group in map_of(runs).groups] == ["mlperf", "peft", "algoperf"]


def wild_run(share_pct: float, **changed: Any) -> WildRun:
    figures: dict[str, Any] = {
        "source": "community: printed log",
        "repo_or_org": "one/one",
        "commit": "",
        "path_or_system": "",
        "task": "loss only",
        "total_s": 100.0,
        "evals": 1,
        "eval_s": share_pct,
        "share_pct": share_pct,
        "gain_pct": None,
        "load": None,
        "train_over_eval_cost_per_sample": None,
        "flag": "",
    }
    return WildRun(**{**figures, **changed})


def test_figures_are_written_as_they_are_read(tmp_path: Path) -> None:
    runs = [wild_run(12.345, gain_pct=14.08, path_or_system='a "b",\nc'), wild_run(1.0, load=0.5)]
    write_figures(runs, tmp_path / "runs.csv")
    assert read_figures(tmp_path / "runs.csv") == runs
    # the name of a file may be no Unicode
    write_figures([wild_run(1.0, path_or_system="a\udcff")], tmp_path / "runs.csv")
    assert len(read_figures(tmp_path / "runs.csv")) == 1


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "{columns}\n1,2\n", "{columns}\n" + "x," * 12])
def test_figures_of_other_columns_are_refused(text: str, tmp_path: Path) -> None:
    columns = (ROOT / "results/reference/wild/runs.csv").read_text().partition("\n")[0]
    (tmp_path / "runs.csv").write_text(text.format(columns=columns))
    with pytest.raises(ValueError, match=r"runs\.csv"):
        read_figures(tmp_path / "runs.csv")


def test_a_unit_has_the_median_of_its_runs_and_a_resumed_run_has_no_share() -> None:
    cost = "train_over_eval_cost_per_sample"
    runs = [
        *(wild_run(share, **{cost: 2 * share}) for share in (1.0, 2.0, 9.0)),
        wild_run(20.0, repo_or_org="two/two", task="speech, generate", **{cost: 0.5}),
        wild_run(279.0, repo_or_org="three/three"),
    ]
    made = map_of(runs)
    (group,) = made.groups
    assert (made.runs, group.runs, group.shares) == (5, 5, [0.02, 0.2])
    assert group.run_shares == {"0.010": 1, "0.020": 1, "0.090": 1, "0.200": 1}
    assert [(each.kind, each.train_over_evaluation, each.runs) for each in made.costs] == [
        ("loss", 4.0, 3),
        ("generate", 0.5, 1),
    ]


def test_units_are_what_their_kind_says() -> None:
    def mlperf_run(share: float, path: str, task: str) -> WildRun:
        return wild_run(share, source="MLPerf Training v5.0", path_or_system=path, task=task)

    def peft_run(share: float, name: str, day: str) -> WildRun:
        name = f"{name} {day} NVIDIA L40S torch 2.0"
        return wild_run(share, source="PEFT method_comparison", path_or_system=name)

    made = map_of(
        [
            mlperf_run(10.0, "Org/a/llama2_70b_lora/result_0.txt", "llama2_70b_lora"),
            mlperf_run(12.0, "Org/a/llama2_70b_lora/result_1.txt", "llama2_70b_lora"),
            mlperf_run(30.0, "Org/b/llama2_70b_lora/result_0.txt", "llama2_70b_lora"),
            mlperf_run(5.0, "Org/a/bert/result_0.txt", "bert"),
            peft_run(25.0, "MetaMathQA/oft/x", "2026-07-15"),
            peft_run(20.0, "MetaMathQA/oft/x", "2025-06-01"),
            peft_run(1.0, "image-gen/oft/x", "2026-07-15"),
            wild_run(40.0, source="AlgoPerf algoperf_v05", task="wmt_jax"),
            wild_run(2.0, source="AlgoPerf algoperf_v05", task="study_0"),
        ]
    )
    shares = {group.id: group.shares for group in made.groups}
    assert shares == {
        "mlperf_lora": [0.11, 0.3],
        "mlperf": [0.05, 0.11, 0.3],
        "peft": [0.25],
        "algoperf": [0.4],
    }
    assert made.group("peft").runs == 1
    assert made.group("algoperf").run_shares == {"0.020": 1, "0.400": 1}


def test_what_is_shipped_and_shown_is_made_of_the_figures() -> None:
    runs = read_figures(make_map.FIGURES)
    everything = make_map.with_replays(map_of(runs))
    assert make_map.MAP.read_text() == make_map.as_json(everything)
    assert public_map() == everything
    page = make_map.page(everything, runs)
    assert (make_map.FIGURES.parent / "wild.md").read_text() == page
    shown = (ROOT / "docs" / "pages" / "wild.md").read_text()
    for table in (make_map.share_table, make_map.range_table, make_map.cost_table):
        assert "\n".join(table(everything)) in shown, "paste the table of wild.md"
    for caveat in make_map.caveats(everything, runs):
        assert caveat in shown, "paste the caveats of wild.md"
    ends = page.partition("\n")[0].split("public run; ")[1]
    assert ends.removesuffix(" at the ends") in shown
    medians = [100 * group.quantile(0.5) for group in everything.groups]
    assert f"takes {min(medians):.1f}% to {max(medians):.1f}% of" in shown


def test_the_map_is_drawn(tmp_path: Path) -> None:
    words = [sys.executable, "bench/wild/make_map.py", "--out", tmp_path, "--map", tmp_path / "m"]
    subprocess.run(words, cwd=ROOT, check=True)
    for name, group in (("shares", public_map().group("community")), ("costs", None)):
        drawn = (tmp_path / "plots" / f"{name}.svg").read_text()
        assert "<svg" in drawn
        assert "repositories, median" in drawn
        assert group is None or f"median {100 * group.quantile(0.5):.1f}%" in drawn
        assert (make_map.FIGURES.parent / "plots" / f"{name}.svg").exists()


def test_every_group_has_a_share_per_run_and_knows_its_kind() -> None:
    everything = public_map()
    assert everything.runs == 10_042
    for group in everything.groups:
        assert group.shares == sorted(group.shares)
        assert 0 <= group.runs - sum(group.run_shares.values()) <= 1
        assert group.on_the_clock == (group.id != "algoperf")
    assert everything.group("mlperf_lora").counted(0.0, 1.0, by_run=True) == (0, 1_578, 0)


shares_of_units = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def group_of(shares: list[float], runs: dict[str, int]) -> PublicGroup:
    return PublicGroup(
        id="community",
        unit="repository",
        runs=sum(runs.values()),
        shares=sorted(shares),
        run_shares=runs,
        generates=None,
        on_the_clock=True,
        sources=[],
    )


@given(shares_of_units, st.floats(0, 1), st.floats(0, 1))
def test_a_quantile_lies_among_the_shares_and_rises(
    shares: list[float], first: float, second: float
) -> None:
    group = group_of(shares, {})
    low, high = (group.quantile(q) for q in sorted((first, second)))
    assert min(shares) <= low <= high <= max(shares)


@given(st.lists(st.floats(0, 1), min_size=9, max_size=40))
def test_quantiles_are_those_of_the_standard_library(shares: list[float]) -> None:
    for number, expected in enumerate(statistics.quantiles(shares, n=10), start=1):
        assert quantile(shares, number / 10) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("values", "q"), [([], 0.5), ([1.0], -0.1), ([1.0], 1.1)])
def test_there_is_no_quantile_of_nothing(values: list[float], q: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        quantile(values, q)


@given(
    shares_of_units,
    st.dictionaries(st.integers(0, 1_000), st.integers(1, 9), max_size=20),
    st.integers(0, 1_000),
    st.integers(0, 1_000),
)
def test_each_share_is_below_inside_or_above(
    shares: list[float], runs: dict[int, int], first: int, second: int
) -> None:
    group = group_of(shares, {f"{share / 1000:.3f}": count for share, count in runs.items()})
    low, high = sorted((first / 1000, second / 1000))
    every_run = [share / 1000 for share, count in runs.items() for _ in range(count)]
    for by_run, each in ((False, shares), (True, every_run)):
        inside = sum(low <= share <= high for share in each)
        counts = group.counted(low, high, by_run=by_run)
        assert counts == (sum(s < low for s in each), inside, sum(s > high for s in each))


def test_readers_do_not_mix_up_their_formats() -> None:
    for name, reader in zip(sorted(GOOD), (mlperf, algoperf, peft), strict=True):
        # text that is all there needs no file to be looked into
        path = ROOT / "LICENSE"
        matching = [each for each in raw.READERS if each.matches(GOOD[name] + " " * 99_999, path)]
        assert matching == [reader]
