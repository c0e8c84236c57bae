"""Where chains begin: a centre with a spread around it, from a fit, from given values, or from a fit made first."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from wilks._base.errors import InvalidOption
from wilks._base.typing import Values
from wilks.inference.fitting import solve
from wilks.inference.problem import Clock, Problem
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult

TRIES = 8  # starts tried per chain, each half as far from the centre as the one before

_PART_OF_WIDTH = 0.1  # spread of a parameter of which nothing but its bounds is known
_PART_OF_VALUE = 0.1  # spread of one of which nothing is known
_BALL = 1e-4  # relative radius of a small ball


class Origin(NamedTuple):
    """Centre of the starts and its spread, for the free parameters.

    Args:
        centre: best values, or those given.
        covariance: of the fit; where it knows nothing, squares of guessed spreads.
        spread: guessed spread per parameter.
        flags: name -> sentence, for the result.
    """

    centre: Float[np.ndarray, " free"]
    covariance: Float[np.ndarray, "free free"]
    spread: Float[np.ndarray, " free"]
    flags: dict[str, str]


def find_origin(problem: Problem, start: FitResult | Values | None) -> Origin:
    """Origin of chains.

    Args:
        problem: what is sampled.
        start: a fit, values by name (the others keep their starts), or None to fit first.

    Raises:
        InvalidOption: for a start outside the bounds.
        UnknownName: for a name that is not in the space.
    """
    result = solve(problem, Clock.start()) if start is None else start
    spread = np.array([_guess(problem.space[name]) for name in problem.space.free])
    if not isinstance(result, FitResult):
        centre = problem.space.complete(result)
        return Origin(_checked(centre, problem.space), np.diag(spread**2), spread, {})
    known = {n: v for n, v in result.values.items() if n in problem.space}
    centre = _checked(problem.space.complete(known), problem.space)
    flags = {} if result.status.converged else {"start_not_converged": f"the fit before: {result.status.value}"}
    return Origin(centre, _covariance(result, problem.space.free, spread), spread, flags)


def _checked(theta: Float[np.ndarray, " parameters"], space: ParameterSpace) -> Float[np.ndarray, " free"]:
    for name, value in zip(space.names, theta, strict=True):
        p = space[name]
        if p.is_free and not p.lower <= value <= p.upper:
            raise InvalidOption(f"start of {name!r}: {value} lies outside [{p.lower}, {p.upper}]; move it inside")
    return theta[space.free_mask]


def _covariance(
    result: FitResult, names: tuple[str, ...], spread: Float[np.ndarray, " free"]
) -> Float[np.ndarray, "free free"]:
    """Covariance of a fit, with guessed variances for what it does not know."""
    if result.covariance is None:
        return np.diag(spread**2)
    where = np.array([result.names.index(n) if n in result.names else -1 for n in names], dtype=int)
    block = result.covariance[np.ix_(where, where)]
    known = (where >= 0) & (np.diag(block) > 0)
    return np.where(np.outer(known, known), block, np.diag(spread**2))


def _guess(parameter: Parameter) -> float:
    """Half the central 68 % of the prior, a tenth of the width between bounds, or a tenth of the value."""
    if parameter.prior is not None:
        low, high = (float(parameter.prior.quantile(float(ndtr(z)))) for z in (-1.0, 1.0))
        return 0.5 * (high - low)
    width = parameter.upper - parameter.lower
    value = _PART_OF_VALUE * max(abs(parameter.start), 1.0)
    return min(_PART_OF_WIDTH * width, value) if np.isfinite(width) else value


def scattered(
    generator: np.random.Generator,
    origin: Origin,
    space: ParameterSpace,
    count: int,
    *,
    ball: bool = False,
) -> Float[np.ndarray, "tries count free"]:
    """Starts around the centre inside the bounds, in several tries of shrinking width.

    Args:
        generator: source of the normal numbers.
        origin: centre and covariance.
        space: bounds.
        count: number of starts.
        ball: a ball of relative radius 1e-4 (absolute where the centre is 0) instead of the covariance.
    """
    noise = generator.standard_normal((count, len(origin.centre)))
    if ball:
        moves = _BALL * np.where(origin.centre == 0.0, 1.0, np.abs(origin.centre)) * noise
    else:
        moves = noise @ _root(origin.covariance).T
    shrinking = 0.5 ** np.arange(TRIES)
    free = space.free_mask
    return _folded(origin.centre + shrinking[:, None, None] * moves, space.lowers[free], space.uppers[free])


def _root(covariance: Float[np.ndarray, "free free"]) -> Float[np.ndarray, "free free"]:
    """A square root that exists for every symmetric matrix; directions of negative variance have none."""
    sigma = np.sqrt(np.diag(covariance))
    eigenvalues, vectors = np.linalg.eigh(covariance / np.outer(sigma, sigma))
    return sigma[:, None] * vectors * np.sqrt(np.maximum(eigenvalues, 0.0))


def _folded(
    values: Float[np.ndarray, "... free"], lower: Float[np.ndarray, " free"], upper: Float[np.ndarray, " free"]
) -> Float[np.ndarray, "... free"]:
    """Values reflected at the bounds."""
    values = np.where(values < lower, 2.0 * lower - values, values)
    values = np.where(values > upper, 2.0 * upper - values, values)
    return np.clip(values, lower, upper)
