"""The report in Chinese: nothing in English is left, nothing in English changes."""

from __future__ import annotations

import ast
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.claims.ledger import retold as result_retold
from evalskip.claims.ledger import told_anew
from evalskip.messages import LANGUAGES, catalogue, counted, listed, say, speaking, words
from evalskip.messages.words import WORDS
from evalskip.notes import Note, note
from evalskip.report.html import write_page
from evalskip.report.markdown import markdown
from evalskip.report.plots import plots_of
from evalskip.summary import read_summary
from support import ROOT, run_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

REFERENCE = ROOT / "results" / "reference"
LEDGER = REFERENCE / "article"
RESULTS = sorted(path.parent for path in REFERENCE.rglob("summary.json") if path.parent != LEDGER)
HARNESS = ROOT / "harness" / "evalskip"
SAID_BY = {"say": 1, "message": 1, "counted": 2}
"""What says messages, and how many templates each is given first."""

NAMES = {
    "evalskip", "report", "LLaMA-Factory", "YAML", "RanksAgree", "Spearman", "Trainer",
    "TrainingArguments", "GPU", "CPU", "MiB", "GiB", "min", "nats", "rank", "token", "ms",
}  # fmt: skip
"""Names and units that a Chinese text has as they are."""


def templates_in(path: Path) -> list[str]:
    """Every template that a file of the harness says."""
    return [
        argument.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        for argument in node.args[: SAID_BY.get(node.func.id, 0)]
        if isinstance(argument, ast.Constant)
    ]


def templates_in_code() -> dict[str, str]:
    """Every template that is said, and a file that says it."""
    found = {
        template: path.name
        for path in sorted(HARNESS.rglob("*.py"))
        for template in templates_in(path)
    }
    for path in sorted((HARNESS / "report" / "templates").glob("*.jinja")):
        for template in re.findall(r'\bsay\("([^"]*)"', path.read_text()):
            found[template] = path.name
    return found


def fields(template: str) -> list[tuple[str, str | None]]:
    """What it is filled in with, and how."""
    return sorted((name, spec) for _, name, spec, _ in Formatter().parse(template) if name)


def test_the_catalogue_holds_what_the_code_says_and_nothing_else() -> None:
    said = templates_in_code()
    chinese = catalogue("zh")
    assert {template: said[template] for template in said.keys() - chinese.keys()} == {}
    assert chinese.keys() - said.keys() == set()
    for english, template in chinese.items():
        assert fields(template) == fields(english), english


def test_every_message_is_given_what_it_is_filled_in_with() -> None:
    for path in sorted(HARNESS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in ("say", "counted"):
                continue
            given = {keyword.arg for keyword in node.keywords}
            if None in given:
                continue
            wanted = [
                {name for name, _ in fields(argument.value)}
                for argument in node.args[: SAID_BY[node.func.id]]
                if isinstance(argument, ast.Constant)
            ]
            also = {"count"} if node.func.id == "counted" else set()
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
    for key, value in {**document["machine"], **document["scope"]["versions"]}.items():
        yield f"{key}: {value}"
    yield from (str(value) for value in document["scope"].values())
    yield document["name"]
    yield from document["arms"]
    for observation in document["observations"]:
        yield observation["trainer"]
        error = str(observation["seen"].get("error", ""))
        yield from (error, error[:160], error[:120])
        for key, value in observation["seen"].items():
            yield f"{key} {value}"
        for key, value in observation["asked"].items():
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
    assert len(re.findall("[\u4e00-\u9fff]", plain)) > 300
    assert not (tmp_path / "report.md").exists()
    summary = read_summary(directory)
    drawn = {path.stem for path in (tmp_path / "plots" / "zh").glob("*.svg")}
    assert drawn == {plot.name for plot in plots_of(summary)}
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
    assert "Of 19 claims" in (out / "report.md").read_text()
    ended = run_inside("report", out, "--lang", "zh")
    assert ended.returncode == 2
    assert "is a ledger" in ended.stderr


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


@pytest.mark.parametrize("directory", RESULTS, ids=lambda path: path.name)
def test_claims_are_told_anew_as_they_were_stored(directory: Path) -> None:
    summary = read_summary(directory)
    assert told_anew(summary) == summary.claims
    assert result_retold(summary) is summary


def test_a_claim_that_is_told_otherwise_today_stays_as_it_is() -> None:
    summary = read_summary(REFERENCE / "quick-cpu")
    first, *others = summary.claims
    older = first.model_copy(update={"measured": "in other words"})
    with speaking("zh"):
        found = result_retold(summary.model_copy(update={"claims": [older, *others]}))
    assert found.claims[0] == older
    for before, after in zip(others, found.claims[1:], strict=True):
        assert after.verdict == before.verdict
        assert after.says != before.says


def test_an_unknown_language_is_refused_in_one_line(tmp_path: Path) -> None:
    ended = run_inside("report", RESULTS[0], "--lang", "xx", "--out", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == ["evalskip: --lang xx: expected one of en, zh"]
    assert list(tmp_path.iterdir()) == []


def test_english_is_the_same_after_chinese_was_spoken(tmp_path: Path) -> None:
    for name in ("quick-cpu", "lora-predict-cpu", "overfit-cpu"):
        summary = read_summary(REFERENCE / name)
        before = write_page(tmp_path / "before", [summary]).read_bytes()
        with speaking("zh"):
            told = result_retold(summary)
            assert write_page(tmp_path, [told]).name == "report.zh.html"
            assert re.search("[\u4e00-\u9fff]", markdown([told]))
        assert write_page(tmp_path / "after", [summary]).read_bytes() == before
        assert markdown([summary]) == (REFERENCE / name / "report.md").read_text()


def test_a_language_is_left_even_by_an_error() -> None:
    with pytest.raises(KeyError), speaking("zh"):
        raise KeyError
    assert say("off") == "off"


def test_what_the_script_of_the_page_says_is_in_it_as_it_is_replaced() -> None:
    from evalskip.report.html import _IN_SCRIPT, _script

    script = (HARNESS / "report" / "templates" / "what_if.js").read_text()
    assert _script() == script
    with speaking("zh"):
        chinese = _script()
    for quotes, template, known in _IN_SCRIPT:
        english = quotes.format(template.format(**known))
        assert english in script, english
        assert english not in chinese, english


def test_a_note_is_said_in_every_language() -> None:
    within = note(
        "within",
        share=5.0,
        regret=0.02,
        chosen=note("every_n_epochs", count=5),
        others=note("others_may_lose", whole=10, most=26.0),
    )
    assert words(within) == (
        "within 5 % of T and 0.02 nats of regret: every 5 epochs; none of 10 lost more, but up to "
        "26 % of runs could"
    )
    assert words(note("every_n_epochs", count=1)) == "every 1 epoch"
    assert Note.model_validate_json(within.model_dump_json()) == within
    with speaking("zh"):
        assert words(within) == (
            "不超过 T 的 5 % 且遗憾值不超过 0.02 nats：每 5 轮；"
            "10 次运行均未损失更多，但最多可能有 26 % 的运行会"
        )
        assert words("tiny-llama") == "tiny-llama"


def test_every_note_has_words_and_is_given_what_they_hold() -> None:
    used = set()
    for path in sorted(HARNESS.rglob("*.py")):
        tree = ast.parse(path.read_text())
        texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        if path.name != "words.py":
            used |= WORDS.keys() & texts
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "note":
                continue
            code = node.args[0]
            given = {keyword.arg for keyword in node.keywords}
            if not isinstance(code, ast.Constant) or None in given:
                continue
            templates = WORDS[code.value]
            for template in templates if isinstance(templates, tuple) else [templates]:
                assert {name for name, _ in fields(template)} <= given, f"{path}: {code.value}"
    assert WORDS.keys() - used == set()


def test_lists_and_counts() -> None:
    assert listed([]) == ""
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert counted("{count} block", "{count} blocks", 1) == "1 block"
    with speaking("zh"):
        assert listed(["a", "b", "c"]) == "a、b、c"
        assert counted("{count} block", "{count} blocks", 2) == "2 个区组"
        assert say("nobody has translated {this}", this="this") == "nobody has translated this"
    assert set(LANGUAGES) == {"en", "zh"}
