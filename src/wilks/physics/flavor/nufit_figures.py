"""Published figures of NuFIT releases: best values, 1- and 3-sigma limits, second minima.

With Super-Kamiokande atmospheric data; 6.x also with IceCube 24 years. Sources: www.nu-fit.org, JHEP 09 (2020) 178
(arXiv:2007.14792) for 5.x, JHEP 12 (2024) 216 (arXiv:2410.05380) for 6.0.
"""

import functools
from collections.abc import Sequence

import numpy as np

from wilks._base.errors import InvalidOption
from wilks.likelihood.curves import curve_through, split_normal_curve

from .chi2_terms import ChiSquareTerms, Term
from .datasets import CHARGED_LEPTONS, ROWS, GaussianTable

# Units here: m21^2 in 1e-5 eV^2, m3l^2 in 1e-3 eV^2, d/pi in units of pi (5.x) or degrees (6.x, see _DEGREES).
# Columns: best, 1-sigma limits, 3-sigma limits.
FIGURES: dict[tuple[str, str], dict[str, tuple[float, ...]]] = {
    ("5.2", "NO"): {
        "s12^2": (0.303, 0.291, 0.315, 0.270, 0.341),
        "s13^2": (0.02225, 0.02166, 0.02281, 0.02052, 0.02398),
        "s23^2": (0.451, 0.435, 0.470, 0.408, 0.603),
        "d/pi": (1.29, 1.14, 1.49, 0.80, 1.94),
        "m21^2": (7.41, 7.21, 7.62, 6.82, 8.03),
        "m3l^2": (2.507, 2.480, 2.533, 2.427, 2.590),
    },
    ("5.2", "IO"): {
        "s12^2": (0.303, 0.292, 0.315, 0.270, 0.341),
        "s13^2": (0.02223, 0.02165, 0.02281, 0.02048, 0.02416),
        "s23^2": (0.569, 0.548, 0.585, 0.411, 0.613),
        "d/pi": (1.54, 1.38, 1.67, 1.08, 1.92),
        "m21^2": (7.41, 7.21, 7.62, 6.82, 8.03),
        "m3l^2": (-2.486, -2.458, -2.511, -2.570, -2.406),
    },
    ("5.3", "NO"): {
        "s12^2": (0.307, 0.296, 0.319, 0.275, 0.344),
        "s13^2": (0.02224, 0.02167, 0.0228, 0.02047, 0.02397),
        "s23^2": (0.454, 0.438, 0.473, 0.411, 0.606),
        "d/pi": (1.289, 1.15, 1.506, 0.772, 1.944),
        "m21^2": (7.41, 7.21, 7.62, 6.81, 8.03),
        "m3l^2": (2.505, 2.479, 2.529, 2.426, 2.586),
    },
    ("5.3", "IO"): {
        "s12^2": (0.307, 0.296, 0.319, 0.275, 0.344),
        "s13^2": (0.02222, 0.02165, 0.02291, 0.02049, 0.02420),
        "s23^2": (0.568, 0.547, 0.584, 0.412, 0.611),
        "d/pi": (1.517, 1.372, 1.65, 1.083, 1.9),
        "m21^2": (7.41, 7.21, 7.62, 6.81, 8.03),
        "m3l^2": (-2.487, -2.46, -2.511, -2.566, -2.407),
    },
    ("6.0", "NO"): {
        "s12^2": (0.308, 0.297, 0.320, 0.275, 0.345),
        "s13^2": (0.02215, 0.02157, 0.02271, 0.02030, 0.02388),
        "s23^2": (0.470, 0.457, 0.487, 0.435, 0.585),
        "d/pi": (212, 171, 238, 124, 364),
        "m21^2": (7.49, 7.30, 7.68, 6.92, 8.05),
        "m3l^2": (2.513, 2.494, 2.534, 2.451, 2.578),
    },
    # The ranges of 6.0 IO are as published; no one-dimensional profile was at hand to check them against.
    ("6.0", "IO"): {
        "s12^2": (0.308, 0.297, 0.320, 0.275, 0.345),
        "s13^2": (0.02231, 0.02175, 0.02287, 0.02060, 0.02409),
        "s23^2": (0.550, 0.535, 0.562, 0.440, 0.584),
        "d/pi": (274, 249, 296, 201, 335),
        "m21^2": (7.49, 7.30, 7.68, 6.92, 8.05),
        "m3l^2": (-2.484, -2.504, -2.464, -2.547, -2.421),
    },
    # 6.1: read off the one-dimensional tables of the release; for IO only best values are at hand.
    ("6.1", "NO"): {
        "s12^2": (0.3088, 0.3022, 0.3155, 0.2893, 0.3295),
        "s13^2": (0.02248, 0.02189, 0.02303, 0.02064, 0.02418),
        "s23^2": (0.4701, 0.4564, 0.4871, 0.4351, 0.5844),
        "d/pi": (212, 176, 237, 125, 365),
        "m21^2": (7.537, 7.436, 7.632, 7.236, 7.823),
        "m3l^2": (2.511, 2.491, 2.533, 2.450, 2.576),
    },
}

OFFSETS = {("5.2", "IO"): 6.356428, ("5.3", "IO"): 9.117398, ("6.0", "IO"): 6.1}
"""Minimum of IO above that of NO."""

_DEGREES = ("6.0", "6.1")
_UNITS = {"m21^2": 1e-5, "m3l^2": 1e-3}

# Second octant of s23^2: barrier (position, Delta chi2), 1-sigma limits where it has any, and the minimum itself.
_SECOND_OCTANT = {
    ("6.0", "NO"): ((0.5121, 2.466), (0.5388, 0.5608), (0.5510, 0.472)),
    ("6.1", "NO"): ((0.5129, 2.611), (0.5428, 0.5584), (0.5508, 0.753)),
}


@functools.lru_cache(maxsize=16)
def figures(release: str, ordering: str) -> GaussianTable:
    """Published figures of a release as a table, with the charged leptons' mass ratios and r = m21^2/m3l^2.

    The limits of r combine the limits of both splittings so that it comes out widest.

    Raises:
        InvalidOption: listing what there is.
    """
    if (release, ordering) not in FIGURES:
        known = ", ".join(f"{r} {o}" for r, o in FIGURES)
        raise InvalidOption(f"no figures of NuFIT {release!r} with ordering {ordering!r}; there are {known}")
    rows = {name: dict(row) for name, row in CHARGED_LEPTONS.rows.items()}
    numbers = {name: _in_units(release, name, row) for name, row in FIGURES[release, ordering].items()}
    rows |= {name: dict(zip(ROWS, row, strict=True)) for name, row in numbers.items()}
    rows["r"] = dict(zip(ROWS, _ratio(numbers["m21^2"], numbers["m3l^2"]), strict=True))
    name = f"figures of NuFIT {release}, {ordering}"
    return GaussianTable(rows, name, ordering, offset=OFFSETS.get((release, ordering), 0.0))


def quoted_terms(release: str, ordering: str, name: str, citation: str) -> ChiSquareTerms:
    """Terms of a release of which only figures are at hand.

    Split normal errors; s23^2 and delta through their best value, limits and second minimum.
    """
    table = figures(release, ordering)
    entries = dict(CHARGED_LEPTONS.terms().entries)
    for observable in ("s12^2", "s13^2", "m21^2", "m3l^2"):
        best, (low, high) = table.rows[observable]["best"], table.limits(observable)
        entries[observable] = Term(split_normal_curve(best, best - low, high - best))
    entries["s23^2"] = Term(_octants(release, ordering, table))
    delta = [table.rows["d/pi"][row] for row in ("3sig_min", "1sig_min", "best", "1sig_max", "3sig_max")]
    entries["d/pi"] = Term(curve_through(delta, [-3.0, -1.0, 0.0, 1.0, 3.0], period=2.0))
    order = ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "m21^2", "m3l^2")
    entries = {observable: entries[observable] for observable in order}
    return ChiSquareTerms(entries, f"{name}, {ordering}", citation, ordering, table.terms().offset)


def _octants(release: str, ordering: str, table: GaussianTable):
    best, (low, high), (lowest, highest) = table.rows["s23^2"]["best"], table.limits("s23^2"), table.limits("s23^2", 3)
    points, roots = [lowest, low, best, high], [-3.0, -1.0, 0.0, 1.0]
    if (release, ordering) in _SECOND_OCTANT:
        (barrier, height), (left, right), (second, depth) = _SECOND_OCTANT[release, ordering]
        points += [barrier, left, second, right]
        roots += [float(np.sqrt(height)), 1.0, float(np.sqrt(depth)), 1.0]
    return curve_through([*points, highest], [*roots, 3.0])


def _in_units(release: str, name: str, row: Sequence[float | int]) -> tuple[float, ...]:
    if name == "d/pi":
        return tuple(x / 180 if release in _DEGREES else x for x in row)
    exponent = {1e-5: "e-5", 1e-3: "e-3"}.get(_UNITS.get(name, 0.0), "")
    return tuple(float(f"{x!r}{exponent}") for x in row)  # the decimal figure itself, without rounding of a product


def _ratio(m21: Sequence[float | int], m3l: Sequence[float | int]) -> tuple[float, ...]:
    """r and its widest limits: smallest |m21^2| over largest |m3l^2| and the other way round."""
    best = m21[0] / m3l[0]
    limits = []
    for first in (1, 3):
        near, far = sorted(m3l[first : first + 2], key=abs)
        limits += [m21[first] / far, m21[first + 1] / near]
    return (best, *limits)
