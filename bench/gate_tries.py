"""The gate on this machine: does it pass builds without a change, and fail those with one?

Sessions of ``gate.yaml`` make a baseline, as ``make gate-baseline`` does; then builds are tried as
``make gate`` does, quiet and beside one busy process, without a change and with one that makes
evaluation dearer by about 5 points of gain: batches of 4 rather than 8. ``make gate-tries`` adds
tries to ``tries.jsonl``, and writes the table of all that it holds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import beside_neighbour
from evalskip import digits
from evalskip.summary import read_summary

SPEC = Path(__file__).with_name("gate.yaml")
CHANGE = ("evaluation_batch: 8", "evaluation_batch: 4")
SESSIONS = 3
"""Of the baseline."""
PASSED, FAILED, CANNOT_TELL = 0, 1, 3
"""Exit codes of the gate."""
KINDS = {
    "quiet": (0, False),
    "quiet, changed": (0, True),
    "beside one busy process": (1, False),
    "beside one busy process, changed": (1, True),
}
"""Busy processes, and whether evaluation is dearer."""


def measured(out: Path, *, busy: int, changed: bool) -> float:
    """One session, as ``make gate-session`` measures it; seconds that it took."""
    spec = out.parent / "gate.yaml"
    text = SPEC.read_text()
    spec.write_text(text.replace(*CHANGE) if changed else text)
    suite = ["pytest", "bench", "-q", f"--benchmark-json={out / 'benchmark.json'}"]
    with beside_neighbour.busy(busy):
        began = time.monotonic()
        for arguments in (["evalskip", "bench", str(spec), "--out", str(out)], suite):
            command = [sys.executable, "-m", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def tried(kind: str, out: Path, baseline: Path) -> dict[str, Any]:
    """One build, and what the gate made of it."""
    busy, changed = KINDS[kind]
    seconds = measured(out, busy=busy, changed=changed)
    arguments = ["gate", str(out), "--baseline", str(baseline)]
    done = subprocess.run(
        [sys.executable, "-m", "evalskip", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode not in (PASSED, FAILED, CANNOT_TELL):
        raise SystemExit(done.stderr)
    bench = read_summary(out).bench
    assert bench
    point = bench.headline("every_epoch@48")
    gain = point.throughput_gain if point else None
    return {
        "kind": kind,
        "seconds": seconds,
        "code": done.returncode,
        "gain": gain.model_dump() if gain else None,
        "says": done.stderr.strip().splitlines()[-1:],
    }


def table(tries: list[dict[str, Any]]) -> list[str]:
    """Markdown: what became of each kind of build, then every try."""
    lines = [
        "# The gate on one machine",
        "",
        f"A baseline of {SESSIONS} quiet sessions of `bench/gate.yaml`, then builds held to it; "
        "`make gate-tries`. Changed: evaluation in batches of 4, not 8, which raises the gain by "
        f"{_raised(tries)} points.",
        "",
        "| builds | passed | failed | inconclusive | median s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for kind in KINDS:
        own = [found for found in tries if found["kind"] == kind]
        if own:
            codes = Counter(found["code"] for found in own)
            counts = [str(codes[code]) for code in (PASSED, FAILED, CANNOT_TELL)]
            seconds = np.median([found["seconds"] for found in own])
            cells = [f"{len(own)} {kind}", *counts, f"{seconds:.0f}"]
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| build | gain % | exit code | s |", "| --- | --- | ---: | ---: |"]
    for found in sorted(tries, key=lambda found: list(KINDS).index(found["kind"])):
        lines.append(_row(found))
    return lines


def _row(found: dict[str, Any]) -> str:
    cells = [found["kind"], _gain(found["gain"]), str(found["code"]), f"{found['seconds']:.0f}"]
    return f"| {' | '.join(cells)} |"


def _raised(tries: list[dict[str, Any]]) -> str:
    means = []
    for kind in ("quiet", "quiet, changed"):
        gains = [found["gain"]["estimate"] for found in tries if found["kind"] == kind]
        means.append(np.mean(gains) if gains else np.nan)
    return f"{100 * (means[1] - means[0]):.1f}"


def _gain(gain: dict[str, Any] | None) -> str:
    if gain is None or gain["low"] is None:
        return "–"
    low, high = (digits.percent(gain[limit]) for limit in ("low", "high"))
    return f"{digits.percent(gain['estimate'])} [{low}, {high}]"


def main() -> None:
    """Make the baseline where there is none, add tries, and write the table anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10, help="of each kind, in all")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--out", type=Path, default=Path("results/reference/gate_tries"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    session = Path("results/gate_tries/session")
    session.parent.mkdir(parents=True, exist_ok=True)
    baseline, store = arguments.out / "baseline.json", arguments.out / "tries.jsonl"
    sessions = len(json.loads(baseline.read_text())["sessions"]) if baseline.exists() else 0
    for _ in range(sessions, SESSIONS):
        measured(session, busy=0, changed=False)
        add = ["gate", str(session), "--baseline", str(baseline), "--add"]
        subprocess.run([sys.executable, "-m", "evalskip", *add], check=True)
    tries = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    while True:
        counts = Counter(found["kind"] for found in tries)
        missing = [kind for kind in arguments.kinds if counts[kind] < arguments.tries]
        if not missing:
            break
        tries.append(tried(min(missing, key=lambda kind: counts[kind]), session, baseline))
        with store.open("a") as file:
            file.write(json.dumps(tries[-1]) + "\n")
        (arguments.out / "tries.md").write_text("\n".join(table(tries)) + "\n")
        print(_row(tries[-1]), flush=True)


if __name__ == "__main__":
    main()
