"""Multiplets of modular forms as polynomials in the generators, and the matrices rho(S), rho(T) of their irreps.

Sources: arXiv:1706.08749 (level 3), arXiv:2006.03058 (level 4), arXiv:2011.03501 (level 5). The laws
f(-1/tau) = (-tau)^k rho(S) f(tau) and f(tau + 1) = rho(T) f(tau) are tested for every row.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Complex, Shaped

from wilks._base.errors import InvalidOption, UnknownName, near_names

from .polynomials import Polynomial, polynomial

_COMPONENTS: dict[tuple[int, int, str], tuple[str, ...]] = {
    (3, 2, "3"): ("a**2", "-2*a*c", "-2*c**2"),
    (3, 4, "1"): ("a**4 + 8*a*c**3",),
    (3, 4, "1p"): ("4*c**4 - 4*a**3*c",),
    (3, 4, "3"): ("a**4 - 4*a*c**3", "4*c**4 + 2*a**3*c", "6*a**2*c**2"),
    (4, 1, "3hat"): ("sqrt(2)*e*t", "e**2", "-t**2"),
    (4, 2, "2"): ("(t**4 + e**4)/sqrt(2)", "-sqrt(6)*e**2*t**2"),
    (4, 2, "3p"): ("(t**4 - e**4)/sqrt(2)", "-2*e*t**3", "-2*e**3*t"),
    (4, 3, "1hatp"): ("sqrt(3)*(e*t**5 - e**5*t)",),
    (4, 3, "3hat"): (
        "e**5*t + e*t**5",
        "(5*e**2*t**4 - e**6)/(2*sqrt(2))",
        "(t**6 - 5*e**4*t**2)/(2*sqrt(2))",
    ),
    (4, 3, "3hatp"): ("-2*sqrt(2)*e**3*t**3", "(t**6 + 3*e**4*t**2)/2", "(-3*e**2*t**4 - e**6)/2"),
    (4, 4, "1"): ("(t**8 + 14*e**4*t**4 + e**8)/(2*sqrt(3))",),
    (4, 4, "2"): ("(t**8 - 10*e**4*t**4 + e**8)/4", "sqrt(3)*(e**2*t**6 + e**6*t**2)"),
    (4, 4, "3"): (
        "3/2*(e**2*t**6 - e**6*t**2)",
        "3/2*(e**3*t**5 - e**7*t)/sqrt(2)",
        "3/2*(e**5*t**3 - e*t**7)/sqrt(2)",
    ),
    (4, 4, "3p"): (
        "(t**8 - e**8)/4",
        "(e*t**7 + 7*e**5*t**3)/(2*sqrt(2))",
        "(7*e**3*t**5 + e**7*t)/(2*sqrt(2))",
    ),
    (5, 2, "3"): (
        "F1**10 - 36*F1**5*F2**5 - F2**10",
        "5*sqrt(2)*(F1**9*F2 - 3*F1**4*F2**6)",
        "5*sqrt(2)*(3*F1**6*F2**4 + F1*F2**9)",
    ),
    (5, 2, "3p"): (
        "F1**10 + 14*F1**5*F2**5 - F2**10",
        "-5*sqrt(2)*(F1**8*F2**2 + 2*F1**3*F2**7)",
        "-5*sqrt(2)*(2*F1**7*F2**3 - F1**2*F2**8)",
    ),
    (5, 2, "5"): (
        "F1**10 + F2**10",
        "-sqrt(6)*(F1**9*F2 + 7*F1**4*F2**6)",
        "-sqrt(6)*(3*F1**8*F2**2 - 4*F1**3*F2**7)",
        "-sqrt(6)*(4*F1**7*F2**3 + 3*F1**2*F2**8)",
        "-sqrt(6)*(7*F1**6*F2**4 - F1*F2**9)",
    ),
}
MULTIPLETS: tuple[tuple[int, int, str], ...] = tuple(_COMPONENTS)
"""Level, weight and irrep of every multiplet of the table."""


@functools.cache
def multiplet(level: int, weight: int, irrep: str) -> tuple[Polynomial, ...]:
    """Components of a multiplet of modular forms as polynomials in the generators of its level.

    Args:
        level: 3, 4 or 5.
        weight: modular weight.
        irrep: name such as "3", "1p", "3hat", "3hatp".

    Raises:
        InvalidOption: if the table has no such multiplet, listing what it has.
    """
    if (level, weight, irrep) not in _COMPONENTS:
        known = ", ".join(f"({n}, {k}, {r!r})" for n, k, r in MULTIPLETS if n == level) or f"levels {[3, 4, 5]}"
        raise InvalidOption(
            f"no multiplet (level, weight, irrep) = {(level, weight, irrep)} in the table; it has {known}"
        )
    return tuple(polynomial(text) for text in _COMPONENTS[level, weight, irrep])


Matrix = Complex[np.ndarray, "dim dim"]


def representation(level: int, irrep: str) -> tuple[Matrix, Matrix]:
    """rho(S) and rho(T) of an irrep in the basis of the table.

    Args:
        level: 3 (A4), 4 (S4') or 5 (A5).
        irrep: name of the irrep.

    Raises:
        UnknownName: for an irrep that the group does not have, with near names.
    """
    if level not in _REPRESENTATIONS:
        raise InvalidOption(f"level {level} does not exist; choose one of {', '.join(map(str, _REPRESENTATIONS))}")
    known = _REPRESENTATIONS[level]
    if irrep not in known:
        raise UnknownName(
            f"the finite modular group of level {level} has no irrep {irrep!r}; {near_names(irrep, known)}"
        )
    return known[irrep]


def _pair(inversion: Any, phases: Sequence[complex | float | int]) -> tuple[Matrix, Matrix]:
    return np.array(inversion, dtype=complex), np.diag(np.array(phases, dtype=complex))


def _times(pair: tuple[Matrix, Matrix], inversion: complex | int, shift: complex | int) -> tuple[Matrix, Matrix]:
    return inversion * pair[0], shift * pair[1]


def _symmetric(*upper: tuple[float | int, ...]) -> Shaped[np.ndarray, "dim dim"]:
    """Symmetric matrix from the rows of its upper triangle."""
    matrix = np.zeros((len(upper), len(upper)))
    for i, row in enumerate(upper):
        matrix[i, i:] = matrix[i:, i] = row
    return matrix


def _a4() -> dict[str, tuple[Matrix, Matrix]]:
    w = np.exp(2j * np.pi / 3)
    return {
        "1": _pair([[1]], [1]),
        "1p": _pair([[1]], [w]),
        "1pp": _pair([[1]], [w**2]),
        "3": _pair(_symmetric((-1, 2, 2), (-1, 2), (-1,)) / 3, [1, w, w**2]),
    }


def _s4_double_cover() -> dict[str, tuple[Matrix, Matrix]]:
    """Hatted irreps carry an extra i under S and -i under T; primed hatted ones the opposite."""
    root = np.sqrt(2.0)
    one = _pair([[1]], [1])
    two = _pair(_symmetric((-1, np.sqrt(3.0)), (1,)) / 2, [1, -1])
    three = _pair(-_symmetric((0, root, root), (-1, 1), (-1,)) / 2, [-1, -1j, 1j])
    plain = {"1": one, "1p": _times(one, -1, -1), "2": two, "3": three, "3p": _times(three, -1, -1)}
    return {
        **plain,
        "1hat": _times(one, 1j, -1j),
        "1hatp": _times(one, -1j, 1j),
        "2hat": _times(two, 1j, -1j),
        "3hat": _times(three, 1j, -1j),
        "3hatp": _times(three, -1j, 1j),
    }


def _a5() -> dict[str, tuple[Matrix, Matrix]]:
    phi, r, s = (1.0 + np.sqrt(5.0)) / 2.0, np.sqrt(2.0), np.sqrt(6.0)
    z = np.exp(2j * np.pi / 5)
    five = _symmetric(
        (-1, s, s, s, s),
        (1 / phi**2, -2 * phi, 2 / phi, phi**2),
        (phi**2, 1 / phi**2, 2 / phi),
        (phi**2, -2 * phi),
        (1 / phi**2,),
    )
    return {
        "1": _pair([[1]], [1]),
        "3": _pair(_symmetric((1, -r, -r), (-phi, 1 / phi), (-phi,)) / np.sqrt(5.0), [1, z, z**4]),
        "3p": _pair(_symmetric((-1, r, r), (-1 / phi, phi), (-1 / phi,)) / np.sqrt(5.0), [1, z**2, z**3]),
        "5": _pair(five / 5, [1, z, z**2, z**3, z**4]),
    }


_REPRESENTATIONS: dict[int, dict[str, tuple[Matrix, Matrix]]] = {3: _a4(), 4: _s4_double_cover(), 5: _a5()}
