"""Whether numbers are uniform: exact tests of discrete ranks and of continuous shares, with simultaneous bands."""

import functools
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import bdtr, bdtrik, kolmogorov

from wilks.inference.probabilities import toy_p_value

_REPLICAS = 2000
_BAND = 0.95
_FEWEST_PER_BIN = 10


class RankTest(NamedTuple):
    """Ranks 0..L against equal probabilities.

    Args:
        p_chi2: of the counts in bins of ranks.
        p_ecdf: of the largest departure of the empirical distribution, in units of its own pointwise probability.
    """

    p_chi2: float
    p_ecdf: float


class Band(NamedTuple):
    """Region that holds the whole empirical distribution of uniform ranks with 95 % probability."""

    lower: Float[np.ndarray, " ranks"]
    upper: Float[np.ndarray, " ranks"]


def rank_uniformity(ranks: Int[np.ndarray, " n"], largest: int) -> RankTest:
    """Exact p-values of discrete ranks: both statistics are compared with 2,000 sets of ranks drawn uniformly.

    Args:
        ranks: whole numbers from 0 to ``largest``.
        largest: number of draws that each truth was ranked among.

    References:
        T. Saeilynoja, P.-C. Buerkner, A. Vehtari, arXiv:2103.10522, section 2 (its statistic of the ECDF).
    """
    null = _null(len(ranks), largest)
    counts = np.bincount(ranks, minlength=largest + 1)[None]
    return RankTest(
        toy_p_value(int((null.chi2 >= _chi2(counts, null.edges)[0] - 1e-9).sum()), _REPLICAS),
        toy_p_value(int((null.rarest <= _rarest(counts)[0] + 1e-12).sum()), _REPLICAS),
    )


def rank_band(n: int, largest: int) -> Band:
    """Simultaneous 95 % band of the empirical distribution P(rank <= r) of ``n`` uniform ranks."""
    tail = float(np.quantile(_null(n, largest).rarest, 1.0 - _BAND))
    share = np.arange(1, largest + 1) / (largest + 1)
    lower = np.array([_binomial_quantile(0.5 * tail, n, p) for p in share]) / n
    upper = np.array([_binomial_quantile(1.0 - 0.5 * tail, n, p) for p in share]) / n
    return Band(np.append(lower, 1.0), np.append(upper, 1.0))


def largest_gap(shares: Float[np.ndarray, " n"]) -> float:
    """Largest distance between the empirical distribution of shares in [0, 1] and the uniform one."""
    ordered, n = np.sort(shares), len(shares)
    steps = np.arange(1, n + 1) / n
    return float(np.max(np.maximum(steps - ordered, ordered - (steps - 1.0 / n))))


def gap_p_value(gap: float, n: int) -> float:
    """Probability of a gap at least as large for continuous uniform shares (Kolmogorov and Smirnov).

    References:
        M. A. Stephens, J. R. Stat. Soc. B 32 (1970) 115, for the finite-sample form, good from 5 shares on.
    """
    return float(kolmogorov(gap * _stretch(n)))


def gap_band(n: int) -> float:
    """Gap that continuous uniform shares exceed with 5 % probability."""
    return 1.3580986 / _stretch(n)  # kolmogorov(1.3580986) = 0.05


class _Null(NamedTuple):
    edges: Int[np.ndarray, " bins"]
    chi2: Float[np.ndarray, " replicas"]
    rarest: Float[np.ndarray, " replicas"]


@functools.lru_cache(maxsize=16)
def _null(n: int, largest: int) -> _Null:
    generator = np.random.Generator(np.random.Philox(key=n + (largest << 32)))
    counts = generator.multinomial(n, np.full(largest + 1, 1.0 / (largest + 1)), size=_REPLICAS)
    bins = max(min(largest + 1, n // _FEWEST_PER_BIN, 20), 2)
    edges = (np.arange(bins) * (largest + 1)) // bins
    return _Null(edges, _chi2(counts, edges), _rarest(counts))


def _chi2(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    total = np.add.reduceat(counts, edges, axis=1)
    widths = np.diff(np.append(edges, counts.shape[1]))
    expected = counts[0].sum() * widths / counts.shape[1]
    return np.sum((total - expected) ** 2 / expected, axis=1)


def _rarest(counts: np.ndarray) -> np.ndarray:
    """Smallest two-sided probability of the number of ranks up to r, over all r."""
    below = np.cumsum(counts, axis=1)[:, :-1]
    n, p = counts[0].sum(), np.arange(1, counts.shape[1]) / counts.shape[1]
    under = bdtr(below, n, p[None])
    over = 1.0 - np.where(below > 0, bdtr(np.maximum(below - 1, 0), n, p[None]), 0.0)
    return 2.0 * np.min(np.minimum(under, over), axis=1)


def _binomial_quantile(probability: float, n: int, p: float) -> int:
    """Smallest k with P(K <= k) >= probability."""
    k = math.ceil(float(bdtrik(probability, n, p)) - 1e-9)
    while k > 0 and bdtr(k - 1, n, p) >= probability:
        k -= 1
    while bdtr(k, n, p) < probability:
        k += 1
    return k


def _stretch(n: int) -> float:
    root = math.sqrt(n)
    return root + 0.12 + 0.11 / root
