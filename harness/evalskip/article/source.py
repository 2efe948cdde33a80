"""What the installed source of a package says, read as Python reads it."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


def conditions_on(name: str, python: str, package: str) -> dict[str, Any]:
    """Where a package's source branches on a name, and whether it speaks of skipping.

    Args:
        name: an attribute or variable, such as ``do_eval``.
        python: the interpreter in which the package is installed.
        package: its name.

    Returns:
        ``files``: how many were read; ``if``: places, as ``file:line``, of an ``if`` on the name;
        ``if_else``: those that have an ``else``; ``says_skip``: places of text that speaks of
        skipping an evaluation.

    Raises:
        InputError: the package is not installed there.
    """
    root = _folder_of(package, python)
    places: dict[str, list[str]] = {"if": [], "if_else": [], "says_skip": []}
    files = sorted(root.rglob("*.py"))
    for path in files:
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for kind, line in _places(tree, name):
            places[kind].append(f"{path.relative_to(root)}:{line}")
    return {"files": len(files), **places}


def _places(tree: ast.AST, name: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _mentions(node.test, name):
            yield "if", node.lineno
            if node.orelse:
                yield "if_else", node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value.lower()
            if "skip" in text and "evaluat" in text:
                yield "says_skip", node.lineno


def _mentions(node: ast.AST, name: str) -> bool:
    return any(
        (isinstance(part, ast.Attribute) and part.attr == name)
        or (isinstance(part, ast.Name) and part.id == name)
        for part in ast.walk(node)
    )


def _folder_of(package: str, python: str) -> Path:
    code = f"import importlib.util as u; print(u.find_spec({package!r}).origin)"
    ended = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise InputError(f"{python}: has no {package}; expected an interpreter that has it")
    return Path(ended.stdout.strip()).parent
