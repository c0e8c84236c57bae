"""Second derivatives of a likelihood from gradients of the program that fits it: nothing else is compiled."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks.inference.lanes import fit_lanes, stack_lanes
from wilks.inference.problem import pose
from wilks.likelihood.unbinned import Unbinned, UnbinnedData
from wilks.parameters.space import ParameterSpace

_WANTED = 0.02  # step of a difference in standard errors
_FINE, _COARSE = 2e-3, 0.1  # smallest and largest that do
_OF_WIDTH = 4e-3  # first step as a share of the room between the bounds
_OF_VALUE = 1e-3  # and of the value where there are none
_OF_RATE = 1e-5  # and of a rate multiplier, whose derivatives nothing disturbs
_TRIES = 3
_FEW = 2  # shape parameters up to which the program of fits is as fast as one of gradients

Theta = Float[np.ndarray, " parameters"]


def hessian_of_nll(
    likelihood: Unbinned,
    data: UnbinnedData,
    theta: Theta,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    *,
    often: bool = False,
) -> Float[np.ndarray, "parameters parameters"]:
    """Second derivatives of -ln L: central differences of exact gradients, a fiftieth of an error apart.

    Args:
        likelihood: the likelihood.
        data: as it takes them.
        theta: parameters.
        bounds: ``(lower, upper)`` of some parameters, which say how far a step may go.
        often: compile a program of gradients alone, which pays off for many parameters and several calls.
    """
    steps = _first_steps(likelihood.space, theta, bounds or {})
    often = often and len(likelihood.shapes) > _FEW
    hessian = _differences(likelihood, data, theta, steps, often)
    for _ in range(_TRIES):
        curved = np.abs(np.diag(hessian))
        known = np.isfinite(curved) & (curved > 0) & ~_are_rates(likelihood.space)
        errors = np.where(known, curved, 1.0) ** -0.5
        off = known & ((steps < _FINE * errors) | (steps > _COARSE * errors))
        if not off.any():
            break
        steps = np.where(off, _WANTED * errors, steps)
        hessian = _differences(likelihood, data, theta, steps, often)
    return hessian


def _first_steps(space: ParameterSpace, theta: Theta, bounds: Mapping[str, tuple[Any, Any]]) -> Theta:
    ends = [bounds.get(p.name, (p.lower, p.upper)) for p in space.parameters]
    width = np.array([np.inf if None in end else float(end[1]) - float(end[0]) for end in ends])
    of_value = np.where(_are_rates(space), _OF_RATE, _OF_VALUE) * np.maximum(np.abs(theta), 1e-6)
    bounded = np.isfinite(width) & ~_are_rates(space)
    return np.where(bounded, _OF_WIDTH * np.where(bounded, width, 1.0), of_value)


def _are_rates(space: ParameterSpace) -> Bool[np.ndarray, " parameters"]:
    return np.array([name.endswith("_rate_multiplier") for name in space.names], dtype=bool)


def _differences(
    likelihood: Unbinned, data: UnbinnedData, theta: Theta, steps: Theta, often: bool
) -> Float[np.ndarray, "parameters parameters"]:
    moves = np.concatenate([np.diag(steps), -np.diag(steps)])
    points = np.clip(
        theta + moves, np.minimum(likelihood.space.lowers, theta), np.maximum(likelihood.space.uppers, theta)
    )
    gradients = np.asarray(_compiled(likelihood, data, points)) if often else _gradients(likelihood, data, points)
    size = len(theta)
    apart = np.diag(points[:size] - points[size:])
    hessian = (gradients[:size] - gradients[size:]) / apart[:, None]
    return 0.5 * (hessian + hessian.T)


def _gradients(
    likelihood: Unbinned, data: UnbinnedData, points: Float[np.ndarray, "points parameters"]
) -> Float[np.ndarray, "points parameters"]:
    """Gradient of -ln L at points: lanes of a fit that take no step."""
    problem = pose(likelihood, data)
    settings = problem.settings._replace(max_iterations=0)
    free = np.ones(points.shape, dtype=bool)
    lanes = stack_lanes(problem.data, len(points))
    return fit_lanes(likelihood, lanes, points, free, problem.space, settings).gradient


@eqx.filter_jit
def _compiled(
    likelihood: Unbinned, data: UnbinnedData, points: Float[Array | np.ndarray, "points parameters"]
) -> Float[Array, "points parameters"]:
    return jax.lax.map(jax.grad(lambda at: -likelihood.log_prob(likelihood.space.unpack(at), data)), points)
