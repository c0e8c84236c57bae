"""Thresholds, p-values and binomial and Poisson intervals, from special functions alone."""

import functools
import math

import numpy as np
import scipy  # its parts load when first used

from wilks._base.errors import InvalidOption


def check_level(level: float) -> float:
    """A probability strictly between 0 and 1.

    Raises:
        InvalidOption: otherwise.
    """
    if not 0.0 < level < 1.0:
        raise InvalidOption(f"level {level} lies outside (0, 1); give a probability such as 0.6827")
    return float(level)


@functools.lru_cache
def threshold(level: float, dof: int = 1) -> float:
    """Value of 2 delta nll that encloses a probability: the chi-square quantile.

    >>> [round(threshold(0.6827, dof), 4) for dof in (1, 2, 3)]
    [1.0, 2.2958, 3.5268]
    """
    check_level(level)
    if dof < 1:
        raise InvalidOption(f"dof {dof} is less than 1; give the number of parameters of interest")
    return 2.0 * float(scipy.special.gammaincinv(dof / 2.0, level))


def chi2_tail(value: float, dof: int) -> float:
    """P(chi2_dof >= value)."""
    return float(scipy.special.gammaincc(dof / 2.0, max(value, 0.0) / 2.0))


def significance(p: float) -> float:
    """Z = Phi^-1(1 - p), one-sided, without forming 1 - p."""
    return -float(scipy.special.ndtri(p))


def tail(z: float) -> float:
    """One-sided p-value of a significance."""
    return float(scipy.special.ndtr(-z))


def clopper_pearson(successes: int, trials: int, level: float = 0.6827) -> tuple[float, float]:
    """Central Clopper-Pearson interval of a binomial probability; [0, 1] without trials.

    References:
        C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404.
    """
    check_level(level)
    if not 0 <= successes <= trials:
        raise InvalidOption(f"{successes} successes of {trials} trials cannot be")
    half = (1.0 - level) / 2.0
    lower = 0.0 if successes == 0 else float(scipy.special.betaincinv(successes, trials - successes + 1, half))
    upper = (
        1.0 if successes == trials else float(scipy.special.betaincinv(successes + 1, trials - successes, 1.0 - half))
    )
    return lower, upper


def garwood(n: float | int, level: float = 0.6827) -> tuple[float, float]:
    """Central interval of a Poisson mean from one count; the lower end is 0 for n = 0.

    References:
        F. Garwood, Biometrika 28 (1936) 437.
    """
    check_level(level)
    if n < 0:
        raise InvalidOption(f"count {n} is negative")
    half = (1.0 - level) / 2.0
    lower = 0.0 if n == 0 else float(scipy.special.gammaincinv(n, half))
    return lower, float(scipy.special.gammainccinv(n + 1.0, half))


def toy_p_value(exceedances: int, toys: int) -> float:
    """p = (1 + k)/(1 + n): never zero, and no smaller than the toys can prove."""
    return (1.0 + exceedances) / (1.0 + toys)


def counting_significance(s: float | int, b: float | int, b_error: float | int = 0.0) -> float:
    """Median discovery significance of a counting experiment with expected signal s on background b.

    Args:
        s: expected signal, at least 0.
        b: expected background, above 0.
        b_error: standard deviation of the background's auxiliary measurement; 0 for a known background.

    References:
        G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727, eq. 97; with
        background error: G. Cowan, "Discovery sensitivity for a counting experiment with background
        uncertainty" (2012).
    """
    if s < 0 or b <= 0 or b_error < 0:
        raise InvalidOption(f"s = {s}, b = {b}, b_error = {b_error}: expected s >= 0, b > 0, b_error >= 0")
    if b_error == 0:
        return math.sqrt(2.0 * ((s + b) * math.log1p(s / b) - s))  # eq. 97
    v = b_error**2
    first = (s + b) * math.log((s + b) * (b + v) / (b**2 + (s + b) * v))
    return math.sqrt(2.0 * (first - b**2 / v * math.log1p(v * s / (b * (b + v)))))


def li_ma(n_on: float | int, n_off: float | int, alpha: float | int) -> float:
    """Significance of an on/off measurement with exposure ratio alpha = on/off.

    References:
        T.-P. Li and Y.-Q. Ma, Astrophys. J. 272 (1983) 317, eq. 17.
    """
    if not (n_on >= 0 and n_off >= 0 and n_on + n_off > 0 and alpha > 0):
        raise InvalidOption(
            f"n_on = {n_on}, n_off = {n_off}, alpha = {alpha}: expected counts of at least one event, and alpha > 0"
        )
    on = scipy.special.xlogy(n_on, (1 + alpha) / alpha * n_on / (n_on + n_off))
    off = scipy.special.xlogy(n_off, (1 + alpha) * n_off / (n_on + n_off))
    return float(np.sqrt(2.0 * max(on + off, 0.0)))
