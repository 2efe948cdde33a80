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
    from evalskip.report.html import write_page
    from evalskip.report.markdown import write_markdown
    from evalskip.report.words import LANGUAGES, Language
    from evalskip.summary import read_summary

    if lang not in LANGUAGES:
        raise InputError(f"--lang {lang}: expected one of {', '.join(LANGUAGES)}")
    summaries = [read_summary(directory) for directory in directories]
    target = out or (directories[0] if len(directories) == 1 else Path("results/comparison"))
    language = Language(lang, WORDS)
    typer.echo(write_page(target, summaries, language))
    typer.echo(write_markdown(target, summaries, language))
