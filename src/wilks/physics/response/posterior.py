"""What finite simulation says of a response matrix: efficiency, smearing and mean weights of each truth bin.

The number of reconstructed events of a truth bin is binomial and their distribution over reco bins multinomial; with
flat priors the efficiency follows a Beta and the smearing a Dirichlet distribution. Weights enter by their means.
"""

from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.data.response_matrices import ResponseMatrices

from .counts import ResponseCounts, normalised_columns


@dataclass(frozen=True, eq=False)
class MatrixPosterior:
    """Posterior distribution of the response matrix of some counts.

    Args:
        counts: simulated events.
        expected_weight: mean weight expected before any event, for bins without events.
    """

    counts: ResponseCounts
    expected_weight: float = 1.0

    @property
    def prior_events(self) -> float:
        """Prior of each element of the smearing: min(1, 3^d / possible reco bins), d the number of reco variables."""
        return min(1.0, 3.0 ** len(self.counts.reco.binning.variables) / int(self.possible.sum()))

    @cached_property
    def possible(self) -> np.ndarray:
        """Which reco bins can be filled.

        Raises:
            InvalidOption: if none can.
        """
        mask = np.ones(self.counts.shape[0], dtype=bool)
        mask[list(self.counts.impossible)] = False
        if not mask.any():
            raise InvalidOption("all reco bins are impossible; leave at least one")
        return mask

    @cached_property
    def nuisance(self) -> np.ndarray:
        """Which truth bins have no meaningful truth."""
        mask = np.zeros(self.counts.shape[1], dtype=bool)
        mask[list(self.counts.nuisance)] = True
        return mask

    @cached_property
    def beta(self) -> Float[np.ndarray, "2 truth"]:
        """Parameters of the Beta distribution of the efficiency."""
        seen = self.counts.entries.sum(axis=0)
        return np.array([seen + 1.0, self.counts.truth.entries - seen + 1.0])

    @cached_property
    def alpha(self) -> Float[np.ndarray, "reco truth"]:
        """Parameters of the Dirichlet distribution of the smearing; 0 for impossible bins."""
        return np.where(self.possible[:, None], self.counts.entries + self.prior_events, 0.0)

    @cached_property
    def truth_weight(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean weight of the true events of each truth bin, and its standard deviation."""
        truth = self.counts.truth
        mean = _mean_weight(truth.entries, truth.values, np.full(len(truth), self.expected_weight))
        return mean, self._spread(truth.entries, truth.values, truth.sumw2)

    @cached_property
    def weight(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean weight of the reconstructed events of each element, and its standard deviation."""
        counts = self.counts
        mean = _mean_weight(counts.entries, counts.values, np.broadcast_to(self.truth_weight[0], counts.shape))
        return mean, self._spread(counts.entries, counts.values, counts.sumw2)

    def mean(self) -> Float[np.ndarray, "reco truth"]:
        """Mean matrix; columns whose sum exceeds 1 are divided by it."""
        return normalised_columns(self._unnormalised)

    def mean_matrices(self) -> ResponseMatrices:
        """The mean matrix as a single variation, with the columns of filled truth bins."""
        return self.counts.as_matrices(self.mean()[None])

    def variance(self) -> Float[np.ndarray, "reco truth"]:
        """Variance of each element, to first order in each factor (the formula of ReMU)."""
        m, p, e = self._factors
        p_var = p * (1.0 - p) / (self.alpha.sum(axis=0) + 1.0)
        e_var = self._efficiency_square - e**2
        return m**2 * p**2 * e_var + m**2 * p_var * e**2 + self._relative_weight_variance() * p**2 * e**2

    def covariance(self) -> Float[np.ndarray, "truth reco reco"]:
        """Covariance of the elements of each column, before it is normalised.

        Exact for unit weights, otherwise to first order in the squared relative error of the true weight:
        Cov(R_i, R_k) = E[m_i m_k] E[p_i p_k] E[e^2] - E[R_i] E[R_k].
        """
        alpha, mean = self.alpha.T, self._unnormalised.T
        m, spread = self._factors[0].T, (self.weight[1] / self.truth_weight[0]).T
        inflation = 1.0 + (self.truth_weight[1] / self.truth_weight[0]) ** 2
        diagonal = np.eye(alpha.shape[1])
        m_m = m[:, :, None] * m[:, None, :] * inflation[:, None, None] + diagonal * (spread**2)[:, :, None]
        total = alpha.sum(axis=1)
        p_p = alpha[:, :, None] * (alpha[:, None, :] + diagonal) / (total * (total + 1.0))[:, None, None]
        square = self._efficiency_square[:, None, None]
        return m_m * p_p * square - mean[:, :, None] * mean[:, None, :]

    def throws(self, key: Key, n: int, columns: np.ndarray | None = None) -> Float[np.ndarray, "n reco columns"]:
        """Random matrices.

        Args:
            key: random key.
            n: number of matrices.
            columns: truth bins; all when absent.

        Raises:
            InvalidOption: if ``n`` is below 1.
        """
        return self.thrown(generator_of(key), n, columns)

    def thrown(
        self, random: np.random.Generator, n: int, columns: np.ndarray | None = None
    ) -> Float[np.ndarray, "n reco columns"]:
        """Random matrices from a generator; see :meth:`throws`."""
        if n < 1:
            raise InvalidOption(f"{n} random matrices; ask for at least 1")
        chosen = np.arange(self.counts.shape[1]) if columns is None else np.asarray(columns)
        smearing = _dirichlet(random, self.alpha[self.possible][:, chosen], n)
        efficiency = random.beta(*self.beta[:, chosen], size=(n, len(chosen)))
        efficiency[:, self.nuisance[chosen]] = 1.0
        mean, spread = (array[self.possible][:, chosen] for array in self.weight)
        weights = _weights(random, mean, spread, n)
        true_mean, true_spread = (array[chosen] for array in self.truth_weight)
        true_weights = _weights(random, true_mean, true_spread, n)
        matrices = np.zeros((n, self.counts.shape[0], len(chosen)))
        matrices[:, self.possible] = weights * smearing * (efficiency / true_weights)[:, None]
        return normalised_columns(matrices)

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean relative weight, smearing and efficiency."""
        efficiency = np.where(self.nuisance, 1.0, self.beta[0] / self.beta.sum(axis=0))
        return self.weight[0] / self.truth_weight[0], self.alpha / self.alpha.sum(axis=0), efficiency

    @cached_property
    def _unnormalised(self) -> np.ndarray:
        m, p, e = self._factors
        return m * p * e

    @cached_property
    def _efficiency_square(self) -> np.ndarray:
        b1, total = self.beta[0], self.beta.sum(axis=0)
        return np.where(self.nuisance, 1.0, b1 * (b1 + 1.0) / (total * (total + 1.0)))

    def _relative_weight_variance(self) -> np.ndarray:
        (mu, sigma), (mu_true, sigma_true) = self.weight, self.truth_weight
        return sigma**2 / mu_true**2 + (mu / mu_true**2) ** 2 * sigma_true**2

    def _spread(self, entries: np.ndarray, values: np.ndarray, sumw2: np.ndarray) -> np.ndarray:
        n, w = entries + 1.0, self.expected_weight
        return np.sqrt(np.maximum((sumw2 + w**2) / n - ((values + w) / n) ** 2, 0.0) / n)


def generator_of(key: Key, number: int = 0) -> np.random.Generator:
    """Generator of numpy that depends on a key and a number only."""
    return np.random.default_rng([*words_of(key), number])


def words_of(key: Key) -> tuple[int, ...]:
    """The whole numbers that a key consists of; asking JAX for them takes longer than a thousand draws."""
    return tuple(int(word) for word in np.asarray(jax.random.key_data(key)).ravel())


def _mean_weight(entries: np.ndarray, values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    known = (entries > 0) & (values > 0)
    return np.where(known, values / np.maximum(entries, 1), otherwise)


def _weights(random: np.random.Generator, mean: np.ndarray, spread: np.ndarray, n: int) -> np.ndarray:
    if not spread.any():
        return np.broadcast_to(np.abs(mean), (n, *mean.shape))
    return np.abs(mean + spread * random.standard_normal((n, *mean.shape)))


def _dirichlet(random: np.random.Generator, alpha: np.ndarray, n: int) -> np.ndarray:
    """Normalised gamma draws; columns that underflow are drawn anew by their logarithms."""
    gammas = random.standard_gamma(alpha, size=(n, *alpha.shape))
    total = gammas.sum(axis=1, keepdims=True)
    for draw, column in np.argwhere(total[:, 0] < 1e-290):
        own = alpha[:, column]
        logs = np.log(random.standard_gamma(own + 1.0)) + np.log(random.uniform(size=len(own))) / own
        gammas[draw, :, column] = np.exp(logs - logs.max())
        total[draw, 0, column] = gammas[draw, :, column].sum()
    return gammas / total
