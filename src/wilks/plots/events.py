"""Figures of event histograms: simulation stacked under data, with its statistical band and a panel below."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData, InvalidOption, check_option
from wilks.data.histogram import Histogram

from .bins import (
    close_edges,
    count_label,
    draw_band,
    draw_counts,
    draw_pulls,
    draw_ratio,
    draw_stack,
    garwood,
    headroom,
    ordered_legend,
)
from .style import figure_of, in_style, single, stacked_pair

_PANELS = ("pull", "ratio", "none")


@in_style
def stacked(
    histograms: Mapping[str, Histogram],
    data: Histogram | None = None,
    *,
    band: Float[np.ndarray, " bins"] | None = None,
    panel: str = "pull",
    labels: Mapping[str, str] | None = None,
    axes: Iterable[Axes] | None = None,
) -> Figure:
    """Simulated samples stacked, data as points with Garwood errors, and a panel that compares them.

    Args:
        histograms: label -> histogram of one axis; the first lies at the bottom.
        data: observed counts in the same bins.
        band: error of the sum per bin, one standard deviation; from the histograms' variances by default.
        panel: ``pull``, ``ratio`` or ``none``; there is none without data.
        labels: text per sample, in place of its label.
        axes: large and small axes to draw into.

    Raises:
        InvalidOption: without histograms, or for another panel.
        InvalidData: if the histograms have different bins.
    """
    check_option("panel", panel, _PANELS)
    if not histograms:
        raise InvalidOption("there is no histogram to stack")
    axis = next(iter(histograms.values())).axis
    edges = axis.edges
    _check_bins(edges, {**histograms, **({"data": data} if data is not None else {})})
    upper, lower = _axes(axes, panel if data is not None else "none")
    total = draw_stack(upper, edges, {name: h.values() for name, h in histograms.items()}, labels)
    error, text = band, "error of the model"
    if error is None:
        error, text = np.sqrt(sum(h.variances() for h in histograms.values())), "statistics of the simulation"
    draw_band(upper, edges, total, error, text)
    tops = [total + error]
    if data is not None:
        counts = data.values()
        draw_counts(upper, edges, counts, data.label or "data")
        tops.append(counts + garwood(counts)[1])
        if lower is not upper and panel == "pull":
            draw_pulls(lower, edges, counts, total)
        elif lower is not upper:
            draw_ratio(lower, edges, counts, total, error)
    headroom(upper, tops)
    close_edges(upper, edges)
    upper.set_ylabel(count_label(edges, axis.unit))
    ordered_legend(upper)
    lower.set_xlabel(axis.title)
    return figure_of(upper)


def _axes(axes: Iterable[Axes] | None, panel: str) -> tuple[Axes, Axes]:
    if panel == "none":
        ax = single(None if axes is None else next(iter(axes)))
        return ax, ax
    return stacked_pair(axes)


def _check_bins(edges: Float[np.ndarray, " edges"], histograms: Mapping[str, Histogram]) -> None:
    for name, histogram in histograms.items():
        other = histogram.axis.edges
        if other.shape != edges.shape or not np.allclose(other, edges, rtol=1e-9, atol=0.0):
            raise InvalidData(
                f"histogram {name!r} has {len(other) - 1} bins from {other[0]:g} to {other[-1]:g}; expected "
                f"{len(edges) - 1} bins from {edges[0]:g} to {edges[-1]:g} as in the first one; rebin it"
            )
