"""What a user may write, and what is said of what may not be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.errors import InputError
from evalskip.spec import Spec, load_spec
from evalskip.spec.units import parse_duration
from support import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400)],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("value", ["90", 90, 1.5, "1h30"])
def test_a_duration_without_a_unit_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        parse_duration(value)


@given(st.text(max_size=8) | st.integers() | st.floats() | st.booleans() | st.none())
def test_a_duration_is_a_positive_number_or_refused(value: object) -> None:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        assert "expected a duration" in str(error)
    else:
        assert 0 < seconds < float("inf")


def test_arms_are_off_twice_and_one_per_size(write_spec: Callable[..., Path]) -> None:
    path = write_spec(
        arms=[
            {"schedule": "every_epoch", "evaluation_samples": [16, 64]},
            {"schedule": "every_n_epochs", "n": 5, "evaluation_samples": 16},
        ]
    )
    assert [arm.name for arm in load_spec(path).all_arms()] == [
        "off",
        "off_again",
        "every_epoch@16",
        "every_epoch@64",
        "every_n_epochs:5@16",
    ]


def test_arms_can_be_kept_by_schedule_or_by_name(write_spec: Callable[..., Path]) -> None:
    path = write_spec()
    names = [arm.name for arm in load_spec(path, arms=["every_epoch@64"]).all_arms()]
    assert names == ["off", "off_again", "every_epoch@64"]
    assert len(load_spec(path, arms=["every_epoch"]).all_arms()) == 4


def test_settings_reach_lists_and_new_fields(write_spec: Callable[..., Path]) -> None:
    spec = load_spec(
        write_spec(),
        settings=["arms.0.evaluation_samples=[8]", "job.costs.step=0.5", "job.epochs=7"],
    )
    assert spec.largest_evaluation() == 8
    assert (spec.job.epochs, spec.job.costs.step) == (7, 0.5)


def test_a_resolved_spec_is_a_spec_of_the_same_digest(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = load_spec(write_spec())
    again = load_spec(write_spec("again.yaml", **spec.resolved()))
    assert again == spec
    assert again.digest() == spec.digest()


def test_more_time_is_the_same_experiment_and_another_seed_is_not(
    write_spec: Callable[..., Path],
) -> None:
    path = write_spec()
    digest = load_spec(path).digest()
    assert load_spec(path, budget="1h").digest() == digest
    assert load_spec(path, settings=["design.seed=1"]).digest() != digest


@pytest.mark.parametrize("path", sorted((ROOT / "bench").glob("*.yaml")), ids=lambda p: p.name)
def test_every_spec_in_bench_is_valid(path: Path) -> None:
    try:
        load_spec(path)
    except InputError as error:
        # without what a spec needs, it is refused for that reason alone
        if "gpu" in path.name:
            assert "no CUDA device is usable" in str(error)
        else:
            assert path.name == "smollm2.yaml"
            assert "no such interpreter" in str(error) or "no such folder" in str(error)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"job": {"epochs": 0}}, "job.epochs: expected a number greater than or equal to 1, got 0"),
    ({"job": {"epochs": "many"}}, "job.epochs: expected a valid integer"),
    ({"job": {"epohcs": 1}}, "job.epohcs: unknown field; expected epochs"),
    (
        {"job": {"kind": "magic"}},
        "job: expected one of command, llamafactory, synthetic, transformers, got magic",
    ),
    ({"job": {"costs": {"step": -1}}}, "job.costs.step: expected a number greater"),
    ({"arms": []}, "arms: expected at least 1"),
    (
        {"arms": [{"schedule": "sometimes", "evaluation_samples": 8}]},
        "arms.0.schedule: expected one",
    ),
    ({"arms": [{"schedule": "every_epoch"}]}, "arms.0.evaluation_samples: missing"),
    (
        {"arms": [{"schedule": "every_epoch", "evaluation_samples": -8}]},
        "arms.0.evaluation_samples.0: ",
    ),
    ({"arms": [{"schedule": "every_epoch", "evaluation_samples": [8, 8]}]}, "every_epoch@8 twice"),
    ({"arms": [{"schedule": "every_n_epochs", "evaluation_samples": 8}]}, "arms.0.n: missing"),
    ({"arms": [{"schedule": "every_n_epochs", "n": 0, "evaluation_samples": 8}]}, "arms.0.n: "),
    ({"arms": [{"schedule": "off", "evaluation_samples": 8}]}, "off is always measured"),
    (
        {"arms": [{"schedule": "every_epoch", "evaluation_samples": 2000}]},
        "job.samples: expected at",
    ),
    ({"design": {"budget": "soon"}}, "design.budget: expected a duration"),
    ({"design": {"looks": [9, 6]}}, "design.looks: expected rising numbers"),
    ({"design": {"level": 1.0}}, "design.level: expected a number less than 1"),
    ({"measure": ["speed"]}, "measure.0: expected 'time', 'memory' or 'headroom'"),
    ({"colour": "red"}, "colour: unknown field"),
    ({"job": {"faults": [{"arm": "off", "ending": "hang"}]}}, "need clock: real"),
]


@pytest.mark.parametrize(("sections", "expected"), BAD, ids=[text[:40] for _, text in BAD])
def test_bad_input_is_refused_by_one_line(
    sections: dict[str, Any], expected: str, write_spec: Callable[..., Path]
) -> None:
    path = write_spec(**sections)
    with pytest.raises(InputError) as caught:
        load_spec(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("job: [1, 2\n", "line 2: not YAML"),
        ("- 1\n", "expected a mapping with job: and arms:"),
        ("arms: []\n", "job: missing"),
        ("job: !!python/object/apply:os.system ['touch pwned']\n", "not YAML"),
        ("job: {kind: synthetic, kind: synthetic}\n", "duplicate key"),
        ("", "expected a mapping"),
        ("\x00\x01", "not YAML"),
    ],
)
def test_what_is_no_spec_is_refused_and_loads_no_code(
    text: str, expected: str, tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    ended: subprocess.CompletedProcess[str] = evalskip("bench", path, cwd=tmp_path)
    assert ended.returncode == 2
    assert expected in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
    assert [file.name for file in tmp_path.iterdir()] == ["bad.yaml"]


def test_a_missing_file_a_folder_and_a_bad_option_are_one_line_each(
    tmp_path: Path, evalskip: Callable[..., Any], write_spec: Callable[..., Path]
) -> None:
    spec = write_spec()
    for arguments, expected in (
        (["bench", tmp_path / "none.yaml"], "no such file"),
        (["bench", tmp_path], "cannot be read: Is a directory"),
        (["bench", spec, "--colour"], "No such option"),
        (["bench", spec, "--set", "job.epochs"], "expected key=value"),
        (["bench", spec, "--set", "job.epochs.x=1"], "no such place"),
        (["bench", spec, "--arms", "every_second"], "expected names from every_epoch@16"),
        (["bench", spec, "--budget", "-3"], "design.budget: expected a duration"),
        (["bench", spec, "--budget", "10"], "add a unit, such as 10m"),
        (["predict", spec, "--budget", "10"], "add a unit, such as 10m"),
        (["headroom", spec, "--memory", "10"], "add a unit, such as 10GiB"),
        (["bench", spec, "--out", "/proc/results"], "cannot be written to"),
        (["bench", spec, "--out", spec], "expected a directory, found a file"),
        (["frobnicate"], "No such command"),
        (["report", tmp_path], "summary.json: no such file"),
    ):
        ended = evalskip(*arguments, cwd=tmp_path)
        assert ended.returncode == 2, arguments
        assert expected in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["spec.yaml"]


def test_a_resolved_spec_is_a_spec(write_spec: Callable[..., Path], tmp_path: Path) -> None:
    spec = load_spec(
        write_spec(limits={"memory": "3GiB", "run_time": "5m"}, claimed_gain=[0.1, 0.2])
    )
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(json.dumps(spec.resolved()))
    assert load_spec(resolved) == spec
    assert Spec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize("path", sorted((ROOT / "results" / "reference").rglob("spec.yaml")))
def test_the_specs_of_the_references_are_read(path: Path) -> None:
    assert load_spec(path, elsewhere=True).resolved()
