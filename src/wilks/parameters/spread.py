"""Points spread over a space: what a parameter may reasonably be before any data are seen."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Array, Float

from .parameter import Parameter
from .priors import AbstractPrior
from .space import ParameterSpace

_EDGE = 1e-9  # uniform numbers keep this distance from 0 and 1, whose quantiles may be infinite

Points = Float[np.ndarray, "points parameters"]


def spread_points(space: ParameterSpace, uniforms: Points) -> Points:
    """Points of a space from uniform numbers in (0, 1), one column per parameter.

    Fixed parameters stay at their value. A free one goes

    * through the quantiles of its prior, cut at its bounds, or of its joint prior;
    * without a prior: uniformly between its bounds, or over one period;
    * with one bound only: at a distance d exp(z) from it, with d the distance of the start (or, if that is zero, the
      size of the bound, at least 1) and z standard normal;
    * without any: to start + max(1, abs(start)) z.
    """
    columns = np.clip(np.asarray(uniforms, dtype=float), _EDGE, 1.0 - _EDGE)
    points = np.tile(space.starts, (len(columns), 1))
    for i, parameter in enumerate(space.parameters):
        if parameter.is_free:
            points[:, i] = np.asarray(_quantiles(parameter, columns[:, i]))
    for law, where, _ in space.blocks:
        points[:, where] = np.asarray(law.values(scipy.special.ndtri(columns[:, where])))
    return np.clip(points, space.lowers, space.uppers)


def latin_hypercube(generator: np.random.Generator, points: int, parameters: int) -> Points:
    """Uniform numbers in (0, 1) of which every column has exactly one in each of its ``points`` equal strata."""
    strata = generator.permuted(np.tile(np.arange(points), (parameters, 1)), axis=1).T
    return (strata + generator.random((points, parameters))) / points


def _quantiles(parameter: Parameter, uniforms: Float[np.ndarray, " points"]) -> Any:
    low, high, start = parameter.lower, parameter.upper, parameter.start
    if parameter.prior is not None:
        return _quantiles_of_prior(parameter.prior, low, high, uniforms)
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) * uniforms
    if parameter.period is not None:
        return start + (uniforms - 0.5) * parameter.period
    z = scipy.special.ndtri(uniforms)
    if math.isfinite(low):
        return low + (start - low or max(1.0, abs(low))) * np.exp(z)
    if math.isfinite(high):
        return high - (high - start or max(1.0, abs(high))) * np.exp(z)
    return start + max(1.0, abs(start)) * z


def cut_quantile(prior: AbstractPrior, low: Any, high: Any, uniform: Any) -> Array:
    """Quantile of a prior that is cut at two bounds, at ONE number in (0, 1)."""
    below, above = prior.cdf(low), prior.cdf(high)
    return jnp.asarray(prior.quantile(below + (above - below) * uniform))


@eqx.filter_jit
def _quantiles_of_prior(
    prior: AbstractPrior, low: Any, high: Any, uniforms: Float[Array | np.ndarray, " points"]
) -> Array:
    return jax.vmap(lambda uniform: cut_quantile(prior, low, high, uniform))(jnp.asarray(uniforms))
