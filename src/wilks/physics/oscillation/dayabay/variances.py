"""Statistical variances of chi-square costs, and the solution of linear systems with them and a low-rank covariance."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from wilks._base.typing import Scalar

from .arrays import Arrays

STATISTICS = ("neyman", "pearson", "cnp", "poisson", "iterative", "unbiased")
"""Costs of counts n against expected counts mu.

``neyman``: variance n, empty bins left out. ``pearson``: mu. ``cnp``: 3/(1/n + 2/mu), or mu/2 in empty bins.
``iterative``: mu of an earlier fit, kept. ``unbiased``: mu, with the logarithm of the determinant. ``poisson``: the
likelihood ratio 2 [mu - n + n ln(n/mu)], without a covariance.

A variance that grows with mu, beside a covariance in which all expected counts may move together, favours too large
expected counts. `KEPT` is ``cnp`` with the mu of its variance kept, as in the release model.

References:
    X. Ji et al., Nucl. Instrum. Meth. A 961 (2020) 163677, arXiv:1903.07185, eqs. (9) and (13).
"""

KEPT = "cnp_kept"
"""The variance 3/(1/n + 2/mu) at the mu at which a covariance was computed."""

MIXED = "mixed"
"""Name of a statistic that is given by numbers; see `Mixture`."""

Bins = Float[Arrays, " bins"]


class Variance(NamedTuple):
    """Statistical variance per bin with derivatives in the expected counts.

    Args:
        precision: its inverse; 0 for bins that are left out.
        slope: first derivative.
        curve: second derivative.
    """

    precision: Bins
    slope: Bins
    curve: Bins


class Mixture(eqx.Module):
    """A chi-square cost as four numbers, so that one compiled program serves all of them.

    The inverse variance is (1 - a)/n + a/mu, a weighted mean of those of Neyman and Pearson.

    Args:
        share: a: 0 for Neyman, 1 for Pearson, 2/3 for CNP.
        empty: inverse variance of an empty bin, in units of 1/mu; 0 leaves it out.
        moving: 1 where mu is that of the expected counts at hand, 0 where it is kept.
        determinant: 1 with the logarithm of the determinant, else 0.
    """

    share: Scalar
    empty: Scalar
    moving: Scalar
    determinant: Scalar

    @classmethod
    def of(cls, statistic: str) -> "Mixture":
        """The numbers of one of `STATISTICS` but ``"poisson"``, or of `KEPT`."""
        return cls(*(jnp.asarray(number) for number in _MIXTURES[statistic]))

    def variance(self, mean: Bins, counts: Bins, kept: Bins) -> Variance:
        """As the function `variance`."""
        at, filled = kept + self.moving * (mean - kept), counts > 0
        parts = (1.0 - self.share) / jnp.where(filled, counts, 1.0) + self.share / at
        ratio = self.share / (parts * at)  # a v/mu
        slope = self.moving * ratio / (parts * at)
        flat = self.moving / jnp.where(self.empty > 0, self.empty, 1.0)
        return Variance(
            jnp.where(filled, parts, self.empty / at),
            jnp.where(filled, slope, flat),
            jnp.where(filled, 2.0 * slope * (ratio - 1.0) / at, 0.0),
        )


_MIXTURES = {
    "neyman": (0.0, 0.0, 0.0, 0.0),
    "pearson": (1.0, 1.0, 1.0, 0.0),
    "cnp": (2 / 3, 2.0, 1.0, 0.0),
    "iterative": (1.0, 1.0, 0.0, 0.0),
    "unbiased": (1.0, 1.0, 1.0, 1.0),
    KEPT: (2 / 3, 2.0, 0.0, 0.0),
}


def variance(statistic: str, mean: Bins, counts: Bins, kept: Bins) -> Variance:
    """Statistical variance of a cost.

    Args:
        statistic: one of `STATISTICS` but ``"poisson"``, or `KEPT`.
        mean: expected counts, positive.
        counts: observed counts.
        kept: expected counts for ``"iterative"`` and `KEPT`.
    """
    zero, filled = jnp.zeros_like(mean), counts > 0
    if statistic == "iterative":
        return Variance(1.0 / kept, zero, zero)
    if statistic == KEPT:
        return variance("cnp", kept, counts, kept)._replace(slope=zero, curve=zero)
    if statistic == "neyman":
        return Variance(jnp.where(filled, 1.0 / jnp.where(filled, counts, 1.0), 0.0), zero, zero)
    if statistic == "cnp":
        safe = jnp.where(filled, counts, 1.0)
        total = mean + 2.0 * safe
        precision = (1.0 / safe + 2.0 / mean) / 3.0
        return Variance(
            jnp.where(filled, precision, 2.0 / mean),
            jnp.where(filled, 6.0 * (safe / total) ** 2, 0.5),
            jnp.where(filled, -12.0 * safe**2 / total**3, 0.0),
        )
    return Variance(1.0 / mean, jnp.ones_like(mean), zero)


class Inverse(NamedTuple):
    """(D + K K^T)^-1 by the Woodbury identity, with D diagonal.

    Args:
        precision: D^-1.
        root: K.
        factor: lower Cholesky factor of 1 + K^T D^-1 K.
    """

    precision: Bins
    root: Float[Arrays, "bins rank"]
    factor: Float[Arrays, "rank rank"]

    @classmethod
    def of(cls, precision: Bins, root: Float[Arrays, "bins rank"]) -> "Inverse":
        """The inverse for a diagonal and a low-rank part."""
        scaled = root * jnp.sqrt(precision)[:, None]
        inner = jnp.eye(root.shape[1]) + scaled.T @ scaled
        factor = jax.lax.linalg.cholesky(inner, symmetrize_input=False)
        return cls(precision, root, factor)

    def apply(self, right: Float[Arrays, "bins columns"]) -> Float[Arrays, "bins columns"]:
        """Solutions for several right-hand sides."""
        scaled = self.precision[:, None] * right
        if not self.root.shape[1]:
            return scaled
        inner = jax.scipy.linalg.cho_solve((self.factor, True), self.root.T @ scaled)
        return scaled - self.precision[:, None] * (self.root @ inner)

    def solve(self, right: Bins) -> Bins:
        """Solution for one right-hand side."""
        return self.apply(right[:, None])[:, 0]

    def sandwich(self, rows: Float[Arrays, "members bins"]) -> Float[Arrays, "members members"]:
        """B (D + K K^T)^-1 B^T, symmetric by construction."""
        scaled = rows * self.precision[None]
        product = scaled @ rows.T
        if not self.root.shape[1]:
            return product
        half = jax.scipy.linalg.solve_triangular(self.factor, self.root.T @ scaled.T, lower=True)
        return product - half.T @ half

    def log_determinant(self) -> Scalar:
        """ln det(D + K K^T)."""
        return 2.0 * jnp.sum(jnp.log(jnp.diagonal(self.factor))) - jnp.sum(jnp.log(self.precision))

    def matrix(self) -> Float[Arrays, "bins bins"]:
        """The inverse written out."""
        return self.apply(jnp.eye(self.precision.shape[0]))
