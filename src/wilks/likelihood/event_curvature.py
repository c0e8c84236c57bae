"""Second derivatives of likelihoods of events: differences of the gradient, taken where it is compiled once."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.typing import Scalar, Theta

from .expansions import AbstractExpandedLikelihood, Expanded

_STEP = 0.005  # of a difference, in standard errors
_RELATIVE = 1e-4  # step relative to a parameter that nothing measures


@eqx.filter_custom_jvp
def curved_excess(theta: Theta, likelihood: AbstractExpandedLikelihood, data: Any) -> Scalar:
    """-ln L, whose derivatives are those of ``likelihood.expand`` and differences of these, not of its code.

    The second derivative of a sum over thousands of hidden numbers takes long to compile, and longer than the first to
    run. Differences of exact gradients give errors of smooth densities to 2e-6 and need one copy of the program of the
    first.

    Args:
        theta: parameters.
        likelihood: a likelihood with free rates whose part of ``expand``'s curvature is exact.
        data: as it takes them.
    """
    return -likelihood.log_prob(likelihood.space.unpack(theta), data)


@curved_excess.def_jvp
def _curved_excess_jvp(at, move):
    theta, likelihood, data = at
    value, slope = _with_slope(theta, likelihood, data)
    return value, slope @ move[0]


@eqx.filter_custom_jvp
def _with_slope(theta, likelihood, data):
    here = likelihood.expand(theta, data)
    return here.value, here.gradient


@_with_slope.def_jvp
def _with_slope_jvp(at, move):
    theta, likelihood, data = at
    here = by_differences(
        lambda point: likelihood.expand(point, data), theta, likelihood.shapes, likelihood.space.lowers,
        likelihood.space.uppers,
    )  # fmt: skip
    return (here.value, here.gradient), (here.gradient @ move[0], here.curvature @ move[0])


def by_differences(
    expand: Callable[[Theta], Expanded],
    theta: Theta,
    moved: tuple[int, ...],
    lowers: Float[np.ndarray, " parameters"],
    uppers: Float[np.ndarray, " parameters"],
) -> Expanded:
    """Value, gradient and full curvature at a point, with the function written into the program once.

    Args:
        expand: value, gradient, and a curvature that is exact among the parameters that are not moved.
        theta: the point.
        moved: places of the parameters whose rows of the curvature are central differences of the gradient.
        lowers: bounds that differences do not cross; on a bound they are one-sided.
        uppers: likewise.
    """
    size = theta.shape[0]
    ways = jnp.asarray(np.concatenate([np.zeros((1, size)), *[_both_ways(size, i) for i in moved]]))

    def step(reach: Float[Array, " parameters"], way: Float[Array, " parameters"]):
        point = jnp.clip(theta + reach * way, jnp.minimum(lowers, theta), jnp.maximum(uppers, theta))
        found = expand(point)
        first = jnp.all(way == 0)
        return jnp.where(first, _reach(theta, found.curvature), reach), (found, point)

    _, (found, points) = jax.lax.scan(step, jnp.zeros(size), ways)
    curvature = found.curvature[0]
    if moved:
        where = np.array(moved)
        rows = _rows(found.gradient[1:], points[1:], where)
        curvature = curvature.at[where].set(rows).at[:, where].set(rows.T)
        block = rows[:, where]
        curvature = curvature.at[np.ix_(where, where)].set(0.5 * (block + block.T))
    return Expanded(found.value[0], found.gradient[0], curvature)


def _both_ways(size: int, place: int) -> Float[np.ndarray, "2 parameters"]:
    ways = np.zeros((2, size))
    ways[:, place] = 1.0, -1.0
    return ways


def _reach(theta, curvature):
    measured = jnp.diagonal(curvature)
    known = measured > 0
    error = jnp.where(known, 1.0 / jnp.sqrt(jnp.where(known, measured, 1.0)), jnp.inf)
    return jnp.minimum(_STEP * error, jnp.where(known, jnp.inf, _RELATIVE * jnp.maximum(jnp.abs(theta), 1e-3)))


def _rows(
    gradients: Float[Array, "points parameters"],
    points: Float[Array, "points parameters"],
    where: Int[np.ndarray, " moved"],
) -> Float[Array, "moved parameters"]:
    """Difference of the gradients up and down, divided by the distance."""
    apart = points[0::2, where][np.arange(len(where)), np.arange(len(where))]
    apart = apart - points[1::2, where][np.arange(len(where)), np.arange(len(where))]
    return (gradients[0::2] - gradients[1::2]) / apart[:, None]
