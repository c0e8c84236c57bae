"""The cost of expected counts: value, gradient and curvature in the counts, in closed form."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from wilks._base.typing import Scalar

from .arrays import Arrays
from .variances import Bins, Inverse, Mixture, Variance, variance


class Cost(NamedTuple):
    """Half the cost of one set of counts at given expected counts mu, with what its derivatives need.

    Half of (n-mu)^T V^-1 (n-mu), V = diag(v) + K K^T, with y = V^-1 (n-mu), has the gradient -y - y^2 v'/2 and the
    curvature (1 + y v') V^-1 (1 + y v') - y^2 v''/2 (products by elements); K does not depend on mu.

    Args:
        value: half the cost.
        gradient: its derivatives in mu.
        solved: y.
        inverse: V^-1.
        stat: v and its derivatives.
    """

    value: Scalar
    gradient: Bins
    solved: Bins
    inverse: Inverse
    stat: Variance

    def curvature(self, rows: Float[Arrays, "members bins"]) -> Float[Arrays, "members members"]:
        """J H J^T with H the second derivatives in mu, but for those of the determinant."""
        turned = rows * (1.0 + self.solved * self.stat.slope)[None]
        bent = rows * (-0.5 * self.solved**2 * self.stat.curve)[None]
        return self.inverse.sandwich(turned) + bent @ rows.T

    def determinant_curvature(self, rows: Float[Arrays, "members bins"]) -> Float[Arrays, "members members"]:
        """J H J^T for half the logarithm of the determinant."""
        inverse = self.inverse.matrix()
        turned = rows * self.stat.slope[None]
        bent = rows * (0.5 * jnp.diagonal(inverse) * self.stat.curve)[None]
        return bent @ rows.T - 0.5 * turned @ inverse**2 @ turned.T


def chi_square(
    statistic: str | Mixture, mean: Bins, counts: Bins, kept: Bins, root: Float[Arrays, "bins rank"]
) -> Cost:
    """Half a chi-square, with half the logarithm of the determinant for ``"unbiased"``.

    Args:
        statistic: one of `.variances.STATISTICS` but ``"poisson"``, or `.variances.KEPT`; or a mixture, which does the
            work of all of them.
        mean: expected counts, positive.
        counts: observed counts.
        kept: expected counts for ``"iterative"`` and `.variances.KEPT`.
        root: K with K K^T the covariance of expected counts.
    """
    mixed = isinstance(statistic, Mixture)
    stat = statistic.variance(mean, counts, kept) if mixed else variance(statistic, mean, counts, kept)
    inverse = Inverse.of(stat.precision, root)
    residual = counts - mean
    solved = inverse.solve(residual)
    value = 0.5 * jnp.dot(residual, solved)
    gradient = -solved - 0.5 * solved**2 * stat.slope
    if mixed:
        size, slope = jax.lax.cond(statistic.determinant > 0, _determinant, _nothing, inverse)
        value, gradient = value + statistic.determinant * size, gradient + statistic.determinant * slope * stat.slope
    elif statistic == "unbiased":
        size, slope = _determinant(inverse)
        value, gradient = value + size, gradient + slope * stat.slope
    return Cost(value, gradient, solved, inverse, stat)


def _determinant(inverse: Inverse) -> tuple[Scalar, Bins]:
    """Half the logarithm of the determinant, and its derivatives in the variances."""
    return 0.5 * inverse.log_determinant(), 0.5 * jnp.diagonal(inverse.matrix())


def _nothing(inverse: Inverse) -> tuple[Scalar, Bins]:
    return jnp.zeros(()), jnp.zeros(inverse.precision.shape)


def poisson(mean: Bins, counts: Bins) -> Cost:
    """Half of 2 sum [mu - n + n ln(n/mu)], in the same form: v is mu^2/n."""
    filled = counts > 0
    safe = jnp.where(filled, counts, 1.0)
    value = jnp.sum(mean - counts + jnp.where(filled, safe * jnp.log(safe / mean), 0.0))
    zero = jnp.zeros_like(mean)
    flat = Inverse.of(counts / mean**2, jnp.zeros((mean.shape[0], 0)))
    return Cost(value, 1.0 - counts / mean, zero, flat, Variance(flat.precision, zero, zero))
