"""Whether two response matrices agree, and truth bins with better statistics."""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import chi2

from wilks._base.errors import InvalidData
from wilks._base.typing import Key
from wilks.compat.remu.migration.response_matrix import ResponseMatrix, response_matrix
from wilks.compat.remu.randomness import drawn_seed, generator, jax_key
from wilks.inference.probabilities import toy_p_value
from wilks.physics.response.counts import check_same_bins
from wilks.physics.response.merging import merge_once
from wilks.physics.response.posterior import MatrixPosterior
from wilks.physics.response.quality import expected_distance, mahalanobis

_SINGULAR = 1e-10  # relative eigenvalue below which a covariance does not vary
_MORE_THROWS = 100  # than reco bins, if the number of throws is left open


def mahalanobis_distance(
    first: ResponseMatrix,
    second: ResponseMatrix,
    shape: Any = None,
    N: int | None = None,
    return_distances_from_mean: bool = False,
    *,
    truth_indices: Any = None,
    key: Key | int | None = None,
) -> Any:
    """Squared Mahalanobis distance of two matrices in each truth bin.

    Args:
        first: a matrix.
        second: another in the same bins.
        shape: of the result.
        N: number of random matrices for their covariance; by default it is known in closed form.
        return_distances_from_mean: return the distances of random differences from their mean as well, one row each.
        truth_indices: truth bins, all by default.
        key: random key; by default drawn from numpy's global state.
    """
    one, other, seed = first.counts, second.counts, drawn_seed(key)
    chosen = np.arange(one.shape[1]) if truth_indices is None else np.asarray(truth_indices, dtype=np.int64)
    throws = None if N is None else jax_key(seed)
    distance = mahalanobis(one, other, throws=N, key=throws)[chosen]
    distance = distance if shape is None else distance.reshape(shape)
    if not return_distances_from_mean:
        return distance
    count = one.shape[0] + _MORE_THROWS if N is None else N
    scattered = _scattered(MatrixPosterior(one), MatrixPosterior(other), chosen, generator(seed), count)
    return distance, scattered if shape is None else scattered.reshape(count, *np.atleast_1d(shape))


def compatibility(
    first: ResponseMatrix,
    second: ResponseMatrix,
    N: int | None = None,
    return_all: bool = False,
    truth_indices: Any = None,
    min_quality: float | int = 0.95,
    *,
    key: Key | int | None = None,
) -> Any:
    """Probability of a larger distance of equal matrices: counted in random differences, and by chi-square.

    Args:
        first: a matrix.
        second: another in the same bins.
        N: random matrices; by default the covariance is known in closed form, and as many are thrown as there are reco
            bins plus 100 to count.
        return_all: return distance, distances of the random differences and degrees of freedom as well.
        truth_indices: truth bins that count; by default those with enough events.
        min_quality: expected distance that a truth bin needs, relative to the number of reco bins.
        key: random key; by default drawn from numpy's global state.

    Raises:
        InvalidData: if no truth bin has enough events.
    """
    if truth_indices is None:
        expected, reco = expected_distance(first.counts, second.counts), first.reco_binning.data_size
        truth_indices = np.flatnonzero(expected >= min_quality * reco)
        if not len(truth_indices):
            raise InvalidData(
                f"no truth bin has enough reconstructed events in both matrices: the best expected distance is "
                f"{expected.max():.3g}, at least {min_quality * reco:.3g} is needed; merge bins or simulate more"
            )
    each, scattered = mahalanobis_distance(
        first, second, N=N, return_distances_from_mean=True, truth_indices=truth_indices, key=key
    )
    distance, distances = float(each.sum()), scattered.sum(axis=1)
    degrees = len(truth_indices) * first.reco_binning.data_size
    p_count = toy_p_value(int((distances >= distance).sum()), len(distances))
    p_chi2 = float(chi2.sf(distance, degrees))
    return (p_count, p_chi2, distance, distances, degrees) if return_all else (p_count, p_chi2)


def improve_stats(matrix: ResponseMatrix, data_index: int | None = None) -> ResponseMatrix:
    """A matrix with one slice of truth bins merged with the neighbour that is most alike.

    Args:
        matrix: the matrix; nuisance and impossible bins are kept.
        data_index: truth bin to be merged; the one with the fewest events by default.
    """
    return response_matrix(merge_once(matrix.counts, data_index))


def _scattered(
    one: MatrixPosterior, other: MatrixPosterior, columns: np.ndarray, random: np.random.Generator, count: int
) -> Float[np.ndarray, "count columns"]:
    """Squared distances of random differences from the difference of the means."""
    check_same_bins(one.counts, other.counts)
    covariance = (one.covariance() + other.covariance())[columns]
    inverse = np.linalg.pinv(covariance, rcond=_SINGULAR, hermitian=True)
    mean = (one.mean() - other.mean())[:, columns]
    differences = one.thrown(random, count, columns) - other.thrown(random, count, columns) - mean
    return np.einsum("nit,tij,njt->nt", differences, inverse, differences, optimize=True)
