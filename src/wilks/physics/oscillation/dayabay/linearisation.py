"""Expected counts with their derivatives in all parameters, for predictions with and without pulled inputs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Theta, Values

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
from .nuisances import LINEAR_GROUPS, nonequilibrium, pull_parameters, pull_scales, spent_fuel
from .prediction import NORMALISATION, FullPrediction, Normalised, Stages, parameters_of

Linearised = tuple[Float[Array, " bins"], Float[Array, "parameters bins"]]
"""Expected counts, and their derivatives, one row per parameter."""

_TOGETHER = 8  # directions of which second derivatives are computed side by side


def linearised(prediction: FoldedPrediction | FullPrediction, theta: Theta) -> Linearised:
    """Expected counts and their exact derivatives."""
    if isinstance(prediction, FoldedPrediction):
        return prediction.linearised(theta)
    return _of_full(prediction, theta)


def curvature_of_mean(
    prediction: FoldedPrediction | FullPrediction, theta: Theta, weights: Float[Array, " bins"]
) -> Float[Array, "parameters parameters"]:
    """Second derivatives of a weighted sum of expected counts."""
    if isinstance(prediction, FoldedPrediction):
        return prediction.curvature(theta, weights)
    curved = _curved(prediction)

    def gradient(at: Theta) -> Theta:
        return jax.grad(lambda x: jnp.dot(weights, prediction(prediction.space.unpack(x))))(at)

    _, push = jax.linearize(gradient, theta)
    rows = jax.lax.map(push, jnp.eye(theta.shape[0])[curved], batch_size=_TOGETHER)
    size = theta.shape[0]
    return jnp.zeros((size, size)).at[curved].set(rows).at[:, curved].set(rows.T)


def _curved(prediction: FullPrediction) -> np.ndarray:
    """Parameters in which expected counts are not linear."""
    sizes = dict(prediction.sizes)
    linear = {p.name for g in prediction.pulled if g in LINEAR_GROUPS for p in pull_parameters(g, sizes[g])}
    return np.array([i for i, name in enumerate(prediction.space.names) if name not in linear], dtype=int)


def _of_full(prediction: FullPrediction, theta: Theta) -> Linearised:
    values = prediction.space.unpack(theta)
    given = prediction.normalised(values)
    stages = prediction.stages(values, given)
    mean = prediction.combine(values, stages, given)
    scale = prediction.scale(values, given)
    rows = [scale * pushed(prediction, stages, "alive", _oscillating(prediction, values, given))]
    if prediction.correction is not None:
        knots = jnp.stack([jnp.asarray(values[name], float) for name in prediction.knots])
        slopes = prediction.correction.slopes(knots) * stages.correction[None]
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
    prediction: FullPrediction, values: Values, given: Normalised, stages: Stages, signal: Float[Array, " bins"]
) -> dict[str, Float[Array, "members bins"]]:
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
        factor, slope = differentiated(
            lambda x: prediction.scale(values, {"absolute_efficiency": x}), given["absolute_efficiency"], "exact"
        )
        found["absolute_efficiency"] = slope[:, None] * signal[None]
    return found


def _common(prediction: FullPrediction, n: Normalised) -> Any:
    return differentiated(lambda x: prediction.flux_errors.fold(x, n["hm_uncorr"]), n["hm_corr"], "exact")[1]


def _of_detectors(prediction: FullPrediction, n: Normalised, stages: Stages) -> dict[str, Any]:
    own = prediction.own(n)
    shared = jnp.concatenate([n["eres"], n["lsnl"]])

    def of_one(mine: Float[Array, "3"]) -> Any:
        return of_detector(prediction, jnp.concatenate([shared, mine]), "exact")[1]

    common, apart = spread(jax.lax.map(of_one, own), own.shape[0])
    tangents = (common[:3], common[3:], apart[:, 0], apart[:, 1:].reshape(-1, *apart.shape[2:]))
    pushing = [pushed_detectors(prediction, stages, tangent) for tangent in tangents]
    return dict(zip(DETECTOR_GROUPS, pushing, strict=True))
