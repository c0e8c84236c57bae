"""A flavour likelihood at lists of points: chi-square, its shares and the best neutrino scale, as numpy arrays."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .building import FlavorLikelihood
from .stacks import in_chunks, rows_of

PerPoint = Float[np.ndarray, " points"]
Points = Mapping[str, PerPoint] | Float[np.ndarray, "points parameters"]


def chi2_of_points(likelihood: FlavorLikelihood, points: Points, data: Any = None) -> PerPoint:
    """Chi-square of each point; infinite where it is not defined.

    Args:
        likelihood: the likelihood.
        points: arrays by parameter name, or one row per point in the order of the likelihood's space.
        data: observed data, as the likelihood takes them; the published ones by default.

    Raises:
        UnknownName: for a name that is no parameter.
    """
    return _over(_chi2, likelihood, points, data)


def shares_of_points(likelihood: FlavorLikelihood, points: Points, data: Any = None) -> dict[str, PerPoint]:
    """Chi-square of each point by observable, and the offset above the other ordering.

    Args and errors as for `chi2_of_points`.
    """
    return _over(_shares, likelihood, points, data)


def scales_of_points(likelihood: FlavorLikelihood, points: Points, data: Any = None) -> PerPoint:
    """Lambda in eV of each point, where it is profiled at its best: ``evaluate(model, points, scale=...)`` takes it.

    Args and errors as for `chi2_of_points`.
    """
    return _over(_scales, likelihood, points, data)


def _over(function: Any, likelihood: FlavorLikelihood, points: Points, data: Any) -> Any:
    theta = rows_of(likelihood.space, points)
    prepared = likelihood.prepare(data)
    return in_chunks(lambda batch: function(likelihood, batch, prepared), theta, len(theta))


@eqx.filter_jit
def _chi2(likelihood: FlavorLikelihood, theta: Float[Array, "points parameters"], data: Array) -> Any:
    return jax.vmap(lambda at: 2.0 * likelihood.excess(likelihood.space.unpack(at), data))(theta)


@eqx.filter_jit
def _shares(likelihood: FlavorLikelihood, theta: Float[Array, "points parameters"], data: Array) -> Any:
    return jax.vmap(lambda at: dict(likelihood.contributions(likelihood.space.unpack(at), data)))(theta)


@eqx.filter_jit
def _scales(likelihood: FlavorLikelihood, theta: Float[Array, "points parameters"], data: Array) -> Any:
    return jax.vmap(lambda at: jnp.asarray(likelihood.neutrino_scale(likelihood.space.unpack(at), data)))(theta)
