"""Derivatives of the prediction in its uncertain inputs, exact or by the release model's stencil.

Expected counts are linear in every stage (see `.prediction`), so that only the small functions from inputs to stages
are differentiated; their tangents are then pushed to counts, one by one. What pushes works on arrays of numpy, for the
covariance, which is computed once, and of JAX, for fits.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .arrays import Arrays
from .nuisances import emission
from .prediction import FullPrediction, Stages

METHODS = ("stencil", "exact")
"""How functions of uncertain inputs are differentiated."""

STEP = 0.1
"""Step of the stencil in units of an input's error."""

EMISSION_GROUPS = ("energy_per_fission", "thermal_power", "fission_fractions")
"""Groups of the stage ``emission``."""

DETECTOR_GROUPS = ("eres", "lsnl", "iav", "detector_relative")
"""Groups of the stage ``detectors``."""

_STEPS = STEP * np.array([0.0, 0.5, -0.5, 1.0, -1.0])
_WEIGHTS = np.array([0.0, 4 / 3, -4 / 3, -1 / 6, 1 / 6]) / STEP

Anything = Float[Arrays, "..."]
Rows = Float[Arrays, "members bins"]
Mapper = Callable[[Callable[[Any], Anything], Any], Anything]
"""Calls a function at many points and stacks what it gives."""


def one_by_one(function: Callable[[Any], Anything], points: Any) -> Anything:
    """A function of numpy arrays at many points."""
    return np.stack([function(point) for point in points])


def together(function: Callable[[Any], Anything], points: Any) -> Anything:
    """A function of JAX arrays at many points."""
    return jax.vmap(function)(points)


def differentiated(
    function: Callable[[Any], Anything], at: Any, method: str, mapper: Mapper = together
) -> tuple[Anything, Anything]:
    """A function's value and its derivatives, one per component of its argument.

    Args:
        function: of a vector.
        at: where.
        method: ``"stencil"``: [4/3 (f(h/2) - f(-h/2)) - 1/6 (f(h) - f(-h))]/h with h a tenth of the error, which the
            unit of the argument is; ``"exact"``.
        mapper: how the function is called at the points of the stencil.
    """
    if method == "exact":
        value, push = jax.linearize(function, jnp.asarray(at))
        return value, jax.vmap(push)(jnp.eye(len(at)))
    points = at[None, None] + _STEPS[:, None, None] * np.eye(len(at))
    found = mapper(function, points.reshape(-1, len(at)))
    found = found.reshape(len(_STEPS), len(at), *found.shape[1:])
    tall = (-1,) + (1,) * (found.ndim - 1)
    return found[0, 0], (found * _WEIGHTS.reshape(tall)).sum(axis=0)


def of_emission(members: Any, method: str, mapper: Mapper = together) -> tuple[Anything, Anything]:
    """The stage ``emission`` and its derivatives in energies per fission, powers and fractions, one after the other."""
    return differentiated(lambda n: emission(n[:4], n[4:10], n[10:]), members, method, mapper)


def of_detector(prediction: FullPrediction, members: Any, method: str) -> tuple[Anything, Anything]:
    """Response of one detector and its derivatives in resolution, nonlinearity, vessel, efficiency, energy scale."""
    return differentiated(lambda n: prediction.detector(n[:3], n[3:7], n[7:]), members, method)


def spread(found: Anything, detectors: int) -> tuple[Anything, Anything]:
    """Tangents of the stage ``detectors`` from those of each detector.

    Args:
        found: tangents in the ten inputs of a detector, first axis detectors.
        detectors: number of detectors.

    Returns:
        Those of inputs common to all, and those of each detector's own inputs, detector by detector.
    """
    common = found[:, :7].swapaxes(0, 1)
    own = np.eye(detectors)[:, None, :, None, None] * found[:, 7:].swapaxes(0, 1)[None]
    return common, own


def pushed(
    prediction: FullPrediction, stages: Stages, stage: str, tangents: Anything, mapper: Mapper = together
) -> Rows:
    """Changes of the reactor events with changes of one stage, which they depend on linearly."""

    def counts(changed: Any) -> Anything:
        moved = stages._replace(**{stage: changed})
        return prediction.gathered(prediction.seen(moved.detectors, prediction.fine(moved)))

    nothing = counts(0.0 * getattr(stages, stage))
    return mapper(lambda tangent: counts(tangent) - nothing, tangents)


def pushed_detectors(prediction: FullPrediction, stages: Stages, tangents: Anything, mapper: Mapper = together) -> Rows:
    """The same for the stage ``detectors``: events in fine bins stay as they are."""
    fine = prediction.fine(stages)
    return mapper(lambda tangent: prediction.gathered(prediction.seen(tangent, fine)), tangents)


def of_spectra(prediction: FullPrediction, stages: Stages, zeta: Any) -> Rows:
    """Derivatives in the independent errors of the spectra, of which each moves few fine bins."""
    errors, rates = prediction.flux_errors, prediction.rates
    after = prediction.correction is not None and prediction.correction.place == "after"
    fresh = rates.mixed(stages.alive, stages.emission)
    if after:
        fine = errors.columns(fresh) * stages.correction[None, None, :, None]
    else:
        fine = errors.columns(fresh * stages.correction[None, None])
    seen = stages.detectors[rates.detector][:, None] @ fine  # pairs, isotopes, bins, energies
    size = errors.uncorrelated * (1.0 + zeta * errors.correlated)
    rows = seen.swapaxes(2, 3) * size[None, :, :, None]
    pairs, isotopes, energies, bins = rows.shape
    gathered = prediction.gather @ rows.reshape(pairs, -1)
    gathered = gathered.reshape(-1, isotopes * energies, bins).swapaxes(0, 1)
    return gathered.reshape(isotopes * energies, -1)
