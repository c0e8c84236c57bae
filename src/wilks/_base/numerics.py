"""Linear algebra of small matrices, written to be batched."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from . import runtime  # noqa: F401  64 bit before any array exists

_LOG_TWO_PI = 1.8378770664093453
WRITTEN_OUT_UP_TO = 6
"""Size of matrices above which LAPACK beats a written-out factorisation on one lane."""

_TANGENTS_IN_MEMORY = 2**24  # numbers in all tangents of one derivative, 128 MB


def along_all(push: Callable[[Float[Array, " n"]], Float[Array, " m"]], n: int, numbers: int) -> Float[Array, "n m"]:
    """A linear function of each unit vector: of all at once where as many numbers at a time fit memory."""
    directions = jnp.eye(n)
    return jax.vmap(push)(directions) if numbers <= _TANGENTS_IN_MEMORY else jax.lax.map(push, directions)


def log_factorial(n: Float[Array, "..."]) -> Float[Array, "..."]:
    """ln Gamma(n + 1) for n >= 0, real-valued, right to a few units in the last place; cheaper than the general one.

    The recurrence raises the argument by nine, where Stirling's series to the sixth term leaves less than 1e-16.

    References:
        NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov/, eqs. 5.5.1 and 5.11.1.
    """
    z = n + 1.0
    below = z
    for step in range(1, 9):
        below = below * (z + step)
    w = z + 9.0
    r = 1.0 / (w * w)
    series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / w
    value = (w - 0.5) * jnp.log(w) - w + 0.5 * _LOG_TWO_PI + series - jnp.log(below)
    return jnp.where(n == 0, 0.0, value)


def cholesky(
    matrix: Float[Array, "n n"], written_out_up_to: int = WRITTEN_OUT_UP_TO
) -> tuple[Float[Array, "n n"], Bool[Array, ""]]:
    """Lower Cholesky factor and whether the matrix is positive definite (the factor holds no NaN either way).

    Args:
        matrix: symmetric.
        written_out_up_to: size up to which the factorisation is written out, so that a batch of small matrices is
            plain elementwise work; larger ones are LAPACK's, which adds less to a program.
    """
    n = matrix.shape[-1]
    if n == 0:
        return matrix, jnp.array(True)
    if n > written_out_up_to:
        factor = jnp.linalg.cholesky(matrix)
        good = jnp.all(jnp.isfinite(factor))
        return jnp.where(good, factor, jnp.eye(n)), good
    rows: list[list[Array]] = []
    good = jnp.array(True)
    for i in range(n):
        row: list[Array] = []
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest = rest - row[k] * (rows[j][k] if j < i else row[k])
            if j < i:
                row.append(rest / rows[j][j])
            else:
                fine = (rest > 0) & jnp.isfinite(rest)
                good = good & fine
                row.append(jnp.sqrt(jnp.where(fine, rest, 1.0)))
        rows.append(row)
    zero = jnp.zeros(())
    return jnp.stack([jnp.stack(row + [zero] * (n - 1 - i)) for i, row in enumerate(rows)]), good


def cholesky_solve(
    factor: Float[Array, "n n"], right: Float[Array, " n"], written_out_up_to: int = WRITTEN_OUT_UP_TO
) -> Float[Array, " n"]:
    """Solve (L L^T) x = b for one right-hand side, given the lower factor L; written out or by LAPACK likewise."""
    n = factor.shape[-1]
    if n == 0:
        return right
    if n > written_out_up_to:
        return jax.scipy.linalg.cho_solve((factor, True), right)
    forward: list[Array] = []
    for i in range(n):
        rest = right[i]
        for k in range(i):
            rest = rest - factor[i, k] * forward[k]
        forward.append(rest / factor[i, i])
    solution: list[Array] = [jnp.zeros(())] * n
    for i in reversed(range(n)):
        rest = forward[i]
        for k in range(i + 1, n):
            rest = rest - factor[k, i] * solution[k]
        solution[i] = rest / factor[i, i]
    return jnp.stack(solution)
