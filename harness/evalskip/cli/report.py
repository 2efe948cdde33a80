"""Results as a page and as Markdown: ``evalskip report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalskip.errors import InputError


def report(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where it goes. [default: DIR; results/comparison for several]"),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the report, such as en or zh.")] = "en",
) -> None:
    """Write the report of a result, as a page and as Markdown; several are compared."""
    from evalskip.article.words import WORDS
    from evalskip.report.answers import card_of
    from evalskip.report.html import write_page
    from evalskip.report.markdown import write_markdown
    from evalskip.report.terminal import console, print_card
    from evalskip.report.words import LANGUAGES, Language
    from evalskip.summary import read_summary

    if lang not in LANGUAGES:
        raise InputError(f"--lang {lang}: expected one of {', '.join(LANGUAGES)}")
    summaries = [read_summary(directory) for directory in directories]
    target = out or (directories[0] if len(directories) == 1 else Path("results/comparison"))
    language = Language(lang, WORDS)
    written = [
        write(target, summaries, language, directories) for write in (write_page, write_markdown)
    ]
    if len(summaries) == 1:
        print_card(console(), card_of(summaries[0], language), language)
        typer.echo()
    for path in written:
        typer.echo(path)
