"""Figures of an anomaly."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from wilks.physics.oscillation.pulls import AverageRatio
from wilks.physics.oscillation.spaces import STERILE
from wilks.plots.regions import critical_map, p_value_map, region
from wilks.plots.scans import contour
from wilks.plots.style import ACCENT, BANDS, DATA, MODEL, MUTED, figure_of, wilks_style
from wilks.results.fits import FitResult
from wilks.results.regions import Region
from wilks.results.result import AbstractResult

from .question import Question

Results = Mapping[str, AbstractResult]

_LABELS = {p.name: p.label for p in STERILE}


def ratios(question: Question, average: AverageRatio, results: Results) -> Mapping[str, Figure]:
    """Every measured ratio with its error, the average, and the best fit with and without a sterile neutrino."""
    measured, errors = question.measured()
    places = np.arange(len(measured))[::-1]
    with wilks_style():
        figure = Figure(figsize=(6.0, 1.4 + 0.2 * len(measured)), layout="constrained")
        ax = figure.subplots()
        ax.axvspan(average.ratio - average.error, average.ratio + average.error, color=BANDS[0], lw=0)
        ax.axvline(1.0, color=MUTED, lw=0.9, ls=":")
        ax.errorbar(measured, places, xerr=errors, fmt="o", color=DATA, markersize=3.5, lw=1.0, label="measured")
        ax.plot(question.expected({}), places, "|", color=MODEL, markersize=8, label="expected")
        best = results["fit"]
        if isinstance(best, FitResult) and best.status.converged:
            expected = question.expected(best.values)
            ax.plot(expected, places, "d", color=ACCENT, markersize=3.5, mfc="none", label="best fit, sterile")
        ax.set_yticks(places, question.points, fontsize=7)
        ax.minorticks_off()
        ax.set_ylim(-1, len(measured))
        ax.set_xlabel("measured / expected without oscillation")
        ax.legend(loc="best")
    return {f"Ratios with {question.assumption} {question.chosen}; the band is the average with all errors.": figure}


def by_assumption(averages: Mapping[str, AverageRatio]) -> Mapping[str, Figure]:
    """Average ratio under every assumption."""
    places = np.arange(len(averages))[::-1]
    with wilks_style():
        figure = Figure(figsize=(5.6, 1.2 + 0.35 * len(averages)), layout="constrained")
        ax = figure.subplots()
        ax.axvline(1.0, color=MUTED, lw=0.9, ls=":")
        values = np.array([[a.ratio, a.error] for a in averages.values()])
        ax.errorbar(values[:, 0], places, xerr=values[:, 1], fmt="o", color=DATA)
        ax.set_yticks(places, list(averages))
        ax.minorticks_off()
        ax.set_ylim(-0.7, len(averages) - 0.3)
        ax.set_xlabel("average of measured / expected")
    return {"Average ratio under every assumption.": figure}


def plane(results: Results) -> Mapping[str, Figure]:
    """Region in the plane of the sterile neutrino, with its maps where toys were thrown."""
    found: Any = results["region"]
    if not isinstance(found, Region):
        ax = contour(found, labels=_LABELS)
        ax.set_xscale("log")
        ax.set_yscale("log")
        return {"Region at 90 %, asymptotic.": figure_of(ax)}
    asymptotic: Any = results["contour"]
    return {
        "Region at 90 % by toys; the dashed line is asymptotic.": figure_of(
            region(found, overlay=[asymptotic], labels=_LABELS)
        ),
        "p-value of every node of the plane.": figure_of(p_value_map(found, labels=_LABELS)),
        "Critical value of every node; 4.605 would be right for large samples.": figure_of(
            critical_map(found, labels=_LABELS)
        ),
    }
