"""Whether two response matrices agree within their statistics, and how a matrix varies between adjacent truth bins."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import chdtrc

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key

from .counts import ResponseCounts, check_same_bins
from .posterior import MatrixPosterior, generator_of

_SINGULAR = 1e-10  # eigenvalues of a covariance below this part of the largest are directions that do not vary
_ELEMENTS = 4_000_000  # random matrix elements held at a time


@dataclass(frozen=True)
class Compatibility:
    """How well two response matrices agree.

    The p-values are Bayesian: the prior, shared by both matrices, makes them larger than frequentist ones.

    Args:
        distance: sum of the squared Mahalanobis distances of the bins used.
        degrees: number of reco bins times number of truth bins used.
        truth_bins: the truth bins used, those with enough reconstructed events in both matrices.
        p_chi2: probability of a larger distance if differences are Gaussian.
        p_count: fraction of random differences with a larger distance, as (n + 1)/(N + 1); ``None`` without throws.
        throws: number N of random differences.
    """

    distance: float
    degrees: int
    truth_bins: Int[np.ndarray, " used"]
    p_chi2: float
    p_count: float | None = None
    throws: int = 0

    def __str__(self) -> str:
        counted = "" if self.p_count is None else f", p = {self.p_count:.4g} from {self.throws} throws"
        return (
            f"compatibility of two response matrices in {len(self.truth_bins)} truth bins: squared distance "
            f"{self.distance:.1f} for {self.degrees} degrees of freedom, p = {self.p_chi2:.4g} (chi-square){counted}"
        )


@dataclass(frozen=True, eq=False)
class InBinVariation:
    """Largest difference of each element to the adjacent truth bins.

    Args:
        variation: the difference, absolute or in standard deviations; 0 where there is no neighbour.
        isolated: truth bins without neighbours, where nothing is known.
    """

    variation: Float[np.ndarray, "reco truth"]
    isolated: Bool[np.ndarray, " truth"]


def mahalanobis(
    first: ResponseCounts, second: ResponseCounts, *, throws: int | None = None, key: Key | None = None
) -> Float[np.ndarray, " truth"]:
    """Squared Mahalanobis distance of the mean matrices for each truth bin.

    Args:
        first: counts of one simulation.
        second: counts of another, in the same bins.
        throws: ``None`` for the closed-form covariance; a number of random matrices for their sample covariance, as
            ReMU does (it takes the number of reco bins + 100), corrected for the bias of an inverted sample covariance.
        key: random key of the throws.

    Raises:
        InvalidData: if bins differ.
        InvalidOption: if there are too few throws for a covariance, or no key.
    """
    check_same_bins(first, second)
    posteriors = MatrixPosterior(first), MatrixPosterior(second)
    difference = (posteriors[0].mean() - posteriors[1].mean()).T
    if throws is None:
        return squared_distances(difference, posteriors[0].covariance() + posteriors[1].covariance())
    possible = int(posteriors[0].possible.sum())
    if key is None or throws < possible + 3:
        raise InvalidOption(f"{throws} throws (key {key}): a covariance of {possible} reco bins needs a key and more")
    covariance = np.empty((*difference.shape, difference.shape[1]))
    for columns, thrown in _differences(*posteriors, np.arange(len(difference)), key, throws):
        centred = thrown - thrown.mean(axis=0)
        covariance[columns] = np.einsum("nit,njt->tij", centred, centred) / (throws - 1)
    return squared_distances(difference, covariance) * (throws - possible - 2) / (throws - 1)


def expected_distance(first: ResponseCounts, second: ResponseCounts) -> Float[np.ndarray, " truth"]:
    """Squared distance expected of equal matrices: the number of reco bins, less where the shared prior dominates."""
    reco = first.shape[0]
    prior = min(reco, 3 ** len(first.reco.binning.variables))
    fewest = np.minimum(first.entries.sum(axis=0), second.entries.sum(axis=0))
    return reco * np.minimum(1.0, fewest / (2.0 * prior))


def compatibility(
    first: ResponseCounts,
    second: ResponseCounts,
    *,
    minimum_quality: float = 0.95,
    throws: int = 0,
    key: Key | None = None,
) -> Compatibility:
    """Whether two simulations give the same response matrix within their statistics.

    Args:
        first: counts of one simulation.
        second: counts of another, in the same bins.
        minimum_quality: truth bins count whose expected distance is at least this part of the number of reco bins.
        throws: number of random differences that calibrate the distance; none by default.
        key: random key of the throws.

    Raises:
        InvalidData: if bins differ, or no truth bin has enough events.
        InvalidOption: if throws are asked without a key.
    """
    check_same_bins(first, second)
    expected, reco = expected_distance(first, second), first.shape[0]
    used = np.flatnonzero(expected >= minimum_quality * reco)
    if not len(used):
        raise InvalidData(
            f"no truth bin has enough reconstructed events in both matrices: the best expected distance is "
            f"{expected.max():.3g}, at least {minimum_quality * reco:.3g} is needed; merge bins or simulate more"
        )
    distance = float(mahalanobis(first, second)[used].sum())
    degrees = reco * len(used)
    p_count = None if not throws else _counted(first, second, used, distance, throws, key)
    return Compatibility(distance, degrees, used, float(chdtrc(degrees, distance)), p_count, throws)


def in_bin_variation(counts: ResponseCounts, *, relative: bool = False) -> InBinVariation:
    """How much the response changes towards the adjacent truth bins.

    Args:
        counts: simulated events.
        relative: divide each difference by its statistical error, so that 1 means dominated by statistics.
    """
    posterior = MatrixPosterior(counts)
    mean, pairs = posterior.mean(), counts.truth.binning.adjacency()
    difference = np.abs(mean[:, pairs[:, 0]] - mean[:, pairs[:, 1]])
    if relative:
        variance = posterior.variance()
        error = np.sqrt(variance[:, pairs[:, 0]] + variance[:, pairs[:, 1]])
        difference = np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
    variation = np.zeros(counts.shape[::-1])
    np.maximum.at(variation, pairs[:, 0], difference.T)
    return InBinVariation(variation.T, ~np.isin(np.arange(counts.shape[1]), pairs[:, 0]))


def squared_distances(
    differences: Float[np.ndarray, "columns reco"], covariance: Float[np.ndarray, "columns reco reco"]
) -> Float[np.ndarray, " columns"]:
    """d^T C^-1 d of each column; directions in which C does not vary are left out.

    Such directions belong to impossible reco bins, and to the sum of a column whose efficiency is 1 by definition.

    Args:
        differences: d.
        covariance: C.
    """
    return np.sum(np.einsum("tij,ti->tj", _whitening(covariance), differences) ** 2, axis=1)


def _whitening(covariance: Float[np.ndarray, "columns reco reco"]) -> Float[np.ndarray, "columns reco reco"]:
    """W with C^-1 = W W^T, in the directions in which C varies."""
    values, vectors = np.linalg.eigh(covariance)
    varies = values > _SINGULAR * values[:, -1:]
    return vectors * np.where(varies, 1.0 / np.sqrt(np.where(varies, values, 1.0)), 0.0)[:, None, :]


def _differences(first: MatrixPosterior, second: MatrixPosterior, columns: np.ndarray, key: Key, throws: int):
    """Random differences of the two matrices, some truth bins at a time."""
    step = max(1, _ELEMENTS // (throws * first.counts.shape[0]))
    for start in range(0, len(columns), step):
        some, random = columns[start : start + step], generator_of(key, start)
        yield some, first.thrown(random, throws, some) - second.thrown(random, throws, some)


def _counted(
    first: ResponseCounts, second: ResponseCounts, used: np.ndarray, distance: float, throws: int, key: Key | None
) -> float:
    if key is None:
        raise InvalidOption(f"{throws} throws need a random key; give key=jax.random.key(number)")
    one, other = MatrixPosterior(first), MatrixPosterior(second)
    mean = one.mean() - other.mean()
    whitening = _whitening(one.covariance() + other.covariance())
    totals = np.zeros(throws)
    for some, thrown in _differences(one, other, used, key, throws):
        totals += np.sum(np.einsum("tij,nit->ntj", whitening[some], thrown - mean[:, some]) ** 2, axis=(1, 2))
    return (int((totals >= distance).sum()) + 1) / (throws + 1)
