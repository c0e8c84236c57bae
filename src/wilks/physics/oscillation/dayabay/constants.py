"""Numbers of the Daya Bay analysis that stand in its paper and release, typed in.

References:
    Daya Bay, Phys. Rev. Lett. 130 (2023) 161802, arXiv:2211.14988; data release, doi 10.5281/zenodo.17587229.
"""

import numpy as np

from wilks.physics.constants import JOULES_PER_EV

CITATION = "Daya Bay, Phys. Rev. Lett. 130 (2023) 161802, arXiv:2211.14988; doi 10.5281/zenodo.17587229"
"""Where everything here comes from; the published result is in the paper's abstract."""

PUBLISHED = {"sin2_2theta13": (0.0851, 0.0024), "dm2_32_eV2": (2.466e-3, 0.060e-3)}
"""Best fit and error of the paper (normal ordering)."""

STARTS = {"sin2_2theta13": 0.0856, "dm2_32_eV2": 2.453e-3}
"""Start values of the release model, at which its covariance is computed."""

CHI2_AT_START = 705.12741983
"""Combined chi-square with covariance at the start values; README of dayabay-model 1.7.1."""

SOLAR = {"dm2_21_eV2": (7.53e-5, 0.18e-5), "sin2_2theta12": (0.851, 0.020)}
"""Value and error of the small splitting and its angle; survival_probability_solar.yaml."""

FINE_EDGES_MEV = np.linspace(0.0, 12.0, 241)
"""Bins of all spectra before they are rebinned."""

FISSION_FRACTIONS = np.array([0.563452, 0.07593, 0.304785, 0.055834])
"""Mean shares of U235, U238, Pu239, Pu241 in fissions; reactor_fission_fractions.yaml."""

FISSION_ENERGIES_MEV = np.array([202.36, 205.99, 211.12, 214.26])
"""Mean energy per fission; reactor_energy_per_fission.yaml."""

FISSION_ENERGY_ERRORS_MEV = np.array([0.26, 0.52, 0.34, 0.33])
"""Errors of the energies per fission; reactor_energy_per_fission.yaml."""

FRACTION_CORRELATION = np.array(
    [[1.0, -0.22, -0.53, -0.18], [-0.22, 1.0, 0.18, 0.26], [-0.53, 0.18, 1.0, 0.49], [-0.18, 0.26, 0.49, 1.0]]
)
"""Correlation of the fission fractions of one core; reactor_fission_fractions_scale.yaml."""

NEUTRINOS_PER_FISSION = np.array([1.959115403761888, 2.571160453445151, 1.49127698675536, 1.880796553974762])
"""Antineutrinos per fission by which weekly rates are normalised; antineutrinos_per_fission_huber_mueller.yaml."""

TARGET_PROTONS = 1.4338e30
"""Protons of a nominal detector; detector_n_protons_nominal.yaml."""

PROTON_CORRECTIONS = np.array([0.99705, 0.99835, 0.99455, 0.99720, 0.99585, 0.99945, 0.99460, 0.99655])
"""Relative number of protons per detector; detector_n_protons_correction.yaml."""

EFFICIENCY = 0.8025190696388883
"""Efficiency of all detectors; detector_efficiency.yaml."""

RESOLUTION = np.array([0.016, 0.081, 0.026])
"""a, b, c of sigma(E)/E = sqrt(a^2 + b^2/E + c^2/E^2), E in MeV; detector_eres.yaml."""

RELATIVE_ERRORS = np.array([0.0010630145812734648, 0.002])
"""Errors of a detector's relative efficiency and energy scale; detector_relative.yaml."""

RELATIVE_CORRELATION = 0.545
"""Correlation of both; detector_relative.yaml."""

ABSOLUTE_ERROR = 0.0193
"""Relative error of the common efficiency; extra/detector_absolute.yaml."""

SECONDS_PER_DAY = 86400.0

NOMINAL_POWER_MEV_PER_S = 2.895 * 1000.0 / JOULES_PER_EV
"""Thermal power of a core, 2.895 GW; reactor_thermal_power_nominal.yaml."""


def nominal_energy_per_fission() -> float:
    """Mean energy per fission at the mean fractions, in MeV."""
    return float(FISSION_FRACTIONS @ FISSION_ENERGIES_MEV)


def neutrinos_per_energy() -> float:
    """Antineutrinos per MeV of thermal energy at the mean fractions."""
    return float(FISSION_FRACTIONS @ NEUTRINOS_PER_FISSION) / nominal_energy_per_fission()
