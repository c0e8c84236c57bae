"""Ways to fit the Daya Bay data: costs, treatments of uncertain inputs, and what each of them finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from wilks.inference.fitting import fit
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis, analysis_of
from wilks.physics.oscillation.dayabay.choices import Choices
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease
from wilks.results.fits import FitResult

ANGLE, SPLITTING = "sin2_2theta13", "dm2_32_eV2"

COMMON_ERRORS = ("free", "covariance")
"""The error common to all emitted spectra: left to the free spectrum, or in the covariance as in the release model."""

ORDERINGS = {"normal": 1, "inverted": -1}

_FREE: dict[str, Any] = {"groups": {"hm_corr": "fixed"}}


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


WAYS = (
    Way("release model: CNP, all in covariance", {}),
    Way("release model, Pearson", {"statistic": "pearson"}),
    Way("release model, Neyman", {"statistic": "neyman"}),
    Way("release model, fixed Pearson", {"statistic": "iterative"}),
    Way("release model, with determinant", {"statistic": "unbiased"}),
    Way("common error free", _FREE),
    Way("common error free, covariance at best fit", _FREE, updated=True),
    Way("common error free, physical backgrounds", {**_FREE, "background_sigma": "physical"}),
    Way("common error free, inverted ordering", {**_FREE, "ordering": -1}),
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


def chosen(statistic: str, ordering: str, common_error: str) -> dict[str, Any]:
    """Choices of the analysis from the options of the study."""
    settings: dict[str, Any] = {"statistic": statistic, "ordering": ORDERINGS[ordering]}
    if statistic == "poisson":
        return {**settings, "nuisances": "pull"}
    return {**settings, **_FREE} if common_error == "free" else settings


def measure(release: DayaBayRelease, way: Way) -> Measured:
    """Fit one way."""
    analysis = analysis_of(release, Choices(**way.choices))
    best = fit(analysis.likelihood, analysis.data, throw=False)
    if way.updated:
        analysis = analysis.updated_at(best.values)
        best = fit(analysis.likelihood, analysis.data, start=best.values, throw=False)
    return measured(way.name, analysis, best)


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
