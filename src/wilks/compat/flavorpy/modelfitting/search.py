"""The global fit behind `make_fit`: smooth descents from many starts, then simplices on FlavorPy's own chi-square."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from .descent import Descended, descend
from .objective import Objective
from .simplex import Bounds, minimise_simplices

_REACHES = (0.5, 0.1, 0.02)  # size of the simplices of each round, in standard deviations
_COARSE, _FINE = 1e-6, 1e-10  # standstill of chi-square in the first rounds and in the last
_PER_MINIMUM = 8  # simplices per distinct minimum: kinks of abs() split each into several
_AROUND = 0.5  # standard deviations between a minimum and where its simplices begin
_MORE_MINIMA = 4  # distinct minima polished beyond the number of the user's points
_WIDEST = 0.1  # of a parameter's size: largest simplex along directions that hardly matter
_SMALLEST_SIZE = 1e-3  # size of a parameter that is zero
_SAME_CHI2, _SAME_PLACE = 2e-3, 0.01  # two ends of one minimum: chi-square, squared distance in its metric
_NEAR = 9.0  # squared distance up to which a polished end still belongs to a minimum
_MOST_MINIMA = 200

Points = Float[np.ndarray, "points parameters"]
Mask = Bool[np.ndarray, " parameters"]


class Ends(NamedTuple):
    """Ends of stages.

    Args:
        theta: where they are.
        chi2: FlavorPy's chi-square there.
        minimum: number of the distinct minimum that each belongs to.
    """

    theta: Points
    chi2: Float[np.ndarray, " points"]
    minimum: Int[np.ndarray, " points"]

    def taken(self, where: Int[np.ndarray, " chosen"]) -> "Ends":
        """Some of them."""
        return Ends(*(part[where] for part in self))


class Leader(NamedTuple):
    """The lowest end of a distinct minimum.

    Args:
        theta: where it is.
        metric: curvature of the smooth chi-square there.
        hits: number of starts that led there.
    """

    theta: Float[np.ndarray, " parameters"]
    metric: Float[np.ndarray, "parameters parameters"]
    hits: int

    def distance(self, theta: Points) -> Float[np.ndarray, " points"]:
        """Squared distance of points in the metric."""
        away = theta - self.theta
        return np.einsum("lp,pq,lq->l", away, self.metric, away)


class Lanes(NamedTuple):
    """Simplices in the making.

    Args:
        theta: where each begins.
        spread: its edges per unit of reach.
        minimum: number of the distinct minimum at which it begins.
    """

    theta: Points
    spread: Float[np.ndarray, "points parameters free"]
    minimum: Int[np.ndarray, " points"]


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Args:
        ends: the best ends, ascending.
        minima: distinct minima: chi-square, number of starts that led there, values by name.
        starts: number of starts.
        failed: number of starts at which the chi-square was no number.
    """

    ends: Ends
    minima: list[dict[str, Any]] = field(default_factory=list)
    starts: int = 0
    failed: int = 0


def search(
    objective: Objective,
    own: Float[np.ndarray, "own parameters"],
    extra: Float[np.ndarray, "extra parameters"],
    stages: int,
    generator: np.random.Generator,
    *,
    rows: int,
) -> Found:
    """Fit from all starts and return the best ends.

    Every start descends on the smooth chi-square. The user's own starts and the lowest distinct minima go on with
    rounds of simplices on the exact one; the end of each round is a stage of an own start.

    Args:
        objective: the chi-square.
        own: the user's starts.
        extra: further ones.
        stages: stages of each of the user's starts.
        generator: turns the simplices.
        rows: number of ends to return.
    """
    free = objective.space.free_mask
    if not free.any():
        chi2 = objective.chi2(own)
        ends = Ends(own, chi2, np.arange(len(own))).taken(np.repeat(np.arange(len(own)), stages))
        return Found(_ascending(ends), starts=len(own), failed=int((~np.isfinite(chi2)).sum()))
    bounds = Bounds(objective.space.lowers, objective.space.uppers)
    descended = descend(objective.judge, np.concatenate([own, extra]), free, bounds)
    leaders, minimum = _distinct(descended, free)
    first = Ends(descended.theta, descended.judged.exact, minimum)
    lanes = _lanes(descended, minimum, leaders, len(own), free, generator)
    rounds = list(_polish(objective, lanes, leaders, len(own), stages, generator))
    mine = np.arange(len(own))
    of_own = [first.taken(mine), *(ends.taken(mine) for ends in rounds)][:stages]
    everything = _joined([*of_own, rounds[-1]])
    chosen = _chosen(_ascending(everything), stages, rows)
    failed = int((~np.isfinite(first.chi2)).sum())
    return Found(chosen, _listed(objective, everything, leaders), len(first.theta), failed)


def _distinct(descended: Descended, free: Mask) -> tuple[list[Leader], Int[np.ndarray, " points"]]:
    """Distinct minima, the lowest first, and the number of that which each end belongs to; others stand alone."""
    value, weight = descended.judged.smooth, descended.judged.weight * np.outer(free, free)
    minimum = np.full(len(value), -1)
    leaders: list[Leader] = []
    for lane in np.argsort(np.where(descended.settled, value, np.inf), kind="stable"):
        if len(leaders) == _MOST_MINIMA or not (descended.settled[lane] and np.isfinite(value[lane])):
            break
        if minimum[lane] < 0:
            leader = Leader(descended.theta[lane], weight[lane], 0)
            left = np.flatnonzero(minimum < 0)
            near = leader.distance(descended.theta[left]) < _SAME_PLACE
            same = left[near & (np.abs(value[left] - value[lane]) < _SAME_CHI2)]
            minimum[same] = len(leaders)
            leaders.append(leader._replace(hits=len(same)))
    alone = np.flatnonzero(minimum < 0)
    minimum[alone] = len(leaders) + np.arange(len(alone))
    return leaders, minimum


def _lanes(
    descended: Descended,
    minimum: Int[np.ndarray, " points"],
    leaders: list[Leader],
    own: int,
    free: Mask,
    generator: np.random.Generator,
) -> Lanes:
    """Where simplices begin: at the user's own ends, and at and around the lowest distinct minima."""
    lowest = np.repeat(np.arange(min(len(leaders), own + _MORE_MINIMA)), _PER_MINIMUM)
    theta = np.concatenate([descended.theta[:own], *(leaders[i].theta[None] for i in lowest)])
    metric = np.concatenate([descended.judged.weight[:own], *(leaders[i].metric[None] for i in lowest)])
    spread = _spreads(metric, theta, free)
    moves = _AROUND * generator.standard_normal((len(theta), int(free.sum())))
    moves[:own] = 0.0
    moves[own::_PER_MINIMUM] = 0.0
    return Lanes(theta + np.einsum("lpf,lf->lp", spread, moves), spread, np.concatenate([minimum[:own], lowest]))


def _polish(
    objective: Objective, lanes: Lanes, leaders: list[Leader], own: int, stages: int, generator: np.random.Generator
) -> Iterator[Ends]:
    """Ends after each round of simplices, the user's own lanes first."""
    free, bounds = objective.space.free_mask, Bounds(objective.space.lowers, objective.space.uppers)
    rounds = max(stages - 1, len(_REACHES))
    for i in range(rounds):
        corners = _simplices(lanes.theta, _REACHES[min(i, len(_REACHES) - 1)] * lanes.spread, generator, free)
        fine = _FINE if i == rounds - 1 else _COARSE
        theta, chi2 = minimise_simplices(objective.chi2, corners, bounds, standstill=fine)
        minimum = _placed(theta, lanes.minimum, leaders)
        yield Ends(theta, chi2, minimum)
        kept = np.arange(len(theta)) if i else _best_of_each(chi2, lanes.minimum, own, stages)
        lanes = Lanes(theta[kept], lanes.spread[kept], minimum[kept])


def _best_of_each(
    chi2: Float[np.ndarray, " points"], minimum: Int[np.ndarray, " points"], own: int, most: int
) -> Int[np.ndarray, " kept"]:
    """All own lanes, and of the others the lowest of each minimum."""
    kept = list(range(own))
    for number in np.unique(minimum[own:]):
        here = own + np.flatnonzero(minimum[own:] == number)
        kept += here[np.argsort(chi2[here], kind="stable")[:most]].tolist()
    return np.array(sorted(kept), dtype=int)


def _placed(theta: Points, minimum: Int[np.ndarray, " points"], leaders: list[Leader]) -> Int[np.ndarray, " points"]:
    """The minimum at which each end is: the one it came from if it is still near, else the nearest one."""
    if not leaders:
        return minimum
    distances = np.stack([leader.distance(theta) for leader in leaders])
    known = minimum < len(leaders)
    home = distances[np.where(known, minimum, 0), np.arange(len(theta))]
    stays = known & (home < _NEAR)
    moved = np.where(distances.min(axis=0) < _NEAR, distances.argmin(axis=0), minimum)
    return np.where(stays, minimum, moved)


def _spreads(metric: np.ndarray, theta: Points, free: Mask) -> Float[np.ndarray, "points parameters free"]:
    """Roots of the inverse metrics: principal axes of a standard deviation or a tenth of the size."""
    size = np.maximum(np.abs(theta[:, free]), _SMALLEST_SIZE)
    scaled = metric[:, free][:, :, free] * size[:, :, None] * size[:, None, :]
    eigenvalues, axes = np.linalg.eigh(scaled)
    length = np.minimum(_WIDEST, np.maximum(eigenvalues, 1e-300) ** -0.5)
    spread = np.zeros((*theta.shape, int(free.sum())))
    spread[:, free] = size[:, :, None] * axes * length[:, None, :]
    return spread


def _simplices(
    theta: Points, spread: np.ndarray, generator: np.random.Generator, free: Mask
) -> Float[np.ndarray, "points corners parameters"]:
    """A randomly turned simplex at each point, the point being one corner."""
    count = int(free.sum())
    turns, _ = np.linalg.qr(generator.standard_normal((len(theta), count, count)))
    edges = np.swapaxes(spread @ turns, 1, 2)
    return np.concatenate([theta[:, None], theta[:, None] + edges], axis=1)


def _joined(pieces: list[Ends]) -> Ends:
    return Ends(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))


def _ascending(ends: Ends) -> Ends:
    return ends.taken(np.argsort(ends.chi2, kind="stable"))


def _chosen(ends: Ends, most: int, rows: int) -> Ends:
    """The lowest ends, at most so many of each minimum as long as others remain."""
    seen: dict[int, int] = {}
    first, spare = [], []
    for i, number in enumerate(ends.minimum.tolist()):
        seen[number] = seen.get(number, 0) + 1
        (first if seen[number] <= most else spare).append(i)
    return ends.taken(np.sort(np.array([*first, *spare][:rows], dtype=int)))


def _listed(objective: Objective, ends: Ends, leaders: list[Leader]) -> list[dict[str, Any]]:
    """Distinct minima that were polished, ascending."""
    found = []
    for number, leader in enumerate(leaders):
        here = np.flatnonzero(ends.minimum == number)
        if here.size:
            best = here[np.argmin(ends.chi2[here])]
            values = dict(zip(objective.space.names, ends.theta[best].tolist(), strict=True))
            found.append({"chisq_dimless": float(ends.chi2[best]), "hits": leader.hits, "values": values})
    return sorted(found, key=lambda minimum: minimum["chisq_dimless"])
