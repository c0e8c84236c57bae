"""Statistics of a fitted set of data, computed for many lanes at once: distances, and likelihood ratios."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, check_option
from wilks._base.typing import Scalar, Theta
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint

from .ladder import Climbed
from .lanes import count_lanes, judges_events, map_lanes, saturated_lanes
from .problem import Problem
from .profiles import conditional
from .template_lanes import template_pearson

_ROUNDING = 1e-6  # a likelihood ratio this far below zero is zero
_FLAT = 3  # largest code of a status whose -ln L is that of a minimum: `not_pd`

DISTANCES = ("saturated", "pearson", "ks", "likelihood")


class AbstractStatistic(eqx.Module):
    """A number per lane that says how unusual its data are; larger is more extreme."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What it is called in results."""

    @abc.abstractmethod
    def measure(self, problem: Problem, ends: Climbed) -> Float[np.ndarray, " lanes"]:
        """The statistic of every lane; NaN where a fit failed. The problem's data are stacked."""


class ProfileRatio(AbstractStatistic):
    """t = 2 [nll(held, others refitted) - nll_min].

    Args:
        held: parameters held at the hypothesis, with their values.
    """

    held: dict[str, float]

    @property
    def name(self) -> str:
        """``"t"``."""
        return "t"

    def measure(self, problem: Problem, ends: Climbed) -> Float[np.ndarray, " lanes"]:
        """Ratio per lane, zero where rounding left it just below."""
        return likelihood_ratio(problem, ends, self.held)


class Discovery(AbstractStatistic):
    """q0 = t(0) if the best value lies above 0, else 0.

    Args:
        parameter: the signal's parameter of interest.
        null: its value without signal.

    References:
        G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727, eq. 12.
    """

    parameter: str = eqx.field(static=True)
    null: float = 0.0

    @property
    def name(self) -> str:
        """``"q0"``."""
        return "q0"

    def measure(self, problem: Problem, ends: Climbed) -> Float[np.ndarray, " lanes"]:
        """One-sided ratio per lane."""
        best = ends.theta[:, problem.space.index(self.parameter)]
        ratio = likelihood_ratio(problem, ends, {self.parameter: self.null})
        return np.where(best > self.null, ratio, np.where(np.isnan(ratio), np.nan, 0.0))


class Exclusion(AbstractStatistic):
    """q(v) or q-tilde(v): 2 delta nll of the value v if the best value lies below it, else 0.

    Args:
        parameter: the signal's parameter of interest.
        value: tested value.
        kind: ``"q"``, or ``"qtilde"`` in which a best value below 0 counts as 0.

    References:
        G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727, eqs. 14 and 16.
    """

    parameter: str = eqx.field(static=True)
    value: float
    kind: str = eqx.field(static=True, default="qtilde")

    def __check_init__(self) -> None:
        check_option("statistic", self.kind, ("q", "qtilde"))

    @property
    def name(self) -> str:
        """Its kind."""
        return self.kind

    def measure(self, problem: Problem, ends: Climbed) -> Float[np.ndarray, " lanes"]:
        """One-sided ratio per lane."""
        best = ends.theta[:, problem.space.index(self.parameter)]
        ratio = likelihood_ratio(problem, ends, {self.parameter: self.value})
        if self.kind == "qtilde" and (best < 0).any():
            ratio = ratio - np.where(best < 0, likelihood_ratio(problem, ends, {self.parameter: 0.0}), 0.0)
        return np.where(best < self.value, np.maximum(ratio, 0.0), np.where(np.isnan(ratio), np.nan, 0.0))


class Distance(AbstractStatistic):
    """Distance of the data from the fitted model.

    Args:
        kind: ``"saturated"``: 2 excess (Baker-Cousins, constraint terms included); ``"pearson"``: sum of
            (n - mu)^2/mu; ``"ks"``: largest difference of the cumulative distributions, the largest of all channels;
            ``"likelihood"``: -ln L.
    """

    kind: str = eqx.field(static=True)

    def __check_init__(self) -> None:
        check_option("statistic", self.kind, DISTANCES)

    @property
    def name(self) -> str:
        """Its kind."""
        return self.kind

    def measure(self, problem: Problem, ends: Climbed) -> Float[np.ndarray, " lanes"]:
        """Distance per lane at its fitted values."""
        if self.kind == "likelihood":  # what the fits have found already
            t = ends.value - saturated_lanes(problem.likelihood, problem.data, batch=problem.batch)
        elif self.kind == "saturated":
            t = 2 * _above_saturated(problem.likelihood, ends)
        elif (
            self.kind == "pearson"
            and (known := template_pearson(problem.likelihood, problem.data, ends.theta)) is not None
        ):
            t = known
        else:
            t = map_lanes(_DISTANCES[self.kind], problem.likelihood, problem.data, ends.theta, batch=problem.batch)
        return np.where(ends.status <= 2, t, np.nan)


def likelihood_ratio(problem: Problem, ends: Climbed, held: dict[str, float]) -> Float[np.ndarray, " lanes"]:
    """2 [nll(held) - nll_min] per lane; where it comes out negative, each fit is repeated from the other's end.

    A minimum that is flat in some direction (the shape of a signal whose rate is 0) has a ratio like any other.
    """
    lanes = count_lanes(problem.data)
    where = list(problem.space.indices(held))
    starts = ends.theta.copy()
    starts[:, where] = np.array(list(held.values()))
    mask = np.zeros(starts.shape, dtype=bool)
    mask[:, where] = True
    bound = conditional(problem, problem.data, starts, mask)
    failed = (ends.status > _FLAT) | (bound.status > _FLAT)
    ratio = 2 * np.subtract(bound.value, ends.value, out=np.zeros(lanes), where=~failed)
    ratio = np.where((ratio < 0) & (ratio > -_ROUNDING), 0.0, ratio)
    below = ratio < 0
    if below.any():
        again = conditional(problem, problem.data, bound.theta, np.zeros(starts.shape, dtype=bool))
        lower = np.minimum(np.where(again.status <= _FLAT, again.value, np.inf), ends.value)
        ratio[below] = np.maximum(2 * (bound.value[below] - lower[below]), 0.0)
    return np.where(failed, np.nan, ratio).reshape(lanes)


def fitted_bins(likelihood: AbstractLikelihood, theta: Theta, data: Any) -> tuple[Array, Array, list[int]]:
    """Observed and fitted counts of all bins, with the channels' sizes."""
    if isinstance(likelihood, Joint):
        named = likelihood.space.unpack(theta)
        found = [
            fitted_bins(part, part.space.pack(likelihood.values_of(name, named)), data[name])
            for name, part in likelihood.parts.items()
        ]
        joined = [jnp.concatenate(arrays) for arrays in list(zip(*found, strict=True))[:2]]
        return joined[0], joined[1], [size for part in found for size in part[2]]
    if not isinstance(likelihood, (PoissonCounts, ChiSquareCounts)):
        raise InvalidModel(f"a statistic of bins needs a likelihood of counts, not {type(likelihood).__name__}")
    values = likelihood.space.unpack(theta)
    mu = likelihood.predictor(values)
    if isinstance(likelihood, PoissonCounts):
        mu = likelihood.fitted_counts(values, data)
    return jnp.asarray(data.counts), mu, [size for _, size in likelihood.layout.channels]


def _above_saturated(likelihood: AbstractLikelihood, ends: Climbed) -> Float[np.ndarray, " lanes"]:
    if judges_events(likelihood):
        raise InvalidModel("lists of events have no saturated model; use statistic='likelihood', calibrated by toys")
    return ends.value


def _pearson(likelihood: AbstractLikelihood, theta: Theta, data: Any, excess: Scalar, nll: Scalar) -> Scalar:
    n, mu, _ = fitted_bins(likelihood, theta, data)
    safe = jnp.where(mu > 0, mu, 1.0)
    return jnp.sum(jnp.where(mu > 0, (n - mu) ** 2 / safe, jnp.where(n > 0, jnp.inf, 0.0)))


def _ks(likelihood: AbstractLikelihood, theta: Theta, data: Any, excess: Scalar, nll: Scalar) -> Scalar:
    n, mu, sizes = fitted_bins(likelihood, theta, data)
    worst, first = jnp.zeros(()), 0
    for size in sizes:
        observed, expected = jnp.cumsum(n[first : first + size]), jnp.cumsum(mu[first : first + size])
        distance = jnp.abs(_share(observed) - _share(expected))
        worst = jnp.maximum(worst, jnp.where(observed[-1] > 0, jnp.max(distance), 0.0))
        first += size
    return worst


def _share(cumulative: Float[Array, " bins"]) -> Float[Array, " bins"]:
    total = cumulative[-1]
    return cumulative / jnp.where(total > 0, total, 1.0)


_DISTANCES = {"pearson": _pearson, "ks": _ks}
