"""Laws of one-sided likelihood ratios for large samples: confidences of a signal, and what is expected without it.

With q the statistic on the data and q_A on Asimov data without signal, sqrt(q_A) = mu/sigma.

References:
    G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727 (CCGV).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import log_ndtr, ndtr, ndtri

from wilks.results.limits import SIGMAS

Points = Float[np.ndarray, "*points"]


class LogConfidences(NamedTuple):
    """Logarithms of CLs+b, CLb and CLs."""

    cls_sb: Points
    cls_b: Points
    cls: Points


def log_confidences(q: Points, q_asimov: Points, statistic: str) -> LogConfidences:
    """ln CLs+b, ln CLb and ln CLs of ``"q"`` or ``"qtilde"``; in logarithms, so that no tail underflows."""
    root, asimov = np.sqrt(np.maximum(q, 0.0)), np.sqrt(np.maximum(q_asimov, 0.0))
    z_sb, z_b = root, root - asimov  # CCGV eqs. 57 and 59
    if statistic == "qtilde":
        beyond = (root > asimov) & (asimov > 0)
        safe = np.where(beyond, asimov, 1.0)
        z_sb = np.where(beyond, (q + q_asimov) / (2 * safe), z_sb)  # CCGV eq. 66
        z_b = np.where(beyond, (q - q_asimov) / (2 * safe), z_b)  # CCGV eq. 65
    log_sb, log_b = log_ndtr(-z_sb), log_ndtr(-z_b)
    return LogConfidences(log_sb, log_b, log_sb - log_b)


def log_expected_cls(q_asimov: Points, sigmas: Float[np.ndarray, "*points"]) -> Points:
    """ln of CLs expected without signal at N standard deviations: Phi(N - sqrt q_A)/Phi(N), CCGV eq. 89 for CLs."""
    return log_ndtr(sigmas - np.sqrt(np.maximum(q_asimov, 0.0))) - log_ndtr(sigmas)


def log_expected_cls_sb(q_asimov: Points, sigmas: Float[np.ndarray, "*points"]) -> Points:
    """ln of CLs+b expected without signal at N standard deviations: Phi(N - sqrt q_A)."""
    return log_ndtr(sigmas - np.sqrt(np.maximum(q_asimov, 0.0)))


def expected_limits(sigma: float, level: float) -> Float[np.ndarray, " band"]:
    """First guess of the expected CLs limits for one standard deviation of the parameter, CCGV eq. 89 for CLs."""
    steps = np.array(SIGMAS, dtype=float)
    return sigma * (-ndtri((1 - level) * ndtr(steps)) + steps)
