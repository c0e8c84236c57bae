"""The covariance of expected counts from uncertain inputs, computed at one point and kept: V = K K^T.

K has as many columns as V has eigenvalues that matter beside the statistical variance: V is scaled by the square roots
of the expected counts, and eigenvalues below a tolerance are dropped. What is dropped changes chi-square by less than
that tolerance, relatively, since the statistical variance is that scale squared to good approximation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.typing import Values

from .constants import ABSOLUTE_ERROR
from .derivatives import (
    DETECTOR_GROUPS,
    Anything,
    Rows,
    differentiated,
    of_detector,
    of_emission,
    of_spectra,
    one_by_one,
    pushed,
    pushed_detectors,
    spread,
)
from .nuisances import nonequilibrium, spent_fuel
from .prediction import FullPrediction, Stages

TOLERANCE = 1e-7
"""Smallest eigenvalue of the scaled covariance that is kept: chi-square is right to this, relatively."""

Columns = dict[str, Float[np.ndarray, "members bins"]]
"""Changes of the expected counts with the members of every group, per error."""


@dataclass(frozen=True, eq=False)
class Systematics:
    """Covariance of the expected counts from groups of uncertain inputs.

    Args:
        columns: change of the counts with every member of every group.
        mean: expected counts where they were computed.
        response: response of every detector at central values.
        method: ``"stencil"`` or ``"exact"``.
    """

    columns: Columns
    mean: Float[np.ndarray, " bins"]
    response: Float[np.ndarray, "final fine"]
    method: str

    def matrix(self, groups: Sequence[str] | None = None) -> Float[np.ndarray, "bins bins"]:
        """V, the sum over groups of J J^T; all groups by default."""
        rows = [self.columns[group] for group in (self.columns if groups is None else groups)]
        if not rows:
            return np.zeros((len(self.mean), len(self.mean)))
        joined = np.concatenate(rows)
        return joined.T @ joined

    def root(self, tolerance: float = TOLERANCE) -> Float[np.ndarray, "bins rank"]:
        """K with K K^T = V up to a tolerance; see the head of this file."""
        if not self.columns:
            return np.zeros((len(self.mean), 0))
        scale = np.sqrt(self.mean)
        values, vectors = np.linalg.eigh(self.matrix() / np.outer(scale, scale))
        kept = values > tolerance
        return scale[:, None] * vectors[:, kept] * np.sqrt(values[kept])


def systematics(prediction: FullPrediction, values: Values, groups: Sequence[str], method: str) -> Systematics:
    """Derivatives of the expected counts in the members of groups, all uncertain inputs at their central values.

    Args:
        prediction: expected counts.
        values: oscillations and knots at which they are computed.
        groups: names of the groups.
        method: ``"stencil"`` or ``"exact"``.
    """
    stages, of_stages, of_detectors = _tangents(prediction, values, method)
    background = prediction.gathered(prediction.backgrounds)
    signal = prediction.gathered(prediction.seen(stages.detectors, prediction.fine(stages)))
    scale = float(prediction.scale(values, {}))

    def rows(group: str) -> Rows:
        if group == "background_rate":
            return np.stack([prediction.gathered(change) for change in prediction.background_columns])
        if group == "absolute_efficiency":
            return scale * ABSOLUTE_ERROR * signal[None]
        if group == "hm_uncorr":
            return scale * of_spectra(prediction, stages, 0.0)
        if group in of_detectors:
            return scale * pushed_detectors(prediction, stages, of_detectors[group], one_by_one)
        return scale * pushed(prediction, stages, *of_stages[group], one_by_one)

    columns = {group: np.asarray(rows(group)) for group in groups}
    return Systematics(columns, np.asarray(scale * signal + background), np.asarray(stages.detectors[0]), method)


def _tangents(
    prediction: FullPrediction, values: Values, method: str
) -> tuple[Stages, dict[str, tuple[str, Anything]], dict[str, Anything]]:
    """Stages at central values; per group the stage it moves and by how much; the same for inputs of detectors."""
    alive, d_alive = _in_numpy(_alive(prediction, values, method))
    detector, d_detector = _in_numpy(_detector(prediction, method))
    if method == "exact":
        emission, d_emission = _in_numpy(_emission(method))
    else:
        emission, d_emission = of_emission(np.zeros(34), method, one_by_one)
    many = len(prediction.rates.lengths_m)
    stages = Stages(
        alive,
        np.asarray(prediction.correction_at(values)),
        emission,
        nonequilibrium(np.zeros(18)),
        spent_fuel(np.zeros(6)),
        np.asarray(prediction.main),
        np.broadcast_to(detector[None], (many, *detector.shape)),
    )
    energies, powers, fractions = np.split(d_emission, [4, 10])
    of_stages: dict[str, tuple[str, Anything]] = {
        "survival_probability": ("alive", d_alive),
        "energy_per_fission": ("emission", energies),
        "thermal_power": ("emission", powers),
        "fission_fractions": ("emission", fractions),
        "neq": ("long_lived", np.stack([nonequilibrium(n) for n in np.eye(18)]) - stages.long_lived),
        "snf": ("spent", np.stack([spent_fuel(n) for n in np.eye(6)]) - stages.spent),
        "hm_corr": ("main", np.asarray(prediction.flux_errors.common)[None]),
    }
    common, own = spread(np.broadcast_to(d_detector[None], (many, *d_detector.shape)), many)
    split = (common[:3], common[3:], own[:, 0], own[:, 1:].reshape(-1, *own.shape[2:]))
    return stages, of_stages, dict(zip(DETECTOR_GROUPS, split, strict=True))


def _in_numpy(found: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(found[0]), np.asarray(found[1])


@eqx.filter_jit
def _alive(prediction: FullPrediction, values: Values, method: str) -> tuple[Anything, Anything]:
    return differentiated(lambda n: prediction.alive_at(values, n), jnp.zeros(2), method)


@eqx.filter_jit
def _detector(prediction: FullPrediction, method: str) -> tuple[Anything, Anything]:
    return of_detector(prediction, jnp.zeros(10), method)


@eqx.filter_jit
def _emission(method: str) -> tuple[Anything, Anything]:
    return of_emission(jnp.zeros(34), method)
