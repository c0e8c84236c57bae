"""Single fits of counts under stored templates in plain numpy: less time than the call of a compiled program takes.

Steps are Newton's, with bounds and damping as in `wilks.inference.newton`. Where the likelihood is not convex, a step
takes the absolute values of its curvatures (Dauphin et al., arXiv:1406.2572), measured in those of the average
variation. Whatever is out of the ordinary is left to the general machinery: expectations close to zero, no convergence.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.stored_variations import Matrix, StoredVariations, Surroundings
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status

from .identity import once_per_likelihood
from .ladder import Climbed, outward
from .lanes import Settings
from .member_search import lowest_member
from .member_starts import average_starts, member_likelihood, member_minima
from .newton import ACCEPT, DAMPING_START, SINGULAR
from .problem import Problem

_TINY = 1e-10  # curvature below which a parameter has no effect
_FEW = 5  # parameters whose equations plain Python solves faster than numpy
_LEAST = 0.01  # least curvature where the likelihood is not convex, in those of the average variation

Counts = Float[np.ndarray, " bins"]
Vector = Float[np.ndarray, " parameters"]


class _Minimum(NamedTuple):
    """Where a fit has ended.

    Args:
        theta: best values.
        here: the excess around them.
        edm: estimated distance to the minimum, in units of -ln L.
        iterations: evaluations of the excess.
    """

    theta: Vector
    here: Surroundings
    edm: float
    iterations: int


@once_per_likelihood
def stored_variations(likelihood: AbstractLikelihood) -> StoredVariations | None:
    """The templates of a likelihood laid out for numpy; None if it has none, or judges more than their counts."""
    return StoredVariations.of(likelihood) if isinstance(likelihood, (EnsembleCounts, PoissonCounts)) else None


def surroundings(likelihood: AbstractLikelihood, data: Any, theta: Vector) -> Surroundings | None:
    """The excess around a point; None if numpy does not know it there."""
    stored = stored_variations(likelihood)
    return None if stored is None else stored.around(theta, np.asarray(data.counts, dtype=float))


def climb_variations(problem: Problem, first: Vector, keep: Collection[str]) -> tuple[Climbed, Surroundings] | None:
    """The fit of one set of counts under stored variations, or None if it is to be done by other means.

    Args:
        problem: what is asked.
        first: where to start, if the average of the variations knows nothing better.
        keep: parameters that start where they are told to.
    """
    likelihood, space = problem.likelihood, problem.space
    stored = stored_variations(likelihood)
    expected = isinstance(likelihood, PoissonCounts) and problem.settings.curvature == "fisher"
    if stored is None or expected:  # here curvature is that at the data
        return None
    counts = np.asarray(problem.data.counts, dtype=float)
    start = average_starts(likelihood, counts[None], np.clip(first, space.lowers, space.uppers)[None], space, keep)
    best, here = start[0], stored.around(start[0], counts)
    if member_likelihood(likelihood) is not None:
        member = lowest_member(stored, counts, best, space)
        if member is None:
            member = member_minima(likelihood, counts[None], start, space.free_mask[None], space, problem.settings)[0]
        there = stored.around(member, counts)
        if here is None or (there is not None and there.value < here.value):
            best, here = member, there
    found = _minimise(stored, counts, best, here, space, problem.settings)
    if found is None:
        return None
    at_lower, at_upper = outward(found.theta, found.here.gradient, space)
    status = Status.AT_BOUND if ((at_lower | at_upper) & space.free_mask).any() else Status.OK
    ends = Climbed(
        theta=found.theta[None],
        value=np.array([found.here.value]),
        gradient=found.here.gradient[None],
        edm=np.array([found.edm]),
        iterations=np.array([found.iterations]),
        status=np.array([status.code], dtype=np.int8),
        rung=np.zeros(1, dtype=np.int8),
    )
    return ends, found.here


def _minimise(
    stored: StoredVariations,
    counts: Counts,
    theta: Vector,
    here: Surroundings | None,
    space: ParameterSpace,
    settings: Settings,
) -> _Minimum | None:
    """The next minimum from a start with its surroundings; None if there is none in reach."""
    damping, iterations = 0.0, 1
    while here is not None and iterations <= settings.max_iterations:
        where = _moving(theta, here.gradient, space)
        trial, predicted, edm = _propose(here, where, theta, space, damping)
        if edm < settings.tolerance:
            return _Minimum(theta, here, edm, iterations)
        iterations, raised = iterations + 1, max(damping, DAMPING_START)
        new = stored.around(trial, counts) if predicted > 0 else None  # a step cut at bounds can point uphill
        slack = 1e-14 * max(1.0, abs(here.value))
        gained = -np.inf if new is None else here.value - new.value + slack
        ratio = gained / (predicted + slack)
        if new is None or not (gained >= 0 and ratio > ACCEPT):
            damping = 8 * raised
            continue
        theta, here = trial, new
        if ratio > 0.75:
            damping = damping / 10 if damping > 1e-6 else 0.0
        elif ratio < 0.25:
            damping = 4 * raised
    return None


def _moving(theta: Vector, gradient: Vector, space: ParameterSpace) -> Bool[np.ndarray, " parameters"]:
    """Free parameters that are not pressed against a bound."""
    low, high = theta <= space.lowers, theta >= space.uppers
    if not (low | high).any():
        return space.free_mask
    return space.free_mask & ~((low & (gradient > 0)) | (high & (gradient < 0)))


def _propose(
    here: Surroundings, where: Bool[np.ndarray, " parameters"], theta: Vector, space: ParameterSpace, damping: float
) -> tuple[Vector, float, float]:
    """The point after a damped Newton step, the decrease it promises, and the EDM (infinite where it is not convex)."""
    step, curvature, edm = _newton(here, where, damping)
    goal = np.where(where, theta - step, theta)
    trial = np.minimum(np.maximum(goal, space.lowers), space.uppers)
    blocked = (trial == theta) & (goal != theta)
    if blocked.any() and (left := where & ~blocked).any():  # the others' best step is another one
        trial, predicted, _ = _propose(here, left, theta, space, damping)
        return trial, predicted, edm
    moved = trial - theta
    return trial, -float(here.gradient @ moved + 0.5 * moved @ curvature @ moved), edm


def _newton(here: Surroundings, where: Bool[np.ndarray, " parameters"], damping: float) -> tuple[Vector, Matrix, float]:
    """Curvature times this step is the gradient, with damping; zero for parameters that do not move; and the EDM.

    The curvature is the Hessian, or that with absolute eigenvalues where the Hessian is not positive definite.
    """
    curvature, gradient = here.hessian, here.gradient
    if not where.all():
        curvature = np.where(where[:, None] & where, curvature, np.eye(len(where)))
        gradient = np.where(where, gradient, 0.0)
    step = _solved(curvature, gradient)
    if step is None:
        return _newton_by_axes(curvature, here.convex.diagonal(), gradient, where, damping)
    edm = 0.5 * float(gradient @ step)
    if damping > 0:
        step = np.linalg.solve(curvature + np.diag(damping * curvature.diagonal()), gradient)
    return step, here.hessian, edm


def _solved(curvature: Matrix, gradient: Vector) -> Vector | None:
    """What the curvature times gives the gradient; None where a direction is flat, or curved downwards.

    Few parameters are eliminated in plain Python (root-free Cholesky), a third of the time of two calls of LAPACK.
    """
    size = len(gradient)
    if size > _FEW:
        return np.linalg.solve(curvature, gradient) if _is_positive(curvature) else None
    rows, step = curvature.tolist(), gradient.tolist()
    pivots = []
    for i in range(size):
        row = rows[i]
        pivot = row[i]
        for k in range(i):
            share = row[k]  # times its pivot
            row[k] = part = share / pivots[k]
            pivot -= share * part
            step[i] -= part * step[k]
        if not pivot > SINGULAR * row[i]:
            return None
        pivots.append(pivot)
        for j in range(i + 1, size):
            below = rows[j]
            for k in range(i):
                below[i] -= row[k] * below[k]
    for i in range(size - 1, -1, -1):
        step[i] /= pivots[i]
        for j in range(i + 1, size):
            step[i] -= rows[j][i] * step[j]
    return np.array(step)


def _is_positive(curvature: Matrix) -> bool:
    """Whether no direction is flat, or curved downwards."""
    try:
        root = np.linalg.cholesky(curvature)
    except np.linalg.LinAlgError:
        return False
    return bool((root.diagonal() ** 2 > SINGULAR * curvature.diagonal()).all())


def _newton_by_axes(
    curvature: Matrix, average: Vector, gradient: Vector, where: Bool[np.ndarray, " parameters"], damping: float
) -> tuple[Vector, Matrix, float]:
    """The step by the absolute curvatures along the Hessian's axes, where it is not positive definite."""
    scale = np.where(where, np.maximum(average, _TINY), 1.0) ** -0.5
    values, axes = np.linalg.eigh(curvature * scale[:, None] * scale)
    values = np.maximum(np.abs(values), _LEAST)
    step = axes @ ((gradient * scale) @ axes / (values + damping))
    return scale * step, (axes * values) @ axes.T / scale[:, None] / scale, np.inf
