"""Expected counts with the error that the fit leaves on them: sigma^2 = J C J^T."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from wilks.likelihood.counts import PoissonCounts
from wilks.model.predictor import AbstractPredictor
from wilks.results.fits import FitResult


class Prediction(NamedTuple):
    """Expected counts and their standard deviation, per bin."""

    counts: Float[np.ndarray, " bins"]
    error: Float[np.ndarray, " bins"]


def predict(predictor: AbstractPredictor, result: FitResult) -> Prediction:
    """Expected counts at a fit's best values with the error from its covariance.

    Args:
        predictor: expected counts per bin.
        result: a fit; without covariance the error is NaN.
    """
    counts, jacobian = _linearised(predictor, result.theta)
    if result.covariance is None:
        return Prediction(np.asarray(counts), np.full(counts.shape, np.nan))
    variance = np.einsum("bp,pq,bq->b", jacobian, result.covariance, jacobian)
    return Prediction(np.asarray(counts), np.sqrt(np.maximum(variance, 0.0)))


def fitted_counts(likelihood: PoissonCounts, result: FitResult, data: Any) -> Float[np.ndarray, " bins"]:
    """Expected counts at a fit's best values, the finite simulation at its best scale for the data."""
    values = likelihood.space.unpack(result.theta)
    return np.asarray(likelihood.fitted_counts(values, likelihood.prepare(data)))


@eqx.filter_jit
def _linearised(predictor, theta):
    def at(point):
        return predictor(predictor.space.unpack(point))

    return at(theta), jax.jacfwd(at)(theta)
