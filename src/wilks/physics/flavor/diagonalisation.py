"""Singular values and left vectors of 3x3 mass matrices by one-sided Jacobi rotations, batched and differentiable.

Small masses keep their relative precision: M M^dagger, whose condition number is squared, is never formed.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Inexact

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

_ROUNDS, _SWEEPS = 2, 3  # the first round finds the vectors, the second one starts from U^dagger M without rounding
_PAIRS = ((0, 1), (0, 2), (1, 2))
_NEGLIGIBLE = 1e-300
_SMALLEST = 1e-150  # its square is not rounded to zero
_ORTHOGONAL = 1e-14
_GAP, _FLOOR = 1e-9, 1e-24  # relative to the two masses squared of a pair, and to the largest of all
_GRID = 2.0**24  # products of two numbers on this grid, and sums of a few, are exact in double precision


class Diagonal(NamedTuple):
    """M = U diag(m) V^dagger with m ascending.

    Args:
        squares: m^2.
        left: U; its columns are defined up to a phase each.
        rows: U^dagger M = diag(m) V^dagger, precise relative to each mass.
        converged: whether the rows are orthogonal to 1e-14 of their lengths.
    """

    squares: Float[Array, "*stack 3"]
    left: Inexact[Array, "*stack 3 3"]
    rows: Inexact[Array, "*stack 3 3"]
    converged: Bool[Array, "*stack"]


def diagonalise(matrix: Inexact[Array | np.ndarray, "*stack 3 3"]) -> Diagonal:
    """Singular values squared and left singular vectors.

    Derivatives are finite at degenerate masses too; use results that do not depend on the phases of the vectors.

    Args:
        matrix: real or complex; the left-handed field is on the first index.

    References:
        J. Demmel and K. Veselic, SIAM J. Matrix Anal. Appl. 13 (1992) 1204: precision of one-sided Jacobi rotations.
    """
    squares, left, rows, off = _decomposed(jnp.asarray(matrix))
    return Diagonal(squares, left, rows, off < _ORTHOGONAL)


@jax.custom_jvp
def _decomposed(matrix: Array) -> tuple[Array, Array, Array, Array]:
    """m^2, U, U^dagger M, and how far from orthogonal the rows of the latter are."""
    entries = jnp.moveaxis(matrix, (-2, -1), (0, 1))  # each entry with its whole stack: loops run over the stack
    largest = jnp.max(jnp.abs(entries), axis=(0, 1), keepdims=True)
    scale = _power_of_two(jnp.maximum(largest, _SMALLEST))  # division by it is exact
    normed = entries / scale
    identity = jnp.eye(3, dtype=matrix.dtype).reshape(3, 3, *(1,) * (entries.ndim - 2))
    start = [jnp.concatenate([normed[i], jnp.broadcast_to(identity[i], normed[i].shape)]) for i in range(3)]
    extended = _ascending(lax.fori_loop(0, _ROUNDS, functools.partial(_round, normed), start))
    squares = jnp.stack([_square(row)[0] for row in extended], axis=-1) * (scale * scale)[0, 0, ..., None]
    off = functools.reduce(jnp.maximum, [_cosine(extended[p], extended[q]) for p, q in _PAIRS])[0]
    rows = jnp.stack([row[:3] for row in extended]) * scale
    left = jnp.conj(jnp.stack([row[3:] for row in extended], axis=1))
    return squares, jnp.moveaxis(left, (0, 1), (-2, -1)), jnp.moveaxis(rows, (0, 1), (-2, -1)), off


@_decomposed.defjvp
def _derivatives(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Any, Any]:
    """With K = U^dagger (dM M^dagger + M dM^dagger) U: d m_i^2 = K_ii, dU = U N, N_ij = K_ij g_ij/(g_ij^2 + e_ij^2).

    Here g_ij = m_j^2 - m_i^2, in units of the largest m^2, and e_ij keeps N finite where two masses coincide.
    """
    squares, left, rows, off = _decomposed(*primals)
    moved = _dagger(left) @ tangents[0]
    half = moved @ _dagger(rows)
    change = half + _dagger(half)
    largest = jnp.where(squares[..., 2:] > 0, squares[..., 2:], 1.0)
    light, heavy = (squares / largest)[..., :, None], (squares / largest)[..., None, :]
    gap, width = heavy - light, _GAP * (heavy + light) + _FLOOR
    turn = change * (gap / (gap**2 + width**2) / largest[..., None])
    slopes = jnp.diagonal(change, axis1=-2, axis2=-1).real
    return (squares, left, rows, off), (slopes, left @ turn, moved - turn @ rows, jnp.zeros_like(off))


def _round(matrix: Array, _: Any, extended: list[Array]) -> list[Array]:
    """Rows of U^dagger M made anew, then three sweeps that orthogonalise them; U^dagger stands beside them."""
    fresh = _product([row[3:] for row in extended], matrix)
    extended = [jnp.concatenate([row, old[3:]]) for row, old in zip(fresh, extended, strict=True)]
    return lax.fori_loop(0, _SWEEPS, _sweep, extended)


def _product(daggers: list[Array], matrix: Array) -> list[Array]:
    """U^dagger M with an error of 1e-23, as if in higher precision: the products of the leading digits are exact.

    A row that belongs to a small mass is a small difference of large products.

    References:
        K. Ozaki et al., Numer. Algorithms 59 (2012) 95: error-free splitting of a matrix product.
    """
    coarse = _on_grid(matrix)
    fine = matrix - coarse
    products = []
    for dagger in daggers:
        leading = _on_grid(dagger)
        exact = sum(leading[k, None] * coarse[k] for k in range(3))
        rest = (leading[k, None] * fine[k] + (dagger - leading)[k, None] * matrix[k] for k in range(3))
        products.append(exact + sum(rest))
    return products


def _power_of_two(x: Array) -> Array:
    """The largest one that is not above a positive number: its exponent without its digits."""
    return lax.bitcast_convert_type(lax.bitcast_convert_type(x, jnp.int64) & 0x7FF0000000000000, jnp.float64)


def _on_grid(x: Array) -> Array:
    rounded = jnp.round(x.real * _GRID) / _GRID
    return lax.complex(rounded, jnp.round(x.imag * _GRID) / _GRID) if jnp.iscomplexobj(x) else rounded


def _sweep(_: Any, rows: list[Array]) -> list[Array]:
    rows = list(rows)
    for p, q in _PAIRS:
        rows[p], rows[q] = _rotated(rows[p], rows[q])
    return rows


def _rotated(p: Array, q: Array) -> tuple[Array, Array]:
    """Two rows turned so that they are orthogonal in their first three entries; the others follow."""
    g = _scalar_product(p, q)
    size = jnp.sqrt(g.real**2 + g.imag**2)
    skip = size < _NEGLIGIBLE
    safe = jnp.where(skip, 1.0, size)
    zeta = (_square(q) - _square(p)) / (2.0 * safe)
    sign = jnp.where(zeta >= 0, 1.0, -1.0)
    tangent = jnp.where(skip, 0.0, sign / (jnp.abs(zeta) + jnp.sqrt(1.0 + zeta * zeta)))
    cosine = 1.0 / jnp.sqrt(1.0 + tangent * tangent)
    sine = (cosine * tangent / safe) * g
    return cosine * p - sine * q, jnp.conj(sine) * p + cosine * q


def _square(row: Array) -> Array:
    return jnp.sum(row[:3].real ** 2 + row[:3].imag ** 2, axis=0, keepdims=True)


def _scalar_product(p: Array, q: Array) -> Array:
    return jnp.sum(p[:3] * jnp.conj(q[:3]), axis=0, keepdims=True)


def _cosine(p: Array, q: Array) -> Array:
    lengths = jnp.sqrt(_square(p)) * jnp.sqrt(_square(q))
    return jnp.abs(_scalar_product(p, q)) / jnp.where(lengths > 0, lengths, 1.0)


def _ascending(rows: list[Array]) -> list[Array]:
    """Rows sorted by length: three comparisons."""
    rows = list(rows)
    for p, q in ((0, 1), (1, 2), (0, 1)):
        swap = _square(rows[p]) > _square(rows[q])
        rows[p], rows[q] = jnp.where(swap, rows[q], rows[p]), jnp.where(swap, rows[p], rows[q])
    return rows


def _dagger(matrix: Array) -> Array:
    return jnp.conj(jnp.swapaxes(matrix, -1, -2))
