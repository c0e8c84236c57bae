"""Profiles: the likelihood along one or two parameters with all others refitted."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import FitFailed, InvalidOption
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult
from wilks.results.scans import Scan, ScanTable

from .endpoint import examine
from .fitting import Start, fit_many, solve, stacked_data
from .ladder import Climbed, climb, is_dense
from .lanes import evaluate_lanes, hessian_lanes, stack_lanes, take_lanes
from .minimisers import TABLE_TOLERANCE, AbstractMinimiser
from .multistart import Multistart
from .problem import Clock, Problem, judged, pose, refuse_curvature

LOWER = 1e-6
"""How far below the minimum a profile must come to count as a lower minimum, in units of -ln L."""

_RESTARTS = 3
_REACH = 3.0  # default scan range in units of the error
_POINTS = 41
_POINTS_2D = 25
_LANES = 32768  # fits of many profiles that are held at a time


class Minimum(NamedTuple):
    """Best points of many lanes with a metric around each: an approximate covariance that always exists."""

    theta: Float[np.ndarray, "lanes parameters"]
    value: Float[np.ndarray, " lanes"]
    metric: Float[np.ndarray, "lanes parameters parameters"]


def profile(
    likelihood: AbstractLikelihood,
    data: Any,
    name: str | tuple[str, str],
    grid: Any = None,
    *,
    start: Start | Multistart = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
    fixed_others: bool = False,
    points: int | None = None,
) -> Scan:
    """2 [nll(v) - nll_min] on a grid of one or two parameters, the others refitted at each node.

    Args:
        likelihood: judges the data.
        data: as for `fit`.
        name: a parameter, or a pair.
        grid: values of the parameter, or a pair of them; by default 3 errors to each side, cut at the bounds.
        start: where the free fit begins, as for `fit`.
        space: as for `fit`.
        minimiser: as for `fit`.
        fixed_others: keep the others at their best values instead (a slice).
        points: length of the default grid per parameter.

    Raises:
        FitFailed: if the free fit finds no minimum.
        InvalidOption: without a grid, if there are too many parameters for the curvature that sets its length.
    """
    clock = Clock.start()
    problem = pose(likelihood, data, space, minimiser)
    names = (name,) if isinstance(name, str) else tuple(name)
    where = _scanned(problem.space, names)
    flags: dict[str, str] = {}
    best = free_fit(problem, start=start)
    for _ in range(_RESTARTS + 1):
        axes = _axes(problem, best, where, grid, points)
        nodes = np.stack([m.ravel() for m in np.meshgrid(*axes, indexing="ij")], axis=1)
        theta, value, status = _along(problem, best, where, nodes, fixed_others)
        lowest = int(np.argmin(np.where(np.isfinite(value), value, np.inf)))
        if fixed_others or not value[lowest] < best.excess - LOWER:
            break
        best = adopt(problem, theta[lowest], best, flags)
    shape = tuple(len(a) for a in axes)
    return Scan(
        names=names,
        grid=axes,
        delta=(2 * (value - best.excess)).reshape(shape),
        theta=theta.reshape(*shape, -1),
        parameters=problem.space.names,
        status=status.reshape(shape),
        best=tuple(float(best.theta[i]) for i in where),
        best_nll=best.nll,
        fixed_others=fixed_others,
        flags={**best.flags, **flags, **boundary_note(best, names)},
        how="slice through the best fit" if fixed_others else "profile: all other free parameters refitted",
        provenance=clock.provenance(problem, "profile", settings={"names": list(names)}),
    )


def profile_many(
    likelihood: AbstractLikelihood,
    datasets: Any,
    name: str,
    grid: Any,
    *,
    start: Start = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> ScanTable:
    """Profiles of many sets of data along one parameter, all nodes of all sets fitted in batches.

    Args:
        likelihood: judges each set.
        datasets: as for `fit_many`.
        name: the parameter.
        grid: its values, the same for all.
        start: where the free fits begin, as for `fit`.
        space: as for `fit`.
        minimiser: as for `fit`.

    Raises:
        InvalidOption: for a parameter that is fixed, or a grid outside of its bounds.
    """
    clock = Clock.start()
    stacked = stacked_data(likelihood, datasets)
    free = fit_many(likelihood, stacked, start=start, space=space, minimiser=minimiser)
    problem = judged(likelihood, stacked, space, minimiser, tolerance=TABLE_TOLERANCE)
    (where,) = _scanned(problem.space, (name,))
    nodes = _checked_grid(problem, (where,), grid)[0]
    best, lowest = free.theta.copy(), free.excess.copy()
    value, status = np.empty((len(free), len(nodes))), np.empty((len(free), len(nodes)), dtype=np.int8)
    moved, each = 0, max(_LANES // len(nodes), 1)
    for first in range(0, len(free), each):
        lanes = np.arange(first, min(first + each, len(free)))
        ends = _at_nodes(problem, lanes, best[lanes], where, nodes)
        value[lanes], status[lanes] = ends.value.reshape(-1, len(nodes)), ends.status.reshape(-1, len(nodes))
        moved += _adopt_lanes(problem, lanes, ends.theta.reshape(*value[lanes].shape, -1), value, best, lowest)
    flags = dict(free.flags)
    with np.errstate(invalid="ignore"):  # lanes without a minimum
        delta, change = 2 * (value - lowest[:, None]), lowest - free.excess
    if moved:
        flags["moved_minimum"] = f"lower minima were met on the way and adopted in {moved} of {len(free)} sets of data"
    parameter = problem.space[name]
    if pressed := int(((best[:, where] <= parameter.lower) | (best[:, where] >= parameter.upper)).sum()):
        flags["boundary"] = (
            f"the best value of {name} lies on a bound in {pressed} of {len(free)} sets of data, where a likelihood "
            "ratio need not follow a chi-square law"
        )
    return ScanTable(
        name=name,
        grid=nodes,
        delta=delta,
        status=status,
        parameters=problem.space.names,
        best=best,
        best_nll=np.where(change < 0, free.nll + change, free.nll),
        best_status=free.status,
        flags=flags,
        how="profiles: all other free parameters refitted at each node",
        provenance=clock.provenance(problem, "profile_many", settings={"name": name}),
    )


def _at_nodes(problem: Problem, lanes: np.ndarray, best: np.ndarray, where: int, nodes: np.ndarray) -> Climbed:
    """Fits of some lanes at every node, lane after lane, from each lane's best point."""
    theta = np.repeat(best, len(nodes), axis=0)
    theta[:, where] = np.tile(nodes, len(lanes))
    held = np.zeros(theta.shape, dtype=bool)
    held[:, where] = True
    return conditional(problem, take_lanes(problem.data, np.repeat(lanes, len(nodes))), theta, held)


def _adopt_lanes(
    problem: Problem, lanes: np.ndarray, theta: np.ndarray, value: np.ndarray, best: np.ndarray, lowest: np.ndarray
) -> int:
    """Free fits again, from the lowest node of lanes that come below their minimum; returns how many moved."""
    finite = np.where(np.isfinite(value[lanes]), value[lanes], np.inf)
    below = np.flatnonzero(finite.min(axis=1) < lowest[lanes] - LOWER)
    if not below.size:
        return 0
    chosen = lanes[below]
    start = theta[below, finite[below].argmin(axis=1)]
    free, data = np.broadcast_to(problem.space.free_mask, start.shape), take_lanes(problem.data, chosen)
    ends = climb(problem.likelihood, data, start, free, problem.space, problem.settings, batch=problem.batch)
    better = ends.value < lowest[chosen]
    best[chosen[better]], lowest[chosen[better]] = ends.theta[better], ends.value[better]
    return int(better.sum())


def free_fit(problem: Problem, *, start: Start | Multistart = None) -> FitResult:
    """The free fit that a profile refers to.

    Raises:
        FitFailed: if there is no minimum that can be trusted.
    """
    best = solve(problem, Clock.start(), start=start)
    if not best.status.converged and best.status.word != "not_pd":
        raise FitFailed(f"{best.status.value}; {best.cause}", best)
    return best


def boundary_note(best: FitResult, names: Collection[str]) -> dict[str, str]:
    """The flag of a likelihood ratio in parameters whose best value lies on a bound."""
    pressed = [name for name in names if name in best.at_lower or name in best.at_upper]
    if not pressed:
        return {}
    which = " and ".join(pressed)
    return {
        "boundary": f"the best value of {which} lies on a bound, where a likelihood ratio need not follow a chi-square "
        "law; p-values by toys hold all the same"
    }


def adopt(problem: Problem, theta: np.ndarray, best: FitResult, flags: dict[str, str]) -> FitResult:
    """The free fit from a point that lies lower than the minimum known so far, and the flag that says so."""
    lower = solve(problem, Clock.start(), start=dict(zip(problem.space.names, theta, strict=True)))
    flags["moved_minimum"] = (
        f"a lower minimum was met on the way and adopted; -ln L is {best.excess - lower.excess:.3g} below the first"
    )
    return lower


def minimum_of(problem: Problem, best: FitResult) -> Minimum:
    """The best point of one fit as a lane; its covariance is the metric unless parameters on bounds are left out."""
    if best.covariance is not None and not (best.at_lower or best.at_upper):
        return Minimum(best.theta[None], np.array([best.excess]), best.covariance[None])
    return with_metric(problem._replace(data=stack_lanes(problem.data, 1)), best.theta[None], np.array([best.excess]))


def with_metric(problem: Problem, theta: np.ndarray, value: np.ndarray) -> Minimum:
    """Best points of stacked lanes with the inverse of their exact Hessian (its absolute value if not positive)."""
    refuse_curvature(problem)
    hessians = hessian_lanes(problem.likelihood, problem.data, theta, batch=problem.batch)
    return Minimum(theta, value, np.stack([_metric(h, problem.space.free_mask) for h in hessians]))


def _metric(hessian: np.ndarray, free: np.ndarray) -> np.ndarray:
    curved = examine(hessian, free)
    if curved.covariance is not None:
        return curved.covariance
    block = np.where(np.isfinite(hessian), hessian, 0.0)[np.ix_(free, free)]
    eigenvalues, vectors = np.linalg.eigh(block)
    floor = max(1e-8 * float(np.abs(eigenvalues).max(initial=0.0)), 1e-12)
    metric = np.zeros_like(hessian)
    metric[np.ix_(free, free)] = (vectors / np.maximum(np.abs(eigenvalues), floor)) @ vectors.T
    return metric


def drift(
    metric: Float[np.ndarray, "parameters parameters"], where: tuple[int, ...], move: Float[np.ndarray, "lanes moved"]
) -> Float[np.ndarray, "lanes parameters"]:
    """How all parameters follow when some are moved: C[:, F] C_FF^-1 move."""
    columns = metric[:, where]
    block = columns[list(where)]
    if len(where) == 1 and block[0, 0] > 0:
        return move @ (columns / block).T
    return move @ np.linalg.pinv(block, hermitian=True) @ columns.T


def conditional(
    problem: Problem,
    data: Any,
    starts: Float[np.ndarray, "lanes parameters"],
    held: Bool[np.ndarray, "lanes parameters"],
    *,
    tolerance: float | None = None,
) -> Climbed:
    """Fits of stacked data with some parameters of each lane held at their start, to the problem's EDM or another."""
    starts = np.where(held, starts, np.clip(starts, problem.space.lowers, problem.space.uppers))
    free = problem.space.free_mask & ~held
    settings = problem.settings if tolerance is None else problem.settings._replace(tolerance=tolerance)
    return climb(problem.likelihood, data, starts, free, problem.space, settings, batch=problem.batch)


def _along(
    problem: Problem, best: FitResult, where: tuple[int, ...], nodes: np.ndarray, fixed_others: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, excess and status code at every node."""
    data = stack_lanes(problem.data, len(nodes))
    theta = np.repeat(best.theta[None], len(nodes), axis=0)
    if fixed_others:
        theta[:, where] = nodes
        value = evaluate_lanes(problem.likelihood, data, theta)
        return theta, value, np.zeros(len(nodes), dtype=np.int8)
    if is_dense(problem.space.free_mask):  # else the others begin at their best values
        anchor = minimum_of(problem, best)
        theta = theta + drift(anchor.metric[0], where, nodes - best.theta[list(where)])
    theta[:, where] = nodes
    held = np.zeros(theta.shape, dtype=bool)
    held[:, where] = True
    ends = conditional(problem, data, theta, held)
    return ends.theta, ends.value, ends.status


def _scanned(space: ParameterSpace, names: tuple[str, ...]) -> tuple[int, ...]:
    if len(names) not in (1, 2) or len(set(names)) != len(names):
        raise InvalidOption(f"a scan takes one parameter or two different ones, not {names}")
    where = space.indices(names)
    for i in where:
        if not space.parameters[i].is_free:
            raise InvalidOption(f"parameter {space.names[i]!r} is fixed; release it to scan it")
    return where


def _axes(
    problem: Problem, best: FitResult, where: tuple[int, ...], grid: Any, points: int | None
) -> tuple[np.ndarray, ...]:
    if grid is not None:
        return _checked_grid(problem, where, grid)
    errors = np.sqrt(np.diagonal(minimum_of(problem, best).metric[0]))
    length = points or (_POINTS if len(where) == 1 else _POINTS_2D)
    return tuple(
        np.linspace(
            max(best.theta[i] - _REACH * errors[i], problem.space.lowers[i]),
            min(best.theta[i] + _REACH * errors[i], problem.space.uppers[i]),
            length,
        )
        for i in where
    )


def _checked_grid(problem: Problem, where: tuple[int, ...], grid: Any) -> tuple[np.ndarray, ...]:
    """The grid's axes, inside the bounds."""
    given = (grid,) if len(where) == 1 else tuple(grid)
    axes = tuple(np.atleast_1d(np.asarray(g, dtype=float)) for g in given)
    if len(axes) != len(where) or any(a.ndim != 1 or not a.size or not np.isfinite(a).all() for a in axes):
        raise InvalidOption("the grid must hold finite values, one vector per scanned parameter")
    for i, axis in zip(where, axes, strict=True):
        p = problem.space.parameters[i]
        if axis.min() < p.lower or axis.max() > p.upper:
            raise InvalidOption(
                f"the grid of {p.name!r} runs over [{axis.min():g}, {axis.max():g}], outside the bounds "
                f"[{p.lower:g}, {p.upper:g}]; cut it or widen the bounds"
            )
    return axes
