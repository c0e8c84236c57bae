"""Singular values and left vectors of 3x3 mass matrices by one-sided Jacobi rotations, batched and differentiable.

Small masses keep their relative precision: M M^dagger, whose condition number is squared, is never formed beyond the
choice of a sweep's rotations.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Inexact

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

_ROUNDS, _SWEEPS = 2, 3  # the first round finds the vectors, the second one starts from U^dagger M without rounding
_PAIRS = ((0, 1), (0, 2), (1, 2))
_SMALLEST = 1e-150  # its square is not rounded to zero
_ORTHOGONAL = 1e-14
_GAP, _FLOOR = 1e-9, 1e-24  # relative to the two masses squared of a pair, and to the largest of all
_GRID = 2.0**24  # products of two numbers on this grid, and sums of a few, are exact in double precision

Parts = tuple[Any, Any, Any, Any]
"""m^2, U, U^dagger M, and how far from orthogonal the rows of the latter are."""


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

    Derivatives are finite at degenerate masses too; use results that do not depend on the phases of the vectors. Arrays
    of numpy are computed by numpy, without a compiled program.

    Args:
        matrix: real or complex; the left-handed field is on the first index.

    References:
        J. Demmel and K. Veselic, SIAM J. Matrix Anal. Appl. 13 (1992) 1204: precision of one-sided Jacobi rotations.
    """
    found = _of_stack(matrix, np) if isinstance(matrix, np.ndarray) else _decomposed(matrix)
    squares, left, rows, off = map(jnp.asarray, found)
    return Diagonal(squares, left, rows, off < _ORTHOGONAL)


@jax.custom_jvp
def _decomposed(matrix: Array) -> Parts:
    return _batched(matrix)


@jax.custom_batching.custom_vmap
def _batched(matrix: Array) -> Parts:
    return _of_stack(matrix, jnp)


@_batched.def_vmap
def _as_one_stack(axis_size: int, in_batched: list[bool], matrix: Array) -> tuple[Parts, tuple[bool, ...]]:
    """A batch is a stack: its index stays the last one of all arrays, along which loops are vectorised."""
    return _batched(matrix), (True,) * 4


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
    slopes = jnp.stack([change[..., i, i].real for i in range(3)], axis=-1)
    return (squares, left, rows, off), (slopes, left @ turn, moved - turn @ rows, jnp.zeros_like(off))


def _of_stack(matrix: Any, xp: Any) -> Parts:
    """Any stack as entries with one more axis; ``xp`` is ``numpy`` or ``jax.numpy``."""
    stack = matrix.shape[:-2]
    entries = xp.moveaxis(matrix, (-2, -1), (0, 1)).reshape(3, 3, -1)
    squares, left, rows, off = _of_entries(entries, xp)
    shaped = (xp.moveaxis(part.reshape(3, 3, *stack), (0, 1), (-2, -1)) for part in (left, rows))
    return xp.moveaxis(squares.reshape(3, *stack), 0, -1), *shaped, off.reshape(stack)


def _of_entries(matrix: Any, xp: Any) -> Parts:
    """Rows of U^dagger M, with those of U^dagger beside them, are turned until they are orthogonal."""
    largest = xp.max(xp.abs(matrix), axis=(0, 1), keepdims=True)
    scale = _power_of_two(xp.maximum(largest, _SMALLEST))  # division by it is exact
    normed = matrix / scale
    identity = xp.broadcast_to(xp.eye(3, dtype=matrix.dtype)[..., None], matrix.shape)

    def round_(number: Any, extended: Any) -> Any:
        fresh = xp.concatenate([_product(extended[:, 3:], normed, xp), extended[:, 3:]], axis=1)
        return _repeated(_SWEEPS - number, lambda _, rows: _swept(rows, xp), fresh, xp)

    extended = _repeated(_ROUNDS, round_, xp.concatenate([normed, identity], axis=1), xp)
    squares, rows = _ascending([_square(row) for row in extended], list(extended), xp)
    off = functools.reduce(xp.maximum, [_cosine(rows[p], rows[q], xp) for p, q in _PAIRS])
    left = xp.conj(xp.stack([row[3:] for row in rows], axis=1))
    lengths = xp.concatenate(squares) * (scale * scale)[0]
    return lengths, left, xp.stack([row[:3] for row in rows]) * scale, off


def _repeated(count: Any, step: Callable[[Any, Any], Any], start: Any, xp: Any) -> Any:
    if xp is jnp:
        return lax.fori_loop(0, count, step, start)
    return functools.reduce(lambda state, number: step(number, state), range(count), start)


def _product(dagger: Any, matrix: Any, xp: Any) -> Any:
    """U^dagger M with an error of 1e-23, as if in higher precision: the products of the leading digits are exact.

    A row that belongs to a small mass is a small difference of large products.

    References:
        K. Ozaki et al., Numer. Algorithms 59 (2012) 95: error-free splitting of a matrix product.
    """
    coarse, leading = _on_grid(matrix, xp), _on_grid(dagger, xp)
    fine, trailing = matrix - coarse, dagger - leading
    exact = sum(leading[:, k, None] * coarse[None, k] for k in range(3))
    return exact + sum(leading[:, k, None] * fine[None, k] + trailing[:, k, None] * matrix[None, k] for k in range(3))


def _power_of_two(x: Any) -> Any:
    """The largest one that is not above a positive number: its exponent without its digits."""
    if isinstance(x, np.ndarray):
        return (x.view(np.int64) & 0x7FF0000000000000).view(np.float64)
    return lax.bitcast_convert_type(lax.bitcast_convert_type(x, jnp.int64) & 0x7FF0000000000000, jnp.float64)


def _on_grid(x: Any, xp: Any) -> Any:
    rounded = xp.round(x.real * _GRID) / _GRID
    return rounded + 1j * (xp.round(x.imag * _GRID) / _GRID) if xp.iscomplexobj(x) else rounded


def _swept(rows: Any, xp: Any) -> Any:
    """Each pair of rows turned once; the turns of a sweep are found from scalar products that are made once."""
    one, two, three = rows
    aa, bb, cc = (_square(row) for row in rows)
    ab, ac, bc = _scalar_product(one, two), _scalar_product(one, three), _scalar_product(two, three)
    cosine, sine, shift = _turn(aa, bb, ab, xp)
    one, two = cosine * one - sine * two, xp.conj(sine) * one + cosine * two
    aa, bb, ac, bc = aa - shift, bb + shift, cosine * ac - sine * bc, xp.conj(sine) * ac + cosine * bc
    cosine, sine, shift = _turn(aa, cc, ac, xp)
    one, three = cosine * one - sine * three, xp.conj(sine) * one + cosine * three
    cosine, sine, _ = _turn(bb, cc + shift, cosine * bc, xp)
    return xp.stack([one, cosine * two - sine * three, xp.conj(sine) * two + cosine * three])


def _turn(first: Any, second: Any, product: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Cosine and sine that make two rows orthogonal, and by how much the squared length of the first becomes less.

    Args:
        first: squared length of the first row.
        second: that of the second one.
        product: their scalar product.
        xp: ``numpy`` or ``jax.numpy``.
    """
    gap = second - first
    size = xp.abs(gap) + xp.sqrt(gap * gap + 4.0 * _norm(product))
    tangent = xp.where(gap >= 0, 2.0, -2.0) * product / xp.where(size == 0, 1.0, size)
    cosine = 1.0 / xp.sqrt(1.0 + _norm(tangent))
    return cosine, cosine * tangent, (tangent * xp.conj(product)).real


def _norm(number: Any) -> Any:
    return number.real**2 + number.imag**2 if np.iscomplexobj(number) else number * number


def _square(row: Any) -> Any:
    return _norm(row[:1]) + _norm(row[1:2]) + _norm(row[2:3])


def _scalar_product(p: Any, q: Any) -> Any:
    return p[:1] * q[:1].conj() + p[1:2] * q[1:2].conj() + p[2:3] * q[2:3].conj()


def _cosine(p: Any, q: Any, xp: Any) -> Any:
    lengths = xp.sqrt(_square(p)) * xp.sqrt(_square(q))
    return xp.abs(_scalar_product(p, q)) / xp.where(lengths > 0, lengths, 1.0)


def _ascending(squares: list[Any], rows: list[Any], xp: Any) -> tuple[list[Any], list[Any]]:
    """Squared lengths and rows sorted by length: three comparisons."""
    for p, q in ((0, 1), (1, 2), (0, 1)):
        swap = squares[p] > squares[q]
        for pair in (squares, rows):
            pair[p], pair[q] = xp.where(swap, pair[q], pair[p]), xp.where(swap, pair[p], pair[q])
    return squares, rows


def _dagger(matrix: Array) -> Array:
    return jnp.conj(jnp.swapaxes(matrix, -1, -2))
