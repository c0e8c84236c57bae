"""How figures of Wilks look: colours, fonts, sizes, and the rule on when this style is used.

A figure that a plot function makes itself is drawn in this style. Axes that a caller hands over are drawn in the
caller's style, so that everything works under ``mplhep.style.use("CMS")`` and the like. No function touches pyplot.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

P = ParamSpec("P")
R = TypeVar("R")

# Petroff, arXiv:2107.02270, table 1: ten colours that stay apart for colour-blind readers and in grey
COLOURS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
DATA = "#111111"
MODEL = COLOURS[0]
ACCENT = COLOURS[2]
MUTED = "#717581"
BANDS = ("#cfe3f6", "#e8f1fa")  # inner and outer band behind points
WIDTH = 5.6  # inches, one column of text
SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.0,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 11.0,
    "axes.titlesize": 11.0,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.formatter.useoffset": False,
    "axes.axisbelow": False,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "xtick.major.size": 5.0,
    "ytick.major.size": 5.0,
    "xtick.minor.size": 2.5,
    "ytick.minor.size": 2.5,
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.0,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 200,
    "svg.fonttype": "path",  # the same look on every machine
}


@contextmanager
def wilks_style() -> Iterator[None]:
    """Everything drawn inside has the style of Wilks; afterwards the caller's style is back."""
    with mpl.rc_context(SETTINGS):
        yield


def in_style(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator of plot functions: own figures in the style of Wilks, given axes in the style of the caller."""

    @functools.wraps(function)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs.get("ax") is not None or kwargs.get("axes") is not None:
            return function(*args, **kwargs)
        with wilks_style():
            return function(*args, **kwargs)

    return drawn


def single(ax: Axes | None, *, width: float = WIDTH, height: float = 4.0, square: bool = False) -> Axes:
    """The axes given, or those of a new figure of this size in inches; ``square`` if the axes keep their aspect."""
    if ax is not None:
        return ax
    return Figure(figsize=(width, height), layout="compressed" if square else "constrained").add_subplot()


def stacked_pair(
    axes: Iterable[Axes] | None, *, width: float = WIDTH, height: float = 5.0, ratio: float = 3.2
) -> tuple[Axes, Axes]:
    """The two axes given, or a large one above a small one with a shared horizontal axis in a new figure."""
    if axes is not None:
        upper, lower = axes
        return upper, lower
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, hspace=0.0)  # type: ignore[union-attr]
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(ratio, 1.0))
    upper.tick_params(labelbottom=False)
    return upper, lower


def columns(axes: Iterable[Axes] | None, count: int, *, width: float, height: float) -> tuple[Axes, ...]:
    """The axes given, or a row of axes with a shared vertical axis in a new figure."""
    if axes is not None:
        return tuple(axes)
    figure = Figure(figsize=(width, height), layout="constrained")
    return tuple(figure.subplots(1, count, sharey=True, squeeze=False)[0])


def figure_of(ax: Axes) -> Figure:
    """The figure that axes belong to."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def text_of(name: str, labels: Mapping[str, str] | None = None) -> str:
    """Text for a name: its label if one is given, else the name itself, never read as mathematics."""
    if labels and name in labels:
        return labels[name]
    return name.replace("$", r"\$")


def rows(ax: Axes, names: Sequence[str], labels: Mapping[str, str] | None = None) -> None:
    """One horizontal row per name, the first on top."""
    ax.set_yticks(range(len(names)), [text_of(n, labels) for n in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", which="both", length=0)
    ax.minorticks_on()
    ax.yaxis.set_minor_locator(NullLocator())
