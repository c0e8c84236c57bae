"""Survival probabilities as sums of oscillating terms, the form in which they can be averaged over path lengths.

Every model is P = 1 - sum over terms k of a_k (1 - F_k cos 2 D_k)/2 with phases D = kappa dm2 L/E; without damping
F = 1 and each term is a_k sin^2 D_k. Nothing is checked here: `probability` holds the checked formulas for one point,
`survival` the models for experiments, `averaging` the averages of terms. Lengths are in m and energies in MeV (or km
and GeV), splittings in eV^2; parameters are scalars that may be traced.
"""

import math

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from wilks._base.errors import InvalidParameter
from wilks.physics.constants import METRES_PER_INVERSE_EV, PHASE_PER_EV2_M_MEV
from wilks.physics.mixing import root

from .sine_squares import sine_squared


class Terms(eqx.Module):
    """P = 1 - sum over k of a_k (1 - F_k cos 2 D_k)/2, with F_k = exp(-damping_k L^length_power / E^energy_power).

    Args:
        amplitude: a_k.
        splitting: dm2 of the phase D_k = kappa dm2 L/E, in eV^2; its sign does not matter.
        damping: coefficient of the damping in m^-length_power MeV^energy_power, or None for none.
        length_power: power of the length in the damping.
        energy_power: power of the energy in the damping.
    """

    amplitude: Float[Array, " terms"]
    splitting: Float[Array, " terms"]
    damping: Float[Array, " terms"] | None = None
    length_power: float = eqx.field(static=True, default=1.0)
    energy_power: float = eqx.field(static=True, default=1.0)

    def lost(self, length_m: ArrayLike, energy_MeV: ArrayLike) -> Float[Array, "terms *shape"]:
        """(1 - F cos 2D)/2 of every term, exact also for small phases and weak damping."""
        length, energy = jnp.broadcast_arrays(jnp.asarray(length_m, float), jnp.asarray(energy_MeV, float))
        tall = (-1,) + (1,) * length.ndim
        sine2 = sine_squared(self.splitting.reshape(tall) * (PHASE_PER_EV2_M_MEV * length / energy)[None])
        if self.damping is None:
            return sine2
        exponent = self.damping.reshape(tall) * (length**self.length_power / energy**self.energy_power)[None]
        return -0.5 * jnp.expm1(-exponent) + jnp.exp(-exponent) * sine2

    def loss(self, length_m: ArrayLike, energy_MeV: ArrayLike) -> Float[Array, "*shape"]:
        """1 - P at lengths and energies that broadcast."""
        return jnp.tensordot(self.amplitude, self.lost(length_m, energy_MeV), 1)


def smaller_square(sin2_2theta: ArrayLike) -> Float[Array, "*shape"]:
    """sin^2(theta) = (1 - sqrt(1 - sin^2 2theta))/2 in [0, 1/2], without cancellation, of finite slope also at 1."""
    double = jnp.asarray(sin2_2theta, float)
    return 0.5 * double / (1.0 + root(1.0 - double))


def three_neutrino_terms(
    sin2_2theta13: ArrayLike,
    dm2_32_eV2: ArrayLike,
    sin2_2theta12: ArrayLike,
    dm2_21_eV2: ArrayLike,
    *,
    ordering: int = 1,
    leading: str = "32",
) -> Terms:
    """Terms of P = 1 - sin^2 2t13 [s12^2 sin^2 D32 + c12^2 sin^2 D31] - sin^2 2t12 c13^4 sin^2 D21.

    Args:
        sin2_2theta13: in [0, 1].
        dm2_32_eV2: size of the leading splitting, positive.
        sin2_2theta12: in [0, 1].
        dm2_21_eV2: positive.
        ordering: +1 for normal, -1 for inverted ordering.
        leading: which splitting is given, ``"32"`` or ``"31"``; the other follows from dm2_21.
    """
    s12, s13 = smaller_square(sin2_2theta12), smaller_square(sin2_2theta13)
    dm2_21, dm2_31, dm2_32 = splittings(dm2_32_eV2, dm2_21_eV2, ordering, leading)
    double13, double12 = jnp.asarray(sin2_2theta13, float), jnp.asarray(sin2_2theta12, float)
    amplitude = jnp.stack([double13 * s12, double13 * (1.0 - s12), double12 * (1.0 - s13) ** 2])
    return Terms(amplitude, jnp.stack([dm2_32, dm2_31, dm2_21]))


def splittings(
    leading_eV2: ArrayLike, dm2_21_eV2: ArrayLike, ordering: int, leading: str
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Dm2_21, Dm2_31, Dm2_32 with their signs."""
    if ordering not in (1, -1) or leading not in ("31", "32"):
        raise InvalidParameter(
            f"ordering {ordering!r} and leading splitting {leading!r}; expected +1 or -1, and '31' or '32'"
        )
    small, large = jnp.asarray(dm2_21_eV2, float), ordering * jnp.asarray(leading_eV2, float)
    return (small, large + small, large) if leading == "32" else (small, large, large - small)


def four_neutrino_terms(
    sin2_2theta_ee: ArrayLike,
    dm2_41_eV2: ArrayLike,
    sin2_2theta13: ArrayLike,
    dm2_32_eV2: ArrayLike,
    sin2_2theta12: ArrayLike,
    dm2_21_eV2: ArrayLike,
    *,
    ordering: int = 1,
    leading: str = "32",
) -> Terms:
    """Terms of P = 1 - 4 sum_{i<j} u_i^2 u_j^2 sin^2 D_ij, u = (c12 c13 c14, s12 c13 c14, s13 c14, s14).

    Masses squared are (0, Dm2_21, Dm2_31, Dm2_41) and c14^2 = (1 + sqrt(1 - sin^2 2theta_ee))/2; arguments as in
    `three_neutrino_terms`. With sin^2 2theta_ee = 0 it is the model of three neutrinos.
    """
    s12, s13, s14 = (smaller_square(x) for x in (sin2_2theta12, sin2_2theta13, sin2_2theta_ee))
    dm2_21, dm2_31, dm2_32 = splittings(dm2_32_eV2, dm2_21_eV2, ordering, leading)
    active = 1.0 - s14
    squares = ((1.0 - s12) * (1.0 - s13) * active, s12 * (1.0 - s13) * active, s13 * active)
    masses = (jnp.zeros_like(dm2_21), dm2_21, dm2_31)
    dm2_41 = jnp.asarray(dm2_41_eV2, float)
    known = [4.0 * squares[i] * squares[j] for i, j in ((1, 2), (0, 2), (0, 1))]
    sterile = [4.0 * u * s14 for u in squares]
    return Terms(jnp.stack(known + sterile), jnp.stack([dm2_32, dm2_31, dm2_21] + [dm2_41 - m for m in masses]))


def two_neutrino_terms(sin2_2theta: ArrayLike, dm2_eV2: ArrayLike) -> Terms:
    """The one term of P = 1 - sin^2 2theta sin^2 D: 3+1 at short baselines."""
    return Terms(jnp.asarray(sin2_2theta, float)[None], jnp.asarray(dm2_eV2, float)[None])


def two_sterile_terms(x4: ArrayLike, x5: ArrayLike, dm2_41_eV2: ArrayLike, dm2_51_eV2: ArrayLike) -> Terms:
    """Terms of P = 1 - 4 [(1-x4-x5)(x4 S41 + x5 S51) + x4 x5 S54], x = |U_e4|^2, |U_e5|^2, at short baselines."""
    x4, x5, m4, m5 = (jnp.asarray(x, float) for x in (x4, x5, dm2_41_eV2, dm2_51_eV2))
    rest = 1.0 - x4 - x5
    return Terms(jnp.stack([4.0 * rest * x4, 4.0 * rest * x5, 4.0 * x4 * x5]), jnp.stack([m4, m5, m5 - m4]))


def decaying_sterile_terms(x4: ArrayLike, dm2_41_eV2: ArrayLike, width_eV2: ArrayLike) -> Terms:
    """Terms of P = (1-x)^2 + x^2 exp(-2z) + 2x(1-x) exp(-z) cos 2D with z = 2 kappa a L/E: nu_4 decays invisibly.

    Args:
        x4: |U_e4|^2 in [0, 1].
        dm2_41_eV2: splitting.
        width_eV2: a = m_4 Gamma, not negative.
    """
    x, rate = jnp.asarray(x4, float), 2.0 * PHASE_PER_EV2_M_MEV * jnp.asarray(width_eV2, float)
    dm2 = jnp.asarray(dm2_41_eV2, float)
    return Terms(jnp.stack([4.0 * x * (1.0 - x), 2.0 * x**2]), jnp.stack([dm2, 0.0 * dm2]), jnp.stack([rate, 2 * rate]))


def wave_packet_damped(terms: Terms, sigma_x_nm: ArrayLike) -> Terms:
    """The terms with F = exp[-(L/L_coh)^2], L_coh = 4 sqrt2 sigma_x E^2/dm2 in natural units.

    Args:
        terms: undamped terms.
        sigma_x_nm: width of the wave packet in nm, positive.

    References:
        C. A. Argüelles, T. Bertólez-Martínez and J. Salvado, arXiv:2201.05108.
    """
    natural = jnp.asarray(sigma_x_nm, float) * 1e-9 / METRES_PER_INVERSE_EV  # in 1/eV
    per_length = 1.0 / METRES_PER_INVERSE_EV / (math.sqrt(32.0) * natural * 1e12)
    return _damped(terms, (per_length * terms.splitting) ** 2, 2.0, 4.0)


def damped(
    terms: Terms, strength: ArrayLike, *, splitting_power: float, length_power: float, energy_power: float
) -> Terms:
    """The terms with F = exp(-a |dm2|^xi L^beta / E^gamma).

    Args:
        terms: undamped terms.
        strength: a, not negative, for dm2 in eV^2, L in m and E in MeV.
        splitting_power: xi.
        length_power: beta.
        energy_power: gamma.

    References:
        M. Blennow, T. Ohlsson and W. Winter, JHEP 06 (2005) 049, hep-ph/0502147, eq. (3).
    """
    size = jnp.abs(terms.splitting) ** splitting_power
    return _damped(terms, jnp.asarray(strength, float) * size, length_power, energy_power)


def averaged_phase(terms: Terms, faster_than_eV2: float) -> Terms:
    """The terms with sin^2 D = 1/2 wherever the splitting exceeds a value: phases that no detector resolves."""
    washed = jnp.where(jnp.abs(terms.splitting) > faster_than_eV2, jnp.inf, 0.0)
    return _damped(terms, washed, 1.0, 1.0)


def _damped(terms: Terms, damping: Float[Array, " terms"], length_power: float, energy_power: float) -> Terms:
    if terms.damping is not None:
        raise InvalidParameter("the terms are damped already; give undamped ones")
    return Terms(terms.amplitude, terms.splitting, damping, length_power, energy_power)
