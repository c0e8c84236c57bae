"""Figures of binned contents in any number of variables: projections around the planes, alone or compared."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from wilks._base.errors import InvalidData, InvalidOption, UnknownName, check_option
from wilks.data.binning import AbstractBinning, BinContents
from wilks.data.intervals import Intervals
from wilks.results.predictions import Predictions

from .bins import draw_counts, garwood
from .cells import (
    Density,
    Layer,
    Reduction,
    Stack,
    display_edges,
    flat_axes,
    layer,
    rows_of,
    scattered,
    stacked_ends,
)
from .style import COLOURS, MODEL, figure_of, in_style, single, text_of

_PER_ROW = 25  # bins in a row where bins are drawn by their index
_MOST_POINTS = 100_000


class _Panels(NamedTuple):
    """The axes of a figure: one plane per pair of variables, projections above and to the right."""

    figure: Figure
    across: tuple[Intervals, ...]
    up: tuple[Intervals, ...]
    planes: np.ndarray
    above: np.ndarray
    right: np.ndarray
    corner: Axes


@in_style
def histogram(
    contents: BinContents,
    *,
    variations: Float[np.ndarray, "variations bins"] | None = None,
    density: Density = None,
    stack: Stack = np.mean,
    margin: Reduction = np.sum,
    x: Sequence[str] | None = None,
    label: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Contents of one binning: a line in one variable, planes with projections in several, else bins by their index.

    Args:
        contents: what to draw; refined binnings are drawn bin by bin (draw ``contents.child(i)`` for more).
        variations: contents of many variations in place of the values.
        density: divide by relative widths (bin width over drawn range): True, False, or the variables for which;
            True by default for rectilinear binnings.
        stack: of variations draw the band that holds this part of them, or one function of them, or a pair.
        margin: what becomes of contents over variables that are not shown.
        x: variables on the horizontal axis; the first half by default.
        label: text for the legend.
        ax: axes to draw a single variable into.

    Raises:
        InvalidData: if variations do not fit the binning.
        UnknownName: for a variable that is not there.
    """
    if flat_axes(contents.binning) is None:
        return _by_index({label: (rows_of(contents, variations), stack)})
    one = layer(contents, variations=variations, density=density, margin=margin, stack=stack)
    if len(one.axes) == 1:
        return _lines({label: one}, ax)
    panels = _panels(one.axes, x)
    _draw_projections(panels, one, COLOURS[0], label)
    for (i, j), plane in np.ndenumerate(panels.planes):
        low, high = one.seen(panels.across[j].name, panels.up[i].name)
        edges = [display_edges(axis.edge_array) for axis in (panels.across[j], panels.up[i])]
        plane.pcolormesh(*edges, 0.5 * (low + high).T, cmap="Blues", rasterized=True)
    return panels.figure


@in_style
def compare(
    contents: Mapping[str, BinContents],
    *,
    variations: Mapping[str, Float[np.ndarray, "variations bins"]] | None = None,
    style: str = "boxes",
    points: int = 1000,
    seed: int = 1,
    density: Density = None,
    stack: Stack = np.mean,
    margin: Reduction = np.sum,
    x: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Contents of equal binnings on top of each other.

    Args:
        contents: label -> contents.
        variations: label -> contents of many variations, in place of the values.
        style: in planes, boxes whose area follows the content, or scattered points.
        points: how many points for the largest of the contents; the others in proportion.
        seed: of the points.
        density: as for `histogram`.
        stack: as for `histogram`.
        margin: as for `histogram`.
        x: as for `histogram`.
        ax: axes to draw a single variable into.

    Raises:
        InvalidOption: without contents, for another style, or for a number of points that cannot be drawn.
        InvalidData: if the binnings differ.
    """
    check_option("style", style, ("boxes", "scatter"))
    if not contents or not 0 < points <= _MOST_POINTS:
        raise InvalidOption(f"{len(contents)} contents and {points} points; expected some, and up to {_MOST_POINTS}")
    binning = next(iter(contents.values())).binning
    for name, content in contents.items():
        if content.binning != binning:
            raise InvalidData(f"{name!r} has another binning than the first contents; fill it in the same bins")
    varied = variations or {}
    if flat_axes(binning) is None:
        return _by_index({name: (rows_of(c, varied.get(name)), stack) for name, c in contents.items()})
    layers = {
        name: layer(c, variations=varied.get(name), density=density, margin=margin, stack=stack)
        for name, c in contents.items()
    }
    first = next(iter(layers.values()))
    if len(first.axes) == 1:
        return _lines(layers, ax)
    panels = _panels(first.axes, x)
    largest = max(one.values.mean(axis=0).sum() for one in layers.values())
    for number, (name, one) in enumerate(layers.items()):
        colour = COLOURS[number % len(COLOURS)]
        _draw_projections(panels, one, colour, name)
        share = one.values.mean(axis=0).sum() / largest
        for (i, j), plane in np.ndenumerate(panels.planes):
            pair = (panels.across[j], panels.up[i])
            if style == "scatter":
                _draw_points(plane, one, pair, round(points * share), seed + number, colour)
            else:
                _draw_boxes(plane, one, pair, colour)
    panels.corner.legend(*panels.above[0].get_legend_handles_labels(), loc="center")
    return panels.figure


@in_style
def counts(
    data: BinContents | Float[np.ndarray, " bins"],
    predictions: Mapping[str, Float[np.ndarray, "..."]],
    *,
    band: float = 0.68,
    binning: AbstractBinning | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Observed counts with Garwood errors, and predictions as lines, or as bands where there are many variations.

    Args:
        data: observed counts.
        predictions: label -> expected counts per bin, or one row per variation or posterior draw.
        band: part of the variations that a band holds.
        binning: of counts that come as an array; bins are drawn by index if there is none with one variable.
        ax: axes to draw into.

    Raises:
        InvalidData: if a prediction has another number of bins.
    """
    ax = single(ax)
    bins = data.binning if isinstance(data, BinContents) else binning
    observed = data.values if isinstance(data, BinContents) else np.asarray(data, dtype=float)
    edges = _edges_by_index(bins, len(observed))
    for number, (name, prediction) in enumerate(predictions.items()):
        rows = np.atleast_2d(np.asarray(prediction, dtype=float))
        if rows.shape[1] != len(observed):
            raise InvalidData(f"{name!r} predicts {rows.shape[1]} bins; the data have {len(observed)}")
        low, high = stacked_ends(rows, band if len(rows) > 1 else np.mean)
        _draw_steps(ax, edges, low, high, COLOURS[number % len(COLOURS)], name)
    draw_counts(ax, edges, observed)
    ax.set_ylim(top=1.35 * float((observed + garwood(observed)[1]).max()))
    return _finish_bins(ax, edges, bins)


@in_style
def posterior_band(
    predictions: Predictions,
    *,
    data: BinContents | Float[np.ndarray, " bins"] | None = None,
    levels: Sequence[float] = (0.6827, 0.9545),
    binning: AbstractBinning | None = None,
    ax: Axes | None = None,
) -> Axes:
    """What posterior draws predict bin by bin: median and central bands, with observed counts if they are given.

    Args:
        predictions: of ``predict(predictor, samples)``; those of an ensemble's variations are taken together.
        data: observed counts.
        levels: probabilities of the bands, each in (0, 1).
        binning: of the bins, where the data do not know it; drawn by index if it has not one variable.
        ax: axes to draw into.

    Raises:
        InvalidData: if the predictions do not fill the bins.
        InvalidOption: for a level outside (0, 1).
    """
    for level in levels:
        if not 0.0 < level < 1.0:
            raise InvalidOption(f"level {level} must lie between 0 and 1, e.g. 0.6827")
    ax = single(ax)
    bins = data.binning if isinstance(data, BinContents) else binning
    observed = data.values if isinstance(data, BinContents) else None if data is None else np.asarray(data, dtype=float)
    size = len(observed) if observed is not None else bins.size if bins is not None else len(predictions.names)
    if len(predictions.names) % size:
        raise InvalidData(f"{len(predictions.names)} predictions do not fill {size} bins; predict one number per bin")
    rows = predictions.values.reshape(-1, size)
    edges = _edges_by_index(bins, size)
    for level in sorted(levels, reverse=True):
        low, high = np.nanquantile(rows, (0.5 - 0.5 * level, 0.5 + 0.5 * level), axis=0)
        ax.stairs(high, edges, baseline=low, fill=True, color=MODEL, alpha=0.3, lw=0, label=f"{100 * level:.4g} %")
    ax.stairs(np.nanmedian(rows, axis=0), edges, baseline=None, color=MODEL, lw=1.3, label="median")
    if observed is not None:
        draw_counts(ax, edges, observed)
    return _finish_bins(ax, edges, bins)


def _finish_bins(ax: Axes, edges: np.ndarray, binning: AbstractBinning | None) -> Axes:
    axes = flat_axes(binning) if binning is not None else None
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(_title(axes[0]) if axes is not None and len(axes) == 1 else "bin")
    ax.set_ylabel("events / bin")
    ax.legend(loc="upper right")
    return ax


def _lines(layers: Mapping[str, Layer], ax: Axes | None) -> Figure:
    """Steps in one variable."""
    ax = single(ax)
    axis = next(iter(layers.values())).axes[0]
    edges = display_edges(axis.edge_array)
    for number, (name, one) in enumerate(layers.items()):
        _draw_steps(ax, edges, *one.seen(axis.name), COLOURS[number % len(COLOURS)], name)
    dense = axis.name in next(iter(layers.values())).density
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.set_xlabel(_title(axis))
    ax.set_ylabel("content / relative width" if dense else "content")
    if any(layers):
        ax.legend(loc="best")
    return figure_of(ax)


def _by_index(contents: Mapping[str, tuple[np.ndarray, Stack]]) -> Figure:
    """Bins by their data index, so many in each row."""
    size = next(iter(contents.values()))[0].shape[1]
    down = -(-size // _PER_ROW)
    figure = Figure(figsize=(6.4, 0.8 + 1.5 * down), layout="constrained")
    for row, ax in enumerate(figure.subplots(down, 1, squeeze=False)[:, 0]):
        first, last = row * _PER_ROW, min((row + 1) * _PER_ROW, size)
        edges = np.arange(first, last + 1) - 0.5
        for number, (name, (rows, stack)) in enumerate(contents.items()):
            low, high = stacked_ends(rows[:, first:last], stack)
            _draw_steps(ax, edges, low, high, COLOURS[number % len(COLOURS)], name)
        ax.set_xlim(first - 0.5, first + _PER_ROW - 0.5)
        ax.set_ylim(bottom=0.0)
    figure.axes[-1].set_xlabel("bin")
    if any(contents):
        figure.axes[0].legend(loc="best")
    return figure


def _panels(axes: tuple[Intervals, ...], x: Sequence[str] | None) -> _Panels:
    names = [axis.name for axis in axes]
    chosen = tuple(x) if x is not None else tuple(names[: -(-len(names) // 2)])
    for name in chosen:
        if name not in names:
            raise UnknownName(f"no variable {name!r}; there are {', '.join(names)}")
    across = tuple(axes[names.index(name)] for name in chosen)
    up = tuple(axis for axis in axes if axis.name not in chosen)
    if not across or not up:
        raise InvalidOption(f"variables {list(chosen)} on the horizontal axis leave none of {names} for the other")
    figure = Figure(figsize=(2.6 * len(across) + 2.2, 2.4 * len(up) + 2.0), layout="constrained")
    grid = figure.subplots(
        len(up) + 1,
        len(across) + 1,
        squeeze=False,
        width_ratios=[2.0] * len(across) + [1.0],
        height_ratios=[1.0] + [2.0] * len(up),
    )
    grid[0, -1].set_axis_off()
    for j, axis in enumerate(across):
        grid[-1, j].set_xlabel(_title(axis))
        for ax in grid[:, j]:
            ax.set_xlim(*display_edges(axis.edge_array)[[0, -1]])
    for i, axis in enumerate(up, start=1):
        grid[i, 0].set_ylabel(_title(axis))
        for ax in grid[i]:
            ax.set_ylim(*display_edges(axis.edge_array)[[0, -1]])
    return _Panels(figure, across, up, grid[1:, :-1], grid[0, :-1], grid[1:, -1], grid[0, -1])


def _draw_projections(panels: _Panels, one: Layer, colour: str, label: str) -> None:
    for axis, ax in zip(panels.across, panels.above, strict=True):
        _draw_steps(ax, display_edges(axis.edge_array), *one.seen(axis.name), colour, label)
        ax.set_ylim(bottom=0.0)
    for axis, ax in zip(panels.up, panels.right, strict=True):
        _draw_steps(ax, display_edges(axis.edge_array), *one.seen(axis.name), colour, label, upright=True)
        ax.set_xlim(left=0.0)


def _draw_steps(
    ax: Axes, edges: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, label: str, *, upright: bool = False
) -> None:
    turned = "horizontal" if upright else "vertical"
    if not np.array_equal(low, high):
        ax.stairs(high, edges, baseline=low, fill=True, color=colour, alpha=0.35, lw=0, orientation=turned)
    ax.stairs(0.5 * (low + high), edges, baseline=None, color=colour, orientation=turned, label=label or None, lw=1.3)


def _draw_points(ax: Axes, one: Layer, pair: tuple[Intervals, Intervals], points: int, seed: int, colour: str) -> None:
    bare = one._replace(density=(), stack=np.mean)
    values, _ = bare.seen(pair[0].name, pair[1].name)
    edges = [display_edges(axis.edge_array) for axis in pair]
    at = scattered(edges, values, points, seed)
    ax.plot(at[:, 0], at[:, 1], ".", color=colour, markersize=1.8, alpha=0.6, mew=0, rasterized=True)


def _draw_boxes(ax: Axes, one: Layer, pair: tuple[Intervals, Intervals], colour: str) -> None:
    """A box in the middle of each cell; its share of the cell's area follows the content."""
    low, high = one.seen(pair[0].name, pair[1].name)
    values = 0.5 * (low + high)
    share = np.sqrt(np.clip(values / max(values.max(), 1e-300), 0.0, 1.0))
    x, y = (display_edges(axis.edge_array) for axis in pair)
    width, height = np.diff(x)[:, None] * share, np.diff(y)[None] * share
    left, bottom = x[:-1, None] + 0.5 * (np.diff(x)[:, None] - width), y[None, :-1] + 0.5 * (np.diff(y)[None] - height)
    boxes = [
        Rectangle((a, b), w, h)
        for a, b, w, h in zip(left.ravel(), bottom.ravel(), width.ravel(), height.ravel(), strict=True)
    ]
    ax.add_collection(PatchCollection(boxes, facecolor="none", edgecolor=colour, linewidth=0.9))


def _edges_by_index(binning: AbstractBinning | None, size: int) -> np.ndarray:
    axes = flat_axes(binning) if binning is not None else None
    if axes is not None and len(axes) == 1:
        return display_edges(axes[0].edge_array)
    return np.arange(size + 1) - 0.5


def _title(axis: Intervals) -> str:
    return f"{text_of(axis.name)} [{axis.unit}]" if axis.unit else text_of(axis.name)
