"""Whether this machine is fit to measure on: ``evalskip doctor``."""

from __future__ import annotations

import typer

from evalskip.errors import Inconclusive


def doctor() -> None:
    """Check whether this machine is fit to measure on: exit 3 if there is something to fix."""
    from evalskip.machine.doctor import examine
    from evalskip.report.terminal import console, print_findings
    from evalskip.report.words import ENGLISH

    findings = examine()
    print_findings(console(), findings, ENGLISH)
    if not all(finding.fit for finding in findings):
        raise typer.Exit(Inconclusive.exit_code)
