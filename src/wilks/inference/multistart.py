"""Fits from many starts at once: the lowest minimum, and every other one that was met."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.execution.keys import as_seed, chunk_key, task_words
from wilks.parameters.space import ParameterSpace
from wilks.parameters.spread import latin_hypercube, spread_points
from wilks.results.minima import Minima
from wilks.results.status import Status

from .clusters import NLL_WINDOW, cluster, metric
from .description import wrap
from .endpoint import endpoint
from .ladder import Climbed, climb, outward, replaced, taken
from .lanes import SMALL_BATCH, cells_per_lane, small_batch, stack_lanes
from .minimisers import TABLE_TOLERANCE
from .problem import Clock, Problem
from .quadratic import Curvature
from .starts import auxiliary_starts

_RESCUED = 8  # unfinished fits, the lowest first, that climb the ladder
_QUICK = 25  # iterations of a round, after which fits that are not finished are gathered into new batches
_REACH = 50.0  # in -ln L, ten sigma: what is so far above the lowest end after two rounds is not followed further
_TASK = task_words({"procedure": "multistart"})
_SHARP = 1e-13  # EDM to which minima are sharpened where rounding allows, so that images agree to 1e-6

Draw = Callable[[Key, ParameterSpace, int], Any]
"""From a key, a space and a number to as many start vectors, one per row."""

Starts = Float[np.ndarray, "starts parameters"]


@dataclasses.dataclass(frozen=True, eq=False)
class Multistart:
    """Many starts instead of one: ``fit(likelihood, data, start=Multistart(256, key=1))``.

    All are fitted; ``result.minima`` lists the distinct minima that they led to, and the result is the lowest. Fits
    that stand more than 50 in -ln L above the lowest end after 50 iterations are left there; they count as ``max_iter``
    in its outcomes.

    Args:
        n: number of starts.
        key: random key or seed; equal keys give equal starts.
        draw: ``draw(key, space, n)`` gives the starts, one per row in the order of the space. By default a Latin
            hypercube in the quantiles of the priors; parameters without a prior uniformly between their bounds, or
            spread around their start (see `wilks.parameters.spread.spread_points`), and those with an auxiliary
            measurement at its value.

    Raises:
        InvalidOption: if ``n`` is below 1.
    """

    n: int
    key: Key | int
    draw: Draw | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise InvalidOption(f"{self.n} starts; give at least 1")
        as_seed(self.key)

    @property
    def seed(self) -> int:
        """The seed as a number."""
        return as_seed(self.key)

    @property
    def how(self) -> str:
        """Where the starts come from, in words."""
        if self.draw is None:
            return "starts spread over priors and bounds by a Latin hypercube"
        return f"starts drawn by {getattr(self.draw, '__name__', type(self.draw).__name__)}"


class Lowest(NamedTuple):
    """What many starts led to.

    Args:
        first: the start that led to the lowest minimum.
        ends: its end, one lane.
        minima: all distinct minima; None if there is none.
    """

    first: Float[np.ndarray, " parameters"]
    ends: Climbed
    minima: Minima | None


def fit_many_starts(problem: Problem, clock: Clock, starts: Multistart, curvature: Curvature) -> Lowest:
    """Fit from all starts, tell the minima apart, and sharpen each."""
    first = draw_starts(problem, starts)
    ends = _rescue(problem, _fit_all(problem, first))
    settled = np.flatnonzero(_settled(ends))
    if not settled.size:
        best = int(np.argmin(np.where(np.isfinite(ends.value), ends.value, np.inf)))
        lost = taken(ends, np.array([best]))
        return Lowest(first[best], lost._replace(status=np.full(1, Status.FAILED.code, dtype=np.int8)), None)
    found = taken(ends, settled)
    groups = _groups(problem, found, curvature)
    sharp = _sharpen(problem, taken(found, np.array([group[0] for group in groups])))
    merged = _groups(problem, sharp, curvature)
    lowest = taken(sharp, np.array([group[0] for group in merged]))
    hits = np.array([sum(len(groups[i]) for i in group) for group in merged])
    saturated = float(endpoint(problem.likelihood, problem.data, lowest.theta[0], curvature=curvature).saturated)
    minima = Minima(
        names=problem.space.names,
        theta=np.stack([wrap(theta, problem.space) for theta in lowest.theta]),
        nll=lowest.value - saturated,
        excess=lowest.value,
        hits=hits,
        status=lowest.status,
        starts=starts.n,
        outcomes=_outcomes(ends.status),
        unseen=float((hits == 1).sum() / starts.n),
        flags=_flags(starts, hits),
        how=starts.how,
        provenance=clock.provenance(problem, "fit", seed=starts.seed, settings={"starts": starts.n}),
    )
    leader = int(settled[groups[merged[0][0]][0]])
    return Lowest(first[leader], taken(lowest, np.array([0])), minima)


def draw_starts(problem: Problem, starts: Multistart) -> Starts:
    """All start vectors, fixed parameters at their values.

    Raises:
        InvalidOption: if the user's ``draw`` gives something else than finite points inside the bounds.
    """
    space = problem.space
    if starts.draw is None:
        generator = np.random.Generator(np.random.Philox(key=starts.seed))
        points = spread_points(space, latin_hypercube(generator, starts.n, len(space)))
        return auxiliary_starts(problem.likelihood, stack_lanes(problem.data, starts.n), points, space)
    drawn = np.asarray(starts.draw(chunk_key(starts.seed, _TASK, 0), space, starts.n), dtype=float)
    if drawn.shape != (starts.n, len(space)):
        raise InvalidOption(f"{starts.how}: an array of shape {drawn.shape}; expected {(starts.n, len(space))}")
    points = np.where(space.free_mask, drawn, space.starts)
    wrong = np.argwhere(~((points >= space.lowers) & (points <= space.uppers) & np.isfinite(points)))
    if len(wrong):
        row, column = wrong[0]
        low, high = space.lowers[column], space.uppers[column]
        raise InvalidOption(
            f"{starts.how}: {space.names[column]!r} is {points[row, column]} in start {row}; "
            f"expected a number in [{low}, {high}]"
        )
    return points


def _fit_all(problem: Problem, first: Starts) -> Climbed:
    """Rounds of iterations: fits that take long are gathered into batches of their own, so that others do not wait.

    After two rounds only those go on that are within reach of the lowest end.
    """
    limit = problem.settings.max_iterations
    ends = _climb(problem, first, TABLE_TOLERANCE, limit=min(_QUICK, limit))
    ends = _continued(problem, ends, _unfinished(ends), min(_QUICK, limit - _QUICK))
    return _continued(problem, ends, _unfinished(ends) & _near_lowest(ends), limit - 2 * _QUICK)


def _unfinished(ends: Climbed) -> Bool[np.ndarray, " ends"]:
    return ends.status == Status.MAX_ITER.code


def _near_lowest(ends: Climbed) -> Bool[np.ndarray, " ends"]:
    """Which fits have come within reach of the lowest end; all of them as long as there is none."""
    return ends.value < ends.value[_settled(ends)].min(initial=np.inf) + _REACH


def _continued(problem: Problem, ends: Climbed, chosen: Bool[np.ndarray, " ends"], limit: int) -> Climbed:
    """Some fits taken up again where they ended."""
    left = np.flatnonzero(chosen)
    if not left.size or limit <= 0:
        return ends
    again = _climb(problem, ends.theta[left], TABLE_TOLERANCE, limit=limit)
    return replaced(ends, left, again._replace(iterations=ends.iterations[left] + again.iterations))


def _climb(
    problem: Problem, first: Starts, tolerance: float, *, limit: int | None = None, rescue: bool = False
) -> Climbed:
    settings = problem.settings._replace(tolerance=tolerance)
    data = stack_lanes(problem.data, len(first))
    return climb(
        problem.likelihood,
        data,
        first,
        np.broadcast_to(problem.space.free_mask, first.shape),
        problem.space,
        settings if limit is None else settings._replace(max_iterations=limit),
        rescue=rescue,
        batch=problem.batch or min(SMALL_BATCH, small_batch(cells_per_lane(data))),
    )


def _settled(ends: Climbed) -> np.ndarray:
    """Which fits ended where the gradient vanishes."""
    codes = [status.code for status in Status if status.converged or status is Status.NOT_PD]
    return np.isin(ends.status, codes) & np.isfinite(ends.value)


def _rescue(problem: Problem, ends: Climbed) -> Climbed:
    """Let unfinished fits that lie below all finished ones climb the ladder."""
    settled, value = _settled(ends), np.where(np.isfinite(ends.value), ends.value, np.inf)
    best = value[settled].min() if settled.any() else np.inf
    unfinished = np.flatnonzero(~settled & (value < best - NLL_WINDOW))
    chosen = unfinished[np.argsort(value[unfinished], kind="stable")][:_RESCUED]
    if not chosen.size:
        return ends
    return replaced(ends, chosen, _climb(problem, ends.theta[chosen], problem.settings.tolerance, rescue=True))


def _sharpen(problem: Problem, ends: Climbed) -> Climbed:
    """Minima near the lowest to the tolerance of a single fit, and beyond where rounding allows; never higher."""
    for tolerance, limit in ((problem.settings.tolerance, None), (_SHARP, _QUICK)):
        sound = np.flatnonzero((ends.status != Status.NOT_PD.code) & _near_lowest(ends))
        if not sound.size or tolerance > problem.settings.tolerance:
            break
        before = taken(ends, sound)
        again = _climb(problem, before.theta, tolerance, limit=limit)
        rescued = (before.status == Status.FALLBACK_OK.code) & (again.status == Status.OK.code)
        again = again._replace(
            iterations=before.iterations + again.iterations,
            rung=before.rung,
            status=np.where(rescued, before.status, again.status),
        )
        better = np.flatnonzero(_settled(again) & (again.value <= before.value + problem.settings.tolerance))
        ends = replaced(ends, sound[better], taken(again, better))
    return ends


def _groups(problem: Problem, ends: Climbed, curvature: Curvature) -> list[list[int]]:
    space = problem.space

    def metric_at(lane: int) -> Float[np.ndarray, "parameters parameters"]:
        theta, gradient = ends.theta[lane], ends.gradient[lane]
        hessian = np.asarray(endpoint(problem.likelihood, problem.data, theta, curvature=curvature).hessian)
        at_lower, at_upper = outward(theta, gradient, space)
        return metric(hessian, theta, space.free_mask & ~at_lower & ~at_upper)

    return cluster(ends.theta, ends.value, metric_at, space)


def _outcomes(codes: Int[np.ndarray, " ends"]) -> dict[str, int]:
    found, counts = np.unique(codes, return_counts=True)
    return {Status.from_code(int(code)).word: int(count) for code, count in zip(found, counts, strict=True)}


def _flags(starts: Multistart, hits: np.ndarray) -> dict[str, str]:
    if hits[0] > 1 or starts.n == 1:
        return {}
    sentence = f"only 1 of {starts.n} starts led to the lowest minimum; more starts may find a lower one"
    return {"best_minimum_hit_once": sentence}
