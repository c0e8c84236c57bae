"""Second derivatives of a likelihood from gradients of the program that fits it: nothing else is compiled."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks.inference.event_hessian import at_points, hessian_by_differences
from wilks.likelihood.unbinned import Unbinned, UnbinnedData

_FEW = 2  # shape parameters up to which the program of fits is as fast as one of gradients


def hessian_of_nll(
    likelihood: Unbinned,
    data: UnbinnedData,
    theta: Float[np.ndarray, " parameters"],
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    *,
    often: bool = False,
) -> Float[np.ndarray, "parameters parameters"]:
    """Second derivatives of -ln L: central differences of exact gradients, a hundredth of an error apart.

    Args:
        likelihood: the likelihood.
        data: as it takes them.
        theta: parameters.
        bounds: ``(lower, upper)`` of some parameters, which say how far a step may go.
        often: compile a program of gradients alone, which pays off for many parameters and several calls.
    """

    prepared = likelihood.prepare(data)
    if not often or len(likelihood.shapes) <= _FEW:
        return hessian_by_differences(
            lambda points: at_points(likelihood, prepared, points).gradient, likelihood.space, theta, bounds
        )
    tabulated = likelihood.table_shapes

    def gradients(points: Float[np.ndarray, "points parameters"]) -> Float[np.ndarray, "points parameters"]:
        moves = (points != theta)[:, list(tabulated)].any(axis=1)
        moves |= np.roll(moves, len(points) // 2)  # the other end of a difference
        found = np.zeros_like(points)
        for chosen, hold in ((moves, False), (~moves, True)):
            found[chosen] = _gradients(likelihood, prepared, theta, points[chosen], hold=hold)
        return found

    return hessian_by_differences(gradients, likelihood.space, theta, bounds, tabulated=tabulated)


def _gradients(
    likelihood: Unbinned,
    data: UnbinnedData,
    theta: Float[np.ndarray, " parameters"],
    points: Float[np.ndarray, "points parameters"],
    *,
    hold: bool,
) -> Float[np.ndarray, "points parameters"]:
    """Gradients of -ln L at up to two points per parameter: one program for any number of them."""
    count = len(points)
    if not count:
        return points
    padded = np.concatenate([points, np.tile(theta, (2 * len(theta) - count, 1))])
    return np.asarray(_compiled(likelihood, data, theta, padded, np.asarray(count), hold))[:count]


@eqx.filter_jit
def _compiled(
    likelihood: Unbinned,
    data: UnbinnedData,
    theta: Float[Array | np.ndarray, " parameters"],
    points: Float[Array | np.ndarray, "points parameters"],
    count: Int[Array | np.ndarray, ""],
    hold: bool,
) -> Float[Array, "points parameters"]:
    """Gradients at the first points; ``hold`` computes tables once, at theta, for derivatives in other parameters."""
    ready = likelihood.with_tables_at(jnp.asarray(theta)) if hold else likelihood
    slope = jax.grad(lambda at: -ready.log_prob(ready.space.unpack(at), data))

    def put(index: Any, found: Float[Array, "points parameters"]) -> Float[Array, "points parameters"]:
        return found.at[index].set(slope(jnp.asarray(points)[index]))

    return jax.lax.fori_loop(0, count, put, jnp.zeros(points.shape))
