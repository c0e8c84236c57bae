"""Modular forms of levels 3, 4 and 5 at a point tau, and the move of tau into the fundamental domain."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex

from wilks._base.errors import InvalidOption

from .modular_generators import LEVELS, Tau, generators, upper_half_plane
from .modular_table import multiplet


def modular_form(tau: Tau, level: int, weight: int, irrep: str) -> Complex[Array, "*batch components"]:
    """Values of a multiplet of modular forms: f(-1/tau) = (-tau)^k rho(S) f(tau), f(tau + 1) = rho(T) f(tau).

    Args:
        tau: a point or an array of points with Im tau > 0; inside compiled code other points give nan.
        level: 3 (A4), 4 (S4') or 5 (A5).
        weight: modular weight k.
        irrep: name such as "3", "1p", "3hat", "3hatp"; `wilks.physics.flavor.modular_table.MULTIPLETS` lists all.

    Returns:
        The components on the last axis.

    Raises:
        InvalidOption: for a multiplet that the table does not have, or Im tau <= 0.

    >>> Y1, Y2, Y3 = modular_form(2j, level=3, weight=2, irrep="3")
    >>> print(f"{Y1.real:.9f}")
    1.000041849
    """
    return modular_forms(tau, level, (weight, irrep))[0]


def modular_forms(
    tau: Tau, level: int, *multiplets: tuple[int, str]
) -> tuple[Complex[Array, "*batch components"], ...]:
    """Values of several multiplets of one level, for which the generators are evaluated once.

    Args:
        tau: as for `modular_form`.
        level: 3 (A4), 4 (S4') or 5 (A5).
        multiplets: pairs of weight and irrep.

    Raises:
        InvalidOption: for a multiplet that the table does not have, or Im tau <= 0.
    """
    for weight, irrep in multiplets:
        multiplet(level, weight, irrep)
    return _forms(upper_half_plane(tau), level, multiplets)


@functools.partial(jax.jit, static_argnames=("level", "multiplets"))
def _forms(
    tau: Complex[Array, "*batch"], level: int, multiplets: tuple[tuple[int, str], ...]
) -> tuple[Complex[Array, "*batch components"], ...]:
    values = generators(tau, level)
    named = {name: values[..., i] for i, name in enumerate(LEVELS[level].names)}
    found = [multiplet(level, weight, irrep) for weight, irrep in multiplets]
    return tuple(jnp.stack([component(named) for component in components], axis=-1) for components in found)


@dataclass(frozen=True)
class FundamentalPoint:
    """A point of the fundamental domain with the way to it.

    Args:
        tau: tau' with |Re tau'| <= 1/2 and |tau'| >= 1, to rounding.
        word: letters S (tau -> -1/tau) and powers of T (tau -> tau + 1), the rightmost acts first; empty for none.
        matrix: ((a, b), (c, d)) with tau' = (a tau + b)/(c tau + d).
    """

    tau: complex
    word: str
    matrix: tuple[tuple[int, int], tuple[int, int]]


def to_fundamental_domain(tau: complex) -> FundamentalPoint:
    """Move a point into the fundamental domain of SL(2, Z).

    Args:
        tau: point with Im tau > 0.

    Raises:
        InvalidOption: for Im tau <= 0, naming tau.

    >>> to_fundamental_domain(0.25 + 0.25j)
    FundamentalPoint(tau=2j, word='T^2 S', matrix=((2, -1), (1, 0)))
    """
    if not tau.imag > 0:
        raise InvalidOption(f"tau = {tau} does not lie in the upper half plane; Im tau must be > 0")
    letters: list[str] = []
    (a, b), (c, d) = (1, 0), (0, 1)
    point = complex(tau)
    while True:
        n = round(point.real)
        if n:
            point, a, b = point - n, a - n * c, b - n * d
            letters.append("T" if n == -1 else f"T^{-n}")
        if not abs(point) < 1.0 - 1e-15:
            return FundamentalPoint(point, " ".join(reversed(letters)), ((a, b), (c, d)))
        point, a, b, c, d = -1.0 / point, -c, -d, a, b
        letters.append("S")
