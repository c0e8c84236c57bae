"""Figures of the gallium experiments: lines, cross sections, measured ratios, geometries, extractions."""

from typing import NamedTuple

from .vessels import AbstractSolid, Cylinder, Rays, Sphere

SAGE_SUMMARY = "J. N. Abdurashitov et al. (SAGE), Phys. Rev. C 80 (2009) 015807 and arXiv:1006.3244, eqs. (1) to (4)"
BEST_PAPERS = "V. V. Barinov et al. (BEST), Phys. Rev. Lett. 128 (2022) 232501, arXiv:2109.11482; arXiv:2303.13623"
BAHCALL = "J. N. Bahcall, Phys. Rev. C 56 (1997) 3391, hep-ph/9710491"
CROSS_SECTION_LIST = (
    "C. Giunti, Y. F. Li, C. A. Ternes and Z. Xin, Phys. Lett. B 842 (2023) 137983, arXiv:2212.09722, table I"
)


class Line(NamedTuple):
    """One line of a source.

    Args:
        energy_MeV: neutrino energy.
        branching: share of decays.
        cross_section: absorption on 71Ga at this energy in 1e-46 cm^2.
    """

    energy_MeV: float
    branching: float
    cross_section: float


# energies, branchings and cross sections of Bahcall, Phys. Rev. C 56 (1997) 3391, as tabulated in arXiv:2109.11482
LINES = {
    "Cr51": (
        Line(0.747, 0.8163, 60.8),
        Line(0.752, 0.0849, 61.5),
        Line(0.427, 0.0895, 26.7),
        Line(0.432, 0.0093, 27.1),
    ),
    "Ar37": (Line(0.811, 0.902, 70.1), Line(0.813, 0.098, 70.3)),
}
"""Lines by source."""


class CrossSection(NamedTuple):
    """Absorption of the neutrinos of a source on 71Ga.

    Args:
        chromium: of 51Cr in 1e-45 cm^2.
        argon: of 37Ar in 1e-45 cm^2.
        relative_errors: their common relative errors (51Cr, 37Ar); zero where none is quoted.
        citation: where it is from.
        verified: whether the figures were compared with the paper.
    """

    chromium: float
    argon: float
    relative_errors: tuple[float, float]
    citation: str
    verified: bool = False


CROSS_SECTIONS = {
    "bahcall": CrossSection(5.81, 7.00, (0.028, 0.028), BAHCALL + " (+3.6 -2.8 %, the lower error is taken)", True),
    "ground_state": CrossSection(5.54, 6.62, (0.0, 0.0), CROSS_SECTION_LIST),
    "haxton": CrossSection(6.39, 7.72, (0.0, 0.0), CROSS_SECTION_LIST),
    "frekers": CrossSection(5.92, 7.15, (0.0, 0.0), CROSS_SECTION_LIST),
    "kostensalo": CrossSection(5.67, 6.80, (0.06 / 5.67, 0.08 / 6.80), CROSS_SECTION_LIST),
    "semenov": CrossSection(5.94, 7.17, (0.12 / 5.94, 0.15 / 7.17), CROSS_SECTION_LIST),
}
"""Cross sections by name."""

GALLIUM_CROSS_SECTIONS = tuple(CROSS_SECTIONS)
"""Names of the cross sections."""


class Exposure(NamedTuple):
    """One measured ratio to the expectation with Bahcall's cross section.

    Args:
        source: key of `LINES`.
        ratio: measured over expected.
        minus: lower error.
        plus: upper error.
        citation: where it is from.
    """

    source: str
    ratio: float
    minus: float
    plus: float
    citation: str


EXPOSURES = {
    "GALLEX-1": Exposure("Cr51", 0.953, 0.11, 0.11, SAGE_SUMMARY),
    "GALLEX-2": Exposure("Cr51", 0.812, 0.11, 0.10, SAGE_SUMMARY),
    "SAGE-Cr": Exposure("Cr51", 0.95, 0.12, 0.12, SAGE_SUMMARY),
    "SAGE-Ar": Exposure("Ar37", 0.791, 0.078, 0.084, SAGE_SUMMARY),
    "BEST-inner": Exposure("Cr51", 0.791, 0.05, 0.05, BEST_PAPERS),
    "BEST-outer": Exposure("Cr51", 0.766, 0.05, 0.05, BEST_PAPERS),
}
"""Measured ratios by name."""


class Geometry(NamedTuple):
    """A vessel of gallium and the source in it.

    Args:
        vessel: body filled with gallium.
        rays: rays from the source.
        holes: bodies without gallium.
    """

    vessel: AbstractSolid
    rays: Rays
    holes: tuple[AbstractSolid, ...] = ()


_BEST_SPHERE = Sphere(0.5 * 1.335)
_BEST_TUBE = 0.073
_BEST_SOURCE = (0.043, 0.108)  # radius and height of the source in m
_UPWARDS = float("inf")


def geometry(name: str) -> Geometry:
    """Vessel and source of an exposure, in m.

    GALLEX: radius 1.9, height 5.0, source at 2.7 or 2.38; SAGE: radius 0.7, height 1.47, source at 0.72
    (arXiv:1006.3244). BEST: sphere of diameter 1.335 in a cylinder of diameter 2.18 and height 2.345, with a tube of
    radius 0.073 for the source (arXiv:2109.11482).
    """
    if name.startswith("GALLEX"):
        return Geometry(Cylinder(1.9, 0.0, 5.0), Rays.of_point(2.7 if name == "GALLEX-1" else 2.38))
    if name.startswith("SAGE"):
        return Geometry(Cylinder(0.7, 0.0, 1.47), Rays.of_point(0.72))
    source = Rays.of_cylinder(0.0, *_BEST_SOURCE)
    if name == "BEST-inner":
        return Geometry(_BEST_SPHERE, source, (Cylinder(_BEST_TUBE, -0.069, _UPWARDS),))
    outer = Cylinder(0.5 * 2.18, -0.5 * 2.345, 0.5 * 2.345)
    return Geometry(outer, source, (_BEST_SPHERE, Cylinder(_BEST_TUBE, 0.0, _UPWARDS)))


# production rates at the reference time in atoms per day and their errors, one per extraction; 2109.11482, table I
BEST_INNER = (49.4, 44.9, 62.9, 73.3, 49.8, 69.5, 64.6, 53.8, 49.9, 69.1)
BEST_INNER_ERRORS = (4.2, 5.9, 7.4, 8.6, 8.2, 12.0, 12.6, 12.2, 16.5, 19.4)
BEST_OUTER = (41.1, 63.6, 51.4, 66.6, 46.9, 87.3, 50.4, 59.7, 43.0, 78.8)
BEST_OUTER_ERRORS = (5.3, 5.7, 7.3, 9.8, 7.9, 13.2, 10.6, 11.7, 15.3, 20.0)
BEST_SYSTEMATIC = 0.025
"""Relative error common to all extractions."""
