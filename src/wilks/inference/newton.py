"""Projected trust-region Newton minimisation of one lane inside a box, written to be batched.

Each iteration evaluates value, gradient and curvature once, at the trial point. Parameters that are fixed, or sit on a
bound with the gradient pointing out, leave the free block; a step is clipped to the box, so bounds are reached exactly.
The lane stops when the estimated distance to the minimum, EDM = g^T H^-1 g / 2, falls below the tolerance with H
positive definite.

Where the objective gives only a part P of its curvature (products of scores; what is expected of templates that scale
and morph), the rest S is learned from the change of the gradient along each accepted step, by the symmetric rank-one
update; H = P + S where that is positive definite.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from wilks._base.numerics import WRITTEN_OUT_UP_TO, cholesky, cholesky_solve
from wilks._base.typing import Scalar, Theta

from .quadratic import Quadratic

RUNNING, CONVERGED, EXHAUSTED, NONFINITE, FLAT = range(5)
"""How a lane stands: running, minimum found, out of iterations, not finite, gradient gone but curvature singular."""

ACCEPT = 1e-4
"""Smallest ratio of actual to predicted decrease that is accepted."""

DAMPING_START = 1e-3
"""Smallest damping other than none."""

SINGULAR = 1e-10
"""Smallest eigenvalue of the unit-diagonal curvature that counts as positive."""

_USABLE = 1e-12  # smallest squared cosine between step and missed change from which curvature is learned
_NEAR = 1.0  # predicted decrease of -ln L below which what a step shows will hold at the minimum
_DAMPING_LIMIT = 1e14
_WRITTEN_OUT_ALONE = 3  # size of matrices up to which written-out algebra compiles as quickly as calls of LAPACK


class Lane(NamedTuple):
    """Where one minimisation stands."""

    theta: Theta
    value: Scalar
    gradient: Float[Array, " parameters"]
    hessian: Float[Array, "parameters parameters"]
    learned: Float[Array, "parameters parameters"]
    trial: Theta
    predicted: Scalar
    damping: Scalar
    edm: Scalar
    iterations: Int[Array, ""]
    code: Int[Array, ""]


class _Algebra(NamedTuple):
    """Factorisations of curvatures, written out up to a size."""

    written_out_up_to: int = WRITTEN_OUT_UP_TO

    def factor(self, matrix: Float[Array, "n n"]) -> tuple[Float[Array, "n n"], Bool[Array, ""]]:
        return cholesky(matrix, self.written_out_up_to)

    def solve(self, factor: Float[Array, "n n"], right: Float[Array, " n"]) -> Float[Array, " n"]:
        return cholesky_solve(factor, right, self.written_out_up_to)


class Box(NamedTuple):
    """Where a lane may go: bounds, and which parameters are free."""

    lower: Float[Array, " parameters"]
    upper: Float[Array, " parameters"]
    free: Bool[Array, " parameters"]


def minimise_lane(
    objective: Callable[[Theta], Quadratic],
    start: Theta,
    box: Box,
    alive: Bool[Array, ""],
    tolerance: Scalar,
    max_iterations: Int[Array, ""],
    *,
    learn: bool = False,
    alone: bool = False,
) -> Lane:
    """Minimum of an objective from one start; a lane that is not alive does no work.

    Args:
        objective: value, gradient and curvature at a point.
        start: first point.
        box: where the lane may go.
        alive: whether it is to be run at all.
        tolerance: EDM at which it stops.
        max_iterations: limit of steps.
        learn: correct the curvature by what the gradients show.
        alone: whether no other lane is minimised side by side with this one.

    References:
        J. E. Dennis, D. M. Gay, R. E. Welsch, ACM Trans. Math. Softw. 7 (1981) 348 (curvature in two parts);
        J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed., eqs. 6.24 and 6.26 (rank-one update).
    """
    size = start.shape[0]
    algebra = _Algebra(_WRITTEN_OUT_ALONE) if alone else _Algebra()
    first = Lane(
        theta=start,
        value=jnp.array(jnp.inf),
        gradient=jnp.zeros(size),
        hessian=jnp.eye(size),
        learned=jnp.zeros((size, size)),
        trial=start,
        predicted=jnp.array(0.0),
        damping=jnp.array(0.0),
        edm=jnp.array(jnp.inf),
        iterations=jnp.array(0),
        code=jnp.where(alive, RUNNING, EXHAUSTED),
    )

    def iterate(lane: Lane) -> Lane:
        judged = _judge_trial(lane, objective(lane.trial))
        judged = _learn(lane, judged, box, algebra) if learn else judged
        return _propose(judged, box, tolerance, max_iterations, algebra)

    return jax.lax.while_loop(lambda lane: lane.code == RUNNING, iterate, first)


def _judge_trial(lane: Lane, new: Quadratic) -> Lane:
    """Accept or reject the trial point and adapt the damping."""
    finite = jnp.isfinite(new.value) & jnp.all(jnp.isfinite(new.gradient)) & jnp.all(jnp.isfinite(new.hessian))
    first = lane.iterations == 0
    old = jnp.where(first, 0.0, lane.value)
    slack = 1e-14 * jnp.maximum(1.0, jnp.abs(old))
    ratio = (old - new.value + slack) / (lane.predicted + slack)
    lower = (new.value <= old + slack) & ((ratio > ACCEPT) | (lane.predicted <= 0))
    accept = finite & (first | lower)
    raised = jnp.maximum(lane.damping, DAMPING_START)
    relaxed = jnp.where(lane.damping > 1e-6, lane.damping / 10, 0.0)
    accepted = jnp.where(ratio > 0.75, relaxed, jnp.where(ratio < 0.25, 4 * raised, lane.damping))
    damping = jnp.where(first, lane.damping, jnp.where(accept, accepted, 8 * raised))

    def choose(a: Array, b: Array) -> Array:
        return jnp.where(accept, a, b)

    return lane._replace(
        theta=choose(lane.trial, lane.theta),
        value=choose(new.value, lane.value),
        gradient=choose(new.gradient, lane.gradient),
        hessian=choose(new.hessian, lane.hessian),
        damping=damping,
        iterations=lane.iterations + 1,
        code=jnp.where(first & ~finite, NONFINITE, RUNNING),
    )


def _learn(before: Lane, after: Lane, box: Box, algebra: _Algebra) -> Lane:
    """Correct the curvature by the last accepted step; a lane that did not move keeps what it has."""
    moved = jnp.any(after.theta != before.theta)
    step, change = after.theta - before.theta, after.gradient - before.gradient
    partial = jnp.where(moved | (before.iterations == 0), after.hessian, 0.0)
    missed = change - (partial + before.learned) @ step
    along = jnp.dot(missed, step)
    size = jnp.maximum(jnp.diagonal(partial), 1e-300)
    usable = moved & (along**2 > _USABLE * jnp.sum(missed**2 / size) * jnp.sum(step**2 * size))  # eq. 6.26
    update = jnp.outer(missed, missed) / jnp.where(usable, along, 1.0)  # eq. 6.24
    learned = jnp.where(before.predicted < _NEAR, before.learned + jnp.where(usable, update, 0.0), 0.0)
    full = partial + learned
    scaled, _, _, _ = _scaled(after._replace(hessian=full), box)
    _, positive = algebra.factor(scaled - SINGULAR * jnp.eye(step.shape[0]))
    fresh = after._replace(hessian=jnp.where(positive, full, partial), learned=learned)
    return jax.tree.map(lambda new, old: jnp.where(moved, new, old), fresh, after)


def _scaled(lane: Lane, box: Box) -> tuple[Array, Array, Array, Array]:
    """Curvature of the free block scaled to a unit diagonal, the scale, what is free, and the block."""
    outward = ((lane.theta <= box.lower) & (lane.gradient > 0)) | ((lane.theta >= box.upper) & (lane.gradient < 0))
    free = box.free & ~outward
    diagonal = jnp.where(free, jnp.maximum(jnp.abs(jnp.diagonal(lane.hessian)), 1e-10), 1.0)
    scale = diagonal**-0.5
    block = free[:, None] & free[None, :]
    scaled = jnp.where(block, lane.hessian * scale[:, None] * scale[None, :], jnp.eye(scale.shape[0]))
    return scaled, scale, free, block


def _propose(lane: Lane, box: Box, tolerance: Scalar, max_iterations: Int[Array, ""], algebra: _Algebra) -> Lane:
    """Check convergence at the accepted point and propose the next trial."""
    scaled, scale, free, block = _scaled(lane, box)
    gradient = jnp.where(free, lane.gradient, 0.0)
    identity = jnp.eye(scale.shape[0])
    downhill = gradient * scale

    factor, positive = algebra.factor(scaled - SINGULAR * identity)
    undamped = algebra.solve(factor, downhill)
    edm = 0.5 * jnp.dot(downhill, undamped)

    def solve_damped() -> tuple[Array, Array]:
        damped, fine = algebra.factor(scaled + lane.damping * identity)
        return algebra.solve(damped, downhill), fine

    newton, solvable = jax.lax.cond(lane.damping == 0, lambda: (undamped, positive), solve_damped)
    step = -scale * jnp.where(solvable, newton, downhill / (1 + lane.damping))
    trial = jnp.where(free, jnp.clip(lane.theta + step, box.lower, box.upper), lane.theta)
    moved = trial - lane.theta
    predicted = -(jnp.dot(gradient, moved) + 0.5 * jnp.dot(moved, jnp.where(block, lane.hessian, 0.0) @ moved))

    flat = ~positive & (jnp.sum(downhill**2) < 2 * tolerance)
    exhausted = (lane.iterations >= max_iterations) | (lane.damping > _DAMPING_LIMIT)
    code = jnp.where(exhausted, EXHAUSTED, RUNNING)
    code = jnp.where(flat, FLAT, code)
    code = jnp.where(positive & (edm < tolerance), CONVERGED, code)
    return lane._replace(
        trial=trial,
        predicted=predicted,
        damping=jnp.where(solvable, lane.damping, 8 * jnp.maximum(lane.damping, DAMPING_START)),
        edm=jnp.where(positive, edm, jnp.inf),
        code=jnp.where(lane.code == NONFINITE, NONFINITE, code),
    )
