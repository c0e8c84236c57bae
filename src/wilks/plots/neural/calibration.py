"""Figures of calibration: ranks with their band, coverage of credible regions, classifier probabilities at the data."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import bdtrik

from wilks.plots.style import ACCENT, BANDS, COLOURS, MODEL, MUTED, in_style, single, text_of
from wilks.results.calibration import CoverageCheck, RankCalibration
from wilks.results.checks import LocalTest

_BARS = 20
_BAND = 0.99

Labels = Mapping[str, str] | None


@in_style
def rank_histogram(result: RankCalibration, *, bars: int = _BARS, labels: Labels = None) -> Figure:
    """Ranks of true values with the 99 % binomial band of each bar, and their distribution with its 95 % band below.

    Args:
        result: ranks over truths from the prior.
        bars: bars per parameter; ranks are shared out evenly.
        labels: text per parameter.
    """
    figure = Figure(figsize=(3.2 * len(result.names), 4.8), layout="constrained")
    panels = figure.subplots(2, len(result.names), squeeze=False, sharey="row")
    for column, name in enumerate(result.names):
        _bars(panels[0, column], result, column, min(bars, result.draws + 1))
        _gap(panels[1, column], result, name)
        panels[0, column].set_title(text_of(name, labels))
    panels[0, 0].set_ylabel("truths")
    panels[1, 0].set_ylabel("P(rank below) - uniform")
    return figure


@in_style
def calibration_curves(results: CoverageCheck | Sequence[CoverageCheck], *, ax: Axes | None = None) -> Axes:
    """Coverage of the truth against credibility, with the simultaneous 95 % band; above the diagonal is conservative.

    Args:
        results: one check, or several to compare.
        ax: axes to draw into.
    """
    family = [results] if isinstance(results, CoverageCheck) else list(results)
    ax = single(ax, width=4.6, height=4.4)
    grid, band = family[0].credibility, max(result.band for result in family)
    ax.fill_between(grid, grid - band, grid + band, color=BANDS[0], lw=0, label="95 % band of exact posteriors")
    ax.plot([0.0, 1.0], [0.0, 1.0], color=MUTED, lw=0.8)
    for result, colour in zip(family, COLOURS * len(family), strict=False):
        ax.plot(result.credibility, result.coverage, color=colour, label=f"{result.kind}, {len(result)} truths")
    ax.set_xlabel("credibility")
    ax.set_ylabel("share of truths inside")
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.0)
    ax.legend(loc="upper left")
    return ax


@in_style
def local_pp(result: LocalTest, *, ax: Axes | None = None) -> Axes:
    """Distribution of the classifier's probabilities at the data: all at 1/2 where it cannot tell draws from truths.

    Args:
        result: a local test.
        ax: axes to draw into.
    """
    ax = single(ax, width=4.6, height=4.0)
    ordered = np.sort(result.probabilities)
    ax.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered), color=MODEL, label="draws at the data")
    ax.axvline(0.5, color=MUTED, lw=0.8, ls="--")
    ax.plot([], [], " ", label=f"p = {result.p_value:.3g} of {len(result.null)} permutations")
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.0)
    ax.set_xlabel('probability of "drawn from the posterior"')
    ax.set_ylabel("share of draws below")
    ax.legend(loc="upper left")
    return ax


def _bars(ax: Axes, result: RankCalibration, column: int, bars: int) -> None:
    ranks = result.finished[:, column]
    edges = np.linspace(-0.5, result.draws + 0.5, bars + 1)
    counts, _ = np.histogram(ranks, bins=edges)
    # ranks per bar differ by one where the draws do not divide evenly
    shares = np.histogram(np.arange(result.draws + 1), bins=edges)[0] / (result.draws + 1)
    tails = (0.5 * (1 - _BAND), 0.5 * (1 + _BAND))
    low, high = (np.ceil(bdtrik(tail, len(ranks), shares)) for tail in tails)
    ax.fill_between(edges, np.append(low, low[-1]), np.append(high, high[-1]), step="post", color=BANDS[0], lw=0)
    ax.stairs(counts, edges, color=MODEL, lw=1.4)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0.0, 1.25 * float(max(counts.max(), high.max())))


def _gap(ax: Axes, result: RankCalibration, name: str) -> None:
    """Distribution minus the uniform one, so that the band is seen."""
    ranks = np.arange(result.draws + 1)
    even = (ranks + 1) / (result.draws + 1)
    ax.fill_between(ranks, result.band_lower - even, result.band_upper - even, color=BANDS[0], lw=0)
    ax.plot(ranks, result.distribution(name) - even, color=ACCENT)
    ax.axhline(0.0, color=MUTED, lw=0.8)
    ax.set_xlim(-0.5, result.draws + 0.5)
    ax.set_xlabel(f"rank among {result.draws} draws")
