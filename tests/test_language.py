"""The report in Chinese: nothing in English is left, nothing in English changes."""

from __future__ import annotations

import ast
import json
import math
import re
from html.parser import HTMLParser
from itertools import pairwise
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from evalskip.article.claims import CLAIMS
from evalskip.article.words import WORDS
from evalskip.notes import Note, note
from evalskip.report.html import write_page
from evalskip.report.markdown import markdown
from evalskip.report.plots import plots_of
from evalskip.report.words import ENGLISH, LANGUAGES, Language
from evalskip.report.words.notes import NOTES
from evalskip.summary import read_summary
from support import ROOT, run_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

REFERENCE = ROOT / "results" / "reference"
LEDGER = REFERENCE / "article"
RESULTS = sorted(path.parent for path in REFERENCE.rglob("summary.json") if path.parent != LEDGER)
HARNESS = ROOT / "harness" / "evalskip"
CATALOGUES = sorted((HARNESS / "report" / "words").glob("*.po"))
WHOLE = {code: Language(code, WORDS) for code in LANGUAGES}
KEYWORDS = {"gettext": None, "ngettext": (1, 2), "N_": None, "NN_": (1, 2)}
METHODS = [("**.py", "python"), ("**.jinja", "jinja2")]

NAMES = {
    "evalskip", "report", "LLaMA-Factory", "YAML", "RanksAgree", "Spearman", "Trainer",
    "TrainingArguments", "GPU", "CPU", "MiB", "GiB", "min", "nats", "rank", "token", "ms",
}  # fmt: skip
"""Names and units that a Chinese text has as they are."""


def extracted() -> set[str | tuple[str, ...]]:
    """Every message that the code says, a tuple where it is said of one and of several."""
    return {
        message for _, _, message, _, _ in extract_from_dir(HARNESS, METHODS, keywords=KEYWORDS)
    }


def fields(template: str) -> list[tuple[str, str | None]]:
    """What it is filled in with, and how."""
    return sorted((name, spec) for _, name, spec, _ in Formatter().parse(template) if name)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_is_complete(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = {each.id: each for each in read_po(file, locale=path.stem) if each.id}
    assert extracted() - catalogue.keys() == set(), "make messages"
    assert catalogue.keys() - extracted() == set(), "make messages"
    for said, message in catalogue.items():
        templates = message.string if isinstance(message.string, tuple) else (message.string,)
        many = said[1] if isinstance(said, tuple) else said
        assert all(templates), said
        assert "fuzzy" not in message.flags, said
        for template in templates:
            assert fields(template) == fields(many), said


def test_every_language_has_a_catalogue() -> None:
    assert {"en", *(path.stem for path in CATALOGUES)} == set(LANGUAGES)


def test_every_message_is_given_what_it_is_filled_in_with() -> None:
    for path in sorted(HARNESS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            count = {"gettext": 1, "ngettext": 2}.get(node.func.attr, 0)
            given = {keyword.arg for keyword in node.keywords}
            if not count or None in given:
                continue
            wanted = [
                {name for name, _ in fields(argument.value)}
                for argument in node.args[:count]
                if isinstance(argument, ast.Constant)
            ]
            also = {"count"} if count == 2 else set()
            for names in wanted:
                assert names <= given | also, f"{path.name}: {ast.unparse(node)}"
            if wanted:
                assert given <= set.union(*wanted), f"{path.name}: {ast.unparse(node)}"


class Text(HTMLParser):
    """What a reader of a page sees, plots included, and what is read out to one who does not."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "code", "pre")
        self.said += [value or "" for name, value in attributes if name == "aria-label"]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "code", "pre")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.said.append(data)


def own_words(document: dict[str, Any]) -> Iterator[str]:
    """What stands in a result as programs and people wrote it, and stays so."""
    made = document["made"]
    for key, value in {**(made["machine"] or {}), **made["versions"]}.items():
        yield f"{key}: {value}"
    yield from (str(value) for value in document["scope"].values())
    yield document["name"]
    yield from (document["bench"] or {"arms": []})["arms"]
    yield from (each["arm"] for each in (document["headroom"] or {"arms": []})["arms"])
    for section in (document["bench"], document["prediction"]):
        found = section or {}
        remedies = [each for kind in found.get("remedies", []) for each in kind["remedies"]]
        for each in [*found.get("recommendations", []), *remedies]:  # what is to be pasted
            for lines in each["lines"].values():
                yield from (line for line in lines if isinstance(line, str))
    for observation in (document["claims"] or {"observations": []})["observations"]:
        yield observation["trainer"]
        error = str(observation["behaviour"].get("error", ""))
        yield from (error, error[:160], error[:120])
        for key, value in observation["behaviour"].items():
            yield f"{key} {value}"
        for key, value in observation["settings"].items():
            yield f"{key}: {value}"
            yield f"{key} {value}"


def english_in(text: str, own: Iterable[str]) -> list[str]:
    """Every two words of English that stand together, after what stays as it is."""
    for known in sorted(own, key=len, reverse=True):
        text = text.replace(known, "·") if len(known) > 2 else text
    chunks = [
        re.fullmatch(r"[(“\"]*([A-Za-z]{2,}(?:-[A-Za-z]+)*)[)”\",.;:]*", c)
        for c in re.split(r"\s+|(?=[^\x00-\x7f])|(?<=[^\x00-\x7f])", text)
        if c
    ]
    left = ["" if found is None or found[1] in NAMES else found[1] for found in chunks]
    return [f"{one} {other}" for one, other in pairwise(left) if one and other]


@pytest.mark.parametrize("directory", RESULTS, ids=lambda path: path.name)
def test_no_english_prose_is_left_in_a_chinese_report(directory: Path, tmp_path: Path) -> None:
    ended = run_inside("report", directory, "--lang", "zh", "--out", tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "Glyph" not in ended.stderr
    page = (tmp_path / "report.zh.html").read_text()
    assert '<html lang="zh">' in page
    document = json.loads((directory / "summary.json").read_text())
    own = list(own_words(document))
    reader = Text()
    reader.feed(page)
    for text in reader.said:
        assert english_in(" ".join(text.split()), own) == []
    text = (tmp_path / "report.zh.md").read_text()
    plain = re.sub(r"\\(.)", r"\1", text).replace("&lt;", "<").replace("&gt;", ">")
    for line in plain.splitlines():
        assert english_in(line, own) == [], line
    assert len(re.findall("[\u4e00-\u9fff]", plain)) > 200
    assert not (tmp_path / "report.md").exists()
    summary = read_summary(directory)
    drawn = {path.stem for path in (tmp_path / "plots" / "zh").glob("*.svg")}
    assert drawn == {plot.name for plot in plots_of(summary, WHOLE["zh"])}
    assert list((tmp_path / "plots").glob("*.svg")) == []


def test_a_ledger_is_told_in_every_language(tmp_path: Path) -> None:
    out = tmp_path / "whole"
    ended = run_inside("claims", *RESULTS, "--report", out)
    assert ended.returncode == 0, ended.stderr
    own = [
        text
        for directory in RESULTS
        for text in own_words(json.loads((directory / "summary.json").read_text()))
    ]
    for name in ("report.zh.md", "report.zh.html"):
        text = (out / name).read_text()
        assert len(re.findall("[\u4e00-\u9fff]", text)) > 1000
    reader = Text()
    reader.feed((out / "report.zh.html").read_text())
    for said in reader.said:
        assert english_in(" ".join(said.split()), own) == []
    chinese = (out / "report.zh.md").read_text()
    ended = run_inside("report", out, "--lang", "zh")
    assert ended.returncode == 0
    assert (out / "report.zh.md").read_text() == chinese


def test_several_results_are_compared_in_chinese(tmp_path: Path) -> None:
    several = [REFERENCE / "quick-cpu", REFERENCE / "smollm2-cpu"]
    ended = run_inside("report", *several, "--lang", "zh", "--out", tmp_path)
    assert ended.returncode == 0, ended.stderr
    own = [
        text
        for directory in several
        for text in own_words(json.loads((directory / "summary.json").read_text()))
    ]
    reader = Text()
    reader.feed((tmp_path / "report.zh.html").read_text())
    for text in reader.said:
        assert english_in(" ".join(text.split()), own) == []
    assert (tmp_path / "plots" / "zh" / "compared.svg").exists()


def test_the_check_for_english_finds_it() -> None:
    own = ["AMD EPYC", "status ok"]
    assert (
        english_in("处理器 AMD EPYC，status ok；LLaMA-Factory YAML，eval_strategy: no", own) == []
    )
    assert english_in("表：matched steps 和 peak MiB", own) == ["matched steps"]
    assert english_in("once, at the end", own) == ["once at", "at the", "the end"]


def test_a_result_of_before_is_said_in_the_words_of_today() -> None:
    summary = read_summary(REFERENCE / "claims")
    claim = summary.claims.claims[0]
    reworded = Language("en", {**WORDS, claim.statement.code: "In other words."})
    assert reworded.note(claim.statement) == "In other words."
    assert re.search("[\u4e00-\u9fff]", WHOLE["zh"].note(claim.statement))


def test_an_unknown_language_is_refused_in_one_line(tmp_path: Path) -> None:
    ended = run_inside("report", RESULTS[0], "--lang", "xx", "--out", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == ["evalskip: --lang xx: expected one of en, zh"]
    assert list(tmp_path.iterdir()) == []


def test_english_is_the_same_after_chinese(tmp_path: Path) -> None:
    for name in ("quick-cpu", "lora-predict-cpu", "overfit-cpu"):
        summary = read_summary(REFERENCE / name)
        before = write_page(tmp_path / "before", [summary], ENGLISH).read_bytes()
        assert write_page(tmp_path, [summary], WHOLE["zh"]).name == "report.zh.html"
        assert re.search("[\u4e00-\u9fff]", markdown([summary], WHOLE["zh"]))
        assert write_page(tmp_path / "after", [summary], ENGLISH).read_bytes() == before
        assert markdown([summary], ENGLISH) == (REFERENCE / name / "report.md").read_text()


def test_what_the_script_of_the_page_says_is_in_it_as_it_is_replaced() -> None:
    from evalskip.report.html import _IN_SCRIPT, _script

    script = (HARNESS / "report" / "templates" / "what_if.js").read_text()
    assert _script(ENGLISH) == script
    chinese = _script(WHOLE["zh"])
    for quotes, template, known in _IN_SCRIPT:
        english = quotes.format(template.format(**known))
        assert english in script, english
        assert english not in chinese, english


def test_a_note_is_said_in_every_language() -> None:
    within = note(
        "within",
        share=0.05,
        regret=0.02,
        chosen=note("every_n_epochs", count=5),
        others=note("others_may_lose", whole=10, most=0.26),
    )
    assert ENGLISH.note(within) == (
        "evaluate every 5 epochs: within 5% of the training time and 0.02 nats of regret; none "
        "of 10 lost more, but up to 26% of runs could"
    )
    assert ENGLISH.note(note("every_n_epochs", count=1)) == "every 1 epoch"
    assert ENGLISH.note(note("every_n_minutes", count=30)) == "every 30 minutes"
    assert ENGLISH.note(note("of_another_version", what="x")) == "of_another_version what=x"
    assert ENGLISH.note(note("byte_change", estimate=math.inf, low=None, high=None)).startswith("b")
    assert Note.model_validate_json(within.model_dump_json()) == within
    chinese = WHOLE["zh"]
    assert chinese.note(within) == (
        "每 5 轮评估：占训练时间不超过 5%，遗憾值不超过 0.02 nats；"
        "10 次运行均未损失更多，但最多可能有 26% 的运行会"
    )
    assert chinese.note("tiny-llama") == "tiny-llama"


def test_every_note_has_words_and_is_given_what_they_hold() -> None:
    words = NOTES | WORDS
    assert len(words) == len(NOTES) + len(WORDS)
    used = set()
    for path in sorted(HARNESS.rglob("*.py")):
        tree = ast.parse(path.read_text())
        if path.parent.name != "words" and path.name != "words.py":
            used |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)} & words.keys()
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "note":
                continue
            code = node.args[0]
            given = {keyword.arg for keyword in node.keywords}
            if not isinstance(code, ast.Constant) or None in given or code.value not in words:
                continue
            templates = words[code.value]
            for template in templates if isinstance(templates, tuple) else [templates]:
                assert {name for name, _ in fields(template)} <= given, f"{path}: {code.value}"
    told_by_parts = {"materially_", "lost_", "answer."} | {f"{claim.ID}.says" for claim in CLAIMS}
    left = {code for code in words.keys() - used if not any(map(code.startswith, told_by_parts))}
    assert left == set()


def test_lists_and_counts() -> None:
    assert ENGLISH.join([]) == ""
    assert ENGLISH.join(["a", "b", "c"]) == "a, b, c"
    assert ENGLISH.ngettext("{count} block", "{count} blocks", 1) == "1 block"
    chinese = WHOLE["zh"]
    assert chinese.join(["a", "b", "c"]) == "a、b、c"
    assert chinese.ngettext("{count} block", "{count} blocks", 2) == "2 个区组"
    assert chinese.gettext("nobody has translated {this}", this="this") == (
        "nobody has translated this"
    )
