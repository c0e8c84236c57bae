"""Cross sections of the toy experiment per bin of energy and truth: background, model A and model B.

x_ij = T [G(hi) - G(lo)] [Phi((y_max - m)/s) - Phi((y_min - m)/s)] with lo = max(E_min, e(x_min)), hi = min(E_max,
e(x_max)), and zero if hi < lo. G is the distribution function of the energy inside its flux bin. Summed over truth bins
each flux bin gives T exactly. All functions take edges as numbers or as arrays.

References:
    L. Koch, ReMU - Response Matrix Utilities, doi:10.5281/zenodo.1217572 (tutorial, last example).
"""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

Edges = float | Float[np.ndarray, " bins"]
"""Edges of one bin, or of many."""


def background(
    *, E_min: Edges, E_max: Edges, true_x_min: Edges, true_x_max: Edges, true_y_min: Edges, true_y_max: Edges
) -> Any:
    """Events of the background per unit of exposure: T = 30, e(x) = 2 (x - 0.5)/sqrt(0.5) + 8, m = 0.5, s^2 = 0.5."""
    width = np.sqrt(0.5)
    low, high = _energies(2.0 * (true_x_min - 0.5) / width + 8.0, 2.0 * (true_x_max - 0.5) / width + 8.0, E_min, E_max)
    return 30.0 * _share(low, high, E_min, E_max) * _between(true_y_min, true_y_max, 0.5, width)


def model_a(
    *, E_min: Edges, E_max: Edges, true_x_min: Edges, true_x_max: Edges, true_y_min: Edges, true_y_max: Edges
) -> Any:
    """Events of model A per unit of exposure: T = 100, e(x) = 2 (x - 0.1) + 8, m = 0.2, s = 1."""
    low, high = _energies(2.0 * (true_x_min - 0.1) + 8.0, 2.0 * (true_x_max - 0.1) + 8.0, E_min, E_max)
    return 100.0 * _share(low, high, E_min, E_max) * _between(true_y_min, true_y_max, 0.2, 1.0)


def model_b(
    *, E_min: Edges, E_max: Edges, true_x_min: Edges, true_x_max: Edges, true_y_min: Edges, true_y_max: Edges
) -> Any:
    """Events of model B per unit of exposure: T = 100, e(x) = 2 x + 8, m = 0.5 (E_m - 8)/2, s = 0.75.

    E_m stands for the energy of the bin. The width that the model's correlation of 0.5 implies is sqrt(0.75); the
    tutorial's 0.75 is kept, so that its figures can be compared.
    """
    low, high = _energies(2.0 * true_x_min + 8.0, 2.0 * true_x_max + 8.0, E_min, E_max)
    mean = 0.5 * (_middle(low, high) - 8.0) / 2.0
    return 100.0 * _share(low, high, E_min, E_max) * _between(true_y_min, true_y_max, mean, 0.75)


def _energies(e_min: Any, e_max: Any, E_min: Any, E_max: Any) -> tuple[Any, Any]:
    """The part of the flux bin that leads into the truth bin."""
    return np.maximum(E_min, e_min), np.minimum(E_max, e_max)


def _share(low: Any, high: Any, E_min: Any, E_max: Any) -> Any:
    """G(high) - G(low): uniform between finite edges, exponential beyond one; NaN for a bin without any edge."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        uniform = (high - low) / (E_max - E_min)
        above = np.exp(E_min - low) - np.exp(E_min - high)
        below = np.exp(high - E_max) - np.exp(low - E_max)
    bounded = (np.isfinite(E_min), np.isfinite(E_max))
    inside = np.where(bounded[0] & bounded[1], uniform, np.where(bounded[0], above, below))
    inside = np.where(bounded[0] | bounded[1], inside, np.nan)
    return np.where(high < low, 0.0, inside)


def _between(y_min: Any, y_max: Any, mean: Any, width: float) -> Any:
    return ndtr((y_max - mean) / width) - ndtr((y_min - mean) / width)


def _middle(low: Any, high: Any) -> Any:
    """An energy for the bin: its middle, or 1 away from its only edge."""
    finite = (np.isfinite(low), np.isfinite(high))
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (low + high)
    one_sided = np.where(finite[0], low + 1.0, np.where(finite[1], high - 1.0, 0.0))
    return np.where(finite[0] & finite[1], middle, one_sided)
