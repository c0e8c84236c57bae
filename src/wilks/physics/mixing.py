"""Mixing matrices of three families: from angles and phases and back, and Wolfenstein's parameters, without rounding.

All functions take stacks: numbers of any common shape, matrices with two more axes at the end. Both mixing matrices,
PMNS and CKM, are read in the convention of the Particle Data Group; what differs between leptons and quarks is only
which unitary matrices they are products of.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Complex, Float, Inexact

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

UNDEFINED_BELOW = 1e-10
"""Largest Jmax at which the CP phase counts as undefined."""


class MixingAngles(NamedTuple):
    """Three angles, as squares of their sines, and the CP phase of the convention of the Particle Data Group.

    Args:
        s12: sin^2(theta_12).
        s13: sin^2(theta_13).
        s23: sin^2(theta_23).
        delta: CP phase in radians.
    """

    s12: ArrayLike
    s13: ArrayLike
    s23: ArrayLike
    delta: ArrayLike = 0.0

    @classmethod
    def from_sines(cls, s12: ArrayLike, s13: ArrayLike, s23: ArrayLike, delta: ArrayLike = 0.0) -> "MixingAngles":
        """Of sines of the angles and delta in radians."""
        return cls(jnp.square(s12), jnp.square(s13), jnp.square(s23), delta)

    @classmethod
    def from_radians(cls, t12: ArrayLike, t13: ArrayLike, t23: ArrayLike, delta: ArrayLike = 0.0) -> "MixingAngles":
        """Of angles and delta in radians."""
        return cls.from_sines(jnp.sin(t12), jnp.sin(t13), jnp.sin(t23), delta)

    @classmethod
    def from_degrees(cls, t12: ArrayLike, t13: ArrayLike, t23: ArrayLike, delta: ArrayLike = 0.0) -> "MixingAngles":
        """Of angles and delta in degrees."""
        return cls.from_radians(*(jnp.deg2rad(x) for x in (t12, t13, t23, delta)))

    def sines(self) -> tuple[Float[Array, "*stack"], Float[Array, "*stack"], Float[Array, "*stack"]]:
        """Sines of theta_12, theta_13, theta_23."""
        return root(self.s12), root(self.s13), root(self.s23)

    def radians(self) -> tuple[Float[Array, "*stack"], ...]:
        """Angles theta_12, theta_13, theta_23 in [0, pi/2], and delta."""
        squares = [jnp.asarray(s) for s in (self.s12, self.s13, self.s23)]
        return (*(jnp.arctan2(root(s), root(1.0 - s)) for s in squares), jnp.asarray(self.delta))

    def degrees(self) -> tuple[Float[Array, "*stack"], ...]:
        """The same in degrees."""
        return tuple(jnp.rad2deg(x) for x in self.radians())


class Wolfenstein(NamedTuple):
    """Wolfenstein's parameters in the definition of the Particle Data Group, which holds to all orders in lambda."""

    lambda_: ArrayLike
    A: ArrayLike
    rhobar: ArrayLike
    etabar: ArrayLike


class OscillationParameters(NamedTuple):
    """What oscillations of three neutrinos depend on.

    Args:
        s12: sin^2(theta_12).
        s13: sin^2(theta_13).
        s23: sin^2(theta_23).
        delta: CP phase in radians.
        m21_squared: m_2^2 - m_1^2 in eV^2.
        m31_squared: m_3^2 - m_1^2 in eV^2.
    """

    s12: ArrayLike
    s13: ArrayLike
    s23: ArrayLike
    delta: ArrayLike
    m21_squared: ArrayLike
    m31_squared: ArrayLike


def mixing_matrix(
    angles: MixingAngles, alpha21: ArrayLike = 0.0, alpha31: ArrayLike = 0.0
) -> Complex[Array, "*stack 3 3"]:
    """The unitary matrix V(theta, delta) diag(1, exp(i alpha21/2), exp(i alpha31/2)).

    Args:
        angles: angles and CP phase.
        alpha21: Majorana phase in radians.
        alpha31: Majorana phase in radians.

    References:
        Particle Data Group, Phys. Rev. D 110 (2024) 030001, eqs. (12.3) and (14.33).

    >>> V = mixing_matrix(MixingAngles.from_degrees(13.0, 0.2, 2.3, 69.0))
    >>> [round(float(x), 6) for x in mixing_angles(V).degrees()]
    [13.0, 0.2, 2.3, 69.0]
    """
    squares = [jnp.asarray(s, dtype=float) for s in (angles.s12, angles.s13, angles.s23)]
    (s12, s13, s23), (c12, c13, c23) = map(root, squares), (root(1.0 - s) for s in squares)
    phase = jnp.exp(1j * jnp.asarray(angles.delta))
    rows = (
        (c12 * c13, s12 * c13, s13 * jnp.conj(phase)),
        (-s12 * c23 - c12 * s23 * s13 * phase, c12 * c23 - s12 * s23 * s13 * phase, s23 * c13),
        (s12 * s23 - c12 * c23 * s13 * phase, -c12 * s23 - s12 * c23 * s13 * phase, c23 * c13),
    )
    majorana = (1.0, jnp.exp(0.5j * jnp.asarray(alpha21)), jnp.exp(0.5j * jnp.asarray(alpha31)))
    entries = jnp.broadcast_arrays(*(entry * m for row in rows for entry, m in zip(row, majorana, strict=True)))
    return jnp.stack(entries, axis=-1).reshape(*entries[0].shape, 3, 3)


def mixing_angles(matrix: Inexact[Array | np.ndarray, "*stack 3 3"]) -> MixingAngles:
    """Angles and CP phase in [0, 2 pi) of a unitary matrix with any phases of its rows and columns.

    The phase is arg(Q + c12 c23 s13 c13), squares of sines and cosines meant, with Q = V_e1 V_e3^* V_tau1^* V_tau3: no
    division, and 0 where :func:`largest_jarlskog` is below 1e-10.
    """
    matrix = jnp.asarray(matrix)
    squares = _squares(matrix)
    s12, c12, s13, c13, s23, c23 = squares
    quartet = _quartet(matrix)
    along, defined = quartet.real + c12 * c23 * s13 * c13, _largest(squares) > UNDEFINED_BELOW
    if not jnp.iscomplexobj(matrix):
        return MixingAngles(s12, s13, s23, jnp.where(defined & (along < 0), jnp.pi, 0.0))
    delta = angle(along, quartet.imag, defined)
    return MixingAngles(s12, s13, s23, wrapped(delta, 2.0 * jnp.pi))


def jarlskog(matrix: Inexact[Array | np.ndarray, "*stack 3 3"]) -> Float[Array, "*stack"]:
    """Im(V_e1 V_e3^* V_tau1^* V_tau3) = Jmax sin(delta)."""
    return _quartet(jnp.asarray(matrix)).imag


def largest_jarlskog(matrix: Inexact[Array | np.ndarray, "*stack 3 3"]) -> Float[Array, "*stack"]:
    """Jmax, the size of the Jarlskog invariant at delta = pi/2."""
    return _largest(_squares(jnp.asarray(matrix)))


def wolfenstein(matrix: Inexact[Array | np.ndarray, "*stack 3 3"]) -> Wolfenstein:
    """Wolfenstein's parameters of a quark mixing matrix; 0 where a needed entry is zero.

    References:
        Particle Data Group, Phys. Rev. D 110 (2024) 030001, eq. (12.4).
    """
    matrix = jnp.asarray(matrix)
    (ud, us, ub), cd, cb = (matrix[..., 0, k] for k in range(3)), matrix[..., 1, 0], matrix[..., 1, 2]
    size = root(_square(us))
    lambda_ = ratio(size, root(_square(ud) + _square(us)))
    apex = -ud * jnp.conj(ub) * jnp.conj(cd) * cb
    norm = _square(cd) * _square(cb)
    return Wolfenstein(
        lambda_, ratio(root(_square(cb)), size * lambda_), ratio(apex.real, norm), ratio(apex.imag, norm)
    )


def angles_of_wolfenstein(parameters: Wolfenstein) -> MixingAngles:
    """Exact angles and phase: the apex of the unitarity triangle is a ratio of products of matrix entries.

    References:
        Particle Data Group, Phys. Rev. D 110 (2024) 030001, eqs. (12.4) and (12.5).
    """
    lambda_, a, rhobar, etabar = (jnp.asarray(x, dtype=float) for x in parameters)
    s23 = a**2 * lambda_**4
    apex = rhobar + 1j * etabar
    above = a * lambda_**3 * apex * root(1.0 - s23)
    ub = above / (root(1.0 - lambda_**2) * (1.0 - s23 * apex))  # sin(theta_13) exp(i delta)
    return MixingAngles(lambda_**2, _square(ub), s23, wrapped(angle(ub.real, ub.imag, _square(ub) > 0), 2.0 * jnp.pi))


def wolfenstein_of_angles(angles: MixingAngles) -> Wolfenstein:
    """Wolfenstein's parameters of angles and phase."""
    return wolfenstein(mixing_matrix(angles))


def product(one: Inexact[Array, "*stack 3 3"], two: Inexact[Array, "*stack 3 3"]) -> Inexact[Array, "*stack 3 3"]:
    """Product of two matrices, written out: a call of a library takes longer than these 27 products."""
    first, second, third = (one[..., :, k, None] * two[..., None, k, :] for k in range(3))
    return first + second + third


def root(square: ArrayLike) -> Float[Array, "*stack"]:
    """Square root, with slope 0 where the square is zero; rounding below zero counts as zero."""
    square = jnp.asarray(square, dtype=float)
    positive = ~(square <= 0)  # nan stays nan
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)


def ratio(above: Float[Array, "*stack"], below: Float[Array, "*stack"]) -> Float[Array, "*stack"]:
    """Quotient, 0 where the divisor is zero."""
    zero = below == 0
    return jnp.where(zero, 0.0, above / jnp.where(zero, 1.0, below))


def angle(
    x: Float[Array, "*stack"], y: Float[Array, "*stack"], defined: Bool[Array, "*stack"]
) -> Float[Array, "*stack"]:
    """Direction of (x, y) in radians; 0, with slope 0, where it is not defined."""
    return jnp.arctan2(jnp.where(defined, y, 0.0), jnp.where(defined, x, 1.0))


def wrapped(x: Float[Array, "*stack"], period: float) -> Float[Array, "*stack"]:
    """The number in [0, period) that differs from x by whole periods."""
    rest = jnp.mod(x, period)
    return jnp.where(rest >= period, 0.0, rest)  # rounding of a negative x next to zero


def _squares(matrix: Array) -> tuple[Array, ...]:
    """Squares of the sines and cosines: s12, c12, s13, c13, s23, c23."""
    e1, e2, e3, mu3, tau3 = (_square(matrix[..., i, k]) for i, k in ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2)))
    c13 = e1 + e2
    last = mu3 + tau3
    return ratio(e2, c13), ratio(e1, c13), e3, c13, ratio(mu3, last), ratio(tau3, last)


def _largest(squares: tuple[Array, ...]) -> Array:
    s12, c12, s13, c13, s23, c23 = squares
    return root(s12 * c12 * s23 * c23 * s13) * c13


def _quartet(matrix: Array) -> Array:
    return matrix[..., 0, 0] * jnp.conj(matrix[..., 0, 2]) * jnp.conj(matrix[..., 2, 0]) * matrix[..., 2, 2]


def _square(z: Array) -> Array:
    return z.real**2 + z.imag**2
