"""Where profiles cross a level, by Newton's method on the radius and all other parameters at once.

A walk that profiles at each radius needs about three fits per end. Here each evaluation of the likelihood moves both:
with H the curvature, u the direction of the held parameters and j the others, the quadratic model of the profile along
u is f - g_j H_jj^-1 g_j / 2 + a s + c s^2 / 2, with a = u . (g - H_j H_jj^-1 g_j) and c = u . (H - H_j H_jj^-1 H_j) u.
Its root is the next radius, or the limit that comes before. Another parameter that meets a bound stays there until the
gradient pulls it back inside. A curvature is kept as long as its steps shrink the residual well and no parameter is on
a bound: value and gradient, all that is needed then, cost a quarter of it. Lanes with a curvature that is not positive,
a falling profile or a lower minimum are given up: they are for the careful walk.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.numerics import cholesky, cholesky_solve
from wilks._base.typing import Theta

from .compiled import compiled
from .lanes import by_lanes, each_lane
from .newton import SINGULAR
from .problem import Problem
from .profiles import LOWER
from .quadratic import Curvature, Quadratic, excess, quadratic

_STEPS = 12
_KEPT = 0.2  # share of a residual that a step with a kept curvature may leave, or the next one is judged anew
_CONTRACTION = 0.1  # least share of a residual that is taken to outlive a step; expected curvatures give 0.02 to 0.3
RUNNING, ARRIVED, AT_LIMIT, GIVEN_UP = range(4)


class Ends(NamedTuple):
    """Ends of the lanes: radius, point, 2 delta nll minus the level; whether they have arrived, or met their limit.

    Lanes that have arrived took one more step; their residual is what is expected to be left after it.
    """

    radius: Float[np.ndarray, " lanes"]
    theta: Float[np.ndarray, "lanes parameters"]
    residual: Float[np.ndarray, " lanes"]
    arrived: Bool[np.ndarray, " lanes"]
    at_limit: Bool[np.ndarray, " lanes"]


class _Target(NamedTuple):
    """What one lane looks for, which parameters follow, and where they may go."""

    value: Array
    level: Array
    limit: Array
    free: Array
    lower: Array
    upper: Array


class _Curve(NamedTuple):
    """A curvature H, ready for steps: factor of its free block in units of ``scale``, H u, and H_jj^-1 H_j u."""

    free: Array
    scale: Array
    factor: Array
    positive: Array
    bent: Array
    follow: Array


class _Model(NamedTuple):
    """The quadratic model at a lane's point."""

    value: Array
    gradient: Array
    curve: _Curve


class _Lane(NamedTuple):
    """Where one lane stands; the parameters that are ``loose`` follow, the other free ones are on bounds."""

    theta: Theta
    loose: Array
    radius: Array
    residual: Array
    steps: Array
    code: Array
    curve: _Curve
    anew: Array


def leap_to_crossings(
    problem: Problem,
    data: Any,
    start: Float[np.ndarray, "lanes parameters"],
    value: Float[np.ndarray, " lanes"],
    ray: Float[np.ndarray, "lanes parameters"],
    held: Bool[np.ndarray, "lanes parameters"],
    radius: Float[np.ndarray, " lanes"],
    limit: Float[np.ndarray, " lanes"],
    level: float,
    precision: float,
) -> Ends:
    """Radius at which each lane's profile of 2 delta nll crosses the level, where it is easy to find.

    Args:
        problem: likelihood, space and settings.
        data: stacked data, one per lane.
        start: first point of each lane, at its radius.
        value: excess at each lane's minimum.
        ray: change of the held parameters per unit of radius; zero for the others.
        held: which parameters are on the ray.
        radius: first radius of each lane.
        limit: radius at which a held parameter meets a bound; none is looked for beyond.
        level: threshold of 2 delta nll.
        precision: what may be missed of it, and ten times the EDM of the profile, in units of the level.
    """
    space = problem.space
    free = space.free_mask & ~held
    return Ends(
        *by_lanes(
            _leap_batch,
            problem.likelihood,
            data,
            (start, value, ray, free, radius, limit),
            (space.lowers, space.uppers, np.asarray(level), np.asarray(precision)),
            batch=problem.batch,
            curvature=problem.settings.curvature,
        )
    )


@compiled("common", "curvature", "together")
def _leap_batch(likelihood, data, arrays, alive, shared, *, common: bool, curvature: Curvature, together: bool):
    lower, upper, level, precision = shared

    def one(lane_data, start, value, ray, free, radius, limit, lane_alive) -> tuple[Array, ...]:
        target = _Target(value, level, limit, free, lower, upper)

        def judged(lane: _Lane) -> _Model:
            here = quadratic(likelihood, lane.theta, lane_data, curvature)
            return _Model(here.value, here.gradient, _curve(lane, here, ray, target))

        def kept(lane: _Lane) -> _Model:
            return _Model(*jax.value_and_grad(excess, argnums=1)(likelihood, lane.theta, lane_data), lane.curve)

        def step(lane: _Lane) -> _Lane:  # side by side both branches would be taken
            here = judged(lane) if together else jax.lax.cond(lane.anew, judged, kept, lane)
            return _leap(lane, here, ray, target, precision)

        none = jnp.zeros_like(start)
        flat = _Curve(free, none, jnp.outer(none, none), jnp.array(True), none, none)
        code = jnp.where(lane_alive, RUNNING, GIVEN_UP)
        begin = _Lane(start, free, radius, -level, jnp.array(0), code, flat, jnp.array(True))
        end = jax.lax.while_loop(lambda lane: lane.code == RUNNING, step, _inside(begin, lower, upper))
        return end.radius, end.theta, end.residual, end.code == ARRIVED, end.code == AT_LIMIT

    return each_lane(one, data, arrays, alive, common=common, together=together)


def _inside(lane: _Lane, lower: Array, upper: Array) -> _Lane:
    """Parameters that follow beyond a bound are put there."""
    inside = jnp.clip(lane.theta, lower, upper)
    met = lane.loose & ((inside <= lower) | (inside >= upper))
    return lane._replace(theta=jnp.where(met, inside, lane.theta), loose=lane.loose & ~met)


def _curve(lane: _Lane, here: Quadratic, ray: Array, target: _Target) -> _Curve:
    """The curvature at a lane's point on the parameters that follow."""
    pulled = jnp.where(lane.theta <= target.lower, here.gradient < 0, here.gradient > 0)
    free = lane.loose | (target.free & pulled)
    block = free[:, None] & free[None, :]
    scale = jnp.where(free, jnp.maximum(jnp.abs(jnp.diagonal(here.hessian)), 1e-10), 1.0) ** -0.5
    identity = jnp.eye(scale.shape[0])
    scaled = jnp.where(block, here.hessian * scale[:, None] * scale[None, :], identity)
    factor, positive = cholesky(scaled - SINGULAR * identity)
    bent = here.hessian @ ray
    return _Curve(free, scale, factor, positive, bent, cholesky_solve(factor, jnp.where(free, bent, 0.0) * scale))


def _leap(lane: _Lane, here: _Model, ray: Array, target: _Target, precision: Array) -> _Lane:
    """One step to the root of the quadratic model."""
    curve = here.curve
    gradient, pull = (jnp.where(curve.free, vector, 0.0) * curve.scale for vector in (here.gradient, curve.bent))
    nearer = cholesky_solve(curve.factor, gradient)
    edm = 0.5 * jnp.dot(gradient, nearer)
    slope = jnp.dot(ray, here.gradient) - jnp.dot(pull, nearer)
    bend = jnp.dot(ray, curve.bent) - jnp.dot(pull, curve.follow)
    over = here.value - edm - target.value - 0.5 * target.level
    inside = slope**2 - 2 * bend * over
    step = -2 * over / (slope + jnp.sqrt(jnp.maximum(inside, 0.0)))
    step = jnp.minimum(step, target.limit - lane.radius)
    theta = lane.theta + step * ray - curve.scale * (nearer + step * curve.follow)
    radius = lane.radius + step
    sound = curve.positive & (slope > 0) & (inside >= 0) & (over > -0.5 * target.level - LOWER)
    sound &= jnp.isfinite(here.value) & jnp.all(jnp.isfinite(theta)) & (radius > 0)
    ratio = 2 * jnp.abs(over) / jnp.maximum(jnp.abs(lane.residual), 1e-300)
    left = jnp.where(lane.steps > 0, jnp.clip(ratio, _CONTRACTION, 1.0), 1.0)  # share of a residual after a step
    sharp = sound & (10 * edm * left**2 <= precision * target.level)
    arrived = sharp & (2 * jnp.abs(over) * left <= precision * target.level)
    stuck = sharp & (over < 0) & (lane.radius >= target.limit)
    lost = ~sound | (lane.steps >= _STEPS)
    code = jnp.where(stuck, AT_LIMIT, jnp.where(lost, GIVEN_UP, RUNNING))
    code = jnp.where(arrived, ARRIVED, code)
    residual = jnp.where(arrived, left, 1.0) * 2 * over
    moved = _Lane(theta, curve.free, radius, residual, lane.steps + 1, code, curve, jnp.array(False))
    moved = _inside(moved, target.lower, target.upper)
    slow = (lane.steps > 0) & (ratio > _KEPT)
    return moved._replace(anew=slow | jnp.any(moved.loose != target.free))
