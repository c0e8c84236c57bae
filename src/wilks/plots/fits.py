"""Figures of fits: pulls, correlations, and data against the model before and after the fit."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wilks._base.errors import InvalidOption, UnknownName, near_names
from wilks.results.fits import FitResult

from .bins import (
    close_edges,
    count_label,
    draw_band,
    draw_counts,
    draw_pulls,
    draw_stack,
    garwood,
    headroom,
    ordered_legend,
)
from .style import ACCENT, BANDS, DATA, figure_of, in_style, rows, single, stacked_pair, text_of


@in_style
def pulls(
    result: FitResult,
    *,
    names: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Pulls of the constrained parameters, with the bands of one and two standard deviations.

    Args:
        result: a fit with constrained parameters.
        names: which of them, in this order; all by default.
        labels: text per name, e.g. in LaTeX.
        ax: axes to draw into.

    Raises:
        InvalidOption: if the fit has no constrained parameters.
        UnknownName: for a name without a pull.
    """
    if not result.pulls:
        raise InvalidOption("this fit has no constrained parameters, so there are no pulls to draw")
    shown = _known(names, tuple(result.pulls), "pull")
    ax = single(ax, height=1.2 + 0.24 * len(shown))
    centre = np.array([result.pulls[n][0] for n in shown])
    error = np.array([result.pulls[n][1] for n in shown])
    for reach, colour in ((2.0, BANDS[1]), (1.0, BANDS[0])):
        ax.axvspan(-reach, reach, color=colour, lw=0, zorder=0)
    ax.axvline(0.0, color=DATA, lw=0.8, ls="--")
    ax.errorbar(
        centre, np.arange(len(shown)), xerr=np.nan_to_num(error), fmt="o", color=DATA, markersize=4.5, elinewidth=1.4
    )
    rows(ax, shown, labels)
    reach = float(np.nanmax(np.abs(centre) + np.nan_to_num(error), initial=2.0))
    ax.set_xlim(-1.1 * max(reach, 2.3), 1.1 * max(reach, 2.3))
    ax.set_xlabel(r"pull  $(\hat\theta - \theta_0)/\Delta\theta$")
    return ax


@in_style
def correlation(
    result: FitResult,
    *,
    names: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Correlation matrix of the parameters that have a variance; coefficients are printed up to twelve parameters.

    Args:
        result: a fit with a covariance.
        names: which parameters, in this order; all with a variance by default.
        labels: text per name.
        ax: axes to draw into.

    Raises:
        InvalidOption: if the fit has no covariance.
        UnknownName: for a name without a variance.
    """
    matrix = result.correlation
    measured = () if matrix is None else tuple(n for n, r in zip(result.names, np.diag(matrix), strict=True) if r == r)
    if matrix is None or not measured:
        raise InvalidOption(f"this fit has no covariance (status {result.status.word}), so there is nothing to draw")
    shown = _known(names, measured, "variance")
    where = [result.names.index(n) for n in shown]
    block = matrix[np.ix_(where, where)]
    size = 2.2 + 0.42 * len(shown)
    ax = single(ax, width=min(size + 0.9, 12.0), height=min(size, 11.0), square=True)
    image = ax.imshow(block, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    texts = [text_of(n, labels) for n in shown]
    ax.set_xticks(range(len(shown)), texts, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(shown)), texts)
    ax.tick_params(which="both", length=0)
    if len(shown) <= 12:
        for (i, j), value in np.ndenumerate(block):
            colour = "white" if abs(value) > 0.6 else DATA
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize="small")
    bar = figure_of(ax).colorbar(image, ax=ax, fraction=0.046, pad=0.03)
    bar.set_label("correlation")
    bar.ax.minorticks_off()
    return ax


@in_style
def data_model(
    edges: Float[np.ndarray, " edges"],
    data: Float[np.ndarray, " bins"],
    prefit: Float[np.ndarray, " bins"] | None = None,
    postfit: Float[np.ndarray, " bins"] | None = None,
    *,
    band: Float[np.ndarray, " bins"] | None = None,
    components: Mapping[str, Float[np.ndarray, " bins"]] | None = None,
    quantity: str = "",
    unit: str = "",
    labels: Mapping[str, str] | None = None,
    axes: Iterable[Axes] | None = None,
) -> Figure:
    """Counts with Garwood errors, the model before and after the fit, and a panel of pulls below.

    Args:
        edges: bin edges, in ``unit``.
        data: observed counts.
        prefit: expected counts before the fit.
        postfit: expected counts after the fit; the sum of ``components`` if not given.
        band: error of the prediction after the fit, one standard deviation.
        components: name -> its share of the prediction after the fit, drawn as a stack.
        quantity: name of the horizontal axis.
        unit: its unit.
        labels: text per component.
        axes: large and small axes to draw into.

    Raises:
        InvalidOption: if there is neither ``postfit`` nor ``components``.
    """
    if postfit is None and not components:
        raise InvalidOption("nothing to compare the data with; give 'postfit' or 'components'")
    upper, lower = stacked_pair(axes)
    total = np.zeros(len(data))
    if components:
        total = draw_stack(upper, edges, components, labels)
    if postfit is not None:
        total = postfit
        upper.stairs(total, edges, color=DATA if components else ACCENT, lw=1.4, label="after the fit")
    if prefit is not None:
        upper.stairs(prefit, edges, color=DATA, lw=1.2, ls="--", label="before the fit")
    if band is not None:
        draw_band(upper, edges, total, band, "error of the model")
    draw_counts(upper, edges, data)
    draw_pulls(lower, edges, data, total)
    tops = [data + garwood(data)[1], total + (0.0 if band is None else band)]
    headroom(upper, [*tops, *([prefit] if prefit is not None else [])])
    close_edges(upper, edges)
    upper.set_ylabel(count_label(edges, unit))
    ordered_legend(upper)
    lower.set_xlabel(f"{quantity} [{unit}]" if unit else quantity)
    return figure_of(upper)


def _known(names: Sequence[str] | None, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    for name in names or ():
        if name not in known:
            raise UnknownName(f"no {what} of {name!r}; {near_names(name, known)}")
    return known if names is None else tuple(names)
