"""Fits of counts under weighted variations in plain numpy: many sets of counts at once, and nothing to compile.

The formulas are those of `EnsembleCounts`. For problems of a few parameters this is faster than compiled code: a single
fit takes less time than the call of a compiled one, and a fresh process has nothing to load.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Bool, Float, Int

from wilks._base.errors import InvalidData, check_option
from wilks.likelihood.ensemble_counts import FEW_VARIATIONS, SYSTEMATICS
from wilks.model.ensembles import AbstractEnsemble, LinearEnsemble

from .variation_surfaces import AbstractMeans, CurvedMeans, Expansion, LinearMeans, MemberMeans, Points, Surface

_ITERATIONS = 60
_STEPS = (0.4, 0.1, 0.01, 1e-3, 2.0**-14)
_ENOUGH = 1e-11  # expected gain, relative to 1 + abs(ln L), below which one last step is taken
_SMALLEST_CURVATURE = 1e-8  # relative to the largest
_IN_MEMORY = 2**23  # numbers held at a time, 64 MB
_SHAKES = (0.3, 3.0)


class VariationFits(NamedTuple):
    """Best points of many sets of counts.

    Args:
        theta: best values.
        log_likelihood: ln L there, with all its constants.
        converged: whether the point can be trusted.
        iterations: Newton steps taken.
        gradient: of ln L.
        hessian: of ln L.
    """

    theta: Float[np.ndarray, "lanes parameters"]
    log_likelihood: Float[np.ndarray, " lanes"]
    converged: Bool[np.ndarray, " lanes"]
    iterations: Int[np.ndarray, " lanes"]
    gradient: Float[np.ndarray, "lanes parameters"]
    hessian: Float[np.ndarray, "lanes parameters parameters"]


@dataclass(frozen=True, eq=False)
class VariationProblem:
    """An ensemble of predictions to be fitted to counts.

    Args:
        ensemble: expected counts per variation. A stored linear one is fitted with exact derivatives, any other with
            central differences of its expected counts.
        systematics: ``"marginal"`` or ``"profile"``, as in `EnsembleCounts`.
    """

    ensemble: AbstractEnsemble
    systematics: str = "marginal"

    def __post_init__(self) -> None:
        check_option("systematics", self.systematics, SYSTEMATICS)

    @cached_property
    def matrices(self) -> Float[np.ndarray, "variations bins parameters"] | None:
        """Stored matrices of all variations and parameters, None if the ensemble is not stored."""
        if not isinstance(self.ensemble, LinearEnsemble):
            return None
        full = np.zeros((len(self.ensemble.weights), self.ensemble.outputs, len(self.ensemble.space)))
        full[:, :, self.ensemble.columns] = self.ensemble.matrices
        return full

    @cached_property
    def constants(self) -> Float[np.ndarray, "variations bins"]:
        """Constants of all variations of a stored ensemble."""
        rows = self.ensemble.constants if isinstance(self.ensemble, LinearEnsemble) else np.zeros((1, 1))
        return np.broadcast_to(rows, (len(self.ensemble.weights), rows.shape[1]))

    @cached_property
    def means(self) -> AbstractMeans:
        """Expected counts with derivatives."""
        return CurvedMeans(self.ensemble) if self.matrices is None else LinearMeans(self.matrices, self.constants)

    @cached_property
    def log_weights(self) -> Float[np.ndarray, " variations"] | None:
        """Logarithm of the share of each variation; None if the best one counts."""
        weights = self.ensemble.weights
        with np.errstate(divide="ignore"):
            return np.log(weights / weights.sum()) if self.systematics == "marginal" else None

    @cached_property
    def average(self) -> LinearMeans | None:
        """The mean variation, whose likelihood is concave."""
        if self.matrices is None:
            return None
        share = self.ensemble.weights / self.ensemble.weights.sum()
        return LinearMeans(np.tensordot(share, self.matrices, 1)[None], np.tensordot(share, self.constants, 1)[None])

    def surface(self, counts: Float[np.ndarray, "sets bins"]) -> Surface:
        """ln L of sets of counts."""
        return Surface(self.means, counts, self.log_weights)

    def scale(self, counts: Float[np.ndarray, "sets bins"]) -> Float[np.ndarray, " parameters"]:
        """Size of each parameter: what would explain its share of the counts alone."""
        space = self.ensemble.space
        if self.average is None:
            return np.maximum(np.abs(space.starts), 1.0)
        total = np.abs(self.average.matrices[0]).sum(axis=0)
        size = max(float(counts.sum()) / len(counts), 1.0) / max(len(space), 1)
        return np.divide(size, total, out=np.ones(len(space)), where=total > 0)


def fit_variations(
    problem: VariationProblem,
    counts: Float[np.ndarray, "sets bins"],
    *,
    start: Float[np.ndarray, " parameters"] | Float[np.ndarray, "sets parameters"] | None = None,
    free: Bool[np.ndarray, " parameters"] | None = None,
    nearby: bool = False,
) -> VariationFits:
    """Best values for each set of counts.

    Marginal fits start at the given point or at the best point of the mean variation, whichever lies higher; profile
    fits take the best of all variations, which is the global one for stored ensembles.

    Args:
        problem: ensemble and treatment of its variations.
        counts: observed counts.
        start: first point, for all or one per set; by default the starts of the space.
        free: parameters that move; the others stay at their start. All by default.
        nearby: the start is known to be close to the best point.

    Raises:
        InvalidData: if the counts have another number of bins than the predictions.
    """
    if counts.ndim != 2 or counts.shape[1] != problem.ensemble.outputs:
        raise InvalidData(f"counts of shape {counts.shape} for predictions of {problem.ensemble.outputs} bins")
    space = problem.ensemble.space
    first = np.broadcast_to(space.starts if start is None else start, (len(counts), len(space))).astype(float)
    moving = space.free_mask if free is None else free & space.free_mask
    numbers = len(problem.ensemble.weights) * problem.ensemble.outputs * max(len(space), 1)
    step = max(_IN_MEMORY // numbers, 1)
    pieces = [
        _fit_piece(problem, counts[i : i + step].astype(float), first[i : i + step], moving, nearby)
        for i in range(0, len(counts), step)
    ]
    return VariationFits(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))


def _fit_piece(
    problem: VariationProblem, counts: np.ndarray, start: Points, free: np.ndarray, nearby: bool
) -> VariationFits:
    space, scale = problem.ensemble.space, problem.scale(counts)
    climber = _Climber(np.where(free, space.lowers, -np.inf), np.where(free, space.uppers, np.inf), free, scale)
    surface = problem.surface(counts)
    start = climber.clipped(start) if nearby else _inside(surface, climber, start)
    if problem.log_weights is None and problem.matrices is not None:
        start = _best_members(problem, counts, climber, start)
    elif problem.average is not None and not nearby:
        average = climber.climb(Surface(problem.average, counts, np.zeros(1)), start)
        start = _higher(surface, start, average.theta)
    ends = climber.climb(surface, start)
    averaged = problem.log_weights is not None and problem.matrices is not None and len(problem.log_weights) > 1
    if averaged and free.any() and not nearby:
        ends = _beyond_rivals(problem, counts, climber, ends)
    for shake in _SHAKES if free.any() else ():
        lost = np.flatnonzero(~ends.converged)
        if lost.size:
            elsewhere = np.where(free, shake * np.where(start[lost] == 0, scale, start[lost]), start[lost])
            ends = _replaced(ends, lost, climber.climb(surface, climber.clipped(elsewhere), lost))
    constant = scipy.special.gammaln(counts + 1.0).sum(axis=1)
    return ends._replace(log_likelihood=ends.log_likelihood - constant)


class _Climber(NamedTuple):
    """Bounded Newton steps in many lanes."""

    lower: Float[np.ndarray, " parameters"]
    upper: Float[np.ndarray, " parameters"]
    free: Bool[np.ndarray, " parameters"]
    scale: Float[np.ndarray, " parameters"]

    def clipped(self, theta: Points) -> Points:
        """Points inside the bounds; parameters that do not move have none."""
        return np.clip(theta, self.lower, self.upper)

    def climb(self, surface: Surface, start: Points, lanes: np.ndarray | None = None) -> VariationFits:
        """The next maximum from each start."""
        lanes = np.arange(len(start)) if lanes is None else lanes
        theta, here = start.copy(), surface.expand(start, lanes)
        converged = np.full(len(start), not self.free.any()) & np.isfinite(here.value)
        iterations = np.zeros(len(start), dtype=int)
        active = np.flatnonzero(np.isfinite(here.value) & ~converged)
        for _ in range(_ITERATIONS):
            if not active.size:
                break
            present = _taken(here, active)
            direction, gain = self._direction(theta[active], present)
            last = gain <= _ENOUGH * (1.0 + np.abs(present.value))
            tried, new = self._step(surface, theta[active], lanes[active], present, direction, last)
            better = new.value >= present.value
            _put(here, active[better], _taken(new, better))
            theta[active[better]] = tried[better]
            iterations[active] += 1
            converged[active[last]] = True
            active = active[better & ~last]
        return VariationFits(theta, here.value, converged, iterations, here.gradient, here.hessian)

    def _step(
        self, surface: Surface, theta: Points, lanes: np.ndarray, here: Expansion, direction: Points, last: np.ndarray
    ) -> tuple[Points, Expansion]:
        """Full steps, shortened where ln L would fall."""
        tried = self.clipped(theta + direction)
        new = surface.expand(tried, lanes)
        for step in _STEPS:
            short = np.flatnonzero(~(new.value >= here.value) & ~last)
            if not short.size:
                break
            tried[short] = self.clipped(theta[short] + step * direction[short])
            _put(new, short, surface.expand(tried[short], lanes[short]))
        return tried, new

    def _direction(self, theta: Points, here: Expansion) -> tuple[Points, Float[np.ndarray, " lanes"]]:
        """Newton direction of what may move, upwards whatever the curvature, and the gain it promises."""
        at_lower, at_upper = theta <= self.lower, theta >= self.upper
        gradient = here.gradient * self.scale
        moving = self.free & ~(at_lower & (gradient <= 0)) & ~(at_upper & (gradient >= 0))
        curvature = -here.hessian * np.multiply.outer(self.scale, self.scale)
        direction, reach = np.zeros_like(theta), 1.0 + np.abs(theta / self.scale).max(axis=1, initial=0.0)
        for _ in range(theta.shape[1]):
            direction = _newton(np.where(moving, gradient, 0.0), curvature, moving, reach)
            blocked = moving & ((at_lower & (direction < 0)) | (at_upper & (direction > 0)))
            if not blocked.any():
                break
            moving &= ~blocked
        gain = 0.5 * np.sum(np.where(moving, gradient, 0.0) * direction, axis=1)
        return np.where(moving, direction, 0.0) * self.scale, gain


def _newton(
    gradient: Points,
    curvature: np.ndarray,
    moving: Bool[np.ndarray, "lanes parameters"],
    reach: Float[np.ndarray, " lanes"],
) -> Points:
    """Newton direction with positive curvatures, no further than ``reach`` along each of its main axes."""
    block = np.where(moving[:, :, None] & moving[:, None, :], curvature, 0.0)
    values, vectors = np.linalg.eigh(block)
    size = np.abs(values)
    size = np.maximum(size, np.maximum(_SMALLEST_CURVATURE * size.max(axis=1, keepdims=True), 1e-300))
    along = (np.swapaxes(vectors, 1, 2) @ gradient[:, :, None]) / size[:, :, None]
    far = reach[:, None, None]
    return (vectors @ np.clip(along, -far, far))[:, :, 0]


def _inside(surface: Surface, climber: _Climber, start: Points) -> Points:
    """Starts inside the bounds, moved to where the likelihood is not zero if need be."""
    start = climber.clipped(start)
    value = surface.expand(start, np.arange(len(start))).value
    lost = ~np.isfinite(value)
    if not lost.any():
        return start
    base = np.where(np.isfinite(climber.lower), climber.lower, 0.0)
    other = climber.clipped(np.where(climber.free, base + climber.scale, start))
    return np.where(lost[:, None], other, start)


def _higher(surface: Surface, one: Points, other: Points) -> Points:
    lanes = np.arange(len(one))
    better = surface.expand(other, lanes).value > surface.expand(one, lanes).value
    return np.where(better[:, None], other, one)


def _best_members(problem: VariationProblem, counts: np.ndarray, climber: _Climber, start: Points) -> Points:
    """The best point of the best variation: each likelihood is concave, so that this is the global maximum.

    Where the variations are averaged, their weights count as well.
    """
    assert problem.matrices is not None
    size = len(problem.matrices)
    members = Surface(MemberMeans(problem.matrices, problem.constants), counts, np.zeros(1), repeat=size)
    ends = climber.climb(members, np.repeat(start, size, axis=0))
    values = np.where(np.isfinite(ends.log_likelihood), ends.log_likelihood, -np.inf).reshape(-1, size)
    values = values if problem.log_weights is None else values + problem.log_weights
    best = values.argmax(axis=1) + size * np.arange(len(counts))
    return ends.theta[best]


def _beyond_rivals(
    problem: VariationProblem, counts: np.ndarray, climber: _Climber, ends: VariationFits
) -> VariationFits:
    """The ends, or maxima near the best single variation.

    These are looked for where few variations carry the likelihood and one alone may reach more than their average.
    """
    surface = problem.surface(counts)
    share = surface.shares(ends.theta, np.arange(len(counts)))
    rivals = np.flatnonzero(np.sum(share**2, axis=1) * FEW_VARIATIONS > 1.0)
    if rivals.size:
        theta = ends.theta[rivals]
        room = climber.free & (theta > climber.lower), climber.free & (theta < climber.upper)
        rivals = rivals[surface.promises(theta, rivals, room) > ends.log_likelihood[rivals]]
    if not rivals.size:
        return ends
    theta = ends.theta[rivals]
    start = _best_members(problem, counts[rivals], climber, theta)
    return _replaced(ends, rivals, climber.climb(surface, start, rivals), higher=True)


def _taken(expansion: Expansion, where: np.ndarray) -> Expansion:
    return Expansion(*(array[where] for array in expansion))


def _put(expansion: Expansion, where: np.ndarray, new: Expansion) -> None:
    for array, values in zip(expansion, new, strict=True):
        array[where] = values


def _replaced(ends: VariationFits, where: np.ndarray, new: VariationFits, *, higher: bool = False) -> VariationFits:
    """Ends with some lanes put in anew where they have converged, or lie higher if only that counts."""
    better = new.log_likelihood > ends.log_likelihood[where]
    better = better & new.converged if higher else better | new.converged
    for array, values in zip(ends, new, strict=True):
        array[where[better]] = values[better]
    return ends
