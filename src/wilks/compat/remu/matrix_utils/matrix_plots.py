"""Plots of response matrices and of their comparison."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.stats import chi2

from wilks.compat.remu.migration.response_matrix import ResponseMatrix
from wilks.compat.remu.plotting.grids import CartesianProductBinningPlotter
from wilks.compat.remu.plotting.rows import BinningPlotter
from wilks.compat.remu.plotting.suitable import get_plotter
from wilks.physics.response.quality import expected_distance

from .comparison import compatibility, mahalanobis_distance

_SUMMARIES = ((np.min, "min"), (np.max, "max"), (np.median, "median"))


def plot_mean_response_matrix(response_matrix: ResponseMatrix, filename: Any = None, **kwargs: Any) -> Any:
    """Mean matrix, reco over truth bins; returns figure and axes."""
    plotter = CartesianProductBinningPlotter(
        response_matrix.response_binning, x_axis_binnings=[1], y_axis_binnings=[0], names=("reco", "truth")
    )
    matrix = response_matrix.get_mean_response_matrix_as_ndarray().reshape(-1)
    plotter.plot_array(matrix, **{"hatch": None, "density": False, **kwargs})
    return _saved(plotter, filename)


def plot_mean_efficiency(
    response_matrix: ResponseMatrix, filename: Any = None, nuisance_value: float | int = 0.0, **kwargs: Any
) -> Any:
    """Efficiency of the truth bins, as extremes and median over the hidden variables; returns figure and axes."""
    efficiency = response_matrix.get_mean_response_matrix_as_ndarray().sum(axis=0)
    efficiency[response_matrix.nuisance_indices] = nuisance_value
    return _summarised(response_matrix, efficiency, filename, kwargs)


def plot_in_bin_variation(response_matrix: ResponseMatrix, filename: Any = None, **kwargs: Any) -> Any:
    """Largest difference to adjacent truth bins; returns figure and axes."""
    variation = response_matrix.get_in_bin_variation_as_ndarray(normalize=False).max(axis=0)
    return _summarised(response_matrix, variation, filename, kwargs)


def plot_relative_in_bin_variation(response_matrix: ResponseMatrix, filename: Any = None, **kwargs: Any) -> Any:
    """The same in standard deviations; returns figure and axes."""
    variation = response_matrix.get_in_bin_variation_as_ndarray(normalize=True).max(axis=0)
    return _summarised(response_matrix, variation, filename, kwargs)


def plot_statistical_uncertainty(response_matrix: ResponseMatrix, filename: Any = None, **kwargs: Any) -> Any:
    """Largest statistical error of the elements of each truth bin; returns figure and axes."""
    error = np.sqrt(response_matrix.get_statistical_variance_as_ndarray().max(axis=0))
    return _summarised(response_matrix, error, filename, kwargs)


def plot_mahalanobis_distance(
    first: ResponseMatrix, second: ResponseMatrix, filename: Any = None, plot_expectation: bool = True, **kwargs: Any
) -> Any:
    """Squared distance of two matrices in each truth bin, with what is expected; returns figure and axes."""
    plotter = _truth_plotter(first)
    options = {"hatch": None, "density": False, **kwargs}
    if plot_expectation:
        expected = expected_distance(first.counts, second.counts)
        plotter.plot_array(expected, **{"linestyle": "dashed", "label": "expected", **options})
    plotter.plot_array(mahalanobis_distance(first, second), **{"label": "$D_M^2$", **options})
    if plot_expectation:
        plotter.legend()
    return _saved(plotter, filename)


def plot_compatibility(first: ResponseMatrix, second: ResponseMatrix, filename: Any = None, **kwargs: Any) -> Any:
    """Distances of random differences beside the observed one and the chi-square law; returns figure and axes."""
    p_count, p_chi2, distance, distances, degrees = compatibility(first, second, return_all=True, **kwargs)
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    bins = int(np.clip(len(distances) // 100, 5, 100))
    axes.hist(distances, bins, density=True, alpha=0.6, label=f"random differences, p = {p_count:.3f}")
    spread = np.sqrt(2.0 * degrees)
    x = np.linspace(degrees - 3.0 * spread, degrees + 5.0 * spread, 200)
    axes.plot(x, chi2.pdf(x, degrees), label=rf"$\chi^2$ with {degrees} degrees of freedom, p = {p_chi2:.3f}")
    axes.axvline(distance, color="k", linestyle="dashed", label="observed")
    axes.set_xlabel("$D_M^2$")
    axes.legend(loc="best", framealpha=0.5)
    if filename is not None:
        figure.savefig(filename)
    return figure, axes


def _truth_plotter(matrix: ResponseMatrix) -> Any:
    truth = matrix.truth_binning
    return BinningPlotter(truth) if truth.subbinnings else get_plotter(truth)


def _summarised(
    matrix: ResponseMatrix, values: Float[np.ndarray, " truth"], filename: Any, options: dict[str, Any]
) -> Any:
    """Values of truth bins with their extremes and median where variables are hidden."""
    plotter = _truth_plotter(matrix)
    for summary, label in ((np.median, None),) if matrix.truth_binning.subbinnings else _SUMMARIES:
        given = {"hatch": None, "density": False, "margin_function": summary, "label": label, **options}
        plotter.plot_array(values, **given)
    if not matrix.truth_binning.subbinnings:
        plotter.legend()
    return _saved(plotter, filename)


def _saved(plotter: Any, filename: Any) -> Any:
    if filename is not None:
        plotter.savefig(filename)
    return plotter.figax
