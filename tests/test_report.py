"""What a reader is shown: the answer in a sentence, plots with their data, nothing unescaped."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from evalskip.article.words import WORDS
from evalskip.report.answers import card_of
from evalskip.report.html import write_page
from evalskip.report.markdown import markdown
from evalskip.report.plots import plots_of
from evalskip.report.words import ENGLISH, Language
from evalskip.summary import Interval, Summary, read_summary
from support import ROOT, run_inside

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = ROOT / "results" / "reference"
QUICK = REFERENCE / "quick-cpu"
WHOLE = Language("en", WORDS)


def answer(summary: Summary, language: Language) -> str:
    return card_of(summary, language).answer


RESULTS = sorted(path.parent for path in REFERENCE.rglob("summary.json"))
NASTY = "</script><script>alert(1)</script> \"'|`*$x_{&<b>@everyone $\\frac"


def nasty(value: Any) -> Any:
    """The same document with every text that is not ours made hostile."""
    if isinstance(value, dict):
        return {key: nasty(each) for key, each in value.items()}
    if isinstance(value, list):
        return [nasty(each) for each in value]
    return f"{NASTY} {value}" if isinstance(value, str) else value


@pytest.fixture
def hostile() -> Summary:
    document = json.loads((QUICK / "summary.json").read_text())
    document["made"]["machine"] = nasty(document["made"]["machine"])
    document["bench"]["warnings"] = [{"code": "nobody.knows", "parameters": {NASTY: NASTY}}]
    document["bench"]["changes"] = [{"code": "line_torn", "parameters": {"file": NASTY}}]
    document["name"] = f"{NASTY}/../x"
    document["scope"]["model"] = NASTY
    document["made"]["versions"] = {"torch": NASTY, NASTY: "1"}
    for arm in document["bench"]["arms"].values():
        arm["settings"] = [NASTY]
    claims = json.loads((REFERENCE / "claims" / "summary.json").read_text())["claims"]
    document["claims"] = claims
    for claim in claims["claims"]:
        claim["statement"] = {"code": "line_torn", "parameters": {"file": NASTY}}
        claim["scope"] = claim["evidence"] = [NASTY]
    return Summary.model_validate(document)


def test_whatever_stands_in_a_spec_or_a_log_is_escaped(hostile: Summary, tmp_path: Path) -> None:
    html = write_page(tmp_path, [hostile], ENGLISH).read_text()
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "default-src 'none'" in html
    text = markdown([hostile], ENGLISH)
    assert "<script" not in text
    assert "<b>" not in text
    assert not re.search(r"(?<!\w)@everyone", text)
    found = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(found) > 6
    for table in found:
        assert len({sample.replace("\\|", "").count("|") for sample in table.splitlines()}) == 1
    for plot in plots_of(hostile, ENGLISH):
        ElementTree.fromstring(plot.svg)


@pytest.mark.parametrize("directory", RESULTS, ids=lambda path: path.name)
def test_every_reference_result_has_a_report(directory: Path, tmp_path: Path) -> None:
    ended = run_inside("report", directory, "--out", tmp_path)
    assert ended.returncode == 0, ended.stderr
    html = (tmp_path / "report.html").read_text()
    summary = read_summary(directory)
    assert f">{answer(summary, WHOLE)}</h1>" in html.replace("&#39;", "'")
    # nothing comes from elsewhere
    assert not re.search(r"(src|href)=\"(?!#|[\w./-]+\")", html)
    assert "url(http" not in html
    files = {path.stem for path in (tmp_path / "plots").iterdir()}
    plots = plots_of(summary, WHOLE)
    assert files == {plot.name for plot in plots}
    for plot in plots:
        assert plot.table.rows
        assert f">{plot.title}</h" in html
        ElementTree.parse(tmp_path / "plots" / f"{plot.name}.svg")
    text = (tmp_path / "report.md").read_text()
    assert text.splitlines()[2].startswith("**")
    assert len(text) < 65_536


def test_the_page_opens_with_the_answer_and_its_scope(tmp_path: Path) -> None:
    summary = read_summary(QUICK)
    html = write_page(tmp_path, [summary], WHOLE).read_text()
    body = re.sub(r"<[^>]+>", " ", html[html.index("<body>") :])
    words = " ".join(body.split())
    assert words.startswith("evalskip: ")
    assert words.index(answer(summary, WHOLE)) < 60
    assert words.index("tiny-llama, on cpu") < words.index("What evaluation costs")


def test_where_a_claimed_range_holds_is_in_every_report(tmp_path: Path) -> None:
    summary = read_summary(QUICK)
    for text in (
        markdown([summary], ENGLISH),
        write_page(tmp_path, [summary], ENGLISH).read_text(),
    ):
        assert "15-30% faster: conditional" in text
        assert "the range is entered at 0.43" in text


def test_where_only_memory_was_metered_the_answer_is_of_memory() -> None:
    summary = read_summary(REFERENCE / "memory" / "logits-cpu")
    summary.headroom = None
    assert "raises peak memory, by +222 MiB" in answer(summary, ENGLISH)
    assert "not higher" in markdown([summary], ENGLISH)


def test_a_page_of_claims_has_each_with_its_verdict(tmp_path: Path) -> None:
    summary = read_summary(REFERENCE / "claims")
    html = write_page(tmp_path, [summary], WHOLE).read_text()
    assert summary.claims
    for claim in summary.claims.claims:
        assert f"{claim.id}: " in html
        assert WHOLE.note(claim.statement) in html


def test_the_data_beside_a_plot_are_those_it_shows() -> None:
    summary = read_summary(QUICK)
    plots = {plot.name: plot for plot in plots_of(summary, WHOLE)}
    assert {"phases", "gains", "load", "memory", "headroom"} <= plots.keys()
    phases = plots["phases"].table
    for row, arm in zip(phases.rows, summary.bench.arms.values(), strict=True):
        assert f"{arm.wall_s:.2f}" in row
        assert f"{arm.phases_s['evaluate']:.2f}" in row
    load = plots["load"].table
    assert len(load.rows) == 5
    assert [float(row[1]) for row in load.rows] == sorted(float(row[1]) for row in load.rows)


ANSWERS = {
    "supported": " The claimed 15-30% holds for this job.",
    "refuted": " The claimed 15-30% does not hold for this job.",
    "inconclusive": " The claimed 15-30% is not settled for this job.",
}


@pytest.mark.parametrize(("verdict", "ending"), ANSWERS.items())
def test_the_answer_says_what_became_of_the_claim(verdict: str, ending: str) -> None:
    summary = read_summary(QUICK)
    for comparison in summary.bench.comparisons:
        if comparison.verdict:
            comparison.verdict = verdict
    assert answer(summary, WHOLE).endswith(ending)


def test_answers_of_other_results() -> None:
    summary = read_summary(QUICK)
    several = answer(summary, WHOLE)
    assert several.endswith(
        "holds on 56 eval samples, does not hold on 8 eval samples and on 144 eval samples."
    )
    gain = summary.bench.headline("every_epoch@144").throughput_gain
    assert f"{100 * gain.estimate:.1f}% faster ({100 * gain.low:.1f}% to " in several
    claims = read_summary(REFERENCE / "claims")
    assert re.match(r"\d+ claims were judged: \d+ ", answer(claims, WHOLE))
    slower = summary.model_copy(deep=True)
    for comparison in slower.bench.comparisons:
        if comparison.arm == "every_epoch@8" and comparison.verdict:
            comparison.throughput_gain = Interval(
                estimate=-0.01, low=-0.02, high=-0.005, level=0.99
            )
        if comparison.arm == "every_epoch@56" and comparison.verdict:
            comparison.throughput_gain = Interval(estimate=0.01, low=-0.02, high=0.03, level=0.99)
    assert "1.0% slower (0.5% to 2.0%) on 8 eval samples" in answer(slower, WHOLE)
    assert "between 2.0% slower and 3.0% faster on 56 eval samples" in answer(slower, WHOLE)
    for arm in slower.bench.arms.values():
        arm.evaluation_samples = None
    assert "None" not in answer(slower, WHOLE)
    nothing = summary.model_copy(update={"bench": None, "headroom": None})
    assert answer(nothing, WHOLE) == "Nothing was measured that gives an answer."


def test_several_results_make_one_comparison(tmp_path: Path) -> None:
    ended = run_inside("report", QUICK, REFERENCE / "smollm2-cpu", "--out", tmp_path / "both")
    assert ended.returncode == 0, ended.stderr
    html = (tmp_path / "both" / "report.html").read_text()
    assert html.count("<h1>") == 1
    assert "2 results compared" in html
    assert "Speed-ups side by side" in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:href="|url\()#([^")]+)', html):
        assert target in ids
    text = (tmp_path / "both" / "report.md").read_text()
    assert text.startswith("## quick-cpu, smollm2-cpu")


def test_a_comment_that_would_be_too_long_names_what_it_leaves_out() -> None:
    summary = read_summary(QUICK)
    arms = {
        f"every_epoch@{samples}": summary.bench.arms["every_epoch@56"].model_copy(
            update={"evaluation_samples": samples, "schedule": "every epoch " + "x" * 80}
        )
        for samples in range(200)
    }
    summary.bench.arms = arms
    text = markdown([summary], ENGLISH)
    assert len(text) < 65_536
    assert "left out here" in text


def test_bad_input_to_report(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "summary.json").write_text('{"schema_version": 7}')
    (tmp_path / "file").write_text("x")
    (tmp_path / "torn").mkdir()
    torn = json.loads((QUICK / "summary.json").read_text())
    del torn["bench"]["arms"]["every_epoch@8"]
    (tmp_path / "torn" / "summary.json").write_text(json.dumps(torn))
    for arguments, expected in (
        ([tmp_path / "torn"], "every_epoch@8 is none of its arms"),
        ([tmp_path / "none"], "none/summary.json: no such file"),
        ([tmp_path / "old"], "expected schema_version 2"),
        ([QUICK, tmp_path / "old", "--out", tmp_path / "o"], "expected schema_version 2"),
        ([tmp_path / "file"], "file/summary.json: cannot be read"),
        ([QUICK, "--out", tmp_path / "file" / "x"], "cannot be written"),
    ):
        ended = run_inside("report", *arguments)
        assert ended.returncode == 2, arguments
        assert len(ended.stderr.splitlines()) == 1
        assert expected in ended.stderr


def test_the_reference_report_is_that_of_its_summary() -> None:
    for directory in RESULTS:
        assert (directory / "report.md").read_text() == markdown([read_summary(directory)], WHOLE)
