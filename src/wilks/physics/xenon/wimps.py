"""Recoils of WIMPs on xenon: the form factor of the nucleus and the differential rate."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel

from .halo import Halo

ATOMIC_MASS = 131.293
"""Mean atomic mass of xenon, u."""

_UNIT = 0.93149410  # GeV per u
_HBAR_C = 197_327.0  # keV fm
_KEV = 1e-6  # GeV
_LIGHT = 299_792.458  # km/s
_CM = 1e5  # cm per km
_SECONDS = 365.25 * 86_400  # per year
_GRAMS_PER_GEV = 1.78266192e-24
_GRAMS_PER_TONNE = 1e6


def helm_form_factor_squared(energies: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Squared Helm form factor of xenon, 1 at zero energy.

    Args:
        energies: of the recoils, keV, at least 0.

    References:
        J. D. Lewin and P. F. Smith, Astropart. Phys. 6 (1996) 87, eq. 4.7 and 4.11.
    """
    c, a, s = 1.23 * ATOMIC_MASS ** (1 / 3) - 0.60, 0.52, 0.9  # fm
    radius = (c**2 + 7 / 3 * jnp.pi**2 * a**2 - 5 * s**2) ** 0.5
    momentum = jnp.sqrt(2 * ATOMIC_MASS * _UNIT / _KEV * energies) / _HBAR_C  # 1/fm
    x = momentum * radius
    small = x < 0.1
    safe = jnp.where(small, 1.0, x)
    bessel = (jnp.sin(safe) / safe - jnp.cos(safe)) / safe  # j1
    ratio = jnp.where(small, (1 - x**2 / 10 + x**4 / 280) / 3, bessel / safe)
    return 9 * ratio**2 * jnp.exp(-((momentum * s) ** 2))


def least_speed(energies: Float[Array, "*shape"], mass: float) -> Float[Array, "*shape"]:
    """Least speed of a WIMP that can make a recoil, km/s.

    Args:
        energies: of the recoils, keV.
        mass: of the WIMP, GeV.
    """
    nucleus = ATOMIC_MASS * _UNIT
    return jnp.sqrt(nucleus * energies * _KEV / (2 * _reduced(mass, nucleus) ** 2)) * _LIGHT


def wimp_rate(
    energies: Float[Array, " energies"],
    *,
    mass: float,
    cross_section: float,
    halo: Halo | None = None,
    event_time: Float[Array, " times"] | None = None,
    mediator_mass: float | None = None,
) -> Float[Array, "times energies"]:
    """Differential rate of elastic, spin-independent recoils, per keV, tonne and year.

        dR/dE = rho0 / (2 m mu_p^2) sigma A^2 F^2(E) < 1/v ; v > v_min(E) >

    with mu_p the reduced mass of the WIMP and one atomic mass unit.

    Args:
        energies: of the recoils, keV, at least 0.
        mass: of the WIMP, GeV, above 0.
        cross_section: with a nucleon at zero momentum, cm^2.
        halo: density and speeds; the standard halo by default.
        event_time: ns since 1970-01-01 UTC; one row for the average of a year if it is not given.
        mediator_mass: GeV; a light one suppresses large momenta by m^4 / (m^2 + q^2)^2. None for a heavy one.

    Raises:
        InvalidModel: for a mass that is not above 0, or a negative cross section.
    """
    if not mass > 0:
        raise InvalidModel(f"WIMP mass is {mass} GeV; expected more than 0")
    if not cross_section >= 0:
        raise InvalidModel(f"WIMP cross section is {cross_section} cm^2; expected at least 0")
    if mediator_mass is not None and not mediator_mass > 0:
        raise InvalidModel(f"mediator mass is {mediator_mass} GeV; expected more than 0, or None for a heavy mediator")
    halo = halo or Halo()
    earth = jnp.atleast_1d(halo.earth_speed(event_time))
    shape = (earth.shape[0], energies.shape[0])
    slowest = jnp.broadcast_to(least_speed(energies, mass)[None], shape)
    speeds = halo.mean_inverse_speed(slowest, jnp.broadcast_to(earth[:, None], shape))
    coupling = ATOMIC_MASS**2 * helm_form_factor_squared(energies) * _mediator(energies, mediator_mass)
    flux = halo.density * cross_section / (2 * mass * _reduced(mass, _UNIT) ** 2)
    return flux * coupling[None] * speeds * _PER_KEV_TONNE_YEAR


_PER_KEV_TONNE_YEAR = (_LIGHT * _CM) ** 2 / _CM * _KEV * _SECONDS * _GRAMS_PER_TONNE / _GRAMS_PER_GEV
"""From GeV/cm^3 cm^2 / GeV^3 s/km to counts per keV, tonne and year: c^2 turns one GeV into a mass."""


def _mediator(energies: Float[Array, "*shape"], mass: float | None) -> Float[Array, "*shape"]:
    if mass is None:
        return jnp.ones_like(energies)
    square = 2 * ATOMIC_MASS * _UNIT * energies * _KEV  # q^2, GeV^2
    return mass**4 / (mass**2 + square) ** 2


def _reduced(one: float, two: float) -> float:
    return one * two / (one + two)
