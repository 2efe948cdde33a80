"""The answer on screens of any width."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from evalskip.report.tables import gains, times
from evalskip.report.terminal import print_summary
from evalskip.report.words import ENGLISH
from evalskip.summary import read_summary
from support import ROOT

REFERENCE = ROOT / "results" / "reference" / "quick-cpu"


@pytest.mark.parametrize("width", [80, 100, 118, 120, 126, 128, 160])
def test_no_figure_is_broken_at_any_width(width: int) -> None:
    summary = read_summary(REFERENCE)
    screen = io.StringIO()
    print_summary(Console(file=screen, width=width), summary, ENGLISH)
    shown = screen.getvalue()
    assert "…" not in shown
    for table in (times.times(summary.bench, ENGLISH), gains.gains(summary.bench, ENGLISH)):
        for sample in table.rows:
            pattern = re.escape(sample[0]) + r" +" + re.escape(sample[1])
            lines = [line for line in shown.splitlines() if re.search(pattern, line)]
            assert any(all(cell in line for cell in sample) for line in lines), sample
    assert max(map(len, shown.splitlines())) <= width
    one_table = "What evaluation costs" in shown
    # in between it depends on how wide the figures are
    assert one_table or width < 150
    assert not one_table or width > 100
