"""Tails of importance weights: the shape of the Pareto law that the largest of them follow."""

import math

import numpy as np
from jaxtyping import Float

_FEWEST = 5  # weights in a tail that can be fitted


def pareto_shape(log_weights: Float[np.ndarray, " draws"]) -> float:
    """Shape k of the generalised Pareto law of the largest min(n/5, 3 sqrt n) weights.

    Below 0.5 the variance of an importance estimate is finite; above 0.7 it cannot be trusted. Weights that are all
    equal have no tail (-inf); infinity means that too few are above zero to tell.

    Args:
        log_weights: logarithms of the weights, -inf for zero.

    References:
        A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry, arXiv:1507.02646, section 2 and appendix C.
    """
    n = len(log_weights)
    size = int(min(n / 5, 3 * math.sqrt(n)))
    ordered = np.sort(log_weights)
    if size < _FEWEST or ordered[-size - 1] == -np.inf:
        return math.inf
    weights = np.exp(ordered[-size - 1 :] - ordered[-1])
    beyond = weights[1:] - weights[0]
    beyond = beyond[beyond > 1e-12]
    if len(beyond) < _FEWEST:
        return -math.inf
    return _fitted_shape(beyond)


def _fitted_shape(x: Float[np.ndarray, " tail"]) -> float:
    """Shape of increasing exceedances by the profile posterior of one scale, drawn towards 0.5 by ten weights' worth.

    References:
        J. Zhang, M. A. Stephens, Technometrics 51 (2009) 316, eqs. 5-9.
    """
    n = len(x)
    count = 30 + math.isqrt(n)
    quarter = x[max(int(n / 4 + 0.5) - 1, 0)]
    scale = 1.0 / x[-1] + (1.0 - np.sqrt(count / (np.arange(count) + 0.5))) / (3.0 * quarter)
    shape = np.mean(np.log1p(-scale[:, None] * x), axis=1)
    profile = n * (np.log(-scale / shape) - shape - 1.0)
    belief = np.exp(profile - profile.max())
    mean_scale = float(np.sum(scale * belief) / np.sum(belief))
    k = float(np.mean(np.log1p(-mean_scale * x)))
    return (n * k + 10 * 0.5) / (n + 10)
