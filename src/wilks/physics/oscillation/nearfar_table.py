"""The experiments that compare spectra at two distances: bins, resolutions and detectors.

Windows, binnings, resolutions, lengths and norms are those of GLoBESfit (arXiv:2005.01756, files spectra.c,
SBL_funcs.c, MBL_funcs.c); the measured ratios with their inverse covariances are read from a user's ``numbers.npz``.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from wilks._base.errors import UnknownName, near_names

SHORT, STANDARD = "2nu", "4nu"


@dataclass(frozen=True)
class Detector:
    """One detector of a ratio.

    Args:
        length_m: effective length in m, which enters the flux as 1/L^2.
        table: key of the table of averaged sin^2.
        weight: power x efficiency x mass, in any unit common to the experiment.
        fractions: key of the fission fractions.
    """

    length_m: float
    table: str
    weight: float
    fractions: str


@dataclass(frozen=True)
class Binning:
    """Bins of reconstructed neutrino energy and the grid of true energies, in MeV.

    Args:
        window: first and last edge of the bins.
        bins: number of equal bins.
        true_window: first and last edge of the true energies.
        true_bins: number of equal steps, whose midpoints are used.
        resolution: (a, b, c) of sigma = a E + b sqrt(E) + c, with E in GeV.
        groups: fine bins joined in each used bin, as (first, last), both inclusive.
    """

    window: tuple[float, float]
    bins: int
    true_window: tuple[float, float]
    true_bins: int
    resolution: tuple[float, float, float]
    groups: tuple[tuple[int, int], ...]

    @property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """Edges of the fine bins."""
        return np.linspace(*self.window, self.bins + 1)

    @property
    def energies(self) -> Float[np.ndarray, " energies"]:
        """True energies: midpoints of equal steps."""
        low, high = self.true_window
        return low + (high - low) * (np.arange(self.true_bins) + 0.5) / self.true_bins

    @property
    def joining(self) -> Float[np.ndarray, "used bins"]:
        """Matrix that adds fine bins to used bins."""
        fine = np.arange(self.bins)
        return np.array([(fine >= first) & (fine <= last) for first, last in self.groups], dtype=float)


@dataclass(frozen=True)
class Ratio:
    """One measured vector of ratios: far over near, times a constant."""

    data: str
    factor: float
    far: tuple[str, ...]
    near: tuple[str, ...]


@dataclass(frozen=True)
class Experiment:
    """A comparison of spectra at two distances.

    Args:
        name: name of the experiment.
        citation: where the data were published.
        binning: bins and resolution, the same for all detectors.
        detectors: by name.
        ratios: the measured ratios, in the order of the covariance.
        inverse_covariance: key of W.
        model: ``"2nu"`` (short baseline) or ``"4nu"`` (standard oscillations included).
        energy_scale: 1 sigma of a common energy scale, 0 for none.
        events: recorded events that go in.
    """

    name: str
    citation: str
    binning: Binning
    detectors: dict[str, Detector]
    ratios: tuple[Ratio, ...]
    inverse_covariance: str
    model: str
    energy_scale: float
    events: tuple[str, ...]


def single(first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Groups of one bin each, from first to last."""
    return tuple((i, i) for i in range(first, last + 1))


def of(name: str) -> Experiment:
    """The experiment of a name.

    Raises:
        UnknownName: listing the names.
    """
    if name not in EXPERIMENTS:
        raise UnknownName(f"no comparison of spectra {name!r}; {near_names(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]


_GROUPS_DAYA_BAY = ((0, 11), *((12 + 5 * i, 16 + 5 * i) for i in range(24)), (132, 225))  # 0.7-1.3, 0.25 MeV, rest

DAYA_BAY_BINNING = Binning((1.48, 12.78), 226, (1.48, 12.78), 453, (0.0068, 0.0022, 1.1e-5), _GROUPS_DAYA_BAY)

DAYA_BAY_DETECTORS = {  # arXiv:1610.04802, table I: efficiencies and masses; 1.12256 is the longer livetime
    "AD1": Detector(568.335, "DB_EH1_AD1_prob", 0.8050 * 19.941, "DayaBayF1"),
    "AD2": Detector(563.257, "DB_EH1_AD2_prob", 1.12256 * 0.8013 * 19.967, "DayaBayF2"),
    "AD3": Detector(591.556, "DB_EH2_AD3_prob", 1.12256 * 0.8369 * 19.891, "DayaBayF3"),
    "AD8": Detector(595.570, "DB_EH2_AD8_prob", 0.8360 * 19.944, "DayaBayF8"),
    "AD4": Detector(1633.26, "DB_EH3_AD4_prob", 1.12256 * 0.9596 * 19.917, "DayaBayF4"),
    "AD5": Detector(1634.72, "DB_EH3_AD5_prob", 1.12256 * 0.9595 * 19.989, "DayaBayF5"),
    "AD6": Detector(1638.78, "DB_EH3_AD6_prob", 1.12256 * 0.9592 * 19.892, "DayaBayF6"),
    "AD7": Detector(1640.02, "DB_EH3_AD7_prob", 0.9595 * 19.931, "DayaBayF7"),
}

_EH1, _EH2, _EH3 = ("AD1", "AD2"), ("AD3", "AD8"), ("AD4", "AD5", "AD6", "AD7")

EXPERIMENTS = {
    "DANSS": Experiment(
        "DANSS",
        "DANSS, Phys. Lett. B 787 (2018) 56, arXiv:1804.04046",
        Binning((1.8, 9.8), 32, (0.0, 10.0), 401, (0.0868, 0.006, 0.0), single(4, 27)),
        {
            "up": Detector(10.67, "DANSS_up_prob", 1.0, "DANSSF"),
            "down": Detector(12.69, "DANSS_down_prob", 1.0, "DANSSF"),
        },
        (Ratio("DANSSratio", 1.0, ("down",), ("up",)),),
        "DANSSCovariance",
        SHORT,
        0.02,
        ("DANSS",),
    ),
    "Bugey-3": Experiment(
        "Bugey-3",
        "Bugey-3, Nucl. Phys. B 434 (1995) 503",
        Binning((1.78, 8.78), 35, (0.0, 10.0), 401, (0.06, 0.0, 0.0), single(5, 29)),
        {
            "15 m": Detector(14.93, "bugey_15_prob", 1.0, "BugeyF"),
            "40 m": Detector(39.96, "bugey_40_prob", 1.0, "BugeyF"),
        },
        (Ratio("Bugey_Ratio", 1.0, ("40 m",), ("15 m",)),),
        "Bugey_Covariance",
        SHORT,
        0.02,
        ("Bugey-3",),
    ),
    "DoubleChooz": Experiment(
        "DoubleChooz",
        "Double Chooz, Nature Phys. 16 (2020) 558, arXiv:1901.09445",
        Binning((1.78, 8.28), 26, (1.78, 8.28), 261, (0.0, 0.00253, 0.0), single(0, 25)),
        {
            "near": Detector(400.298, "DC_ND_prob", 258 * 0.8547 * 1.0045, "DCF"),
            "far": Detector(1051.65, "DC_FD_prob", 818 * 0.8678, "DCF"),
        },
        (Ratio("DC_Ratio", 1.0026, ("far",), ("near",)),),
        "DC_Covariance",
        STANDARD,
        0.0,
        ("DoubleChooz",),
    ),
    "RENO": Experiment(
        "RENO",
        "RENO, Phys. Rev. Lett. 121 (2018) 201801, arXiv:1806.00248",
        Binning(
            (2.08, 7.78), 29, (2.08, 7.78), 291, (0.0, 0.0, 0.0004), (*single(0, 21), (22, 23), (24, 25), (26, 28))
        ),
        {
            "near": Detector(433.135, "RENO_ND_prob", 1807.88 * 13.312 * 0.60329, "RENO_ND_F"),
            "far": Detector(1446.88, "RENO_FD_prob", 2193.04 * 13.406 * 0.68748, "RENO_FD_F"),
        },
        (Ratio("RENO_Ratio", 1.00884, ("far",), ("near",)),),
        "RENO_Covariance",
        STANDARD,
        0.0,
        ("RENO",),
    ),
    "DayaBay-ratio": Experiment(
        "DayaBay-ratio",
        "Daya Bay, Phys. Rev. D 95 (2017) 072006, arXiv:1610.04802",
        DAYA_BAY_BINNING,
        DAYA_BAY_DETECTORS,
        (Ratio("DayaBayRatio21", 0.9933, _EH2, _EH1), Ratio("DayaBayRatio31", 0.9973, _EH3, _EH1)),
        "DayaBayCovariance",
        STANDARD,
        0.0,
        ("DayaBay",),
    ),
}

NEOS = Detector(23.69, "NEOS_prob", 1.0, "NEOSF")
NEOS_CITATION = "NEOS, Phys. Rev. Lett. 118 (2017) 121802, arXiv:1610.05134"
NEOS_BINNING = Binning((1.78, 8.78), 70, (0.0, 10.0), 401, (0.0, 0.001581, 0.00012), single(0, 59))
NEOS_REFERENCE_BINNING = Binning(  # fine bins of Daya Bay, two to each bin of NEOS
    (1.48, 12.78), 226, (1.48, 12.78), 453, (0.0068, 0.0022, 1.1e-5), tuple((6 + 2 * i, 7 + 2 * i) for i in range(60))
)
NEOS_ENERGY_SCALE = 0.005


def with_fractions(detector: Detector, key: str) -> Detector:
    """The detector as if it saw other fission fractions."""
    return replace(detector, fractions=key)
