"""The smallest chi2 of many points over a plane of two quantities, in hexagons coloured by chi2."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, to_rgb

from wilks._base.errors import InvalidData, InvalidOption, UnknownName, check_option, near_names
from wilks._base.notices import notice
from wilks.results.predictions import Predictions
from wilks.results.samples import Samples

from .style import figure_of, in_style, single, text_of

Limits = tuple[float, float]

CHI2_TOP = 25.0
_STEPS = 500  # colours, so that chi2 = 1, 4 and 9 fall exactly between two of them
_SHADES = (  # chi2 from, to; colour at either end
    (0.0, 1.0, "#0b6b3a", "#7fc97f"),
    (1.0, 4.0, "#f7f08a", "#e8d21d"),
    (4.0, 9.0, "#f9a541", "#e36f0c"),
    (9.0, CHI2_TOP, "#cf3b2c", "#ffffff"),
)
_SCALES = ("linear", "log")
_PLAIN_POWERS = (-3, 4)  # numbers of these powers of ten and beyond are shown with a common power
DRAWN_PROBABILITY = "two_delta_nlp"
"""Column of draws: -2 times the logarithm of the posterior, minus that of the best draw."""

_COLOUR_LABELS = {"chisq": r"$\chi^2$", DRAWN_PROBABILITY: r"$-2\,\Delta\ln P$"}


@runtime_checkable
class Columns(Protocol):
    """Columns by name: a mapping of arrays, a DataFrame, anything with keys and items."""

    def keys(self) -> Iterable[str]:
        """Names of the columns."""
        ...

    def __getitem__(self, name: str, /) -> Any:
        """A column."""
        ...


def chi2_colours() -> ListedColormap:
    """Colour map for chi2 from 0 to 25: green below 1, yellow below 4, orange below 9, then red fading to white."""
    centres = (np.arange(_STEPS) + 0.5) * CHI2_TOP / _STEPS
    colours = np.empty((_STEPS, 3))
    for start, end, first, last in _SHADES:
        inside = (centres >= start) & (centres < end)
        share = ((centres[inside] - start) / (end - start))[:, None]
        colours[inside] = (1.0 - share) * np.array(to_rgb(first)) + share * np.array(to_rgb(last))
    return ListedColormap(colours.tolist(), name="chi2")


@in_style
def hexbin(
    points: Columns | Predictions | Samples,
    x: str,
    y: str,
    *,
    colour: str | None = None,
    gridsize: int | tuple[int, int] = 100,
    xscale: str = "linear",
    yscale: str = "linear",
    limits: tuple[Limits | None, Limits | None] = (None, None),
    vmin: float | int | None = 0.0,
    vmax: float | int | None = CHI2_TOP,
    cmap: str | Colormap | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """Hexagons over two quantities, each coloured by the smallest chi2 of the points inside it.

    Args:
        points: columns by name, one row per point; or predictions or samples. Points that are not finite in one of
            the three columns, or not positive on a logarithmic axis, are left out, which is said on the log.
        x: column of the horizontal axis.
        y: column of the vertical axis.
        colour: column of chi2; by default ``chisq``, or for draws without it their -2 delta ln P from the best one.
        gridsize: number of hexagons along the horizontal axis, or along both, over the limits if these are given.
        xscale: ``linear`` or ``log``.
        yscale: ``linear`` or ``log``.
        limits: range shown of either axis; None for all points.
        vmin: chi2 of the first colour.
        vmax: chi2 of the last colour; the steps of the default colours fall on 1, 4 and 9 for 0 to 25.
        cmap: other colours.
        labels: text per column.
        ax: axes to draw into.
        options: passed on to matplotlib's ``hexbin``.

    Raises:
        UnknownName: for a column that does not exist, with near names.
        InvalidOption: for an unknown scale, or if no point can be drawn.
        InvalidData: if columns differ in length.
    """
    check_option("xscale", xscale, _SCALES)
    check_option("yscale", yscale, _SCALES)
    columns = columns_of(points)
    colour = colour or ("chisq" if "chisq" in list(columns.keys()) or points is columns else DRAWN_PROBABILITY)
    across, up, chi2 = _drawable(columns, (x, y, colour), (xscale, yscale))
    ax = single(ax, width=6.18, height=3.82)
    extent = options.pop("extent", None) or (*_span(across, xscale, limits[0]), *_span(up, yscale, limits[1]))
    lowest = _lowest_of_hexagons(_on(xscale, across), _on(yscale, up), chi2, gridsize, extent)
    settings = {"reduce_C_function": np.min, "cmap": chi2_colours() if cmap is None else cmap, "linewidths": 0.1}
    settings |= {"vmin": vmin, "vmax": vmax, "xscale": xscale, "yscale": yscale, "gridsize": gridsize, **options}
    hexagons = ax.hexbin(across[lowest], up[lowest], C=chi2[lowest], extent=extent, **settings)
    above = vmax is not None and bool(np.any(np.asarray(hexagons.get_array()) > vmax))
    bar = figure_of(ax).colorbar(hexagons, ax=ax, pad=0.02, extend="max" if above else "neither")
    bar.set_label(text_of(colour, {**_COLOUR_LABELS, **(labels or {})}))
    for limit, put in zip(limits, (ax.set_xlim, ax.set_ylim), strict=True):
        if limit is not None:
            put(*limit)
    if xscale == "linear":
        ax.ticklabel_format(axis="x", scilimits=_PLAIN_POWERS)
    if yscale == "linear":
        ax.ticklabel_format(axis="y", scilimits=_PLAIN_POWERS)
    ax.set_xlabel(text_of(x, labels), loc="center" if xscale == "linear" and _has_power(ax.get_xlim()) else None)
    ax.set_ylabel(text_of(y, labels))
    return ax


def _on(scale: str, values: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    return np.log10(values) if scale == "log" else values


def _span(values: Float[np.ndarray, " points"], scale: str, limits: Limits | None) -> Limits:
    """Range of the hexagons on the scale of the axis: what is shown, else all points."""
    low, high = _on(scale, np.array(limits if limits is not None else (np.min(values), np.max(values)), dtype=float))
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return float(low), float(high)
    margin = 0.1 * abs(low) or 0.1  # all points share one value
    return float(low - margin), float(high + margin)


def _lowest_of_hexagons(
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    chi2: Float[np.ndarray, " points"],
    gridsize: int | tuple[int, int],
    extent: Sequence[float],
) -> Int[np.ndarray, " hexagons"]:
    """Positions of the points of smallest chi2 of each hexagon, the only ones whose colour is seen.

    Centres of hexagons form two rectangular lattices, one at whole and one at half steps; a point belongs to the nearer
    centre, a step up counting sqrt(3) times a step across. matplotlib would visit every point in Python.
    """
    across, up = (gridsize, int(gridsize / np.sqrt(3.0))) if isinstance(gridsize, int) else gridsize
    u = (x - extent[0]) / (extent[1] - extent[0]) * across
    v = (y - extent[2]) / (extent[3] - extent[2]) * up
    whole, half = (np.round(u), np.round(v)), (np.floor(u) + 0.5, np.floor(v) + 0.5)
    nearer = (u - whole[0]) ** 2 + 3.0 * (v - whole[1]) ** 2 < (u - half[0]) ** 2 + 3.0 * (v - half[1]) ** 2
    centres = np.stack([np.where(nearer, a, b) for a, b in zip(whole, half, strict=True)])
    order = np.lexsort((chi2, *centres))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(centres[:, order], axis=1) != 0).any(axis=0)
    return order[first]


def _has_power(limits: tuple[float, float]) -> bool:
    """Whether the axis shows a power of ten, which stands where the label would be."""
    power = np.floor(np.log10(max(abs(end) for end in limits)))
    return not _PLAIN_POWERS[0] < power < _PLAIN_POWERS[1]


def columns_of(points: Columns | Predictions | Samples) -> Columns:
    """Columns by name: parameters, quantities and -2 delta ln P of draws; a table is returned as it is."""
    if isinstance(points, Predictions):
        return {name: points[name] for name in dict.fromkeys((*points.parameters, *points.names))} | _rated(
            points.log_prob
        )
    if isinstance(points, Samples):
        return {name: points.values(name) for name in points.names} | _rated(points.log_prob)
    return points


def _rated(log_prob: Float[np.ndarray, "chains draws"]) -> dict[str, Float[np.ndarray, " points"]]:
    return {
        DRAWN_PROBABILITY: 2.0 * (np.max(log_prob, initial=-np.inf, where=np.isfinite(log_prob)) - log_prob).ravel()
    }


def column(points: Columns, name: str) -> Float[np.ndarray, " points"]:
    """A column as real numbers.

    Raises:
        UnknownName: if there is none of this name, with near names.
    """
    known = [str(key) for key in points.keys()]  # noqa: SIM118  a DataFrame iterates over names, others may not
    if name not in known:
        raise UnknownName(f"no column {name!r} in the points; {near_names(name, known)}")
    return np.asarray(points[name], dtype=float).ravel()


def _drawable(points: Columns, names: tuple[str, ...], scales: tuple[str, str]) -> list[Float[np.ndarray, " points"]]:
    columns = [column(points, name) for name in names]
    lengths = {name: len(values) for name, values in zip(names, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise InvalidData(f"columns of different length {lengths}; give one row per point")
    good = np.logical_and.reduce([np.isfinite(values) for values in columns])
    for values, scale in zip(columns, scales, strict=False):
        good &= (values > 0) | (scale == "linear")
    count = int(np.sum(~good))
    if not good.any():
        raise InvalidOption(
            f"none of {len(good)} points has finite values of {', '.join(names)} (positive on a logarithmic axis); "
            "there is nothing to draw"
        )
    if count:
        notice(
            f"{count} of {len(good)} points are not drawn over {names[0]!r} and {names[1]!r}: not finite, or not "
            "positive on a logarithmic axis"
        )
    return [values[good] for values in columns]
