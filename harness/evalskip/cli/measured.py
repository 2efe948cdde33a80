"""What all commands that measure do: hold a result directory, measure, write, show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.markdown import write_markdown
from evalskip.report.terminal import print_summary
from evalskip.report.words import ENGLISH
from evalskip.results import open_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from evalskip.results import ResultDirectory
    from evalskip.spec import Spec
    from evalskip.summary import Summary

    Tell = Callable[[str], None]


def measured(
    screen: Console,
    spec: Spec,
    directory: Path,
    *,
    resume: bool,
    by: Callable[[Spec, ResultDirectory, Tell], Summary],
) -> None:
    """Measure a spec into a directory.

    Args:
        screen: where it is told of.
        spec: what to measure.
        directory: of the results.
        resume: whether to add to those that are there.
        by: measures.
    """

    def tell(line: str) -> None:
        screen.print(line, highlight=False, markup=False)

    with open_results(directory, spec, resume=resume) as results:
        summary = by(spec, results, tell)
        write_markdown(directory, [summary], ENGLISH)
    print_summary(screen, summary, ENGLISH)
