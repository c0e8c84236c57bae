"""What measurements look like on top of points: ranges of one quantity, and regions of two with their dof."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from scipy.special import chdtri, ndtr

from wilks._base.errors import InvalidData, InvalidOption

OVERLAY = "#3a3d42"
"""Colour of what measurements say, readable on all shades of chi2."""

_LINES = {1: "-", 2: "--", 3: ":"}
_HALO = (withStroke(linewidth=2.6, foreground="white", alpha=0.7),)


def sigma_threshold(sigmas: float | int, dof: int) -> float:
    """Delta chi2 that encloses the probability of so many sigma with ``dof`` degrees of freedom.

    1, 4, 9 for 1, 2, 3 sigma and one degree of freedom; 2.30, 6.18, 11.83 for two.
    """
    return float(chdtri(dof, 2.0 * ndtr(-float(sigmas))))


def draw_ranges(
    ax: Axes,
    axis: Literal["x", "y"],
    ranges: Mapping[int, Sequence[tuple[float, float]]],
    *,
    colour: str = OVERLAY,
) -> list[Line2D]:
    """Lines at the ends of ranges of one quantity: solid for 1 sigma, dashed for 2, dotted for 3.

    Args:
        ax: axes to draw into.
        axis: the axis of the quantity, ``x`` or ``y``.
        ranges: pieces of the range, each a lower and an upper end, by number of sigma.
        colour: colour of the lines.
    """
    put = ax.axvline if axis == "x" else ax.axhline
    return [
        put(end, ls=_LINES.get(sigmas, "-."), color=colour, lw=1.1, path_effects=_HALO)
        for sigmas, pieces in ranges.items()
        for piece in pieces
        for end in piece
    ]


def draw_region(
    ax: Axes,
    x: Float[np.ndarray, " columns"],
    y: Float[np.ndarray, " rows"],
    delta: Float[np.ndarray, "columns rows"],
    *,
    dof: int = 2,
    sigmas: Sequence[int] = (1, 2, 3),
    colour: str = OVERLAY,
) -> tuple[QuadContourSet, list[Line2D]]:
    """Contours of a tabulated Delta chi2 at 1, 2 and 3 sigma (solid, dashed, dotted).

    Args:
        ax: axes to draw into.
        x: increasing grid of the horizontal axis.
        y: increasing grid of the vertical axis.
        delta: Delta chi2 on the grid; nan where unknown.
        dof: degrees of freedom of the thresholds: 2 for the region of two quantities, 1 for the projections.
        sigmas: numbers of sigma, increasing.
        colour: colour of the lines.

    Returns:
        The contours, and one handle per level for a legend that says the degrees of freedom.

    Raises:
        InvalidOption: for another number of degrees of freedom.
        InvalidData: for grids that do not increase.
    """
    if dof not in (1, 2):
        raise InvalidOption(f"dof = {dof} is not possible for a region of two quantities; choose 1 or 2")
    if not ((np.diff(x) > 0).all() and (np.diff(y) > 0).all()):
        raise InvalidData("the grids of a region must increase; sort them first")
    heights = [sigma_threshold(n, dof) for n in sigmas]
    styles = [_LINES.get(n, "-.") for n in sigmas]
    contours = ax.contour(x, y, delta.T, levels=heights, colors=[colour], linestyles=styles, linewidths=1.2)
    contours.set_path_effects(list(_HALO))
    handles = [
        Line2D([], [], color=colour, ls=style, label=rf"{n}$\sigma$, {dof} dof")
        for n, style in zip(sigmas, styles, strict=True)
    ]
    return contours, handles


def draw_band(
    ax: Axes,
    x: Float[np.ndarray, " points"],
    lower: Float[np.ndarray, " points"],
    upper: Float[np.ndarray, " points"],
    *,
    colour: str = OVERLAY,
) -> list[Line2D]:
    """Dashed edges of a band.

    Args:
        ax: axes to draw into.
        x: places along the horizontal axis.
        lower: lower edge.
        upper: upper edge.
        colour: colour of the lines.
    """
    return [ax.plot(x, edge, color=colour, ls="--", lw=1.2, path_effects=_HALO)[0] for edge in (lower, upper)]
