"""The answer on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from evalskip.report import tables

if TYPE_CHECKING:
    from evalskip.summary import Summary

_PLAIN_WIDTH = 150


def console() -> Console:
    """The console that everything is printed on; wide where there is no terminal."""
    found = Console()
    return found if found.is_terminal else Console(width=_PLAIN_WIDTH)


def print_summary(to: Console, summary: Summary) -> None:
    """The answer, in one table, with what it holds for."""
    table = tables.overview(summary)
    to.print()
    for line in tables.headline(summary):
        to.print(Text(line), soft_wrap=True)
    to.print(_rich(table))
    to.print(Text(table.note), style="dim")
    for warning in summary.warnings:
        to.print(Text(f"warning: {warning}"), style="yellow")


def _rich(table: tables.Table) -> RichTable:
    drawn = RichTable(title=table.title, title_justify="left", header_style="bold")
    for index, column in enumerate(table.columns):
        drawn.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(text) for text in row))
    return drawn
