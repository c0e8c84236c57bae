"""Physical ranges: a plain number outside raises, a traced one becomes NaN, which likelihoods judge as impossible."""

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from wilks._base.errors import InvalidParameter


def unit_interval(name: str, value: ArrayLike) -> Float[Array, "*shape"]:
    """The value, which must lie in [0, 1].

    Raises:
        InvalidParameter: naming value and range.
    """
    array = jnp.asarray(value, float)
    return _judged(name, value, (array >= 0.0) & (array <= 1.0), "in [0, 1]")


def positive(name: str, value: ArrayLike) -> Float[Array, "*shape"]:
    """The value, which must be positive and finite.

    Raises:
        InvalidParameter: naming value and range.
    """
    array = jnp.asarray(value, float)
    return _judged(name, value, (array > 0.0) & jnp.isfinite(array), "positive and finite")


def not_negative(name: str, value: ArrayLike) -> Float[Array, "*shape"]:
    """The value, which must not be negative.

    Raises:
        InvalidParameter: naming value and range.
    """
    array = jnp.asarray(value, float)
    return _judged(name, value, array >= 0.0, "not negative")


def unitary(x4: ArrayLike, x5: ArrayLike) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """|U_e4|^2 and |U_e5|^2, whose sum must not exceed 1.

    Raises:
        InvalidParameter: naming the sum.
    """
    first, second = unit_interval("|U_e4|^2", x4), unit_interval("|U_e5|^2", x5)
    _judged("|U_e4|^2 + |U_e5|^2", first + second, first + second <= 1.0, "at most 1 (unitarity)")
    return first, jnp.where(first + second <= 1.0, second, jnp.nan)


def _judged(name: str, value: ArrayLike, good: Bool[Array, "*shape"], expected: str) -> Float[Array, "*shape"]:
    if not isinstance(good, Tracer) and not bool(jnp.all(good)):
        wrong = np.asarray(value, float)[~np.asarray(good)].ravel()[0]
        raise InvalidParameter(f"{name} is {wrong:g}; expected a number that is {expected}")
    return jnp.where(good, jnp.asarray(value, float), jnp.nan)


def nan_outside(value: ArrayLike, lower: float, upper: float) -> Float[Array, "*shape"]:
    """The value, or NaN outside closed bounds: what a likelihood judges as impossible."""
    array = jnp.asarray(value, float)
    return jnp.where((array >= lower) & (array <= upper), array, jnp.nan)
