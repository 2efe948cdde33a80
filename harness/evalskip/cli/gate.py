"""Today's results against a baseline or a budget: ``evalskip gate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from evalskip.cli.options import parsed
from evalskip.errors import Inconclusive, InputError, Regression


def gate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Today's results.")],
    baseline: Annotated[
        Path | None, typer.Option(help="Baseline to compare with; --add makes it.")
    ] = None,
    max_share: Annotated[
        str | None,
        typer.Option(help="Share of training time that evaluation may take, such as 10%."),
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="All sessions, one per line; today's is appended.")
    ] = None,
    benchmark: Annotated[
        Path | None,
        typer.Option(help="What pytest-benchmark wrote. [default: DIR/benchmark.json, if it is]"),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Add these results to the baseline, and judge nothing.")
    ] = False,
) -> None:
    """Compare with a baseline or a budget: exit 1 on a regression, 3 if noise hides the answer."""
    from evalskip.gate.run import add_to_baseline
    from evalskip.gate.run import gate as run_gate
    from evalskip.records import RecordStore
    from evalskip.report.gate import reason, workflow_commands, write_gate
    from evalskip.report.terminal import console, print_gate, print_report_path
    from evalskip.report.words import ENGLISH
    from evalskip.spec.units import parse_share

    if add:
        if baseline is None:
            raise InputError("--add: expected --baseline as well, the file to add to")
        if max_share is not None:
            raise InputError("--add: judges nothing; expected no --max-share beside it")
        new_baseline = add_to_baseline(directory, baseline, history, benchmark)
        count = len(new_baseline.sessions)
        typer.echo(f"{baseline}: {count} session{'s' if count > 1 else ''}")
        return
    if baseline is None and max_share is None:
        raise InputError("gate: expected --baseline FILE, --max-share 10%, or both")
    budget = None if max_share is None else parsed("--max-share", parse_share, max_share)
    result, today = run_gate(
        directory, baseline=baseline, max_share=budget, history=history, benchmark=benchmark
    )
    write_gate(directory / "gate", result, today, RecordStore(directory).read(), ENGLISH)
    screen = console()
    print_gate(screen, result, ENGLISH)
    print_report_path(screen, directory / "gate" / "gate.md")
    if os.environ.get("GITHUB_ACTIONS") == "true" and result.verdict != "passed":
        for line in workflow_commands(result, ENGLISH):
            typer.echo(line)
    if result.verdict == "regressed":
        raise Regression(f"worse: {reason(result, ENGLISH)}")
    if not (result.has_compared or result.having("inconclusive")):
        raise Inconclusive(
            "nothing was compared: the baseline has no session of this model of machine; add one: "
            f"evalskip gate {directory} --baseline {baseline} --add"
        )
    if result.verdict == "inconclusive":
        raise Inconclusive(f"inconclusive: {reason(result, ENGLISH)}")
