"""Figures of response matrices: the matrix, and per truth variable efficiencies, variations, errors and distances."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import gammaln

from wilks._base.errors import InvalidData
from wilks.data.binning import AbstractBinning

from .cells import Layer, display_edges, flat_axes
from .style import ACCENT, DATA, MODEL, columns, figure_of, in_style, single, text_of


@in_style
def response(
    matrix: Float[np.ndarray, "reco truth"], reco: AbstractBinning, truth: AbstractBinning, *, ax: Axes | None = None
) -> Axes:
    """Probability to be reconstructed in each reco bin, per truth bin; by data index where bins have no one variable.

    Args:
        matrix: response matrix.
        reco: bins of its rows.
        truth: bins of its columns.
        ax: axes to draw into.

    Raises:
        InvalidData: if the matrix does not fit the binnings.
    """
    if matrix.shape != (reco.size, truth.size):
        raise InvalidData(f"a matrix of shape {matrix.shape} for {reco.size} reco and {truth.size} truth bins")
    ax = single(ax, height=3.6)
    mesh = ax.pcolormesh(_edges(truth), _edges(reco), np.ma.masked_equal(matrix, 0.0), cmap="Blues", rasterized=True)
    figure_of(ax).colorbar(mesh, ax=ax, pad=0.02).set_label("probability")
    ax.set_xlabel(_name(truth, "truth bin"))
    ax.set_ylabel(_name(reco, "reco bin"))
    return ax


@in_style
def efficiency(matrix: Float[np.ndarray, "reco truth"], truth: AbstractBinning) -> Figure:
    """Efficiency over each truth variable: smallest, median and largest over the other variables.

    Args:
        matrix: response matrix.
        truth: bins of its columns.
    """
    return _over_variables({"efficiency": matrix.sum(axis=0)}, truth, "efficiency")


@in_style
def in_bin_variation(
    variation: Float[np.ndarray, "reco truth"], truth: AbstractBinning, *, relative: bool = False
) -> Figure:
    """Largest difference of the response to adjacent truth bins: smallest, median and largest over other variables.

    Args:
        variation: per element, as `wilks.physics.response.in_bin_variation` finds it.
        truth: bins of its columns.
        relative: whether it is given in standard deviations.
    """
    text = "in-bin variation / error" if relative else "in-bin variation"
    return _over_variables({text: variation.max(axis=0)}, truth, text)


@in_style
def matrix_uncertainty(variance: Float[np.ndarray, "reco truth"], truth: AbstractBinning) -> Figure:
    """Largest statistical error of the response per truth bin: smallest, median and largest over other variables.

    Args:
        variance: per element.
        truth: bins of its columns.
    """
    return _over_variables({"statistical error": np.sqrt(variance.max(axis=0))}, truth, "statistical error")


@in_style
def mahalanobis(
    distances: Float[np.ndarray, " truth"],
    truth: AbstractBinning,
    *,
    expected: Float[np.ndarray, " truth"] | None = None,
) -> Figure:
    """Squared distance of two response matrices per truth bin, with what equal matrices would have.

    Args:
        distances: squared Mahalanobis distances.
        truth: truth bins.
        expected: expected squared distances.
    """
    shown = {"distance": distances} | ({} if expected is None else {"expected of equal matrices": expected})
    return _over_variables(shown, truth, "squared distance")


@in_style
def compatibility(
    observed: float, degrees: int, *, throws: Float[np.ndarray, " throws"] | None = None, ax: Axes | None = None
) -> Axes:
    """Total squared distance of two response matrices on the chi-square law, and on random throws if there are any.

    Args:
        observed: total squared distance.
        degrees: degrees of freedom.
        throws: total squared distances of random differences.
        ax: axes to draw into.
    """
    ax = single(ax)
    spread = np.sqrt(2.0 * degrees)
    low, high = degrees - 4 * spread, degrees + 4 * spread
    t = np.linspace(max(min(low, observed - spread), 1e-3), max(high, observed + spread), 500)
    law = np.exp((0.5 * degrees - 1) * np.log(0.5 * t) - 0.5 * t - gammaln(0.5 * degrees)) / 2
    if throws is not None:
        ax.hist(throws, bins=40, density=True, color=MODEL, alpha=0.35, label=f"{len(throws)} throws")
    ax.plot(t, law, color=DATA, ls="--", label=rf"$\chi^2$ law, {degrees} dof")
    ax.axvline(observed, color=ACCENT, label=f"observed: {observed:.4g}")
    ax.set_xlabel("squared distance")
    ax.set_ylabel("density")
    ax.set_ylim(bottom=0.0)
    ax.legend(loc="best")
    return ax


def _over_variables(quantities: Mapping[str, np.ndarray], truth: AbstractBinning, text: str) -> Figure:
    """Smallest, median and largest over hidden variables; by index for bins that are not rectilinear."""
    for name, values in quantities.items():
        if values.shape != (truth.size,):
            raise InvalidData(f"{name} of shape {values.shape} for {truth.size} truth bins")
    axes = flat_axes(truth)
    panels = columns(None, len(axes) if axes else 1, width=3.0 * (len(axes) if axes else 2), height=3.2)
    for position, ax in enumerate(panels):
        for values, colour, (name, _) in zip(quantities.values(), (MODEL, ACCENT), quantities.items(), strict=False):
            if axes is None:
                ends, edges = (values, values, values), np.arange(truth.size + 1) - 0.5
            else:
                ends, edges = _spread(axes, values, position), display_edges(axes[position].edge_array)
            ax.stairs(ends[2], edges, baseline=ends[0], fill=True, color=colour, alpha=0.25, lw=0)
            ax.stairs(ends[1], edges, baseline=None, color=colour, lw=1.4, label=name)
        ax.set_xlim(edges[0], edges[-1])
        ax.set_xlabel(text_of(axes[position].name) if axes else "truth bin")
    panels[0].set_ylabel(text)
    panels[0].set_ylim(bottom=0.0)
    panels[0].legend(loc="best", title="median, and range" if axes and len(axes) > 1 else None)
    return figure_of(panels[0])


def _spread(axes: tuple, values: np.ndarray, position: int) -> tuple[np.ndarray, ...]:
    shaped = values.reshape(1, *(len(axis) for axis in axes))
    return tuple(
        Layer(axes, shaped, (), function, np.mean).seen(axes[position].name)[0]
        for function in (np.min, np.median, np.max)
    )


def _edges(binning: AbstractBinning) -> np.ndarray:
    axes = flat_axes(binning)
    if axes is not None and len(axes) == 1:
        return display_edges(axes[0].edge_array)
    return np.arange(binning.size + 1) - 0.5


def _name(binning: AbstractBinning, otherwise: str) -> str:
    axes = flat_axes(binning)
    return text_of(axes[0].name) if axes is not None and len(axes) == 1 else otherwise
