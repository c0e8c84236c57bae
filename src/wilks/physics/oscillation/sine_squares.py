"""sin^2 of a phase by reduction and a polynomial, which compilers turn into vector instructions; sin alone they do not.

The phase is reduced by the nearest multiple k pi, with pi as a sum of two numbers of which the first has 33 bits, so
that its product with k is exact below 2^20; in [-pi/2, pi/2] Taylor's series of the sine is right to rounding after 11
terms.

References:
    W. J. Cody and W. Waite, Software Manual for the Elementary Functions (Prentice-Hall, 1980), chapter 8.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_HIGH = float.fromhex("0x1.921fb544p+1")  # the first 33 bits of pi
_LOW = float.fromhex("0x1.0b4611a626331p-33")  # the next 53
_TERMS = 11
_SINE = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(_TERMS))
_COSINE = tuple((-1) ** n / math.factorial(2 * n) for n in range(_TERMS + 1))

Phase = Float[Array, "*shape"]


@jax.custom_jvp
def sine_squared(phase: Phase) -> Phase:
    """sin^2(phase), right to 2e-15 below a phase of 3e6, relatively to rounding for small phases."""
    rest = _reduced(phase)
    return (rest * _series(_SINE, rest * rest)) ** 2


@jax.custom_jvp
def _sine_of_twice(phase: Phase) -> Phase:
    rest = _reduced(phase)
    square = rest * rest
    return 2.0 * rest * _series(_SINE, square) * _series(_COSINE, square)


@sine_squared.defjvp
def _slope(primals: Any, tangents: Any) -> tuple[Phase, Phase]:
    """The slope by itself, lest every step of the series be kept for it."""
    (phase,), (moved,) = primals, tangents
    return sine_squared(phase), _sine_of_twice(phase) * moved


@_sine_of_twice.defjvp
def _bend(primals: Any, tangents: Any) -> tuple[Phase, Phase]:
    (phase,), (moved,) = primals, tangents
    return _sine_of_twice(phase), (2.0 - 4.0 * sine_squared(phase)) * moved


def _reduced(phase: Phase) -> Phase:
    """The distance from the nearest multiple of pi."""
    turns = jnp.round(phase * (1.0 / math.pi))
    return (phase - turns * _HIGH) - turns * _LOW


def _series(coefficients: tuple[float, ...], square: Phase) -> Phase:
    total = jnp.full_like(square, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * square + coefficient
    return total
