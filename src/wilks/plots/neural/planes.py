"""Figures of learned critical values on a plane: the region with the exact one, and its measured coverage."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from wilks._base.errors import InvalidData
from wilks.plots.posteriors import density_edges
from wilks.plots.style import ACCENT, DATA, MODEL, MUTED, figure_of, in_style, single, text_of
from wilks.results.confidence import ConfidenceSet, CoverageMap
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
