"""``report.html``: one page that needs no network; and its plots as files.

It runs nothing, or, where a result holds predictions, the one script that recomputes them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evalskip.analysis.recommendation import WITHIN
from evalskip.errors import InputError
from evalskip.files import write_atomically
from evalskip.notes import note
from evalskip.report import tables
from evalskip.report.answers import AnswerCard, card_of
from evalskip.report.answers.bench import verdict_on
from evalskip.report.comparison import comparison
from evalskip.report.files import base_of, own_folder, own_name
from evalskip.report.markdown import warnings_beside
from evalskip.report.plots import NAMES, plots_of
from evalskip.report.plots.compared import compared
from evalskip.report.plots.drawing import DARK_CSS, LIGHT_CSS, as_file, with_own_ids
from evalskip.report.provenance import made_with, provenance
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.report.comparison import ComparedResults
    from evalskip.report.plots.drawing import Plot
    from evalskip.report.words import Language
    from evalskip.summary import PredictionSummary, Summary

_WITHIN = "${+(100 * told.within).toFixed(2)}"


_FILES = ("summary.json", "runs.csv", "runs.jsonl")


@dataclass(frozen=True)
class Section:
    """All that the page says of one result."""

    summary: Summary
    card: AnswerCard
    verdict: str
    warnings: list[str]
    provenance: list[str]
    made: list[tuple[str, str]]
    files: list[tuple[str, str]]
    """Where the figures themselves are: name, and path seen from the page."""
    first: list[tables.Table]
    plots: list[Plot]
    rest: list[tables.Table]
    what_if: Markup
    """What the page's sliders start from, as JSON; empty where nothing was predicted."""

    @classmethod
    def from_summary(
        cls, summary: Summary, language: Language, source: Path | None = None, base: str = ""
    ) -> Section:
        """What there is to say of a result.

        Args:
            summary: of the result.
            language: to say it in.
            source: its directory; None: that of the page.
            base: the path of that, seen from the page; empty: they are the same.
        """
        plots = plots_of(summary, language)
        changes = summary.bench.changes if summary.bench else []
        card = card_of(summary, language)
        return cls(
            summary=summary,
            card=card,
            verdict=verdict_on(summary.bench, language),
            warnings=warnings_beside(card, summary, language),
            provenance=[
                *provenance(summary, language),
                *(
                    language.gettext(
                        "changed, so that arms can be compared: {change}", change=change
                    )
                    for change in changes
                ),
            ],
            made=made_with(summary),
            files=[
                (name, f"{base}{name}")
                for name in _FILES
                if name == _FILES[0] or (source and (source / name).exists())
            ],
            first=[table.linked_from(base) for table in tables.first_of(summary, language)],
            plots=plots,
            rest=tables.rest_of(summary, language),
            what_if=_what_if(summary.prediction) if summary.prediction else Markup(),
        )


def write_page(
    directory: Path,
    summaries: Sequence[Summary],
    language: Language,
    sources: Sequence[Path] = (),
) -> Path:
    """Write ``report.html`` and ``plots/*.svg`` into a directory; plots of before are replaced.

    In another language these are ``report.zh.html`` and ``plots/zh/*.svg``.

    The page is of one result, or compares several. Whatever stands in a spec, a log or a name is
    escaped; and the page forbids anything from elsewhere, and every script but its own.

    Args:
        directory: to write into.
        summaries: of the results.
        language: to say it in.
        sources: the directory of each result; none: the one that is written into.

    Raises:
        InputError: it cannot be written to.
    """
    places = sources or [directory] * len(summaries)
    sections = [
        Section.from_summary(summary, language, place, base_of(place, directory))
        for summary, place in zip(summaries, places, strict=True)
    ]
    several = comparison(summaries, language)
    together = compared(summaries, language) if several else None
    folder = own_folder(directory / "plots", language)
    path = directory / own_name("report.html", language)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.svg"):
            if re.sub(r"^\d+-", "", old.stem) in NAMES:
                old.unlink()
        for number, section in enumerate(sections, start=1):
            prefix = f"{number}-" if several else ""
            for plot in section.plots:
                write_atomically(folder / f"{prefix}{plot.name}.svg", as_file(plot.svg))
        if together:
            write_atomically(folder / f"{together.name}.svg", as_file(together.svg))
        write_atomically(path, _page(sections, several, together, language))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def _page(
    sections: Sequence[Section],
    several: ComparedResults | None,
    together: Plot | None,
    language: Language,
) -> str:
    environment = Environment(
        loader=PackageLoader("evalskip.report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = _drawn
    environment.filters["sentence"] = language.sentence
    environment.filters["classes"] = _classes
    environment.filters["limits"] = _limits
    environment.filters["named"] = lambda code: language.note(note(code))
    environment.globals["gettext"] = language.gettext
    environment.globals["words"] = language
    environment.filters["joined"] = language.join
    template = environment.get_template("report.html.jinja")
    script = ""
    if any(section.what_if for section in sections):
        script = _script(language)
    return template.render(
        language=language.code,
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        sections=sections,
        comparison=several,
        together=together,
        light=LIGHT_CSS,
        dark=DARK_CSS,
    )


_IN_SCRIPT: tuple[tuple[str, str, dict[str, str]], ...] = (
    ('"{}"', N_("once, at the end"), {}),
    ('"{}"', N_("every epoch"), {}),
    ('["{}"', N_("off"), {}),
    ("`{}`", N_("every {count} epochs"), {"count": "${every}"}),
    ("`{}`", N_("every {count} steps"), {"count": "${whole(recommended)}"}),
    ("`# {}`", N_("within {within}% of the training time"), {"within": _WITHIN}),
    (
        "`# {}`",
        N_("within {within}% of the training time: once, after training"),
        {"within": _WITHIN},
    ),
    ("`# {}`", N_("no schedule stays within {within}% of the training time"), {"within": _WITHIN}),
    ('"{}"', N_(", with the evaluation that LLaMA-Factory adds after training"), {}),
    (
        "`# {}`",
        N_("every {count} epochs; the Trainer evaluates after the last step as well"),
        {"count": "${every}"},
    ),
    ('"{}"', N_(", and LLaMA-Factory once more"), {}),
)
"""What the script says: its quotes, the message, and what the script itself fills in."""


def _script(language: Language) -> str:
    """That of the sliders, which says what a reader sees in the language that is spoken."""
    script = files("evalskip.report").joinpath("templates", "what_if.js").read_text()
    for quotes, template, values in _IN_SCRIPT:
        english = quotes.format(template.format(**values))
        script = script.replace(english, quotes.format(language.gettext(template, **values)))
    return script


def _what_if(section: PredictionSummary) -> Markup:
    recommended = section.recommendations
    inputs = {
        "models": [model.model_dump(mode="json") for model in section.cost_models],
        "within": recommended[0].within if recommended else WITHIN,
        "extra": section.closing_evaluations,
    }
    # nothing in it may end the element that holds it
    return Markup(json.dumps(inputs).replace("<", "\\u003c"))


def _limits(text: str) -> str:
    """The same with no break inside an interval."""
    return re.sub(r"\[[^\]]*\]", lambda limits: limits[0].replace(" ", "\u00a0"), text)


def _classes(table: tables.Table) -> list[Markup]:
    """Per column: whether it is set as numbers are, and whether a phone goes without it."""
    classes = [
        " ".join([*(["n"] if numeric else []), *(["spare"] if column in table.spare else [])])
        for column, numeric in zip(table.columns, table.numeric, strict=True)
    ]
    return [Markup(f' class="{each}"') if each else Markup() for each in classes]


def _drawn(plot: Plot, section: int) -> Markup:
    """A plot's SVG, whose text matplotlib has escaped, with ids that no other plot has."""
    return Markup(with_own_ids(plot.svg, f"s{section}"))
