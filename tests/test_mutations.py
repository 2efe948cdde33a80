"""Specs and result files that somebody has damaged: each is valid, or refused by one line."""

from __future__ import annotations

import copy
import json
import shutil
import signal
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from evalskip.errors import InputError
from evalskip.spec import load_spec
from evalskip.spec.load import read_yaml
from support import ROOT, run_inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SPECS = [
    *sorted((ROOT / "bench").glob("*.yaml")),
    *sorted((ROOT / "bench" / "memory").glob("*.yaml")),
    *sorted((ROOT / "examples").glob("*.yaml")),
]
SMALL = """
job: {kind: synthetic, epochs: 4, steps_in_epoch: 5}
arms:
  - {schedule: every_epoch, evaluation_samples: [16]}
  - {schedule: every_n_epochs, n: 2, evaluation_samples: 8}
design: {looks: [6], repeats: 0}
"""
STUCK_S = 30

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.floats(allow_nan=True)
    | st.sampled_from(["", "off", "every_epoch", "5m", "4GiB", "no", "\u2028", "{", "1e3"])
    | st.text(max_size=5)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """The same with one to three places taken away, replaced, doubled or added to."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        holders = [holder for holder in _holders(found) if holder]
        if not holders:
            return draw(values)
        holder = draw(st.sampled_from(holders))
        key = draw(
            st.sampled_from(
                sorted(holder, key=str) if isinstance(holder, dict) else range(len(holder))
            )
        )
        kind = draw(st.sampled_from(["remove", "replace", "add", "swap"]))
        if kind == "remove":
            del holder[key]
        elif kind == "replace":
            holder[key] = draw(values)
        elif kind == "swap":
            holder[key] = copy.deepcopy(draw(st.sampled_from(holders)))
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=6))] = draw(values)
        else:
            holder.append(draw(values))
    return found


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _holders(each)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """The same with a piece cut out, doubled, or written over."""
    begin = draw(st.integers(0, max(0, len(text) - 1)))
    end = draw(st.integers(begin, min(len(text), begin + 40)))
    piece = draw(st.sampled_from(["", text[begin:end] * 2, "\x00", "}", ": [", "\ud7ff", "1e999"]))
    return text[:begin] + piece + text[end:]


@contextmanager
def not_stuck() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError("stuck")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(STUCK_S)
    try:
        yield
    finally:
        signal.alarm(0)


def as_yaml(document: Any) -> str:
    text = StringIO()
    YAML(typ="safe", pure=True).dump(document, text)
    return text.getvalue()


def many(examples: int) -> Any:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow)


@many(200)
@given(st.data())
def test_a_mutated_spec_is_loaded_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SPECS)).read_text()
    if data.draw(st.booleans()):
        text = data.draw(damaged(text))
    else:
        text = as_yaml(data.draw(mutated(read_yaml(text))))
    path = tmp_path / "spec.yaml"
    path.write_text(text, errors="surrogatepass")
    with not_stuck():
        try:
            load_spec(path)
        except InputError as error:
            assert len(str(error).splitlines()) == 1
            assert str(path) in str(error)


@many(100)
@given(st.data())
def test_a_mutated_spec_is_run_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(as_yaml(data.draw(mutated(read_yaml(SMALL)))))
    with not_stuck():
        judged("bench", path, "--out", tmp_path / "out")
    shutil.rmtree(tmp_path / "out", ignore_errors=True)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole result, with a baseline and a history."""
    folder = tmp_path_factory.mktemp("whole")
    spec = folder / "spec.yaml"
    spec.write_text(SMALL)
    out = folder / "out"
    baseline = ["--baseline", folder / "baseline.json", "--history", folder / "history.jsonl"]
    assert run_inside("bench", spec, "--out", out).returncode == 0
    assert run_inside("gate", out, *baseline, "--add").returncode == 0
    return folder


@many(200)
@given(st.data())
def test_a_mutated_result_is_read_or_refused(
    tmp_path: Path, result: Path, data: st.DataObject
) -> None:
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(result, folder)
    steps = sorted((folder / "out" / "steps").iterdir())
    name, path = data.draw(
        st.sampled_from(
            [
                ("summary", folder / "out" / "summary.json"),
                ("runs", folder / "out" / "runs.jsonl"),
                ("environment", folder / "out" / "environment.json"),
                ("spec", folder / "out" / "spec.yaml"),
                ("steps", steps[0]),
                ("baseline", folder / "baseline.json"),
                ("history", folder / "history.jsonl"),
            ]
        )
    )
    text = path.read_text()
    if data.draw(st.booleans()):
        text = data.draw(damaged(text))
    elif path.suffix == ".jsonl":
        lines = text.splitlines()
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place] = json.dumps(data.draw(mutated(json.loads(lines[place]))))
        text = "\n".join(lines) + data.draw(st.sampled_from(["\n", ""]))
    elif path.suffix == ".json":
        text = json.dumps(data.draw(mutated(json.loads(text))))
    else:
        text = as_yaml(data.draw(mutated(read_yaml(text))))
    path.write_text(text, errors="surrogatepass")
    baseline = ["--baseline", folder / "baseline.json", "--history", folder / "history.jsonl"]
    out = folder / "out"
    with not_stuck():
        if name in ("summary", "runs", "baseline", "history"):
            judged("gate", out, *baseline)
        if name == "summary":
            judged("claims", out)
            judged("report", out)
            judged("report", out, "--lang", "zh")
        if name in ("runs", "environment", "spec", "steps"):
            (out / "summary.json").unlink()
            judged("bench", folder / "spec.yaml", "--out", out, "--resume")


def judged(*words: object) -> None:
    """It ends as its exit code says: well, or with one line."""
    ended = run_inside(*words)
    assert ended.returncode in (0, 1, 2, 3, 4), ended.stderr
    assert "Traceback" not in ended.stderr
    expected = 0 if ended.returncode == 0 else 1
    assert len(ended.stderr.splitlines()) == expected, ended.stderr
