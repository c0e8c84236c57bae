"""The numbers that FlavorPy 0.2.0 prints, for comparison only: four of its formulas are wrong.

Its Majorana phases are those of numpy's singular vectors, not of Takagi's form, so they and m_bb depend on the build
of LAPACK; m_b in normal ordering takes m3^2 - m2^2 for m3^2 - m1^2, in inverted ordering the sign of m2^2 - m1^2 is
wrong; m_bb counts m2^2 - m1^2 twice. Everything here is batched numpy in double precision, outside compiled code.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Complex, Float, Inexact

from wilks._base.errors import check_option

_TAU = 2.0 * np.pi
_SAME, _MASSLESS = 1e-8, 1e-15
_UNDEFINED_BELOW = 1e-10

Ordering = Literal["NO", "IO"]
Number = Float[np.ndarray, "..."] | np.floating | float
Numbers = dict[str, Any]
"""Arrays of a stack of points, or numbers of one."""


class Mixing(NamedTuple):
    """Ascending charged masses, neutrino masses m1, m2, m3, and the mixing matrix."""

    charged: Float[np.ndarray, "*stack 3"]
    neutral: Float[np.ndarray, "*stack 3"]
    pmns: Complex[np.ndarray, "*stack 3 3"]


def mixing(
    mass_matrix_e: Inexact[np.ndarray, "*stack 3 3"], mass_matrix_n: Inexact[np.ndarray, "*stack 3 3"], ordering: str
) -> Mixing:
    """Masses and P = conj(p U_e^-1) (p' U_n^-1)^T, p and p' permutations, with U of ``numpy.linalg.svd``."""
    check_option("ordering", ordering, ("NO", "IO"))
    (left_e, left_n), (masses_e, masses_n), _ = np.linalg.svd(np.array([mass_matrix_e, mass_matrix_n], dtype=complex))
    columns = [2, 1, 0] if ordering == "NO" else [1, 0, 2]  # of descending masses
    pmns = left_e[..., ::-1].swapaxes(-1, -2) @ left_n[..., columns].conj()
    return Mixing(masses_e[..., ::-1], masses_n[..., columns], pmns)


def pmns_parameters(pmns: Inexact[np.ndarray, "*stack 3 3"]) -> Numbers:
    """Squares of sines, d/pi, eta1 and eta2 (in units of pi, modulo 2) of a mixing matrix.

    Args:
        pmns: rows e, mu, tau, columns 1, 2, 3.
    """
    size = np.abs(pmns)
    with np.errstate(all="ignore"):  # undefined numbers are nan here, as there
        t12, t13, t23 = (
            np.arctan(size[..., 0, 1] / size[..., 0, 0]),
            np.arcsin(size[..., 0, 2]),
            np.arctan(size[..., 1, 2] / size[..., 2, 2]),
        )
        turned = (
            pmns[..., 0, 0].conj()
            * pmns[..., 0, 2]
            * pmns[..., 2, 0]
            * pmns[..., 2, 2].conj()
            / (np.cos(t12) * np.cos(t13) ** 2 * np.cos(t23) * np.sin(t13))
            + np.cos(t12) * np.cos(t23) * np.sin(t13)
        ) / (np.sin(t12) * np.sin(t23))
        delta = (-_angle(turned) / np.pi) % 2
        eta1, eta2 = ((_angle(pmns[..., 0, k] / pmns[..., 0, 2]) / np.pi - delta) % 2 for k in (0, 1))
    return {
        "s12^2": np.sin(t12) ** 2,
        "s13^2": np.sin(t13) ** 2,
        "s23^2": np.sin(t23) ** 2,
        "d/pi": delta,
        "eta1": eta1,
        "eta2": eta2,
    }


def _angle(z: Any) -> Number:
    return np.arctan2(z.imag, z.real)  # what numpy's function of this name comes down to


def unscaled_observables(found: Mixing, ordering: str) -> Numbers:
    """The dimensionless numbers of FlavorPy.

    Args:
        found: masses and mixing.
        ordering: "NO" or "IO".
    """
    parameters = pmns_parameters(found.pmns)
    (e, mu, tau), (m1, m2, m3) = ([masses[..., i] for i in range(3)] for masses in (found.charged, found.neutral))
    a, b = m2**2 - m1**2, m3**2 - (m1 if ordering == "NO" else m2) ** 2
    s12, s13, s23 = (parameters[name] for name in ("s12^2", "s13^2", "s23^2"))
    with np.errstate(all="ignore"):
        jmax = np.sqrt(s12 * (1 - s12) * s23 * (1 - s23) * s13) * (1 - s13)
        return {
            "me/mu": e / mu,
            "mu/mt": mu / tau,
            **{name: parameters[name] for name in ("s12^2", "s13^2", "s23^2", "d/pi")},
            "r": a / b,
            **{f"m{i}_wrong_scaled": mass for i, mass in ((1, m1), (2, m2), (3, m3))},
            "m21^2_wrong_scaled": a,
            "m3l^2_wrong_scaled": b,
            "eta1": parameters["eta1"],
            "eta2": parameters["eta2"],
            "J": jmax * np.sin(np.pi * parameters["d/pi"]),
            "Jmax": jmax,
        }


def scaled_observables(unscaled: Numbers, ordering: str, scale: Number) -> Numbers:
    """FlavorPy's twenty numbers in its order.

    Args:
        unscaled: numbers of :func:`unscaled_observables`.
        ordering: "NO" or "IO".
        scale: Lambda in eV per unit of the neutrino mass matrix.
    """
    m1, m2, m3 = (scale * unscaled[f"m{i}_wrong_scaled"] for i in (1, 2, 3))
    m21, m3l = scale**2 * unscaled["m21^2_wrong_scaled"], scale**2 * unscaled["m3l^2_wrong_scaled"]
    with np.errstate(all="ignore"):
        m_b, m_bb = (_normal if ordering == "NO" else _inverted)(unscaled, m1, m3, m21, m3l)
    names = ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "r")
    return {
        **{name: unscaled[name] for name in names},
        "m21^2": m21,
        "m3l^2": m3l,
        "m1": m1,
        "m2": m2,
        "m3": m3,
        **{name: unscaled[name] for name in ("eta1", "eta2", "J", "Jmax")},
        "Sum(m_i)": m1 + m2 + m3,
        "m_b": m_b,
        "m_bb": m_bb,
        "nscale": scale if np.shape(scale) == np.shape(m1) else np.broadcast_to(scale, np.shape(m1)),
    }


def _normal(numbers: Numbers, m1: Number, m3: Number, m21: Number, m3l: Number) -> tuple[Number, Number]:
    """m_b and m_bb of FlavorPy in normal ordering."""
    s12, s13, d = numbers["s12^2"], numbers["s13^2"], numbers["d/pi"]
    c12, c13, eta1, eta2 = 1 - s12, 1 - s13, numbers["eta1"], numbers["eta2"]
    m_b = np.sqrt(m1**2 + m21 * (1 - c13 * c12) + m3l * s13)
    m_bb = np.abs(
        m1 * c12 * c13
        + np.sqrt(m21 + m1**2) * s12 * c13 * np.exp(1j * _TAU * (eta2 - eta1))
        + np.sqrt(m3l + m21 + m1**2) * s13 * np.exp(-1j * _TAU * (d + eta1))
    )
    return m_b, m_bb


def _inverted(numbers: Numbers, m1: Number, m3: Number, m21: Number, m3l: Number) -> tuple[Number, Number]:
    """m_b and m_bb of FlavorPy in inverted ordering."""
    s12, s13, d = numbers["s12^2"], numbers["s13^2"], numbers["d/pi"]
    c12, c13, eta1, eta2 = 1 - s12, 1 - s13, numbers["eta1"], numbers["eta2"]
    m_b = np.sqrt(m3**2 + m21 * c13 * c12 - m3l * c13)
    m_bb = np.abs(
        m3 * s13
        + np.sqrt(m3**2 - m3l) * s12 * c13 * np.exp(1j * _TAU * (eta2 + d))
        + np.sqrt(m3**2 - m3l - m21) * c12 * c13 * np.exp(1j * _TAU * (eta1 + d))
    )
    return m_b, m_bb


def flags_of(found: Mixing, numbers: Numbers, ordering: str) -> dict[str, Bool[np.ndarray, "..."]]:
    """Flags as elsewhere of numbers of :func:`unscaled_observables`."""
    ascending = np.sort(found.neutral, axis=-1)
    gaps = np.diff(ascending**2, axis=-1)
    noise = _MASSLESS * ascending[..., 2] ** 2
    delta_undefined = ~(numbers["Jmax"] > _UNDEFINED_BELOW)
    return {
        "degenerate_charged": _degenerate(found.charged),
        "degenerate_neutrinos": _degenerate(ascending),
        "delta_undefined": delta_undefined,
        "scale_undefined": ~((numbers["m21^2_wrong_scaled"] > noise) & (np.abs(numbers["m3l^2_wrong_scaled"]) > noise)),
        "ordering_mismatch": (gaps[..., 0] >= gaps[..., 1]) != (ordering == "IO"),
        "phases_undefined": (ascending[..., 0] <= _MASSLESS * ascending[..., 2]) | delta_undefined,
    }


def _degenerate(ascending: np.ndarray) -> np.ndarray:
    light, heavy = ascending[..., :2], ascending[..., 1:]
    return np.any(~(heavy - light > np.maximum(_SAME * heavy, _MASSLESS * heavy[..., 1:])), axis=-1)
