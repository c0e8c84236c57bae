"""The two generators of the modular forms of levels 3, 4 and 5: q-series, and their laws under S and T."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from wilks._base import runtime  # noqa: F401  64 bit before any array exists
from wilks._base.errors import InvalidOption

Tau: TypeAlias = complex | float | int | Array | np.ndarray | np.number
"""A point of the upper half plane, or an array of them."""

_TERMS = 14  # |q| <= 0.0432 for Im tau >= 0.5: the first left-out term is below 1e-17 of the sum
_LOWEST = 0.5
_MOST_STEPS = 64  # each step at least doubles Im tau
_PHI = (1.0 + np.sqrt(5.0)) / 2.0


@dataclass(frozen=True, eq=False)
class Level:
    """One level N: its generators g_1 = sum_n A_n q^n and g_2 = q^(1/N) sum_n B_n q^n, q = exp(2 pi i tau).

    Laws: g(tau + 1) = diag(1, exp(2 pi i/N)) g(tau) and g(-1/tau) = (-i tau)^(1/degree) inversion g(tau).

    Args:
        number: N.
        names: how the polynomials of `wilks.physics.flavor.modular_table` call the generators.
        degree: degree in the generators of a form of weight 1.
        series: A_n and B_n.
        inversion: matrix of the second law.
    """

    number: int
    names: tuple[str, str]
    degree: int
    series: Float[np.ndarray, "2 terms"]
    inversion: Float[np.ndarray, "2 2"]


def generators(tau: Tau, level: int) -> Complex[Array, "*batch 2"]:
    """Values of the two generators of a level.

    The q-series converge to 1e-15 for Im tau >= 0.5; a lower tau is first moved up by S and T, and the values are
    carried back by the laws of `Level`, the principal branch taken in each step.

    Args:
        tau: a point or an array of points with Im tau > 0; inside compiled code other points give nan.
        level: 3 (a and c), 4 (theta and eps) or 5 (F1 and F2).

    Raises:
        InvalidOption: for another level, or Im tau <= 0, naming tau.

    References:
        arXiv:1706.08749 (level 3), arXiv:2006.03058 (level 4), arXiv:2011.03501 (level 5).
    """
    if level not in LEVELS:
        raise InvalidOption(f"level {level} does not exist; choose one of {', '.join(map(str, LEVELS))}")
    points = upper_half_plane(tau)
    return jnp.vectorize(lambda point: _generators(LEVELS[level], point), signature="()->(2)")(points)


def upper_half_plane(tau: Tau) -> Complex[Array, "*batch"]:
    """Points as a complex array.

    Raises:
        InvalidOption: naming the first with Im tau <= 0; inside compiled code nothing can be checked.
    """
    points = jnp.asarray(tau, dtype=complex)
    if not isinstance(points, jax.core.Tracer):
        below = np.asarray(points)[~(np.imag(points) > 0)]
        if below.size:
            raise InvalidOption(
                f"tau = {complex(below.flat[0])} does not lie in the upper half plane; Im tau must be > 0"
            )
    return points


def _generators(level: Level, tau: Complex[Array, ""]) -> Complex[Array, "2"]:
    start = (
        jax.lax.stop_gradient(tau),
        jnp.eye(2, dtype=complex),
        jnp.ones((), dtype=complex),
        jnp.eye(2),
        jnp.zeros((), dtype=int),
    )
    raised, matrix, branch, word, _ = jax.lax.while_loop(_is_low, lambda state: _raise(level, *state), start)
    # The loop is constant to differentiation; the dependence on tau is put back in closed form, with the same value:
    # tau' = (a tau + b)/(c tau + d), and the factor goes like (c tau + d)^(-1/degree).
    above, below = word[0, 0] * tau + word[0, 1], word[1, 0] * tau + word[1, 1]
    moved = above / below
    factor = branch * (below / jax.lax.stop_gradient(below)) ** (-1.0 / level.degree)
    found = factor * (matrix @ _series(level, raised + moved - jax.lax.stop_gradient(moved)))
    return jnp.where(tau.imag > 0, found, jnp.nan)


_State: TypeAlias = tuple[Complex[Array, ""], Complex[Array, "2 2"], Complex[Array, ""], Float[Array, "2 2"], Array]


def _is_low(state: _State) -> Array:
    tau, _, _, _, steps = state
    return (tau.imag < _LOWEST) & (tau.imag > 0) & (steps < _MOST_STEPS)


def _raise(
    level: Level,
    tau: Complex[Array, ""],
    matrix: Complex[Array, "2 2"],
    branch: Complex[Array, ""],
    word: Float[Array, "2 2"],
    steps: Array,
) -> _State:
    """Shift Re tau into [-1/2, 1/2] and invert: g(t) = D^n g(t - n), g(-1/t) = (-i t)^(1/degree) inversion g(t)."""
    n = jnp.round(tau.real)
    raised = -1.0 / (tau - n)
    shift = jnp.stack([jnp.ones((), dtype=complex), jnp.exp(2j * jnp.pi * n / level.number)])
    step = jnp.stack([jnp.stack([jnp.zeros(()), -jnp.ones(())]), jnp.stack([jnp.ones(()), -n])])
    factor = (-1j * raised) ** (1.0 / level.degree)
    return raised, matrix @ (shift[:, None] * level.inversion), branch * factor, step @ word, steps + 1


def _series(level: Level, tau: Complex[Array, ""]) -> Complex[Array, "2"]:
    q = jnp.exp(2j * jnp.pi * tau)
    total = jnp.zeros(2, dtype=complex)
    for coefficients in level.series.T[::-1]:
        total = total * q + coefficients
    return total * jnp.stack([jnp.ones((), dtype=complex), jnp.exp(2j * jnp.pi * tau / level.number)])


def _euler_product(powers: Sequence[float]) -> Float[np.ndarray, " terms"]:
    """Coefficients of prod_n (1 - q^n)^(p_n): n a_n = -sum_k s_k a_(n-k), s_k = sum_(d divides k) d p_d."""
    size = len(powers) + 1
    divided = [sum(d * powers[d - 1] for d in range(1, k + 1) if k % d == 0) for k in range(1, size)]
    result = [1.0]
    for n in range(1, size):
        result.append(-sum(divided[k - 1] * result[n - k] for k in range(1, n + 1)) / n)
    return np.array(result)


def _level_three() -> Float[np.ndarray, "2 terms"]:
    """a = sum q^(m^2 + m n + n^2); c = 3 eta(3 tau)^3/eta(tau)."""
    reach = range(-_TERMS, _TERMS + 1)
    exponents = np.array([m * m + m * n + n * n for m in reach for n in reach])
    theta = np.bincount(exponents[exponents < _TERMS], minlength=_TERMS).astype(float)
    return np.stack([theta, 3.0 * _euler_product([3.0 * (n % 3 == 0) - 1.0 for n in range(1, _TERMS)])])


def _level_four() -> Float[np.ndarray, "2 terms"]:
    """theta = sum_k q^(k^2), eps = 2 q^(1/4) sum_(k>=0) q^(k(k+1))."""
    series = np.zeros((2, _TERMS))
    for k in range(4):
        series[0, k * k] = 2.0 if k else 1.0
        if k * (k + 1) < _TERMS:
            series[1, k * (k + 1)] = 2.0
    return series


def _level_five() -> Float[np.ndarray, "2 terms"]:
    """F1 and F2 q^(-1/5): prod (1 - q^n)^(2/5) over (1 - q^n) for n = 1, 4 or n = 2, 3 modulo 5."""
    return np.stack([_euler_product([0.4 - (n % 5 in rest) for n in range(1, _TERMS)]) for rest in ((1, 4), (2, 3))])


LEVELS: dict[int, Level] = {
    3: Level(3, ("a", "c"), 1, _level_three(), np.array([[1.0, 2.0], [1.0, -1.0]]) / np.sqrt(3.0)),
    4: Level(4, ("t", "e"), 2, _level_four(), np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2.0)),
    5: Level(5, ("F1", "F2"), 5, _level_five(), np.array([[_PHI, 1.0], [1.0, -_PHI]]) / np.sqrt(np.sqrt(5.0) * _PHI)),
}
