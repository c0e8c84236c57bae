"""Costs of one bin as functions of its expected count: value, slope, curvature, and where the physics ends."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.numerics import log_factorial

from .interface import Cells

EDGE = 1e-6  # below this fraction of n the Poisson cost is continued by a parabola
_WELL_ABOVE = 1e-3  # means from here on need no continuation
_STIFFNESS = 1e6  # curvature of the continuation into negative expectations of an empty bin
_SMALLEST_MEAN = 1e-3  # floor of the mean in the Fisher weight of a bin

Bins = Float[Array, " cells"]


def _single(excess: Bins, slope: Bins, expected: Bins, observed: Bins, inside: Array) -> Cells:
    """Cells with one mean each."""
    return Cells(excess, slope[None], expected[None, None], observed[None, None], inside)


def _continued(mu: Bins, n: Bins, cost: float, excess: Bins, slope: Bins, curve: Bins) -> Cells:
    """Cells of counted bins as given; an empty bin costs ``cost`` times mu, and steeply more below zero."""
    counted, below = ~(n <= 0), jnp.minimum(mu, 0.0)
    return _single(
        jnp.where(counted, excess, cost * mu + 0.5 * _STIFFNESS * below**2),
        jnp.where(counted, slope, cost + _STIFFNESS * below),
        jnp.where(~counted & (mu < 0), _STIFFNESS, 1.0 / jnp.maximum(mu, _SMALLEST_MEAN)),
        jnp.where(counted, curve, jnp.where(mu < 0, _STIFFNESS, 0.0)),
        (mu > 0) | ((mu == 0) & ~counted),
    )


def poisson(mu: Bins, n: Bins) -> Cells:
    """E = mu - n + n ln(n/mu), half the Baker-Cousins chi-square.

    Below mu = 1e-6 n (for n = 0: below 0) E is continued by value, slope and curvature, so that a solver finds its
    way back; E(0) = 0 for an empty bin is kept.

    References:
        S. Baker and R. D. Cousins, Nucl. Instrum. Meth. 221 (1984) 437, eq. 6.
    """
    counted = ~(n <= 0)  # a count that is not a number must not pass for an empty bin
    safe = jnp.where(counted, jnp.maximum(mu, EDGE * n), 1.0)
    short = jnp.where(counted, jnp.minimum(mu - safe, 0.0), 0.0)
    slope_n, curve_n = 1.0 - n / safe, n / safe**2
    over = jnp.where(counted, n - safe, 0.0)
    excess_n = n * jnp.log1p(over / safe) - over + short * (slope_n + 0.5 * curve_n * short)  # eq. 6 for any size of n
    return _continued(mu, n, 1.0, excess_n, slope_n + curve_n * short, curve_n)


def poisson_excess(mu: Float[Array, "variations cells"], n: Float[Array, " cells"]) -> Float[Array, " variations"]:
    """The excess of `poisson` summed over cells, under each variation.

    Where all means are well above zero, logarithms of mu and of n are taken apart, so that many data at common means
    share those of mu and cost one product of matrices; the rounding error is then that of n ln n, not of the excess.
    """

    def apart() -> Float[Array, " variations"]:
        known = jnp.where(n == 0, 1.0, n)
        return jnp.sum(mu, axis=1) - jnp.log(mu) @ n + jnp.sum(n * jnp.log(known) - n)

    def cell_by_cell() -> Float[Array, " variations"]:
        return jnp.sum(jax.vmap(poisson, in_axes=(0, None))(mu, n).excess, axis=1)

    return jax.lax.cond(jnp.all(mu > _WELL_ABOVE), apart, cell_by_cell)


def poisson_log_density(mu: Float[Array, "variations cells"], n: Float[Array, " cells"]) -> Float[Array, " variations"]:
    """ln L of independent Poisson counts under each variation; -inf outside the physical domain."""
    counted = n > 0
    possible = (mu > 0) | ((mu == 0) & ~counted[None])
    logs = jnp.where(counted[None], n[None] * jnp.log(jnp.where(mu > 0, mu, 1.0)), 0.0)  # gradients stay finite
    total = jnp.sum(jnp.where(possible, logs - mu, -jnp.inf), axis=1)
    return total - jnp.sum(log_factorial(n))


def pearson(mu: Bins, n: Bins) -> Cells:
    """E = (n - mu)^2 / (2 mu): variance from the model; biased upwards by chi2/2 events when norms are free.

    An empty bin costs mu/2.
    """
    counted = ~(n <= 0)  # a count that is not a number must not pass for an empty bin
    safe = jnp.where(counted, jnp.maximum(mu, EDGE * n), 1.0)
    short = jnp.where(counted, jnp.minimum(mu - safe, 0.0), 0.0)
    slope_n, curve_n = 0.5 * (1.0 - (n / safe) ** 2), n**2 / safe**3
    excess_n = 0.5 * (n - safe) ** 2 / safe + short * (slope_n + 0.5 * curve_n * short)
    return _continued(mu, n, 0.5, excess_n, slope_n + curve_n * short, curve_n)


def neyman(mu: Bins, n: Bins) -> Cells:
    """E = (n - mu)^2 / (2 n): variance from the data; empty bins are left out."""
    counted = ~(n <= 0)  # a count that is not a number must not pass for an empty bin
    weight = jnp.where(counted, 1.0 / jnp.where(counted, n, 1.0), 0.0)
    return _single(0.5 * weight * (n - mu) ** 2, weight * (mu - n), weight, weight, jnp.isfinite(mu))


def combined(mu: Bins, n: Bins) -> Cells:
    """E = (n - mu)^2 (1/n + 2/mu) / 6, the combined Neyman-Pearson cost; an empty bin costs mu.

    References:
        X. Ji, W. Gu, X. Qian, H. Wei, C. Zhang, Nucl. Instrum. Meth. A 961 (2020) 163677, arXiv:1903.07185, eq. 19.
    """
    counted = ~(n <= 0)  # a count that is not a number must not pass for an empty bin
    safe_n = jnp.where(counted, n, 1.0)
    safe = jnp.where(counted, jnp.maximum(mu, EDGE * n), 1.0)
    short = jnp.where(counted, jnp.minimum(mu - safe, 0.0), 0.0)
    slope_n = ((safe - n) / safe_n + 1.0 - (n / safe) ** 2) / 3.0
    curve_n = (1.0 / safe_n + 2.0 * n**2 / safe**3) / 3.0
    excess_n = (n - safe) ** 2 * (1.0 / safe_n + 2.0 / safe) / 6.0 + short * (slope_n + 0.5 * curve_n * short)
    return _continued(mu, n, 1.0, excess_n, slope_n + curve_n * short, curve_n)


BIASED_COSTS = {"pearson": pearson, "neyman": neyman, "cnp": combined}
"""Chi-square costs of a bin by name; all are biased at low counts."""
