"""Nodes and weights that average over the position and time of events, for the dimensions that matter only."""

import itertools
import math
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from jaxtyping import Float

from .volume import Cylinder

_DEPTH, _RADIUS, _ANGLE, _TIME = 24, 10, 16, 16
_POINTS = 4096
_OF_COLUMN = {
    "s1": frozenset(),
    "s2": frozenset(),
    "z": frozenset({"z"}),
    "drift_time": frozenset({"z"}),
    "r": frozenset({"r"}),
    **dict.fromkeys(("x", "y", "theta"), frozenset({"plane"})),
    "event_time": frozenset({"time"}),
}
_AXES = ("r", "plane", "z", "time")


def probe_points() -> Float[np.ndarray, "points 4"]:
    """Three values per dimension of the unit cube, at no special places."""
    return np.stack([g.ravel() for g in np.meshgrid(*[[0.13, 0.41, 0.87]] * 4, indexing="ij")], axis=1)


def dimensions_of(columns: Collection[str]) -> frozenset[str]:
    """The dimensions that columns depend on by their name; one of unknown origin may depend on all."""
    return _joined(_OF_COLUMN.get(name, frozenset({"plane", "z", "time"})) for name in columns)


def dimensions_seen(columns: Mapping[str, Float[np.ndarray, " points"]]) -> frozenset[str]:
    """The dimensions that columns depend on: by their name, or as seen in their values at the probe points.

    Args:
        columns: by name, with their values at `probe_points`.
    """
    return _joined(_OF_COLUMN[name] if name in _OF_COLUMN else _seen(column) for name, column in columns.items())


def _joined(parts: Iterable[Collection[str]]) -> frozenset[str]:
    found = frozenset(itertools.chain.from_iterable(parts))
    return found - {"r"} if "plane" in found else found


def _seen(column: Float[np.ndarray, " points"]) -> set[str]:
    grid = np.reshape(column, (3, 3, 3, 3, -1))
    return {name for axis, name in enumerate(_AXES) if np.any(grid != np.take(grid, [0], axis=axis))}


def average_nodes(
    volume: Cylinder, dimensions: frozenset[str], *, refine: int = 1
) -> tuple[dict[str, np.ndarray], Float[np.ndarray, " nodes"]]:
    """Positions with weights of sum 1 that average over volume and live time.

    Gauss-Legendre nodes in z, r^2 and time, equal steps in the angle; for three and more dimensions a fixed
    low-discrepancy set.

    Args:
        volume: where and when events happen.
        dimensions: those that matter, of ``r``, ``plane`` (radius and angle), ``z`` and ``time``.
        refine: factor on the number of nodes per dimension.
    """
    if len(dimensions) > 2 or ("plane" in dimensions and "time" in dimensions):
        points = _even_points(_POINTS * refine)
        return volume.from_unit_cube(points), np.full(len(points), 1 / len(points))
    radial = _RADIUS * refine if dimensions & {"r", "plane"} else 1
    axes = [
        _gauss(radial),
        _steps(_ANGLE * refine if "plane" in dimensions else 1),
        _gauss(_DEPTH * refine if "z" in dimensions else 1),
        _gauss(_TIME * refine if "time" in dimensions else 1),
    ]
    mesh = np.meshgrid(*(nodes for nodes, _ in axes), indexing="ij")
    weights = math.prod(np.meshgrid(*(w for _, w in axes), indexing="ij"))
    return volume.from_unit_cube(np.stack([m.ravel() for m in mesh], axis=1)), np.asarray(weights).ravel()


def _gauss(number: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(number)
    return (nodes + 1) / 2, weights / 2


def _steps(number: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(number) + 0.5) / number, np.full(number, 1 / number)


def _even_points(number: int) -> Float[np.ndarray, "points 4"]:
    """Points of the unit cube: multiples of powers of the root of x^5 = x + 1, folded at the middle.

    References:
        H. Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods (SIAM, 1992), section 4.1.
    """
    root = 1.1673039782614187
    multiples = (0.5 + np.arange(number)[:, None] * root ** -np.arange(1.0, 5.0)) % 1.0
    return 1 - np.abs(2 * multiples - 1)
