"""Quark observables of mass matrices: mass ratios and the CKM matrix, in angles or Wolfenstein's parameters."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from wilks.physics.mixing import (
    UNDEFINED_BELOW,
    largest_jarlskog,
    mixing_angles,
    product,
    ratio,
    root,
    wolfenstein,
    wrapped,
)

from .diagonalisation import Diagonal
from .leptons import degenerate


def ckm_of(
    left_u: Inexact[Array, "*stack 3 3"], left_d: Inexact[Array, "*stack 3 3"], quark_fields: str
) -> Inexact[Array, "*stack 3 3"]:
    """V = U_u^dagger U_d for the mass term Qbar_L M u_R ("dirac"), and its conjugate for Q M u^c ("weyl")."""
    ckm = product(jnp.conj(jnp.swapaxes(left_u, -1, -2)), left_d)
    return jnp.conj(ckm) if quark_fields == "weyl" else ckm


def unscaled_quark_observables(
    up: Diagonal, down: Diagonal, ckm: str, quark_fields: str
) -> tuple[dict[str, Float[Array, "*stack"]], dict[str, Bool[Array, "*stack"]]]:
    """Mass ratios and mixing of quarks; what is undefined is nan, with slope 0, and flagged.

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
        flags["wolfenstein_undefined"] = undefined = ~(_smallest(matrix, ((0, 1), (1, 0), (1, 2))) > UNDEFINED_BELOW)
        lambda_, *others = map(jnp.asarray, wolfenstein(matrix))
        masked = [jnp.where(undefined, jnp.nan, x) for x in others]
        numbers |= dict(zip(("lambda", "A", "rhobar", "etabar", "l"), (lambda_, *masked, lambda_), strict=True))
    else:
        flags["dq_undefined"] = undefined = ~(largest_jarlskog(matrix) > UNDEFINED_BELOW)
        delta = jnp.rad2deg(jnp.asarray(mixing_angles(matrix).delta))
        numbers |= _angles(matrix) | {"dq": jnp.where(undefined, jnp.nan, wrapped(delta, 360.0))}
    return numbers, flags


def _smallest(matrix: Array, entries: tuple[tuple[int, int], ...]) -> Array:
    return jnp.min(jnp.stack([jnp.abs(matrix[(..., *entry)]) for entry in entries]), axis=0)


def _angles(matrix: Array) -> dict[str, Array]:
    """Angles in degrees from ratios of entries, so that small and large ones are equally precise."""
    used = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2))
    size = {k: root(matrix[(..., *k)].real ** 2 + matrix[(..., *k)].imag ** 2) for k in used}
    first_two = root(size[0, 0] ** 2 + size[0, 1] ** 2)
    return {
        "t12": _degrees(size[0, 1], size[0, 0]),
        "t13": _degrees(size[0, 2], first_two),
        "t23": _degrees(size[1, 2], size[2, 2]),
    }


def _degrees(sine: Array, cosine: Array) -> Array:
    neither = (sine == 0) & (cosine == 0)
    return jnp.rad2deg(jnp.arctan2(sine, jnp.where(neither, 1.0, cosine)))
