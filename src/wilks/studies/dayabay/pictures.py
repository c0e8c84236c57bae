"""Figures of the Daya Bay study."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis
from wilks.physics.oscillation.dayabay.layout import HALLS, hall_of
from wilks.physics.oscillation.spaces import MIXING
from wilks.plots.bins import close_edges
from wilks.plots.scans import contour
from wilks.plots.style import ACCENT, BANDS, DATA, MODEL, MUTED, figure_of, wilks_style
from wilks.results.result import AbstractResult

from .published import PUBLISHED_ANGLE, PUBLISHED_SPLITTING
from .ways import ANGLE, Measured, adjusted

Results = Mapping[str, AbstractResult]
Bins = Float[np.ndarray, " bins"]

_LABELS = {p.name: p.label for p in MIXING}
_LAST_MEV = 8.0  # to which the last bin, which ends at 12 MeV, is drawn


def spectra(analysis: DayaBayAnalysis, values: Mapping[str, float]) -> Mapping[str, Figure]:
    """Spectra of the halls: data, best fit, no theta_13; what is left; residuals."""
    halls = {hall: _summed(analysis, values, hall) for hall in HALLS if hall in map(hall_of, analysis.layout.detectors)}
    edges = np.minimum(analysis.edges_MeV, max(_LAST_MEV, analysis.edges_MeV[-2] + 0.1))
    with wilks_style():
        figure = Figure(figsize=(3.4 * len(halls) + 0.6, 6.4), layout="constrained")
        axes = figure.subplots(3, len(halls), sharex=True, squeeze=False, height_ratios=(2.4, 1.6, 1.0))
        for column, (hall, lines) in enumerate(halls.items()):
            _draw_hall(tuple(axes[:, column]), edges, np.diff(analysis.edges_MeV), *lines)
            axes[0, column].set_title(hall)
        axes[0, 0].set_ylabel(r"events / MeV [$10^3$]")
        axes[1, 0].set_ylabel(r"signal / no $\theta_{13}$")
        axes[2, 0].set_ylabel("pull")
        axes[0, -1].legend(loc="upper right")
    return {
        "Spectra of the three halls, best fit and expectation without theta_13; the share of it that is left; "
        "residuals in statistical errors.": figure
    }


def _summed(analysis: DayaBayAnalysis, values: Mapping[str, float], hall: str) -> tuple[Bins, Bins, Bins, Bins]:
    """Counts, best fit, expectation without theta_13 and background of a hall."""
    predict = eqx.filter_jit(analysis.likelihood.prediction)
    mean, best = np.asarray(predict(values)), adjusted(analysis, values)
    alive = np.asarray(predict({**values, ANGLE: 0.0}))
    background = np.asarray(analysis.prediction.gathered(np.asarray(analysis.prediction.backgrounds)))
    without = background + (alive - background) * (best - background) / (mean - background)
    chosen = np.array([hall_of(name) == hall for name in analysis.likelihood.spectra])
    counts = np.asarray(analysis.data.counts)
    a, b, c, d = (x.reshape(len(chosen), -1)[chosen].sum(axis=0) for x in (counts, best, without, background))
    return a, b, c, d


def _draw_hall(
    axes: Sequence[Axes],
    edges: Float[np.ndarray, " edges"],
    widths: Bins,
    counts: Bins,
    best: Bins,
    without: Bins,
    background: Bins,
) -> None:
    top, middle, bottom = axes
    centres, scale = 0.5 * (edges[1:] + edges[:-1]), 1e3 * widths
    top.stairs(without / scale, edges, color=MUTED, ls="--", label=r"no $\theta_{13}$")
    top.stairs(best / scale, edges, color=MODEL, label="best fit")
    top.stairs(background / scale, edges, color=MUTED, fill=True, alpha=0.5, label="background")
    top.errorbar(centres, counts / scale, np.sqrt(counts) / scale, fmt="o", color=DATA, markersize=2.5, label="data")
    signal = without - background
    middle.axhline(1.0, color=MUTED, lw=0.9, ls="--")
    middle.stairs((best - background) / signal, edges, color=MODEL, baseline=None)
    middle.errorbar(
        centres, (counts - background) / signal, np.sqrt(counts) / signal, fmt="o", color=DATA, markersize=2.5
    )
    middle.set_ylim(0.86, 1.04)
    bottom.axhline(0.0, color=MUTED, lw=0.9)
    bottom.stairs((counts - best) / np.sqrt(best), edges, fill=True, color=MUTED, alpha=0.75)
    bottom.set_ylim(-3.6, 3.6)
    bottom.set_xlabel("reconstructed energy [MeV]")
    close_edges(bottom, edges)
    top.set_ylim(bottom=0.0)


def regions(results: Results, found: Measured) -> Mapping[str, Figure]:
    """Joint regions with the published point."""
    curves: list[Any] = [results[name] for name in ("contour", "contour_95") if name in results]
    with wilks_style():
        ax = contour(curves, labels=_LABELS)
        (x, dx), (y, dy) = PUBLISHED_ANGLE, PUBLISHED_SPLITTING
        ax.errorbar(x, y, xerr=dx, yerr=dy, fmt="s", color=ACCENT, markersize=4, capsize=2)
        ax.annotate("published", (x, y), (6, -12), textcoords="offset points", color=ACCENT, fontsize=9)
        ax.errorbar(found.angle, found.splitting, xerr=found.angle_error, yerr=found.splitting_error, color=DATA, lw=1)
    return {"Regions of both parameters at 68.27 and 95 %, and the published result with its errors.": figure_of(ax)}


def by_way(ways: Sequence[Measured]) -> Mapping[str, Figure]:
    """Both parameters by every way to fit; the bands are the published result."""
    places = np.arange(len(ways))[::-1]
    columns = (
        (r"$\sin^2 2\theta_{13}$", PUBLISHED_ANGLE, [(m.angle, m.angle_error) for m in ways]),
        (r"$|\Delta m^2_{32}|$ [eV$^2$]", PUBLISHED_SPLITTING, [(m.splitting, m.splitting_error) for m in ways]),
    )
    with wilks_style():
        figure = Figure(figsize=(8.0, 1.2 + 0.32 * len(ways)), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (label, (value, error), points) in zip(axes, columns, strict=True):
            found = np.array(points)
            ax.axvspan(value - error, value + error, color=BANDS[0], lw=0)
            ax.axvline(value, color=MUTED, lw=0.9, ls=":")
            ax.errorbar(found[:, 0], places, xerr=found[:, 1], fmt="o", color=DATA, markersize=4)
            ax.set_xlabel(label)
            ax.minorticks_off()
        axes[0].set_yticks(places, [m.way for m in ways], fontsize=8)
    return {"Both parameters by every way to fit; the bands are the published result.": figure}
