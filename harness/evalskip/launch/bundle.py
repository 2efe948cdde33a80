"""What of us goes into an interpreter that is not ours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import evalskip

if TYPE_CHECKING:
    from collections.abc import Mapping

# none of it needs more than torch and transformers
_TRAVELS = (
    "__init__.py",
    "errors.py",
    "paired.py",
    "spacing.py",
    "targets.py",
    "beside",
    "callbacks",
    "worker",
    "probe",
)


def fresh_scratch(logs: Path) -> Path:
    """A folder for what a block's runs write; what a killed launcher left in it goes."""
    scratch = logs.absolute() / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return scratch


def bundle(place: Path, environment: Mapping[str, str]) -> str:
    """Copy there what a foreign interpreter needs of us; the PYTHONPATH that finds it."""
    source = Path(evalskip.__file__).parent
    package = place / source.name
    package.mkdir(parents=True)
    for name in _TRAVELS:
        if (source / name).is_dir():
            shutil.copytree(source / name, package / name, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy(source / name, package / name)
    return os.pathsep.join(filter(None, (str(place), environment.get("PYTHONPATH"))))
