"""The store: nothing that has ended is lost, and nothing half-written is read."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.errors import InputError
from evalskip.probe.measured import Timeline
from evalskip.records import (
    Attempt,
    RecordStore,
    RunRecord,
    Steps,
    latest_attempts,
    whole_attempts,
)
from evalskip.summary import read_summary, write_sections
from support import ROOT, run_record

if TYPE_CHECKING:
    from pathlib import Path


@given(
    st.lists(
        st.builds(
            run_record,
            block=st.integers(0, 3),
            arm=st.sampled_from(["off", "every_epoch@8", "a\u2028b"]),
            error=st.none() | st.text(),
            phases_ns=st.dictionaries(st.sampled_from(["train", "log"]), st.integers(0, 10**15)),
        ),
        max_size=5,
    ),
    st.integers(0, 10**6),
)
def test_a_torn_file_gives_every_whole_record(
    tmp_path_factory: pytest.TempPathFactory, records: list[RunRecord], cut: int
) -> None:
    store = RecordStore(tmp_path_factory.mktemp("store"))
    for each in records:
        store.append(each, None)
    assert store.read() == records
    if not records:
        return
    content = store.path.read_bytes()
    cut %= len(content)
    store.path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    assert store.read() == records[:whole]
    torn = not content[:cut].endswith(b"\n") and cut > 0
    assert bool(store.warnings) == torn
    store.mend()
    store.append(records[0], None)
    assert store.read() == [*records[:whole], records[0]]


def test_a_broken_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    store.append(run_record(), None)
    store.path.write_bytes(b"{}\n" + store.path.read_bytes())
    with pytest.raises(InputError, match="line 1: expected a run's record"):
        store.read()


def test_only_whole_blocks_are_finished_and_the_latest_attempt_counts() -> None:
    one = [run_record(arm=arm) for arm in ("off", "on")]
    torn = [run_record(block=2)]
    again = [run_record(block=2, attempt=1, arm=arm) for arm in ("off", "on")]
    first, second = Attempt("time", 1, 0), Attempt("time", 2, 1)
    assert whole_attempts([*one, *torn], 2) == {first: one}
    assert whole_attempts([*one, *torn, *again], 2) == {first: one, second: again}
    redone = [run_record(attempt=1, arm=arm) for arm in ("off", "on")]
    latest = Attempt("time", 1, 1)
    assert whole_attempts([*one, *redone], 2) == {first: one, latest: redone}
    assert latest_attempts([latest, second, first]) == [latest, second]


def test_runs_of_other_purposes_make_no_block() -> None:
    block = [run_record(arm=arm) for arm in ("off", "on")]
    others = [run_record(arm=arm, purpose="trial") for arm in ("off", "on")]
    metered = [run_record(arm=arm, purpose="memory") for arm in ("off", "on")]
    found = whole_attempts([*others, *block, *metered], 2)
    assert found == {Attempt("time", 1, 0): block, Attempt("memory", 1, 0): metered}


def test_records_of_another_schema_are_refused_in_one_line(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    known = json.loads(run_record().model_dump_json(exclude_defaults=True))
    for older in ({**known, "schema_version": 1}, {"experiment": "e", "block": 1, "arm": "off"}):
        store.path.write_text(json.dumps(older) + "\n")
        with pytest.raises(InputError, match="line 1: expected a run's record of schema 2"):
            store.read()


def test_steps_are_kept_beside_the_record(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    timeline = Timeline(wall_ns=7, step_shapes=[(1, 2, 3)])
    steps = Steps(timeline=timeline, losses=[1.5, float("inf")], batch_digests=["a"], activity=[])
    store.append(run_record(arm="every_n_epochs:5@8"), steps)
    (read,) = store.read()
    assert store.steps_of(read) == steps
    (tmp_path / "steps" / f"{read.name}.json").write_text('{"timeline": 3}')
    with pytest.raises(InputError, match="expected what a run measured"):
        store.steps_of(read)
    assert store.steps_of(run_record(block=9)) is None


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    shutil.copy(ROOT / "results" / "reference" / "quick-cpu" / "summary.json", tmp_path)
    before = read_summary(tmp_path)
    assert before.bench
    assert before.headroom
    fewer = before.headroom.model_copy(update={"arms": before.headroom.arms[:1]})
    write_sections(tmp_path, before.model_copy(update={"bench": None, "headroom": fewer}))
    after = read_summary(tmp_path)
    assert (after.bench, after.headroom) == (before.bench, fewer)
