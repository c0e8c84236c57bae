"""Figures of a study's results, drawn when a report is written."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from wilks.data.histogram import Histogram
from wilks.inference.profiles import profile
from wilks.plots.comparisons import costs
from wilks.plots.drawing import draw
from wilks.plots.events import stacked
from wilks.plots.scans import contour, scan
from wilks.plots.style import ACCENT, DATA, figure_of, wilks_style
from wilks.plots.toys import coverage_curve
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
    """Profile of each parameter, the others refitted."""
    return {
        f"Profile of {name}: the other parameters are refitted at each point.": figure_of(
            scan(profile(study.likelihood, study.data, name), levels=_LEVELS)
        )
        for name in names
    }


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


def tutorial_coverage(results: Mapping[str, AbstractResult], grid: Any, thresholds: Any) -> dict[str, Figure]:
    """Coverage of every threshold by the likelihood, and by the tutorial's chi-square on a grid."""
    curve: Any = results["coverage_curve"]
    with wilks_style():
        figure = coverage_curve(curve, largest=float(thresholds[-1]) + 0.5)
        upper = figure.axes[0]
        label = f"tutorial's recipe, {len(grid.delta)} toys"
        upper.plot(thresholds, [grid.fraction(d) for d in thresholds], "o", color=ACCENT, markersize=3.5, label=label)
        upper.plot(2.3, 0.68, "x", color=DATA, markersize=8, mew=2, label="its cross, drawn by hand")
        upper.legend(loc="lower right")
    return {"Coverage of the joint region: Poisson likelihood (line) and the tutorial's recipe (points).": figure}
