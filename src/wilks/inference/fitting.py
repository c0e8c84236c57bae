"""Fits: the best values of one set of data, of many, or of a plain function."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import FitFailed, InvalidData, InvalidOption, check_option
from wilks._base.typing import LogProb, Values
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import stack
from wilks.likelihood.stored_variations import Surroundings
from wilks.model.user_functions.function import user_function
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult, FitTable
from wilks.results.status import Status

from .description import describe, movable
from .endpoint import Curved, Endpoint, endpoint, examine
from .ladder import Climbed, climb, is_dense
from .lanes import count_lanes, saturated_lanes, stack_lanes
from .member_starts import average_starts, inside_start
from .minimisers import TABLE_TOLERANCE, AbstractMinimiser, AbstractSerialMinimiser
from .multistart import Multistart, fit_many_starts
from .problem import Clock, Problem, error_of_user, judged, pose, refuse_dense, standing_flags
from .quadratic import DENSE_UP_TO
from .serial import searched
from .starts import auxiliary_starts, count_starts
from .variation_newton import climb_variations

_SADDLE_STEP = 0.5  # first step off a saddle, in units of the weakest direction's curvature radius

Start = FitResult | Values | None
"""Where a single fit starts."""


def fit(
    likelihood: AbstractLikelihood,
    data: Any,
    *,
    start: Start | Multistart = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
    covariance: Literal["observed", "fisher"] = "observed",
    throw: bool = True,
) -> FitResult:
    """Maximum-likelihood values of the parameters, with errors from the curvature.

    Args:
        likelihood: judges the data.
        data: whatever the likelihood takes: counts, a histogram, a mapping.
        start: values to start from (names left out keep their start), an earlier result, or ``Multistart(n, key)``
            for the lowest of all minima that many starts find. By default the space's starts, with constrained
            nuisances at their auxiliary measurements.
        space: the likelihood's space with parameters fixed, released or with other bounds;
            e.g. ``likelihood.space.fix(s_b=1.0)``.
        minimiser: `Auto` unless given.
        covariance: inverse of the exact Hessian (``"observed"``), or of its expectation (``"fisher"``).
        throw: raise `FitFailed` if there is no minimum; otherwise return the result with its status.

    Raises:
        InvalidData: if the data do not fit the likelihood.
        FitFailed: if no minimum can be trusted; ``error.result`` holds what there is.
        Exception: what a user's function raises, if no start leads anywhere because of it.
    """
    clock = Clock.start()
    check_option("covariance", covariance, ("observed", "fisher"))
    problem = pose(likelihood, data, space, minimiser)
    result = solve(problem, clock, start=start, covariance=covariance)
    if throw and not result.status.converged:
        if not np.isfinite(result.excess) and (error := error_of_user(likelihood, result.theta)):
            raise error
        raise FitFailed(f"{result.status.value}; {result.cause}{_advice(result, start)}", result)
    return result


def _advice(result: FitResult, start: Start | Multistart) -> str:
    """What to do about a flat direction, which often is one only where the fit has ended."""
    if result.status is not Status.NOT_PD or isinstance(start, Multistart):
        return ""
    return "; fix one of them, or start elsewhere, e.g. with start=Multistart(64, key=1)"


def minimise(
    function: Callable[[Values], Any],
    space: ParameterSpace,
    *,
    start: Start | Multistart = None,
    minimiser: AbstractMinimiser | None = None,
    scale: Literal["nll", "chi2"] = "nll",
    throw: bool = True,
) -> FitResult:
    """Minimum of a plain function of named values, written with ``jax.numpy`` or plain numpy.

    Args:
        function: from named values to a number. What JAX cannot trace is compiled, or called point by point, as
            `wilks.model.user_functions.function.user_function` says.
        space: parameters with starts and bounds.
        start: as for `fit`.
        minimiser: as for `fit`.
        scale: whether the function is -ln L (errors where it rises by 1/2) or a chi-square (by 1).
        throw: as for `fit`.
    """
    check_option("scale", scale, ("nll", "chi2"))
    wrapped = _Function(space, _traceable(function, space), 1.0 if scale == "nll" else 0.5)
    return fit(wrapped, jnp.zeros(0), start=start, minimiser=minimiser, throw=throw)


def fit_many(
    likelihood: AbstractLikelihood,
    datasets: Any,
    *,
    start: Start = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
    fallback: bool = True,
) -> FitTable:
    """Fits of many sets of data in one compiled batch; a failed lane is kept and never disturbs another.

    Args:
        likelihood: judges each set.
        datasets: a sequence of sets of data (the rows of an array, too), or prepared data whose arrays have a leading
            axis of lanes.
        start: as for `fit`, the same for all.
        space: as for `fit`.
        minimiser: as for `fit`.
        fallback: climb the rescue ladder with the lanes that do not converge at once.
    """
    clock = Clock.start()
    stacked = stacked_data(likelihood, datasets)
    problem = judged(likelihood, stacked, space, minimiser, tolerance=TABLE_TOLERANCE)
    refuse_dense(problem)
    lanes = count_lanes(stacked)
    first = np.broadcast_to(_start_vector(problem.space, start), (lanes, len(problem.space)))
    first = count_starts(likelihood, stacked, first, problem.space, _given(start))
    ends = climb_from(problem, first, lanes, keep=_given(start), rescue=fallback)
    return FitTable(
        names=problem.space.names,
        theta=ends.theta,
        nll=ends.value - saturated_lanes(likelihood, stacked),
        excess=ends.value,
        status=ends.status,
        rung=ends.rung,
        edm=ends.edm,
        iterations=ends.iterations,
        flags=standing_flags(likelihood),
        how="each set of data fitted by itself",
        provenance=clock.provenance(problem, "fit_many"),
    )


def climb_from(
    problem: Problem,
    start: Float[np.ndarray, " parameters"] | Float[np.ndarray, "lanes parameters"],
    lanes: int,
    *,
    keep: Collection[str] = (),
    rescue: bool = True,
) -> Climbed:
    """Fit stacked data from one start for all lanes or one for each, nuisances at their auxiliary measurements.

    Nuisances in ``keep`` start where they are told to.
    """
    starts = np.broadcast_to(start, (lanes, len(problem.space))).astype(float)
    starts = auxiliary_starts(problem.likelihood, problem.data, starts, problem.space, keep)
    if isinstance(problem.likelihood, EnsembleCounts):
        counts = np.asarray(problem.data.counts, dtype=float)
        starts = average_starts(problem.likelihood, counts, starts, problem.space, keep)
    free = np.broadcast_to(problem.space.free_mask, starts.shape)
    return climb(
        problem.likelihood,
        problem.data,
        starts,
        free,
        problem.space,
        problem.settings,
        rescue=rescue,
        batch=problem.batch,
    )


def solve(
    problem: Problem,
    clock: Clock,
    *,
    start: Start | Multistart = None,
    covariance: Literal["observed", "fisher"] = "observed",
) -> FitResult:
    """The free fit of a posed problem; never raises for a bad outcome."""
    refuse_dense(problem)
    dense = is_dense(problem.space.free_mask)
    curvature = "exact" if covariance == "observed" else "fisher"
    minima = known = None
    moved: dict[str, str] = {}
    if isinstance(start, Multistart):
        if isinstance(problem.minimiser, AbstractSerialMinimiser):
            name = type(problem.minimiser).__name__
            raise InvalidOption(f"many starts are fitted in one batch by Newton's method; leave minimiser={name}() out")
        if not dense:
            raise InvalidOption(
                f"minima from many starts are told apart by their curvature; {problem.space.free_mask.sum()} free "
                f"parameters are more than the {DENSE_UP_TO} for which it fits memory: give one start"
            )
        first, ends, minima = fit_many_starts(problem, clock, start, curvature)
    else:
        first, ends, known, moved = _fit_once(problem, start)
    if dense:
        end = endpoint(problem.likelihood, problem.data, ends.theta[0], curvature=curvature, known=known)
        ends, end, curved = _leave_saddle(problem, ends, end, curvature)
    else:
        end, curved = endpoint(problem.likelihood, problem.data, ends.theta[0], curvature=None), None
    result = describe(problem, clock, first, ends, end, curved, covariance)
    if minima is None:
        return dataclasses.replace(result, flags={**result.flags, **moved}) if moved else result
    return dataclasses.replace(result, minima=minima, flags={**result.flags, **minima.flags})


def _fit_once(problem: Problem, start: Start) -> tuple[np.ndarray, Climbed, Surroundings | None, dict[str, str]]:
    """Where a fit began and ended, what it has found out there about the excess around it, and a flag of its start."""
    first = _start_vector(problem.space, start)
    first = count_starts(problem.likelihood, problem.data, first[None], problem.space, _given(start))[0]
    if isinstance(start, FitResult) and not problem.space.free_mask.any():
        first = start.theta
    first, moved = inside_start(problem.likelihood, problem.data, first, problem.space)
    keep = _given(start)
    if isinstance(problem.minimiser, AbstractSerialMinimiser):
        return first, _search(problem, problem.minimiser, first, keep), None, moved
    if not problem.settings.descents and (found := climb_variations(problem, first, keep)) is not None:
        return first, *found, moved
    return first, climb_from(problem._replace(data=stack_lanes(problem.data, 1)), first, 1, keep=keep), None, moved


def _search(problem: Problem, minimiser: AbstractSerialMinimiser, first: np.ndarray, keep: Collection[str]) -> Climbed:
    """The fit by another library's minimiser, polished."""
    likelihood, space, free = problem.likelihood, problem.space, problem.space.free_mask
    stacked = stack_lanes(problem.data, 1)
    start = auxiliary_starts(likelihood, stacked, first[None], space, keep)[0]
    point, calls = searched(minimiser, likelihood, problem.data, start, free, space)
    ends = climb(likelihood, stacked, point[None], free[None], space, problem.settings, rescue=False)
    return ends._replace(iterations=ends.iterations + calls)


def _leave_saddle(problem: Problem, ends: Climbed, end: Endpoint, curvature: Any) -> tuple[Climbed, Endpoint, Curved]:
    """From a saddle, step both ways along the weakest direction and keep the lower end."""
    curved = examine(np.asarray(end.hessian), movable(problem, ends))
    if curved.covariance is not None or not curved.weakest < -1e-8 or not np.isfinite(curved.weakest):
        return ends, end, curved
    step = _SADDLE_STEP * curved.direction * np.maximum(np.abs(ends.theta[0]), 1.0)
    starts = np.clip(ends.theta[0] + np.stack([step, -step]), problem.space.lowers, problem.space.uppers)
    free = np.broadcast_to(problem.space.free_mask, starts.shape)
    data = stack_lanes(problem.data, 2)
    tried = climb(problem.likelihood, data, starts, free, problem.space, problem.settings)
    best = int(np.nanargmin(tried.value))
    if not tried.value[best] < ends.value[0] - problem.settings.tolerance:
        return ends, end, curved
    ends = Climbed(*(array[best : best + 1] for array in tried))
    end = endpoint(problem.likelihood, problem.data, ends.theta[0], curvature=curvature)
    return ends, end, examine(np.asarray(end.hessian), movable(problem, ends))


def _start_vector(space: ParameterSpace, start: Start) -> np.ndarray:
    values = start.values if isinstance(start, FitResult) else dict(start or {})
    free = space.free_mask
    theta = space.complete({n: v for n, v in values.items() if not isinstance(start, FitResult) or n in space})
    theta = np.where(free, theta, space.starts)
    for name, value, low, high in zip(space.names, theta, space.lowers, space.uppers, strict=True):
        if not low <= value <= high:
            raise InvalidOption(f"start of {name!r}: {value} lies outside [{low}, {high}]; move it inside")
    return theta


def _given(start: Start) -> tuple[str, ...]:
    """Names whose start the user has chosen."""
    return start.names if isinstance(start, FitResult) else tuple(start or ())


def stacked_data(likelihood: AbstractLikelihood, datasets: Any) -> Any:
    """Sets of data with a leading axis of lanes; prepared data as they are."""
    if not isinstance(datasets, (Sequence, np.ndarray)):
        return datasets
    if not len(datasets):
        raise InvalidData("no sets of data given; give at least one")
    return stack(likelihood, list(datasets))


def _traceable(function: Callable[[Values], Any], space: ParameterSpace) -> Callable[[Values], Any]:
    """The function itself if JAX can trace it, else its compiled form."""
    try:
        jax.eval_shape(lambda theta: jnp.asarray(function(space.unpack(theta)), dtype=float), space.starts)
    except TypeError:  # JAX's errors on numbers that are none yet; the function's own are raised again
        return user_function(function, space, shape=())
    return function


class _Function(AbstractLikelihood[Array]):
    """A plain function to be minimised, in the role of a likelihood."""

    space: ParameterSpace
    function: Callable[[Values], Any]
    factor: float = eqx.field(static=True)

    def log_prob(self, values: Values, data: Array) -> LogProb:
        """Minus the function, scaled to -ln L."""
        return -self.factor * jnp.asarray(self.function(values), dtype=float) + 0.0 * jnp.sum(data)
