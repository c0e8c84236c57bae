"""Several signals on one grid: their common and their separate minima over its nodes, for data and toys."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int

from wilks.likelihood.joint import Joint
from wilks.likelihood.signals import AbstractSignal

from .calibration import ByToys
from .regions import thrown_at
from .signal_planes import Points, SignalPlane
from .toy_maps import AbstractToyStatistic, drawer, normals


class NodeGap(NamedTuple):
    """Chi-square of the best common node above the parts' own best nodes, and each part's share in units of nll."""

    value: float
    values: dict[str, float]
    node: int


@dataclass(frozen=True)
class GapToys(AbstractToyStatistic):
    """Gaps of toys thrown at one node of several planes: chi2_min(all) - sum of chi2_min(part), over the nodes."""

    truths: tuple[Points, ...]  # one point each, with the means of the toys
    nodes: tuple[Points, ...]

    @property
    def cells(self) -> int:
        """One number per measured value of all parts."""
        return sum(truth.means.shape[1] for truth in self.truths)

    def measure(
        self, points: Int[np.ndarray, " some"], uniform: Float[np.ndarray, "toys cells"]
    ) -> Float32[np.ndarray, "some toys"]:
        """The gap of every toy."""
        pieces = np.split(normals(uniform), np.cumsum([t.means.shape[1] for t in self.truths])[:-1], axis=1)
        each = [_above_noise(t, n, z) for t, n, z in zip(self.truths, self.nodes, pieces, strict=True)]
        gap = np.min(sum(each), axis=1) - sum(np.min(chi2, axis=1) for chi2 in each)
        return np.maximum(gap, 0.0).astype(np.float32)[None]


class SharedPlane:
    """The parts of a joint of signals with the same nodes.

    Args:
        planes: by name of part.
    """

    def __init__(self, planes: dict[str, SignalPlane]) -> None:
        self._planes = planes
        first = next(iter(planes.values()))
        bottom = first.signal.space.lowers[:1]
        shapes = first.signal.grid.shapes
        columns = np.union1d(bottom, first.signal.grid.amplitudes)
        axes = (np.repeat(columns, len(shapes)), np.tile(shapes, len(columns)))
        self._nodes = {name: plane.at(*axes) for name, plane in planes.items()}

    @classmethod
    def of(cls, joint: Joint) -> "SharedPlane | None":
        """The common plane of a joint; None if its parts are no signals of one grid, or share nuisances."""
        parts = {name: part for name, part in joint.parts.items() if isinstance(part, AbstractSignal)}
        if len(parts) < len(joint.parts):
            return None
        grids = [part.grid for part in parts.values()]
        same = all(
            g.names == grids[0].names
            and np.array_equal(g.amplitudes, grids[0].amplitudes)
            and np.array_equal(g.shapes, grids[0].shapes)
            for g in grids
        )
        nuisances = [name for part in parts.values() for name in part.space.names[2:]]
        if not same or len(set(nuisances)) < len(nuisances):
            return None
        return cls({name: SignalPlane(part) for name, part in parts.items()})

    def gap(self, data: Any) -> NodeGap:
        """The gap of the data."""
        chi2 = {n: p.chi2(self._nodes[n], p.vectors(data[n]))[0] for n, p in self._planes.items()}
        node = int(np.argmin(sum(chi2.values())))
        shares = {name: 0.5 * float(c[node] - c.min()) for name, c in chi2.items()}
        return NodeGap(2 * sum(shares.values()), shares, node)

    def toys(self, node: int, data: Any, calibration: ByToys, model: str) -> Float[np.ndarray, " toys"]:
        """Gaps of toys thrown at a node, nuisances at their best values for the data."""
        truths = tuple(
            thrown_at(self._nodes[n].some(np.array([node])), p.vectors(data[n])[0]) for n, p in self._planes.items()
        )
        statistic = GapToys(truths, tuple(self._nodes.values()))
        draw = drawer(statistic, {"task": "compatibility", "model": model}, calibration)
        return draw(np.array([0]), 0, calibration.toys)[0].astype(float)


def _above_noise(truth: Points, nodes: Points, noise: np.ndarray) -> Float[np.ndarray, "toys nodes"]:
    """Chi-square of toys at all nodes, minus the square of their noise."""
    gaps = truth.means[0] - nodes.means
    chi2 = 2 * noise @ gaps.T + np.einsum("nc,nc->n", gaps, gaps)
    if nodes.tilts is not None:
        swing = np.einsum("nrc,ic->inr", nodes.tilts, noise) + np.einsum("nrc,nc->nr", nodes.tilts, gaps)
        chi2 = chi2 - np.sum(swing**2, axis=2)
    return chi2
