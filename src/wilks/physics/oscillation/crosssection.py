"""Inverse beta decay, antineutrino + proton -> positron + neutron, to first order in 1/M.

References:
    P. Vogel and J. F. Beacom, Phys. Rev. D 60 (1999) 053003, hep-ph/9903554, eqs. (10) to (13).
    A. Strumia and F. Vissani, Phys. Lett. B 564 (2003) 42, astro-ph/0302055, eq. (25).
"""

import math

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from wilks.physics.constants import (
    ELECTRON_MASS_MEV,
    NEUTRON_LIFETIME_S,
    NEUTRON_MASS_MEV,
    PROTON_MASS_MEV,
    REDUCED_PLANCK_C_MEV_CM,
    REDUCED_PLANCK_MEV_S,
)

Numbers = Float[np.ndarray, "*shape"]
_Real = np.ndarray | np.floating  # arithmetic turns arrays without axes into numbers

MASS_DIFFERENCE_MEV = NEUTRON_MASS_MEV - PROTON_MASS_MEV
"""Delta = m_n - m_p."""

THRESHOLD_MEV = 0.5 * (
    NEUTRON_MASS_MEV**2 / (PROTON_MASS_MEV - ELECTRON_MASS_MEV) - PROTON_MASS_MEV + ELECTRON_MASS_MEV
)
"""Least neutrino energy of the reaction, 1.806 MeV."""

VECTOR_COUPLING = 1.0
"""f of Vogel and Beacom."""

AXIAL_COUPLING = 1.2701
"""g, as in the Daya Bay release, doi 10.5281/zenodo.17587229."""

WEAK_MAGNETISM = 3.706
"""f2 of Vogel and Beacom, the difference of the anomalous magnetic moments."""

PHASE_SPACE = 1.71465
"""Phase space of neutron decay with Coulomb, weak magnetism, recoil and outer radiative corrections, without the inner
ones; in the digits of the Daya Bay release."""

_F, _G, _F2 = VECTOR_COUPLING, AXIAL_COUPLING, WEAK_MAGNETISM
_MEAN_MASS = 0.5 * (NEUTRON_MASS_MEV + PROTON_MASS_MEV)
_SIGMA0 = (  # eq. (10), in 1/MeV^4
    2.0
    * math.pi**2
    / (PHASE_SPACE * (_F**2 + 3.0 * _G**2) * ELECTRON_MASS_MEV**5 * NEUTRON_LIFETIME_S / REDUCED_PLANCK_MEV_S)
)
_COSINES, _COSINE_WEIGHTS = np.polynomial.legendre.leggauss(40)


def neutrino_energy(deposited_MeV: ArrayLike, cosine: ArrayLike) -> Numbers:
    """Neutrino energy that gives a deposited energy (positron and its annihilation) at an angle of the positron.

    E_nu = (E_e + delta)/[1 - (E_e/m_p)(1 - v c)], E_e = E_dep - m_e, delta = (m_n^2 - m_p^2 - m_e^2)/(2 m_p).

    Args:
        deposited_MeV: kinetic energy of the positron plus two electron masses; broadcasts with the cosine.
        cosine: of the angle between neutrino and positron.
    """
    deposited, cosine = _broadcast(deposited_MeV, cosine)
    electron = deposited - ELECTRON_MASS_MEV
    delta = 0.5 * (NEUTRON_MASS_MEV**2 - PROTON_MASS_MEV**2 - ELECTRON_MASS_MEV**2) / PROTON_MASS_MEV
    return np.asarray((electron + delta) / (1.0 - electron / PROTON_MASS_MEV * (1.0 - _speed(electron) * cosine)))


def neutrino_energy_slope(deposited_MeV: ArrayLike, cosine: ArrayLike) -> Numbers:
    """dE_nu/dE_e at a fixed angle, [m_p + E_nu (1 - c/v)]/[m_p - E_e (1 - v c)]; 0 where the positron has no speed."""
    deposited, cosine = _broadcast(deposited_MeV, cosine)
    electron = deposited - ELECTRON_MASS_MEV
    speed = _speed(electron)
    moving = speed > 0.0
    above = PROTON_MASS_MEV + neutrino_energy(deposited, cosine) * (1.0 - cosine / np.where(moving, speed, 1.0))
    return np.where(moving, above / (PROTON_MASS_MEV - electron * (1.0 - speed * cosine)), 0.0)


def differential_cross_section(energy_MeV: ArrayLike, cosine: ArrayLike) -> Numbers:
    """dsigma/dcos in cm^2; 0 below threshold.

    Args:
        energy_MeV: neutrino energy; broadcasts with the cosine.
        cosine: of the angle between neutrino and positron.
    """
    energy, cosine = _broadcast(energy_MeV, cosine)
    zeroth = energy - MASS_DIFFERENCE_MEV
    good = (energy >= THRESHOLD_MEV) & (zeroth > ELECTRON_MASS_MEV)
    zeroth = np.where(good, zeroth, 2.0)  # any allowed energy: the result is dropped
    speed0 = _speed(zeroth)
    shift = 0.5 * (MASS_DIFFERENCE_MEV**2 - ELECTRON_MASS_MEV**2) / _MEAN_MASS
    first = zeroth * (1.0 - energy / _MEAN_MASS * (1.0 - speed0 * cosine)) - shift  # eq. (11)
    good = good & (first > ELECTRON_MASS_MEV)
    first = np.where(good, first, 2.0)
    speed1 = _speed(first)
    leading = (_F**2 + 3.0 * _G**2) + (_F**2 - _G**2) * speed1 * cosine
    bracket = leading * first**2 * speed1 - zeroth**2 * speed0 / _MEAN_MASS * _recoil(
        zeroth, speed0, cosine
    )  # eq. (12)
    return np.where(good, 0.5 * _SIGMA0 * bracket * REDUCED_PLANCK_C_MEV_CM**2, 0.0)


def cross_section(energy_MeV: ArrayLike) -> Numbers:
    """Total cross section in cm^2 by 40 Gauss-Legendre points in the angle; 0 below threshold.

    >>> print(f"{float(cross_section(4.0)):.3e}")
    6.744e-43
    """
    energy = np.asarray(energy_MeV, float)
    return np.asarray(differential_cross_section(energy[..., None], _COSINES) @ _COSINE_WEIGHTS)


def quick_cross_section(energy_MeV: ArrayLike) -> Numbers:
    """1e-43 p_e E_e E^(-0.07056 + 0.02018 ln E - 0.001953 ln^3 E) cm^2 with E_e = E - 1.293; right to about 1 %.

    References:
        Strumia and Vissani, eq. (25).
    """
    energy = np.asarray(energy_MeV, float)
    electron = energy - 1.293
    good = electron > ELECTRON_MASS_MEV
    electron, energy = np.where(good, electron, 2.0), np.where(good, energy, 2.0)
    log = np.log(energy)
    power = -0.07056 + 0.02018 * log - 0.001953 * log**3
    return np.where(good, 1e-43 * electron**2 * _speed(electron) * energy**power, 0.0)


def _recoil(energy: _Real, speed: _Real, cosine: _Real) -> _Real:
    """The correction of eq. (13)."""
    delta, mass2 = MASS_DIFFERENCE_MEV, ELECTRON_MASS_MEV**2
    along = (energy + delta) * (1.0 - cosine / speed) - delta
    return (
        2.0 * _G * (_F + _F2) * ((2.0 * energy + delta) * (1.0 - speed * cosine) - mass2 / energy)
        + (_F**2 + _G**2) * (delta * (1.0 + speed * cosine) + mass2 / energy)
        + (_F**2 + 3.0 * _G**2) * along
        + (_F**2 - _G**2) * along * speed * cosine
    )


def _broadcast(one: ArrayLike, other: ArrayLike) -> tuple[Numbers, Numbers]:
    first, second = np.broadcast_arrays(np.asarray(one, float), np.asarray(other, float))
    return first, second


def _speed(energy: _Real) -> _Real:
    """Speed of an electron of a total energy; 0 at rest and below."""
    moving = energy > ELECTRON_MASS_MEV
    return np.sqrt(np.where(moving, 1.0 - (ELECTRON_MASS_MEV / np.where(moving, energy, 1.0)) ** 2, 0.0))
