"""FlavorPy's functions of mass matrices and mixing matrices; stacks of matrices give arrays."""

from typing import Any

import numpy as np
from jaxtyping import Complex
from numpy.typing import ArrayLike

from wilks._base.notices import notice
from wilks.physics.flavor.flavorpy_convention import pmns_parameters
from wilks.physics.flavor.from_matrices import angles, ckm, lepton_observables, pmns, quark_observables
from wilks.physics.mixing import wolfenstein

from .single_point import dimensionless, unscaled_numbers

_IDENTITY = np.identity(3)
_CONVENTION = (
    "convention='flavorpy': m_b, m_bb, eta1, eta2 are the numbers that FlavorPy 0.2.0 prints, which are wrong in "
    "general (see docs/for-flavorpy-users.md); convention='physical' gives the right ones"
)


def announce_convention() -> None:
    """Say once which numbers are FlavorPy's."""
    notice(_CONVENTION)


def calculate_quark_observables(
    mass_matrix_u: ArrayLike = _IDENTITY, mass_matrix_d: ArrayLike = _IDENTITY, parameterization: str = "standard"
) -> dict[str, Any]:
    """Mass ratios and mixing of quarks.

    Args:
        mass_matrix_u: up-type quarks, (..., 3, 3), left-handed field on the left index.
        mass_matrix_d: down-type quarks.
        parameterization: "standard" or "wolfenstein".
    """
    return dict(quark_observables(mass_matrix_u, mass_matrix_d, ckm=parameterization))


def calculate_lepton_observables(
    mass_matrix_e: ArrayLike = _IDENTITY,
    mass_matrix_n: ArrayLike = _IDENTITY,
    ordering: str = "NO",
    m21sq_best: float | None = None,
    m3lsq_best: float | None = None,
    *,
    convention: str = "flavorpy",
) -> dict[str, Any]:
    """All lepton observables, the neutrino scale being the average of what both splittings want.

    Args:
        mass_matrix_e: charged leptons, (..., 3, 3), left-handed field on the left index.
        mass_matrix_n: neutrinos.
        ordering: "NO" or "IO".
        m21sq_best: best m2^2 - m1^2 in eV^2.
        m3lsq_best: best m3^2 - m_l^2 in eV^2.
        convention: "flavorpy" or "physical".
    """
    if convention == "flavorpy":
        announce_convention()
    found = lepton_observables(
        mass_matrix_e,
        mass_matrix_n,
        ordering=ordering,
        convention=convention,
        m21sq_best=m21sq_best,
        m3lsq_best=m3lsq_best,
    )
    return dict(found)


def calculate_lepton_dimensionless_observables(
    mass_matrix_e: ArrayLike = _IDENTITY,
    mass_matrix_n: ArrayLike = _IDENTITY,
    ordering: str = "NO",
    *,
    convention: str = "flavorpy",
) -> dict[str, Any]:
    """Lepton observables that do not depend on the neutrino scale, and unscaled masses; arguments as above."""
    if convention == "physical":
        return dimensionless(lepton_observables(mass_matrix_e, mass_matrix_n, ordering=ordering, convention=convention))
    announce_convention()
    me, mn = (np.asarray(matrix, dtype=complex) for matrix in np.broadcast_arrays(mass_matrix_e, mass_matrix_n))
    found = unscaled_numbers(me.reshape(-1, 3, 3), mn.reshape(-1, 3, 3), ordering)
    return {name: _plain(x.reshape(me.shape[:-2])) for name, x in found.items() if name not in ("J", "Jmax")}


def calculate_ckm(Mu: ArrayLike = _IDENTITY, Md: ArrayLike = _IDENTITY) -> Complex[np.ndarray, "*stack 3 3"]:
    """Mixing matrix of quarks; its phases are not physical."""
    return ckm(Mu, Md)


def calculate_pmns(
    Me: ArrayLike = _IDENTITY, Mn: ArrayLike = _IDENTITY, ordering: str = "NO", *, convention: str = "flavorpy"
) -> Complex[np.ndarray, "*stack 3 3"]:
    """Mixing matrix of leptons; its phases are not physical."""
    return pmns(Me, Mn, ordering=ordering, convention=convention)


def get_wolfenstein_parameters(CKM: ArrayLike) -> dict[str, Any]:
    """Wolfenstein parameters of a quark mixing matrix: lambda (also as l), A, rhobar, etabar."""
    lambda_, *others = (_plain(x) for x in wolfenstein(np.asarray(CKM)))
    return {"lambda": lambda_, **dict(zip(("A", "rhobar", "etabar"), others, strict=True)), "l": lambda_}


def get_standard_parameters_ckm(CKM: ArrayLike) -> dict[str, Any]:
    """Angles t12, t13, t23 and phase dq of a quark mixing matrix, in degrees."""
    found = angles(CKM).degrees()
    return {name: _plain(x) for name, x in zip(("t12", "t13", "t23", "dq"), found, strict=True)}


def get_standard_parameters_pmns(PMNS: ArrayLike, *, convention: str = "flavorpy") -> dict[str, Any]:
    """Squares of sines, d/pi, eta1 and eta2 of a lepton mixing matrix with the phases that it has.

    Args:
        PMNS: (..., 3, 3).
        convention: "flavorpy" for phases modulo 2, or "physical" for phases modulo 1, the ambiguity that they have.
    """
    matrix = np.asarray(PMNS)
    if convention == "flavorpy":
        found = pmns_parameters(matrix.reshape(-1, 3, 3).astype(complex))
        return {name: _plain(x.reshape(matrix.shape[:-2])) for name, x in found.items()}
    s12, s13, s23, delta = (np.asarray(x) for x in angles(matrix))
    d = delta / np.pi
    eta1, eta2 = ((np.angle(matrix[..., 0, k] / matrix[..., 0, 2]) / np.pi - d) % 1.0 for k in (0, 1))
    named = {"s12^2": s12, "s13^2": s13, "s23^2": s23, "d/pi": d, "eta1": eta1, "eta2": eta2}
    return {name: _plain(value) for name, value in named.items()}


def _plain(value: Any) -> Any:
    """A Python float where there is one number."""
    return np.asarray(value).item() if np.ndim(value) == 0 else np.asarray(value)
