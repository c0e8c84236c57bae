"""Projected BFGS minimisation of lanes inside a box, from values and gradients alone.

Each iteration evaluates value and gradient once, at the trial point. The inverse curvature is built from the last steps
and the changes of the gradient along them, on the parameters that may move: those that are fixed, or sit on a bound
with the gradient pointing out, leave the free block, and a step is clipped to the box, so bounds are reached exactly.
A matrix is never stored: memory grows as the number of parameters, not as its square.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from wilks._base.typing import Scalar, Theta
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace

from .compiled import compiled
from .lanes import LaneFits, Settings, by_lanes, each_lane
from .newton import CONVERGED, EXHAUSTED, NONFINITE, RUNNING, Box
from .quadratic import excess
from .starts import prefit_scales

_REMEMBERED = 20  # steps from which the inverse curvature is built
_DECREASE = 1e-4  # share of the decrease promised by the slope from which a step is accepted
_SLACK = 1e-13  # relative rounding of a sum of many cells, below which values are not compared but slopes are
_POSITIVE = 1e-10  # cosine between step and change of the gradient from which the step tells the curvature
_SHORTEST = 1e-12  # share of a step below which there is no lower point along it
_SETTLED = 2  # points in a row whose EDM is below the tolerance: the estimate of one may be too low

ValueAndGradient = Callable[[Theta], tuple[Scalar, Float[Array, " parameters"]]]


class Descent(NamedTuple):
    """Where one minimisation stands; ``steps`` and ``changes`` are rows, the latest last, zero where there is none."""

    theta: Theta
    value: Scalar
    gradient: Float[Array, " parameters"]
    steps: Float[Array, "remembered parameters"]
    changes: Float[Array, "remembered parameters"]
    trial: Theta
    reach: Scalar
    edm: Scalar
    settled: Int[Array, ""]
    iterations: Int[Array, ""]
    code: Int[Array, ""]


def descend_lanes(
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, "lanes parameters"],
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    settings: Settings,
    *,
    batch: int | None = None,
) -> LaneFits:
    """Minimise every lane by values and gradients; arguments as for `wilks.inference.lanes.fit_lanes`."""
    box = (space.lowers, space.uppers, prefit_scales(likelihood, space))
    limits = (np.asarray(settings.tolerance), np.asarray(settings.descents))
    return LaneFits(*by_lanes(_descend_batch, likelihood, data, (start, free), (box, limits), batch=batch))


@compiled("common", "together")
def _descend_batch(likelihood, data, arrays, alive, shared, *, common: bool, together: bool):
    (lower, upper, scales), (tolerance, most) = shared

    def one(lane_data: Any, start: Array, free: Array, lane_alive: Array) -> tuple[Array, ...]:
        objective = jax.value_and_grad(lambda theta: excess(likelihood, theta, lane_data))
        end = descend(objective, start, Box(lower, upper, free), scales, lane_alive, tolerance, most)
        return end.theta, end.value, end.gradient, end.edm, end.iterations, end.code

    return each_lane(one, data, arrays, alive, common=common, together=together)


def descend(
    objective: ValueAndGradient,
    start: Theta,
    box: Box,
    scales: Float[Array, " parameters"],
    alive: Bool[Array, ""],
    tolerance: Scalar,
    most: Int[Array, ""],
) -> Descent:
    """Minimum of an objective from one start; a lane that is not alive does no work.

    Args:
        objective: value and gradient at a point.
        start: first point.
        box: where the lane may go.
        scales: how far each parameter may go in the first step; their ratios matter.
        alive: whether it is to be run at all.
        tolerance: estimated EDM at which it stops.
        most: limit of evaluations.

    References:
        J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed., algorithm 7.4 and eq. 7.20 (inverse curvature of
        the last steps); D. P. Bertsekas, SIAM J. Control Optim. 20 (1982) 221 (projected steps).
    """
    size = start.shape[0]
    first = Descent(
        theta=start,
        value=jnp.array(jnp.inf),
        gradient=jnp.zeros(size),
        steps=jnp.zeros((_REMEMBERED, size)),
        changes=jnp.zeros((_REMEMBERED, size)),
        trial=start,
        reach=jnp.array(1.0),
        edm=jnp.array(jnp.inf),
        settled=jnp.array(0),
        iterations=jnp.array(0),
        code=jnp.where(alive, RUNNING, EXHAUSTED),
    )

    def iterate(lane: Descent) -> Descent:
        judged, moved = _judge_trial(lane, *objective(lane.trial))
        return _propose(judged, moved, box, scales, tolerance, most)

    return jax.lax.while_loop(lambda lane: lane.code == RUNNING, iterate, first)


def _judge_trial(
    lane: Descent, value: Scalar, gradient: Float[Array, " parameters"]
) -> tuple[Descent, Bool[Array, ""]]:
    """Go to the trial point and remember what the step shows, or shorten the step; and which of the two."""
    first = lane.iterations == 0
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    step, change = lane.trial - lane.theta, gradient - lane.gradient
    old = jnp.where(first, value, lane.value)
    slope, slope_there = jnp.dot(lane.gradient, step), jnp.dot(gradient, step)
    level = (value <= old + _SLACK * jnp.maximum(1.0, jnp.abs(old))) & (jnp.abs(slope_there) <= 0.5 * jnp.abs(slope))
    accept = finite & (first | ((slope < 0) & ((value <= old + _DECREASE * slope) | level)))

    along = jnp.dot(step, change)
    told = accept & ~first & (along > _POSITIVE * jnp.linalg.norm(step) * jnp.linalg.norm(change))
    bend = value - old - slope  # of the parabola through the two values and the slope
    shorter = jnp.where(finite & (bend > 0), jnp.clip(-slope / (2 * jnp.where(bend > 0, bend, 1.0)), 0.1, 0.5), 0.1)
    onward = jnp.where(told | first, 1.0, 4 * lane.reach)  # without curvature along the step, go further

    def remember(rows: Array, row: Array) -> Array:
        return jnp.where(told, jnp.concatenate([rows[1:], row[None]]), rows)

    judged = lane._replace(
        theta=jnp.where(accept, lane.trial, lane.theta),
        value=jnp.where(accept, value, lane.value),
        gradient=jnp.where(accept, gradient, lane.gradient),
        steps=remember(lane.steps, step),
        changes=remember(lane.changes, change),
        reach=jnp.where(accept, onward, lane.reach * shorter),
        iterations=lane.iterations + 1,
        code=jnp.where(first & ~finite, NONFINITE, RUNNING),
    )
    return judged, accept


def _propose(
    lane: Descent, moved: Bool[Array, ""], box: Box, scales: Array, tolerance: Scalar, most: Int[Array, ""]
) -> Descent:
    """Check convergence at the accepted point and propose the next trial."""
    lost = lane.reach < _SHORTEST  # the remembered steps lead nowhere: begin anew along the gradient
    fresh = ~jnp.any(lane.changes[-1] != 0)
    steps, changes = (jnp.where(lost, 0.0, rows) for rows in (lane.steps, lane.changes))
    reach = jnp.where(lost, 1.0, lane.reach)

    at_lower, at_upper = lane.theta <= box.lower, lane.theta >= box.upper
    free = box.free & ~(at_lower & (lane.gradient > 0)) & ~(at_upper & (lane.gradient < 0))
    gradient = jnp.where(free, lane.gradient, 0.0)
    newton = _inverse_times(steps, changes, gradient, free, scales)
    edm = 0.5 * jnp.dot(gradient, newton)

    def trial_along(direction: Array) -> Array:
        return jnp.where(free, jnp.clip(lane.theta - reach * direction, box.lower, box.upper), lane.theta)

    steepest = gradient * scales**2
    steepest = steepest / jnp.maximum(1.0, jnp.max(jnp.abs(steepest) / scales, initial=0.0))
    trial = trial_along(jnp.where(fresh | lost, steepest, newton))
    downhill = jnp.dot(gradient, trial - lane.theta) < 0
    trial = jnp.where(downhill, trial, trial_along(steepest))  # a step cut off by bounds may lead uphill

    small = edm < tolerance
    settled = jnp.where(moved, jnp.where(small, lane.settled + 1, 0), lane.settled)
    ended = ~jnp.any(gradient != 0) | (small & ((settled >= _SETTLED) | (lost & fresh)))
    exhausted = (lane.iterations >= most) | (lost & fresh)
    code = jnp.where(ended, CONVERGED, jnp.where(exhausted, EXHAUSTED, RUNNING))
    return lane._replace(
        steps=steps,
        changes=changes,
        reach=reach,
        trial=trial,
        edm=edm,
        settled=settled,
        code=jnp.where(lane.code == NONFINITE, NONFINITE, code),
    )


def _inverse_times(
    steps: Float[Array, "remembered parameters"],
    changes: Float[Array, "remembered parameters"],
    vector: Float[Array, " parameters"],
    free: Bool[Array, " parameters"],
    scales: Float[Array, " parameters"],
) -> Float[Array, " parameters"]:
    """Inverse curvature on the free block times a vector that is zero elsewhere (two loops of algorithm 7.4)."""
    moves, turns = jnp.where(free[None], steps, 0.0), jnp.where(free[None], changes, 0.0)
    along = jnp.sum(moves * turns, axis=1)
    size = jnp.linalg.norm(moves, axis=1) * jnp.linalg.norm(turns, axis=1)
    usable = along > _POSITIVE * size
    rates = jnp.where(usable, 1.0 / jnp.where(usable, along, 1.0), 0.0)
    stretched = jnp.sum((turns * scales[None]) ** 2, axis=1)
    known = jnp.where(usable, along / jnp.where(stretched > 0, stretched, 1.0), 0.0)  # eq. 7.20
    latest = jnp.max(jnp.where(usable, jnp.arange(_REMEMBERED), -1))
    start = jnp.where(latest >= 0, known[latest], 1.0)

    def back(left: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        move, turn, rate = row
        part = rate * jnp.dot(move, left)
        return left - part * turn, part

    def forth(found: Array, row: tuple[Array, Array, Array, Array]) -> tuple[Array, None]:
        move, turn, rate, part = row
        return found + move * (part - rate * jnp.dot(turn, found)), None

    left, parts = jax.lax.scan(back, vector, (moves, turns, rates), reverse=True)
    return jax.lax.scan(forth, start * scales**2 * left, (moves, turns, rates, parts))[0]
