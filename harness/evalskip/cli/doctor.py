"""Whether this machine is fit to measure on: ``evalskip doctor``."""

from __future__ import annotations


def doctor() -> None:
    """Is this machine fit to measure on?"""
    from evalskip.machine.doctor import examine
    from evalskip.report.terminal import console, print_findings
    from evalskip.report.words import ENGLISH

    print_findings(console(), examine(), ENGLISH)
