"""Distributions of path lengths and the survival averaged over them.

What to use when:

================  =================================================================================================
`AtLength`        one length: source and detector are points
`InverseSquare`   lengths uniform in an interval, weighted by 1/L^2: detectors with a stated half width
`Uniform`         lengths uniform in an interval, without weight
`Cores`           several sources, each with a weight such as power/L^2 and paths of its own
`PathLengths`     any distribution of lengths: a list, a histogram, a geometry (`vessels`, `extended`)
================  =================================================================================================

All of them answer ``mean_sine2(q)``, the mean of sin^2(qL) with q = kappa dm2/E in 1/m, and ``nodes()``, lengths and
weights of a quadrature for models whose damping depends on the length. `PathTables` (`path_tables`) looks averages up
in tables, which is faster than `PathLengths` at hundreds of energies.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from wilks._base.errors import InvalidModel
from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .averaging import check_increasing, inverse_square_mean, normalised, sinc, uniform_mean
from .terms import Terms

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


class AbstractPaths(eqx.Module):
    """A distribution of path lengths in m."""

    @abc.abstractmethod
    def mean_sine2(self, q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Mean of sin^2(q L), with q in 1/m; the sign of q does not matter."""

    @abc.abstractmethod
    def nodes(self) -> tuple[Float[np.ndarray, " lengths"], Float[np.ndarray, " lengths"]]:
        """Lengths in m and weights that add up to 1, good for phases q (b - a) up to 150."""


class AtLength(AbstractPaths):
    """One length.

    Args:
        length_m: positive.
    """

    length_m: float = eqx.field(converter=float)

    def __check_init__(self) -> None:
        check_increasing(0.0, self.length_m)

    def mean_sine2(self, q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """sin^2(q L)."""
        return jnp.sin(q * self.length_m) ** 2

    def nodes(self) -> tuple[Float[np.ndarray, " lengths"], Float[np.ndarray, " lengths"]]:
        """The length, with weight 1."""
        return np.array([self.length_m]), np.ones(1)


class InverseSquare(AbstractPaths):
    """Lengths uniform in [a, b] and weighted by 1/L^2; see `inverse_square_mean`.

    Args:
        lower_m: a, positive.
        upper_m: b > a.

    Raises:
        InvalidModel: if the bounds do not increase.
    """

    lower_m: float = eqx.field(converter=float)
    upper_m: float = eqx.field(converter=float)

    def __check_init__(self) -> None:
        check_increasing(self.lower_m, self.upper_m)
        check_increasing(0.0, self.lower_m)

    @classmethod
    def around(cls, centre_m: float, half_width_m: float) -> "InverseSquare":
        """Lengths within half a width of a centre."""
        return cls(centre_m - half_width_m, centre_m + half_width_m)

    def mean_sine2(self, q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The closed form."""
        return inverse_square_mean(q, self.lower_m, self.upper_m)

    def nodes(self) -> tuple[Float[np.ndarray, " lengths"], Float[np.ndarray, " lengths"]]:
        """Gauss-Legendre points in 1/L, in which the density is uniform."""
        low, high = 1.0 / self.upper_m, 1.0 / self.lower_m
        return 1.0 / (0.5 * (low + high) + 0.5 * (high - low) * _NODES), 0.5 * _WEIGHTS


class Uniform(AbstractPaths):
    """Lengths uniform in [a, b]: <sin^2 qL> = 1/2 - [sin 2qb - sin 2qa]/(4q(b-a)).

    Args:
        lower_m: a, not negative.
        upper_m: b > a.

    Raises:
        InvalidModel: if the bounds do not increase.
    """

    lower_m: float = eqx.field(converter=float)
    upper_m: float = eqx.field(converter=float)

    def __check_init__(self) -> None:
        check_increasing(self.lower_m, self.upper_m)

    def mean_sine2(self, q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The closed form."""
        return uniform_mean(q, self.lower_m, self.upper_m)

    def nodes(self) -> tuple[Float[np.ndarray, " lengths"], Float[np.ndarray, " lengths"]]:
        """Gauss-Legendre points."""
        middle, half = 0.5 * (self.lower_m + self.upper_m), 0.5 * (self.upper_m - self.lower_m)
        return middle + half * _NODES, 0.5 * _WEIGHTS


class Cores(AbstractPaths):
    """Several sources: the weighted mean of their averages.

    Args:
        weights: share of each in the flux without oscillation, such as power/L^2; any norm.
        paths: distribution of lengths of each.

    Raises:
        InvalidModel: if the numbers differ or weights are negative.
    """

    weights: Float[np.ndarray, " cores"] = eqx.field(converter=normalised)
    paths: tuple[AbstractPaths, ...] = eqx.field(converter=tuple)

    def __check_init__(self) -> None:
        if len(self.weights) != len(self.paths):
            raise InvalidModel(f"{len(self.weights)} weights for {len(self.paths)} distributions of path lengths")

    def mean_sine2(self, q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Weighted mean."""
        total = jnp.zeros_like(q)
        for weight, part in zip(self.weights, self.paths, strict=True):
            total = total + float(weight) * part.mean_sine2(q)
        return total

    def nodes(self) -> tuple[Float[np.ndarray, " lengths"], Float[np.ndarray, " lengths"]]:
        """The nodes of all, one after the other."""
        parts = [part.nodes() for part in self.paths]
        weights = [w * part[1] for w, part in zip(self.weights, parts, strict=True)]
        return np.concatenate([part[0] for part in parts]), np.concatenate(weights)


class PathLengths(AbstractPaths):
    """Any distribution of lengths as parts [a, b], uniform in each: <sin^2> is a weighted sum of closed forms.

    A part of size zero is a single length. The sum over parts is exact at any phase; its cost grows with their number.

    Args:
        middles: middles of the parts in m.
        sizes: their sizes in m, or one size for all, which is faster.
        weights: shares in the flux without oscillation, 1/L^2 included; any norm.

    Raises:
        InvalidModel: if lengths are not positive, or shapes or weights make no sense.
    """

    middles: Float[np.ndarray, " parts"]
    sizes: Float[np.ndarray, "#parts"]
    weights: Float[np.ndarray, " parts"] = eqx.field(converter=normalised)

    def __check_init__(self) -> None:
        if self.middles.shape != self.weights.shape or self.sizes.shape not in ((1,), self.middles.shape):
            raise InvalidModel(
                f"{self.middles.size} middles, {self.sizes.size} sizes and {self.weights.size} weights of path lengths"
            )
        if not (np.isfinite(self.middles).all() and (self.sizes >= 0).all() and (self.middles >= self.sizes / 2).all()):
            raise InvalidModel("path lengths must be finite and positive")

    @classmethod
    def of_list(cls, lengths_m: ArrayLike, weights: ArrayLike) -> "PathLengths":
        """Single lengths with weights."""
        lengths = np.asarray(lengths_m, dtype=float)
        return cls(lengths, np.zeros(1), weights)

    @classmethod
    def of_histogram(cls, edges_m: ArrayLike, weights: ArrayLike) -> "PathLengths":
        """Bins of lengths with their weights; bins of weight zero are dropped."""
        edges, contents = np.asarray(edges_m, dtype=float), np.asarray(weights, dtype=float)
        kept = contents != 0 if contents.shape == (len(edges) - 1,) else slice(None)
        sizes = np.diff(edges)[kept]
        equal = np.allclose(sizes, sizes[:1], rtol=1e-9, atol=0.0)
        return cls((0.5 * (edges[1:] + edges[:-1]))[kept], sizes[:1] if equal else sizes, contents[kept])

    def mean_sine2(self, q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Weighted sum of [1 - cos(2 q middle) sinc(q size)]/2."""
        cosines = jnp.cos(2.0 * jnp.multiply.outer(q, jnp.asarray(self.middles)))
        kept = sinc(jnp.multiply.outer(q, jnp.asarray(self.sizes)))
        return 0.5 - 0.5 * (cosines * kept) @ jnp.asarray(self.weights)

    def nodes(self) -> tuple[Float[np.ndarray, " lengths"], Float[np.ndarray, " lengths"]]:
        """Two Gauss-Legendre points in every part."""
        shift = self.sizes / np.sqrt(12.0)
        lengths = np.concatenate([self.middles - shift, self.middles + shift])
        return lengths, np.tile(0.5 * self.weights, 2)

    def rebinned(self, bins: int) -> "PathLengths":
        """The same density in equal bins, exactly shared between them: many parts become few.

        Args:
            bins: number of bins between the shortest and the longest length.
        """
        low, high = self.middles - 0.5 * self.sizes, self.middles + 0.5 * self.sizes
        edges = np.linspace(low.min(), high.max(), bins + 1)
        widths = np.maximum(high - low, 1e-12 * edges[-1])
        below = np.clip((edges[:, None] - low) / widths, 0.0, 1.0) @ self.weights
        return PathLengths.of_histogram(edges, np.maximum(np.diff(below), 0.0))


def survival_probability(
    terms: Terms, paths: AbstractPaths, energy_MeV: Float[Array | np.ndarray, " energies"]
) -> Float[Array, " energies"]:
    """Survival averaged over path lengths; in closed form, or by quadrature over lengths where the terms are damped.

    Args:
        terms: model of survival at given parameters.
        paths: distribution of path lengths.
        energy_MeV: neutrino energies.
    """
    energy = jnp.asarray(energy_MeV)
    if terms.damping is None:
        lost = paths.mean_sine2(PHASE_PER_EV2_M_MEV * terms.splitting[:, None] / energy[None])
    else:
        lengths, weights = paths.nodes()
        lost = terms.lost(jnp.asarray(lengths)[:, None], energy[None])
        lost = jnp.einsum("l,tle->te", jnp.asarray(weights), lost)
    return 1.0 - terms.amplitude @ lost
