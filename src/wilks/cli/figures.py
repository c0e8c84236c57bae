"""Figures that commands draw when a folder or a picture is asked for; matplotlib is loaded then."""

import importlib
from typing import Any

from wilks.likelihood.counts import PoissonCounts
from wilks.results.fits import FitResult
from wilks.results.result import AbstractResult
from wilks.results.scans import Scan


def fit_figures(likelihood: PoissonCounts, data: Any, result: FitResult) -> dict[str, Any]:
    """Data with the model before and after the fit, and what the fit did to the parameters."""
    pictures = importlib.import_module("wilks.studies.fit_picture")
    figures = {"Data, model before and after the fit": pictures.plot_fit(likelihood, result, data)}
    if result.covariance is not None:
        figures["Pulls of the constrained parameters" if result.pulls else "Correlations"] = figure_of(result)
    return figures


def scan_figure(scan: Scan) -> Any:
    """The figure of a scan."""
    return figure_of(scan)


def figure_of(result: AbstractResult) -> Any:
    """The figure that belongs to a result's class."""
    return importlib.import_module("wilks.plots.drawing").draw(result)
