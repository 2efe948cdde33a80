"""Whether this machine is fit to measure on: ``evalskip doctor``."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Is this machine fit to measure on?"""
    from evalskip.machine.doctor import examine

    findings = examine()
    for finding in findings:
        mark = "ok " if finding.fit else "mend"
        advice = f"; {finding.advice}" if finding.advice else ""
        typer.echo(f"{mark:4} {finding.what}: {finding.seen}{advice}")
    unfit = sum(not finding.fit for finding in findings)
    typer.echo("fit to measure on" if not unfit else f"{unfit} to mend before measuring")
