"""Ways to fit the Daya Bay data: costs, treatments of uncertain inputs, and what each of them finds."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from wilks.inference.fitting import fit
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis, analysis_of
from wilks.physics.oscillation.dayabay.likelihood import DayaBayLikelihood, sharing_programs
from wilks.results.fits import FitResult

_RANKS = 192  # columns of a covariance, 146 for the standard one, are rounded up to a multiple of this
ANGLE, SPLITTING = "sin2_2theta13", "dm2_32_eV2"

ORDERINGS = {"normal": 1, "inverted": -1}


@dataclass(frozen=True)
class Way:
    """One way to fit.

    Args:
        name: for tables.
        choices: of the analysis.
        updated: compute the covariance anew at the best fit.
    """

    name: str
    choices: Mapping[str, Any]
    updated: bool = False


_MOVING: dict[str, Any] = {"statistic": "cnp", "variance": "moving"}

WAYS = (
    Way("CNP with kept variance, as the release model", {}),
    Way("Pearson with kept variance", {"statistic": "iterative"}),
    Way("Neyman", {"statistic": "neyman"}),
    Way("Pearson with determinant", {"statistic": "unbiased"}),
    Way("CNP with moving variance", _MOVING),
    Way("Pearson with moving variance", {"statistic": "pearson"}),
    Way("CNP with moving variance, spectra's common error free", {**_MOVING, "groups": {"hm_corr": "fixed"}}),
    Way("covariance and variance at the best fit", {}, updated=True),
    Way("physical errors of backgrounds", {"background_sigma": "physical"}),
    Way("inverted ordering", {"ordering": -1}),
    Way("statistical errors alone", {"nuisances": "fixed"}),
)
"""Ways that the report compares."""


@dataclass(frozen=True)
class Measured:
    """What one way finds.

    Args:
        way: its name.
        angle: sin^2 2theta_13.
        angle_error: its error.
        splitting: size of Dm2_32 in eV^2.
        splitting_error: its error.
        chi2: at the best fit, without the determinant.
        overshoot: expected over observed events at the best fit, less one.
    """

    way: str
    angle: float
    angle_error: float
    splitting: float
    splitting_error: float
    chi2: float
    overshoot: float


def chosen(statistic: str, ordering: str) -> dict[str, Any]:
    """Choices of the analysis from the options of the study."""
    settings: dict[str, Any] = {"statistic": statistic, "ordering": ORDERINGS[ordering]}
    return {**settings, "nuisances": "pull"} if statistic == "poisson" else settings


def measure(standard: DayaBayAnalysis, way: Way) -> Measured:
    """Fit one way.

    Args:
        standard: the analysis that all ways vary.
        way: what is varied.
    """
    analysis = _varied(standard, way.choices)
    best = fit(_shared(analysis), analysis.data, throw=False)
    if way.updated:
        analysis = analysis.updated_at(best.values)
        best = fit(_shared(analysis), analysis.data, start=best.values, throw=False)
    return measured(way.name, analysis, best)


def _varied(standard: DayaBayAnalysis, choices: Mapping[str, Any]) -> DayaBayAnalysis:
    """The standard analysis with other choices; its covariance serves all costs."""
    if set(choices) <= {"statistic", "variance"}:
        cost = {"statistic": standard.choices.statistic, "variance": standard.choices.variance, **choices}
        return standard.judged_by(**cost)
    return analysis_of(standard.release, dataclasses.replace(standard.choices, **choices))


def _shared(analysis: DayaBayAnalysis) -> DayaBayLikelihood:
    """The likelihood in the form that all ways share, so that they are compiled once."""
    return sharing_programs(analysis.likelihood, -(-analysis.likelihood.root.shape[1] // _RANKS) * _RANKS or _RANKS)


def measured(name: str, analysis: DayaBayAnalysis, best: FitResult) -> Measured:
    """The numbers of a fit."""
    counts, errors = np.asarray(analysis.data.counts), best.errors
    expected = float(np.sum(eqx.filter_jit(analysis.likelihood.prediction)(best.values)))
    return Measured(
        name,
        best.values[ANGLE],
        errors.get(ANGLE, np.nan),
        best.values[SPLITTING],
        errors.get(SPLITTING, np.nan),
        chi2_at(analysis, best.values),
        expected / float(counts.sum()) - 1.0,
    )


def chi2_at(analysis: DayaBayAnalysis, values: Mapping[str, float]) -> float:
    """The chi-square at parameter values, without the logarithm of a determinant."""
    likelihood = analysis.likelihood
    chi2 = float(eqx.filter_jit(likelihood.chi2)(values, analysis.data))
    if likelihood.statistic != "unbiased":
        return chi2
    cost, _ = likelihood.cost(likelihood.prediction(values), analysis.data)
    return chi2 - float(cost.inverse.log_determinant())


def adjusted(analysis: DayaBayAnalysis, values: Mapping[str, float]) -> Float[np.ndarray, " bins"]:
    """Expected counts with the inputs of the covariance at their most likely values: mu + K K^T V^-1 (n - mu)."""
    likelihood = analysis.likelihood
    mean = likelihood.prediction(values)
    cost, _ = likelihood.cost(mean, analysis.data)
    return np.asarray(mean + likelihood.root @ (likelihood.root.T @ cost.solved))
