"""How produced quanta split into photons and electrons: probabilities of every pair of numbers."""

import functools
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from wilks._base.numerics import log_factorial

from .binomials import log_factorials

_LOWEST, _HIGHEST = 0.011, 0.95  # range of the mean photon fraction in which a Beta distribution is formed
_SMALLEST_WIDTH = 0.005
_NEVER = -1e6  # logarithm that stands for a rate of zero
_EDGE = 1e-6  # a Binomial probability is kept so far from 0 and 1

Shape = TypeVar("Shape", Float[Array, "*shape"], Float[np.ndarray, "*shape"])


def safe_probability(p: ArrayLike) -> Float[Array, "..."]:
    """Numbers kept inside [1e-5, 1 - 1e-5], as probabilities; NaN becomes the lower end.

    >>> safe_probability(jnp.array([jnp.nan, 0.3, 1.0])).tolist()
    [1e-05, 0.3, 0.99999]
    """
    return jnp.clip(jnp.where(jnp.isnan(p), 0.0, p), 1e-5, 1.0 - 1e-5)


def clipped_probability(p: Float[Array, "..."]) -> Float[Array, "..."]:
    """A probability kept inside [0, 1], with one-sided derivatives at the ends."""
    return jnp.where(p > 1, 1.0, jnp.where(p < 0, 0.0, p))


def beta_parameters(mean: Shape, width: Shape, numpy: Any = jnp) -> tuple[Shape, Shape]:
    """Parameters alpha, beta of the Beta distribution of the photon fraction.

    Args:
        mean: mean photon fraction, clipped to [0.011, 0.95].
        width: standard deviation, clipped to at least 0.005 and to what keeps the distribution without two peaks.
        numpy: the module that computes it, for arrays of its kind.

    References:
        J. Aalbers et al., Phys. Rev. D 102 (2020) 072010 (flamedisx, whose clips these are).
    """
    m = numpy.clip(mean, _LOWEST, _HIGHEST)
    most = numpy.maximum((m - 1) ** 2 * m / (2 - m), m**2 * (1 - m) / (1 + m))
    variance = numpy.clip(width**2, _SMALLEST_WIDTH**2, most)
    alpha = m * (m / variance - m**2 / variance - 1)
    return alpha, alpha * (1 / m - 1)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def beta_binomial_split(
    alpha: Float[Array, " quanta"], beta: Float[Array, " quanta"], photons: int
) -> Float[Array, "photons quanta"]:
    """BetaBinomial(ph; n, alpha(n), beta(n)) for ph < photons (rows) and n = 0, 1, ... (columns); 0 for ph > n.

    Sums the logarithms of the ratios of neighbours, ln[(n-ph)(ph+alpha)] - ln[(ph+1)(n-ph-1+beta)], upwards from
    ph = 0, which costs one logarithm per entry.
    """
    n = _counts(alpha.shape[0])

    def row(log_split, ph):
        return log_split + _log_ratio(n - ph, ph, alpha, beta), log_split

    log_split = jax.lax.scan(row, _log_of_no_photon(alpha, beta), _counts(photons))[1]
    return _exp_inside(log_split, n, photons)


@beta_binomial_split.defjvp
def _beta_binomial_split_jvp(photons, at, move):
    (alpha, beta), (d_alpha, d_beta) = at, move
    n = _counts(alpha.shape[0])

    def row(state, ph):
        log_split, by_alpha, by_beta = state
        left = n - ph
        reached = left > 0
        next_alpha = by_alpha + 1 / (ph + alpha)
        next_beta = by_beta - jnp.where(reached, 1 / jnp.where(reached, left - 1 + beta, 1.0), 0.0)
        return (log_split + _log_ratio(left, ph, alpha, beta), next_alpha, next_beta), state

    log_split, by_alpha, by_beta = jax.lax.scan(row, _with_slopes(alpha, beta), _counts(photons))[1]
    split = _exp_inside(log_split, n, photons)
    return split, split * (by_alpha * d_alpha[None] + by_beta * d_beta[None])


def binomial_pairs(
    p_electron: Float[Array, " quanta"], rates: Float[Array, " quanta"], photons: int, electrons: int
) -> Float[Array, "photons electrons"]:
    """rates[n] Binomial(e; n, p[n]) with n = ph + e, for ph < photons (rows) and e < electrons (columns).

    Args:
        p_electron: probability that a quantum is an electron, by number of quanta.
        rates: events by number of quanta, zero beyond what is given.
    """
    size = p_electron.shape[0]
    p = jnp.clip(p_electron, _EDGE, 1 - _EDGE)
    some = rates > 0
    common = log_factorials(size) + _counts(size) * jnp.log1p(-p)
    common = jnp.where(some, common + jnp.log(jnp.where(some, rates, 1.0)), _NEVER)
    odds = jnp.log(p) - jnp.log1p(-p)
    table = jnp.asarray(log_factorials(max(photons, electrons)))
    log_pairs = _by_sum(common, photons, electrons, _NEVER)
    log_pairs = log_pairs + _counts(electrons)[None] * _by_sum(odds, photons, electrons, 0.0)
    return jnp.exp(log_pairs - table[:photons, None] - table[None, :electrons])


def by_electrons(split: Float[Array, "photons quanta"], electrons: int) -> Float[Array, "photons electrons"]:
    """Columns numbered by electrons e = n - ph instead of quanta n, for e < electrons.

    Entry (ph, e) is entry (ph, ph + e): read with one more column, each row starts one place later. What runs over the
    end of a row meets zeros, because the next row has no n below its ph.
    """
    photons, quanta = split.shape
    length = max(quanta, electrons)
    padded = jnp.pad(split, ((0, 0), (0, length - quanta)))
    return jnp.pad(padded.reshape(-1), (0, photons)).reshape(photons, length + 1)[:, :electrons]


def _by_sum(
    vector: Float[Array, " quanta"], photons: int, electrons: int, beyond: float
) -> Float[Array, "photons electrons"]:
    """Entry ph + e of a vector for every pair, with a value beyond its end."""
    filled = jnp.pad(vector, (0, max(photons + electrons - vector.shape[0], 0)), constant_values=beyond)
    return by_electrons(jnp.broadcast_to(filled[None], (photons, filled.shape[0])), electrons)


def _log_ratio(left, ph, alpha, beta):
    """ln of P(ph + 1) / P(ph), with ``left`` = n - ph; 0 where there is no quantum left."""
    reached = left > 0
    below = jnp.where(reached, (ph + 1) * (left - 1 + beta), 1.0)
    return jnp.log(jnp.where(reached, left * (ph + alpha), 1.0) / below)


def _log_of_no_photon(alpha, beta):
    """ln B(alpha, n + beta) / B(alpha, beta): the start of the sums."""
    n = _counts(alpha.shape[0])
    gammas = log_factorial(jnp.stack([n + beta, n + alpha + beta, beta, alpha + beta]) - 1)
    return gammas[0] - gammas[1] - gammas[2] + gammas[3]


def _with_slopes(alpha, beta):
    """The start of the sums and its derivatives in alpha and beta."""
    n = _counts(alpha.shape[0])
    arguments = jnp.stack([n + beta, n + alpha + beta, beta, alpha + beta]) - 1
    gammas, slopes = jax.jvp(log_factorial, (arguments,), (jnp.ones_like(arguments),))
    value = gammas[0] - gammas[1] - gammas[2] + gammas[3]
    return value, slopes[3] - slopes[1], slopes[0] - slopes[1] - slopes[2] + slopes[3]


def _exp_inside(log_split, n, photons):
    inside = _counts(photons)[:, None] <= n[None]
    return jnp.where(inside, jnp.exp(jnp.where(inside, log_split, 0.0)), 0.0)


def _counts(number: int) -> Float[Array, " numbers"]:
    return jnp.arange(number, dtype=float)
