"""Figures of posteriors on grids: masses along one axis, densities of a plane with their regions."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wilks.results.grid_posteriors import GridPosterior

from .style import DATA, MODEL, figure_of, in_style, single, text_of

_LEVELS = (0.6827, 0.9545)

Labels = Mapping[str, str] | None


@in_style
def grid_posterior(result: GridPosterior, *, levels: Sequence[float] = _LEVELS, labels: Labels = None) -> Figure:
    """Density on a plane with the edges of its regions; the masses along each axis for another number of axes.

    Args:
        result: a posterior on a grid.
        levels: probabilities of the regions.
        labels: text per parameter, with its unit.
    """
    if len(result.names) == 2:
        return figure_of(plane_density(result, levels=levels, labels=labels))
    figure = Figure(figsize=(3.4 * len(result.names), 3.2), layout="constrained")
    panels = figure.subplots(1, len(result.names), squeeze=False)[0]
    for ax, name, edges in zip(panels, result.names, result.edges, strict=True):
        ax.stairs(result.marginal(name), edges, color=MODEL, fill=True, alpha=0.4)
        ax.set_xscale("log" if edges[0] > 0 else "linear")
        ax.set_xlabel(text_of(name, labels))
        ax.set_ylabel("posterior mass per cell")
    return figure


@in_style
def plane_density(
    result: GridPosterior, *, levels: Sequence[float] = _LEVELS, labels: Labels = None, ax: Axes | None = None
) -> Axes:
    """Posterior density on a plane per unit of prior, with the edges of its regions of highest density.

    Args:
        result: a posterior of two parameters on a grid.
        levels: probabilities of the regions.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    ax = single(ax, height=4.4)
    mesh = ax.pcolormesh(*result.edges, result.density.T, cmap="Blues", rasterized=True)
    density_edges(ax, result, levels, colour=DATA)
    figure_of(ax).colorbar(mesh, ax=ax, pad=0.02).set_label("posterior density over prior density")
    for axis, name, edges in zip((ax.xaxis, ax.yaxis), result.names, result.edges, strict=True):
        axis.set_label_text(text_of(name, labels))
        (ax.set_xscale if axis is ax.xaxis else ax.set_yscale)("log" if edges[0] > 0 else "linear")
        (ax.set_xlim if axis is ax.xaxis else ax.set_ylim)(edges[0], edges[-1])
    return ax


def density_edges(
    ax: Axes,
    result: GridPosterior,
    levels: Sequence[float],
    *,
    colour: str = DATA,
    style: str = "-",
    labelled: bool = True,
) -> None:
    """Draw the edges of regions of highest density into axes.

    Args:
        ax: axes of the plane, first parameter across.
        result: a posterior of two parameters on a grid.
        levels: probabilities of the regions.
        colour: of the lines.
        style: of the lines.
        labelled: whether the probability stands on the lines.
    """
    heights = {float(result.threshold(level)): level for level in levels}
    x, y = result.centres
    curves = ax.contour(
        x, y, np.asarray(result.density).T, levels=sorted(heights), colors=[colour], linestyles=[style], linewidths=1.2
    )
    if labelled:
        ax.clabel(curves, fmt={h: f"{100 * level:.4g} %" for h, level in heights.items()}, fontsize=8)
