"""Quantities derived from a fit or from posterior draws: all of them in one batched call, with errors or bands."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, UnknownName, near_names
from wilks.likelihood.counts import PoissonCounts
from wilks.model.predictor import AbstractPredictor
from wilks.results.fits import FitResult
from wilks.results.predictions import Predictions
from wilks.results.samples import Samples

_CHUNK = 1024  # points of one compiled call; fewer points are padded to a power of two


def predict(predictor: AbstractPredictor, source: Samples | FitResult) -> Predictions:
    """Predictions for every draw of a posterior, or at a fit's best values with the error from its covariance.

    Args:
        predictor: expected counts per bin, or derived quantities by name (a mapping of numbers).
        source: posterior draws, or a fit; parameters that the predictor does not use are left aside.

    Returns:
        One column per bin or name. For draws: values, medians, standard deviations, bands; for a fit: the values with
        sqrt(J C J^T), NaN where it has no covariance.

    Raises:
        UnknownName: if the source lacks a parameter of the predictor.
    """
    where = _places(predictor, source.names)
    if isinstance(source, Samples):
        return _of_draws(predictor, source, where)
    values, jacobian = _linearised(predictor, source.theta[where])
    error = np.full(values.shape, np.nan)
    if source.covariance is not None:
        block = source.covariance[np.ix_(where, where)]
        error = np.sqrt(np.maximum(np.einsum("bp,pq,bq->b", jacobian, block, jacobian), 0.0))
    return Predictions(
        names=_names(predictor),
        values=np.asarray(values)[None, None],
        central=np.asarray(values),
        error=error,
        parameters=source.names,
        draws=source.theta[None, None],
        log_prob=np.array([[-source.nll]]),
        of_fit=True,
        how="predictions at the best values; errors from the covariance of the fit (linear)",
        provenance=source.provenance,
    )


def fitted_counts(likelihood: PoissonCounts, result: FitResult, data: Any) -> Float[np.ndarray, " bins"]:
    """Expected counts at a fit's best values, the finite simulation at its best scale for the data."""
    values = likelihood.space.unpack(result.theta)
    return np.asarray(likelihood.fitted_counts(values, likelihood.prepare(data)))


def predict_points(
    predictor: AbstractPredictor, theta: Float[np.ndarray, "points parameters"]
) -> Float[np.ndarray, "points quantities"]:
    """Predictions at many points in the order of the predictor's space, chunk by chunk through one compiled program."""
    points = len(theta)
    chunk = min(_CHUNK, 1 << max(points - 1, 0).bit_length())
    pieces = []
    for first in range(0, points, chunk):
        where = np.minimum(np.arange(first, first + chunk), points - 1)  # the last point pads the chunk
        pieces.append(np.asarray(_batch(predictor, theta[where])))
    return np.concatenate(pieces)[:points] if pieces else np.zeros((0, len(_names(predictor))))


def _of_draws(predictor: AbstractPredictor, samples: Samples, where: list[int]) -> Predictions:
    chains, draws, size = samples.draws.shape
    values = predict_points(predictor, samples.draws.reshape(-1, size)[:, where])
    columns = [column[np.isfinite(column)] for column in values.T]
    flags = dict(samples.flags)
    if not samples.converged:
        flags["not_converged"] = samples.verdict
    return Predictions(
        names=_names(predictor),
        values=values.reshape(chains, draws, -1),
        central=np.array([np.median(column) if column.size else np.nan for column in columns]),
        error=np.array([np.std(column) if column.size else np.nan for column in columns]),
        parameters=samples.names,
        draws=samples.draws,
        log_prob=samples.log_prob,
        of_fit=False,
        flags=flags,
        how=f"a prediction for each of {chains * draws} posterior draws ({samples.algorithm})",
        provenance=samples.provenance,
    )


def _places(predictor: AbstractPredictor, names: tuple[str, ...]) -> list[int]:
    """Where the predictor's parameters stand among the source's."""
    for name in predictor.space.names:
        if name not in names:
            raise UnknownName(f"the predictor needs {name!r}, which was not fitted; {near_names(name, names)}")
    return [names.index(name) for name in predictor.space.names]


def _names(predictor: AbstractPredictor) -> tuple[str, ...]:
    """One name per predicted number, in the order in which the predictor gives them."""
    names: list[str] = []

    def note(values: Any) -> None:
        prediction = predictor(values)
        if not isinstance(prediction, Mapping):
            names.extend(_numbered("bin ", "", jnp.shape(prediction)))
            return
        for key, part in prediction.items():
            names.extend(_numbered(f"{key}[", "]", jnp.shape(part)) if jnp.ndim(part) else [str(key)])

    jax.eval_shape(note, predictor.space.unpack(predictor.space.starts))  # a dict that leaves JAX has lost its order
    return tuple(names)


def _numbered(before: str, after: str, shape: tuple[int, ...]) -> list[str]:
    """``bin 0``, ``bin 1``; ``bin 0, 0`` for more dimensions."""
    return [f"{before}{', '.join(map(str, place))}{after}" for place in np.ndindex(*shape)]


def _flat(prediction: Any) -> Float[Array, " quantities"]:
    """All predicted numbers in one row, in the order of their names."""
    parts = list(prediction.values()) if isinstance(prediction, Mapping) else [prediction]
    arrays = [jnp.asarray(part) for part in parts]
    if any(jnp.issubdtype(array.dtype, jnp.complexfloating) for array in arrays):
        raise InvalidModel("a prediction holds complex numbers; return real ones, e.g. modulus and phase")
    return jnp.concatenate([jnp.ravel(array).astype(float) for array in arrays])


@eqx.filter_jit
def _batch(predictor, theta):
    return jax.vmap(lambda point: _flat(predictor(predictor.space.unpack(point))))(theta)


@eqx.filter_jit
def _linearised(predictor, theta):
    def at(point):
        return _flat(predictor(predictor.space.unpack(point)))

    return at(theta), jax.jacfwd(at)(theta)
