"""The factor Lambda between a neutrino mass matrix and eV: best for both splittings, their average, or profiled.

All functions work with Lambda^2 = x; the splittings are x a and x b for the unscaled a = m2^2 - m1^2 and
b = m3^2 - m_l^2 (l = 1 in normal, 2 in inverted ordering).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from wilks.physics.mixing import ratio

AVERAGED = {"NO": (7.41e-5, 2.507e-3), "IO": (7.41e-5, -2.486e-3)}
"""Splittings in eV^2 for the scale "average", by ordering: those of FlavorPy 0.2.0."""

NUFIT_53 = {"NO": (7.41e-5, 0.21e-5, 2.505e-3, 0.026e-3), "IO": (7.41e-5, 0.21e-5, -2.487e-3, 0.0255e-3)}
"""Best values and 1 sigma in eV^2 for the scale "profile": NuFIT 5.3 (2024), www.nu-fit.org; JHEP 09 (2020) 178."""

_STEPS = 4
_LARGEST_STEP = 0.5  # in ln x


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
    a: Float[Array, "*stack"], b: Float[Array, "*stack"], splittings: Splittings
) -> Float[Array, "*stack"]:
    """The x at which ((x a - m21)/sigma21)^2 + ((x b - m3l)/sigma3l)^2 is least; 0 where a = b = 0."""
    w21, w3l = a / splittings.sigma21**2, b / splittings.sigma3l**2
    return ratio(w21 * splittings.m21 + w3l * splittings.m3l, w21 * a + w3l * b)


def average_scale_squared(
    a: Float[Array, "*stack"], b: Float[Array, "*stack"], splittings: Splittings
) -> Float[Array, "*stack"]:
    """Mean of the x that fit one splitting each; 0 where one of them is zero."""
    product = 2.0 * a * b
    return ratio(jnp.asarray(splittings.m21 * b + splittings.m3l * a), product)


def profiled_scale_squared(
    chi2: Callable[[Array, Array], Array],
    a: Float[Array, ""],
    b: Float[Array, ""],
    splittings: Splittings,
) -> Float[Array, ""]:
    """The x at which chi2(x a) + chi2(x b) of two data terms is least, for one point.

    Four Newton steps in ln x from the minimum of the Gaussian terms, no longer than 0.5 each and downhill where the
    curvature is negative. Derivatives of x follow from the implicit function theorem.

    Args:
        chi2: chi-square as a function of m21^2 and m3l^2 in eV^2, twice differentiable.
        a: unscaled m2^2 - m1^2.
        b: unscaled m3^2 - m_l^2.
        splittings: best values and standard deviations near the minimum.
    """

    def slope(log_x: Array, a: Array, b: Array) -> Array:
        return jax.grad(lambda at: chi2(jnp.exp(at) * a, jnp.exp(at) * b))(log_x)

    def step(_: Any, log_x: Array) -> Array:
        g, h = jax.jvp(lambda at: slope(at, *fixed), (log_x,), (jnp.ones_like(log_x),))
        size = jnp.where(h > 0, ratio(-g, h), -jnp.sign(g) * _LARGEST_STEP)
        return log_x + jnp.clip(size, -_LARGEST_STEP, _LARGEST_STEP)

    fixed = lax.stop_gradient((a, b))
    start = gaussian_scale_squared(*fixed, jax.tree.map(lax.stop_gradient, splittings))
    usable = start > 0
    log_x = lax.stop_gradient(lax.fori_loop(0, _STEPS, step, jnp.log(jnp.where(usable, start, 1.0))))
    _, curvature = jax.jvp(lambda at: slope(at, *fixed), (log_x,), (jnp.ones_like(log_x),))
    response = slope(log_x, a, b) - lax.stop_gradient(slope(log_x, a, b))  # zero; carries the derivatives
    moved = log_x - ratio(response, lax.stop_gradient(jnp.where(curvature > 0, curvature, jnp.inf)))
    return jnp.where(usable, jnp.exp(moved), 0.0)
