"""Fits of many sets of counts under stored templates in plain numpy: a fraction of a microsecond per set and step.

The cost is convex without template statistics, and nearly so with them. Lanes take steps together, cut at the bounds:
the first with the expected curvature, which is least squares and ends close to the minimum wherever it starts, then
Newton's. A step that would lower an expectation to less than 0.4 of itself is shortened. What does not converge in a
few steps, or ends where the cost is continued, is left to the general machinery.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.stored_templates import Counted, Slopes, StoredTemplates
from wilks.parameters.space import ParameterSpace

from .lanes import LaneFits, Settings
from .newton import CONVERGED, EXHAUSTED, SINGULAR
from .template_lanes import blocks, stored_templates

_MOST_PARAMETERS = 6  # more are better solved by libraries
_STEPS = 20
_SAFE = 0.18  # EDM, for whole counts, below which no expectation can fall by more than the next figure
_LARGEST_FALL = 0.6  # relative to the expectation; a full step that lowers none further lowers the cost
_LAST = 0.1  # a step from EDM e leaves about e^2, or less; this much less than tolerated makes it the last
_AT_WORK = 0.7  # share of lanes still moving below which the others are put aside

Lanes = Float[np.ndarray, " lanes"]
Points = Float[np.ndarray, "parameters lanes"]
Mask = Bool[np.ndarray, "parameters lanes"]


class _Newton(NamedTuple):
    """Steps of many lanes: to be subtracted, the EDM, and whether the curvature is positive definite."""

    step: Points
    edm: Lanes
    positive: Bool[np.ndarray, " lanes"]


@functools.lru_cache(maxsize=_MOST_PARAMETERS)
def _places(size: int) -> dict[tuple[int, int], int]:
    """Where each pair of parameters stands in an upper triangle."""
    return {(i, j): i * size - i * (i + 1) // 2 + j for i in range(size) for j in range(i, size)}


class _Box(NamedTuple):
    """Where lanes may go."""

    lower: Float[np.ndarray, "parameters 1"]
    upper: Float[np.ndarray, "parameters 1"]
    free: Mask

    def moving(self, theta: Points, gradient: Points) -> Mask:
        """Free parameters that are not pressed against a bound."""
        pressed = (theta <= self.lower) & (gradient > 0)
        pressed |= (theta >= self.upper) & (gradient < 0)
        return self.free & ~pressed


class _Work(NamedTuple):
    """Lanes on their way.

    Args:
        lane: their numbers in the block.
        alive: which of them still move.
        given: their counts.
        smallest: their smallest counts other than zero, at most 1.
        box: where they may go.
    """

    lane: Int[np.ndarray, " lanes"]
    alive: Bool[np.ndarray, " lanes"]
    given: Counted
    smallest: Lanes
    box: _Box

    def taken(self, where: Int[np.ndarray, " some"]) -> "_Work":
        """Some of the lanes; a lane that is there twice counts once."""
        box = self.box._replace(free=self.box.free.take(where, axis=1))
        alive = np.append(True, np.diff(where) > 0)
        return _Work(self.lane[where], alive, self.given.taken(where), self.smallest[where], box)


def fit_templates(
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, "lanes parameters"],
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    settings: Settings,
) -> LaneFits | None:
    """The minima of all lanes, as far as their codes say so; None if they are to be found by other means.

    The arguments are those of `wilks.inference.lanes.fit_lanes`.

    References:
        Y. Nesterov and A. Nemirovskii, Interior-Point Polynomial Algorithms in Convex Programming, SIAM 1994, ch. 2
        (steps that must lower a cost with logarithms).
    """
    stored = stored_templates(likelihood, data)
    lanes, size = start.shape
    if stored is None or settings.curvature == "fisher" or not 0 < size <= _MOST_PARAMETERS:
        return None  # the curvature is that at the data
    ends = LaneFits(
        start.copy(),
        np.full(lanes, np.inf),
        np.zeros((lanes, size)),
        np.full(lanes, np.inf),
        np.zeros(lanes, dtype=np.int64),
        np.full(lanes, EXHAUSTED),
    )
    with np.errstate(all="ignore"):
        for where, given in blocks(stored, data):
            box = _Box(space.lowers[:, None], space.uppers[:, None], np.ascontiguousarray(free[where].T))
            for whole, part in zip(ends, _climb(stored, given, start[where], box, settings), strict=True):
                whole[where] = part
    return ends


def _climb(
    stored: StoredTemplates,
    given: Counted,
    start: Float[np.ndarray, "lanes parameters"],
    box: _Box,
    settings: Settings,
) -> LaneFits:
    """The lanes of one block; each is put aside after the last step that it needs, and then judged once more."""
    theta = np.ascontiguousarray(start.T)
    best, curvature, steps = theta.copy(), np.full((len(stored.products.T), len(start)), np.nan), np.ones(len(start))
    work = _Work(np.arange(len(start)), np.ones(len(start), dtype=bool), given, given.smallest(), box)
    for step in range(1, min(_STEPS, settings.max_iterations)):
        here = stored.slopes(theta, work.given, expected=step == 1)
        moving = work.box.moving(theta, here.gradient)
        newton = _newton(here.gradient, here.curvature, moving)
        theta = _moved(stored, work, theta, here, newton, moving, first=step == 1)
        last = work.alive & newton.positive & (newton.edm**2 < _LAST * settings.tolerance * work.smallest)
        last &= step > 1
        done = np.flatnonzero(last)
        where = work.lane[done]
        best[:, where], curvature[:, where], steps[where] = theta[:, done], here.curvature[:, done], step + 1
        alive = work.alive & newton.positive & ~last
        left = np.flatnonzero(alive)
        if not left.size:
            break
        work = work._replace(alive=alive)
        if left.size < _AT_WORK * len(alive):
            left = np.repeat(left, 2) if left.size == 1 else left
            theta, work = theta.take(left, axis=1), work.taken(left)
    value, gradient, inside = stored.excess_and_gradient(best, given)
    newton = _newton(gradient, curvature, box.moving(best, gradient))
    found = inside & newton.positive & (newton.edm < settings.tolerance)
    return LaneFits(
        best.T, value, gradient.T, newton.edm, steps.astype(np.int64), np.where(found, CONVERGED, EXHAUSTED)
    )


def _moved(
    stored: StoredTemplates, work: _Work, theta: Points, here: Slopes, newton: _Newton, moving: Mask, *, first: bool
) -> Points:
    """The points after the steps.

    Where a step lowers the expectation of a bin with counts by a share f, 1/(1 + f) of it lowers the cost.
    """
    step, far = newton.step, work.alive & (first | (newton.edm > _SAFE * work.smallest))
    if far.any():
        fall = stored.means(step)
        fall /= here.mean
        fall = np.where(work.given.counts > 0, fall, 0.0).max(axis=0)
        step = np.where(far & (fall > _LARGEST_FALL), 1.0 / (1.0 + fall), 1.0) * step
    goal = np.minimum(np.maximum(theta - step, work.box.lower), work.box.upper)
    return np.where(moving, goal, theta)


def _newton(gradient: Points, curvature: Float[np.ndarray, "pairs lanes"], moving: Mask) -> _Newton:
    """Steps of the parameters that move, from the factors of the curvature, H = L D L^T, in all lanes at once."""
    size = len(moving)
    whole, place = bool(moving.all()), _places(size)
    right = gradient if whole else np.where(moving, gradient, 0.0)
    positive, edm = np.ones(moving.shape[1], dtype=bool), np.zeros(moving.shape[1])
    pivots: list[np.ndarray] = []
    below: list[np.ndarray] = []
    factor: dict[tuple[int, int], np.ndarray] = {}
    for j in range(size):
        diagonal = curvature[place[j, j]]
        diagonal = diagonal if whole else np.where(moving[j], diagonal, 1.0)
        pivot, forward = diagonal, right[j]
        for k in range(j):
            pivot = pivot - factor[j, k] ** 2 * pivots[k]
            forward = forward - factor[j, k] * below[k]
        positive &= pivot > SINGULAR * diagonal
        for i in range(j + 1, size):
            element = curvature[place[j, i]]
            element = element if whole else np.where(moving[i] & moving[j], element, 0.0)
            for k in range(j):
                element = element - factor[i, k] * factor[j, k] * pivots[k]
            factor[i, j] = element / pivot
        pivots.append(pivot)
        below.append(forward)
        edm += forward**2 / pivot
    step = np.empty_like(gradient)
    for j in reversed(range(size)):
        back = below[j] / pivots[j]
        for i in range(j + 1, size):
            back = back - factor[i, j] * step[i]
        step[j] = back
    return _Newton(step, 0.5 * edm, positive)
