"""How strongly the draws of Markov chains hang together: autocorrelation and its integrated time."""

import math

import numpy as np
from jaxtyping import Float

_WINDOW = 5.0  # Sokal's c: the sum stops at a lag of so many autocorrelation times


def autocorrelation(chains: Float[np.ndarray, "chains draws"]) -> Float[np.ndarray, " draws"]:
    """Correlation of draws at each lag, averaged over chains.

    Mean and variance are those of all chains together, so that chains which sit in different places count as strongly
    correlated, as they should.

    Args:
        chains: draws of one quantity; NaN throughout if it never moves.
    """
    count = chains.shape[1]
    centred = chains - chains.mean()
    length = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(centred, n=length, axis=1)
    covariance = np.fft.irfft(np.mean(np.abs(spectrum) ** 2, axis=0), n=length)[:count]
    if not covariance[0] > _rounding(chains):
        return np.full(count, np.nan)
    return covariance / covariance[0]


def autocorrelation_time(chains: Float[np.ndarray, "chains draws"]) -> float:
    """Integrated autocorrelation time tau = 1 + 2 sum rho(t), in draws; infinite for a quantity that never moves.

    The sum ends at the smallest lag M with M >= 5 tau(M).

    References:
        A. Sokal, Monte Carlo Methods in Statistical Mechanics, in: Functional Integration (1997) 131, eq. 3.20.
    """
    if chains.shape[1] < 2:
        return math.nan
    rho = autocorrelation(chains)
    if not np.isfinite(rho).all():
        return math.inf
    tau = 2.0 * np.cumsum(rho) - 1.0
    enough = np.arange(len(tau)) >= _WINDOW * tau
    return float(tau[np.argmax(enough)] if enough.any() else tau[-1])


def _rounding(chains: Float[np.ndarray, "chains draws"]) -> float:
    """Sum of squares that rounding alone may leave of equal draws."""
    return chains.shape[1] * (4.0 * np.finfo(float).eps * float(np.abs(chains).max(initial=0.0))) ** 2
