"""Figure of the same data fitted with several costs."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wilks.results.comparisons import CostComparison

from .style import BANDS, DATA, columns, figure_of, in_style, rows, text_of


@in_style
def costs(
    result: CostComparison, *, labels: Mapping[str, str] | None = None, axes: Iterable[Axes] | None = None
) -> Figure:
    """Fitted values per cost, one panel per parameter, and the events that each cost fits too many.

    The band is the first cost with its error.

    Args:
        result: a comparison of costs.
        labels: text per parameter or cost.
        axes: one axes per parameter and one more to draw into.
    """
    count = len(result.names) + 1
    panels = columns(axes, count, width=1.4 + 2.3 * count, height=1.3 + 0.34 * len(result.costs))
    y = np.arange(len(result.costs))
    for ax, name, values, sigma in zip(panels, result.names, result.theta.T, result.sigma.T, strict=False):
        ax.axvspan(values[0] - np.nan_to_num(sigma[0]), values[0] + np.nan_to_num(sigma[0]), color=BANDS[0], lw=0)
        ax.axvline(values[0], color=DATA, lw=0.8, ls="--")
        ax.errorbar(values, y, xerr=np.nan_to_num(sigma), fmt="o", color=DATA, markersize=4.5, elinewidth=1.4)
        ax.set_xlabel(text_of(name, labels))
        ax.margins(x=0.12)
    panels[-1].axvline(0.0, color=DATA, lw=0.8, ls="--")
    panels[-1].plot(result.excess_events, y, "D", color=DATA, markersize=4.5)
    panels[-1].set_xlabel("events too many")
    panels[-1].margins(x=0.15)
    for ax in panels:
        rows(ax, result.costs, labels)
    for ax in panels[1:]:
        ax.tick_params(labelleft=False)
    return figure_of(panels[0])
