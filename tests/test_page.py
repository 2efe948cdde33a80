"""The page in a real browser: Debian's Chromium, at desktop and phone width, in light and dark."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.analysis.prediction import predict, workload
from evalskip.analysis.recommendation import EvaluationShares, densest
from evalskip.article.words import WORDS
from evalskip.notes import note
from evalskip.report import digits
from evalskip.report.html import write_page
from evalskip.report.words import Language
from evalskip.summary import Summary, read_summary
from support import ROOT, run_inside
from test_predict import JOB
from test_report import hostile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from evalskip.summary import CostModel

__all__ = ["hostile"]

pytestmark = pytest.mark.slow

WHOLE = Language("en", WORDS)
REFERENCE = ROOT / "results" / "reference"
CHROMIUM = shutil.which("chromium")
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}

# of each text, its size on the screen, and the contrast of its colour with what lies behind it
TEXTS = """() => {
  const light = (c) => {
    const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(Number).map((v) => {
      v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const contrast = (c) => {
    const [a, b] = [light(c), paper].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const drawn = [...document.querySelectorAll('svg text')].map((t) => ({
    said: t.textContent,
    size: parseFloat(getComputedStyle(t).fontSize)
      * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b),
    contrast: contrast(getComputedStyle(t).fill),
  }));
  const written = [...document.querySelectorAll('h1, p, td, li, figcaption')]
    .filter((e) => e.offsetParent && e.textContent.trim())
    .map((e) => ({
      said: e.textContent.slice(0, 40),
      size: parseFloat(getComputedStyle(e).fontSize),
      contrast: contrast(getComputedStyle(e).color),
    }));
  return {
    drawn, written,
    wider: document.documentElement.scrollWidth - innerWidth,
    clipped: [...document.querySelectorAll('svg')].filter((s) => {
      const box = s.getBoundingClientRect();
      return [...s.querySelectorAll('text')].some((t) => {
        const own = t.getBoundingClientRect();
        return own.left < box.left - 1 || own.right > box.right + 1;
      });
    }).map((s) => s.getAttribute('aria-label')),
  };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "expected chromium, a package of Debian"
        pytest.skip("needs chromium, a package of Debian")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def looked_at(browser: Browser, path: Path, width: str, scheme: Any) -> dict[str, Any]:
    """What stands on the page, and everything that the browser complained of or asked for."""
    size = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    opened = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    found: dict[str, Any] = opened.evaluate(TEXTS)
    found["paper"] = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    # tables are reached by opening them
    for summary in opened.query_selector_all("summary"):
        if summary.is_visible():
            summary.click()
    found["tables"] = len([t for t in opened.query_selector_all("table") if t.is_visible()])
    found["wider_opened"] = opened.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    return {**found, "complaints": complaints, "asked": asked}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_reference_result_can_be_read(
    width: str, scheme: str, browser: Browser, tmp_path: Path
) -> None:
    for path in sorted(REFERENCE.rglob("summary.json")):
        written = write_page(tmp_path, [read_summary(path.parent)], WHOLE)
        seen = looked_at(browser, written, width, scheme)
        assert seen["complaints"] == [], path
        assert seen["asked"] == [written.as_uri()]
        assert seen["wider"] <= 0, path
        assert seen["wider_opened"] <= 0, path
        assert seen["clipped"] == [], path
        assert seen["tables"] > 0
        for text in (*seen["drawn"], *seen["written"]):
            assert text["contrast"] >= 4.5, text
        assert [text for text in seen["drawn"] if text["size"] < 9] == []
        dark = seen["paper"] != "rgb(255, 255, 254)"
        assert dark == (scheme == "dark")


def test_a_hostile_result_does_nothing(hostile: Summary, browser: Browser, tmp_path: Path) -> None:
    safe = hostile.model_copy(update={"name": "hostile"})
    written = write_page(tmp_path, [safe, read_summary(REFERENCE / "quick-cpu")], WHOLE)
    for width in WIDTHS:
        seen = looked_at(browser, written, width, "light")
        assert seen["complaints"] == []
        assert seen["asked"] == [written.as_uri()]
        assert seen["wider"] <= 0


def test_a_print_shows_what_is_folded_away(browser: Browser, tmp_path: Path) -> None:
    written = write_page(tmp_path, [read_summary(REFERENCE / "quick-cpu")], WHOLE)
    opened = browser.new_page()
    opened.goto(written.as_uri())
    opened.emulate_media(media="print")
    heights = opened.evaluate(
        "[...document.querySelectorAll('details table')]"
        ".map((table) => table.getBoundingClientRect().height)"
    )
    assert heights
    assert all(height > 20 for height in heights)
    opened.close()


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """What ``evalskip predict`` says of a job with noise, of two evaluation-set sizes."""
    folder = tmp_path_factory.mktemp("predicted")
    spec = {
        "job": {
            "kind": "synthetic",
            **JOB,
            "noise": [{"kind": "autocorrelation", "sigma": 0.1, "memory": 0.4}],
        },
        "arms": [{"schedule": "every_epoch", "evaluation_samples": [61, 100]}],
    }
    (folder / "spec.yaml").write_text(json.dumps(spec))
    ended = run_inside("predict", folder / "spec.yaml", "--out", folder / "out")
    assert ended.returncode == 0, ended.stderr
    return read_summary(folder / "out")


def rows_of(page: Page) -> list[list[str]]:
    """The table of the sliders, as a reader sees it."""
    return [
        [cell.inner_text() for cell in sample.query_selector_all("th, td")]
        for sample in page.query_selector_all(".what-if tbody tr")
    ]


def told_by_us(model: CostModel, schedules: dict[str, tuple[int, int]]) -> list[list[str]]:
    """The same, by what the command line computes and prints."""
    samples = []
    for schedule, (evaluations, with_next_step) in schedules.items():
        of = workload(model.size, evaluations, with_next_step)
        found = predict(model, of, arm="", schedule=note("off"), evaluation_samples=None)
        samples.append(
            [
                schedule,
                digits.count(evaluations),
                digits.span(found.wall_s),
                digits.interval(found.share),
                digits.interval(found.throughput_gain),
            ]
        )
    return samples


def test_the_sliders_compute_what_the_command_line_does(
    predicted: Summary, browser: Browser, tmp_path: Path
) -> None:
    opened = browser.new_page()
    opened.goto(write_page(tmp_path, [predicted], WHOLE).as_uri())
    own, large = predicted.prediction.cost_models
    every = predicted.prediction.recommendations[0].every_steps
    assert every is not None
    count = math.ceil(240 / every)
    shown = rows_of(opened)
    asked = {
        "off": (0, 0),
        "once, at the end": (1, 0),
        "every epoch": (6, 5),
        "every 2 epochs": (3, 2),
        f"every {every} steps": (count, count - 1),
    }
    assert shown == told_by_us(own, asked)
    # and what the command line has printed of them
    by_arm = {each.arm: digits.interval(each.share) for each in predicted.prediction.schedules}
    assert shown[2][3] == by_arm["every_epoch@61"]
    assert shown[3][3] == by_arm["every_n_epochs:2@61"]
    assert f"eval_steps: {every}" in opened.inner_text(".what-if pre")

    # another job, by typing and by sliding
    opened.select_option("[name=model]", "1")
    assert rows_of(opened)[2][3] == by_arm["every_epoch@100"]
    opened.fill("[name=train_samples]", "501")
    opened.fill("[name=evaluation_samples]", "45")
    opened.fill("[name=evaluation_batch]", "4")
    opened.fill("[name=epochs]", "9")
    slider = opened.locator("[name=n_slider]")
    slider.fill("4")
    size = large.size.model_copy(
        update={
            "train_samples": 501,
            "steps": 9 * math.ceil(501 / 4),
            "epochs": 9.0,
            "evaluation_sets": [45],
            "evaluation_batch": 4,
        }
    )
    shown = rows_of(opened)
    asked = {
        "off": (0, 0),
        "once, at the end": (1, 0),
        "every epoch": (9, 8),
        "every 4 epochs": (2, 2),
    }
    changed = large.model_copy(update={"size": size})
    assert shown[:4] == told_by_us(changed, asked)
    pasted = "\n".join(opened.locator(".what-if pre").all_inner_texts())
    assert f"eval_steps: {4 * math.ceil(501 / 4)}" in pasted
    every = int(re.findall(r"eval_steps: (\d+)", pasted)[0])
    assert math.ceil(size.steps / every) <= densest(EvaluationShares.from_model(changed), 0.05)
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_predictions_can_be_read(
    width: str, scheme: str, predicted: Summary, browser: Browser, tmp_path: Path
) -> None:
    written = write_page(tmp_path, [predicted], WHOLE)
    seen = looked_at(browser, written, width, scheme)
    assert seen["complaints"] == []
    assert seen["asked"] == [written.as_uri()]
    assert seen["wider"] <= 0
    assert seen["wider_opened"] <= 0
    assert seen["clipped"] == []
    for text in (*seen["drawn"], *seen["written"]):
        assert text["contrast"] >= 4.5, text
    assert [text for text in seen["drawn"] if text["size"] < 9] == []


def test_a_page_with_sliders_runs_no_script_but_its_own(
    predicted: Summary, browser: Browser, tmp_path: Path
) -> None:
    evil = "</script><script>document.title = 'taken'</script>"
    own = predicted.prediction
    models = [each.model_copy(update={"evaluation": evil}) for each in own.cost_models]
    section = own.model_copy(update={"cost_models": models})
    written = write_page(tmp_path, [predicted.model_copy(update={"prediction": section})], WHOLE)
    text = written.read_text().replace("</footer>", f"</footer>{evil}")
    written.write_text(text)
    opened = browser.new_page()
    opened.goto(written.as_uri())
    assert opened.title() != "taken"
    assert opened.locator(".what-if tbody tr").count() >= 4
    opened.close()
