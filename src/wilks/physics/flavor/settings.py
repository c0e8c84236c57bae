"""The words and figures with which a flavour model is set up, checked before anything is computed."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel, InvalidOption, check_option
from wilks._base.notices import notice
from wilks.model.user_functions.function import UserFunction
from wilks.model.user_functions.probes import probe
from wilks.parameters.space import ParameterSpace

from .splittings import AVERAGED, NUFIT_53

OPTIONS = {
    "ordering": ("NO", "IO", "auto"),
    "nature": ("auto", "majorana", "dirac"),
    "scale": ("profile", "average", "free"),
    "ckm": ("standard", "wolfenstein"),
    "quark_fields": ("dirac", "weyl"),
    "convention": ("physical", "flavorpy"),
}
"""Allowed words."""

SCALE_PARAMETER = "n_scale"
"""The parameter that scales neutrino masses; 1 where a space has none."""

_SYMMETRIC = 1e-10


def check_words(**words: str) -> None:
    """Refuse unknown words, and pairs that do not go together.

    Raises:
        InvalidOption: listing the allowed words.
    """
    for what, word in words.items():
        check_option(what, word, OPTIONS[what])
    if words.get("convention") == "flavorpy" and words.get("ordering") == "auto":
        raise InvalidOption("convention 'flavorpy' knows no ordering 'auto'; choose NO or IO")


def splittings_table(
    given: Mapping[str, tuple[float, float, float, float]] | None, scale: str
) -> Float[np.ndarray, "orderings 4"]:
    """Best values and 1 sigma of the splittings, first for normal, then for inverted ordering.

    Raises:
        InvalidModel: for a wrong sign, or a standard deviation that is not positive.
    """
    table = []
    for ordering, (m21, sigma21, m3l, sigma3l) in NUFIT_53.items():
        if scale == "average":
            m21, m3l = AVERAGED[ordering]
        table.append(tuple(map(float, (given or {}).get(ordering, (m21, sigma21, m3l, sigma3l)))))
        _check_splittings(ordering, table[-1])
    for ordering in given or {}:
        check_option("ordering", ordering, NUFIT_53)
    return np.array(table)


def _check_splittings(ordering: str, row: tuple[float, ...]) -> None:
    m21, sigma21, m3l, sigma3l = row
    sign = 1.0 if ordering == "NO" else -1.0
    if not (m21 > 0 and sigma21 > 0 and sign * m3l > 0 and sigma3l > 0):
        raise InvalidModel(
            f"splittings {row} of ordering {ordering}: expected (m21^2, sigma, m3l^2, sigma) in eV^2 with m21^2 and "
            f"both sigmas positive and m3l^2 {'positive' if sign > 0 else 'negative'}"
        )


def resolved_nature(nature: str, mass_matrix_n: UserFunction | None, space: ParameterSpace, said: bool) -> str:
    """Whether neutrinos are Majorana or Dirac particles: by M_n at three points of the space if it is left open.

    Args:
        nature: "majorana", "dirac" or "auto".
        mass_matrix_n: M_n; None for the identity.
        space: its parameters.
        said: whether to tell the user what was found.

    Raises:
        InvalidModel: if "majorana" was said and M_n is not symmetric.
    """
    if nature == "dirac" or mass_matrix_n is None:
        return "dirac" if nature == "dirac" else "majorana"
    asymmetry = largest_asymmetry(probe(mass_matrix_n.plain, space, (3, 3)).results)
    if nature == "majorana":
        check_symmetric(asymmetry)
        return nature
    found = "majorana" if asymmetry <= _SYMMETRIC else "dirac"
    if said and found == "majorana":
        notice("mass_matrix_n is symmetric: neutrinos are taken as Majorana particles (nature='dirac' if they are not)")
    elif said:
        notice(
            "mass_matrix_n is not symmetric: neutrinos are taken as Dirac particles, without eta1, eta2 and m_bb "
            "(symmetrise the matrix for Majorana particles)"
        )
    return found


def largest_asymmetry(matrices: np.ndarray) -> float:
    """Largest |M - M^T|/|M| of a stack."""
    size = np.linalg.norm(matrices, axis=(-2, -1))
    difference = np.linalg.norm(matrices - np.swapaxes(matrices, -1, -2), axis=(-2, -1))
    return float(np.max(difference / np.where(size > 0, size, 1.0), initial=0.0))


def check_symmetric(asymmetry: float) -> None:
    """Refuse a neutrino mass matrix of Majorana particles that is not symmetric.

    Raises:
        InvalidModel: with the size of the asymmetry.
    """
    if not asymmetry <= _SYMMETRIC:
        raise InvalidModel(
            f"nature='majorana' needs a symmetric M_n, but |M_n - M_n^T|/|M_n| is {asymmetry:.3g}; symmetrise it, "
            "(M + M^T)/2, or say nature='dirac'"
        )


def is_symmetric(matrices: np.ndarray) -> bool:
    """Whether every matrix of a stack equals its transpose within 1e-10 of its norm."""
    return largest_asymmetry(matrices) <= _SYMMETRIC


def announce_idle(matrices: Mapping[str, UserFunction], space: ParameterSpace, scale: str) -> None:
    """Say which free parameters no matrix depends on."""
    used_by_scale = {SCALE_PARAMETER} if scale == "free" else set()
    idle = set(space.free) - used_by_scale
    for function in matrices.values():
        idle &= set(function.without_effect)
    for name in space.free:
        if name in idle:
            notice(f"parameter {name!r} has no effect on any mass matrix; a fit cannot determine it")
