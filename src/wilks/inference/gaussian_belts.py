"""Neyman construction for one Gaussian measurement of a bounded parameter, in closed form.

With x in units of its error and the parameter mu in [a, b], the ratio of Feldman and Cousins is
R(x | mu) = exp(-(x - mu)^2/2 + (x - mu_best)^2/2) with mu_best the point of [a, b] next to x. It falls on both sides of
mu, as a parabola in ln R inside the bounds and as a straight line outside, so that the outcomes with a larger ratio
than x form an interval whose other end is known.

References:
    G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, section IV.B.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtr

from wilks._base.errors import InvalidOption, check_option

from .counting_belts import ORDERINGS, Pieces
from .probabilities import check_level

_NODES = 400  # of a scan for ends
_HALVINGS = 50
_REACH = 9.0  # standard deviations of a scan


def bounded_pieces(
    x: float | int,
    *,
    sigma: float | int = 1.0,
    lower: float | int = 0.0,
    upper: float | int = np.inf,
    level: float = 0.9,
    ordering: str = "feldman-cousins",
) -> Pieces:
    """All values of a bounded parameter whose belt holds a Gaussian measurement, as closed intervals.

    Args:
        x: measured value.
        sigma: its standard deviation.
        lower: lower bound of the parameter.
        upper: upper bound.
        level: confidence level in (0, 1).
        ordering: one of `ORDERINGS`; central, upper, lower and shortest intervals are those without bounds, cut at
            them, and empty (one bound without room) where they lie outside.

    >>> [[round(end, 3) for end in piece] for piece in bounded_pieces(1.0)]
    [[0.0, 2.645]]
    """
    check_level(level)
    check_option("ordering", ordering, ORDERINGS)
    if not (sigma > 0 and lower < upper):
        raise InvalidOption(f"sigma {sigma} and bounds [{lower}, {upper}]; expected a positive width and room between")
    low, high, start = lower / sigma, upper / sigma, x / sigma
    grid = np.linspace(max(low, min(start, high) - _REACH), min(high, max(start, low) + _REACH), _NODES)
    inside = gaussian_accepted(np.array([start]), grid[None], low, high, level, ordering)[0]
    if not inside.any():
        edge = lower if start < low else upper
        return ((float(edge), float(edge)),)
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    ends = [_end(start, grid[i], grid[i + 1], bool(inside[i]), low, high, level, ordering) for i in edges]
    starts = ([float(grid[0])] if inside[0] else []) + [e for e, i in zip(ends, edges, strict=True) if not inside[i]]
    stops = [e for e, i in zip(ends, edges, strict=True) if inside[i]] + ([float(grid[-1])] if inside[-1] else [])
    bounds = {low: float(lower), high: float(upper)}  # exactly, not divided and multiplied again
    pieces = zip(starts, stops, strict=True)
    return tuple((float(bounds.get(a, a * sigma)), float(bounds.get(b, b * sigma))) for a, b in pieces)


def gaussian_accepted(
    x: Float[np.ndarray, " lanes"],
    mu: Float[np.ndarray, "lanes values"],
    lower: float | Float[np.ndarray, "lanes 1"],
    upper: float | Float[np.ndarray, "lanes 1"],
    level: float,
    ordering: str,
) -> Bool[np.ndarray, "lanes values"]:
    """Whether values of the parameter accept measurements, all in units of the error."""
    pull = x[:, None] - mu
    if ordering in ("upper", "lower"):
        return ndtr(pull if ordering == "upper" else -pull) > 1 - level
    if ordering in ("central", "shortest"):
        return np.abs(1 - 2 * ndtr(-np.abs(pull))) < level
    low, high = np.broadcast_to(lower, mu.shape), np.broadcast_to(upper, mu.shape)
    beyond = x[:, None] - np.clip(x[:, None], low, high)
    depth = np.maximum(pull**2 - beyond**2, 0.0)  # -2 ln R
    left, right = _left(mu, depth, low), -_left(-mu, depth, -high)
    return ndtr(right - mu) - ndtr(left - mu) < level


def _left(mu: np.ndarray, depth: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Where -2 ln R reaches a depth on the lower side: (x - mu)^2 above the bound, (x - mu)^2 - (x - a)^2 below."""
    inside = mu - np.sqrt(depth)
    room = mu - low
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        outside = 0.5 * (mu + low) - 0.5 * depth / room
    outside = np.where(room > 0, outside, -np.inf)
    return np.where(np.isfinite(low) & (inside < low), outside, inside)


def _end(
    x: float, inner: float, outer: float, inner_inside: bool, lower: float, upper: float, level: float, ordering: str
) -> float:
    for _ in range(_HALVINGS):
        middle = 0.5 * (inner + outer)
        accepted = gaussian_accepted(np.array([x]), np.array([[middle]]), lower, upper, level, ordering)[0, 0]
        inner, outer = (middle, outer) if accepted == inner_inside else (inner, middle)
    return 0.5 * (inner + outer)
