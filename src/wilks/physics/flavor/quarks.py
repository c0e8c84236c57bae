"""Quark observables of mass matrices: mass ratios and the CKM matrix, in angles or Wolfenstein's parameters."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from wilks.physics.mixing import UNDEFINED_BELOW, largest_jarlskog, mixing_angles, ratio, root, wolfenstein, wrapped

from .diagonalisation import Diagonal
from .leptons import degenerate

QUARK_OBSERVABLES = (
    *("mu/mc", "mc/mt", "md/ms", "ms/mb"),
    *("t12", "t13", "t23", "dq"),
    *("lambda", "A", "rhobar", "etabar", "l"),
)
"""All names in order; a model has one of the last two rows, where ``l`` is an alias of ``lambda``."""


def ckm_of(
    left_u: Inexact[Array, "*stack 3 3"], left_d: Inexact[Array, "*stack 3 3"], quark_fields: str
) -> Inexact[Array, "*stack 3 3"]:
    """V = U_u^dagger U_d for the mass term Qbar_L M u_R ("dirac"), and its conjugate for Q M u^c ("weyl")."""
    ckm = jnp.sum(jnp.conj(left_u)[..., :, :, None] * left_d[..., :, None, :], axis=-3)
    return jnp.conj(ckm) if quark_fields == "weyl" else ckm


def finite_observables(
    up: Diagonal, down: Diagonal, ckm: str, quark_fields: str
) -> tuple[dict[str, Float[Array, "*stack"]], dict[str, Bool[Array, "*stack"]]]:
    """Mass ratios and mixing of quarks; what is undefined is 0 and flagged.

    Args:
        up: the matrix M_u, diagonalised.
        down: the matrix M_d, diagonalised.
        ckm: "standard" for angles in degrees, "wolfenstein" for lambda, A, rhobar, etabar.
        quark_fields: "dirac" or "weyl", see :func:`ckm_of`.
    """
    matrix = ckm_of(up.left, down.left, quark_fields)
    (u, c, t), (d, s, b) = (jnp.moveaxis(root(x.squares), -1, 0) for x in (up, down))
    numbers = {"mu/mc": ratio(u, c), "mc/mt": ratio(c, t), "md/ms": ratio(d, s), "ms/mb": ratio(s, b)}
    flags = {"degenerate_up": degenerate(up.squares), "degenerate_down": degenerate(down.squares)}
    if ckm == "wolfenstein":
        lambda_, a, rhobar, etabar = (jnp.asarray(x) for x in wolfenstein(matrix))
        numbers |= {"lambda": lambda_, "A": a, "rhobar": rhobar, "etabar": etabar, "l": lambda_}
        cd, cb, us = (jnp.abs(matrix[..., i, k]) for i, k in ((1, 0), (1, 2), (0, 1)))
        flags["wolfenstein_undefined"] = ~((cd > UNDEFINED_BELOW) & (cb > UNDEFINED_BELOW) & (us > UNDEFINED_BELOW))
    else:
        numbers |= _angles(matrix)
        flags["dq_undefined"] = ~(largest_jarlskog(matrix) > UNDEFINED_BELOW)
    return numbers, flags


def _angles(matrix: Array) -> dict[str, Array]:
    """Angles in degrees from ratios of entries, so that small and large ones are equally precise."""
    size = {k: root(matrix[(..., *k)].real ** 2 + matrix[(..., *k)].imag ** 2) for k in ((0, 0), (0, 1), (0, 2))}
    size |= {k: root(matrix[(..., *k)].real ** 2 + matrix[(..., *k)].imag ** 2) for k in ((1, 2), (2, 2))}
    first_two = root(size[0, 0] ** 2 + size[0, 1] ** 2)
    delta = jnp.asarray(mixing_angles(matrix).delta)
    return {
        "t12": _degrees(size[0, 1], size[0, 0]),
        "t13": _degrees(size[0, 2], first_two),
        "t23": _degrees(size[1, 2], size[2, 2]),
        "dq": wrapped(jnp.rad2deg(delta), 360.0),
    }


def _degrees(sine: Array, cosine: Array) -> Array:
    neither = (sine == 0) & (cosine == 0)
    return jnp.rad2deg(jnp.arctan2(sine, jnp.where(neither, 1.0, cosine)))


def with_undefined(numbers: dict[str, Any], flags: dict[str, Any]) -> dict[str, Any]:
    """The quark observables among some numbers, with nan where a flag says that one is undefined."""
    undefined = {"dq": "dq_undefined", **dict.fromkeys(("A", "rhobar", "etabar"), "wolfenstein_undefined")}
    return {
        name: jnp.where(flags[undefined[name]], jnp.nan, numbers[name]) if name in undefined else numbers[name]
        for name in QUARK_OBSERVABLES
        if name in numbers
    }
