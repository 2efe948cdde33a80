"""Files that may be logs, from what people name: files, folders and globs."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", "site-packages", ".ipynb_checkpoints"}
)
_NEVER_LOGS = frozenset(
    (  # noqa: SIM905
        ".safetensors .bin .pt .pth .ckpt .onnx .gguf .h5 .msgpack .npy .npz .arrow .parquet .idx "
        ".pkl .zip .gz .xz .bz2 .zst .tar .tgz .whl .png .jpg .jpeg .gif .webp .svg .pdf .wav "
        ".mp3 .flac .mp4 .so .o .a .pyc .exe .dll .model .spm .py .pyi .c .h .cc .cpp .cu .rs .go "
        ".java .js .ts .css .html .md .rst .toml .cfg .ini .lock .yaml .yml .csv .tsv "
    ).split()
)
"""Ends of names of weights, data, pictures and sources, which a search passes over; a file that is
named is read whatever its name."""


def found_files(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files that are named, and those that a search of folders finds, each once and in order.

    Args:
        paths: files, folders, globs, or ``-``.
    """
    named: dict[str, None] = {}
    searched: dict[str, None] = {}
    for path in paths:
        if path == "-" or Path(path).is_file():
            named[path] = None
        elif Path(path).is_dir():
            searched.update(dict.fromkeys(_within(path)))
        else:
            matching = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []  # noqa: PTH207
            for each in matching:
                if Path(each).is_dir():
                    searched.update(dict.fromkeys(_within(each)))
                else:
                    named[each] = None
            if not matching:
                named[path] = None
    return list(named), [path for path in searched if path not in named]


def _within(folder: str) -> Iterator[str]:
    """Files below a folder; a folder that links lead to twice is searched once."""
    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        try:
            about = os.stat(place)  # noqa: PTH116
        except OSError:
            folders.clear()
            continue
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted(each for each in folders if each not in _SKIPPED_FOLDERS)
        for name in sorted(files):
            if os.path.splitext(name)[1].lower() not in _NEVER_LOGS:  # noqa: PTH122
                yield os.path.join(place, name)  # noqa: PTH118
