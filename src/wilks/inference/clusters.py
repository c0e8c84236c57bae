"""Groups ends of fits into distinct minima, and minima into images of one another."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float

from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace
from wilks.results.minima import Minima

from .endpoint import examine
from .predictions import predict_points

NLL_WINDOW = 1e-3
"""Ends of one minimum differ by less in -ln L."""

_DISTANCE = 0.01  # squared Mahalanobis distance within one minimum
_TINY = 1e-12  # quantities of this size count as zero when images are compared

Metric = Float[np.ndarray, "parameters parameters"]


def cluster(
    theta: Float[np.ndarray, "ends parameters"],
    nll: Float[np.ndarray, " ends"],
    metric_at: Callable[[int], Metric],
    space: ParameterSpace,
) -> list[list[int]]:
    """Ends by minimum, the lowest minimum and the lowest end of each first.

    An end joins the first minimum whose lowest end lies within 1e-3 in -ln L and at a squared distance below 0.01.

    Args:
        theta: where the fits ended.
        nll: -ln L there.
        metric_at: metric around one end, asked for the lowest ends to which others are compared.
        space: gives the periods of angles.
    """
    periods = np.array([p.period or np.inf for p in space.parameters])
    groups: list[list[int]] = []
    left = np.argsort(nll, kind="stable")
    while left.size:
        leader = int(left[0])
        near = left[1:][nll[left[1:]] - nll[leader] < NLL_WINDOW]
        if near.size:
            away = wrapped_difference(theta[near] - theta[leader], periods)
            near = near[np.einsum("ei,ij,ej->e", away, metric_at(leader), away) < _DISTANCE]
        groups.append([leader, *near.tolist()])
        left = left[1:][~np.isin(left[1:], near)]
    return groups


def wrapped_difference(
    difference: Float[np.ndarray, "*ends parameters"], periods: Float[np.ndarray, " parameters"]
) -> Float[np.ndarray, "*ends parameters"]:
    """Differences with those of angles brought within half a period."""
    cyclic = np.isfinite(periods)
    turns = np.where(cyclic, np.round(difference / np.where(cyclic, periods, 1.0)), 0.0)
    return difference - turns * np.where(cyclic, periods, 0.0)


def metric(
    hessian: Float[np.ndarray, "parameters parameters"],
    theta: Float[np.ndarray, " parameters"],
    movable: Bool[np.ndarray, " parameters"],
) -> Metric:
    """The curvature of -ln L where it is positive definite, else distances in units of max(1, abs(x)).

    Parameters that cannot move (fixed, or pressed against a bound) are measured in these units too.
    """
    scaled = np.diag(np.maximum(1.0, np.abs(theta)) ** -2.0)
    if examine(hessian, movable).covariance is None:
        return scaled
    return np.where(np.outer(movable, movable), hessian, np.where(np.outer(movable, ~movable), 0.0, scaled))


def images(
    minima: Minima,
    quantities: AbstractPredictor | Float[np.ndarray, "minima quantities"],
    *,
    tolerance: float = 1e-6,
) -> tuple[tuple[int, ...], ...]:
    """Minima that predict the same: images of one another under a symmetry of the model, by their numbers.

    Args:
        minima: distinct minima of a fit.
        quantities: predictor of what is compared, or its numbers for every minimum; not a number equals itself.
        tolerance: largest relative difference; quantities below 1e-12 count as zero.

    Returns:
        Groups in the order of their lowest minimum.
    """
    predicted = _predicted(minima, quantities) if isinstance(quantities, AbstractPredictor) else quantities
    groups: list[list[int]] = []
    for i, row in enumerate(predicted):
        for group in groups:
            if np.allclose(row, predicted[group[0]], rtol=tolerance, atol=_TINY, equal_nan=True):
                group.append(i)
                break
        else:
            groups.append([i])
    return tuple(map(tuple, groups))


def _predicted(minima: Minima, predictor: AbstractPredictor) -> Float[np.ndarray, "minima quantities"]:
    where: Sequence[int] = [minima.names.index(name) for name in predictor.space.names]
    return predict_points(predictor, minima.theta[:, where])
