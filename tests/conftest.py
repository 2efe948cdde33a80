from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from support import run_evalskip

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def evalskip() -> Callable[..., subprocess.CompletedProcess[str]]:
    return run_evalskip


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[..., Path]:
    """Writes a spec of a small synthetic job; sections are merged into it, or ``replace`` it."""

    def write(
        name: str = "spec.yaml", replace: dict[str, Any] | None = None, **sections: Any
    ) -> Path:
        document: dict[str, Any] = {
            "job": {"kind": "synthetic", "epochs": 4, "steps_in_epoch": 5},
            "arms": [{"schedule": "every_epoch", "evaluation_rows": [16, 64]}],
            # a busy machine must not change how many blocks there are
            "design": {"looks": [3], "repeats": 0},
        }
        for section, content in sections.items():
            if isinstance(content, dict):
                document[section] = {**document.get(section, {}), **content}
            else:
                document[section] = content
        document.update(replace or {})
        path = tmp_path / name
        with path.open("w") as file:
            YAML(typ="safe", pure=True).dump(document, file)
        return path

    return write
