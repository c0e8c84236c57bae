"""Figures of the cross-section study."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from wilks.inference.fitting import fit
from wilks.physics.response.posterior import MatrixPosterior
from wilks.physics.response.quality import expected_distance
from wilks.physics.response.quality import mahalanobis as distances
from wilks.plots.contents import compare, counts, histogram
from wilks.plots.p_value_curves import p_values
from wilks.plots.responses import efficiency, mahalanobis, response
from wilks.plots.samples import corner
from wilks.plots.style import figure_of
from wilks.plots.toys import toy_distribution
from wilks.results.result import AbstractResult

from .experiment import SIMULATED_YEARS, YEARS
from .predictions import cross_section_bins, cross_section_tables, exposure_of

_BAND = 0.68


def events(chain: Any) -> Mapping[str, Figure]:
    """Data and both simulations in the plane of reconstructed quantities."""
    tables, plane = chain.tables, chain.tables.bins.plane
    scale = YEARS / SIMULATED_YEARS
    shown = {"data": plane.fill(tables.data)}
    shown |= {f"model {name}": plane.fill(tables.seen[name], scale=scale) for name in "AB"}
    caption = "Reconstructed events: points scattered over the bins by their contents, projections on both sides."
    return {caption: compare(shown, style="scatter")}


def matrices(chain: Any) -> Mapping[str, Figure]:
    """The mean matrix, its efficiency, and the distance of both models' matrices."""
    best, (first, second) = chain.matrices.best, chain.matrices.merged
    mean, truth = MatrixPosterior(best).mean(), best.truth.binning
    between = mahalanobis(distances(first, second), truth, expected=expected_distance(first, second))
    return {
        "Mean response matrix of both simulations, in merged truth bins.": figure_of(
            response(mean, best.reco.binning, truth)
        ),
        "Efficiency; the band runs over the other variable.": efficiency(mean, truth),
        "Squared distance of the two models' matrices per truth bin.": between,
    }


def detectors(chain: Any) -> Mapping[str, Figure]:
    """Data with both models, each at its best weight, under all detector variations."""
    likelihood, predictions = chain.varied, {}
    for name, other in ("AB", "BA"):
        best = fit(likelihood, chain.data, space=likelihood.space.fix({other: 0.0}))
        predictions[f"model {name}"] = np.asarray(likelihood.expected_ensemble(best.values))
    caption = f"Data and each model alone at its best weight; bands hold {_BAND:.0%} of the detector variations."
    return {caption: figure_of(counts(chain.data, predictions, band=_BAND))}


def posterior(chain: Any, results: Mapping[str, AbstractResult]) -> Mapping[str, Figure]:
    """Posterior of both weights."""
    found: Any = results["posterior"]
    return {"Posterior of the weights of both models.": corner(found)}


def flux(chain: Any) -> Mapping[str, Figure]:
    """Flux throws, cross sections of model A, and the fit."""
    tables, likelihood = chain.tables, chain.flux
    exposure = exposure_of(tables)
    best = fit(likelihood, chain.full_data)
    bins = cross_section_bins(chain.matrices.complete_bins, tables)[1]
    table = cross_section_tables(chain.matrices.complete_bins, tables)["B"]
    nominal = exposure.flux.contents(exposure.per_bin.mean(axis=0))
    return {
        f"Exposure in years; the band holds {_BAND:.0%} of the throws.": histogram(
            nominal, variations=exposure.per_bin, stack=_BAND
        ),
        "Cross sections of model B over truth and beam energy.": histogram(
            bins.contents(table), density=("true_x", "true_y"), x=("true_x", "true_y")
        ),
        "Data and the fitted prediction under all variations.": figure_of(
            counts(chain.full_data, {"fit": np.asarray(likelihood.expected_ensemble(best.values))}, band=_BAND)
        ),
    }


def verdict(results: Mapping[str, AbstractResult]) -> Mapping[str, Figure]:
    """p-values of each weight, and the toys behind each model's p-value."""
    scans: Any = {f"model {name} alone": results[f"scan_{name}"] for name in "AB"}
    figures = {"Asymptotic p-value of each weight, for each model alone.": figure_of(p_values(scans))}
    for name in "AB":
        found: Any = results.get(f"goodness_{name}")
        if found is not None:
            figures[f"-ln L of refitted toys of model {name}, and of the data."] = figure_of(toy_distribution(found))
    return figures
