"""Constraints on absolute neutrino masses, as optional terms: beta decay, double beta decay, cosmology."""

from collections.abc import Callable

import numpy as np

from wilks._base.errors import UnknownName, near_names
from wilks.likelihood.curves import Curve, split_normal_curve, tabulated_curve

from .chi2_terms import ChiSquareTerms, Term

KATRIN_CITATION = "KATRIN Collaboration, arXiv:2406.13516"
KAMLAND_ZEN = {"arXiv:2203.02139": (0.036, 0.156), "arXiv:2406.11438": (0.028, 0.122)}
"""Limits on m_bb in eV at 90 % for the largest and smallest nuclear matrix element, by publication."""

PLANCK_SUM_EV = 0.12
"""Limit on the sum of masses at 95 %, arXiv:1807.06209."""

_CHI2_90, _CHI2_95 = 2.706, 3.841  # quantiles of chi-square with one degree of freedom
_REACH = 8.0  # limits are followed to this multiple of their value


def katrin() -> ChiSquareTerms:
    """m_b^2 = -0.14 +0.13 -0.15 eV^2: chi2 of ``m_b^2``, the square of the observable m_b."""
    return _single("m_b^2", split_normal_curve(-0.14, 0.15, 0.13), "KATRIN", KATRIN_CITATION)


def kamland_zen(publication: str = "arXiv:2406.11438", *, matrix_element: float = 0.5) -> ChiSquareTerms:
    """2.706 (m_bb/m90)^4: the rate of double beta decay goes with m_bb^2.

    Args:
        publication: one of `KAMLAND_ZEN`.
        matrix_element: where in the range of limits m90 lies, from 0 (largest nuclear matrix element, strongest limit)
            to 1 (smallest).

    Raises:
        UnknownName: for another publication.
    """
    if publication not in KAMLAND_ZEN:
        raise UnknownName(f"no limit of publication {publication!r}; {near_names(publication, KAMLAND_ZEN)}")
    strong, weak = KAMLAND_ZEN[publication]
    limit = strong + matrix_element * (weak - strong)
    curve = _one_sided(lambda m: _CHI2_90 * (m / limit) ** 4, limit)
    return _single("m_bb", curve, f"KamLAND-Zen, m_bb < {limit * 1e3:.0f} meV at 90 %", publication)


def cosmology(limit_ev: float = PLANCK_SUM_EV) -> ChiSquareTerms:
    """3.841 (Sum/limit)^2 with the limit on the sum of masses at 95 %."""
    curve = _one_sided(lambda m: _CHI2_95 * (m / limit_ev) ** 2, limit_ev)
    return _single("Sum(m_i)", curve, f"cosmology, sum < {limit_ev:g} eV at 95 %", "arXiv:1807.06209")


def _single(name: str, curve: Curve, source: str, citation: str) -> ChiSquareTerms:
    return ChiSquareTerms({name: Term(curve)}, source, citation)


def _one_sided(chi2: Callable[[np.ndarray], np.ndarray], limit: float) -> Curve:
    """Curve of a limit, even in the mass so that it is smooth at zero."""
    grid = np.linspace(-1.0, 1.0, 401) * _REACH**0.5 * limit
    return tabulated_curve(grid, chi2(np.abs(grid)), window=np.inf)
