"""Probabilities of neutrino oscillations in vacuum at given lengths and energies.

Lengths are in m and energies in MeV (or km and GeV), splittings in eV^2; lengths and energies broadcast, parameters are
scalars, and everything may be traced and differentiated. A plain number outside its physical range raises; a traced
one gives NaN. For averages over path lengths see `averaging`, for experiments `survival`.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .ranges import not_negative, positive, unit_interval, unitary
from .terms import (
    Terms,
    decaying_sterile_terms,
    four_neutrino_terms,
    three_neutrino_terms,
    two_neutrino_terms,
    two_sterile_terms,
)


def phase(dm2_eV2: ArrayLike, length_m: ArrayLike, energy_MeV: ArrayLike) -> Float[Array, "*shape"]:
    """D = kappa dm2 L/E in radians, kappa = 1.26693268 MeV/(eV^2 m)."""
    dm2, length, energy = (jnp.asarray(x, float) for x in (dm2_eV2, length_m, energy_MeV))
    return PHASE_PER_EV2_M_MEV * dm2 * length / energy


def three_neutrino_survival(
    length_m: ArrayLike,
    energy_MeV: ArrayLike,
    *,
    sin2_2theta13: ArrayLike,
    dm2_32_eV2: ArrayLike,
    sin2_2theta12: ArrayLike,
    dm2_21_eV2: ArrayLike,
    ordering: int = 1,
    leading: str = "32",
) -> Float[Array, "*shape"]:
    """P = 1 - sin^2 2t13 [s12^2 sin^2 D32 + c12^2 sin^2 D31] - sin^2 2t12 c13^4 sin^2 D21.

    Args:
        length_m: length.
        energy_MeV: energy.
        sin2_2theta13: in [0, 1].
        dm2_32_eV2: size of the leading splitting, positive.
        sin2_2theta12: in [0, 1].
        dm2_21_eV2: positive.
        ordering: +1 for normal, -1 for inverted ordering.
        leading: which splitting is given, ``"32"`` or ``"31"``; the other one follows from dm2_21.

    Raises:
        InvalidParameter: for a number outside its range.

    >>> known = {"dm2_32_eV2": 2.45e-3, "sin2_2theta12": 0.851, "dm2_21_eV2": 7.5e-5}
    >>> round(float(three_neutrino_survival(1650.0, 4.0, sin2_2theta13=0.085, **known)), 4)
    0.9195
    """
    terms = three_neutrino_terms(
        unit_interval("sin2_2theta13", sin2_2theta13),
        positive("dm2_32_eV2", dm2_32_eV2),
        unit_interval("sin2_2theta12", sin2_2theta12),
        positive("dm2_21_eV2", dm2_21_eV2),
        ordering=ordering,
        leading=leading,
    )
    return _at(terms, length_m, energy_MeV)


def four_neutrino_survival(
    length_m: ArrayLike,
    energy_MeV: ArrayLike,
    *,
    sin2_2theta_ee: ArrayLike,
    dm2_41_eV2: ArrayLike,
    sin2_2theta13: ArrayLike,
    dm2_32_eV2: ArrayLike,
    sin2_2theta12: ArrayLike,
    dm2_21_eV2: ArrayLike,
    ordering: int = 1,
    leading: str = "32",
) -> Float[Array, "*shape"]:
    """P = 1 - 4 sum_{i<j} u_i^2 u_j^2 sin^2 D_ij with all six phases of 3+1 neutrinos; see `three_neutrino_survival`.

    Args:
        length_m: length.
        energy_MeV: energy.
        sin2_2theta_ee: 4 |U_e4|^2 (1 - |U_e4|^2) in [0, 1]; |U_e4|^2 is the smaller solution.
        dm2_41_eV2: positive.
        sin2_2theta13: in [0, 1].
        dm2_32_eV2: size of the leading splitting, positive.
        sin2_2theta12: in [0, 1].
        dm2_21_eV2: positive.
        ordering: +1 or -1.
        leading: ``"32"`` or ``"31"``.

    Raises:
        InvalidParameter: for a number outside its range.
    """
    terms = four_neutrino_terms(
        unit_interval("sin2_2theta_ee", sin2_2theta_ee),
        positive("dm2_41_eV2", dm2_41_eV2),
        unit_interval("sin2_2theta13", sin2_2theta13),
        positive("dm2_32_eV2", dm2_32_eV2),
        unit_interval("sin2_2theta12", sin2_2theta12),
        positive("dm2_21_eV2", dm2_21_eV2),
        ordering=ordering,
        leading=leading,
    )
    return _at(terms, length_m, energy_MeV)


def short_baseline_survival(
    length_m: ArrayLike, energy_MeV: ArrayLike, *, sin2_2theta_ee: ArrayLike, dm2_41_eV2: ArrayLike
) -> Float[Array, "*shape"]:
    """P = 1 - sin^2 2theta_ee sin^2(kappa dm2_41 L/E), the 3+1 model below about 100 m; exactly linear in the first.

    Raises:
        InvalidParameter: for a number outside its range.

    >>> round(float(short_baseline_survival(10.0, 4.0, sin2_2theta_ee=0.1, dm2_41_eV2=1.0)), 6)
    0.999934
    """
    sine = unit_interval("sin2_2theta_ee", sin2_2theta_ee)
    return _at(two_neutrino_terms(sine, positive("dm2_41_eV2", dm2_41_eV2)), length_m, energy_MeV)


def two_sterile_survival(
    length_m: ArrayLike,
    energy_MeV: ArrayLike,
    *,
    x4: ArrayLike,
    x5: ArrayLike,
    dm2_41_eV2: ArrayLike,
    dm2_51_eV2: ArrayLike,
) -> Float[Array, "*shape"]:
    """P = 1 - 4 [(1-x4-x5)(x4 S41 + x5 S51) + x4 x5 S54], 3+2 neutrinos at short baselines.

    Args:
        length_m: length.
        energy_MeV: energy.
        x4: |U_e4|^2.
        x5: |U_e5|^2; x4 + x5 <= 1.
        dm2_41_eV2: positive.
        dm2_51_eV2: positive.

    Raises:
        InvalidParameter: for a number outside its range, or if unitarity is broken.
    """
    x4, x5 = unitary(x4, x5)
    masses = positive("dm2_41_eV2", dm2_41_eV2), positive("dm2_51_eV2", dm2_51_eV2)
    return _at(two_sterile_terms(x4, x5, *masses), length_m, energy_MeV)


def decaying_sterile_survival(
    length_m: ArrayLike, energy_MeV: ArrayLike, *, x4: ArrayLike, dm2_41_eV2: ArrayLike, width_eV2: ArrayLike
) -> Float[Array, "*shape"]:
    """P = (1-x)^2 + x^2 exp(-2z) + 2x(1-x) exp(-z) cos 2D, z = 2 kappa a L/E, of a nu_4 that decays invisibly.

    Args:
        length_m: length.
        energy_MeV: energy.
        x4: x = |U_e4|^2 in [0, 1].
        dm2_41_eV2: positive.
        width_eV2: a = m_4 Gamma, not negative; 0 gives 3+1.

    Raises:
        InvalidParameter: for a number outside its range.
    """
    x, dm2 = unit_interval("|U_e4|^2", x4), positive("dm2_41_eV2", dm2_41_eV2)
    return _at(decaying_sterile_terms(x, dm2, not_negative("width_eV2", width_eV2)), length_m, energy_MeV)


def appearance_probability(
    length_m: ArrayLike, energy_MeV: ArrayLike, *, sin2_2theta_mue: ArrayLike, dm2_41_eV2: ArrayLike
) -> Float[Array, "*shape"]:
    """P(nu_mu -> nu_e) = sin^2 2theta_mue sin^2(kappa dm2_41 L/E), sin^2 2theta_mue = 4 |U_e4|^2 |U_mu4|^2.

    Raises:
        InvalidParameter: for a number outside its range.
    """
    sine = unit_interval("sin2_2theta_mue", sin2_2theta_mue)
    return _lost(two_neutrino_terms(sine, positive("dm2_41_eV2", dm2_41_eV2)), length_m, energy_MeV)


def _lost(terms: Terms, length_m: ArrayLike, energy_MeV: ArrayLike) -> Float[Array, "*shape"]:
    return terms.loss(positive("length", length_m), positive("energy", energy_MeV))


def _at(terms: Terms, length_m: ArrayLike, energy_MeV: ArrayLike) -> Float[Array, "*shape"]:
    return 1.0 - _lost(terms, length_m, energy_MeV)
