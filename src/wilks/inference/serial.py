"""One lane through minimisers of other libraries with exact gradients: the ladder's last rung, and oracles."""

from typing import Any

import iminuit
import jax
import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidOption
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace

from .compiled import compiled
from .minimisers import AbstractSerialMinimiser, Minuit, Scipy
from .quadratic import excess

_CALLS_PER_ITERATION = 100
_WITHOUT_GRADIENT = ("Nelder-Mead", "Powell")


def searched(
    minimiser: AbstractSerialMinimiser,
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, " parameters"],
    free: Bool[np.ndarray, " parameters"],
    space: ParameterSpace,
) -> tuple[Float[np.ndarray, " parameters"], int]:
    """Where a minimiser of another library ends, inside the bounds, and the calls it took."""
    if isinstance(minimiser, Minuit):
        strategies = (minimiser.strategy,)
        point, _, calls = migrad(likelihood, data, start, free, space, strategies, minimiser.max_iterations)
    elif isinstance(minimiser, Scipy):
        point, calls = _by_scipy(minimiser, likelihood, data, start, free, space)
    else:
        raise InvalidOption(f"{type(minimiser).__name__} is no minimiser that Wilks can call; take Minuit or Scipy")
    return np.clip(point, space.lowers, space.uppers), calls


def _by_scipy(
    minimiser: Scipy,
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, " parameters"],
    free: Bool[np.ndarray, " parameters"],
    space: ParameterSpace,
) -> tuple[Float[np.ndarray, " parameters"], int]:
    where = np.flatnonzero(free)
    if not where.size:
        return start, 0

    def at(moved: np.ndarray) -> np.ndarray:
        theta = start.copy()
        theta[where] = moved
        return theta

    def value(moved: np.ndarray) -> float:
        return float(_value_and_gradient(likelihood, data, at(moved))[0])

    def gradient(moved: np.ndarray) -> np.ndarray:
        return np.asarray(_value_and_gradient(likelihood, data, at(moved))[1])[where]

    found = scipy.optimize.minimize(
        value,
        start[where],
        jac=None if minimiser.method in _WITHOUT_GRADIENT else gradient,
        bounds=list(zip(space.lowers[where], space.uppers[where], strict=True)),
        method=minimiser.method,
        options={"maxfun" if minimiser.method == "TNC" else "maxiter": _CALLS_PER_ITERATION * minimiser.max_iterations},
    )
    return at(np.asarray(found.x)), int(found.nfev)


def migrad(
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, " parameters"],
    free: Bool[np.ndarray, " parameters"],
    space: ParameterSpace,
    strategies: tuple[int, ...],
    max_iterations: int,
) -> tuple[Float[np.ndarray, " parameters"], bool, int]:
    """Minimum of the excess: point, whether Migrad calls it valid, and the calls it took."""

    def value(theta: np.ndarray) -> float:
        return float(_value_and_gradient(likelihood, data, theta)[0])

    def gradient(theta: np.ndarray) -> np.ndarray:
        return np.asarray(_value_and_gradient(likelihood, data, theta)[1])

    cost: Any = value  # iminuit's annotations know cost functions of separate numbers only
    slope: Any = gradient
    minuit = iminuit.Minuit(cost, start, grad=slope, name=space.names)
    minuit.errordef = iminuit.Minuit.LIKELIHOOD
    minuit.print_level = 0
    for i, parameter in enumerate(space.parameters):
        minuit.limits[i] = (parameter.lower, parameter.upper)
        minuit.fixed[i] = not free[i]
    for strategy in strategies:
        minuit.strategy = strategy
        minuit.migrad(ncall=_CALLS_PER_ITERATION * max_iterations)
        if minuit.valid:
            break
    return np.array(minuit.values), bool(minuit.valid), int(minuit.nfcn)


@compiled()
def _value_and_gradient(likelihood, data, theta):
    return jax.value_and_grad(lambda at: excess(likelihood, at, data))(theta)
