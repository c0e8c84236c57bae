"""Path lengths in a vessel around a source on its axis: rays cut out of cylinders and spheres."""

import abc
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel

from .paths import PathLengths

Lengths = Float[np.ndarray, " rays"]

_RAYS = 400
_BINS = 200


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays in all directions from points near the axis.

    Args:
        offset: distance of the starting points from the axis in m.
        height: their height in m.
        cosine: cosine of the angle between ray and upward axis.
        azimuth: cosine of the angle, in the horizontal plane, between the ray and the direction of the offset.
        weights: solid angle times share of the starting point.
    """

    offset: Lengths
    height: Lengths
    cosine: Lengths
    azimuth: Lengths
    weights: Lengths

    @classmethod
    def of_point(cls, height: float) -> "Rays":
        """Rays from a point on the axis at 400 Gauss-Legendre points of the cosine."""
        cosines, solid_angle = np.polynomial.legendre.leggauss(_RAYS)
        zero = np.zeros(_RAYS)
        return cls(zero, zero + height, cosines, zero, solid_angle)

    @classmethod
    def of_cylinder(cls, height: float, radius: float, length: float) -> "Rays":
        """Rays from an upright cylinder around the axis, centred at a height, evenly filled with the source."""
        cosines, solid_angle = np.polynomial.legendre.leggauss(_RAYS)
        unit, unit_weight = np.polynomial.legendre.leggauss(3)
        offsets, heights = radius * np.sqrt(0.5 + 0.5 * unit), height + 0.5 * length * unit  # even in radius squared
        azimuths = np.cos(np.pi * (np.arange(6) + 0.5) / 6)
        grid = np.meshgrid(offsets, heights, cosines, azimuths, indexing="ij")
        weights = np.einsum("i,j,k,l->ijkl", unit_weight, unit_weight, solid_angle, np.ones(6))
        offset, heights, cosine, azimuth = (g.ravel() for g in grid)
        return cls(offset, heights, cosine, azimuth, weights.ravel())


class AbstractSolid(abc.ABC):
    """A convex body around the vertical axis that holds the starting points of rays, or lies off them."""

    @abc.abstractmethod
    def crossing(self, rays: Rays) -> tuple[Lengths, Lengths]:
        """Lengths at which rays enter and leave, in m; leaving before entering means never."""


@dataclass(frozen=True)
class Cylinder(AbstractSolid):
    """An upright cylinder on the axis; its radius exceeds the offset of all rays.

    Args:
        radius: in m.
        bottom: height of its floor in m.
        top: height of its top in m; may be infinite.
    """

    radius: float
    bottom: float
    top: float

    def crossing(self, rays: Rays) -> tuple[Lengths, Lengths]:
        """Within the radius and between the two planes."""
        across = rays.offset * rays.azimuth
        reach = -across + np.sqrt(self.radius**2 - rays.offset**2 + across**2)
        planes = np.stack([(self.bottom - rays.height) / rays.cosine, (self.top - rays.height) / rays.cosine])
        side = reach / np.sqrt(1.0 - rays.cosine**2)
        return np.maximum(planes.min(0), 0.0), np.minimum(planes.max(0), side)


@dataclass(frozen=True)
class Sphere(AbstractSolid):
    """A sphere with its centre on the axis.

    Args:
        radius: in m.
        centre: height of its centre in m.
    """

    radius: float
    centre: float = 0.0

    def crossing(self, rays: Rays) -> tuple[Lengths, Lengths]:
        """Between the two solutions of a quadratic equation."""
        above = rays.height - self.centre
        along = above * rays.cosine + rays.offset * rays.azimuth * np.sqrt(1.0 - rays.cosine**2)
        square = self.radius**2 - above**2 - rays.offset**2 + along**2
        half = np.sqrt(np.maximum(square, 0.0))
        return np.maximum(-along - half, 0.0), np.where(square > 0, -along + half, -1.0)


def lengths_in_vessel(vessel: AbstractSolid, rays: Rays, *, holes: tuple[AbstractSolid, ...] = ()) -> PathLengths:
    """Path lengths from a source to the target in a vessel: per solid angle the density is uniform in L.

    <sin^2> = int dcos int sin^2(qL) dL / int dcos int dL over the parts of every ray inside the target.

    Args:
        vessel: body filled with target.
        rays: rays from the source.
        holes: bodies without target.

    Raises:
        InvalidModel: if no ray meets the target.
    """
    parts = [vessel.crossing(rays)]
    for hole in holes:
        first, last = hole.crossing(rays)
        first, last = np.where(last > first, first, np.inf), np.where(last > first, last, np.inf)
        before = [(low, np.minimum(high, first)) for low, high in parts]
        parts = before + [(np.maximum(low, last), high) for low, high in parts]
    low, high = (np.concatenate(ends) for ends in zip(*parts, strict=True))
    inside = (high > low) & np.isfinite(low)
    if not inside.any():
        raise InvalidModel(f"no ray of the source meets the vessel {vessel}")
    low, high = low[inside], high[inside]
    weights = np.tile(rays.weights, len(parts))[inside] * (high - low)
    return PathLengths(0.5 * (low + high), high - low, weights).rebinned(_BINS)
