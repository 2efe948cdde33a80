"""One word for one thing, the one that people know: in every message, page and help text."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
import typer
from babel.messages.pofile import read_po

from evalskip.cli import app
from support import ROOT
from test_docs import PAGES, READMES, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

# what is not said, and what is said in its place
ENGLISH = {
    # a table has rows
    r"(?<!in a )(?<!first )(?<!every )(?<!all )\brows?\b(?! of the table| per )": "samples",
    r"\bdearer\b": "more expensive",
    r"\bforetold\b|\bforetells?\b": "predicted",
    r"\btold of\b|\btells of\b": "reported",
    r"\bmends?\b|\bmended\b": "fix",
    r"\bhidden cost\b": "after-effect",
    r"\bcontaminated\b": "disturbed",
    r"\bhonest interval": "confidence interval",
    r"\blooks, paid for\b|\blooks and questions\b": "interim analyses, corrected for",
    r"\bknows by then\b": "precision in the same time",
    r"nothing that is known stays within": "no schedule meets both limits",
    r"says the same and more": "Full report: ...",
    r"\bTo look at\b|The same as a table": "Plots, Show data",
    r"no faster that can be told": "no measurable difference",
    r"\bthroughput gain\b": "speed-up from skipping",
    r"\bevaluation load\b": "eval/train token ratio",
    r"[\d}] %": "4.3%, with no space",
    r"pip install (?:--\S+ )*evalskip\b": "a checkout, a wheel or a git address",
}
CHINESE = {
    "增益": "提升",
    "隐性开销": "后效",
    "说法": "论断",
    "每个 epoch": "每轮",
    "诚实区间": "置信区间",
    "污染": "受干扰",
    "付出多少代价": "增加多少开销",
    "看不出更快": "数据不足，尚不能判断",
    "[0-9}] ?行(?!训练日志|被截断)": "样本",
}
# formulas have T, and so have the pages on statistics, the names of fields and old results
_T = re.compile(r"(?<![\w`(])T(?! ?[-/(=*)_]|\w)(?![^`]*`)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)", re.DOTALL)


def messages() -> Iterator[tuple[str, str]]:
    """Every message in English, and in Chinese."""
    with files("evalskip.report.words").joinpath("zh.po").open("rb") as source:
        for message in read_po(source, locale="zh"):
            both = (
                each if isinstance(each, tuple) else (each,)
                for each in (message.id, message.string)
            )
            english, chinese = (" | ".join(each) for each in both)
            if english:
                yield english, chinese


def prose() -> Iterator[tuple[str, str]]:
    """What people read in English, beside messages: where, and the text without code."""
    for page in (*READMES, *sorted(PAGES.rglob("*.md"))):
        if REFERENCE not in page.parents and not page.name.endswith(".zh.md"):
            yield str(page.relative_to(ROOT)), _CODE.sub("", page.read_text(encoding="utf-8"))
    known: Any = typer.main.get_command(app)
    for name, command in known.commands.items():
        yield f"evalskip {name}", command.help or ""
        for parameter in command.params:
            yield f"evalskip {name} {parameter.name}", getattr(parameter, "help", None) or ""


@pytest.mark.parametrize("term", ENGLISH)
def test_english_has_the_terms_of_the_field(term: str) -> None:
    texts = [*prose(), *(("a message", english) for english, _ in messages())]
    found = [(where, match[0]) for where, text in texts for match in re.finditer(term, text)]
    assert found == [], f"expected {ENGLISH[term]}"


@pytest.mark.parametrize("term", CHINESE)
def test_chinese_has_one_term_for_one_thing(term: str) -> None:
    texts = [chinese for _, chinese in messages()]
    texts.append((ROOT / "README.zh.md").read_text(encoding="utf-8"))
    assert [text for text in texts if re.search(term, text)] == [], f"expected {CHINESE[term]}"


def test_training_time_has_a_name_outside_formulas() -> None:
    texts = [english for english, _ in messages()]
    texts += [text for where, text in prose() if where.startswith("evalskip ")]
    found = [text for text in texts if _T.search(text)]
    # the two that give a formula say what T is
    assert all("T being the training time" in each for each in found), found
