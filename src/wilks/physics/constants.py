"""Constants of nature that more than one wing needs, with their sources."""

import math

from scipy.constants import physical_constants

NEUTRON_MASS_MEV = 939.5654205
"""Neutron mass in MeV; CODATA 2018 as in the Particle Data Group 2024."""

PROTON_MASS_MEV = 938.27208816
"""Proton mass in MeV; CODATA 2018 as in the Particle Data Group 2024."""

ELECTRON_MASS_MEV = 0.510998950
"""Electron mass in MeV; CODATA 2018 as in the Particle Data Group 2024."""

NEUTRON_LIFETIME_S = 878.4
"""Mean life of the neutron in s; Particle Data Group, Phys. Rev. D 110 (2024) 030001."""

METRES_PER_INVERSE_EV = 1.0 / physical_constants["electron volt-inverse meter relationship"][0] / (2.0 * math.pi)
"""hbar c in eV m: the length of one inverse electron volt."""

PHASE_PER_EV2_M_MEV = 0.5 * math.pi * 1e-6 * physical_constants["electron volt-inverse meter relationship"][0]
"""kappa = 1.26693268 MeV/(eV^2 m): an oscillation phase is kappa dm2 L/E, with L in m and E in MeV (or km and GeV)."""

JOULES_PER_EV = physical_constants["elementary charge"][0]
"""One electron volt in joules."""

REDUCED_PLANCK_MEV_S = physical_constants["reduced Planck constant in eV s"][0] * 1e-6
"""hbar in MeV s."""

REDUCED_PLANCK_C_MEV_CM = physical_constants["reduced Planck constant times c in MeV fm"][0] * 1e-13
"""hbar c in MeV cm."""
