"""Second derivatives of likelihoods of events, by differences of gradients that the program of fits computes anyway."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks.likelihood.event_likelihood import AbstractEventLikelihood
from wilks.parameters.space import ParameterSpace

from .lanes import LaneFits, Settings, fit_lanes, stack_lanes

_WANTED = 0.005  # step of a difference in standard errors: its square, over 25, is the relative error that it makes
_FINE, _COARSE = 1e-3, 0.015  # smallest and largest that do
_OF_WIDTH = 1.5e-3  # first step as a share of the room between the bounds: right if that is one to ten errors
_OF_VALUE = 1e-3  # and of the value where there are none
_OF_RATE = 1e-5  # and of a rate multiplier, whose derivatives nothing disturbs
_TRIES = 3

Theta = Float[np.ndarray, " parameters"]
Gradients = Callable[[Float[np.ndarray, "points parameters"]], Float[np.ndarray, "points parameters"]]


def hessian_by_differences(
    gradients: Gradients,
    space: ParameterSpace,
    theta: Theta,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    *,
    tabulated: tuple[int, ...] = (),
) -> Float[np.ndarray, "parameters parameters"]:
    """Second derivatives: central differences of exact gradients, a hundredth of an error apart.

    Args:
        gradients: gradient at each of some points.
        space: the parameters; differences stay inside its bounds, and are one-sided on one.
        theta: where.
        bounds: ``(lower, upper)`` of some parameters, which say how far a first step may go; those of the space by
            default.
        tabulated: places of parameters whose derivatives are right only at points that move one of them; the others'
            rows take them by symmetry.
    """
    steps = _first_steps(space, theta, bounds or {})
    every = np.arange(len(theta))
    rows = _rows(gradients, space, theta, steps, every)
    for _ in range(_TRIES):
        curved = np.abs(np.diag(rows))
        known = np.isfinite(curved) & (curved > 0) & ~_are_rates(space)
        errors = np.where(known, curved, 1.0) ** -0.5
        off = known & ((steps < _FINE * errors) | (steps > _COARSE * errors))
        if not off.any():
            break
        steps = np.where(off, _WANTED * errors, steps)
        rows[off] = _rows(gradients, space, theta, steps, every[off])
    known = np.ones(rows.shape)
    known[:, list(tabulated)] = np.isin(every, tabulated)[:, None]
    return (np.where(known > 0, rows, 0.0) + np.where(known.T > 0, rows.T, 0.0)) / (known + known.T)


def at_points(
    likelihood: AbstractEventLikelihood, data: Any, points: Float[np.ndarray, "points parameters"]
) -> LaneFits:
    """Value and gradient of -ln L at points: lanes of a fit that take no step; not finite where there is no value."""
    free = np.ones(points.shape, dtype=bool)
    lanes = stack_lanes(data, len(points))
    found = fit_lanes(likelihood, lanes, points, free, likelihood.space, Settings(max_iterations=0))
    return found._replace(gradient=np.where(np.isfinite(found.value)[:, None], found.gradient, np.nan))


def _first_steps(space: ParameterSpace, theta: Theta, bounds: Mapping[str, tuple[Any, Any]]) -> Theta:
    ends = [bounds.get(p.name, (p.lower, p.upper)) for p in space.parameters]
    width = np.array([np.inf if None in end else float(end[1]) - float(end[0]) for end in ends])
    of_value = np.where(_are_rates(space), _OF_RATE, _OF_VALUE) * np.maximum(np.abs(theta), 1e-6)
    bounded = np.isfinite(width) & ~_are_rates(space)
    return np.where(bounded, _OF_WIDTH * np.where(bounded, width, 1.0), of_value)


def _are_rates(space: ParameterSpace) -> Bool[np.ndarray, " parameters"]:
    return np.array([name.endswith("_rate_multiplier") for name in space.names], dtype=bool)


def _rows(
    gradients: Gradients, space: ParameterSpace, theta: Theta, steps: Theta, moved: Int[np.ndarray, " moved"]
) -> Float[np.ndarray, "moved parameters"]:
    """Rows of the Hessian of the parameters that are moved."""
    moves = np.diag(steps)[moved]
    low, high = np.minimum(space.lowers, theta), np.maximum(space.uppers, theta)
    points = np.clip(theta + np.concatenate([moves, -moves]), low, high)
    found = np.asarray(gradients(points))
    above, below = np.split(points, 2)
    apart = (above - below)[np.arange(len(moved)), moved]
    upper, lower = np.split(found, 2)
    return (upper - lower) / apart[:, None]
