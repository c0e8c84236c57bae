"""Published numbers that the experiments of this wing reproduce, each with its source."""

from typing import NamedTuple

from .dayabay.constants import PUBLISHED


class Figure(NamedTuple):
    """One published number.

    Args:
        experiment: whose.
        quantity: what.
        value: the number.
        error: quoted error, or the tolerance where none is quoted.
        allowed: largest difference of our number in units of the error; 1 for tolerances.
        source: paper, with table or equation.
        key: choice that it belongs to, where there are several.
    """

    experiment: str
    quantity: str
    value: float
    error: float
    allowed: float
    source: str
    key: str = ""


_MAPS = "chi2 maps of GLoBESfit, arXiv:2005.01756"
_BEST = "BEST, Phys. Rev. C 105 (2022) 065502, arXiv:2109.11482"
_PROSPECT = "PROSPECT, Phys. Rev. D 103 (2021) 032001, arXiv:2006.11210"
_NEOS = "NEOS, Phys. Rev. Lett. 118 (2017) 121802, arXiv:1610.05134"

RATES = (Figure("reactor rates", "mean ratio, HM", 0.939, 0.005, 1.0, "arXiv:2110.06820, arXiv:2005.01756", "HM"),)

GALLIUM = (
    Figure("gallium, all six", "best sin2_2theta_ee", 0.34, 0.03, 1.0, _BEST),
    Figure("gallium, all six", "best dm2_41 [eV^2]", 1.25, 0.13, 1.0, _BEST),
    Figure("gallium, all six", "mean ratio", 0.80, 0.05, 0.2, _BEST),
    Figure("BEST", "best sin2_2theta_ee", 0.42, 0.03, 1.0, _BEST),
    Figure("BEST", "best dm2_41 [eV^2]", 3.3, 0.53, 1.0, _BEST),
)

NULLS = (
    Figure("DANSS", "chi2 without sterile", 33.47, 0.01, 1.0, "arXiv:2005.01756, section 4"),
    Figure("Bugey-3", "chi2 without sterile", 12.6026, 0.1, 1.0, _MAPS + ", Spectra_Bugey.dat"),
    Figure("NEOS", "chi2 without sterile", 65.4356, 0.02, 1.0, _MAPS + ", Spectra_NEOS.dat"),
    Figure("DoubleChooz", "chi2 without sterile", 8.0262, 0.02, 1.0, _MAPS + ", Spectra_DC.dat"),
    Figure("DayaBay-ratio", "chi2 without sterile", 44.9625, 0.7, 1.0, _MAPS + ", Spectra_DB.dat"),
    Figure("RENO", "chi2 without sterile", 23.5514, 0.7, 1.0, _MAPS + ", Spectra_RENO.dat"),
)

SPECTRA_BEST = {
    "DANSS": (
        Figure("DANSS", "best sin2_2theta_ee", 0.072, 0.02, 1.0, _MAPS + ", Spectra_DANSS.dat"),
        Figure("DANSS", "best dm2_41 [eV^2]", 1.32, 0.05, 1.0, _MAPS + ", Spectra_DANSS.dat"),
    ),
    "NEOS": (
        Figure("NEOS", "best sin2_2theta_ee", 0.05, 0.02, 1.0, _NEOS),
        Figure("NEOS", "best dm2_41 [eV^2]", 1.73, 0.1, 1.0, _NEOS),
    ),
}

CALIBRATIONS = (
    Figure("RENO", "best sin2_2theta13", 0.0896, 0.0068, 0.5, "Phys. Rev. Lett. 121 (2018) 201801, arXiv:1806.00248"),
    Figure("DayaBay-ratio", "best sin2_2theta13", 0.0841, 0.0033, 0.5, "Phys. Rev. D 95 (2017) 072006"),
    Figure("DoubleChooz", "best sin2_2theta13", 0.105, 0.014, 0.5, "Nature Phys. 16 (2020) 558, arXiv:1901.09445"),
)

PROSPECT = (
    Figure("PROSPECT", "events", 50560.0, 5.0, 1.0, _PROSPECT),
    Figure("PROSPECT", "best sin2_2theta_ee", 0.11, 0.02, 1.0, _PROSPECT),
    Figure("PROSPECT", "best dm2_41 [eV^2]", 1.78, 0.15, 1.0, _PROSPECT),
)

DAYA_BAY = (
    Figure("Daya Bay", "bins", 546.0, 0.5, 1.0, "doi 10.5281/zenodo.17587229"),
    Figure("Daya Bay", "candidates [1e6]", 5.55, 0.006, 1.0, "Phys. Rev. Lett. 130 (2023) 161802"),
    Figure("Daya Bay", "chi2 at start values", 705.12741983, 7e-4, 1.0, "README of dayabay-model 1.7.1"),
)

_PAPER = "Daya Bay, Phys. Rev. Lett. 130 (2023) 161802, arXiv:2211.14988"
_ERRORS_WITHIN = 0.05  # relatively


def daya_bay_best(name: str, value: float, error: float) -> tuple[Figure, Figure]:
    """A parameter of the published best fit and its error; values within a fifth of it, errors within a twentieth."""
    best = Figure("Daya Bay", name, value, error, 0.2, _PAPER)
    return best, Figure("Daya Bay", f"error of {name}", error, _ERRORS_WITHIN * error, 1.0, _PAPER)


DAYA_BAY_BEST = {name: daya_bay_best(name, *published) for name, published in PUBLISHED.items()}
