"""The factor Lambda between a neutrino mass matrix and eV: best for both mass splittings, or the average of two.

A likelihood profiles it with the data's own curves; here they are taken as parabolas.
All functions work with Lambda^2 = x; the splittings are x a and x b for the unscaled a = m2^2 - m1^2 and
b = m3^2 - m_l^2 (l = 1 in normal, 2 in inverted ordering).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base import runtime  # noqa: F401  64 bit before any array exists


class Splittings(NamedTuple):
    """Best values and standard deviations of the two splittings, in eV^2.

    Args:
        m21: best value of m2^2 - m1^2.
        sigma21: its standard deviation.
        m3l: best value of m3^2 - m_l^2, negative in inverted ordering.
        sigma3l: its standard deviation.
    """

    m21: Float[Array | np.ndarray, "*stack"] | float
    sigma21: Float[Array | np.ndarray, "*stack"] | float
    m3l: Float[Array | np.ndarray, "*stack"] | float
    sigma3l: Float[Array | np.ndarray, "*stack"] | float


def gaussian_scale_squared(
    a: Float[Array | np.ndarray, "*stack"], b: Float[Array | np.ndarray, "*stack"], splittings: Splittings
) -> Float[Array | np.ndarray, "*stack"]:
    """The x at which ((x a - m21)/sigma21)^2 + ((x b - m3l)/sigma3l)^2 is least; 0 where a = b = 0."""
    w21, w3l = a / splittings.sigma21**2, b / splittings.sigma3l**2
    return _ratio(w21 * splittings.m21 + w3l * splittings.m3l, w21 * a + w3l * b)


def average_scale_squared(
    a: Float[Array | np.ndarray, "*stack"], b: Float[Array | np.ndarray, "*stack"], splittings: Splittings
) -> Float[Array | np.ndarray, "*stack"]:
    """Mean of the x that fit one splitting each; 0 where one of them is zero."""
    return _ratio(splittings.m21 * b + splittings.m3l * a, 2.0 * a * b)


def _ratio(above: Any, below: Any) -> Any:
    """Quotient, 0 where the divisor is zero; numpy's for arrays of numpy, so that no program is called for them."""
    xp = jnp if isinstance(below, jax.Array) else np
    zero = below == 0
    return xp.where(zero, 0.0, above / xp.where(zero, 1.0, below))
