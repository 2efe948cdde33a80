"""The package as it is installed: into an environment that has versions of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OLDEST = (
    "torch==2.13.0",
    "transformers==4.55.4",
    "accelerate==1.3.0",
    "datasets==3.0.2",
    "peft==0.15.2",
)
SPEC = """
job:
  kind: transformers
  model: {config: tiny-llama}
  data: {train_samples: 16, length: 32}
  finetuning: lora
  epochs: 2
  train_batch: 4
  evaluation_batch: 4
  device: cpu
arms: [{schedule: every_epoch, evaluation_samples: 8}]
design: {looks: [2], budget: 1s, full: true}
measure: [time]
"""


def ran(*words: object, cwd: Path | None = None) -> str:
    """What a command prints; nothing of this environment is seen by it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=cwd,
        check=False,
        timeout=400,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.slow
@pytest.mark.nightly
def test_the_wheel_leaves_what_is_installed_as_it_is_and_works_there(tmp_path: Path) -> None:
    ran(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    ran(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
    ran(*pip, "install", *OLDEST)
    before = set(ran(*pip, "freeze").splitlines())
    ran(*pip, "install", wheel)
    assert before <= set(ran(*pip, "freeze").splitlines())
    spec, evalskip = tmp_path / "spec.yaml", tmp_path / "venv" / "bin" / "evalskip"
    spec.write_text(SPEC)
    said = ran(evalskip, "bench", spec, "--out", tmp_path / "out", cwd=tmp_path)
    assert "did the same work, with the same result" in said
    assert "transformers 4.55.4" in said
    said = ran(evalskip, "report", tmp_path / "out", cwd=tmp_path)
    assert (tmp_path / "out" / "report.html").exists()
    said = ran(evalskip, "headroom", "--model", "qwen3-0.6b", "--device-memory", "24GiB")
    assert "Largest batch on a card of 24 GiB" in said
    ran(python, "-c", "from evalskip.callbacks import EvalCost; from evalskip import phase")
