"""Which variation of stored templates has the lowest minimum: Newton's method for all, dropping those that cannot."""

import numpy as np
from jaxtyping import Bool, Float

from wilks.likelihood.cells import EDGE
from wilks.likelihood.stored_variations import StoredVariations
from wilks.parameters.space import ParameterSpace

_ROUNDS = 12
_SETTLED = 1e-3  # Newton decrement at which a variation's minimum is known to half its square
_TINY = 1e-30
_RIDGE = 1e-9  # share of the diagonal that keeps a curvature solvable

Counts = Float[np.ndarray, " bins"]
Vector = Float[np.ndarray, " parameters"]
Members = Float[np.ndarray, " members"]
Lanes = Float[np.ndarray, "members parameters"]
Cells = Float[np.ndarray, "members bins"]
Matrices = Float[np.ndarray, "members bins parameters"]
Curved = Float[np.ndarray, "members parameters parameters"]
Expansion = tuple[Members, Lanes, Curved]


def lowest_member(stored: StoredVariations, counts: Counts, start: Vector, space: ParameterSpace) -> Vector | None:
    """A point near the lowest of all variations' minima.

    None if an expectation comes close to zero on the way, or if it is not settled in a few steps which one is lowest.

    Poisson's -ln L is self-concordant in the parameters of a linear model (with the constant of the smallest positive
    count a): a minimum lies no lower than f - a w(d / sqrt(a)) with Newton's decrement d and w(t) = -t - ln(1 - t).
    The gradient of parameters that are pressed against a bound is left out of d: f is not below what it is without it.
    Variations that cannot come below the lowest value seen are dropped.

    References:
        Y. Nesterov, Lectures on Convex Optimization (2018), theorem 5.1.14.
    """
    counts = counts[stored.seen]
    matrices, constants = stored.matrices, stored.constants
    theta = accepted = np.repeat(start[None], len(matrices), axis=0)
    known, damping, identity = np.full(len(matrices), np.inf), np.zeros(len(matrices)), np.eye(len(start))
    for _ in range(_ROUNDS):
        here = _expanded(matrices, constants, theta, counts)
        if here is None:
            return None
        value, gradient, curvature = here
        low, high = theta <= space.lowers, theta >= space.uppers
        moving = space.free_mask & ~((low & (gradient > 0)) | (high & (gradient < 0)))
        decrement, depth = _depths(np.where(moving, gradient, 0.0), curvature, counts, space)
        lowest = int(value.argmin())
        kept = value - depth <= value[lowest]
        if kept.sum() == 1 or decrement[kept].max() < _SETTLED:
            return theta[lowest]
        higher = value > known  # go back, and try a shorter step
        damping = np.where(higher, 8.0 * np.maximum(damping, 0.05), 0.1 * damping)
        damped = curvature + (damping[:, None] * curvature.diagonal(axis1=1, axis2=2))[:, None] * identity
        onward = _onward(theta, gradient, damped, moving, space)
        back = higher[:, None]
        theta, accepted = np.where(back, accepted, onward)[kept], np.where(back, accepted, theta)[kept]
        known, damping = np.where(higher, np.inf, value)[kept], damping[kept]
        matrices, constants = matrices[kept], constants[kept]
    return None


def _expanded(matrices: Matrices, constants: Cells, theta: Lanes, counts: Counts) -> Expansion | None:
    """Excess, gradient and curvature of each variation at its own point; None where an expectation nears zero."""
    mean = (matrices @ theta[:, :, None])[..., 0] + constants
    if not mean.min() > max(EDGE * counts.max(), 0.0):
        return None
    over = counts - mean
    relative = over / mean
    value = np.log1p(np.where(counts > 0, relative, 0.0)) @ counts - over.sum(axis=1)
    curvature = (matrices.swapaxes(1, 2) * ((relative + 1.0) / mean)[:, None, :]) @ matrices
    ridge = _RIDGE * np.maximum(curvature.diagonal(axis1=1, axis2=2), _TINY)
    return value, -(relative[:, None, :] @ matrices)[:, 0], curvature + ridge[:, None] * np.eye(theta.shape[1])


def _depths(slope: Lanes, curvature: Curved, counts: Counts, space: ParameterSpace) -> tuple[Members, Members]:
    """Newton's decrement of each variation, and how far below its value its minimum can lie."""
    free = space.free_mask[:, None] & space.free_mask
    whole = curvature if free.all() else np.where(free, curvature, np.eye(len(free)))
    step = np.linalg.solve(whole, slope[..., None])[..., 0]
    least = min(1.0, float(counts[counts > 0].min(initial=1.0)))
    decrement = np.sqrt(np.maximum((slope * step).sum(axis=1), 0.0) / least)
    known = decrement < 1.0
    inner = np.where(known, decrement, 0.0)
    return decrement, np.where(known, least * (-inner - np.log1p(-inner)), np.inf)


def _onward(
    theta: Lanes,
    gradient: Lanes,
    curvature: Curved,
    moving: Bool[np.ndarray, "members parameters"],
    space: ParameterSpace,
) -> Lanes:
    """Minima of the quadratic expansions inside the bounds, those that a step would pass held one after the other."""
    identity, held, goal = np.eye(theta.shape[1]), ~moving, theta
    for _ in range(theta.shape[1] + 1):
        both = ~held[:, :, None] & ~held[:, None, :]
        shift = np.where(held, goal - theta, 0.0)
        slope = np.where(held, 0.0, gradient + (curvature @ shift[..., None])[..., 0])[..., None]
        free = np.linalg.solve(np.where(both, curvature, identity), slope)[..., 0]
        goal = np.where(held, goal, theta - free)
        onward = np.clip(goal, space.lowers, space.uppers)
        passed = onward != goal
        if not passed.any():
            break
        goal, held = onward, held | passed
    return goal
