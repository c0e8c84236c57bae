"""Observables of one point by plain calls of the user's functions, as FlavorPy computes them; nothing is compiled."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Inexact

from wilks._base.errors import InvalidModel
from wilks.model.user_functions.calls import PlainFunction
from wilks.model.user_functions.identity import IdentifiedFunction, identified
from wilks.physics.flavor.flavorpy_convention import mixing, scaled_observables, unscaled_observables
from wilks.physics.flavor.from_matrices import quark_observables

from .batches import observables_of_points
from .points import SCALE
from .posed import MassMatrix, PosedModel, ScaleFinder

_LEPTONS = ("e", "n")

_DIMENSIONLESS = ("me/mu", "mu/mt", "r", "s12^2", "s13^2", "s23^2", "d/pi", "eta1", "eta2")
_UNSCALED = ("m1_wrong_scaled", "m2_wrong_scaled", "m3_wrong_scaled", "m21^2_wrong_scaled", "m3l^2_wrong_scaled")


def observables_at(posed: PosedModel, numbers: Mapping[str, Any], scale: ScaleFinder | None = None) -> dict[str, float]:
    """All observables of a point.

    Args:
        posed: the model.
        numbers: the point, complete.
        scale: finds neutrino scales; None for the average of what both splittings want.

    Raises:
        UnknownName: if a matrix asks for a parameter that is not there.
        InvalidModel: if a matrix is not 3x3 or holds no finite numbers.
        Exception: whatever a mass matrix raises.
    """
    if posed.has_leptons and (posed.convention == "physical" or scale is not None):
        return _as_batch(posed, numbers, scale)
    found: dict[str, float] = {}
    if posed.has_leptons:
        unscaled = _unscaled(posed, numbers)
        (m21, m3l), (a, b) = posed.targets, (unscaled[f"{name}_wrong_scaled"] for name in ("m21^2", "m3l^2"))
        with np.errstate(all="ignore"):  # no scale fits equal masses: not a number, here as there
            factor = np.sqrt((m21 / a + (abs(m3l) if posed.ordering == "NO" else -abs(m3l)) / b) / 2.0)
            factor = factor if np.isfinite(factor) else np.nan
            found = {name: float(x) for name, x in scaled_observables(unscaled, posed.ordering, factor).items()}
    return found | _quarks(posed, numbers)


def dimensionless_at(posed: PosedModel, numbers: Mapping[str, Any]) -> dict[str, float]:
    """Observables that do not depend on the neutrino scale, and unscaled masses, as FlavorPy names them."""
    if posed.has_leptons and posed.convention == "physical":
        return dimensionless(observables_at(posed, numbers)) | _quarks(posed, numbers)
    found = {}
    if posed.has_leptons:
        unscaled = _unscaled(posed, numbers)
        found = {name: float(unscaled[name]) for name in (*_DIMENSIONLESS, *_UNSCALED)}
    return found | _quarks(posed, numbers)


def dimensionless(scaled: Mapping[str, Any]) -> dict[str, Any]:
    """The same from observables in eV."""
    factor = scaled["nscale"]
    found = {name: scaled[name] for name in _DIMENSIONLESS if name in scaled}
    found |= {f"m{i}_wrong_scaled": scaled[f"m{i}"] / factor for i in (1, 2, 3)}
    return found | {f"{name}_wrong_scaled": scaled[name] / factor**2 for name in ("m21^2", "m3l^2")}


def unscaled_numbers(
    me: Inexact[np.ndarray, "*stack 3 3"], mn: Inexact[np.ndarray, "*stack 3 3"], ordering: str
) -> dict[str, Any]:
    """FlavorPy's dimensionless numbers of stacks of matrices, arrays, or of two matrices, numbers."""
    return unscaled_observables(mixing(me, mn, ordering), ordering)


def _unscaled(posed: PosedModel, numbers: Mapping[str, Any]) -> dict[str, Any]:
    matrices = {kind: _matrix(posed, kind, numbers) for kind in _LEPTONS}
    if not posed.own_scale:
        matrices["n"] = numbers[SCALE] * matrices["n"]
    return unscaled_numbers(matrices["e"], matrices["n"], posed.ordering)


def _quarks(posed: PosedModel, numbers: Mapping[str, Any]) -> dict[str, float]:
    if "quark" not in posed.sector:
        return {}
    found = quark_observables(_matrix(posed, "u", numbers), _matrix(posed, "d", numbers), ckm=posed.ckm)
    return {name: float(value) for name, value in found.items()}


def _as_batch(posed: PosedModel, numbers: Mapping[str, Any], scale: ScaleFinder | None) -> dict[str, float]:
    for kind, _ in posed.matrices:
        _matrix(posed, kind, numbers)  # says what is wrong with the matrix, and where
    found, _ = observables_of_points(posed, {name: np.array([x]) for name, x in _reals(numbers).items()}, scale)
    return {name: float(column[0]) for name, column in found.items()}


def _matrix(posed: PosedModel, kind: str, numbers: Mapping[str, Any]) -> Inexact[np.ndarray, "3 3"]:
    functions = dict(posed.matrices)
    return matrix_at(functions[kind], kind, numbers) if kind in functions else np.identity(3)


def matrix_at(function: MassMatrix, kind: str, numbers: Mapping[str, Any]) -> Inexact[np.ndarray, "3 3"]:
    """A mass matrix at one point.

    Raises:
        UnknownName: if it asks for a parameter that is not there.
        InvalidModel: if it is not 3x3 or holds no finite numbers.
        Exception: whatever the function raises.
    """
    reals = _reals(numbers)
    plain = PlainFunction(_identified(function), f"mass_matrix_{kind}", tuple(reals), ())
    matrix = plain.at(reals.values())
    if matrix.shape != (3, 3):
        raise InvalidModel(
            f"mass_matrix_{kind} has shape {matrix.shape} at {plain.text(reals.values())}; expected (3, 3)"
        )
    return matrix


def _reals(numbers: Mapping[str, Any]) -> dict[str, float]:
    return {name: x for name, x in numbers.items() if isinstance(x, float)}


@functools.lru_cache(maxsize=64)
def _identified(function: MassMatrix) -> IdentifiedFunction:
    return identified(function)
