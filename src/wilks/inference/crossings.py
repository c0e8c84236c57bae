"""Where a profile crosses its threshold along a direction: one root finder for intervals, contours and toys.

Each lane walks from its best point along a direction in one or two held parameters, all others refitted at each step.
With q(r) = 2 [f_prof(r) - f_min] - T the slope dq/dr = 2 u . df/dtheta is known at each profiled point (envelope
theorem), so Newton's method on sqrt(q + T), exact for a parabola, needs about three fits per lane. Many lanes first try
to leap to their ends (`wilks.inference.crossing_newton`); only what does not arrive walks.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from .crossing_newton import leap_to_crossings
from .lanes import judges_events, take_lanes
from .member_starts import member_likelihood
from .problem import Problem
from .profiles import LOWER, conditional

_PRECISION = 1e-6  # |2 delta nll - T| / T at which a lane stops
_FIRST_EDM = 1e-2  # EDM / T of the first fits of a walk, whose radius is a guess
_EDM = 1e-7  # EDM / T of the others: a tenth of the precision
_STEPS = 40
_WIDEN = 2.0  # how far a step may go beyond the farthest point while no outer point is known
_EARLY = 0.25  # fraction of the threshold below which a walk without outer point just doubles its radius
_MANY = 1000  # lanes times parameters from which leaps save more than their compilation costs
_FAR = 1e3  # times the expected radius at which a profile without bound counts as flat


class Directions(NamedTuple):
    """Where each lane walks: theta(r) = best + r drift, with the held parameters exactly on their ray."""

    drift: Float[np.ndarray, "lanes parameters"]
    held: Bool[np.ndarray, "lanes parameters"]


class Crossings(NamedTuple):
    """Ends of the walks."""

    radius: Float[np.ndarray, " lanes"]
    theta: Float[np.ndarray, "lanes parameters"]
    residual: Float[np.ndarray, " lanes"]
    open_: Bool[np.ndarray, " lanes"]
    failed: Bool[np.ndarray, " lanes"]
    folded: Bool[np.ndarray, " lanes"]
    lowest: Float[np.ndarray, " lanes"]
    lowest_theta: Float[np.ndarray, "lanes parameters"]


class _Walk:
    """State of all lanes of one search."""

    def __init__(
        self, problem: Problem, data: Any, best: np.ndarray, value: np.ndarray, directions: Directions, level: float
    ) -> None:
        self.problem, self.data, self.directions, self.level = problem, data, directions, level
        self.best, self.value = best, value
        lanes = len(value)
        room = _room(problem, best, directions)
        self.limit = np.where(np.isfinite(room), room, _FAR * np.sqrt(level))
        self.inner = np.zeros(lanes)
        self.outer = np.full(lanes, np.inf)
        self.radius = np.minimum(np.sqrt(level), self.limit)
        self.at = best + self.radius[:, None] * directions.drift
        self.theta = best.copy()
        self.residual = np.full(lanes, -level)
        self.open_ = self.limit <= 0
        self.failed = ~np.isfinite(value)
        self.lowest = value.copy()
        self.lowest_theta = best.copy()
        self.folded = np.zeros(lanes, dtype=bool)
        self.done = self.open_ | self.failed
        self.edm = _FIRST_EDM

    def leap(self) -> None:
        """Lanes whose ends are easy to find go there at once; the others stay where they are."""
        drift, held = self.directions
        ray = np.where(held, drift, 0.0)
        ends = leap_to_crossings(
            self.problem, self.data, self.at, self.value, ray, held, self.radius, self.limit, self.level, _PRECISION
        )
        there = (ends.arrived | ends.at_limit) & ~self.done
        self.radius[there], self.theta[there] = ends.radius[there], ends.theta[there]
        self.residual[there] = ends.residual[there]
        self.open_ |= ends.at_limit & there
        self.done |= there

    def step(self) -> None:
        """Profile all unfinished lanes at their radius and choose the next one."""
        todo = np.flatnonzero(~self.done)
        held, drift = self.directions.held[todo], self.directions.drift[todo]
        exact = self.best[todo] + self.radius[todo, None] * drift
        starts = np.where(held, np.clip(exact, self.problem.space.lowers, self.problem.space.uppers), self.at[todo])
        tolerance = max(self.problem.settings.tolerance, self.edm * self.level)
        ends = conditional(self.problem, take_lanes(self.data, todo), starts, held, tolerance=tolerance)
        self.edm = _EDM
        good = (ends.status <= 2) & np.isfinite(ends.value)
        q = 2 * (ends.value - ends.edm - self.value[todo]) - self.level
        sharp = 2 * ends.edm <= _PRECISION * self.level
        slope = 2 * np.sum(np.where(held, ends.gradient * drift, 0.0), axis=1)
        lower = good & (ends.value < self.lowest[todo] - LOWER)
        self.lowest[todo[lower]] = ends.value[lower]
        self.lowest_theta[todo[lower]] = ends.theta[lower]
        self.folded[todo[good]] |= slope[good] <= 0
        self._choose(todo[good], q[good], slope[good], ends.theta[good], sharp[good])
        self._retreat(todo[~good])

    def _choose(
        self, lanes: np.ndarray, q: np.ndarray, slope: np.ndarray, theta: np.ndarray, sharp: np.ndarray
    ) -> None:
        r = self.radius[lanes]
        self.theta[lanes], self.residual[lanes] = theta, q
        self.inner[lanes] = np.where(q < 0, r, self.inner[lanes])
        self.outer[lanes] = np.where(q >= 0, r, self.outer[lanes])
        root = np.sqrt(np.maximum(q + self.level, 1e-300))
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = r - (root - np.sqrt(self.level)) * 2 * root / slope
            last = r - q / slope
        arrived = sharp & (np.abs(q) <= _PRECISION * self.level)
        stuck = sharp & (q < 0) & (r >= self.limit[lanes])
        inner, outer = self.inner[lanes], self.outer[lanes]
        bracketed = np.isfinite(outer)
        widened = np.minimum(_WIDEN * np.maximum(r, 1e-12), self.limit[lanes])
        early = ~bracketed & (q + self.level < _EARLY * self.level)  # too low for the slope to know the way
        inside = np.isfinite(newton) & (newton > inner) & (newton < np.where(bracketed, outer, np.inf)) & ~early
        fresh = np.where(inside, newton, np.where(bracketed, 0.5 * (inner + outer), widened))
        fresh = np.where(bracketed, fresh, np.minimum(fresh, widened))
        final = np.where(np.isfinite(last) & (last > 0), np.minimum(last, self.limit[lanes]), r)
        self.radius[lanes] = np.where(arrived, final, np.where(stuck, r, fresh))
        self.at[lanes] = theta + (self.radius[lanes] - r)[:, None] * self.directions.drift[lanes]
        self.open_[lanes] |= stuck & ~arrived
        self.done[lanes] = arrived | stuck

    def _retreat(self, lanes: np.ndarray) -> None:
        """Fits that fail are approached from inside; a lane without room left is lost."""
        self.outer[lanes] = np.minimum(self.outer[lanes], self.radius[lanes])
        middle = 0.5 * (self.inner[lanes] + self.radius[lanes])
        lost = self.radius[lanes] - self.inner[lanes] < 1e-9 * np.maximum(self.radius[lanes], 1e-300)
        self.radius[lanes] = middle
        self.at[lanes] = self.theta[lanes] + (middle - self.inner[lanes])[:, None] * self.directions.drift[lanes]
        self.failed[lanes] |= lost
        self.done[lanes] |= lost


def find_crossings(
    problem: Problem,
    data: Any,
    best: Float[np.ndarray, "lanes parameters"],
    value: Float[np.ndarray, " lanes"],
    directions: Directions,
    level: float,
) -> Crossings:
    """Radius at which each lane's profile rises by the level, or the bound (or a thousand errors) that comes first.

    Args:
        problem: likelihood, space and settings (its data are not used).
        data: stacked data, one per lane.
        best: best point of each lane.
        value: excess there.
        directions: where each lane walks; a radius of one is meant to be one standard deviation.
        level: threshold of 2 delta nll.
    """
    walk = _Walk(problem, data, best, value, directions, level)
    if _pays(problem, len(value)):
        walk.leap()
    for _ in range(_STEPS):
        if walk.done.all():
            break
        walk.step()
    failed = walk.failed | ~walk.done
    return Crossings(
        walk.radius, walk.theta, walk.residual, walk.open_, failed, walk.folded, walk.lowest, walk.lowest_theta
    )


def _pays(problem: Problem, lanes: int) -> bool:
    """Whether the program of leaps is worth compiling, and knows the likelihood to be smooth."""
    smooth = member_likelihood(problem.likelihood) is None
    return smooth and not judges_events(problem.likelihood) and lanes * len(problem.space) >= _MANY


def _room(problem: Problem, best: np.ndarray, directions: Directions) -> np.ndarray:
    """Largest radius at which all held parameters are inside their bounds."""
    drift = np.where(directions.held, directions.drift, 0.0)
    lower, upper = problem.space.lowers, problem.space.uppers
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(drift > 0, (upper - best) / drift, np.inf)
        down = np.where(drift < 0, (lower - best) / drift, np.inf)
    return np.maximum(np.minimum(up, down).min(axis=1), 0.0)
