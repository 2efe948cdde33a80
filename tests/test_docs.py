"""The documentation keeps its word: commands end as they say, and specs are valid.

A line of a ``console`` block that begins with ``$ `` is a command. The commands of a page are run
in the order of the page, in a copy of the checkout. A comment before a block says how, of all of
its commands:

    <!-- run: --budget 20s -->              with these words added, which make it short
    <!-- run: exits 3 -->                   to end with this code; words may follow, after a comma
    <!-- run: no, a GPU is needed -->       not here, for this reason

Without a comment a page's command is run as it stands. One of a README is then not run. Whatever
is not run is still looked at: its options, its specs and its targets of make have to exist.

A block of YAML or Python with a ``title="mine.yaml"`` is a file of the reader's: it is written
under that name, in the order of the page. A block of YAML is a spec, or sections of one, or a
configuration of LLaMA-Factory, unless ``<!-- yaml: no, REASON -->`` comes before it.

What a page quotes of a committed result begins with ``<!-- from: results/reference/quick-cpu -->``:
the numbers of each line of the block, or of what the paragraph has in quotation marks if it has
any, stand in that result's report, in that order. Results may be several, with spaces between. A
block after ``<!-- text: as run -->`` is compared in the same way to what the page's commands have
printed so far.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pytest
import typer

from evalskip import errors
from evalskip.cli import app
from evalskip.spec import Spec, load_spec
from evalskip.spec.llamafactory import is_llamafactory
from evalskip.spec.load import read_yaml
from evalskip.summary import Summary
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = ROOT / "docs" / "pages"
REFERENCE = PAGES / "reference"
READMES = sorted(ROOT.glob("README*.md"))
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"

_COMMENT = re.compile(r"<!--\s*(?P<key>run|yaml|text):\s*(?P<text>.*?)\s*-->", re.DOTALL)
_FENCE = re.compile(r"(?P<indent>\s*)(?P<ticks>`{3,})\s*(?P<language>[\w-]*)(?P<rest>.*)")
_QUOTE = re.compile(
    r"<!-- from: (?P<results>[^>]+) -->\n+"
    r"(?:```\w*\n(?P<block>.*?)\n```|(?P<paragraph>.+?)(?:\n\n|\Z))",
    re.DOTALL,
)
_QUOTING = ("claims", "cost", "memory", "predict", "regret")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?<!,)")
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Block:
    """A fenced block, and the comment before it."""

    page: Path
    line: int
    language: str
    title: str
    text: str
    comment: str | None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command that a page shows."""

    place: str
    shown: str
    added: str = ""
    code: int = 0
    why_not: str | None = None
    """It is not run; None: it is."""

    @property
    def line(self) -> str:
        return f"{self.shown} {self.added}".strip()


def pages() -> list[Path]:
    """Those that people wrote."""
    written = (page for page in sorted(PAGES.rglob("*.md")) if REFERENCE not in page.parents)
    return [*READMES, *written]


def blocks(page: Path) -> Iterator[Block]:
    """All fenced blocks of a page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    before: list[str] = []
    number = 0
    while number < len(lines):
        opened = _FENCE.fullmatch(lines[number])
        if not opened:
            before.append(lines[number])
            number += 1
            continue
        start, indent = number + 1, len(opened["indent"])
        number += 1
        inside = []
        while lines[number].strip() != opened["ticks"]:
            inside.append(lines[number][indent:])
            number += 1
        number += 1
        title = re.search(r'title="([^"]*)"', opened["rest"])
        comments = list(_COMMENT.finditer("\n".join(before)))
        is_next = comments and not "\n".join(before)[comments[-1].end() :].strip()
        yield Block(
            page=page,
            line=start,
            language=opened["language"],
            title=title[1] if title else "",
            text="\n".join(inside) + "\n",
            comment=comments[-1]["text"] if is_next else None,
        )
        before = []


def commands(block: Block) -> list[Command]:
    """Those of a console block."""
    if block.language != "console":
        return []
    shown = re.findall(r"^\$ ((?:.*\\\n)*.*)$", block.text, re.MULTILINE)
    shown = [re.sub(r"\s+#.*$", "", re.sub(r"\\\n\s*>?\s*", "", each)) for each in shown]
    if block.comment is None:
        why_not = "a README asks for nothing" if block.page in READMES else None
        return [Command(block.place, each, why_not=why_not) for each in shown]
    how = re.fullmatch(
        r"(?:exits (?P<code>\d+),?|(?P<no>no\b),?)?(?P<text>.*)", block.comment, re.S
    )
    assert how, f"{block.place}: {block.comment}"
    text = " ".join(how["text"].split())
    if how["no"]:
        assert len(text.split()) > 1, f"{block.place}: expected a reason after 'run: no,'"
        return [Command(block.place, each, why_not=text) for each in shown]
    return [Command(block.place, each, added=text, code=int(how["code"] or 0)) for each in shown]


def all_commands() -> list[Command]:
    return [each for page in pages() for block in blocks(page) for each in commands(block)]


def runs_something(page: Path) -> bool:
    return any(c.why_not is None for block in blocks(page) for c in commands(block))


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_every_tutorial_is_run_and_what_is_not_run_says_why() -> None:
    for page in (PAGES / "tutorials").glob("*.md"):
        assert runs_something(page), page
    assert all(each.why_not is None or each.why_not.strip() for each in all_commands())


@pytest.mark.parametrize(
    "command", [c for c in all_commands() if c.why_not], ids=lambda c: f"{c.place} {c.shown}"
)
def test_what_is_not_run_could_be(command: Command) -> None:
    words = [word for word in shlex.split(command.shown) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    words = list(takewhile(lambda word: word not in ("&&", "||", "|", ";", ">", "&"), words))
    if not words or "--help" in words:
        return
    program, given = words[0].rpartition("/")[2], words[1:]
    if program == "evalskip":
        known: Any = typer.main.get_command(app)
        assert given, command
        assert given[0] in known.commands, command
        # reads the options, and runs nothing
        known.commands[given[0]].make_context(given[0], given[1:])
        for word in given[1:]:
            if word.startswith(("bench/", "examples/", "results/reference/")):
                assert (ROOT / word).exists(), command
    elif program == "make":
        files = [ROOT / "Makefile", *(ROOT / "bench").glob("*.mk")]
        makefile = "\n".join(path.read_text() for path in files)
        for target in given:
            assert target.startswith("-") or re.search(
                rf"^{re.escape(target)}:", makefile, re.MULTILINE
            ), command


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in pages() if runs_something(p)], ids=named)
def test_commands_end_as_they_say(page: Path, tmp_path: Path) -> None:
    environment, printed = checkout(tmp_path), ""
    for block in blocks(page):
        if block.title:
            (tmp_path / block.title).write_text(block.text)
        if block.comment == "as run":
            assert foreign(block.text.splitlines(), [printed]) == [], f"{block.place}: {printed}"
        for command in commands(block):
            if command.why_not is not None:
                continue
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command.line],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
            said = f"{command.place}: $ {command.line}\n{ended.stdout}\n{ended.stderr}"
            assert ended.returncode == command.code, said
            assert "Traceback" not in ended.stderr, said
            printed = f"{printed}\n{ended.stdout}\n{ended.stderr}"


def checkout(folder: Path) -> dict[str, str]:
    """A copy of the checkout, with a .venv that is this Python; the environment for it."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, words in (("python", ""), ("evalskip", "-m evalskip"), ("torchrun", None)):
        words = "-m torch.distributed.run" if words is None else words
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n')
        program.chmod(0o755)
    (folder / ".venv" / ".ready").touch()
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "harness"),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "122",
        # two threads of a script that is not steadied stall each other on a busy machine
        "OMP_NUM_THREADS": "1",
    }


@pytest.mark.parametrize("page", pages(), ids=named)
def test_python_compiles(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, block.place, "exec")


@pytest.mark.parametrize("page", pages(), ids=named)
def test_specs_are_valid(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole ones, LLaMA-Factory's configurations, and sections by themselves."""
    monkeypatch.chdir(ROOT)
    for block in blocks(page):
        if block.language != "yaml" or (block.comment or "").startswith("no, "):
            continue
        document = read_yaml(block.text)
        if "job" not in document and not is_llamafactory(document):
            assert set(document) <= set(Spec.model_fields), f"{block.place}: neither, nor sections"
            whole = read_yaml((ROOT / "bench" / "quick.yaml").read_text())
            block_text = json.dumps({**whole, **document})
        else:
            block_text = block.text
        spec = tmp_path / "spec.yaml"
        spec.write_text(block_text)
        # on other machines: so that nothing of this one is looked for
        assert load_spec(spec, elsewhere=True), block.place


def quotes() -> list[tuple[Path, list[str], list[str]]]:
    """Every quotation: its page, the results, and the lines that are quoted of them."""
    found = []
    for page in pages():
        for each in _QUOTE.finditer(page.read_text(encoding="utf-8")):
            quoted = re.findall(r'"([^"]+)"', each["paragraph"] or "")
            lines = (each["block"] or "").splitlines() or quoted or [each["paragraph"]]
            found.append((page, each["results"].split(), lines))
    return found


def foreign(lines: list[str], texts: list[str]) -> list[str]:
    """Lines, or parts of shortened ones, whose numbers are in none of the texts in that order."""
    known = [f" {' '.join(_NUMBER.findall(text))} " for text in texts]
    parts = [part for line in lines for part in line.split("...")]
    return [
        part
        for part in parts
        if not any(
            f" {' '.join(_NUMBER.findall(part))} ".replace("  ", " ") in each for each in known
        )
    ]


@pytest.mark.parametrize(
    ("page", "results", "lines"), quotes(), ids=lambda each: named(each) if each in pages() else ""
)
def test_what_is_quoted_of_a_result_is_what_it_says(
    page: Path, results: list[str], lines: list[str]
) -> None:
    reports = [sorted((ROOT / result).glob("report*.md")) for result in results]
    assert all(reports), results
    assert _NUMBER.search(" ".join(lines)), page
    texts = [each.read_text(encoding="utf-8") for own in reports for each in own]
    assert foreign(lines, texts) == []


def test_pages_whose_figures_are_of_results_quote_them() -> None:
    quoted = {page for page, _, _ in quotes()}
    assert {*READMES, *(PAGES / "tutorials" / f"{name}.md" for name in _QUOTING)} <= quoted


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    runpy.run_path(str(ROOT / "docs" / "reference.py"))["main"](folder)
    return folder


@pytest.mark.parametrize(("model", "page"), [(Spec, "spec.md"), (Summary, "summary.md")])
def test_the_reference_names_every_field(model: Any, page: str, reference: Path) -> None:
    sections = (reference / page).read_text().split("\n#")
    schema = model.model_json_schema()
    parts = [part for part in (schema, *schema["$defs"].values()) if "properties" in part]
    assert len(parts) > 10
    for part in parts:
        samples = [f"| `{field}` | " for field in part["properties"]]
        assert any(all(sample in section for sample in samples) for section in sections), part[
            "title"
        ]
        for name, field in part["properties"].items():
            said = field.get("description")
            # a word that chooses a part says so itself, and other parts say what they are
            assert said or "const" in field or "$ref" in str(field), f"{part['title']}.{name}"
            assert (said or "").replace("|", "\\|") in "".join(sections), said


def test_the_reference_names_every_command_option_and_exit_code(reference: Path) -> None:
    text = (reference / "command-line.md").read_text()
    known: Any = typer.main.get_command(app)
    for name, command in known.commands.items():
        section = text.partition(f"## evalskip {name} ")[2].partition("\n## ")[0]
        for parameter in command.params:
            if parameter.name != "help" and parameter.opts[0].startswith("-"):
                assert f"`{', '.join([*parameter.opts, *parameter.secondary_opts])}`" in section
    for each in errors.EvalskipError.__subclasses__():
        assert f"\n| {each.exit_code} | " in text


def test_every_page_is_in_the_navigation() -> None:
    configured = (ROOT / "docs" / "mkdocs.yml").read_text()
    for page in pages():
        assert page in READMES or f" {page.relative_to(PAGES)}\n" in configured, page


@pytest.mark.slow
@pytest.mark.skipif(not MKDOCS.exists(), reason="make docs makes the environment for it")
def test_the_site_builds_and_fetches_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "docs/reference.py", REFERENCE], cwd=ROOT, check=True)
    words = [MKDOCS, "build", "--strict", "--config-file", "docs/mkdocs.yml"]
    built = subprocess.run(
        [*words, "--site-dir", tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    fetched = re.compile(
        r"<(?:script|img|iframe)[^>]*\ssrc=\"?(?:https?:)?//|<link[^>]*rel=\"?"
        r"(?:stylesheet|preconnect|preload|icon)\"?[^>]*href=\"?(?:https?:)?//"
    )
    for page in tmp_path.rglob("*.html"):
        assert not fetched.search(page.read_text(encoding="utf-8")), page
