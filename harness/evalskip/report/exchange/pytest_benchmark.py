"""The JSON of pytest-benchmark: T of every arm, one round per run, for its own comparisons."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalskip.gate.baseline import GateSession
    from evalskip.records import RunRecord

_VERSION = "5.1.0"
"""Of the format."""


def pytest_benchmark(session: GateSession, records: Iterable[RunRecord]) -> str:
    """Every arm that ended well at least twice."""
    times: dict[str, list[float]] = {}
    machine = session.machine
    for record in records:
        if record.status == "ok" and record.measure == "time" and record.wall_ns:
            times.setdefault(record.arm, []).append(record.wall_ns / 1e9)
    return (
        json.dumps(
            {
                "machine_info": {
                    "system": machine.system if machine else "",
                    "python_version": machine.python if machine else "",
                    "cpu": {
                        "brand_raw": machine.processor if machine else "",
                        "count": machine.cores if machine else None,
                    },
                },
                "commit_info": {
                    "id": session.label or "unknown",
                    "time": session.at,
                    "project": "evalskip",
                },
                "benchmarks": [
                    _benchmark(arm, own, session.evalskip)
                    for arm, own in times.items()
                    if len(own) > 1
                ],
                "datetime": session.at,
                "version": _VERSION,
            },
            indent=2,
        )
        + "\n"
    )


def _benchmark(arm: str, times: list[float], version: str) -> dict[str, Any]:
    first, middle, third = statistics.quantiles(times, n=4, method="inclusive")
    mean = statistics.fmean(times)
    spread = third - first
    outside = sum(not first - 1.5 * spread <= time <= third + 1.5 * spread for time in times)
    far = sum(abs(time - mean) > statistics.stdev(times) for time in times)
    return {
        "group": "training time",
        "name": arm,
        "fullname": f"evalskip::{arm}",
        "params": None,
        "param": None,
        "extra_info": {"evalskip": version},
        "options": {},
        "stats": {
            "min": min(times),
            "max": max(times),
            "mean": mean,
            "stddev": statistics.stdev(times),
            "rounds": len(times),
            "median": middle,
            "iqr": spread,
            "q1": first,
            "q3": third,
            "iqr_outliers": outside,
            "stddev_outliers": far,
            "outliers": f"{far};{outside}",
            "ld15iqr": min(time for time in times if time >= first - 1.5 * spread),
            "hd15iqr": max(time for time in times if time <= third + 1.5 * spread),
            "ops": 1 / mean,
            "total": sum(times),
            "data": times,
            "iterations": 1,
        },
    }
