"""Observables of mass matrices given as numbers: one matrix or a stack of any shape, without a model."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact
from numpy.typing import ArrayLike

from wilks._base.errors import InvalidModel
from wilks.physics.mixing import MixingAngles, mixing_angles

from .diagonalisation import diagonalise
from .flavorpy_convention import flags_of, mixing
from .flavorpy_convention import scaled_observables as flavorpy_scaled
from .flavorpy_convention import unscaled_observables as flavorpy_unscaled
from .leptons import in_ordering, looks_inverted, pmns_of, scaled_observables, unscaled_observables
from .neutrino_scale import Splittings, average_scale_squared
from .observables import Observables, observables_of
from .quarks import ckm_of, unscaled_quark_observables
from .settings import OPTIONS, check_symmetric, check_words, is_symmetric, largest_asymmetry
from .splittings import AVERAGED
from .stacks import alone, in_chunks


def lepton_observables(
    Me: ArrayLike,
    Mn: ArrayLike,
    *,
    ordering: str = "NO",
    nature: str = "auto",
    convention: str = "physical",
    m21sq_best: float | None = None,
    m3lsq_best: float | None = None,
) -> Observables:
    """Lepton observables of a charged-lepton and a neutrino mass matrix.

    The scale of the neutrino masses is the mean of the two that fit one mass splitting each.

    Args:
        Me: matrices (..., 3, 3) of the mass term L_i M_ij e^c_j.
        Mn: matrices (..., 3, 3) of the mass term L_i M_ij L_j/2 (Majorana) or L_i M_ij N_j (Dirac).
        ordering: "NO", "IO", or "auto" for that which the spectrum looks like.
        nature: "majorana", "dirac", or "auto": Majorana if every M_n is symmetric.
        convention: "physical", or "flavorpy" for what FlavorPy prints.
        m21sq_best: m2^2 - m1^2 in eV^2; default 7.41e-5.
        m3lsq_best: m3^2 - m_l^2 in eV^2; default 2.507e-3 in normal, -2.486e-3 in inverted ordering.

    Raises:
        InvalidModel: for another shape, entries that are no finite numbers, or M_n not symmetric with "majorana".
        InvalidOption: for an unknown word.

    >>> found = lepton_observables(np.diag([0.1, 0.2, 1.0]), [[1, 0.1, 0], [0.1, 2, 0.3], [0, 0.3, 4]])
    >>> round(found["m21^2"] / found["m3l^2"] / found["r"], 9)
    1.0
    """
    check_words(ordering=ordering, nature=nature, convention=convention)
    stack, (me, mn) = _checked({"Me": Me, "Mn": Mn})
    splittings = _targets(ordering, m21sq_best, m3lsq_best)
    if convention == "flavorpy":
        mixed = mixing(me, mn, ordering)
        numbers = flavorpy_unscaled(mixed, ordering)
        a, b = numbers["m21^2_wrong_scaled"], numbers["m3l^2_wrong_scaled"]
        scale = np.sqrt(np.asarray(average_scale_squared(a, b, Splittings(*splittings[0]))))
        found = observables_of(flavorpy_scaled(numbers, ordering, scale), flags_of(mixed, numbers, ordering))
        return jax.tree.map(lambda x: x.reshape(stack), found)
    if nature == "majorana":
        check_symmetric(largest_asymmetry(mn))
    majorana = nature == "majorana" or (nature == "auto" and is_symmetric(mn))
    return _run(lambda x: _leptons(*x, splittings, _number(ordering), majorana), (me, mn), stack)


def quark_observables(
    Mu: ArrayLike, Md: ArrayLike, *, ckm: str = "standard", quark_fields: str = "dirac"
) -> Observables:
    """Quark observables of an up-type and a down-type mass matrix.

    Args:
        Mu: matrices (..., 3, 3), left-handed field on the left index.
        Md: matrices (..., 3, 3).
        ckm: "standard" (t12, t13, t23, dq in degrees) or "wolfenstein" (lambda, also as l, A, rhobar, etabar).
        quark_fields: "dirac" for the mass term Qbar_L M u_R, "weyl" for Q M u^c, whose CKM matrix is the conjugate.

    Raises:
        InvalidModel: for another shape or entries that are no finite numbers.
        InvalidOption: for an unknown word.
    """
    check_words(ckm=ckm, quark_fields=quark_fields)
    stack, (mu, md) = _checked({"Mu": Mu, "Md": Md})
    return _run(lambda x: _quarks(*x, ckm, quark_fields), (mu, md), stack)


def pmns(
    Me: ArrayLike, Mn: ArrayLike, *, ordering: str = "NO", convention: str = "physical"
) -> Complex[np.ndarray, "*stack 3 3"]:
    """Mixing matrix of leptons, rows e, mu, tau and columns 1, 2, 3; its phases are not physical.

    Args:
        Me: matrices (..., 3, 3) of charged leptons.
        Mn: matrices (..., 3, 3) of neutrinos.
        ordering: "NO", "IO" or "auto".
        convention: "physical" or "flavorpy".
    """
    check_words(ordering=ordering, convention=convention)
    stack, (me, mn) = _checked({"Me": Me, "Mn": Mn})
    if convention == "flavorpy":
        return mixing(me, mn, ordering).pmns.reshape(*stack, 3, 3)
    return _run(lambda x: _pmns(*x, _number(ordering)), (me, mn), stack).astype(complex)


def ckm(Mu: ArrayLike, Md: ArrayLike, *, quark_fields: str = "dirac") -> Complex[np.ndarray, "*stack 3 3"]:
    """Mixing matrix of quarks, rows u, c, t and columns d, s, b; its phases are not physical.

    Args:
        Mu: matrices (..., 3, 3) of up-type quarks.
        Md: matrices (..., 3, 3) of down-type quarks.
        quark_fields: "dirac" or "weyl".
    """
    check_words(quark_fields=quark_fields)
    stack, (mu, md) = _checked({"Mu": Mu, "Md": Md})
    found = _run(lambda x: _ckm(*x, quark_fields), (mu, md), stack)
    return found.astype(complex)


def angles(matrix: ArrayLike) -> MixingAngles:
    """Angles and CP phase of mixing matrices (..., 3, 3), as numpy numbers; see :class:`MixingAngles`."""
    stack, (found,) = _checked({"matrix": matrix})
    return _run(_angles, found, stack)


_angles = jax.jit(mixing_angles)


def _inverted(assignment: Array, ascending: Array) -> Bool[Array, "*stack"]:
    """Whether the ordering is inverted, for 0 = NO, 1 = IO, 2 = what the spectrum looks like."""
    return jnp.where(assignment == 2, looks_inverted(ascending), assignment == 1)


def _number(ordering: str) -> np.ndarray:
    return np.array(OPTIONS["ordering"].index(ordering))


def _lepton_numbers(me: Array, mn: Array, splittings: Array, assignment: Array, majorana: bool) -> Observables:
    charged, neutral = _pair(me, mn)
    inverted = _inverted(assignment, neutral.squares)
    numbers, flags = unscaled_observables(charged, neutral, mn, inverted, majorana)
    flags["not_converged"] = ~(charged.converged & neutral.converged)
    best = Splittings(*(jnp.where(inverted, splittings[1, i], splittings[0, i]) for i in range(4)))
    squared = jnp.asarray(average_scale_squared(numbers["m21^2_wrong_scaled"], numbers["m3l^2_wrong_scaled"], best))
    return observables_of(scaled_observables(numbers, flags, jnp.sqrt(jnp.maximum(squared, 0.0))), flags)


_leptons = jax.jit(_lepton_numbers, static_argnums=4)


def _quark_numbers(mu: Array, md: Array, ckm: str, quark_fields: str) -> Observables:
    up, down = _pair(mu, md)
    numbers, flags = unscaled_quark_observables(up, down, ckm, quark_fields)
    flags["not_converged"] = ~(up.converged & down.converged)
    return observables_of(numbers, flags)


_quarks = jax.jit(_quark_numbers, static_argnums=(2, 3))


def _pmns_matrix(me: Array, mn: Array, assignment: Array) -> Inexact[Array, "points 3 3"]:
    charged, neutral = _pair(me, mn)
    return in_ordering(pmns_of(charged.left, neutral.left), _inverted(assignment, neutral.squares), 2)


_pmns = jax.jit(_pmns_matrix)


def _ckm_matrix(mu: Array, md: Array, quark_fields: str) -> Inexact[Array, "points 3 3"]:
    up, down = _pair(mu, md)
    return ckm_of(up.left, down.left, quark_fields)


_ckm = jax.jit(_ckm_matrix, static_argnums=2)


def _pair(one: Array, two: Array) -> tuple[Any, Any]:
    found = diagonalise(jnp.stack([one, two]))
    return tuple(jax.tree.map(lambda x, i=i: x[i], found) for i in (0, 1))  # type: ignore[return-value]


def _targets(ordering: str, m21sq_best: float | None, m3lsq_best: float | None) -> Float[np.ndarray, "2 4"]:
    """Splittings to be met, by ordering; given ones hold for any."""
    rows = [AVERAGED["NO"], AVERAGED["IO"]] if ordering == "auto" else [AVERAGED[ordering]] * 2
    given = [
        (m21 if m21sq_best is None else m21sq_best, m3l if m3lsq_best is None else m3lsq_best) for m21, m3l in rows
    ]
    return np.array([(m21, 1.0, m3l, 1.0) for m21, m3l in given])


def _checked(matrices: dict[str, ArrayLike]) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """Common shape of the stacks, and each as one list of matrices, all real or all complex.

    Raises:
        InvalidModel: naming the matrix, and the entry that is wrong.
    """
    arrays = {name: _numeric(name, matrix) for name, matrix in matrices.items()}
    for name, array in arrays.items():
        if array.ndim < 2 or array.shape[-2:] != (3, 3):
            raise InvalidModel(f"{name} has shape {array.shape}; expected (..., 3, 3)")
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            where = tuple(int(i) for i in bad[0])
            raise InvalidModel(f"{name} holds {array[where]} at {list(where)}; expected finite numbers")
    try:
        stack = np.broadcast_shapes(*(array.shape[:-2] for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InvalidModel(f"stacks of matrices do not go together: {shapes}") from None
    kind = np.result_type(float, *arrays.values())
    flat = [np.broadcast_to(a, (*stack, 3, 3)).reshape(-1, 3, 3).astype(kind) for a in arrays.values()]
    return stack, flat


def _numeric(name: str, matrix: ArrayLike) -> np.ndarray:
    try:
        array = np.asarray(matrix)
    except ValueError as error:
        raise InvalidModel(f"{name} is no rectangular array: {error}") from None
    if array.dtype.kind in "biufc":
        return array
    loose = np.array(matrix, dtype=object)
    for where in np.ndindex(loose.shape):
        if not isinstance(loose[where], (int, float, complex, np.number)):
            place = "".join(f"[{i}]" for i in where)
            raise InvalidModel(f"{name} holds {type(loose[where]).__name__} at {place}; expected numbers")
    return loose.astype(complex)


def _run(program: Callable[..., Any], arrays: Any, stack: tuple[int, ...]) -> Any:
    """Results in the shape of the stack; a single matrix has a program of its own, which is quicker for it."""
    run = alone if stack == () else in_chunks
    return jax.tree.map(lambda x: x.reshape((*stack, *x.shape[1:])), run(program, arrays, math.prod(stack)))
