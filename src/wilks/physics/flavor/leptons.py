"""Lepton observables of mass matrices: mass ratios, mixing, CP phases, neutrino masses and what depends on them.

Mass terms are L_i M_ij e^c_j and, for Majorana neutrinos, L_i M_ij L_j/2: the left-handed field is on the left index.
Papers that write e^c M L have the transpose.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from wilks.physics.mixing import (
    UNDEFINED_BELOW,
    angle,
    jarlskog,
    largest_jarlskog,
    mixing_angles,
    ratio,
    root,
    wrapped,
)

from .diagonalisation import Diagonal

_SAME = 1e-8  # relative difference of masses that counts as none
_MASSLESS = 1e-15  # of the largest mass: what rounding leaves of a zero

Numbers = dict[str, Float[Array, "..."]]
Raised = dict[str, Bool[Array, "..."]]


class Neutrinos(NamedTuple):
    """Masses in the order m1, m2, m3, and the mixing matrix with columns in that order."""

    squares: Float[Array, "*stack 3"]
    pmns: Inexact[Array, "*stack 3 3"]


def looks_inverted(squares: Float[Array, "*stack 3"]) -> Bool[Array, "*stack"]:
    """Whether the gap between the two lighter states is the larger one, for ascending masses squared."""
    return squares[..., 1] - squares[..., 0] >= squares[..., 2] - squares[..., 1]


def in_ordering(ascending: Inexact[Array, "..."], inverted: Bool[Array, "*stack"], trailing: int) -> Array:
    """Last axis from ascending masses (a, b, c) to (m1, m2, m3): as they are in NO, (b, c, a) in IO."""
    return jnp.where(inverted.reshape(*inverted.shape, *(1,) * trailing), jnp.roll(ascending, -1, axis=-1), ascending)


def pmns_of(left_e: Inexact[Array, "*stack 3 3"], left_n: Inexact[Array, "*stack 3 3"]) -> Inexact[Array, "*stack 3 3"]:
    """P = U_e^T conj(U_n)."""
    return jnp.swapaxes(left_e, -1, -2) @ jnp.conj(left_n)


def unscaled_observables(
    charged: Diagonal,
    neutral: Diagonal,
    mass_matrix_n: Inexact[Array, "*stack 3 3"],
    inverted: Bool[Array, "*stack"],
    majorana: bool,
) -> tuple[Numbers, Raised]:
    """All that mass matrices say about leptons when the scale of the neutrino masses is open.

    Undefined numbers are nan, with slope 0, and flagged.

    Args:
        charged: the charged leptons' matrix M_e, diagonalised.
        neutral: the neutrinos' matrix M_n, diagonalised.
        mass_matrix_n: M_n, symmetric for Majorana neutrinos.
        inverted: whether the ascending neutrino masses are m3, m1, m2.
        majorana: whether neutrinos are Majorana particles.
    """
    squares = in_ordering(neutral.squares, inverted, 1)
    pmns = in_ordering(pmns_of(charged.left, neutral.left), inverted, 2)
    masses, flavours = root(squares), root(charged.squares)
    angles, jmax = mixing_angles(pmns), largest_jarlskog(pmns)
    a, b, scale_undefined = _splittings(squares, inverted)
    delta_undefined = ~(jmax > UNDEFINED_BELOW)
    numbers = {
        "me/mu": ratio(flavours[..., 0], flavours[..., 1]),
        "mu/mt": ratio(flavours[..., 1], flavours[..., 2]),
        "s12^2": jnp.asarray(angles.s12),
        "s13^2": jnp.asarray(angles.s13),
        "s23^2": jnp.asarray(angles.s23),
        "d/pi": jnp.where(delta_undefined, jnp.nan, wrapped(jnp.asarray(angles.delta) / jnp.pi, 2.0)),
        "r": jnp.where(scale_undefined, jnp.nan, ratio(a, b)),
        **{f"m{i + 1}_wrong_scaled": masses[..., i] for i in range(3)},
        "m21^2_wrong_scaled": a,
        "m3l^2_wrong_scaled": b,
        "J": jarlskog(pmns),
        "Jmax": jmax,
        "m_b_wrong_scaled": root(jnp.sum((pmns[..., 0, :].real ** 2 + pmns[..., 0, :].imag ** 2) * squares, axis=-1)),
    }
    flags = {
        "degenerate_charged": degenerate(charged.squares),
        "degenerate_neutrinos": degenerate(neutral.squares),
        "delta_undefined": delta_undefined,
        "scale_undefined": scale_undefined,
        "ordering_mismatch": looks_inverted(neutral.squares) != inverted,
    }
    if majorana:
        massless = neutral.squares[..., 0] <= _MASSLESS**2 * neutral.squares[..., 2]
        flags["phases_undefined"] = massless | delta_undefined
        phases = _majorana_phases(neutral, pmns, inverted, jnp.asarray(angles.delta))
        numbers |= {name: jnp.where(flags["phases_undefined"], jnp.nan, phase) for name, phase in phases.items()}
        numbers["m_bb_wrong_scaled"] = _effective_mass(charged, mass_matrix_n)
    return numbers, flags


def _splittings(squares: Array, inverted: Array) -> tuple[Array, Array, Array]:
    """a, b, and whether one of them is zero or rounding of zero."""
    a = squares[..., 1] - squares[..., 0]
    b = squares[..., 2] - jnp.where(inverted, squares[..., 1], squares[..., 0])
    noise = _MASSLESS * jnp.where(inverted, squares[..., 1], squares[..., 2])  # the heaviest
    return a, b, ~((a > noise) & (jnp.abs(b) > noise))


def _majorana_phases(neutral: Diagonal, pmns: Array, inverted: Array, delta: Array) -> Numbers:
    """From Takagi's form U^dagger M_n U^* = diag(m exp(i phi)), with u_k -> u_k exp(i phi_k/2)."""
    takagi = in_ordering(jnp.sum(neutral.rows * jnp.conj(jnp.swapaxes(neutral.left, -1, -2)), axis=-1), inverted, 1)
    # (P_ek/P_e3)^2, in which no phase of a column of U_e or U_n is left
    last = pmns[..., 0, 2] ** 2 * jnp.conj(takagi[..., 2])
    eta1, eta2 = (_eta(pmns[..., 0, k] ** 2 * jnp.conj(takagi[..., k]) * jnp.conj(last), delta) for k in (0, 1))
    return {
        "eta1": eta1,
        "eta2": eta2,
        "alpha21/pi": wrapped(2.0 * (eta2 - eta1), 2.0),
        "alpha31/pi": wrapped(-2.0 * eta1, 2.0),
    }


def _effective_mass(charged: Diagonal, matrix: Array) -> Array:
    """|(U_e^dagger M_n U_e^*)_ee|, without any phases."""
    electron = jnp.conj(charged.left[..., :, 0])
    effective = jnp.sum(electron[..., :, None] * matrix * electron[..., None, :], axis=(-2, -1))
    return root(effective.real**2 + effective.imag**2)


def _eta(invariant: Array, delta: Array) -> Array:
    doubled = angle(invariant.real, invariant.imag, (invariant.real != 0) | (invariant.imag != 0))
    return wrapped((0.5 * doubled - delta) / jnp.pi, 1.0)


def degenerate(squares: Float[Array, "*stack 3"]) -> Bool[Array, "*stack"]:
    """Whether two of three ascending masses agree within 1e-8, or are both zero."""
    light, heavy = root(squares[..., :2]), root(squares[..., 1:])
    noise = _MASSLESS * heavy[..., 1:]
    return jnp.any(~(heavy - light > jnp.maximum(_SAME * heavy, noise)), axis=-1)


def scaled_observables(unscaled: dict[str, Any], flags: dict[str, Any], scale: Any) -> Numbers:
    """Observables in their final order, with masses in eV; nan where a flag says that a number is undefined.

    Args:
        unscaled: numbers of :func:`unscaled_observables`.
        flags: flags of the same.
        scale: Lambda, in eV per unit of M_n.
    """

    def in_ev(power: int, name: str) -> Array:
        return jnp.where(flags["scale_undefined"], jnp.nan, scale**power * unscaled[name])

    masses = {f"m{i}": in_ev(1, f"m{i}_wrong_scaled") for i in (1, 2, 3)}
    numbers = {name: unscaled[name] for name in ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "r")}
    numbers |= {name: in_ev(2, f"{name}_wrong_scaled") for name in ("m21^2", "m3l^2")} | masses
    majorana = "eta1" in unscaled
    numbers |= {name: unscaled[name] for name in (("eta1", "eta2", "J", "Jmax") if majorana else ("J", "Jmax"))}
    numbers["Sum(m_i)"] = sum(masses.values())
    numbers |= {name: in_ev(1, f"{name}_wrong_scaled") for name in (("m_b", "m_bb") if majorana else ("m_b",))}
    numbers["nscale"] = jnp.where(flags["scale_undefined"], jnp.nan, scale)
    return numbers | {name: unscaled[name] for name in (("alpha21/pi", "alpha31/pi") if majorana else ())}
