"""Second derivatives of a likelihood from gradients of the program that fits it: nothing else is compiled."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

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

    def gradients(points: Float[np.ndarray, "points parameters"]) -> Float[np.ndarray, "points parameters"]:
        if often and len(likelihood.shapes) > _FEW:
            return np.asarray(_compiled(likelihood, data, points))
        return at_points(likelihood, likelihood.prepare(data), points).gradient

    return hessian_by_differences(gradients, likelihood.space, theta, bounds)


@eqx.filter_jit
def _compiled(
    likelihood: Unbinned, data: UnbinnedData, points: Float[Array | np.ndarray, "points parameters"]
) -> Float[Array, "points parameters"]:
    return jax.lax.map(jax.grad(lambda at: -likelihood.log_prob(likelihood.space.unpack(at), data)), points)
