"""FlavorPy's plot: points coloured by chi-square, with NuFIT 5.3 on top."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap

from wilks._base.errors import InvalidOption, check_option
from wilks.physics.flavor.pictures import hexbin
from wilks.plots.hexagons import CHI2_TOP, chi2_colours

_SHOWN = ("1dim", "2dim")
_LEVELS = {"1dof": 1, "2dof": 2}


def flavorpy_cmap() -> ListedColormap:
    """Colours for chi-square from 0 to 25: green below 1, yellow below 4, orange below 9, then red fading to white."""
    return chi2_colours()


def plot(
    df: Any,
    x: str = "me/mu",
    y: str = "mu/mt",
    cmap: str | Colormap | None = None,
    ordering: str = "NO",
    show_exp: str | None = None,
    xylabels: Sequence[str] | None = None,
    exp_colors: str = "gray",
    *,
    levels: str = "1dof",
    **options: Any,
) -> Axes:
    """Hexagons over two columns, each coloured by the smallest chi-square of its points.

    Args:
        df: frame with the columns and ``chisq``, e.g. of ``complete_fit``.
        x: column of the horizontal axis.
        y: column of the vertical axis.
        cmap: colours; by default `flavorpy_cmap`.
        ordering: "NO" or "IO".
        show_exp: "1dim" for the ranges of both quantities at 1 and 3 sigma; "2dim" for their two-dimensional regions,
            or with y = "m_bb" for the lobster plot.
        xylabels: texts of both axes.
        exp_colors: colour of what experiments say.
        levels: "1dof" for Delta chi-square 1, 4, 9 as FlavorPy has it, or "2dof" for 2.30, 6.18, 11.83, which enclose
            the probability of 1, 2, 3 sigma in two dimensions.
        options: further arguments of matplotlib's ``hexbin``; colours span chi-square 0 to 25 unless ``vmin``, ``vmax``
            or ``norm`` say otherwise.

    Raises:
        UnknownName: for a column that does not exist.
        InvalidOption: for an unknown word, or a quantity without data.
    """
    check_option("levels", levels, tuple(_LEVELS))
    experiment = _experiment(show_exp, y)
    own = "norm" in options
    options = {"vmin": None if own else 0.0, "vmax": None if own else CHI2_TOP, **options}
    return hexbin(
        df,
        x,
        y,
        experiment=experiment,
        ordering=ordering,
        dof=_LEVELS[levels],
        experiment_colour=exp_colors,
        labels=_labels(x, y, xylabels),
        cmap=cmap,
        **options,
    )


def _experiment(show_exp: str | None, y: str) -> str | None:
    if show_exp is None:
        return None
    check_option("show_exp", show_exp, _SHOWN)
    if show_exp == "1dim":
        return "1d"
    return "lobster" if y == "m_bb" else "2d"


def _labels(x: str, y: str, xylabels: Sequence[str] | None) -> dict[str, str] | None:
    if xylabels is None:
        return None
    if len(xylabels) != 2:
        raise InvalidOption(f"xylabels has {len(xylabels)} entries; give the texts of both axes")
    return {x: xylabels[0], y: xylabels[1]}
