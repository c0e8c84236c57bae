"""Monotone rational-quadratic splines of one number, both ways, with the logarithm of their slope.

References:
    C. Durkan, A. Bekasov, I. Murray, G. Papamakarios, arXiv:1906.04032, eqs. 4-8;
    J. A. Gregory, R. Delbourgo, IMA J. Numer. Anal. 2 (1982) 123.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.typing import Scalar

_SMALLEST = 1e-3  # share of the range that every bin has at least, and smallest slope at a knot
_AT_REST = math.log(math.expm1(1.0 - _SMALLEST))  # softplus(_AT_REST) + _SMALLEST = 1


class Knots(NamedTuple):
    """Knots of one spline on [-bound, bound]; outside it is the identity.

    Args:
        x: increasing places, the ends included.
        y: increasing values, the ends included.
        slope: positive slope at each knot, 1 at both ends.
    """

    x: Float[Array, " knots"]
    y: Float[Array, " knots"]
    slope: Float[Array, " knots"]


class _Bin(NamedTuple):
    """One bin: lower corner, width, height, and the slopes at both ends."""

    x: Scalar
    y: Scalar
    width: Scalar
    height: Scalar
    below: Scalar
    above: Scalar


def numbers_per_spline(bins: int) -> int:
    """How many real numbers define one spline: widths, heights and inner slopes."""
    return 3 * bins - 1


def knots_from(raw: Float[Array, " numbers"], bins: int, bound: float) -> Knots:
    """The spline that any real numbers stand for; all zeros stand for the identity.

    Args:
        raw: ``3 bins - 1`` numbers: widths and heights (a softmax each, with a minimum), slopes at the inner knots.
        bins: number of bins.
        bound: half the range.
    """
    slopes = jax.nn.softplus(raw[2 * bins :] + _AT_REST) + _SMALLEST
    ends = jnp.ones(1, raw.dtype)
    return Knots(
        _places(raw[:bins], bins, bound),
        _places(raw[bins : 2 * bins], bins, bound),
        jnp.concatenate([ends, slopes, ends]),
    )


def bend(knots: Knots, x: Scalar) -> tuple[Scalar, Scalar]:
    """Value of a spline and ln(dy/dx)."""
    inside = (x > knots.x[0]) & (x < knots.x[-1])
    held = jnp.clip(x, knots.x[0], knots.x[-1])
    at = _bin(knots, held, knots.x)
    xi = jnp.clip((held - at.x) / at.width, 0.0, 1.0)
    y, log_slope = _in_bin(at, xi)
    return jnp.where(inside, y, x), jnp.where(inside, log_slope, 0.0)


def unbend(knots: Knots, y: Scalar) -> tuple[Scalar, Scalar]:
    """Where a spline has a value, and ln(dx/dy) there."""
    inside = (y > knots.y[0]) & (y < knots.y[-1])
    held = jnp.clip(y, knots.y[0], knots.y[-1])
    at = _bin(knots, held, knots.y)
    r = at.height / at.width
    rise, bow = held - at.y, at.above + at.below - 2.0 * r
    a = at.height * (r - at.below) + rise * bow  # eq. 6
    b = at.height * at.below - rise * bow  # eq. 7
    c = -r * rise  # eq. 8
    root = jnp.sqrt(jnp.maximum(b * b - 4.0 * a * c, 0.0))
    xi = jnp.clip(2.0 * c / (-b - root), 0.0, 1.0)
    _, log_slope = _in_bin(at, xi)
    return jnp.where(inside, at.x + xi * at.width, y), jnp.where(inside, -log_slope, 0.0)


def _in_bin(at: _Bin, xi: Scalar) -> tuple[Scalar, Scalar]:
    """Value and logarithm of the slope at a share of the way through a bin."""
    r, rest = at.height / at.width, 1.0 - xi
    q = r + (at.above + at.below - 2.0 * r) * xi * rest
    y = at.y + at.height * (r * xi * xi + at.below * xi * rest) / q  # eq. 4
    top = at.above * xi * xi + 2.0 * r * xi * rest + at.below * rest * rest
    return y, 2.0 * jnp.log(r) + jnp.log(top) - 2.0 * jnp.log(q)  # eq. 5


def _bin(knots: Knots, value: Scalar, along: Float[Array, " knots"]) -> _Bin:
    """The bin of a value along one axis, picked by a sum: cheaper to differentiate than a gather."""
    where = jnp.sum(value >= along[1:-1])
    chosen = jnp.arange(along.shape[0] - 1) == where

    def pick(values: Float[Array, " bins"]) -> Scalar:
        return jnp.sum(jnp.where(chosen, values, 0.0))

    width, height = jnp.diff(knots.x), jnp.diff(knots.y)
    slopes = pick(knots.slope[:-1]), pick(knots.slope[1:])
    return _Bin(pick(knots.x[:-1]), pick(knots.y[:-1]), pick(width), pick(height), *slopes)


def _places(raw: Float[Array, " bins"], bins: int, bound: float) -> Float[Array, " knots"]:
    shares = _SMALLEST + (1.0 - _SMALLEST * bins) * jax.nn.softmax(raw)
    inner = 2.0 * bound * jnp.cumsum(shares[:-1]) - bound
    ends = jnp.full(1, bound, raw.dtype)
    return jnp.concatenate([-ends, inner, ends])
