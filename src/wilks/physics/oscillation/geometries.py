"""Path lengths of reactor experiments from their published geometries, where no table of averages is at hand.

Figures are those of the experiments' papers as compiled for arXiv:2005.01756.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from wilks._base.errors import UnknownName, near_names

from .paths import AbstractPaths, Cores, PathLengths, Uniform

_POINTS = 1 << 16
_BINS = 400
_HALF_WIDTH_M = 1.5

Points = Float[np.ndarray, "points 3"]


def path_lengths(experiment: str, detector: str) -> AbstractPaths:
    """Distribution of path lengths between core and detector.

    ===========  ===========================================================================  ==========
    experiment   geometry                                                                     difference
    ===========  ===========================================================================  ==========
    DANSS        core of radius 1.56 and height 3.5 m above a cube of 1 m                     0.016
    NEOS         core of radius 1.55 and height 3.8 m, lying cylinder of radius 0.515 m       0.06
    Bugey-3      15 m: lengths uniform within 1.5 m; 40 m: core of radius 1.6, height 3.7 m   0.10, 0.05
    DoubleChooz  two cores, lengths uniform within 1.5 m                                      0.11, 0.06
    RENO         six cores, lengths uniform within 1.5 m                                      0.017, 0.022
    ===========  ===========================================================================  ==========

    The difference is the largest one of <sin^2 qL> to the tables of GLoBESfit at any q; for Double Chooz and RENO it
    is below 0.007 and 0.017 where log10 q < 1.5.

    Args:
        experiment: name of the experiment.
        detector: name of the detector in `nearfar_table`.

    Raises:
        UnknownName: for an experiment or detector whose geometry is not known, listing the known ones.
    """
    key = f"{experiment} {detector}"
    if key not in _GEOMETRIES:
        raise UnknownName(f"no geometry of {key!r}; {near_names(key, _GEOMETRIES)}; take its table of averages")
    return _GEOMETRIES[key]()


def cylinder(unit: Points, radius: float, height: float) -> Points:
    """Points spread evenly over an upright cylinder around the origin, from points spread over the unit cube."""
    distance, angle = radius * np.sqrt(unit[:, 0]), 2 * np.pi * unit[:, 1]
    return np.stack([distance * np.cos(angle), distance * np.sin(angle), height * (unit[:, 2] - 0.5)], axis=1)


def between(sources: Points, targets: Points) -> PathLengths:
    """Distribution of the distances of pairs of points, weighted by 1/L^2."""
    lengths = np.linalg.norm(targets - sources, axis=1)
    counts, edges = np.histogram(lengths, bins=_BINS, weights=lengths**-2)
    return PathLengths.of_histogram(edges, counts)


def _even_points() -> tuple[Points, Points]:
    """Pairs of points spread evenly over two unit cubes: an additive recurrence in six dimensions.

    Its steps are powers of the root of x^7 = x + 1 (M. Roberts, "The unreasonable effectiveness of quasirandom
    sequences", 2018).
    """
    root = 1.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / 7.0)
    points = (0.5 + np.arange(1, _POINTS + 1)[:, None] * root ** -np.arange(1.0, 7.0)) % 1.0
    return points[:, :3], points[:, 3:]


def _danss(distance_m: float) -> PathLengths:
    first, second = _even_points()
    return between(cylinder(first, 1.56, 3.5), second - 0.5 - np.array([0.0, 0.0, distance_m]))


def _neos() -> PathLengths:
    first, second = _even_points()
    lying = cylinder(second, 0.515, 1.21)[:, [0, 2, 1]]
    return between(cylinder(first, 1.55, 3.8), lying + np.array([23.7, 0.0, 0.0]))


def _bugey_40() -> PathLengths:
    first, _ = _even_points()
    return between(cylinder(first, 1.6, 3.7), np.tile([40.01, 0.0, 0.0], (_POINTS, 1)))


def _cores(*lengths_m: float) -> Cores:
    """Cores of equal power, blurred by the size of core and detector."""
    blurred = [Uniform(length - _HALF_WIDTH_M, length + _HALF_WIDTH_M) for length in lengths_m]
    return Cores(np.array(lengths_m) ** -2.0, blurred)


_GEOMETRIES: dict[str, Callable[[], AbstractPaths]] = {
    "DANSS up": lambda: _danss(10.75),
    "DANSS down": lambda: _danss(12.755),
    "NEOS NEOS": _neos,
    "Bugey-3 15 m": lambda: Uniform(15.0 - 1.5, 15.0 + 1.5),
    "Bugey-3 40 m": _bugey_40,
    "DoubleChooz near": lambda: _cores(355.39, 468.76),
    "DoubleChooz far": lambda: _cores(997.9, 1114.6),
    "RENO near": lambda: _cores(660.064, 444.727, 301.559, 339.262, 519.969, 746.155),
    "RENO far": lambda: _cores(1563.771, 1460.826, 1397.813, 1380.062, 1409.394, 1483.001),
}
