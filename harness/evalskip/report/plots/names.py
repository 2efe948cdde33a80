"""Names beside the points of a plot, in place of a legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.report.plots.drawing import INK, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_NEAR = 0.03
"""Of the axes: points so near share a name."""
_LETTER, _LINE = 0.019, 0.055
"""Of the axes: about the width of a letter, and the height of a line."""
_GAP = 0.025


def draw_names(axes: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Names beside points, where they cover no other; those of points on each other are joined.

    Args:
        axes: with the points drawn; its limits stay.
        points: x, y and name of each.
    """
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    to_axes = axes.transData + axes.transAxes.inverted()
    groups: list[tuple[float, float, list[str]]] = []
    for x, y, name in points:
        across, up = map(float, to_axes.transform((x, y)))
        for other_across, other_up, names in groups:
            if abs(across - other_across) < _NEAR and abs(up - other_up) < _NEAR:
                names.append(name)
                break
        else:
            groups.append((across, up, [name]))
    taken = [_Box(across, up, 0.02, 0.03) for across, up, _ in groups]
    for across, up, names in sorted(groups, key=lambda group: -group[1]):
        text = wrapped(", ".join(dict.fromkeys(names)))
        lines = text.split("\n")
        width, height = _LETTER * max(map(len, lines)), _LINE * len(lines)
        aside, above = _GAP + width / 2, _GAP + height / 2
        places = [
            _Box(across + x, up + y, width, height)
            for x, y in (
                (aside, 0.0),
                (-aside, 0.0),
                (aside, above),
                (-aside, above),
                (aside, -above),
                (-aside, -above),
                (aside, 2 * above),
            )
        ]
        free = [box for box in places if box.is_inside and not any(map(box.overlaps, taken))]
        box = next(iter(free), places[0])
        taken.append(box)
        axes.text(
            box.across,
            box.up,
            text,
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=9.5,
            color=INK,
        ).set_in_layout(False)


@dataclass(frozen=True)
class _Box:
    """A place on the axes, by its middle, in fractions of them."""

    across: float
    up: float
    width: float
    height: float

    @property
    def is_inside(self) -> bool:
        return self.width / 2 <= self.across <= 1 - self.width / 2 and 0 <= self.up <= 1

    def overlaps(self, other: _Box) -> bool:
        return (
            abs(self.across - other.across) < (self.width + other.width) / 2
            and abs(self.up - other.up) < (self.height + other.height) / 2
        )
