"""The simplex method of Nelder and Mead for many starts at once, with restarts; for objectives with kinks."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

Batch = Callable[[Float[np.ndarray, "points parameters"]], Float[np.ndarray, " points"]]
"""From points to values, inf where there is none."""

Simplices = Float[np.ndarray, "lanes corners parameters"]
Heights = Float[np.ndarray, "lanes corners"]

_STEPS = 400


class Bounds(NamedTuple):
    """Lower and upper bound per parameter."""

    lower: Float[np.ndarray, " parameters"]
    upper: Float[np.ndarray, " parameters"]

    def clip(self, points: np.ndarray) -> np.ndarray:
        """The points brought inside."""
        return np.clip(points, self.lower, self.upper)


def minimise_simplices(
    value: Batch, corners: Simplices, bounds: Bounds, *, standstill: float = 1e-10, steps: int = _STEPS
) -> tuple[Float[np.ndarray, "lanes parameters"], Float[np.ndarray, " lanes"]]:
    """Lowest corner of each simplex and its value, after it has shrunk to a point or made all its steps.

    The coefficients are those of Gao and Han for many parameters.

    Args:
        value: the objective of a batch of points.
        corners: start simplices, one more corner than parameters that move; the others are equal at all corners.
        bounds: points beyond them are moved onto them.
        standstill: difference of the values at the corners at which a simplex rests, relative above 1.
        steps: most steps of a simplex.

    References:
        J. A. Nelder, R. Mead, Computer Journal 7 (1965) 308;
        F. Gao, L. Han, Comput. Optim. Appl. 51 (2012) 259, eq. 4.1.
    """
    corners = bounds.clip(corners)
    lanes, size, parameters = corners.shape
    heights = value(corners.reshape(-1, parameters)).reshape(lanes, size)
    for _ in range(steps):
        corners, heights = _sorted(corners, heights)
        moving = np.flatnonzero(~_at_rest(heights, standstill))
        if not moving.size:
            break
        corners[moving], heights[moving] = _step(value, corners[moving], heights[moving], bounds)
    corners, heights = _sorted(corners, heights)
    return corners[:, 0], heights[:, 0]


def _step(value: Batch, corners: Simplices, heights: Heights, bounds: Bounds) -> tuple[Simplices, Heights]:
    """One step of sorted simplices: all four places along the line are tried together."""
    parameters, many = corners.shape[2], max(corners.shape[1] - 1, 2)
    centre, worst = corners[:, :-1].mean(axis=1), corners[:, -1]
    reach = np.array([1.0, 1.0 + 2.0 / many, 0.75 - 0.5 / many, -(0.75 - 0.5 / many)])
    tried = bounds.clip(centre[:, None] + reach[:, None] * (centre - worst)[:, None])
    found = value(tried.reshape(-1, parameters)).reshape(-1, 4)
    reflected, expanded, outside, inside = found.T
    best, second, last = heights[:, 0], heights[:, -2], heights[:, -1]
    choice = np.select(
        [reflected < best, reflected < second, reflected < last],
        [np.where(expanded < reflected, 1, 0), 0, np.where(outside <= reflected, 2, -1)],
        np.where(inside < last, 3, -1),
    )
    taken = np.flatnonzero(choice >= 0)
    corners[taken, -1], heights[taken, -1] = tried[taken, choice[taken]], found[taken, choice[taken]]
    left = np.flatnonzero(choice < 0)
    if left.size:
        corners[left, 1:] = corners[left, :1] + (1.0 - 1.0 / many) * (corners[left, 1:] - corners[left, :1])
        heights[left, 1:] = value(corners[left, 1:].reshape(-1, parameters)).reshape(len(left), -1)
    return corners, heights


def _sorted(corners: Simplices, heights: Heights) -> tuple[Simplices, Heights]:
    order = np.argsort(heights, axis=1, kind="stable")
    return np.take_along_axis(corners, order[..., None], axis=1), np.take_along_axis(heights, order, axis=1)


def _at_rest(heights: Heights, standstill: float) -> Bool[np.ndarray, " lanes"]:
    """Whether corners are equally high, or none has a value."""
    lowest, highest = heights[:, 0], heights[:, -1]
    nowhere = ~np.isfinite(lowest)
    flat = highest - np.where(nowhere, 0.0, lowest) <= standstill * np.maximum(1.0, np.abs(lowest))
    return nowhere | flat
