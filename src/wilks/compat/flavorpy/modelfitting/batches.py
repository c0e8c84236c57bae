"""Observables of many points in one batched call, by the face's names and rules."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from wilks.physics.flavor.model import evaluate

from .points import SCALE
from .posed import PosedModel, ScaleFinder, native_model

_IN_EV = ("m21^2", "m3l^2", "m1", "m2", "m3", "Sum(m_i)", "m_b", "m_bb", "nscale")

Columns = dict[str, Float[np.ndarray, " points"]]


def observables_of_points(
    posed: PosedModel, columns: Mapping[str, Float[np.ndarray, " points"]], scale: ScaleFinder | None = None
) -> tuple[Columns, dict[str, Bool[np.ndarray, " points"]]]:
    """Observables of many points, not a number where a matrix or the scale is none, and flags.

    Args:
        posed: the model.
        columns: parameters by name; others are left aside.
        scale: finds the neutrino scales; None for the average of what both splittings want.
    """
    model = native_model(posed)
    count = max((len(column) for column in columns.values()), default=0)
    theta = np.empty((count, len(model.space)))
    for i, name in enumerate(model.space.names):
        theta[:, i] = columns[name]
    sound = np.isfinite(theta).all(axis=-1, keepdims=True)
    theta = np.where(sound, theta, model.space.starts)
    found = evaluate(model, theta, scale=None if scale is None else scale(theta))
    numbers = {name: np.array(found[name], dtype=float) for name in found}
    flags = {name: np.asarray(found.flags[name]) for name in found.flags}
    nowhere = np.logical_or(~sound.ravel(), flags["not_finite"])
    if posed.has_leptons:
        unscaled = np.logical_or.reduce([nowhere, flags["scale_undefined"], ~(numbers["nscale"] > 0)])
        for name in _IN_EV:
            if name in numbers:
                numbers[name][unscaled] = np.nan
        if SCALE in columns and not posed.own_scale:
            numbers["nscale"] = numbers["nscale"] / np.asarray(columns[SCALE], dtype=float)
    for column in numbers.values():
        column[nowhere] = np.nan
    return numbers, flags
