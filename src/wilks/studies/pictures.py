"""Figures of a study's results, drawn when a report is written."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from wilks.data.histogram import Histogram
from wilks.inference.profiles import profile
from wilks.plots.comparisons import costs
from wilks.plots.draw import draw
from wilks.plots.events import stacked
from wilks.plots.scans import contour, scan
from wilks.plots.style import figure_of, wilks_style
from wilks.results.result import AbstractResult

from .fit_picture import plot_fit
from .study import Study

_LEVELS = (0.6827, 0.95)


def expectation(histograms: Mapping[str, Histogram], data: Histogram) -> dict[str, Figure]:
    """Simulation before any fit, stacked by process, under the data."""
    caption = (
        "Data and simulation before the fit, by process; the hatched band is the statistical error of the simulation."
    )
    return {caption: stacked(histograms, data, panel="ratio")}


def strength(
    study: Study, results: Mapping[str, AbstractResult], labels: Mapping[str, str], **axis: Any
) -> dict[str, Figure]:
    """Data with the model before and after the fit."""
    likelihood: Any = study.likelihood
    best: Any = results["fit"]
    caption = (
        "Data with the model after the fit (stack and line), before the fit (dashed), the error that the fit leaves on "
        "the model (hatched), and the pull of each bin."
    )
    return {caption: plot_fit(likelihood, best, study.data, labels=labels, **axis)}


def profiles(study: Study, names: tuple[str, ...]) -> dict[str, Figure]:
    """Profile and slice of each parameter: what ignoring the others would claim."""
    figures = {}
    for name in names:
        with wilks_style():
            ax = scan(profile(study.likelihood, study.data, name), levels=_LEVELS)
            if len(names) > 1:
                scan(profile(study.likelihood, study.data, name, fixed_others=True), levels=(), ax=ax)
                ax.set_ylim(0.0, 5.0)
        text = "with the other parameters refitted (profile), and kept at their best values (slice)"
        figures[f"Scan of {name} {text}." if len(names) > 1 else f"Scan of {name}."] = figure_of(ax)
    return figures


def region(results: Mapping[str, AbstractResult]) -> dict[str, Figure]:
    """Joint regions of two parameters."""
    found: list[Any] = [results[key] for key in ("contour", "contour_95") if key in results]
    if not found:
        return {}
    caption = "Joint regions of both strengths, with the thresholds of two degrees of freedom."
    return {caption: figure_of(contour(found))}


def drawn(results: Mapping[str, AbstractResult], captions: Mapping[str, str]) -> dict[str, Figure]:
    """The standard figure of each named result that is there."""
    return {caption: draw(results[name]) for name, caption in captions.items() if name in results}


def compared(results: Mapping[str, AbstractResult]) -> dict[str, Figure]:
    """The same data under several costs."""
    comparison: Any = results["costs"]
    return {"The same data and model under four costs; the band is the Poisson fit with its error.": costs(comparison)}
