"""What plots share: their size, their colours, and SVG that follows the page's light or dark.

A plot is drawn as wide as a phone can show without making its text too small; a desktop sets two
side by side. Colours are those of Okabe and Ito (2008), which colour-blind people tell apart, and
whatever a colour tells a shape or a hatching tells as well. In the SVG each colour is a CSS
variable, with the one for paper as its fallback.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from evalskip.report import digits
from evalskip.report.tables.table import label_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from evalskip.report.tables import Table
    from evalskip.report.words import Language
    from evalskip.summary import ArmSummary, Interval

INK, FAINT, PAPER = "#1c1c1b", "#8d8d8c", "#fffffe"
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
VERMILION, PURPLE, SKY = "#d55e00", "#cc79a7", "#56b4e9"
VARIABLES = {
    INK: "ink",
    FAINT: "faint",
    PAPER: "paper",
    BLUE: "blue",
    ORANGE: "orange",
    GREEN: "green",
    VERMILION: "vermilion",
    PURPLE: "purple",
    SKY: "sky",
}
"""Colours as they are drawn, and the CSS variables that stand for them."""

_DARK = {
    "ink": "#e9e9e8",
    "faint": "#8d8d8c",
    "paper": "#161617",
    "blue": "#4aa8e8",
    "orange": "#f0b43c",
    "green": "#2fc39c",
    "vermilion": "#ff8a4d",
    "purple": "#e0a0c4",
    "sky": "#9ad3f5",
}
"""The variables on a dark page."""

LIGHT_CSS = "".join(f"--{variable}:{colour};" for colour, variable in VARIABLES.items())
DARK_CSS = "".join(f"--{variable}:{colour};" for variable, colour in _DARK.items())

SERIES = (
    (BLUE, "o", "-"),
    (ORANGE, "s", "--"),
    (GREEN, "^", "-."),
    (VERMILION, "D", ":"),
    (PURPLE, "v", "-"),
    (SKY, "P", "--"),
)
"""Colour, marker and line of each of several series."""

_WIDTH_IN, _MARGIN_IN = 4.5, 0.12
_LABEL, _LONGEST = 24, 56

_FAMILIES = {
    "en": "system-ui, 'DejaVu Sans', sans-serif",
    "zh": "system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', "
    "'WenQuanYi Micro Hei', 'DejaVu Sans', sans-serif",
}
"""Of fonts, by language: what a reader may have of them."""

_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "hatch.color": PAPER,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


@dataclass(frozen=True)
class Plot:
    """A picture, how to read it, and all that it shows as a table.

    Its name is that of its file; ``svg`` is an ``<svg>`` element.
    """

    name: str
    title: str
    caption: str
    svg: str
    table: Table


class Drawing:
    """A figure under the style of all plots, to be drawn into and turned into SVG."""

    def __init__(self, height_in: float) -> None:
        self._height = height_in

    def __enter__(self) -> Drawing:
        self._style = mpl.rc_context(_STYLE)
        self._style.__enter__()
        # the reader's font may be wider than the one that is measured here
        layout = ConstrainedLayoutEngine(w_pad=_MARGIN_IN)
        self.figure = Figure(figsize=(_WIDTH_IN, self._height), layout=layout)
        self.axes: Axes = self.figure.add_subplot()
        return self

    def __exit__(self, *error: object) -> None:
        self._style.__exit__(None, None, None)

    def legend(self, columns: int = 3) -> None:
        """Below the axes, where it hides nothing."""
        self.figure.legend(loc="outside lower center", ncols=columns, handlelength=1.6)

    def svg(self, name: str, title: str, language: Language) -> str:
        """The element, with ids of its own and no colour that a dark page would hide."""
        mpl.rcParams["svg.hashsalt"] = name
        written = io.StringIO()
        with warnings.catch_warnings():
            # a glyph that our font lacks, the reader's may have
            warnings.filterwarnings("ignore", "Glyph .* missing")
            FigureCanvasSVG(self.figure).print_svg(
                written, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
            )
        text = written.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        text = with_own_ids(text, name)
        for colour, variable in VARIABLES.items():
            text = text.replace(colour, f"var(--{variable}, {colour})")
        text = text.replace("'DejaVu Sans'", _FAMILIES.get(language.code, _FAMILIES["en"]))
        # a size of its own would keep it from shrinking on a phone
        head, rest = text.split(">", 1)
        head = re.sub(r'\s(width|height)="[^"]*"', "", head)
        return f'{head} role="img" aria-label="{title}">{rest}'


def with_own_ids(svg: str, prefix: str) -> str:
    """The same picture with ids that nothing else on a page has."""

    def own(tag: re.Match[str]) -> str:
        text = re.sub(r'\bid="', f'id="{prefix}-', tag[0])
        return re.sub(r'(href="|url\()#', rf"\1#{prefix}-", text)

    return re.sub(r"<[^>]+>", own, svg)


def as_file(svg: str) -> str:
    """A picture that stands for itself, and follows light and dark as a page does."""
    head, rest = svg.split(">", 1)
    style = (
        f"<style>svg{{{LIGHT_CSS}background:var(--paper)}}"
        f"@media (prefers-color-scheme:dark){{svg{{{DARK_CSS}}}}}</style>"
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}>{style}{rest}'


def draw_claimed(
    axes: Axes, gain: tuple[float, float] | None, language: Language, *, upright: bool = True
) -> None:
    """The claimed band, where there is one, across an axis of gains in per cent."""
    if gain is None:
        return
    span = axes.axvspan if upright else axes.axhspan
    label = language.gettext("claimed {claimed}", claimed=digits.claimed(gain))
    span(*(100 * edge for edge in gain), color=GREEN, alpha=0.16, lw=0, label=label)


def draw_gains_at(
    axes: Axes,
    loads: Sequence[float],
    gains: Sequence[Interval],
    style: tuple[str, str],
) -> None:
    """Estimates and their intervals in per cent, standing at evaluation loads.

    Args:
        axes: with loads along x, and gains along y.
        loads: one per gain.
        gains: to draw.
        style: colour and marker.
    """
    colour, marker = style
    limits = [_shown(gain) for gain in gains]
    estimates = [estimate for estimate, _, _ in limits]
    lengths = [
        [estimate - low for estimate, low, _ in limits],
        [high - estimate for estimate, _, high in limits],
    ]
    axes.errorbar(loads, estimates, lengths, fmt=marker, color=colour, ms=7, capsize=3)


def _shown(gain: Interval) -> tuple[float, float, float]:
    """Estimate and limits in per cent; those of noise no further out than anybody cares for."""
    limits = (gain.estimate, gain.low, gain.high)
    shown = [gain.estimate if limit is None else limit for limit in limits]
    if digits.is_noise(gain):
        least, most = digits.LIMITS
        shown = [min(max(limit, least), most) for limit in shown]
    estimate, low, high = (100 * limit for limit in shown)
    return estimate, low, high


def lay_out_loads(axes: Axes, language: Language) -> None:
    """Name the axes of gains over evaluation load, from no load on."""
    axes.axhline(0, color=FAINT, lw=0.8)
    axes.set_xlabel(language.gettext("eval/train token ratio"))
    axes.set_ylabel(language.gettext("speed-up from skipping, %"))
    axes.set_xlim(left=0)
    axes.grid()


def draw_gain(axes: Axes, gain: Interval, place: float, style: tuple[str, str], label: str) -> None:
    """An estimate and its interval in per cent, lying at a height.

    Args:
        axes: with gains along x.
        gain: to draw.
        place: its height.
        style: colour and marker.
        label: in the legend; one that begins with an underscore is not shown.
    """
    colour, marker = style
    estimate, low, high = _shown(gain)
    axes.plot([low, high], [place, place], color=colour, lw=2)
    axes.plot([estimate], [place], marker, color=colour, ms=7, label=label)


def labels(arms: Sequence[tuple[str, ArmSummary]], language: Language) -> list[str]:
    """What the arms of a plot are called on an axis; the table has the whole of a long name."""
    return ["\n".join(map(wrapped, label_parts(name, arm, language))) for name, arm in arms]


def wrapped(text: str) -> str:
    """A name that leaves room for what it names."""
    text = " ".join(digits.printable(text).split())
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    # a label that begins with an underscore is none to matplotlib
    return textwrap.fill(text.replace("_", "\u200b_", 1) if text[:1] == "_" else text, _LABEL)


def height_for(rows: int, *, legend_rows: int = 1) -> float:
    """Of a plot with so many bars or intervals, in inches."""
    return 0.9 + 0.46 * rows + 0.2 * legend_rows


def series(count: int) -> Iterator[tuple[str, str, str]]:
    """Colour, marker and line for each of some series; beyond six they come again."""
    for index in range(count):
        yield SERIES[index % len(SERIES)]
