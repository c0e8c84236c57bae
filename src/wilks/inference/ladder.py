"""The rescue ladder: every lane ends with a status, and the lanes that the first attempt left get further tries.

Rung 0: Newton from the given starts, or from where BFGS went from there if that is asked for. 1: another curvature
from where rung 0 ended: the exact Hessian, or its expectation if rung 0 used what the data give (empty bins have none).
2: three shaken starts. 3: iminuit, strategy 1 then 2, polished by Newton. What is left is ``failed``, kept with its
cause. With more free parameters than a dense curvature can have there is BFGS alone, and no ladder.
"""

from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status

from .bfgs import descend_lanes
from .lanes import SMALL_BATCH, LaneFits, Settings, fit_lanes, take_lanes, take_one
from .member_starts import member_starts
from .newton import CONVERGED, FLAT, NONFINITE
from .quadratic import DENSE_UP_TO
from .serial import migrad
from .starts import shaken_starts
from .template_newton import fit_templates

_SHAKES = 3

Ends = TypeVar("Ends", bound=tuple[np.ndarray, ...])
"""Ends of many fits: a named tuple of arrays with a leading axis of lanes."""


class Climbed(NamedTuple):
    """Ends of many fits after the ladder, one per lane."""

    theta: Float[np.ndarray, "lanes parameters"]
    value: Float[np.ndarray, " lanes"]
    gradient: Float[np.ndarray, "lanes parameters"]
    edm: Float[np.ndarray, " lanes"]
    iterations: Int[np.ndarray, " lanes"]
    status: Int8[np.ndarray, " lanes"]
    rung: Int8[np.ndarray, " lanes"]


def climb(
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, "lanes parameters"],
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    settings: Settings,
    *,
    rescue: bool = True,
    batch: int | None = None,
) -> Climbed:
    """Minimise every lane, climbing as far as each needs."""
    rescue = rescue and is_dense(free)
    sound = _finite_lanes(data, len(start)) & np.isfinite(start).all(axis=1)
    first = member_starts(likelihood, data, np.where(sound[:, None], start, space.starts), free, space, settings)
    ends = _from_starts(likelihood, data, first, free, space, settings, batch)
    ends = ends._replace(code=np.where(sound, ends.code, NONFINITE))
    rung = np.zeros(len(start), dtype=np.int8)
    if rescue:
        for number in (1, 2, 3):
            left = np.flatnonzero(sound & (ends.code != CONVERGED) & (ends.code != FLAT))
            if not left.size:
                break
            again = _RUNGS[number](
                likelihood, take_lanes(data, left), start[left], taken(ends, left), free[left], space, settings
            )
            better = (again.code == CONVERGED) | (again.code == FLAT)
            ends = replaced(ends, left[better], taken(again, np.flatnonzero(better)))
            rung[left[better]] = number
    return Climbed(*ends[:5], _statuses(ends, rung, free, space, rescue), rung)


def _from_starts(likelihood, data, start, free, space, settings, batch) -> LaneFits:
    """Newton from the given starts: in numpy where that can be, compiled elsewhere; after BFGS if that is asked for."""
    if settings.descents:
        return _after_bfgs(likelihood, data, start, free, space, settings, batch)
    ends = fit_templates(likelihood, data, start, free, space, settings)
    if ends is None:
        return fit_lanes(likelihood, data, start, free, space, settings, batch=batch)
    left = np.flatnonzero(ends.code != CONVERGED)
    if not left.size:
        return ends
    given = likelihood, take_lanes(data, left), start[left], free[left], space, settings
    return replaced(ends, left, fit_lanes(*given, batch=SMALL_BATCH))


def _after_bfgs(likelihood, data, start, free, space, settings, batch) -> LaneFits:
    """BFGS from the given starts, finished by Newton if there are not too many parameters for it."""
    reached = descend_lanes(likelihood, data, start, free, space, settings, batch=batch)
    if not is_dense(free):
        return reached
    origin = np.where(np.isfinite(reached.value)[:, None], reached.theta, start)
    ends = _from_starts(likelihood, data, origin, free, space, settings._replace(descents=0), batch)
    return ends._replace(iterations=ends.iterations + reached.iterations)


def is_dense(free: Bool[np.ndarray, "*lanes parameters"]) -> bool:
    """Whether a dense curvature of the free parameters fits memory."""
    return int(free.sum(axis=-1).max(initial=0)) <= DENSE_UP_TO


def outward(theta: np.ndarray, gradient: np.ndarray, space: ParameterSpace) -> tuple[np.ndarray, np.ndarray]:
    """Which parameters sit exactly on their lower and upper bound with the gradient pointing out."""
    return (theta <= space.lowers) & (gradient >= 0), (theta >= space.uppers) & (gradient <= 0)


def _statuses(ends: LaneFits, rung: np.ndarray, free: np.ndarray, space: ParameterSpace, rescued: bool) -> np.ndarray:
    at_lower, at_upper = outward(ends.theta, ends.gradient, space)
    bounded = ((at_lower | at_upper) & free).any(axis=1)
    lost = Status.FAILED.code if rescued else Status.MAX_ITER.code
    status = np.full(len(rung), lost, dtype=np.int8)
    status[ends.code == NONFINITE] = lost if rescued else Status.NONFINITE.code
    status[ends.code == FLAT] = Status.NOT_PD.code
    good = ends.code == CONVERGED
    status[good] = np.where(rung > 0, Status.FALLBACK_OK.code, np.where(bounded, Status.AT_BOUND.code, Status.OK.code))[
        good
    ]
    return status


def _other_curvature(likelihood, data, start, ends, free, space, settings) -> LaneFits:
    origin = np.where(np.isfinite(ends.theta).all(axis=1, keepdims=True), ends.theta, start)
    other = settings._replace(curvature="fisher" if settings.curvature == "observed" else "exact")
    return fit_lanes(likelihood, data, origin, free, space, other, batch=SMALL_BATCH)


def _shaken(likelihood, data, start, ends, free, space, settings) -> LaneFits:
    best = ends
    for turn in range(1, _SHAKES + 1):
        origin = shaken_starts(likelihood, start, free, space, turn)
        tried = fit_lanes(likelihood, data, origin, free, space, settings, batch=SMALL_BATCH)
        better = (tried.code == CONVERGED) & ((best.code != CONVERGED) | (tried.value < best.value))
        best = replaced(best, np.flatnonzero(better), taken(tried, np.flatnonzero(better)))
    return best


def _by_minuit(likelihood, data, start, ends, free, space, settings) -> LaneFits:
    points, calls = start.copy(), ends.iterations.copy()
    for lane in range(len(start)):
        one = take_one(data, lane)
        points[lane], _, used = migrad(likelihood, one, start[lane], free[lane], space, (1, 2), settings.max_iterations)
        calls[lane] += used
    points = np.where(np.isfinite(points), np.clip(points, space.lowers, space.uppers), start)
    exact = settings._replace(curvature="exact")
    polished = fit_lanes(likelihood, data, points, free, space, exact, batch=SMALL_BATCH)
    return polished._replace(iterations=polished.iterations + calls)


_RUNGS = {1: _other_curvature, 2: _shaken, 3: _by_minuit}


def _finite_lanes(data: Any, lanes: int) -> Bool[np.ndarray, " lanes"]:
    sound = np.ones(lanes, dtype=bool)
    for leaf in jax.tree.leaves(data):
        array = np.asarray(leaf)
        if array.dtype.kind == "f":
            sound &= np.isfinite(array.reshape(lanes, -1)).all(axis=1)
    return sound


def taken(ends: Ends, where: Int[np.ndarray, " chosen"]) -> Ends:
    """Some lanes of many ends."""
    return type(ends)(*(array[where] for array in ends))


def replaced(ends: Ends, where: Int[np.ndarray, " chosen"], new: Ends) -> Ends:
    """Many ends with some lanes put in anew."""
    arrays = [array.copy() for array in ends]
    for array, values in zip(arrays, new, strict=True):
        array[where] = values
    return type(ends)(*arrays)
