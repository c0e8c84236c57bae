"""One lane through iminuit's Migrad with exact gradients: the last rung of the ladder, and an oracle."""

from typing import Any

import iminuit
import jax
import numpy as np
from jaxtyping import Bool, Float

from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace

from .compiled import compiled
from .quadratic import excess

_CALLS_PER_ITERATION = 100


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
