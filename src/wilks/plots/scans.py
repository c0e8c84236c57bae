"""Figures of scans and contours, with the degrees of freedom of every level printed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.special import chdtri

from wilks._base.errors import InvalidOption
from wilks.results.fits import converged
from wilks.results.intervals import Contour
from wilks.results.regions import Region
from wilks.results.scans import Scan, ScanTable

from .regions import region
from .style import ACCENT, COLOURS, DATA, MODEL, MUTED, figure_of, in_style, single, text_of

_LEVELS = (0.6827, 0.9545)


def threshold(level: float, dof: int) -> float:
    """Quantile of chi2_dof: the value of 2 delta nll at a level in (0, 1)."""
    return float(chdtri(dof, 1.0 - level))


@in_style
def scan(
    result: Scan,
    *,
    levels: Sequence[float] = _LEVELS,
    dof: int = 1,
    label: str | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """2 delta nll along one parameter, with the thresholds of the levels.

    Args:
        result: a scan of one parameter.
        levels: confidence levels, each in (0, 1).
        dof: degrees of freedom of the thresholds.
        label: text of the curve in the legend.
        labels: text per parameter, with its unit.
        ax: axes to draw into; several scans may share them.

    Raises:
        InvalidOption: for a scan of two parameters.
    """
    if len(result.names) != 1:
        raise InvalidOption(f"this is a scan of {' and '.join(result.names)}; draw it with scan_map")
    ax = single(ax)
    grid, good = result.grid[0], converged(result.status)
    kind = "slice" if result.fixed_others else "profile"
    (line,) = ax.plot(grid[good], result.delta[good], ".-", markersize=4, label=label or kind, zorder=3)
    if not good.all():
        ax.plot(grid[~good], np.zeros(int(np.sum(~good))), "x", color=ACCENT, clip_on=False, zorder=4, label="failed")
    ax.axvline(result.best[0], color=line.get_color(), lw=0.9, ls=":")
    top = 1.25 * max((threshold(level, dof) for level in levels), default=4.0)
    for level in levels:
        height = threshold(level, dof)
        ax.axhline(height, color=MUTED, lw=0.9, ls="--", zorder=1)
        text = f"{100 * level:.4g} %, {dof} dof"
        ax.annotate(
            text,
            (0.985, height),
            (0, 2),
            ax.get_yaxis_transform(),
            "offset points",
            ha="right",
            color=MUTED,
            fontsize=8,
        )
    finite = result.delta[good & np.isfinite(result.delta)]
    ax.set_ylim(0.0, min(top, 1.05 * float(np.max(finite, initial=0.0))) or top)
    ax.set_xlim(float(grid[0]), float(grid[-1]))
    ax.set_xlabel(text_of(result.names[0], labels))
    ax.set_ylabel(r"$-2\,\Delta\ln L$")
    ax.legend(loc="upper center")
    return ax


@in_style
def scan_table(
    result: ScanTable,
    *,
    levels: Sequence[float] = _LEVELS,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    most: int = 50,
) -> Axes:
    """Profiles of many sets of data: some of them as lines, with the median and the central 68 and 95 % of all.

    Args:
        result: profiles of many sets of data.
        levels: confidence levels whose thresholds for one degree of freedom are drawn.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
        most: largest number of single lines.
    """
    ax = single(ax)
    kept = result.delta[result.converged]
    ends = result.quantiles(np.array([0.02275, 0.15865, 0.5, 0.84135, 0.97725]))
    ax.plot(result.grid, kept[:: max(-(-len(kept) // most), 1)].T, color=MUTED, lw=0.4, alpha=0.6, zorder=1)
    for low, high, text in ((0, 4, "95.45 %"), (1, 3, "68.27 %")):
        ax.fill_between(result.grid, ends[low], ends[high], color=MODEL, alpha=0.2, lw=0, label=text)
    ax.plot(result.grid, ends[2], color=MODEL, label="median")
    for level in levels:
        ax.axhline(threshold(level, 1), color=MUTED, lw=0.9, ls="--", zorder=1)
    ax.set_ylim(0.0, 1.6 * max((threshold(level, 1) for level in levels), default=4.0))
    ax.set_xlim(float(result.grid.min()), float(result.grid.max()))
    ax.set_xlabel(text_of(result.name, labels))
    ax.set_ylabel(r"$-2\,\Delta\ln L$")
    ax.legend(loc="upper center")
    return ax


@in_style
def scan_map(
    result: Scan,
    *,
    levels: Sequence[float] = _LEVELS,
    dof: int = 2,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """2 delta nll over two parameters as a map, with the curves of the levels and the best fit.

    Args:
        result: a scan of two parameters.
        levels: confidence levels, each in (0, 1).
        dof: degrees of freedom of the thresholds.
        labels: text per parameter, with its unit.
        ax: axes to draw into.

    Raises:
        InvalidOption: for a scan of one parameter.
    """
    if len(result.names) != 2:
        raise InvalidOption(f"this is a scan of {result.names[0]} alone; draw it with scan")
    ax = single(ax, height=4.4)
    x, y = result.grid
    delta = np.where(converged(result.status), result.delta, np.nan)
    heights = sorted(threshold(level, dof) for level in levels)
    mesh = ax.pcolormesh(
        x, y, delta.T, cmap="Blues_r", vmin=0.0, vmax=1.6 * heights[-1], shading="nearest", rasterized=True
    )
    curves = ax.contour(x, y, delta.T, levels=heights, colors=[DATA], linestyles=["-", "--", "-.", ":"], linewidths=1.3)
    names = {h: f"{100 * level:.4g} %" for h, level in zip(heights, sorted(levels), strict=True)}
    ax.clabel(curves, fmt=names, fontsize=8)
    ax.plot(*result.best, marker="*", color=ACCENT, markersize=11, ls="", label="best fit")
    ax.plot([], [], color=DATA, label=f"levels with {dof} dof")
    bar = figure_of(ax).colorbar(mesh, ax=ax, pad=0.02, extend="max")
    bar.set_label(r"$-2\,\Delta\ln L$")
    ax.set_xlabel(text_of(result.names[0], labels))
    ax.set_ylabel(text_of(result.names[1], labels))
    ax.legend(loc="upper right", frameon=True, framealpha=0.85, edgecolor="none")
    return ax


@in_style
def contour(
    contours: Contour | Region | Sequence[Contour],
    *,
    overlay: Sequence[Contour] = (),
    truth: tuple[float, float] | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Contours of two parameters with the best fit; each level is printed with its degrees of freedom.

    Args:
        contours: one contour, or several of the same two parameters; or a region calibrated by toys.
        overlay: contours of other methods, drawn over a region as dashed lines.
        truth: true values to mark.
        labels: text per parameter, with its unit.
        ax: axes to draw into.

    Raises:
        InvalidOption: for contours of different parameters, or none.
    """
    if isinstance(contours, Region):
        return region(contours, overlay=overlay, labels=labels, ax=ax)
    family = [contours] if isinstance(contours, Contour) else sorted(contours, key=lambda c: -c.threshold)
    family = sorted([*family, *overlay], key=lambda c: -c.threshold) if overlay else family
    if not family or len({c.names for c in family}) > 1:
        raise InvalidOption("contours of the same two parameters are needed; got " + str([c.names for c in family]))
    ax = single(ax, height=4.4)
    handles = [_draw_contour(ax, c, i, len(family)) for i, c in enumerate(family)][::-1]
    handles += ax.plot(*family[0].best, marker="*", ls="", color=ACCENT, markersize=11, label="best fit", zorder=5)
    if truth is not None:
        handles += ax.plot(*truth, marker="P", ls="", color=DATA, markersize=7, label="truth", zorder=5)
    if any(mask.any() for c in family for mask in c.at_bound):
        handles.append(Line2D([], [], marker="o", ls="", mfc="white", mec=DATA, markersize=4.5, label="on a bound"))
    ax.margins(0.12)
    ax.set_xlabel(text_of(family[0].names[0], labels))
    ax.set_ylabel(text_of(family[0].names[1], labels))
    ax.legend(handles=handles, loc="best")
    return ax


def _draw_contour(ax: Axes, item: Contour, position: int, count: int) -> Line2D:
    """One level: filled lightly, outer levels lighter; returns the legend's handle."""
    style = ("-", "--", "-.", ":")[(count - 1 - position) % 4]
    text = f"{100 * item.level:.4g} %, {item.dof} dof"
    for piece, mask in zip(item.pieces, item.at_bound, strict=True):
        closed = np.concatenate([piece, piece[:1]])
        ax.fill(*closed.T, color=MODEL, alpha=0.14, lw=0)
        ax.plot(*closed.T, color=COLOURS[0], ls=style)
        ax.plot(*piece[mask].T, "o", mfc="white", mec=DATA, markersize=4.5, zorder=4)
    return Line2D([], [], color=COLOURS[0], ls=style, label=text)
