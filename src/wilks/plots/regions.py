"""Figures of planes: regions with overlaid contours, maps of p-values and critical values, rasters, CLs, belts."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D

from wilks.results.belts import Belt
from wilks.results.intervals import Contour
from wilks.results.regions import ClsMap, Raster, Region, Sensitivity

from .style import ACCENT, COLOURS, DATA, MODEL, MUTED, figure_of, in_style, single, text_of

_DASHES = ("--", "-.", ":")
_SMALLEST = 1e-4  # p-value drawn

Labels = Mapping[str, str] | None


@in_style
def region(
    results: Region | Sequence[Region],
    *,
    overlay: Sequence[Contour] = (),
    labels: Labels = None,
    ax: Axes | None = None,
) -> Axes:
    """Regions calibrated by toys, filled, with the best fit; contours of other methods overlaid as dashed lines.

    Args:
        results: one region, or several of the same plane.
        overlay: contours of the same two parameters, such as the asymptotic ones.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    family = [results] if isinstance(results, Region) else sorted(results, key=lambda r: -r.level)
    ax = single(ax, height=4.4)
    handles = []
    for item, style in zip(family, ("-", *_DASHES, *["-"] * len(family)), strict=False):
        ax.contourf(item.x, item.y, _height(item).T, levels=[-1e9, 0.0], colors=[MODEL], alpha=0.18)
        for piece in item.pieces:
            ax.plot(*piece.T, color=COLOURS[0], ls=style)
        text = f"{100 * item.level:.4g} % by toys"
        handles.append(Line2D([], [], color=COLOURS[0], ls=style, label=text))
    for item, style in zip(overlay, _DASHES * len(overlay), strict=False):
        for piece in item.pieces:
            ax.plot(*piece.T, color=DATA, ls=style, lw=1.1)
        text = f"{100 * item.level:.4g} %, {item.dof} dof (asymptotic)"
        handles.append(Line2D([], [], color=DATA, ls=style, lw=1.1, label=text))
    handles += ax.plot(*family[0].best, marker="*", ls="", color=ACCENT, markersize=11, label="best fit", zorder=5)
    _plane(ax, family[0].names, family[0].x, family[0].y, labels)
    ax.legend(handles=handles, loc="best")
    return ax


@in_style
def p_value_map(result: Region, *, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """p-value of every node of a plane by toys, with the edge of the region.

    Args:
        result: a region with its toys.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    ax = single(ax, height=4.4)
    norm = LogNorm(max(float(result.p_value.min()), _SMALLEST), 1.0)
    values = np.maximum(result.p_value, _SMALLEST)
    mesh = ax.pcolormesh(result.x, result.y, values.T, cmap="Blues", norm=norm, shading="nearest", rasterized=True)
    _edges(ax, result.pieces, f"p = {1 - result.level:.4g}")
    ax.plot(*result.best, marker="*", ls="", color=ACCENT, markersize=11, label="best fit")
    figure_of(ax).colorbar(mesh, ax=ax, pad=0.02).set_label("p-value by toys")
    _plane(ax, result.names, result.x, result.y, labels)
    ax.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")
    return ax


@in_style
def critical_map(result: Region, *, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """Critical value of every node of a plane, with the chi-square quantile marked on the scale.

    Args:
        result: a region with its toys.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    ax = single(ax, height=4.4)
    values = np.where(np.isfinite(result.critical), result.critical, np.nan)
    mesh = ax.pcolormesh(result.x, result.y, values.T, cmap="viridis", shading="nearest", rasterized=True)
    _edges(ax, result.pieces, f"{100 * result.level:.4g} % region")
    bar = figure_of(ax).colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label(f"critical value at {100 * result.level:.4g} %; chi2 with 2 dof: {result.threshold:.3f}")
    low, high = mesh.get_clim()
    if low <= result.threshold <= high:
        bar.ax.axhline(result.threshold, color=ACCENT, lw=1.4)
    _plane(ax, result.names, result.x, result.y, labels)
    ax.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")
    return ax


@in_style
def raster(result: Raster, *, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """Interval of one parameter at each value of the other.

    Args:
        result: a raster scan.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    ax = single(ax, height=4.4)
    text = f"{100 * result.level:.4g} % at each {text_of(result.names[1], labels)}"
    ax.fill_betweenx(result.held, result.lower, result.upper, color=MODEL, alpha=0.3, lw=0, label=text)
    ax.plot(result.best, result.held, ".-", color=DATA, markersize=4, label="best fit there")
    ax.set_xlabel(text_of(result.names[0], labels))
    ax.set_ylabel(text_of(result.names[1], labels))
    ax.set_yscale("log" if result.held[0] > 0 else "linear")
    ax.set_ylim(result.held[0], result.held[-1])
    ax.legend(loc="best")
    return ax


@in_style
def cls_map(result: ClsMap, *, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """Edge of the exclusion by CLs, with the expected one and its band of one standard deviation.

    Args:
        result: a map of CLs.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    ax = single(ax, height=4.4)
    cut = 1 - result.level
    between = (result.expected[1] < cut) & (result.expected[3] >= cut)
    ax.contourf(result.x, result.y, between.T.astype(float), levels=[0.5, 1.5], colors=["#7fbf7b"], alpha=0.5)
    for pieces, style, colour in ((result.expected_pieces, "--", MUTED), (result.pieces, "-", DATA)):
        for piece in pieces:
            ax.plot(*piece.T, style, color=colour)
    names = (("-", DATA, "observed"), ("--", MUTED, "expected"), ("-", "#7fbf7b", "expected, 1 sigma"))
    _plane(ax, result.names, result.x, result.y, labels)
    title = f"excluded at {100 * result.level:.4g} % by CLs"
    ax.legend(handles=[Line2D([], [], ls=s, color=c, label=t) for s, c, t in names], title=title, loc="best")
    return ax


@in_style
def sensitivity(result: Sensitivity, *, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """Median exclusion without signal, with the bands of one and two standard deviations.

    Args:
        result: shares of toys that exclude each node.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    ax = single(ax, height=4.4)
    bands = ((0.0228, 0.9772, "#f5d76e", "2 sigma"), (0.1587, 0.8413, "#7fbf7b", "1 sigma"))
    for low, high, colour, _ in bands:
        ax.contourf(result.x, result.y, result.share.T, levels=[low, high], colors=[colour], alpha=0.7)
    for piece in result.median:
        ax.plot(*piece.T, color=DATA)
    handles = [Line2D([], [], color=DATA, label="median")]
    handles += [Line2D([], [], color=colour, lw=6, label=text) for *_, colour, text in bands[::-1]]
    _plane(ax, result.names, result.x, result.y, labels)
    ax.legend(handles=handles, title=f"excluded at {100 * result.level:.4g} % without signal", loc="best")
    return ax


@in_style
def belt(result: Belt, *, outcome: float | None = None, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """Accepted outcomes at each value of a parameter, and the interval of an observed one.

    Args:
        result: a belt.
        outcome: the observed one.
        labels: text for the parameter and the outcome.
        ax: axes to draw into.
    """
    ax = single(ax)
    step = "mid" if result.discrete else None
    text = f"{100 * result.level:.4g} %, {result.ordering}"
    ax.fill_betweenx(result.values, result.lower, result.upper, step=step, color=MODEL, alpha=0.3, lw=0, label=text)
    if outcome is not None:
        low, high = result.interval(outcome)
        ax.plot([outcome, outcome], [low, high], color=ACCENT, lw=2.0, label=f"[{low:.4g}, {high:.4g}]")
    ax.set_xlabel(text_of(result.observable, labels))
    ax.set_ylabel(text_of(result.name, labels))
    ax.set_ylim(result.values[0], result.values[-1])
    ax.legend(loc="upper left")
    return ax


def _height(result: Region) -> Float[np.ndarray, "columns rows"]:
    """Below zero inside the region; straight between nodes."""
    critical = np.where(np.isfinite(result.critical), result.critical, 1e6)
    return np.sqrt(result.t) - np.sqrt(critical)


def _edges(ax: Axes, pieces: Sequence[np.ndarray], text: str) -> None:
    for i, piece in enumerate(pieces):
        ax.plot(*piece.T, color=DATA, lw=1.3, label=text if i == 0 else None)


def _plane(ax: Axes, names: tuple[str, str], x: np.ndarray, y: np.ndarray, labels: Labels) -> None:
    ax.set_xscale("log" if x[0] > 0 else "linear")
    ax.set_yscale("log" if y[0] > 0 else "linear")
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel(text_of(names[0], labels))
    ax.set_ylabel(text_of(names[1], labels))
