"""Pictures of models against data: points coloured by chi2, with NuFIT's ranges and regions, and the lobster plot."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from wilks._base.errors import InvalidOption, UnknownName, check_option
from wilks.plots.hexagons import DRAWN_PROBABILITY, Columns, columns_of
from wilks.plots.hexagons import hexbin as hexagons
from wilks.plots.overlays import OVERLAY, draw_band, draw_ranges, draw_region
from wilks.plots.style import in_style
from wilks.results.predictions import Predictions
from wilks.results.samples import Samples

from .datasets import GaussianTable
from .labels import LABELS
from .lobster import BOX, lobster_band
from .nufit_figures import figures
from .nufit_files import Release
from .nufit_terms import shipped_release

Limits = tuple[float, float]

_QUANTITIES = {
    "s12^2": "s12^2",
    "s13^2": "s13^2",
    "s23^2": "s23^2",
    "d/pi": "delta",
    "m21^2": "log10 m21^2",
    "m3l^2": "m3l^2",
}
_LIGHTEST = {"NO": "m1", "IO": "m3"}
_LOBSTER_LIMITS = (1e-4, 1.0)
_MARGIN = 0.1  # of the 3-sigma range, on either side
_TURN = 2.0  # d/pi is shown on [0, 2)


@in_style
def hexbin(
    points: Columns | Predictions | Samples,
    x: str,
    y: str,
    *,
    experiment: str | None = None,
    ordering: str = "NO",
    release: str = "5.3",
    dof: int = 2,
    experiment_colour: str = OVERLAY,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """Points of a model over two quantities, each hexagon coloured by its smallest chi2, with what experiments say.

    Args:
        points: columns by name with ``chisq``, or the predictions or samples of a model.
        x: quantity of the horizontal axis.
        y: quantity of the vertical axis.
        experiment: ``"1d"`` draws the 1 sigma (solid) and 3 sigma (dotted) ranges of both quantities; ``"2d"`` the
            1, 2, 3 sigma regions of their two-dimensional table; ``"lobster"`` the band of m_bb over the lightest mass
            that the 3 sigma ranges allow. The limits are the 3 sigma ranges and a tenth more, for the lobster
            1e-4 to 1 eV; ``limits=`` overrides them.
        ordering: NO or IO.
        release: release of NuFIT; two-dimensional tables exist for 5.2 and 5.3.
        dof: degrees of freedom of the regions' thresholds: 2 (Delta chi2 = 2.30, 6.18, 11.83) or 1 (1, 4, 9).
        experiment_colour: colour of lines and regions.
        labels: text per quantity, in place of `wilks.physics.flavor.labels.LABELS`.
        ax: axes to draw into.
        options: passed on to `wilks.plots.hexagons.hexbin`.

    Raises:
        UnknownName: for a quantity without a column.
        InvalidOption: for an unknown option, or if there are no data on a quantity, naming those that have.
    """
    check_option("ordering", ordering, tuple(_LIGHTEST))
    columns = _turned(columns_of(points), (x, y))
    _check_columns(columns, (x, y))
    if isinstance(points, (Predictions, Samples)) and "chisq" not in list(columns.keys()):
        options = {"colour": DRAWN_PROBABILITY} | options
    draw: Callable[[Axes], Any] | None = None
    if experiment is not None:
        check_option("experiment", experiment, tuple(_OVERLAYS))
        draw, settings = _OVERLAYS[experiment](x, y, ordering, release, dof, experiment_colour)
        options = settings | options
    ax = hexagons(columns, x, y, labels={**LABELS, **(labels or {})}, ax=ax, **options)
    if draw is not None:
        draw(ax)
    return ax


Overlay = tuple[Callable[[Axes], Any], dict[str, Any]]
"""What draws the data, and the settings of the axes that go with them."""


def _ranges(x: str, y: str, ordering: str, release: str, dof: int, colour: str) -> Overlay:
    table = figures(release, ordering)
    _check_data((x, y), tuple(table.rows), f"one-dimensional ranges of NuFIT {release} {ordering}")

    def draw(ax: Axes) -> None:
        draw_ranges(ax, "x", {sigmas: [_ends(table, x, sigmas)] for sigmas in (1, 3)}, colour=colour)
        draw_ranges(ax, "y", {sigmas: [_ends(table, y, sigmas)] for sigmas in (1, 3)}, colour=colour)

    return draw, {"limits": (_limits(table, x), _limits(table, y))}


def _regions(x: str, y: str, ordering: str, release: str, dof: int, colour: str) -> Overlay:
    tables = shipped_release(release, ordering)
    _check_data((x, y), tuple(_QUANTITIES), f"two-dimensional tables of NuFIT {release} {ordering}")
    if x == y:
        raise InvalidOption(f"a region needs two quantities; both axes show {x!r}")
    table = figures(release, ordering)

    def draw(ax: Axes) -> None:
        _, handles = draw_region(ax, *region(tables, x, y), dof=dof, colour=colour)
        ax.legend(
            handles=handles,
            loc="best",
            title=f"NuFIT {release}, {ordering}",
            frameon=True,
            framealpha=0.8,
            edgecolor="none",
        )

    return draw, {"limits": (_limits(table, x), _limits(table, y))}


def _lobster(x: str, y: str, ordering: str, release: str, dof: int, colour: str) -> Overlay:
    if (x, y) != (_LIGHTEST[ordering], "m_bb"):
        raise InvalidOption(
            f"the lobster plot of {ordering} has x = {_LIGHTEST[ordering]!r} and y = 'm_bb'; got x = {x!r}, y = {y!r}"
        )
    table = figures(release, ordering)
    band = lobster_band(ordering, {name: table.limits(name, 3) for name in BOX})

    def draw(ax: Axes) -> None:
        draw_band(ax, band.masses, band.lower, band.upper, colour=colour)

    return draw, {"limits": (_LOBSTER_LIMITS, _LOBSTER_LIMITS), "xscale": "log", "yscale": "log"}


_OVERLAYS: dict[str, Callable[[str, str, str, str, int, str], Overlay]] = {
    "1d": _ranges,
    "2d": _regions,
    "lobster": _lobster,
}


def region(
    tables: Release, x: str, y: str
) -> tuple[Float[np.ndarray, " x"], Float[np.ndarray, " y"], Float[np.ndarray, "x y"]]:
    """The two-dimensional Delta chi2 of a release over two observables, minus its minimum.

    Args:
        tables: tables of a release.
        x: observable of the first axis.
        y: observable of the second axis.

    Returns:
        Grid of x, grid of y in the observables' units (eV^2, d/pi on [0, 2] with both ends), and Delta chi2.

    Raises:
        InvalidOption: if there is no table of this pair, listing the pairs.
    """
    names = _QUANTITIES.get(x, x), _QUANTITIES.get(y, y)
    pairs = [pair for pair in tables.tables if len(pair) == 2]
    if set(names) not in [set(pair) for pair in pairs]:
        known = ", ".join(" with ".join(pair) for pair in pairs)
        raise InvalidOption(f"no two-dimensional table of {x!r} with {y!r}; there are {known or 'none'}")
    found = tables.tables[names if names in tables.tables else names[::-1]]
    axes, delta = (found.axes, found.chi2) if names in tables.tables else (found.axes[::-1], found.chi2.T)
    grids = [_in_units(name, axis) for name, axis in zip(names, axes, strict=True)]
    for place, name in enumerate(names):
        if name == "delta":
            grids[place], delta = _whole_turn(grids[place], delta, place)
    return grids[0], grids[1], delta - np.min(delta)


def _in_units(name: str, axis: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """Values of the observable: eV^2 from log10 or from 1e-3 eV^2, units of pi from degrees."""
    if name == "log10 m21^2":
        return 10.0**axis
    return axis * {"m3l^2": 1e-3, "delta": 1.0 / 180.0}.get(name, 1.0)


def _whole_turn(
    angles: Float[np.ndarray, " angles"], delta: Float[np.ndarray, "_ _"], place: int
) -> tuple[Float[np.ndarray, " turned"], Float[np.ndarray, "_ _"]]:
    """A table over one full turn, moved to [0, 2] so that both ends are the same angle and contours close there."""
    once = np.round(np.mod(angles[:-1], _TURN), 12)  # the last angle repeats the first
    order = np.argsort(once)
    order = np.append(order, order[0])
    turned = np.append(once[order[:-1]], once[order[0]] + _TURN)
    return turned, np.take(delta, order, axis=place)


def _turned(columns: Columns, names: tuple[str, ...]) -> Columns:
    """The columns with d/pi taken to [0, 2)."""
    if "d/pi" not in names or "d/pi" not in list(columns.keys()):
        return columns
    taken = {name: columns[name] for name in columns.keys()}  # noqa: SIM118  a DataFrame has keys as columns
    return taken | {"d/pi": np.mod(np.asarray(taken["d/pi"], dtype=float), _TURN)}


def _check_columns(columns: Columns, names: tuple[str, ...]) -> None:
    if "m_bb" in names and "m_bb" not in list(columns.keys()):
        raise UnknownName(
            "no column 'm_bb' in the points: double beta decay without neutrinos needs Majorana neutrinos, that is a "
            "symmetric M_n or nature='majorana'; Dirac models have no m_bb"
        )


def _check_data(names: tuple[str, str], known: tuple[str, ...], what: str) -> None:
    for name in names:
        if name not in known:
            raise InvalidOption(f"{what} have nothing on {name!r}; they cover {', '.join(known)}")


def _ends(table: GaussianTable, name: str, sigmas: int) -> Limits:
    low, high = table.limits(name, sigmas)
    return (low % _TURN, high % _TURN) if name == "d/pi" else (low, high)


def _limits(table: GaussianTable, name: str) -> Limits:
    """The 3 sigma range and a tenth more on either side; d/pi never leaves [0, 2]."""
    low, high = table.limits(name, 3)
    margin = _MARGIN * (high - low)
    if name != "d/pi":
        return low - margin, high + margin
    return (0.0, _TURN) if high > _TURN else (max(low - margin, 0.0), min(high + margin, _TURN))
