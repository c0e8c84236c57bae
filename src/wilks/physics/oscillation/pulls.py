"""Auxiliary measurements of parameters as further residuals, and averages in which they are integrated out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Values
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from .experiment import Study
from .spaces import SINE


class WithPulls(AbstractPredictor[Float[Array, " values"]]):
    """A prediction followed by the parameters that have an auxiliary measurement.

    Residuals of the longer vector are those of the data and the pull terms, so that fits profile the parameters and
    pseudo-experiments fluctuate the auxiliary measurements with the data.

    Args:
        inner: prediction of the data.
        pulls: names of the measured parameters.
    """

    space: ParameterSpace
    inner: AbstractPredictor[Float[Array, " values"]]
    pulls: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, inner: AbstractPredictor[Float[Array, " values"]], pulls: tuple[str, ...]) -> None:
        self.space, self.inner, self.pulls = inner.space, inner, pulls

    def __call__(self, values: Values) -> Float[Array, " values"]:
        """Prediction of the data, then the pulled parameters."""
        pulled = [jnp.asarray(values[name], float)[None] for name in self.pulls]
        return jnp.concatenate([self.inner(values), *pulled])


@dataclass(frozen=True)
class AverageRatio:
    """Measured over expected without a sterile neutrino, averaged over an experiment's points.

    Args:
        ratio: the average.
        error: its error with all common uncertainties.
        chi2: of a constant ratio.
        points: number of points.
        name: what was averaged.
    """

    ratio: float
    error: float
    chi2: float
    points: int
    name: str

    @property
    def deficit(self) -> float:
        """How many errors the average lies below 1."""
        return (1.0 - self.ratio) / self.error

    def __str__(self) -> str:
        return (
            f"{self.name}: R = {self.ratio:.4f} +- {self.error:.4f}, {self.deficit:.1f} sigma below 1 "
            f"(chi2 {self.chi2:.1f} for {self.points - 1} degrees of freedom)"
        )


def block_covariance(data: Float[np.ndarray, "n n"], pulls: Float[np.ndarray, "m m"]) -> Float[np.ndarray, "both both"]:
    """Covariance of data and independent auxiliary measurements."""
    both = np.zeros((len(data) + len(pulls),) * 2)
    both[: len(data), : len(data)] = data
    both[len(data) :, len(data) :] = pulls
    return both


def average_ratio(study: Study) -> AverageRatio:
    """The average ratio R-bar = p^T C^-1 R/(p^T C^-1 p) of a study, p its prediction without a sterile neutrino.

    C holds the errors of the data and those of all pulled parameters, C = W^-1 + J Pi^-1 J^T.

    Args:
        study: from `reactor_rates` or `gallium`.

    Raises:
        InvalidModel: if the study holds no ratios, or a scale is free so that no expectation exists.
    """
    likelihood = study.likelihood
    if not isinstance(likelihood, GaussianResiduals) or not isinstance(likelihood.predictor, WithPulls):
        raise InvalidModel(f"study {study.name!r} holds no ratios to average; give one of reactor_rates or gallium")
    predictor = likelihood.predictor
    nuisances = set(predictor.space.free) - set(study.interest) - set(predictor.pulls)
    if nuisances:
        raise InvalidModel(f"study {study.name!r}: {', '.join(sorted(nuisances))} is free, so no ratio is expected")
    size = len(study.data) - len(predictor.pulls)
    expected = np.asarray(predictor(null_values(predictor.space)))[:size]
    total = pulled_covariance(likelihood, predictor.pulls)[:size, :size]
    return averaged(np.asarray(study.data)[:size], expected, total, study.name)


def pulled_covariance(likelihood: GaussianResiduals, names: Sequence[str]) -> Float[np.ndarray, "both both"]:
    """Covariance of the values with the effect of pulled parameters, linear around no sterile neutrino.

    V = W^-1 + J Pi^-1 J^T for the data; the auxiliary measurements, which come last, keep theirs.

    Args:
        likelihood: of data and of one auxiliary measurement per name.
        names: the pulled parameters in the order of their measurements.
    """
    covariance = likelihood.covariance
    if not names:
        return covariance
    predictor, null = likelihood.predictor, null_values(likelihood.predictor.space)
    slopes = jax.jacfwd(lambda pulled: predictor({**null, **pulled}))({n: jnp.asarray(null[n]) for n in names})
    jacobian = np.stack([np.asarray(slopes[n]) for n in names], axis=1)
    size = len(jacobian) - len(names)
    covariance[:size, :size] += jacobian[:size] @ covariance[size:, size:] @ jacobian[:size].T
    return 0.5 * (covariance + covariance.T)


def averaged(
    measured: Float[np.ndarray, " n"],
    expected: Float[np.ndarray, " n"],
    covariance: Float[np.ndarray, "n n"],
    name: str,
) -> AverageRatio:
    """Least-squares scale of an expectation."""
    weighted = np.linalg.solve(covariance, expected)
    precision = float(expected @ weighted)
    ratio = float(measured @ weighted) / precision
    rest = measured - ratio * expected
    chi2 = float(rest @ np.linalg.solve(covariance, rest))
    return AverageRatio(ratio, precision**-0.5, chi2, len(measured), name)


def null_values(space: ParameterSpace) -> dict[str, float]:
    """Starts of all parameters, amplitudes of sterile neutrinos at zero."""
    starts: Mapping[str, float] = dict(zip(space.names, space.starts.tolist(), strict=True))
    amplitudes = [name for name in (SINE, "ue4_squared", "ue5_squared") if name in starts]
    return {**starts, **dict.fromkeys(amplitudes, 0.0)}
