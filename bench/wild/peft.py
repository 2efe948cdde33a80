"""Results of PEFT's method comparison: JSON with the seconds of every stretch of training.

What lies between training steps and evaluations is not in the seconds that a share is of.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from wild.figures import run_of, word

if TYPE_CHECKING:
    from pathlib import Path

    from wild.figures import WildRun

KIND = "PEFT"
_LARGEST = 64 << 20
_OF_TEXT = "query_template"
"""Only the settings of the text benchmark have it."""


def matches(text_head: str, path: Path) -> bool:
    """Whether a file begins as a result of the comparison does."""
    begins = text_head.lstrip("\ufeff \t\r\n").startswith("{")
    return begins and '"run_info"' in text_head and '"experiment_name"' in text_head


def read(path: Path) -> WildRun:
    """Read one run.

    Raises:
        ValueError: the file is damaged, or no evaluation was timed.
    """
    result = _result(path)
    info, training = _part(result, "run_info"), _part(result, "train_info")
    metrics = training.get("metrics")
    stretches = metrics if isinstance(metrics, list) else []
    stretches = [each for each in stretches if isinstance(each, dict)]
    evaluations = [_seconds(each["eval time"]) for each in stretches if "eval time" in each]
    trained = [_seconds(each["train time"]) for each in stretches if "train time" in each]
    if not evaluations:
        raise ValueError("no evaluation is timed in it (train_info.metrics)")
    published = training.get("train_time")
    said = f"; published train_time {_seconds(published):.1f}" if published is not None else ""
    status = training.get("status", "success")
    return run_of(
        source="PEFT method_comparison",
        path=_name(result, info),
        task="generate",
        total_s=math.fsum(trained) + math.fsum(evaluations),
        evals=len(evaluations),
        eval_s=math.fsum(evaluations),
        flag=f"share of train+eval steps{said}{'' if status == 'success' else f'; {status}'}",
    )


def _result(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST:
        raise ValueError("it is larger than any result")
    try:
        result = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError("it is no whole JSON: cut off, or damaged") from None
    if not isinstance(result, dict):
        raise ValueError("it holds no result")
    return result


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    part = whole.get(name)
    if not isinstance(part, dict):
        raise ValueError(f"it has no {name}")
    return part


def _seconds(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1e9:
        raise ValueError("a time in it is none")
    return float(value)


def _name(result: dict[str, Any], info: dict[str, Any]) -> str:
    """Benchmark, experiment, day, device and version of torch, as ``runs.csv`` names runs."""
    settings = info.get("train_config")
    is_text = isinstance(settings, dict) and _OF_TEXT in settings
    meta = result.get("meta_info")
    meta = meta if isinstance(meta, dict) else {}
    system, packages = (meta.get(name) for name in ("system_info", "package_info"))
    device = system.get("accelerator") or "" if isinstance(system, dict) else ""
    torch = packages.get("torch-version") or "" if isinstance(packages, dict) else ""
    day = str(info.get("created_at", ""))[:10]
    name = f"{'MetaMathQA' if is_text else 'image-gen'}/{info.get('experiment_name', '')}"
    # a device that is not known leaves its place empty
    return f"{word(name)} {word(day)} {word(device)} torch {word(torch)}"
