"""The lobster band: which effective masses m_bb of double beta decay are possible at a given lightest neutrino mass."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, UnknownName, check_option, near_names

BOX = ("s12^2", "s13^2", "m21^2", "m3l^2")
"""Observables whose ranges span the band."""

_ORDERINGS = ("NO", "IO")


@dataclass(frozen=True, eq=False)
class LobsterBand:
    """Edges of the band.

    Args:
        ordering: NO, where the lightest mass is m1, or IO, where it is m3.
        masses: lightest masses in eV.
        lower: smallest possible m_bb in eV; 0 where the three terms can cancel.
        upper: largest possible m_bb in eV.
    """

    ordering: str
    masses: Float[np.ndarray, " masses"]
    lower: Float[np.ndarray, " masses"]
    upper: Float[np.ndarray, " masses"]


def lobster_band(
    ordering: str, box: Mapping[str, tuple[float, float]], masses: Float[np.ndarray, " masses"] | None = None
) -> LobsterBand:
    """Exact band of m_bb = |A + B e^(i x) + C e^(i y)| over free phases and a box of the oscillation parameters.

    A = m1 c12 c13, B = m2 s12 c13, C = m3 s13 (squares of sines and cosines). Over the phases the largest value is
    A + B + C and the smallest max(0, 2 max(A, B, C) - (A + B + C)). Over the box both are monotone in each coordinate
    as long as one term dominates, so the 16 corners decide; if not one and the same term dominates at all of them,
    the three can cancel somewhere in between and the lower edge is 0.

    Args:
        ordering: NO or IO.
        box: lower and upper end of s12^2, s13^2, m21^2 and m3l^2 (eV^2, negative for IO), in either order.
        masses: lightest masses in eV, at least 0; 1000 from 1e-4 to 10 by default.

    Raises:
        InvalidOption: for another ordering.
        UnknownName: if the box lacks an observable.
        InvalidData: for ranges that cannot be, such as a sine outside [0, 1] or an m3l^2 of the wrong sign.
    """
    check_option("ordering", ordering, _ORDERINGS)
    lightest = np.logspace(-4.0, 1.0, 1000) if masses is None else np.asarray(masses, dtype=float)
    if not (np.isfinite(lightest) & (lightest >= 0)).all():
        raise InvalidData(f"lightest masses must be finite and at least 0 eV; got {lightest[~(lightest >= 0)][:3]}")
    corners = np.array(list(itertools.product(*(_range(ordering, box, name) for name in BOX)))).T
    terms = _terms(ordering, lightest, corners)
    total, largest, leader = terms.sum(axis=0), terms.max(axis=0), terms.argmax(axis=0)
    smallest = np.maximum(2.0 * largest - total, 0.0).min(axis=-1)
    one_leader = (leader == leader[:, :1]).all(axis=-1)
    return LobsterBand(ordering, lightest, np.where(one_leader, smallest, 0.0), total.max(axis=-1))


def _range(ordering: str, box: Mapping[str, tuple[float, float]], name: str) -> tuple[float, float]:
    if name not in box:
        raise UnknownName(f"the band needs a range of {name!r}; {near_names(name, box)}")
    low, high = sorted(float(end) for end in box[name])
    lowest, highest = {"s12^2": (0.0, 1.0), "s13^2": (0.0, 1.0), "m21^2": (0.0, np.inf)}.get(
        name, (0.0, np.inf) if ordering == "NO" else (-np.inf, 0.0)
    )
    if not lowest <= low <= high <= highest:
        raise InvalidData(f"the range [{low}, {high}] of {name!r} must lie in [{lowest}, {highest}] for {ordering}")
    return low, high


def _terms(
    ordering: str, lightest: Float[np.ndarray, " masses"], corners: Float[np.ndarray, "4 corners"]
) -> Float[np.ndarray, "3 masses corners"]:
    """The moduli A, B, C."""
    s12, s13, m21, m3l = corners
    square = lightest[:, None] ** 2
    if ordering == "NO":  # m3l = m3^2 - m1^2
        squares = (square + 0.0 * m21, square + m21, square + m3l)
    else:  # m3l = m3^2 - m2^2
        squares = (square - m3l - m21, square - m3l, square + 0.0 * m21)
    if min(float(np.min(s)) for s in squares) < 0.0:
        raise InvalidData("a mass squared is negative in a corner of the box; |m3l^2| must exceed m21^2 for IO")
    weights = ((1.0 - s12) * (1.0 - s13), s12 * (1.0 - s13), s13)
    return np.stack([np.sqrt(s) * w for s, w in zip(squares, weights, strict=True)])
