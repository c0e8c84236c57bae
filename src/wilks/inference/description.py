"""From the end of a fit to its result: status with its cause, errors, flags, pulls and contributions."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from wilks._base.typing import Values
from wilks.likelihood.counts import ChiSquareCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.event_likelihood import AbstractEventLikelihood
from wilks.likelihood.interface import AbstractCellLikelihood, AbstractFlaggedLikelihood, AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult
from wilks.results.status import Status

from .endpoint import Curved, Endpoint, flat_directions, name_direction
from .ladder import Climbed, is_dense, outward
from .problem import Clock, Counted, Problem, averages, counted_parts, error_of_user, left_out_bins, standing_flags
from .quadratic import DENSE_UP_TO
from .starts import constrained

_BELOW_ZERO = (
    5e-3  # excess of an empty bin whose expectation is 1e-4 below zero: as far as the continuation may leave it
)


_ERRORS = {
    "observed": "errors from the inverse of the exact Hessian",
    "fisher": "errors from the inverse of the expected (Fisher) information",
}
_NO_ERRORS = "no errors: the curvature was not computed"


def movable(problem: Problem, ends: Climbed) -> np.ndarray:
    """Free parameters that are not pressed against a bound."""
    at_lower, at_upper = outward(ends.theta[0], ends.gradient[0], problem.space)
    return problem.space.free_mask & ~at_lower & ~at_upper


def describe(
    problem: Problem,
    clock: Clock,
    first: np.ndarray,
    ends: Climbed,
    end: Endpoint,
    curved: Curved | None,
    covariance: str,
) -> FitResult:
    """The result of a fit that ended in the first lane of ``ends``, where ``end`` says what is known.

    Args:
        problem: what was asked.
        clock: when it was asked.
        first: values from which the fit began.
        ends: where it ended.
        end: the likelihood there, taken apart.
        curved: the curvature in ``end`` on the parameters that are `movable`; None if there are too many for one.
        covariance: ``"observed"`` or ``"fisher"``: which curvature that is.
    """
    space, theta = problem.space, wrap(ends.theta[0], problem.space)
    free, loose = space.free_mask, movable(problem, ends)
    at_lower, at_upper = outward(ends.theta[0], ends.gradient[0], space)
    status, cause = Status.from_code(int(ends.status[0])), ""
    flags: dict[str, str] = {}
    if curved is None:
        flags["no_covariance"] = _unexamined(int(free.sum()))
    elif status.converged and curved.covariance is None:
        status = Status.NOT_PD
    if status is Status.NOT_PD:
        cause = flags["flat_direction"] = _flat(np.asarray(end.hessian), ends.gradient[0], loose, space)
    elif not status.converged:
        cause = _why(problem, ends)
    counted = counted_parts(problem.likelihood, problem.data)
    flags |= standing_flags(problem.likelihood) | _cost_flags(problem, ends.theta[0], counted or ())
    at = dict(zip(space.names, ends.theta[0], strict=True))
    own, effective = _noted(problem.likelihood, problem.data, at, end.shares)
    flags |= own
    status, cause = _check_domain(status, cause, flags, end)
    bounded = {"at_lower": at_lower & free, "at_upper": at_upper & free}
    if status.converged and (at_lower | at_upper)[free].any():
        names = [n for n, bad in zip(space.names, (at_lower | at_upper) & free, strict=True) if bad]
        cause = cause or "on a bound: " + ", ".join(names)
    quoted = curved.covariance if curved and status.converged else None
    sigma = None if quoted is None else np.where(loose, np.sqrt(np.diag(quoted)), np.nan)
    return FitResult(
        names=space.names,
        theta=theta,
        sigma=sigma,
        fixed=~free,
        units=tuple(p.unit for p in space.parameters),
        nll=float(end.excess) - float(end.saturated),
        excess=float(end.excess),
        status=status,
        cause=cause,
        rung=int(ends.rung[0]),
        edm=float(ends.edm[0]),
        iterations=int(ends.iterations[0]),
        evaluations=int(ends.iterations[0]),
        covariance=quoted,
        at_lower=tuple(n for n, on in zip(space.names, bounded["at_lower"], strict=True) if on),
        at_upper=tuple(n for n, on in zip(space.names, bounded["at_upper"], strict=True) if on),
        contributions={name: 2 * float(part) for name, part in end.parts.items()},
        pulls=_pulls(problem, theta, sigma),
        ndf=_degrees_of_freedom(problem, end, counted),
        start=first,
        flags=flags,
        effective_variations=effective,
        how=_NO_ERRORS if curved is None else _ERRORS[covariance],
        provenance=clock.provenance(problem, "fit", settings={"covariance": covariance}),
    )


def _unexamined(free: int) -> str:
    """Why a fit by BFGS alone has no covariance."""
    return (
        f"{free} free parameters are more than the {DENSE_UP_TO} for which a curvature fits memory: there is no "
        "covariance, the EDM is estimated from the last steps, and directions that the data do not fix stay unseen; "
        "fix parameters for errors of the others"
    )


def _flat(
    hessian: Float[np.ndarray, "parameters parameters"],
    gradient: Float[np.ndarray, " parameters"],
    loose: Bool[np.ndarray, " parameters"],
    space: ParameterSpace,
) -> str:
    """What the data do not fix in words: parameters without any effect, and combinations of others."""
    idle = space.free_mask & (gradient == 0) & ~hessian.any(axis=1)
    names = [name for name, without in zip(space.names, idle, strict=True) if without]
    verb = "have" if len(names) > 1 else "has"
    said = [f"{', '.join(names)} {verb} no effect on the likelihood there"] if names else []
    if found := flat_directions(hessian, loose & ~idle):
        combinations = " and ".join(name_direction(direction, space.names) for direction in found)
        said.append(f"the data do not fix the combination{'s' if len(found) > 1 else ''} {combinations}")
    return "; ".join(said) or "the data do not fix a direction that could not be named"


def _why(problem: Problem, ends: Climbed) -> str:
    if not np.isfinite(ends.value[0]):
        error = error_of_user(problem.likelihood, ends.theta[0])
        if error is not None:
            return "; ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
        return (
            _unexplained(problem, ends) or "the likelihood is not finite at the start; check start values and templates"
        )
    if not is_dense(problem.space.free_mask):
        return f"no convergence after {ends.iterations[0]} evaluations of BFGS (EDM {ends.edm[0]:.2g}); raise its limit"
    return (
        f"no convergence within {problem.settings.max_iterations} iterations on any rung (EDM {ends.edm[0]:.2g}); "
        "try other starts, or fix parameters that the data do not see"
    )


def _unexplained(problem: Problem, ends: Climbed) -> str:
    """The events to which no source gives a rate, in words; empty if there are none."""
    if not isinstance(problem.likelihood, AbstractEventLikelihood):
        return ""
    found = problem.likelihood.unexplained(problem.space.unpack(ends.theta[0]), problem.data)
    lost = {name: where for name, where in found.items() if where.size}
    places = " and ".join(f"{', '.join(map(str, where[:8]))} of data set {name!r}" for name, where in lost.items())
    return f"no source gives a rate to event {places}; add a background source or drop them" if lost else ""


def _check_domain(status: Status, cause: str, flags: dict[str, str], end: Endpoint) -> tuple[Status, str]:
    """Expectations that the solver's continuation left below zero are named; they are allowed in empty bins only."""
    outside = np.flatnonzero(~np.asarray(end.inside))
    if not outside.size or not status.converged:
        return status, cause
    lost = outside[np.asarray(end.cells)[outside] > _BELOW_ZERO]
    if lost.size:
        return Status.FAILED, f"the expectation is not positive in {_cells(lost)}, where the data have events"
    sentence = f"the expectation vanishes in empty {_cells(outside)}"
    flags["expectation_at_zero"] = sentence
    return Status.AT_BOUND, cause or sentence


def _cells(where: np.ndarray) -> str:
    return f"cell{'s' if len(where) > 1 else ''} {', '.join(map(str, where[:8]))}"


def _pulls(problem: Problem, theta: np.ndarray, sigma: np.ndarray | None) -> dict[str, tuple[float, float]]:
    pulls = {}
    for name, (centre, error) in constrained(problem.likelihood).items():
        where = problem.space.index(name)
        if problem.space.parameters[where].is_free:
            width = np.nan if sigma is None else sigma[where] / error
            pulls[name] = (float((theta[where] - centre) / error), float(width))
    return pulls


def _degrees_of_freedom(problem: Problem, end: Endpoint, counted: Sequence[Counted] | None) -> int | None:
    """Cells that the likelihood sees minus free parameters; None where it does not consist of cells alone."""
    if counted is None and not isinstance(problem.likelihood, AbstractCellLikelihood):
        return None
    if any(averages(part) for part, _ in counted or ()):
        return None  # 2 excess follows no chi-square law
    unseen = sum(left_out_bins(part, data) for part, data in counted or ())
    return int(np.asarray(end.inside).size - unseen - problem.space.free_mask.sum())


def _cost_flags(problem: Problem, theta: np.ndarray, parts: Sequence[Counted]) -> dict[str, str]:
    """By how much chi-square costs of counts miss the observed total, and how many bins they leave out."""
    costs = [(part, data) for part, data in parts if isinstance(part, ChiSquareCounts)]
    if not costs:
        return {}
    values = dict(zip(problem.space.names, theta, strict=True))
    expected = sum(float(jnp.sum(p.predictor({n: values[n] for n in p.space.names}))) for p, _ in costs)
    observed = sum(float(np.sum(data.counts)) for _, data in costs)
    names = " and ".join(sorted({part.cost for part, _ in costs}))
    flags = {
        "biased_cost": f"the cost {names} is biased at low counts, PoissonCounts is not: here it expects "
        f"{expected:.6g} events where {observed:.6g} are observed"
    }
    if unseen := sum(left_out_bins(part, data) for part, data in costs):
        flags["empty_bins_left_out"] = f"{unseen} empty bins are left out by the cost neyman"
    return flags


def _noted(
    likelihood: AbstractLikelihood, data: Any, values: Values, shares: np.ndarray | None = None
) -> tuple[dict[str, str], float | None]:
    """What the likelihood itself, or a part of it, has to say about the point, and the least number of variations."""
    if isinstance(likelihood, Joint):
        parts = likelihood.parts.items()
        found = [_noted(part, data[name], {n: values[n] for n in part.space.names}) for name, part in parts]
        numbers = [number for _, number in found if number is not None]
        return {flag: sentence for flags, _ in found for flag, sentence in flags.items()}, min(numbers, default=None)
    if isinstance(likelihood, EnsembleCounts):
        flags, number = EnsembleCounts.noted_at(likelihood, values, data, shares)  # binding the method would cost more
        return flags, number if len(likelihood.predictor.weights) > 1 else None
    if not isinstance(likelihood, AbstractFlaggedLikelihood):
        return {}, None
    return likelihood.flags_at(values, data), None


def wrap(theta: np.ndarray, space: ParameterSpace) -> np.ndarray:
    """A point with its cyclic parameters within half a period of their starts."""
    wrapped = theta.copy()
    for i, p in enumerate(space.parameters):
        if p.period is not None:
            wrapped[i] = (theta[i] - p.start + p.period / 2) % p.period + p.start - p.period / 2
    return wrapped
