"""A probability as a smooth function of parameters, from successes and failures: logistic regression on splines."""

import numpy as np
from jaxtyping import Bool, Float

_KNOTS = 4  # inner knots per parameter of a plane
_RIDGE = 1e-3
_STEPS = 25


def smooth_rate(
    places: Float[np.ndarray, "trials parameters"], success: Bool[np.ndarray, " trials"]
) -> tuple[Float[np.ndarray, " trials"], Float[np.ndarray, " trials"]]:
    """Probability of success at each trial, and its standard error from the curvature.

    One or two parameters enter by (products of) cubic B-splines, more of them one by one.

    Args:
        places: parameters, each spread over [0, 1].
        success: outcome of each trial.

    References:
        P. Eilers, B. Marx, Stat. Sci. 11 (1996) 89, on regression with B-splines.
    """
    basis = design(places)
    weights, covariance = _fitted(basis, success.astype(float))
    line = basis @ weights
    rate = 1.0 / (1.0 + np.exp(-line))
    spread = np.sqrt(np.einsum("tb,bc,tc->t", basis, covariance, basis))
    return rate, rate * (1.0 - rate) * spread


def design(places: Float[np.ndarray, "trials parameters"]) -> Float[np.ndarray, "trials functions"]:
    """Values of the basis functions at each place."""
    columns = [_splines(column) for column in places.T]
    if len(columns) == 2:
        return np.einsum("ti,tj->tij", *columns).reshape(len(places), -1)
    return np.concatenate(columns, axis=1)


def _splines(x: Float[np.ndarray, " trials"]) -> Float[np.ndarray, "trials functions"]:
    """Cubic B-splines with evenly spaced knots on [0, 1], by the recursion of Cox and de Boor."""
    step = 1.0 / (_KNOTS + 1)
    knots = step * np.arange(-3, _KNOTS + 5)
    held = np.clip(x, 0.0, 1.0 - 1e-12)
    values = ((held[:, None] >= knots[None, :-1]) & (held[:, None] < knots[None, 1:])).astype(float)
    for degree in (1, 2, 3):
        width = degree * step
        left = (held[:, None] - knots[None, : -degree - 1]) / width * values[:, :-1]
        right = (knots[None, degree + 1 :] - held[:, None]) / width * values[:, 1:]
        values = left + right
    return values


def _fitted(basis: np.ndarray, success: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights by Newton's method with a small ridge around the average, and their covariance."""
    mean = np.clip(success.mean(), 1e-6, 1 - 1e-6)
    centre = np.full(basis.shape[1], np.log(mean / (1 - mean)))
    weights, ridge = centre.copy(), _RIDGE * len(success) / basis.shape[1] * np.eye(basis.shape[1])
    for _ in range(_STEPS):
        rate = 1.0 / (1.0 + np.exp(-(basis @ weights)))
        gradient = basis.T @ (success - rate) - ridge @ (weights - centre)
        hessian = basis.T @ (basis * (rate * (1 - rate))[:, None]) + ridge
        step = np.linalg.solve(hessian, gradient)
        weights = weights + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-8:
            break
    return weights, np.linalg.inv(hessian)
