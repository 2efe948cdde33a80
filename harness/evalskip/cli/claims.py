"""The article's claims: ``evalskip claims``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from evalskip.errors import Inconclusive, InputError


def claims(
    directories: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR...]", help="Results that hold verdicts.")
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Make the evidence, by real runs of LLaMA-Factory.")
    ] = False,
    job: Annotated[
        list[str] | None,
        typer.Option(help="What --run runs: llamafactory, ranks. Repeatable. [default: all]"),
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(help="A Python that has LLaMA-Factory. Repeatable. [default: those of make]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where --run puts its result. [default: results/claims]"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write the report of every claim there, in English and in Chinese."),
    ] = None,
    require: Annotated[
        list[str] | None, typer.Option(help="Fail (3) unless this claim has a verdict. Repeatable.")
    ] = None,
) -> None:
    """Judge every claim of an article about LLaMA-Factory, from results or from new runs."""
    from evalskip.article.badge import write_badge
    from evalskip.article.ledger import ledger, unsettled
    from evalskip.article.words import WORDS
    from evalskip.jobs.llamafactory.settings import built_interpreters
    from evalskip.report.html import write_page
    from evalskip.report.markdown import write_markdown
    from evalskip.report.progress import Countdown
    from evalskip.report.terminal import console, print_claims, print_observation, print_report_path
    from evalskip.report.words import LANGUAGES, Language
    from evalskip.results import fresh_directory
    from evalskip.summary import read_summary, write_sections

    screen = console()
    places = list({d.resolve(): d for d in directories or []}.values())
    summaries = [read_summary(place) for place in places]
    for summary in summaries:
        if summary.claims and summary.claims.sources:
            raise InputError(f"{summary.name}: is a ledger; expected the results that it rests on")
    for option, value in (("--job", job), ("--python", python), ("--out", out)):
        if value and not run:
            raise InputError(f"{option}: expected --run as well, which it is for")
    if run:
        from evalskip.article.evidence import KINDS, make_claims

        for name in job or []:
            if name not in KINDS:
                raise InputError(f"--job {name}: expected one of {', '.join(KINDS)}")
        pythons = python or built_interpreters()
        if not pythons:
            raise InputError("--run: expected --python, or an interpreter from make llamafactory")
        kinds, place = job or list(KINDS), out or Path("results/claims")
        countdown = Countdown(sum(KINDS[kind][1](pythons) for kind in kinds))
        with fresh_directory(place):
            summary = make_claims(
                kinds,
                pythons,
                place,
                lambda observation: print_observation(screen, observation, countdown.step()),
            )
        write_markdown(place, [summary], Language("en", WORDS))
        summaries.append(summary)
        places.append(place)
    reports = [os.path.relpath(each / "report.md", report) for each in places] if report else ()
    ledger_summary = ledger(report.name if report else "claims", summaries, reports)
    claims = ledger_summary.claims.claims if ledger_summary.claims else []
    if report:
        with fresh_directory(report):
            write_sections(report, ledger_summary)
            write_badge(report, claims)
            for language in (Language(code, WORDS) for code in LANGUAGES):
                write_markdown(report, [ledger_summary], language)
                write_page(report, [ledger_summary], language)
    if ledger_summary.claims:
        print_claims(screen, ledger_summary.claims, Language("en", WORDS))
    for written in filter(None, [out or Path("results/claims") if run else None, report]):
        print_report_path(screen, written / "report.md")
    if missing := unsettled(claims, require or []):
        raise Inconclusive(missing)
