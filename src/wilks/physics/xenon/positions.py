"""A histogram of positions in the detector: its density, draws from it, and nodes that average over it."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel
from wilks.data.events import Events

from .places import dimensions_of
from .template import Template, bin_products
from .template_reading import as_template
from .volume import Cylinder

POLAR, CARTESIAN = ("r", "theta", "z"), ("x", "y", "z")

_NODES = {"r": 10, "theta": 16, "z": 32, "x": 16, "y": 16}  # on a whole axis, at least
_MOST_NODES = 20_000
_SLACK = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class Positions:
    """A density of positions, constant per volume in bins of (r, theta, z) or (x, y, z).

    Args:
        template: shares of events by bin and unit of r^2/2, theta, z, or of x, y, z: per cm^3 in both cases.
        polar: whether the first axis of the template is r^2/2.
    """

    template: Template
    polar: bool

    @classmethod
    def of(cls, source: Any, edges: Sequence[Any] | None = None, names: Sequence[str] | None = None) -> "Positions":
        """From events per bin: a histogram of any kind, or an array.

        Raises:
            InvalidModel: for other axes, negative radii, or a histogram without events.
        """
        found = as_template(source, edges, names, events_per_bin=True)
        if found.names not in (POLAR, CARTESIAN):
            raise InvalidModel(f"a histogram of positions has the axes {found.names}; expected {POLAR} or {CARTESIAN}")
        if not found.total > 0:
            raise InvalidModel("a histogram of positions holds no events")
        polar, bounds = found.names == POLAR, list(found.edges)
        if polar:
            if bounds[0][0] < 0 or bounds[1][-1] - bounds[1][0] > 2 * np.pi * (1 + _SLACK):
                raise InvalidModel(f"bins of r start at {bounds[0][0]:g} cm and theta spans {np.ptp(bounds[1]):g} rad")
            bounds[0] = bounds[0] ** 2 / 2
        contents = found.rate * bin_products([np.diff(e) for e in found.edges]) / found.total
        rate = contents / bin_products([np.diff(e) for e in bounds])
        return cls(Template(rate, tuple(bounds), found.names), polar)

    def check_inside(self, volume: Cylinder) -> None:
        """Refuse bins of events outside the sensitive volume.

        Raises:
            InvalidModel: naming the axis.
        """
        first, second, z = self.template.edges
        if z[0] < volume.fv_low - _SLACK or z[-1] > volume.fv_high + _SLACK:
            raise InvalidModel(
                f"the histogram spans z from {z[0]:g} to {z[-1]:g} cm, the source from {volume.fv_low:g} to "
                f"{volume.fv_high:g} cm; cut the histogram or move fv_low and fv_high"
            )
        if self.polar:
            farthest = math.sqrt(2 * first[-1])
        else:  # the corner of each bin that is nearest to the axis: bins at the wall may stick out
            inner = [np.where(e[:-1] * e[1:] < 0, 0.0, np.minimum(abs(e[:-1]), abs(e[1:]))) for e in (first, second)]
            filled = self.template.rate.sum(axis=2) > 0
            farthest = float(np.hypot(inner[0][:, None], inner[1][None])[filled].max())
        if farthest > volume.fv_radius * (1 + _SLACK):
            raise InvalidModel(
                f"the histogram reaches r = {farthest:g} cm, the source {volume.fv_radius:g} cm; cut the histogram or "
                "move fv_radius"
            )

    def density(self, events: Events) -> Float[np.ndarray, " events"]:
        """Share of events per cm^3 at every event.

        Raises:
            InvalidData: if a column of the position is missing or not finite.
        """
        if not self.polar:
            return self.template.density(events)
        start = self.template.edges[1][0]
        changed = {"r": np.asarray(events["r"], dtype=float) ** 2 / 2} if "r" in events else {}
        if "theta" in events:
            changed["theta"] = start + (np.asarray(events["theta"], dtype=float) - start) % (2 * np.pi)
        return self.template.density(events.with_columns(changed))

    def draw(self, generator: np.random.Generator, n: int) -> Float[np.ndarray, "events 3"]:
        """Positions (r, theta, z) of n events."""
        drawn = self.template.draw(generator, n)
        return np.stack(self._cylindrical(*(drawn[name] for name in self.template.names)), axis=1)

    def nodes(self, columns: Collection[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Radii, angles, depths and weights (of sum 1) that average functions of some columns over the density.

        Gauss-Legendre nodes in every bin; an axis on which no column depends gets one.

        Raises:
            InvalidModel: if that takes too many nodes.
        """
        needed = dimensions_of(columns)
        matters = {
            **dict.fromkeys(("x", "y"), bool(needed & {"r", "plane"})),
            "r": bool(needed & {"r", "plane"}),
            "theta": "plane" in needed,
            "z": "z" in needed,
        }
        shares = self.template.rate * bin_products([np.diff(e) for e in self.template.edges])
        points, parts = [], []
        for axis, (name, edges) in enumerate(zip(self.template.names, self.template.edges, strict=True)):
            bins = len(edges) - 1
            inside = max(math.ceil(_NODES[name] / bins), 2) if matters[name] else 1
            if not matters[name]:
                shares, edges = shares.sum(axis=axis, keepdims=True), edges[[0, -1]]
            at, weight = np.polynomial.legendre.leggauss(inside)
            points.append((edges[:-1, None] + np.diff(edges)[:, None] * (at + 1) / 2).ravel())
            parts.append(np.tile(weight / 2, len(edges) - 1))
            shares = np.repeat(shares, inside, axis=axis)
        weights = (shares * bin_products(parts)).ravel()
        kept = weights > 0
        if kept.sum() > _MOST_NODES:
            raise InvalidModel(
                f"the histogram of positions needs {int(kept.sum())} nodes for the expected number, of at most "
                f"{_MOST_NODES}; merge bins"
            )
        mesh = [m.ravel()[kept] for m in np.meshgrid(*points, indexing="ij")]
        return *self._cylindrical(*mesh), weights[kept]

    def _cylindrical(
        self, first: np.ndarray, second: np.ndarray, z: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.polar:
            return np.sqrt(2 * first), second, z
        return np.hypot(first, second), np.arctan2(second, first) % (2 * np.pi), z
