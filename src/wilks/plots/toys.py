"""Figures of toy studies: the statistic's distribution, coverage of every threshold, bias and spread."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import chdtri, gammaln, xlogy

from wilks._base.errors import InvalidOption
from wilks.results.fits import FitTable, converged
from wilks.results.hypotheses import GoodnessOfFit
from wilks.results.toys import Bias, Coverage, CoverageCurve, Toys

from .style import ACCENT, DATA, MODEL, MUTED, columns, figure_of, in_style, rows, single, stacked_pair, text_of

_LEVELS = (0.6827, 0.9545)


def chi2_density(x: Float[np.ndarray, " points"], dof: float | int) -> Float[np.ndarray, " points"]:
    """Density of chi2 with ``dof`` degrees of freedom, x^(k/2-1) e^(-x/2) / (2^(k/2) Gamma(k/2)), for x > 0."""
    half = 0.5 * dof
    return np.exp(xlogy(half - 1.0, x) - 0.5 * x - half * np.log(2.0) - gammaln(half))


@in_style
def toy_distribution(
    result: GoodnessOfFit | Toys,
    *,
    dof: int | None = None,
    observed: float | int | None = None,
    bins: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Distribution of a statistic over toys, with the chi2 law and the value on the data.

    Args:
        result: a goodness of fit, or toys with a statistic.
        dof: degrees of freedom of the chi2 law; those of the goodness of fit by default, no law for toys.
        observed: value on the data; that of the goodness of fit by default.
        bins: number of bins; chosen from the number of toys by default.
        ax: axes to draw into.

    Raises:
        InvalidOption: if there is no toy with a statistic.
    """
    if isinstance(result, GoodnessOfFit):
        name, values = result.statistic, result.toys
        dof, observed = result.dof if dof is None else dof, result.observed if observed is None else observed
    else:
        name, values = result.statistic or "t", np.zeros(0) if result.t is None else result.t
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise InvalidOption("there is no toy with a statistic to draw; ask for toys, or draw the parameters")
    ax = single(ax)
    top = max(float(np.quantile(finite, 0.999)), 1.08 * (observed or 0.0))
    bottom = min(float(np.min(finite)), observed if observed is not None else np.inf) if (dof or 1) > 2 else 0.0
    edges = np.linspace(bottom, top, (bins or _bins(len(finite))) + 1)
    _draw_density(ax, edges, finite, f"{len(finite)} toys")
    if dof:
        x = np.linspace(max(bottom, 1e-3 * top), top, 400)
        ax.plot(x, chi2_density(x, dof), color=DATA, lw=1.5, label=rf"$\chi^2$ with {dof} dof")
    if observed is not None:
        ax.axvline(observed, color=ACCENT, lw=1.8, label=f"data: {observed:.4g}")
        ax.axvspan(observed, top, color=ACCENT, alpha=0.07, lw=0)
    ax.set_xlim(bottom, top)
    ax.set_ylim(0.0, 1.2 * ax.get_ylim()[1] if (dof or 1) > 2 else None)
    ax.set_xlabel(f"statistic {text_of(name)}")
    ax.set_ylabel("density of toys")
    ax.legend(loc="upper right", title=_p_title(result))
    return ax


@in_style
def coverage_curve(
    result: CoverageCurve, *, largest: float | int | None = None, axes: Iterable[Axes] | None = None
) -> Figure:
    """f(d), the fraction of toys with t <= d, against the chi2 law, and their difference below.

    Args:
        result: a coverage curve.
        largest: right end of the axis; where the law reaches 99.73 % by default.
        axes: large and small axes to draw into.
    """
    upper, lower = stacked_pair(axes, ratio=2.2)
    end = largest if largest is not None else 9.0 + 1.5 * (result.dof - 1) * 2.0
    d = np.linspace(0.0, end, 500)
    fraction, error, nominal = result.fraction(d), result.error(d), result.nominal(d)
    low, high = result.band(d)
    upper.fill_between(d, fraction - error, fraction + error, step="post", color=MODEL, alpha=0.35, lw=0)
    upper.step(d, fraction, where="post", color=MODEL, label=f"{len(result.t)} toys, {result.failed} failed")
    upper.plot(d, nominal, color=DATA, ls="--", lw=1.2, label=rf"$\chi^2$ law, {result.dof} dof")
    for level in _LEVELS:
        for ax in (upper, lower):
            ax.axvline(float(chdtri(result.dof, 1.0 - level)), color=MUTED, lw=0.8, ls=":", zorder=1)
        place = (float(chdtri(result.dof, 1.0 - level)), 0.03)
        upper.annotate(f"{100 * level:.4g} %", place, (3, 0), textcoords="offset points", color=MUTED, fontsize=8)
    upper.set_ylim(0.0, 1.05)
    upper.set_ylabel(r"coverage $f(d)$")
    upper.legend(loc="center right")
    lower.fill_between(d, fraction - error - nominal, fraction + error - nominal, color=MODEL, alpha=0.35, lw=0)
    lower.plot(d, fraction - nominal, color=MODEL, lw=1.2)
    if result.failed:
        for edge in (low, high):
            lower.plot(d, edge - nominal, color=MUTED, lw=0.8, ls=":")
    lower.axhline(0.0, color=DATA, ls="--", lw=1.0)
    reach = 1.2 * float(np.max(np.abs(fraction - nominal) + error))
    lower.set_ylim(-reach, reach)
    lower.set_xlim(0.0, end)
    lower.set_ylabel("difference", loc="center")
    lower.set_xlabel(r"threshold $d$ of $-2\,\Delta\ln L$ in " + " and ".join(text_of(n) for n in result.names))
    return figure_of(upper)


@in_style
def bias(result: Bias, *, labels: Mapping[str, str] | None = None, axes: Iterable[Axes] | None = None) -> Figure:
    """Mean and width of the pulls per parameter; they should be 0 and 1.

    Args:
        result: a bias study.
        labels: text per parameter.
        axes: two axes to draw into.
    """
    left, right = columns(axes, 2, width=6.6, height=1.5 + 0.28 * len(result.names))
    y = np.arange(len(result.names))
    panels = (
        (left, result.pull_mean, result.pull_mean_error, 0.0, "mean of the pulls"),
        (right, result.pull_width, result.pull_width_error, 1.0, "width of the pulls"),
    )
    for ax, centre, error, ideal, text in panels:
        reach = max(0.1, 1.25 * float(np.nanmax(np.abs(centre - ideal) + error, initial=0.0)))
        ax.axvline(ideal, color=DATA, lw=0.8, ls="--")
        ax.errorbar(centre, y, xerr=error, fmt="o", color=DATA, markersize=4.5, elinewidth=1.4)
        ax.set_xlim(ideal - reach, ideal + reach)
        ax.set_xlabel(text)
        rows(ax, result.names, labels)
    right.tick_params(labelleft=False)
    left.set_title(f"{result.n} toys, {result.failed} failed", loc="left", fontsize="medium")
    return figure_of(left)


@in_style
def lengths(result: Coverage, *, ax: Axes | None = None) -> Axes:
    """Distribution of the lengths of the intervals of a coverage study; open and failed ones are counted in the title.

    Args:
        result: a coverage study.
        ax: axes to draw into.
    """
    ax = single(ax)
    finite = result.lengths[np.isfinite(result.lengths)]
    if len(finite):
        edges = np.histogram_bin_edges(finite, _bins(len(finite)))
        _draw_density(ax, edges, finite, f"{len(finite)} intervals")
        ax.axvline(float(np.median(finite)), color=ACCENT, label=f"median {np.median(finite):.4g}")
    low, high = result.interval
    ax.set_title(
        f"coverage {100 * result.fraction:.2f} % [{100 * low:.2f}, {100 * high:.2f}], level {100 * result.level:.4g} %",
        loc="left",
        fontsize="medium",
    )
    ax.set_xlabel(f"length of the interval of {text_of(result.name)}")
    ax.set_ylabel("density of toys")
    ax.set_ylim(0.0, 1.35 * ax.get_ylim()[1])
    ax.legend(loc="upper right", title=f"{result.open_} open, {result.failed} failed")
    return ax


@in_style
def spread(
    result: Toys | FitTable, *, labels: Mapping[str, str] | None = None, axes: Iterable[Axes] | None = None
) -> Figure:
    """Distribution of each fitted parameter over the converged lanes.

    Args:
        result: toys or a table of fits.
        labels: text per parameter.
        axes: one axes per parameter to draw into.

    Raises:
        InvalidOption: if no lane has converged.
    """
    good = converged(result.status)
    if not good.any():
        raise InvalidOption(f"none of {len(good)} fits has converged; there is nothing to draw")
    panels = _grid(len(result.names)) if axes is None else tuple(axes)
    for ax, name, values in zip(panels, result.names, result.theta[good].T, strict=True):
        _draw_density(ax, np.histogram_bin_edges(values, _bins(len(values))), values, "")
        ax.axvline(float(np.mean(values)), color=ACCENT, lw=1.2)
        ax.set_xlabel(text_of(name, labels))
        ax.set_ylabel("density")
    return figure_of(panels[0])


def _grid(count: int) -> tuple[Axes, ...]:
    across = min(count, 3)
    down = -(-count // across)
    figure = Figure(figsize=(2.9 * across + 0.6, 2.4 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for unused in panels[count:]:
        unused.set_visible(False)
    return tuple(panels[:count])


def _draw_density(ax: Axes, edges: np.ndarray, values: np.ndarray, label: str) -> None:
    """Histogram normalised to all values, also to those outside the edges."""
    heights = np.histogram(values, edges)[0] / (len(values) * np.diff(edges))
    ax.stairs(heights, edges, fill=True, color=MODEL, alpha=0.3, lw=0)
    ax.stairs(heights, edges, color=MODEL, lw=1.3, label=label or None)


def _bins(count: int) -> int:
    """Number of bins: twice the cube root (Rice's rule), between 8 and 60."""
    return int(np.clip(round(2.0 * count ** (1.0 / 3.0)), 8, 60))


def _p_title(result: GoodnessOfFit | Toys) -> str | None:
    if not isinstance(result, GoodnessOfFit):
        return f"{result.failed} failed" if result.failed else None
    parts = [f"toys p = {result.p_toys:.3g}" if result.p_toys is not None else ""]
    parts.append(f"asymptotic p = {result.p_asymptotic:.3g}" if result.p_asymptotic is not None else "")
    return "\n".join(p for p in parts if p) or None
