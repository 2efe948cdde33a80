"""What all commands that measure do: hold a result directory, measure, write, show."""

from __future__ import annotations

import shlex
import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from evalskip.errors import Interrupted
from evalskip.report.markdown import write_markdown
from evalskip.report.progress import ProgressView
from evalskip.report.terminal import print_report_path, print_summary
from evalskip.report.words import ENGLISH
from evalskip.results import open_results
from evalskip.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from evalskip.engines import EngineMaker
    from evalskip.spec import Spec
    from evalskip.summary import Summary


def measured(
    screen: Console,
    spec: Spec,
    directory: Path,
    *,
    resume: bool,
    experiment: Callable[[Session], Summary],
    engine: EngineMaker | None = None,
) -> None:
    """Measure a spec into a directory.

    Args:
        screen: where it is told of.
        spec: what to measure.
        directory: of the results.
        resume: whether to take up the experiment that is there.
        experiment: measures.
        engine: makes the engine; None: this machine.

    Raises:
        Interrupted: by the user; it says how to go on.
    """
    with open_results(directory, spec, resume=resume) as results:
        engine_of = partial(engine, spec, results.logs) if engine else None
        try:
            with (
                ProgressView(screen) as progress,
                closing(Session(spec, results, progress.show, engine_of)) as session,
            ):
                summary = experiment(session)
        except KeyboardInterrupt:
            again = shlex.join(argument for argument in sys.argv[1:] if argument != "--resume")
            raise Interrupted(
                f"interrupted; finished runs are in {directory}; to go on:",
                [f"{sys.executable} -m evalskip {again} --resume"],
            ) from None
        write_markdown(directory, [summary], ENGLISH)
    print_summary(screen, summary, ENGLISH)
    print_report_path(screen, directory / "report.md")
