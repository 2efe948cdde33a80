"""What people would rather look at than read; a new plot is one file.

A plot's module has its ``TITLE``, its ``PLACE`` among all plots, and ``plot``, which gives None
where a result has nothing to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.registry import modules

if TYPE_CHECKING:
    from evalskip.report.plots.drawing import Plot
    from evalskip.report.words import Language
    from evalskip.summary import Summary

_MODULES = modules(__name__, __path__)
_PLOTS = sorted((m for m in _MODULES if hasattr(m, "plot")), key=lambda module: module.PLACE)

NAMES = frozenset(m.__name__.rpartition(".")[2] for m in _MODULES if hasattr(m, "TITLE"))
"""Of their files, that of several results included."""


def plots_of(summary: Summary, language: Language) -> list[Plot]:
    """Every plot that has something to show of a result, in order."""
    plots = (module.plot(summary, language) for module in _PLOTS)
    return [plot for plot in plots if plot is not None]
