"""Figures of learned critical values on a plane: the region with the exact one, and its measured coverage."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wilks._base.errors import InvalidData
from wilks.plots.posteriors import density_edges
from wilks.plots.style import ACCENT, BANDS, DATA, MODEL, MUTED, columns, figure_of, in_style, single, text_of
from wilks.results.confidence import ConfidenceSet, CoverageMap
from wilks.results.contour_bands import ContourBands
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.regions import Region

Labels = Mapping[str, str] | None


@in_style
def learned_region(
    result: ConfidenceSet,
    *,
    exact: Region | None = None,
    posterior: GridPosterior | None = None,
    labels: Labels = None,
    ax: Axes | None = None,
) -> Axes:
    """Points of a plane that learned critical values accept, with the region by toys and a credible region.

    Args:
        result: a set of two parameters.
        exact: region of the same plane by toys at its nodes.
        posterior: exact posterior, whose region of the same probability is drawn.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    _refuse_other_planes(result.names)
    ax = single(ax, height=4.4)
    x, y = result.axes
    ax.pcolormesh(
        x, y, result.inside.T.astype(float), cmap="Blues", vmin=0.0, vmax=2.5, shading="nearest", rasterized=True
    )
    handles = [Line2D([], [], color=MODEL, alpha=0.4, lw=6, label=f"{100 * result.level:.4g} %, learned")]
    if exact is not None:
        for piece in exact.pieces:
            ax.plot(*piece.T, color=DATA)
        handles.append(Line2D([], [], color=DATA, label=f"{100 * exact.level:.4g} %, toys at every node"))
    if posterior is not None:
        density_edges(ax, posterior, (result.level,), colour=ACCENT, style="--", labelled=False)
        handles.append(Line2D([], [], color=ACCENT, ls="--", label=f"{100 * result.level:.4g} % credible, exact"))
    handles += ax.plot(*result.best, marker="*", ls="", color=ACCENT, markersize=11, label="best point")
    _plane(ax, result.names, (x[0], x[-1]), (y[0], y[-1]), labels)
    ax.legend(handles=handles, loc="best", frameon=True, framealpha=0.85, edgecolor="none")
    return ax


@in_style
def coverage_plane(result: CoverageMap, *, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """Smooth coverage at the truths of a plane, and measured coverage at chosen points.

    Args:
        result: coverage over two parameters.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    _refuse_other_planes(result.names)
    ax = single(ax, height=4.4)
    x, y = result.theta.T
    near = max(0.03, float(abs(result.fitted - result.level).max()))
    limits = {"vmin": result.level - near, "vmax": min(result.level + near, 1.0), "cmap": "RdBu"}
    found = ax.scatter(x, y, c=result.fitted, s=3, lw=0, rasterized=True, **limits)
    if len(result.points):
        shares = result.point_covered / result.point_toys
        ax.scatter(*result.points.T, c=shares, s=60, edgecolors=DATA, linewidths=0.8, **limits)
    figure_of(ax).colorbar(found, ax=ax, pad=0.02).set_label(f"coverage; nominal {100 * result.level:.4g} %")
    ax.plot([], [], "o", color="white", markeredgecolor=MUTED, label="toys at a chosen point")
    _plane(ax, (result.names[0], result.names[1]), (x.min(), x.max()), (y.min(), y.max()), labels)
    return ax


@in_style
def critical_maps(
    result: ConfidenceSet, exact: Region, *, labels: Labels = None, axes: Iterable[Axes] | None = None
) -> Figure:
    """Learned critical values of a plane, those of toys at the same nodes, and their difference.

    Args:
        result: a set of two parameters, with its learned critical values.
        exact: region by toys on the same nodes and at the same level.
        labels: text per parameter, with its unit.
        axes: three axes to draw into.

    Raises:
        InvalidData: for other nodes or another level.
    """
    _refuse_other_planes(result.names)
    _refuse_other_nodes(result, exact)
    three = columns(axes, 3, width=12.0, height=4.0)
    figure = figure_of(three[0])
    found = np.where(np.isfinite(exact.critical), exact.critical, np.nan)
    difference = result.critical - found
    low, high = np.nanmin([result.critical, found]), np.nanmax([result.critical, found])
    most = max(float(np.nanmax(np.abs(difference))), 1e-12)
    shared: dict[str, Any] = {"shading": "nearest", "rasterized": True}
    for ax, values, title in zip(three, (result.critical, found), ("learned", "toys at every node"), strict=False):
        mesh = ax.pcolormesh(*result.axes, values.T, cmap="viridis", vmin=low, vmax=high, **shared)
        ax.set_title(title)
    figure.colorbar(mesh, ax=list(three[:2]), pad=0.02).set_label(f"critical value at {100 * result.level:.4g} %")
    mesh = three[2].pcolormesh(*result.axes, difference.T, cmap="RdBu", vmin=-most, vmax=most, **shared)
    three[2].set_title(f"difference, rms {np.sqrt(np.nanmean(difference**2)):.3g}")
    figure.colorbar(mesh, ax=three[2], pad=0.02).set_label(
        f"learned - toys; error {np.nanmean(exact.critical_error):.2g}"
    )
    (x, y) = result.axes
    for ax in three:
        _plane(ax, (result.names[0], result.names[1]), (x[0], x[-1]), (y[0], y[-1]), labels)
        ax.label_outer()
    return figure


@in_style
def contour_bands(result: ContourBands, *, labels: Labels = None, ax: Axes | None = None) -> Axes:
    """Median contour that toys at one truth give, with the bands that hold 68 and 95 % of the contours.

    Args:
        result: bands of contours.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    ax = single(ax, height=4.4)
    share, level = result.share.T, f"{100 * result.level:.4g} %"
    for ends, colour in (((0.025, 0.975), BANDS[1]), ((0.16, 0.84), BANDS[0])):
        ax.contourf(result.x, result.y, share, levels=list(ends), colors=[colour])
    ax.contour(result.x, result.y, share, levels=[0.5], colors=[MODEL])
    handles = [
        Line2D([], [], color=MODEL, label=f"{level} contour, median of {result.toys} toys"),
        *(Line2D([], [], color=c, lw=7, label=f"{t} % of the contours") for c, t in zip(BANDS, (68, 95), strict=True)),
    ]
    handles += ax.plot(*result.truth, marker="*", ls="", color=ACCENT, markersize=11, label="truth")
    _plane(ax, result.names, (result.x[0], result.x[-1]), (result.y[0], result.y[-1]), labels)
    ax.legend(handles=handles, loc="best", frameon=True, framealpha=0.85, edgecolor="none")
    return ax


def _refuse_other_nodes(result: ConfidenceSet, exact: Region) -> None:
    mine, theirs = result.axes, (exact.x, exact.y)
    same = all(len(a) == len(b) and np.allclose(a, b, rtol=1e-9) for a, b in zip(mine, theirs, strict=True))
    if tuple(result.names) != tuple(exact.names) or not same or abs(result.level - exact.level) > 1e-9:
        raise InvalidData(
            f"{result.level:g} set of {', '.join(result.names)} on {len(mine[0])} by {len(mine[1])} nodes beside a "
            f"{exact.level:g} region of {', '.join(exact.names)} on {len(theirs[0])} by {len(theirs[1])}; give both on "
            "the same nodes and at the same level"
        )


def _refuse_other_planes(names: tuple[str, ...]) -> None:
    if len(names) != 2:
        raise InvalidData(f"a plane has two parameters, not {', '.join(names)}")


def _plane(ax: Axes, names: tuple[str, ...], x: tuple[float, float], y: tuple[float, float], labels: Labels) -> None:
    ax.set_xscale("log" if x[0] > 0 else "linear")
    ax.set_yscale("log" if y[0] > 0 else "linear")
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    ax.set_xlabel(text_of(names[0], labels))
    ax.set_ylabel(text_of(names[1], labels))
