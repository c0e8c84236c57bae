"""Figures of integrated reactor rates: 24 experiments, and the fuel evolution of Daya Bay and RENO.

R is observed over predicted without any oscillation. Figures of the 24 rows: J. M. Berryman and P. Huber, JHEP 01
(2021) 167, arXiv:2005.01756 (GLoBESfit), of the experiments collected by S. Gariazzo, C. Giunti, M. Laveder and
Y. F. Li, JHEP 06 (2017) 135, arXiv:1703.00860.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

CITATION = (
    "J. M. Berryman and P. Huber, JHEP 01 (2021) 167, arXiv:2005.01756; S. Gariazzo et al., JHEP 06 (2017) 135, "
    "arXiv:1703.00860"
)
DAYA_BAY_FUEL = "F. P. An et al. (Daya Bay), Phys. Rev. Lett. 118 (2017) 251801, arXiv:1704.01082"
RENO_FUEL = "G. Bak et al. (RENO), Phys. Rev. Lett. 122 (2019) 232501, arXiv:1806.00574"

RATIO_COLUMNS = ("HM", "EF", "HKSS")
"""Order of ratios in the table."""


class Row(NamedTuple):
    """One measured rate.

    Args:
        name: experiment and position.
        fractions: fission fractions of U235, U238, Pu239, Pu241.
        lengths_m: distances.
        weights: share of each distance in the target, to be divided by its square.
        half_width_m: half width of every distance.
        ratios: R for HM, EF, HKSS.
        error: total error of R.
    """

    name: str
    fractions: tuple[float, float, float, float]
    lengths_m: tuple[float, ...]
    weights: tuple[float, ...]
    half_width_m: float
    ratios: tuple[float, float, float]
    error: float


_BUGEY = (0.538, 0.078, 0.328, 0.056)
_PURE = (1.0, 0.0, 0.0, 0.0)


def _row(
    name: str,
    fractions: tuple[float, float, float, float],
    length: float,
    half_width: float,
    ratios: tuple[float, float, float],
    error: float,
) -> Row:
    return Row(name, fractions, (length,), (1.0,), half_width, ratios, error)


# every row: arXiv:2005.01756 with the data files of GLoBESfit; arXiv:1703.00860
ROWS = (
    _row("Bugey-4", _BUGEY, 15.0, 1.5, (0.941, 0.979, 0.9327), 0.014),
    _row("Rovno91", (0.614, 0.074, 0.274, 0.038), 18.0, 1.5, (0.939, 0.983, 0.9309), 0.028),
    _row("Bugey-3 15 m", _BUGEY, 15.0, 1.5, (0.941, 0.979, 0.9331), 0.042),
    _row("Bugey-3 40 m", _BUGEY, 40.0, 1.5, (0.947, 0.985, 0.9387), 0.043),
    _row("Bugey-3 95 m", _BUGEY, 95.0, 1.5, (0.872, 0.907, 0.8641), 0.152),
    _row("Goesgen 38 m", (0.619, 0.067, 0.272, 0.042), 37.9, 1.0, (0.972, 1.013, 0.9624), 0.054),
    _row("Goesgen 46 m", (0.584, 0.068, 0.298, 0.050), 45.9, 1.0, (0.984, 1.024, 0.9745), 0.054),
    _row("Goesgen 65 m", (0.543, 0.070, 0.329, 0.058), 64.7, 1.0, (0.940, 0.975, 0.9307), 0.067),
    _row("ILL", _PURE, 8.76, 1.0, (0.824, 0.881, 0.8156), 0.091),
    _row("Krasnoyarsk87 33 m", _PURE, 32.8, 1.0, (0.936, 1.001, 0.9271), 0.050),
    _row("Krasnoyarsk87 92 m", _PURE, 92.3, 1.0, (0.951, 1.018, 0.9421), 0.204),
    _row("Krasnoyarsk94", _PURE, 57.0, 1.0, (0.945, 1.011, 0.9361), 0.042),
    _row("Krasnoyarsk99", _PURE, 34.0, 1.0, (0.964, 1.032, 0.9555), 0.030),
    _row("Savannah River 18 m", _PURE, 18.2, 1.0, (0.917, 0.981, 0.9082), 0.028),
    _row("Savannah River 24 m", _PURE, 23.8, 1.0, (0.978, 1.047, 0.9689), 0.029),
    _row("Rovno88 1I", (0.607, 0.074, 0.277, 0.042), 18.0, 0.5, (0.905, 0.946, 0.8967), 0.064),
    _row("Rovno88 2I", (0.603, 0.076, 0.276, 0.045), 18.0, 0.5, (0.969, 1.012, 0.9594), 0.064),
    _row("Rovno88 1S", (0.606, 0.074, 0.277, 0.043), 18.0, 0.5, (0.960, 1.003, 0.9507), 0.073),
    _row("Rovno88 2S 25 m", (0.557, 0.076, 0.313, 0.054), 25.0, 0.5, (1.018, 1.060, 1.0079), 0.073),
    _row("Rovno88 2S 18 m", (0.606, 0.074, 0.274, 0.046), 18.0, 0.5, (0.930, 0.971, 0.9208), 0.068),
    _row("Nucifer", (0.926, 0.008, 0.061, 0.005), 7.21, 1.5, (1.046, 1.115, 1.0363), 0.107),
    Row(
        "Palo Verde",
        (0.600, 0.070, 0.270, 0.060),
        (750.0, 890.0),
        (372.604, 705.958),
        2.0,
        (0.971, 1.014, 0.9626),
        0.054,
    ),
    Row("Double Chooz", (0.520, 0.087, 0.333, 0.060), (355.0, 469.0), (1.0, 1.0), 2.0, (0.934, 0.969, 0.9259), 0.0097),
    Row("Chooz", (0.496, 0.087, 0.351, 0.066), (998.0, 1115.0), (8556.5, 12715.5), 2.0, (0.976, 1.013, 0.9680), 0.032),
)
"""The 24 integrated rates."""

FIRST_LONG = 21
"""First row (counted from 0) at a distance where three-flavour oscillations matter."""

COMMON_ERRORS = (
    ((0, 1), 0.014),
    ((2, 3, 4), 0.040),
    ((5, 6, 7), 0.020),
    ((9, 10), 0.041),
    ((15, 16), 0.031),
    ((17, 18, 19), 0.031),
)
"""Errors common to every pair of some rows (counted from 0)."""

COMMON_BETWEEN = (((5, 6, 7), (8,), 0.038), ((15, 16), (17, 18, 19), 0.022))
"""Errors common to every pair of a row of the first and one of the second set."""

BLOCKS = {
    "Bugey-4 and Rovno91": (0, 1),
    "Bugey-3": (2, 3, 4),
    "Goesgen and ILL": (5, 6, 7, 8),
    "Krasnoyarsk87": (9, 10),
    "Krasnoyarsk94": (11,),
    "Krasnoyarsk99": (12,),
    "Savannah River 18 m": (13,),
    "Savannah River 24 m": (14,),
    "Rovno88": (15, 16, 17, 18, 19),
    "Nucifer": (20,),
    "Palo Verde": (21,),
    "Double Chooz": (22,),
    "Chooz": (23,),
    "Daya Bay fuel": tuple(range(24, 32)),
    "RENO fuel": tuple(range(32, 40)),
}
"""Rows that stay together, by name."""

SHORT_BASELINE = tuple(name for name, rows in BLOCKS.items() if max(rows) < FIRST_LONG)
"""Blocks at less than 100 m."""

MODERN = ("Nucifer", "Double Chooz", "Daya Bay fuel", "RENO fuel")
"""Blocks of the years after 2010."""

EVENTS = {"Double Chooz": "DoubleChooz", "Daya Bay fuel": "DayaBay", "RENO fuel": "RENO"}
"""Names of recorded events where they differ from the name of the block."""

# near detectors of Daya Bay: power x efficiency x target mass, and distance in m; arXiv:2005.01756
_DAYA_BAY_NEAR = (
    (4336.16 * 0.8050 * 19.941, 568.335),
    (4871.92 * 0.8013 * 19.967, 563.257),
    (4930.39 * 0.8369 * 19.891, 591.556),
    (4397.76 * 0.8360 * 19.944, 595.57),
)
# distances of the near detector of RENO from its cores in m; arXiv:1806.00248 as used in arXiv:2005.01756
_RENO_NEAR = (660.064, 444.727, 301.559, 339.262, 519.969, 746.155)

_DAYA_BAY_FRACTIONS = (  # arXiv:1704.01082
    (0.5113, 0.0767, 0.3445, 0.0675),
    (0.5279, 0.0766, 0.3326, 0.0629),
    (0.5418, 0.0764, 0.3219, 0.0599),
    (0.5553, 0.0762, 0.3113, 0.0572),
    (0.5699, 0.0760, 0.2992, 0.0549),
    (0.5849, 0.0758, 0.2878, 0.0515),
    (0.6033, 0.0757, 0.2744, 0.0466),
    (0.6304, 0.0754, 0.2525, 0.0417),
)
_DAYA_BAY_RATIOS = (  # HM, EF, HKSS from the yields of arXiv:1704.01082; arXiv:2005.01756
    (0.942967, 0.979468, 0.934204),
    (0.941093, 0.978579, 0.932328),
    (0.939774, 0.978064, 0.931005),
    (0.938736, 0.977803, 0.929961),
    (0.940391, 0.980391, 0.931584),
    (0.937152, 0.977922, 0.928358),
    (0.936132, 0.977978, 0.927327),
    (0.939123, 0.982676, 0.930260),
)
_RENO_FRACTIONS = (  # arXiv:1806.00574
    (0.527, 0.074, 0.333, 0.066),
    (0.546, 0.073, 0.320, 0.061),
    (0.557, 0.075, 0.310, 0.058),
    (0.568, 0.074, 0.302, 0.056),
    (0.579, 0.074, 0.295, 0.052),
    (0.588, 0.075, 0.286, 0.051),
    (0.599, 0.073, 0.278, 0.050),
    (0.620, 0.072, 0.262, 0.046),
)
_RENO_RATIOS = (  # HM, EF, HKSS from the yields of arXiv:1806.00574; arXiv:2005.01756
    (0.934827, 0.971990, 0.926090),
    (0.940077, 0.978672, 0.931265),
    (0.936235, 0.975294, 0.927455),
    (0.932694, 0.972286, 0.923931),
    (0.937447, 0.977950, 0.928626),
    (0.935177, 0.976058, 0.926373),
    (0.936412, 0.978025, 0.927576),
    (0.931916, 0.974580, 0.923097),
)
# upper triangles of the inverse covariances of R, row by row; arXiv:2005.01756 from the covariances of the two papers
_DAYA_BAY_INVERSE = (
    (227282.0, -41733.1, -40256.2, -47665.5, -27293.4, -28130.7, -36688.5, -4741.44),
    (225557.0, -48530.2, -13416.8, -33108.5, -34124.3, -44992.9, -8797.44),
    (248278.0, -50145.1, -33243.0, -34262.9, 1534.76, -43044.2),
    (263510.0, -35504.1, -36593.4, -51299.4, -28495.5),
    (278445.0, -58732.6, -69447.1, -20463.3),
    (285186.0, -71577.7, -21091.1),
    (278864.0, -5657.33),
    (132236.0,),
)
_RENO_INVERSE = (
    (112371.0, -16135.6, -16302.0, -16387.4, -14796.4, -16616.9, -16681.5, -15143.6),
    (102807.0, -14681.8, -14758.8, -13325.9, -14965.5, -15023.7, -13638.6),
    (103716.0, -14911.0, -13463.3, -15119.8, -15178.6, -13779.2),
    (104182.0, -13533.9, -15199.1, -15258.2, -13851.5),
    (95380.4, -13723.4, -13776.8, -12506.6),
    (105427.0, -15471.8, -14045.4),
    (105777.0, -14100.1),
    (97325.3,),
)


class Window(NamedTuple):
    """Range of neutrino energies that an experiment counts.

    Args:
        resolution: a, b, c of sigma = a E + b sqrt(E) + c in GeV.
        lower_MeV: lower end.
        upper_MeV: upper end.
    """

    resolution: tuple[float, float, float]
    lower_MeV: float = 1.8
    upper_MeV: float = 8.0


def window(row: int) -> Window:
    """Resolution and range of energies of a row (counted from 0); arXiv:2005.01756 and the files of GLoBESfit."""
    if row < 5:
        return Window((0.0, 0.0019, 0.0))
    if row < 9:
        return Window((0.0, 0.00569, 0.0))
    if row < 22:
        return Window((0.0, 0.00632, 0.0))
    if row == 22:
        return Window((0.0, 0.00253, 0.0))
    if row == 23:
        return Window((0.0, 0.0, 0.0005))
    return Window((0.0068, 0.0022, 0.000011), 1.78, 10.0) if row < 32 else Window((0.0, 0.0, 0.0004), 0.8, 10.0)


def all_rows() -> tuple[Row, ...]:
    """The 24 rates, then eight points of Daya Bay and eight of RENO."""
    weights, lengths = zip(*_DAYA_BAY_NEAR, strict=True)
    covariance = covariance_of_ratios()
    errors = np.sqrt(np.diag(covariance)).tolist()
    daya_bay = [
        Row(f"Daya Bay fuel {k + 1}", f, lengths, weights, 2.0, r, errors[24 + k])
        for k, (f, r) in enumerate(zip(_DAYA_BAY_FRACTIONS, _DAYA_BAY_RATIOS, strict=True))
    ]
    reno = [
        Row(f"RENO fuel {k + 1}", f, _RENO_NEAR, (1.0,) * 6, 2.0, r, errors[32 + k])
        for k, (f, r) in enumerate(zip(_RENO_FRACTIONS, _RENO_RATIOS, strict=True))
    ]
    return (*ROWS, *daya_bay, *reno)


def covariance_of_ratios() -> Float[np.ndarray, "40 40"]:
    """Covariance of all rows: C_aa = error^2, C_ab = common error^2, and the two matrices of fuel evolution."""
    covariance = np.zeros((40, 40))
    covariance[range(24), range(24)] = [row.error**2 for row in ROWS]
    pairs = [(a, b, c) for rows, c in COMMON_ERRORS for a in rows for b in rows if a < b]
    pairs += [(a, b, c) for first, second, c in COMMON_BETWEEN for a in first for b in second]
    for a, b, common in pairs:
        covariance[a, b] = covariance[b, a] = common**2
    for start, triangle in ((24, _DAYA_BAY_INVERSE), (32, _RENO_INVERSE)):
        inverse = np.linalg.inv(_symmetric(triangle))
        covariance[start : start + 8, start : start + 8] = 0.5 * (inverse + inverse.T)
    return covariance


def _symmetric(triangle: tuple[tuple[float, ...], ...]) -> Float[np.ndarray, "n n"]:
    matrix = np.zeros((len(triangle), len(triangle)))
    for k, row in enumerate(triangle):
        matrix[k, k:] = row
    return matrix + np.triu(matrix, 1).T
