"""Expected counts with their derivatives in all parameters, for predictions with and without pulled inputs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.typing import Theta, Values
from wilks.parameters.space import ParameterSpace

from .arrays import Arrays
from .derivatives import (
    DETECTOR_GROUPS,
    differentiated,
    of_detector,
    of_emission,
    of_spectra,
    pushed,
    pushed_detectors,
    spread,
)
from .folded import FoldedPrediction
from .nuisances import (
    nonequilibrium,
    pull_parameters,
    pull_scales,
    relative,
    resolution,
    spent_fuel,
    vessel_scale,
)
from .prediction import NORMALISATION, FullPrediction, Normalised, Stages, parameters_of
from .response import resolution_matrix

Linearised = tuple[Float[Arrays, " bins"], Float[Arrays, "parameters bins"]]
"""Expected counts, and their derivatives, one row per parameter."""


def linearised(prediction: FoldedPrediction | FullPrediction, theta: Theta) -> Linearised:
    """Expected counts and their exact derivatives."""
    if isinstance(prediction, FoldedPrediction):
        return prediction.linearised(theta)
    return _of_full(prediction, theta)


def detector_curvature(
    prediction: FoldedPrediction | FullPrediction, theta: Theta, weights: Float[Arrays, " bins"]
) -> Float[Arrays, "parameters parameters"]:
    """Most of the second derivatives of a weighted sum of expected counts in pulled resolution and nonlinearity.

    These inputs are nearly degenerate with the errors of the spectra, so that fits of them need it.
    """
    size = theta.shape[0]
    matrix = jnp.zeros((size, size))
    if isinstance(prediction, FoldedPrediction):
        return matrix
    each = prediction.gather.T @ weights.reshape(prediction.gather.shape[0], -1)
    for group, rows in (("lsnl", _of_nonlinearity), ("eres", _of_resolution)):
        if group in prediction.pulled:
            where = _indices(prediction.space, group, dict(prediction.sizes)[group])
            matrix = matrix.at[where].set(rows(prediction, theta, each))
            matrix = matrix.at[:, where].set(matrix[where].T)
    return matrix


def _of_nonlinearity(
    prediction: FullPrediction, theta: Theta, weights: Float[Arrays, "pairs bins"]
) -> Float[Arrays, "4 parameters"]:
    """Second derivatives in the nonlinearity and everything that moves events in fine bins of deposited energy."""

    def fine(at: Theta) -> Float[Arrays, "pairs fine"]:
        values = prediction.space.unpack(at)
        given = prediction.normalised(values)
        return prediction.scale(values, given) * prediction.fine(prediction.stages(values, given))

    n = prediction.completed(prediction.normalised(prediction.space.unpack(theta)))

    def slopes(own: Float[Arrays, "3"]) -> Float[Arrays, "4 bins fine"]:
        return differentiated(lambda curves: prediction.detector(n["eres"], curves, own), n["lsnl"], "exact")[1]

    moved = jnp.swapaxes(jax.lax.map(slopes, prediction.own(n)), 0, 1)[:, prediction.rates.detector]
    events, pull_back = jax.vjp(fine, theta)
    rows = jax.vmap(lambda cotangent: pull_back(cotangent)[0])(jnp.sum(weights[None, :, :, None] * moved, axis=2))
    return _with_own(prediction, rows, _bent_scales(prediction, n, weights, events))


def _bent_scales(
    prediction: FullPrediction,
    n: Normalised,
    weights: Float[Arrays, "pairs bins"],
    events: Float[Arrays, "pairs fine"],
) -> Float[Arrays, "detectors 6 6"]:
    """Second derivatives of each detector's weighted counts in the nonlinearity, its efficiency and energy scale."""
    response = prediction.response
    smeared = response.rebinning @ resolution_matrix(resolution(n["eres"]), sharp=not response.smoothing_MeV)
    members = jax.nn.one_hot(prediction.rates.detector, prediction.rates.lengths_m.shape[0]).T

    def of_one(inputs: tuple[Array, Array]) -> Float[Arrays, "6 6"]:
        own, mine = inputs
        weight = (mine[:, None] * weights @ smeared).T @ (events @ response.losses(vessel_scale(own[0])).T)

        def weighted(at: Float[Arrays, "6"]) -> Float[Arrays, ""]:
            efficiency, scale = relative(at[4:])
            return efficiency * jnp.sum(weight * response.nonlinearity(at[:4], scale))

        return jax.hessian(weighted)(jnp.concatenate([n["lsnl"], own[1:]]))

    return jax.lax.map(of_one, (prediction.own(n), members))


def _with_own(
    prediction: FullPrediction, rows: Float[Arrays, "4 parameters"], bent: Float[Arrays, "detectors 6 6"]
) -> Float[Arrays, "4 parameters"]:
    """Rows of the nonlinearity, completed by its second derivatives with itself and what each detector has."""
    sizes, pulled = dict(prediction.sizes), prediction.pulled
    rows = jnp.asarray(rows).at[:, _indices(prediction.space, "lsnl", 4)].set(jnp.sum(bent[:, :4, :4], axis=0))
    if "detector_relative" in pulled:
        where = _indices(prediction.space, "detector_relative", sizes["detector_relative"])
        rows = rows.at[:, where].set(jnp.swapaxes(bent[:, :4, 4:], 0, 1).reshape(4, -1))
    return rows


def _of_resolution(
    prediction: FullPrediction, theta: Theta, weights: Float[Arrays, "pairs bins"]
) -> Float[Arrays, "3 parameters"]:
    """Second derivatives in the resolution and every other input."""
    response, rebinned = prediction.response, weights @ prediction.response.rebinning

    def visible(at: Theta) -> Float[Arrays, "pairs fine"]:
        values = prediction.space.unpack(at)
        given = prediction.normalised(values)
        n = prediction.completed(given)

        def unsmeared(own: Float[Arrays, "3"]) -> Float[Arrays, "fine fine"]:
            efficiency, scale = relative(own[1:])
            return efficiency * response.nonlinearity(n["lsnl"], scale) @ response.losses(vessel_scale(own[0]))

        matrices = jax.lax.map(unsmeared, prediction.own(n))[prediction.rates.detector]
        fine = prediction.fine(prediction.stages(values, given))
        return prediction.scale(values, given) * (matrices @ fine[:, :, None])[:, :, 0]

    def smearing(eres: Float[Arrays, "3"]) -> Float[Arrays, "fine fine"]:
        return resolution_matrix(resolution(eres), sharp=not response.smoothing_MeV)

    eres = prediction.completed(prediction.normalised(prediction.space.unpack(theta)))["eres"]
    seen, pull_back = jax.vjp(visible, theta)
    slopes = differentiated(smearing, eres, "exact")[1]
    rows = jax.vmap(lambda slope: pull_back(rebinned @ slope)[0])(slopes)
    bent = jax.hessian(lambda at: jnp.sum((rebinned.T @ seen) * smearing(at)))(eres)
    return rows.at[:, _indices(prediction.space, "eres", 3)].set(bent)


def _indices(space: ParameterSpace, group: str, size: int) -> Int[np.ndarray, " members"]:
    return np.array(space.indices(p.name for p in pull_parameters(group, size)), dtype=int)


def _of_full(prediction: FullPrediction, theta: Theta) -> Linearised:
    values = prediction.space.unpack(theta)
    given = prediction.normalised(values)
    stages = prediction.stages(values, given)
    mean = prediction.combine(values, stages, given)
    scale = prediction.scale(values, given)
    rows: list[Arrays] = [scale * pushed(prediction, stages, "alive", _oscillating(prediction, values, given))]
    if prediction.correction is not None:
        slopes = prediction.correction.slopes(prediction.knot_values(values)) * stages.correction[None]
        rows.append(scale * pushed(prediction, stages, "correction", slopes))
    signal = prediction.gathered(prediction.seen(stages.detectors, prediction.fine(stages)))
    if NORMALISATION in prediction.space:
        rows.append((scale / values[NORMALISATION] * signal)[None])
    found = _of_groups(prediction, values, given, stages, signal)
    for group in prediction.pulled:
        _, width = pull_scales(group, dict(prediction.sizes)[group])
        rows.append(found[group] / width[:, None])
    return mean, jnp.concatenate(rows)


def _oscillating(prediction: FullPrediction, values: Values, given: Normalised) -> Any:
    """Derivatives of the survival probabilities in the parameters of the space."""
    names = tuple(p.name for p in parameters_of(prediction.survival))
    solar = prediction.completed(given)["survival_probability"]
    at = jnp.stack([jnp.asarray(values[name], float) for name in names])
    return differentiated(lambda x: prediction.alive_at(dict(zip(names, x, strict=True)), solar), at, "exact")[1]


def _of_groups(
    prediction: FullPrediction, values: Values, given: Normalised, stages: Stages, signal: Float[Arrays, " bins"]
) -> dict[str, Float[Arrays, "members bins"]]:
    """Derivatives of the expected counts in the members of the pulled groups."""
    n, scale = prediction.completed(given), prediction.scale(values, given)
    found: dict[str, Any] = {}

    def push(stage: str, tangents: Any) -> Any:
        return scale * pushed(prediction, stages, stage, tangents)

    if "survival_probability" in given:
        alive = differentiated(lambda x: prediction.alive_at(values, x), n["survival_probability"], "exact")[1]
        found["survival_probability"] = push("alive", alive)
    if {"energy_per_fission", "thermal_power", "fission_fractions"} & set(given):
        members = jnp.concatenate([n["energy_per_fission"], n["thermal_power"], n["fission_fractions"]])
        rows = push("emission", of_emission(members, "exact")[1])
        found |= {"energy_per_fission": rows[:4], "thermal_power": rows[4:10], "fission_fractions": rows[10:]}
    if "neq" in given:
        found["neq"] = push("long_lived", differentiated(nonequilibrium, n["neq"], "exact")[1])
    if "snf" in given:
        found["snf"] = push("spent", differentiated(spent_fuel, n["snf"], "exact")[1])
    if "hm_corr" in given:
        found["hm_corr"] = push("main", _common(prediction, n))
    if "hm_uncorr" in given:
        found["hm_uncorr"] = scale * of_spectra(prediction, stages, n["hm_corr"][0])
    if set(DETECTOR_GROUPS) & set(given):
        found |= {g: scale * rows for g, rows in _of_detectors(prediction, n, stages).items()}
    if "background_rate" in given:
        found["background_rate"] = jax.vmap(prediction.gathered)(jnp.asarray(prediction.background_columns))
    if "absolute_efficiency" in given:
        slope = differentiated(
            lambda x: prediction.scale(values, {"absolute_efficiency": x}), given["absolute_efficiency"], "exact"
        )[1]
        found["absolute_efficiency"] = slope[:, None] * signal[None]
    return found


def _common(prediction: FullPrediction, n: Normalised) -> Any:
    return differentiated(lambda x: prediction.flux_errors.fold(x, n["hm_uncorr"]), n["hm_corr"], "exact")[1]


def _of_detectors(prediction: FullPrediction, n: Normalised, stages: Stages) -> dict[str, Any]:
    own = prediction.own(n)
    shared = jnp.concatenate([n["eres"], n["lsnl"]])

    def of_one(mine: Float[Arrays, "3"]) -> Any:
        return of_detector(prediction, jnp.concatenate([shared, mine]), "exact")[1]

    common, apart = spread(jax.lax.map(of_one, own), own.shape[0])
    tangents = (common[:3], common[3:], apart[:, 0], apart[:, 1:].reshape(-1, *apart.shape[2:]))
    pushing = [pushed_detectors(prediction, stages, tangent) for tangent in tangents]
    return dict(zip(DETECTOR_GROUPS, pushing, strict=True))
