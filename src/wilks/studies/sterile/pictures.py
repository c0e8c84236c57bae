"""Figures of the sterile study."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wilks.physics.oscillation.spaces import STERILE
from wilks.plots.regions import critical_map, p_value_map, region
from wilks.plots.scans import contour
from wilks.plots.style import COLOURS, figure_of, wilks_style
from wilks.results.regions import Region
from wilks.results.result import AbstractResult

Results = Mapping[str, AbstractResult]

_LABELS = {p.name: p.label for p in STERILE}
_STYLES = ("-", "--", "-.", ":")


def one(name: str, results: Results) -> Mapping[str, Figure]:
    """Region of one experiment."""
    return {f"{name}: region at 90 %.": _region_figure(name, results)}


def everything(names: tuple[str, ...], results: Results) -> Mapping[str, Figure]:
    """Region of all experiments, with its maps, and the outlines of every experiment."""
    found: Any = results["region_all"]
    figures = {
        "All experiments: region at 90 %.": _region_figure("all", results),
        "Regions at 90 % of each experiment; the star is the best fit of all.": _outlines(names, results),
    }
    if isinstance(found, Region):
        figures["p-value of every node of the plane."] = figure_of(p_value_map(found, labels=_LABELS))
        figures["Critical value of every node; 4.605 would be right for large samples."] = figure_of(
            critical_map(found, labels=_LABELS)
        )
    return figures


def _region_figure(name: str, results: Results) -> Figure:
    found: Any = results[f"region_{name}"]
    if isinstance(found, Region):
        asymptotic: Any = results[f"contour_{name}"]
        return figure_of(region(found, overlay=[asymptotic], labels=_LABELS))
    return figure_of(_logarithmic(contour(found, labels=_LABELS)))


def _outlines(names: tuple[str, ...], results: Results) -> Figure:
    with wilks_style():
        figure = Figure(figsize=(6.4, 4.8), layout="constrained")
        ax = figure.subplots()
        handles = []
        for i, name in enumerate((*names, "all")):
            found: Any = results[f"region_{name}"]
            colour, style = COLOURS[i % len(COLOURS)], _STYLES[i // len(COLOURS) % len(_STYLES)]
            for piece in found.pieces:
                ax.plot(*piece.T, color=colour, ls=style, lw=2.2 if name == "all" else 1.2)
            handles.append(Line2D([], [], color=colour, ls=style, label=name))
        best: Any = results["region_all"]
        ax.plot(*best.best, marker="*", ls="", color="black", markersize=11)
        ax.set_xlabel(_LABELS[best.names[0]])
        ax.set_ylabel(_LABELS[best.names[1]])
        ax.legend(handles=handles, loc="best")
        _logarithmic(ax)
    return figure


def _logarithmic(ax: Axes) -> Axes:
    ax.set_xscale("log")
    ax.set_yscale("log")
    return ax
