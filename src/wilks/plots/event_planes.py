"""Figures of single events: two observables with a colour, their positions, slices, and contours of a density."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.events import Events

from .style import DATA, figure_of, in_style, text_of

Colour = str | Float[np.ndarray, " events"]
"""A column, or a number per event."""

Range = tuple[float | int, float | int]
"""Lower and upper end."""

_HELD = (0.95, 0.68)  # shares of a density inside its contours
_LABELS = {
    "s1": "S1 [PE]",
    "s2": "S2 [PE]",
    "cs1": "cS1 [PE]",
    "cs2": "cS2 [PE]",
    "r": "r [cm]",
    "x": "x [cm]",
    "y": "y [cm]",
    "z": "z [cm]",
    "e_light_vis": r"$E_\mathrm{light}$ [keV$_\mathrm{ee}$]",
    "e_charge_vis": r"$E_\mathrm{charge}$ [keV$_\mathrm{ee}$]",
}


class Density(NamedTuple):
    """A density over the plane of a figure.

    Args:
        x: points on the horizontal axis, ascending.
        y: points on the vertical axis, ascending.
        values: density at each pair of them.
    """

    x: Float[np.ndarray, " x"]
    y: Float[np.ndarray, " y"]
    values: Float[np.ndarray, "y x"]


@in_style
def scatter(
    table: Events,
    *,
    x: str = "s1",
    y: str = "s2",
    colour: Colour = "z",
    panels: Sequence[Range] | None = None,
    along: str = "z",
    density: Density | None = None,
    vmin: float | int | None = None,
    vmax: float | int | None = None,
    size: float | int = 8.0,
    title: str = "",
    labels: Mapping[str, str] | None = None,
    axes: Iterable[Axes] | None = None,
) -> Figure:
    """Events over two observables and, beside it, over r and z; or over the two observables, slice by slice.

    Where the colour is a column, positions are coloured by ``y``, as the first panel shows where events lie already.

    Args:
        table: events with the columns that are drawn.
        x: column on the horizontal axis.
        y: column on the vertical axis.
        colour: column, or numbers of the events.
        panels: ranges of ``along``, one panel for each, in place of the positions.
        along: column by which events are sorted into ``panels``.
        density: drawn as contours that hold 68 % and 95 % of what the grid holds.
        vmin: lower end of the colours.
        vmax: upper end of the colours.
        size: area of a point.
        title: label of the colours, if these are numbers.
        labels: text per column.
        axes: one per panel.

    Raises:
        InvalidOption: if there are no panels, or not one axis for each.
        InvalidData: for a colour of another length than the table.
        UnknownName: for a column that is not there.
    """
    texts = {**_LABELS, **(labels or {})}
    tint, tint_label = _tint(table, colour, title, texts)
    ranges = [None] if panels is None else list(panels)
    places = panels is None and "r" in table and "z" in table
    drawn = _axes(axes, len(ranges) + places, shared=panels is not None)
    scale = _scale(tint, vmin, vmax)
    points: Any = None
    for ax, part in zip(drawn, ranges, strict=False):
        chosen = np.ones(len(table), dtype=bool) if part is None else _between(table[along], part)
        points = ax.scatter(table[x][chosen], table[y][chosen], c=tint[chosen], norm=scale, s=size, lw=0, zorder=3)
        ax.set_xlabel(text_of(x, texts))
        if part is not None:
            ax.set_title(f"{part[0]:g} < {text_of(along, texts)} < {part[1]:g}")
        if density is not None:
            _draw_contours(ax, density)
    drawn[0].set_ylabel(text_of(y, texts))
    figure = figure_of(drawn[0])
    figure.colorbar(points, ax=drawn[len(ranges) - 1] if places else list(drawn), label=tint_label)
    if places:
        other = (table[y], None, text_of(y, texts)) if isinstance(colour, str) else (tint, scale, tint_label)
        _draw_positions(drawn[-1], table, *other, size, texts)
    return figure


def _draw_positions(
    ax: Axes, table: Events, tint: Any, scale: Normalize | None, label: str, size: float, texts: Mapping[str, str]
) -> None:
    points = ax.scatter(table["r"], table["z"], c=tint, norm=scale, s=size, lw=0)
    ax.set_xlabel(text_of("r", texts))
    ax.set_ylabel(text_of("z", texts))
    ax.set_xlim(left=0.0)
    figure_of(ax).colorbar(points, ax=ax, label=label)


def _draw_contours(ax: Axes, density: Density) -> None:
    levels = levels_holding(density, _HELD)
    if len(levels):
        styles = ["--", "-"][-len(levels) :]
        ax.contour(density.x, density.y, density.values, levels=levels, colors=DATA, linestyles=styles, linewidths=1.0)


def levels_holding(density: Density, shares: Sequence[float]) -> Float[np.ndarray, " levels"]:
    """Values of a density above which each share of what its grid holds lies, ascending.

    Args:
        density: over a grid, whose cells may differ in size.
        shares: in (0, 1), descending.
    """
    cells = np.outer(np.gradient(density.y), np.gradient(density.x)) * density.values
    order = np.argsort(density.values, axis=None)[::-1]
    held = np.cumsum(cells.ravel()[order])
    if not held[-1] > 0:
        return np.zeros(0)
    where = np.searchsorted(held, np.asarray(shares) * held[-1])
    return np.unique(density.values.ravel()[order][np.minimum(where, len(order) - 1)])


def _tint(table: Events, colour: Colour, title: str, texts: Mapping[str, str]) -> tuple[np.ndarray, str]:
    if isinstance(colour, str):
        return np.asarray(table[colour], dtype=float), text_of(colour, texts)
    numbers = np.asarray(colour, dtype=float)
    if numbers.shape != (len(table),):
        raise InvalidData(f"colours of shape {numbers.shape} for {len(table)} events; give one number per event")
    return numbers, title


def _scale(tint: np.ndarray, vmin: float | int | None, vmax: float | int | None) -> Normalize:
    known = tint[np.isfinite(tint)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return Normalize(low if vmin is None else vmin, high if vmax is None else vmax)


def _between(column: Any, part: Range) -> np.ndarray:
    return (np.asarray(column) > part[0]) & (np.asarray(column) < part[1])


def _axes(axes: Iterable[Axes] | None, count: int, *, shared: bool) -> tuple[Axes, ...]:
    if not count:
        raise InvalidOption("there is no panel to draw; give ranges")
    if axes is not None:
        given = tuple(axes)
        if len(given) != count:
            raise InvalidOption(f"{len(given)} axes for {count} panels; give one for each")
        return given
    figure = Figure(figsize=(4.2 * count, 3.6), layout="constrained")
    return tuple(figure.subplots(1, count, sharex=shared, sharey=shared, squeeze=False)[0])
