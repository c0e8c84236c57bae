"""Closed forms of averaged oscillations: over lengths with and without 1/L^2, energy bins, and resolutions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpy.typing import ArrayLike as AnyNumbers

from wilks._base.errors import InvalidModel

from .sine_integral import sine_integral_rest

_NARROW = 2.0  # phase q (b - a) below which ten Gauss points in 1/L are exact to 1e-13
_LINEAR = 1e-3  # phase q b below which two terms of the series are exact to 1e-19
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def inverse_square_mean(q: ArrayLike, lower_m: ArrayLike, upper_m: ArrayLike) -> Float[Array, "*shape"]:
    """Mean of sin^2(qL) over lengths uniform in [a, b] and weighted by 1/L^2, for arguments that broadcast.

    [b sin^2(aq) - a sin^2(bq) + a b q (Si(2bq) - Si(2aq))]/(b-a). Where this cancels, because the interval is narrow,
    ten Gauss points in 1/L, in which the density is uniform; at tiny phases the series q^2 a b.

    Args:
        q: kappa dm2/E in 1/m, any sign.
        lower_m: a > 0.
        upper_m: b > a.
    """
    q, a, b = jnp.broadcast_arrays(*(jnp.asarray(x, float) for x in (jnp.abs(jnp.asarray(q)), lower_m, upper_m)))
    width, close = b - a, b < 2.0 * a
    few = jnp.where(close, q * width < _NARROW, q * b < _LINEAR)
    wide = jnp.where(few, 1.0 / a, q)  # any phase at which the closed form is finite
    between = sine_integral_rest(2.0 * b * wide) - sine_integral_rest(2.0 * a * wide)
    closed = (b * jnp.sin(a * wide) ** 2 - a * jnp.sin(b * wide) ** 2 + a * b * wide * between) / width
    series = q**2 * a * b * (1.0 - q**2 * (a**2 + a * b + b**2) / 9.0)
    return jnp.where(few, jnp.where(close, _narrow_mean(jnp.where(few, q, 0.0), a, b), series), closed)


def _narrow_mean(q: Float[Array, "*shape"], a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> Array:
    inverse = 0.5 * (1 / a + 1 / b)[..., None] + jnp.multiply.outer(0.5 * (1 / a - 1 / b), jnp.asarray(_NODES))
    return jnp.sin(q[..., None] / inverse) ** 2 @ jnp.asarray(0.5 * _WEIGHTS)


def uniform_mean(q: ArrayLike, lower_m: ArrayLike, upper_m: ArrayLike) -> Float[Array, "*shape"]:
    """Mean of sin^2(qL) over lengths uniform in [a, b], 1/2 - [sin 2qb - sin 2qa]/(4q(b-a)); arguments broadcast.

    Written as sin^2 at the middle times sinc(q (b-a)) plus half of what sinc lacks to 1, so that nothing cancels.
    """
    q, a, b = jnp.broadcast_arrays(*(jnp.asarray(x, float) for x in (q, lower_m, upper_m)))
    x = q * (b - a)
    return jnp.sin(0.5 * q * (a + b)) ** 2 * sinc(x) + 0.5 * one_minus_sinc(x)


def sinc(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """sin(x)/x."""
    return jnp.sinc(x / jnp.pi)


def one_minus_sinc(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1 - sin(x)/x without cancellation."""
    small = jnp.abs(x) < 0.1
    y = jnp.where(small, x, 0.0) ** 2
    series = y / 6.0 * (1.0 - y / 20.0 * (1.0 - y / 42.0 * (1.0 - y / 72.0)))
    return jnp.where(small, series, 1.0 - sinc(jnp.where(small, 1.0, x)))


def washed_cosine(
    phase: Float[Array, "*shape"], energy_spread: ArrayLike, length_spread: ArrayLike = 0.0
) -> Float[Array, "*shape"]:
    """Mean of cos(2D) over an energy bin and lengths: cos(2D) sinc(D dE/E) exp(-2 (D sigma_L/L)^2).

    Args:
        phase: D at the middle of the bin and the mean length.
        energy_spread: dE/E, width of the bin over its energy.
        length_spread: sigma_L/L.
    """
    damping = jnp.exp(-2.0 * (phase * jnp.asarray(length_spread)) ** 2)
    return jnp.cos(2.0 * phase) * sinc(phase * jnp.asarray(energy_spread)) * damping


@functools.partial(jax.jit, static_argnames="resolution")
def gaussian_response(
    edges_MeV: Float[Array | np.ndarray, " edges"],
    energy_MeV: Float[Array | np.ndarray, " energies"],
    resolution: tuple[float, float, float],
) -> Float[Array, "bins energies"]:
    """Probability that an energy E_j is measured in bin i, with sigma = a E + b sqrt(E) + c, all in GeV.

    R_ij = [erf((e_{i+1}-E_j)/(sqrt2 sigma_j)) - erf((e_i-E_j)/(sqrt2 sigma_j))]/2.

    Args:
        edges_MeV: edges of the bins, which may be traced (energy scales).
        energy_MeV: true energies, positive.
        resolution: a, b in GeV^(1/2), c in GeV.
    """
    energy = jnp.asarray(energy_MeV) * 1e-3
    a, b, c = resolution
    sigma = a * energy + b * jnp.sqrt(energy) + c
    distance = (jnp.asarray(edges_MeV)[:, None] * 1e-3 - energy[None]) / (jnp.sqrt(2.0) * sigma)[None]
    return 0.5 * jnp.diff(erf(distance), axis=0)


def check_increasing(lower: float, upper: float) -> None:
    """Refuse bounds of path lengths that do not increase.

    Raises:
        InvalidModel: naming the bounds.
    """
    if not 0.0 <= lower < upper < np.inf:
        raise InvalidModel(f"path lengths from {lower:g} to {upper:g} m; expected bounds that increase, from 0 on")


def normalised(weights: AnyNumbers) -> Float[np.ndarray, " weights"]:
    """Weights divided by their sum.

    Raises:
        InvalidModel: if one is negative or not finite, or all are zero.
    """
    array = np.asarray(weights, dtype=float)
    if array.ndim != 1 or not (np.isfinite(array).all() and (array >= 0).all() and array.sum() > 0):
        raise InvalidModel(f"weights {array}; expected a vector of finite numbers that are not negative, not all zero")
    return array / array.sum()
