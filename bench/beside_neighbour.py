"""The main job beside one busy process per core: does it come to verdicts within its budget?

Each try runs ``quick.yaml`` as ``make bench`` does. ``make beside`` adds tries to ``beside.jsonl``,
and writes the table of all that it holds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalskip import digits
from evalskip.spec import load_spec
from evalskip.summary import read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEC = Path(__file__).with_name("quick.yaml")


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that never rest."""
    spinning = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(processes)]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.join()


def _cores() -> int:
    return os.cpu_count() or 1


def _spin() -> None:
    while True:
        pass


def tried(out: Path) -> dict[str, Any]:
    """One try, and what came of it."""
    command = [sys.executable, "-m", "evalskip", "bench", str(SPEC), "--out", str(out)]
    with busy(_cores()):
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - began
    bench = read_summary(out).bench
    assert bench
    return {
        "seconds": took,
        "bench_s": bench.effort.seconds,
        "blocks": bench.effort.blocks,
        "points": {
            str(bench.arms[point.arm].evaluation_samples): {
                "gain": point.throughput_gain.model_dump(),
                "verdict": point.verdict,
            }
            for point in bench.judged()
        },
    }


def table(tries: list[dict[str, Any]]) -> list[str]:
    """Markdown: every try."""
    budget = load_spec(SPEC).design.budget
    sizes = list(tries[0]["points"])
    lines = [
        "# Beside one busy process per core",
        "",
        f"`bench/quick.yaml` on {_cores()} cores, each with a process that never rests; "
        f"`make beside`. Its budget for blocks is {budget:.0f} s; the time beside it is that of "
        "the whole command, with the search for the largest batch.",
        "",
        "| try | blocks | s | of the command | "
        + " | ".join(f"{size} samples: gain %, verdict" for size in sizes)
        + " |",
        "| ---: | ---: | ---: | ---: |" + " --- |" * len(sizes),
    ]
    for number, found in enumerate(tries, start=1):
        cells = [str(number), str(found["blocks"])]
        cells += [f"{found[name]:.0f}" for name in ("bench_s", "seconds")]
        for point in found["points"].values():
            gain = point["gain"]
            limits = "no interval" if gain["low"] is None else _limits(gain)
            cells.append(f"{digits.percent(gain['estimate'])} {limits}, {point['verdict']}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _limits(gain: dict[str, Any]) -> str:
    return f"[{digits.percent(gain['low'])}, {digits.percent(gain['high'])}]"


def main() -> None:
    """Add tries, and write the table anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=5, help="in all")
    parser.add_argument("--out", type=Path, default=Path("results/reference/beside"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    store = arguments.out / "beside.jsonl"
    lines = store.read_text().splitlines() if store.exists() else []
    tries = [json.loads(line) for line in lines]
    while len(tries) < arguments.tries:
        tries.append(tried(Path("results") / "beside"))
        with store.open("a") as file:
            file.write(json.dumps(tries[-1]) + "\n")
        (arguments.out / "beside.md").write_text("\n".join(table(tries)) + "\n")
        print(table(tries)[-1], flush=True)


if __name__ == "__main__":
    main()
