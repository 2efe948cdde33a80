"""How every plot is drawn: colours that colour-blind people tell apart, on any background."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.report.tables import Table

# Okabe and Ito (2008), "Color Universal Design"; their black is the page's own colour
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
INK = "#010203"
"""Stands for the colour of the page's text, and is exchanged for it."""
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "evalskip",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """A picture, what it shows, and its figures."""

    name: str
    """Of its file in ``plots/``, without ``.svg``."""
    svg: str
    table: Table


@contextmanager
def figure(height: float = 3.4) -> Iterator[Any]:
    """A figure, seven inches wide, and its axes: ``(figure, axes)``."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        made = Figure(figsize=(7, height), layout="constrained")
        FigureCanvasSVG(made)
        yield made, made.add_subplot()


def svg_of(made: Any, described: str) -> str:
    """The SVG of a figure, to stand inside a page.

    Args:
        made: the figure.
        described: what it shows, for those who do not see it.
    """
    from xml.sax.saxutils import escape

    text = io.StringIO()
    # neither the date nor the version: the same figures give the same bytes
    made.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    head, _, rest = svg.partition(">")
    return f'{head} role="img"><title>{escape(described)}</title>{rest}'
