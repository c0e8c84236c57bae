"""Impacts: how much the best value of one parameter moves with all others, and what groups of them add to its error."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Bool, Float, Int8

from wilks._base.errors import FitFailed, InvalidOption, UnknownName, near_names
from wilks.likelihood.constraints import Constraints
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.likelihood.unbinned import Unbinned
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult
from wilks.results.impacts import Impacts
from wilks.results.status import Status

from .ladder import Climbed
from .lanes import stack_lanes
from .minimisers import AbstractMinimiser
from .problem import Clock, Problem, pose
from .profiles import LOWER, adopt, conditional, drift, free_fit
from .starts import constrained

_RESTARTS = 3

Numbers = Float[np.ndarray, " parameters"]


def impacts(
    likelihood: AbstractLikelihood,
    data: Any,
    name: str,
    *,
    groups: Mapping[str, Collection[str]] | None = None,
    start: Any = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Impacts:
    """Ranking of all free parameters by what they do to the best value of one.

    Each of the others is held at its best value plus and minus its error, after and before the fit, and everything
    else is refitted; each auxiliary measurement is moved up and down by its error, and everything is refitted.
    All these fits run in batches.

    Args:
        likelihood: judges the data.
        data: as for `fit`.
        name: the parameter of interest.
        groups: name of a group -> parameters in it, for the error budget; by default there is none besides the
            statistical error (all others held).
        start: where the free fit begins, as for `fit`.
        space: as for `fit`.
        minimiser: as for `fit`.

    Raises:
        FitFailed: if the free fit finds no minimum, or one without errors.
        InvalidOption: if the parameter of interest is fixed, or belongs to a group.
        UnknownName: for a name in a group that is no parameter.

    References:
        A. Pinto et al., Eur. Phys. J. C 84 (2024) 593, arXiv:2307.04007 (moved measurements).
    """
    clock = Clock.start()
    problem = pose(likelihood, data, space, minimiser)
    where = problem.space.index(name)
    if not problem.space.parameters[where].is_free:
        raise InvalidOption(f"parameter {name!r} is fixed; release it to see what moves it")
    chosen = {group: _members(problem.space, group, names, name) for group, names in (groups or {}).items()}
    best, flags = free_fit(problem, start=start), {}
    for _ in range(_RESTARTS + 1):
        others = _others(best, where)
        if not others:
            raise InvalidOption(f"there is no free parameter with an error besides {name!r}, so nothing moves it")
        held, moved = _held(problem, best, others), _moved(problem, best, others)
        lowest = int(np.argmin(np.where(np.isfinite(held.ends.value), held.ends.value, np.inf)))
        if not held.ends.value[lowest] < best.excess - LOWER:
            break
        best = adopt(problem, held.ends.theta[lowest], best, flags)
    return _ranked(problem, clock, best, where, others, chosen, held, moved, flags)


class _Held(NamedTuple):
    """Fits with one parameter held: four per parameter, plus after and before the fit, then minus."""

    ends: Climbed
    asked: Bool[np.ndarray, " lanes"]
    clipped: Bool[np.ndarray, " lanes"]


class _Moved(NamedTuple):
    """Fits with one auxiliary measurement moved: two per parameter, up and down; none without measurements."""

    parameters: list[int]
    ends: Climbed | None


def _covariance(best: FitResult) -> Float[np.ndarray, "parameters parameters"]:
    if best.covariance is None:
        raise FitFailed(f"{best.status.value}; {best.cause}: without errors there is no ranking; fix a parameter", best)
    return best.covariance


def _others(best: FitResult, where: int) -> list[int]:
    """Positions of the parameters with an error besides the one of interest."""
    variances = np.diagonal(_covariance(best))
    if not variances[where] > 0:
        raise FitFailed(f"{best.names[where]!r} sits on a bound and has no error; widen its bounds", best)
    return [i for i in np.flatnonzero(variances > 0).tolist() if i != where]


def _held(problem: Problem, best: FitResult, others: list[int]) -> _Held:
    covariance, before = _covariance(best), constrained(problem.likelihood)
    low, high = problem.space.lowers, problem.space.uppers
    lanes, starts, asked, clipped = [], [], [], []
    for i in others:
        prefit = before.get(best.names[i], (0.0, np.nan))[1]
        for step in (1.0, -1.0):
            for error in (float(np.sqrt(covariance[i, i])), prefit):
                wanted = best.theta[i] + step * error
                to = np.clip(wanted if np.isfinite(error) else best.theta[i], low[i], high[i])
                start = best.theta + drift(covariance, (i,), np.array([[to - best.theta[i]]]))[0]
                start[i] = to
                lanes.append(i)
                starts.append(start)
                asked.append(np.isfinite(error))
                clipped.append(np.isfinite(error) and to != wanted)
    mask = np.arange(len(best.names)) == np.array(lanes)[:, None]
    ends = conditional(problem, stack_lanes(problem.data, len(lanes)), np.array(starts), mask)
    return _Held(ends, np.array(asked), np.array(clipped))


def _moved(problem: Problem, best: FitResult, others: list[int]) -> _Moved:
    covariance, measured = _covariance(best), _measurements(problem.likelihood)
    parameters = [i for i in others if best.names[i] in measured]
    if not parameters:
        return _Moved([], None)
    before = constrained(problem.likelihood)
    sets, starts = [], []
    for i in parameters:
        pulled = covariance[:, i] / before[best.names[i]][1]  # how all follow a measurement moved by its error
        for step in (1.0, -1.0):
            sets.append(measured[best.names[i]].moved(problem.data, step))
            starts.append(best.theta + step * pulled)
    data = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *sets)
    start = np.array(starts)
    return _Moved(parameters, conditional(problem, data, start, np.zeros(start.shape, dtype=bool)))


class _Measurement(NamedTuple):
    """Where an auxiliary measurement stands in the data: names of the parts, then its place and error there."""

    path: tuple[str, ...]
    place: int
    error: float

    def moved(self, data: Any, step: float) -> Any:
        """The data with this measurement moved by some of its errors."""
        if self.path:
            inner = self._replace(path=self.path[1:]).moved(data[self.path[0]], step)
            return {**data, self.path[0]: inner}
        auxiliary = np.array(data.auxiliary, dtype=float)
        auxiliary[self.place] += step * self.error
        return eqx.tree_at(lambda tree: tree.auxiliary, data, auxiliary)


def _measurements(likelihood: AbstractLikelihood, path: tuple[str, ...] = ()) -> dict[str, _Measurement]:
    if isinstance(likelihood, Joint):
        parts = likelihood.parts.items()
        found = [_measurements(part, (*path, name)) for name, part in parts]
        return {name: place for places in found for name, place in places.items()}
    if not isinstance(likelihood, (PoissonCounts, ChiSquareCounts, Unbinned)):
        return {}
    terms: Constraints = likelihood.constraints
    errors = [*terms.widths[: terms.gaussians], *np.sqrt(terms.widths[terms.gaussians :])]  # of counts: sqrt(tau)
    return {name: _Measurement(path, i, float(errors[i])) for i, name in enumerate(terms.parameters)}


def _ranked(
    problem: Problem,
    clock: Clock,
    best: FitResult,
    where: int,
    others: list[int],
    groups: dict[str, list[int]],
    held: _Held,
    moved: _Moved,
    flags: dict[str, str],
) -> Impacts:
    covariance, names = _covariance(best), best.names
    changes = np.where(held.asked & _sound(held.ends), held.ends.theta[:, where] - best.theta[where], np.nan)
    after, before = changes.reshape(-1, 2, 2)[..., 0], changes.reshape(-1, 2, 2)[..., 1]
    shifts = np.full((len(names), 2), np.nan)
    codes = np.zeros(len(names), dtype=np.int8)
    codes[others] = np.where(held.asked, held.ends.status, 0).reshape(-1, 4).max(axis=1)
    if moved.ends is not None:
        change = np.where(_sound(moved.ends), moved.ends.theta[:, where] - best.theta[where], np.nan).reshape(-1, 2)
        shifts[moved.parameters] = change
        codes[moved.parameters] = np.maximum(codes[moved.parameters], moved.ends.status.reshape(-1, 2).max(axis=1))
    order = np.argsort(-np.nan_to_num(np.fmax(*np.abs(after).T)), kind="stable")
    rows = [others[k] for k in order]
    errors = np.sqrt(np.diagonal(covariance))
    pulls = np.array([best.pulls.get(names[i], (np.nan, np.nan)) for i in rows]).reshape(-1, 2)
    if unfinished := [names[i] for i in rows if not Status.from_code(int(codes[i])).converged]:
        flags["unfinished"] = f"some fits of {', '.join(unfinished[:8])} found no minimum; their impacts are left out"
    return Impacts(
        name=names[where],
        best=float(best.theta[where]),
        sigma=float(errors[where]),
        names=tuple(names[i] for i in rows),
        values=best.theta[rows],
        errors=errors[rows],
        pull=pulls[:, 0],
        constraint=pulls[:, 1],
        up=after[order, 0],
        down=after[order, 1],
        up_prefit=before[order, 0],
        down_prefit=before[order, 1],
        linear=covariance[where, rows] / errors[rows],
        shift_up=shifts[rows, 0],
        shift_down=shifts[rows, 1],
        clipped=np.any(held.clipped.reshape(-1, 4), axis=1)[order],
        status=_as_codes(codes[rows]),
        groups={group: _share(covariance, where, members) for group, members in groups.items()},
        statistical=_without(covariance, where, others),
        flags={**best.flags, **flags},
        how="changes of the best value, everything else refitted; ranked by the larger change within errors after the "
        "fit",
        provenance=clock.provenance(problem, "impacts", settings={"name": names[where], "groups": sorted(groups)}),
    )


def _as_codes(codes: np.ndarray) -> Int8[np.ndarray, " parameters"]:
    return codes.astype(np.int8)


def _sound(ends: Climbed) -> Bool[np.ndarray, " lanes"]:
    good = [status.code for status in Status if status.converged]
    return np.isin(ends.status, good)


def _without(covariance: np.ndarray, where: int, fixed: list[int]) -> float:
    """Error of a parameter with others held at their best values, from the inverse of the free block's curvature."""
    known = [i for i in range(len(covariance)) if covariance[i, i] > 0]
    keep = [i for i in known if i not in fixed]
    curvature = np.linalg.inv(covariance[np.ix_(known, known)])
    block = curvature[np.ix_([known.index(i) for i in keep], [known.index(i) for i in keep])]
    return float(np.sqrt(np.linalg.inv(block)[keep.index(where), keep.index(where)]))


def _share(covariance: np.ndarray, where: int, members: list[int]) -> float:
    difference = float(covariance[where, where]) - _without(covariance, where, members) ** 2
    return float(np.sign(difference) * np.sqrt(abs(difference)))


def _members(space: ParameterSpace, group: str, names: Collection[str], name: str) -> list[int]:
    if isinstance(names, str):
        raise InvalidOption(f"group {group!r} is the text {names!r}; expected a list of parameters")
    for member in names:
        if member not in space:
            raise UnknownName(f"group {group!r}: no parameter {member!r}; {near_names(member, space.names)}")
        if member == name:
            raise InvalidOption(f"group {group!r} holds the parameter of interest {name!r}; take it out")
    return [space.index(member) for member in names]
