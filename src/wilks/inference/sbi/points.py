"""What procedures ask at many points of a space: draws of the prior, its density, prior quantiles, likelihoods."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidParameter
from wilks._base.typing import Key
from wilks.inference.lanes import map_lanes, stack_lanes
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import prepare
from wilks.parameters.joint_priors import joined_shares, joined_values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .switches import draw_switches

_BLOCK = 4096  # points of one compiled call; fewer are padded to a power of two

Points = Float[np.ndarray, "points parameters"]
"""Values of all parameters of a space, held ones included, one row per point."""


def in_blocks(function: Callable[[np.ndarray], Any], rows: np.ndarray, block: int = _BLOCK) -> np.ndarray:
    """A batched function of rows, called with blocks of equal shape; the last row pads the last block."""
    count = len(rows)
    size = min(block, 1 << max(count - 1, 0).bit_length())
    pieces = []
    for first in range(0, count, size):
        where = np.minimum(np.arange(first, first + size), count - 1)
        pieces.append(np.asarray(function(rows[where])))
    return np.concatenate(pieces)[:count] if pieces else np.zeros(0)


def refuse_improper(space: ParameterSpace) -> None:
    """Refuse a space with a free parameter that has no prior.

    Raises:
        InvalidParameter: naming the parameters.
    """
    flat = [name for name in space.free if space[name].prior is None]
    if flat:
        raise InvalidParameter(
            f"{', '.join(flat)}: no prior; simulation-based inference needs a proper prior of every free parameter, "
            "e.g. Uniform(0, 1), LogUniform(1e-3, 1) or Normal(0, 1)"
        )


def prior_draws(key: Key, space: ParameterSpace, n: int) -> Points:
    """Independent draws of the prior within the bounds, of switches, too; held parameters at their values."""
    refuse_improper(space)
    uniforms = np.asarray(jax.random.uniform(key, (n, len(space.free)), float, 2.0**-53))
    return np.asarray(draw_switches(key, space, values_at(space, uniforms)))


def values_at(space: ParameterSpace, shares: Float[np.ndarray, "points free"]) -> Points:
    """Points below which given shares of the prior within the bounds lie; the inverse of `prior_quantiles`."""
    theta = np.tile(space.starts, (len(shares), 1))
    if space.free and len(shares):
        theta[:, space.free_mask] = in_blocks(lambda rows: _from_quantiles(space, rows), shares)
    return theta


def log_priors(space: ParameterSpace, theta: Points) -> Float[np.ndarray, " points"]:
    """Logarithm of the prior density per declared unit; -inf outside the bounds."""
    return in_blocks(lambda rows: _log_priors(space, rows), theta)


def prior_quantiles(space: ParameterSpace, theta: Points) -> Float[np.ndarray, "points free"]:
    """Share of the prior within the bounds that lies below each free parameter: uniform in [0, 1] under the prior."""
    columns = [_quantiles(space, name, theta[:, space.index(name)]) for name in space.free]
    shares = np.stack(columns, axis=1) if columns else np.zeros((len(theta), 0))
    return np.asarray(joined_shares(space.blocks, shares, theta[:, space.free_mask])) if space.blocks else shares


def log_likelihoods(likelihood: AbstractLikelihood, data: Any, theta: Points) -> Float[np.ndarray, " points"]:
    """Log likelihood of one set of data at many points, in the order of the likelihood's space.

    Args:
        likelihood: judges the data.
        data: as users hand them over.
        theta: points; bounds are not looked at.
    """
    lanes = stack_lanes(prepare(likelihood, data), len(theta))
    return -map_lanes(_nll, likelihood, lanes, theta)


def _nll(likelihood, theta, data, excess, nll):
    return nll


def _quantiles(space: ParameterSpace, name: str, values: np.ndarray) -> np.ndarray:
    parameter = space[name]
    assert parameter.prior is not None
    prior, low, high = parameter.prior, parameter.lower, parameter.upper
    share = in_blocks(lambda rows: _cdf(prior, rows), np.append(values, [low, high]))
    return np.clip((share[:-2] - share[-2]) / (share[-1] - share[-2]), 0.0, 1.0)


@eqx.filter_jit
def _from_quantiles(space, shares):
    columns = [_cut_quantile(space[name], shares[:, i]) for i, name in enumerate(space.free)]
    return joined_values(space.blocks, jnp.stack(columns, axis=1), shares)


def _cut_quantile(parameter: Parameter, shares: Float[Array, " points"]) -> Float[Array, " points"]:
    """Values below which given shares of the prior within the bounds lie."""
    prior = parameter.prior
    assert prior is not None
    below, above = prior.cdf(parameter.lower), prior.cdf(parameter.upper)
    values = jax.vmap(prior.quantile)(below + (above - below) * shares)
    return jnp.clip(values, parameter.lower, parameter.upper)


@eqx.filter_jit
def _log_priors(space, theta):
    return jax.vmap(lambda point: space.log_prior(space.unpack(point)))(theta)


@eqx.filter_jit
def _cdf(prior, values):
    return jax.vmap(prior.cdf)(jnp.asarray(values))
