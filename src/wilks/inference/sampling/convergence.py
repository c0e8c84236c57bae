"""R-hat and effective sample sizes of Markov chains: a quantity is sorted once for both.

Chains are split in halves, so that a drift counts as a difference between chains; a middle draw is left out.
"""

import math

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

Chains = Float[np.ndarray, "chains draws"]
Ordered = Float[np.ndarray, " values"]

_OFFSET = 3 / 8  # of ranks, after G. Blom (1958)


def halves(chains: Chains) -> Float[np.ndarray, "halves half"]:
    """First halves of all chains, then second halves."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def normal_scores(chains: Chains) -> tuple[Chains, Chains]:
    """Normal quantiles of the ranks of all draws together, and of the ranks of their distances from the median.

    Equal draws share their mean rank. The second order follows from the first: what lies below the median, backwards,
    is merged with what lies above.

    References:
        A. Vehtari et al., arXiv:1903.08008, eq. 14.
    """
    values = chains.ravel()
    order = np.argsort(values)
    ordered = values[order]
    distances = np.abs(ordered - np.median(ordered))
    turn = int(np.argmin(distances))
    outward = np.concatenate([np.arange(turn)[::-1], np.arange(turn, len(values))])
    merged = outward[np.argsort(distances[outward], kind="stable")]  # quick for two ascending runs
    scores = np.empty((2, len(values)))
    scores[0, order] = _scores(ordered)
    scores[1, order[merged]] = _scores(distances[merged])
    return scores[0].reshape(chains.shape), scores[1].reshape(chains.shape)


def _scores(ordered: Ordered) -> Ordered:
    """Scores of values in ascending order."""
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))  # of each run of equal values
    beyond = np.append(first[1:], len(ordered))
    ranks = 0.5 * (first + 1 + beyond)
    return np.repeat(ndtri((ranks - _OFFSET) / (len(ordered) + 1 - 2 * _OFFSET)), beyond - first)


def rhat(chains: Chains, groups: Int[np.ndarray, " chains"] | None = None) -> float:
    """R-hat of chains as they are, or nested R-hat of groups of chains; not a number if nothing moves.

    Args:
        chains: draws, or scores.
        groups: number of the group of each chain; groups of equal size.

    References:
        A. Vehtari et al., arXiv:1903.08008, eqs. 1 to 4; C. Margossian et al., arXiv:2110.13017, eqs. 4 to 8.
    """
    draws, means, variances = chains.shape[1], chains.mean(axis=1), chains.var(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if groups is None:
            return float(np.sqrt((draws - 1) / draws + means.var(ddof=1) / variances.mean()))
        order = np.argsort(groups, kind="stable").reshape(len(np.unique(groups)), -1)
        within = variances[order].mean(axis=1) + (means[order].var(axis=1, ddof=1) if order.shape[1] > 1 else 0.0)
        return float(np.sqrt(1.0 + means[order].mean(axis=1).var(ddof=1) / within.mean()))


def effective_size(chains: Chains) -> float:
    """Effective sample size of the mean; all draws count where nothing moves.

    Sums of neighbouring autocorrelations are positive and fall with the lag; they are followed as long as they do.

    References:
        A. Vehtari et al., arXiv:1903.08008, eqs. 10 to 13; C. Geyer, Stat. Sci. 7 (1992) 473, section 3.3.
    """
    if not np.ptp(chains) > 0:
        return float(chains.size)
    count, draws = chains.shape
    means = chains.mean(axis=1)
    between = float(means.var(ddof=1)) if count > 1 else 0.0
    length = 1 << (2 * draws - 1).bit_length()
    spectrum = np.fft.rfft(chains - means[:, None], n=length, axis=1)
    power = sum(np.einsum("cf,cf->f", part, part) for part in (spectrum.real, spectrum.imag))
    covariance = np.fft.irfft(power, n=length)[:draws] / (count * draws)  # averaged over chains
    rho = 1.0 - (covariance[0] * draws / (draws - 1) - covariance) / (covariance[0] + between)
    rho[0] = 1.0
    pairs = rho[0 : draws - 1 : 2] + rho[1:draws:2]
    ends = np.append(np.flatnonzero(~(pairs > 0)), max((draws - 3) // 2, 0))  # first pair that is not positive, or last
    end = int(min(ends[0], ends[-1]))
    tau = -1.0 + 2.0 * float(np.minimum.accumulate(pairs[:end]).sum()) + max(float(rho[2 * end]), 0.0)
    return chains.size / max(tau, 1.0 / math.log10(chains.size))
