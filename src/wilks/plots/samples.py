"""Figures of posterior draws: corner plot, traces, autocorrelation."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from wilks._base.errors import InvalidData, InvalidOption
from wilks.results.chains import autocorrelation
from wilks.results.densities import Range, at_points, density, density_2d, heights
from wilks.results.predictions import Predictions
from wilks.results.samples import Samples

from .style import ACCENT, DATA, MODEL, MUTED, in_style, single, text_of

_LEVELS = (0.6827, 0.9545)
_PANEL = 1.75  # inches
_MOST_PANELS = 20  # parameters of one corner plot
_FEWEST_DRAWS = 20
_ANYWHERE = (-np.inf, np.inf)


@in_style
def corner(
    draws: Samples | Predictions,
    names: Sequence[str] | None = None,
    *,
    levels: Sequence[float] = _LEVELS,
    truth: Mapping[str, float] | None = None,
    best: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Densities of all quantities and of all pairs of them, with their regions of highest density.

    Args:
        draws: posterior draws, or predictions for each of them.
        names: quantities to show; the sampled parameters, or all predictions, by default.
        levels: probabilities of the regions, each in (0, 1).
        truth: values to mark with full lines.
        best: values to mark with dashed lines, e.g. ``fit.values``.
        labels: text per quantity, with its unit.

    Raises:
        UnknownName: for a name without draws.
        InvalidOption: for too many quantities, none, or a level outside (0, 1).
        InvalidData: for fewer than 20 draws on which all quantities are defined.
    """
    names = tuple(names) if names is not None else draws.free if isinstance(draws, Samples) else draws.names
    if not 1 <= len(names) <= _MOST_PANELS:
        raise InvalidOption(f"{len(names)} quantities in one corner plot; choose 1 to {_MOST_PANELS} by names=...")
    for level in levels:
        if not 0.0 < level < 1.0:
            raise InvalidOption(f"level {level} must lie between 0 and 1, e.g. 0.6827")
    columns = _defined(draws, names)
    bounds = [draws.bounds(name) if isinstance(draws, Samples) else _ANYWHERE for name in names]
    worth = min(draws.effective(name) for name in names) if isinstance(draws, Samples) else None
    side = max(_PANEL * len(names), 3.2)
    figure = Figure(figsize=(side, side), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.02, hspace=0.0, wspace=0.0)  # type: ignore[union-attr]
    panels = figure.subplots(len(names), len(names), squeeze=False, sharex="col")
    marks = {"truth": truth or {}, "best": best or {}}
    for row, upper in enumerate(names):
        for column, left in enumerate(names):
            ax = panels[row, column]
            if column > row:
                ax.remove()
                continue
            if column == row:
                _diagonal(ax, columns[row], bounds[row], worth, levels, [m.get(upper) for m in marks.values()])
            else:
                pair = (bounds[column], bounds[row])
                _pair(ax, columns[column], columns[row], pair, worth, levels)
                _cross(ax, [(m.get(left), m.get(upper)) for m in marks.values()])
            _ticks(ax, row, column, len(names), text_of(left, labels), text_of(upper, labels))
    _legend(figure, levels, marks)
    return figure


@in_style
def trace(
    samples: Samples, names: Sequence[str] | None = None, *, labels: Mapping[str, str] | None = None, most: int = 12
) -> Figure:
    """Draws in the order in which they were made, one panel per parameter and one line per chain.

    Args:
        samples: posterior draws.
        names: parameters to show; all sampled ones by default.
        labels: text per parameter, with its unit.
        most: largest number of chains that are drawn; they are picked evenly.
    """
    names = tuple(names) if names is not None else samples.free
    figure = Figure(figsize=(6.4, 1.2 * max(len(names), 2) + 0.6), layout="constrained")
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    steps = samples.warmup + samples.spacing * np.arange(1, samples.log_prob.shape[1] + 1)
    for ax, name in zip(panels, names, strict=True):
        chains = samples.chains(name)
        shown = np.unique(np.linspace(0, len(chains) - 1, min(most, len(chains))).astype(int))
        ax.plot(steps, chains[shown].T, lw=0.5, alpha=0.7, rasterized=True)
        ax.set_ylabel(text_of(name, labels))
        ax.yaxis.set_major_locator(MaxNLocator(3))
    panels[-1].set_xlabel("step")
    panels[-1].set_xlim(float(steps[0]), float(max(steps[-1], steps[0] + 1)))
    return figure


@in_style
def autocorrelations(
    samples: Samples,
    names: Sequence[str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Correlation of draws against the steps between them, with the autocorrelation time of each parameter.

    Args:
        samples: posterior draws.
        names: parameters to show; all sampled ones by default.
        labels: text per parameter.
        ax: axes to draw into.
    """
    names = tuple(names) if names is not None else samples.free
    ax = single(ax)
    times = {name: float(samples.tau[samples.index(name)]) for name in names}
    longest = max((t for t in times.values() if np.isfinite(t)), default=float(samples.spacing))
    lags = samples.spacing * np.arange(samples.log_prob.shape[1])
    shown = lags <= max(10.0 * longest, 10.0 * samples.spacing)
    for name, tau in times.items():
        text = rf"{text_of(name, labels)}, $\tau$ = {tau:.3g} steps"
        ax.plot(lags[shown], autocorrelation(samples.chains(name))[shown], label=text)
    ax.axhline(0.0, color=MUTED, lw=0.8)
    ax.set_xlabel("lag in steps")
    ax.set_ylabel("autocorrelation")
    ax.set_xlim(0.0, float(lags[shown][-1]) or 1.0)
    ax.legend()
    return ax


def _defined(draws: Samples | Predictions, names: Sequence[str]) -> list[Float[np.ndarray, " draws"]]:
    """Columns of the draws on which all of the quantities are defined and move."""
    columns = [draws.values(name) if isinstance(draws, Samples) else draws[name] for name in names]
    good = np.all([np.isfinite(column) for column in columns], axis=0)
    if good.sum() < _FEWEST_DRAWS:
        raise InvalidData(f"only {int(good.sum())} draws have all of {', '.join(names)}; {_FEWEST_DRAWS} are needed")
    for name, column in zip(names, columns, strict=True):
        if np.ptp(column[good]) == 0.0:
            raise InvalidData(f"{name!r} has the same value {column[good][0]} in all draws; leave it out by names=...")
    return [column[good] for column in columns]


def _diagonal(
    ax: Axes,
    values: Float[np.ndarray, " draws"],
    bounds: Range,
    worth: float | None,
    levels: Sequence[float],
    marked: Sequence[float | None],
) -> None:
    grid, height = density(values, bounds, effective=worth)
    ax.plot(grid, height, color=DATA, lw=1.0)
    for edge in heights(np.interp(values, grid, height), levels):
        ax.fill_between(grid, 0.0, height, where=(height >= edge).tolist(), color=MODEL, alpha=0.3, lw=0)
    for value, style in zip(marked, ("-", "--"), strict=True):
        if value is not None:
            ax.axvline(value, color=ACCENT, lw=1.0, ls=style)
    ax.set_ylim(0.0, 1.08 * float(height.max()))
    ax.set_xlim(float(grid[0]), float(grid[-1]))


def _pair(
    ax: Axes,
    x: Float[np.ndarray, " draws"],
    y: Float[np.ndarray, " draws"],
    bounds: tuple[Range, Range],
    worth: float | None,
    levels: Sequence[float],
) -> None:
    across, up, height = density_2d(x, y, bounds, effective=worth)
    edges = sorted(set(heights(at_points((across, up), height, x, y), levels)))
    ax.contourf(across, up, height.T, levels=[*edges, float(height.max()) * 1.001], colors=_shades(len(edges)))
    ax.contour(across, up, height.T, levels=edges, colors=[MODEL], linewidths=0.8)
    ax.set_xlim(float(across[0]), float(across[-1]))
    ax.set_ylim(float(up[0]), float(up[-1]))


def _cross(ax: Axes, marked: Sequence[tuple[float | None, float | None]]) -> None:
    for (x, y), style in zip(marked, ("-", "--"), strict=True):
        if x is not None:
            ax.axvline(x, color=ACCENT, lw=0.8, ls=style)
        if y is not None:
            ax.axhline(y, color=ACCENT, lw=0.8, ls=style)


def _shades(count: int) -> list[tuple[str, float]]:
    """The model's colour, fainter for outer regions."""
    return [(MODEL, 0.2 + 0.5 * i / max(count - 1, 1)) for i in range(count)]


def _ticks(ax: Axes, row: int, column: int, count: int, across: str, up: str) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
    ax.yaxis.set_major_locator(MaxNLocator(3, prune="both"))
    ax.tick_params(which="both", labelsize=7, labelbottom=row == count - 1, labelleft=0 == column != row)
    ax.tick_params(axis="x", labelrotation=45)
    if row == column:
        ax.set_yticks([])
    if row == count - 1:
        ax.set_xlabel(across, loc="center")
    if column == 0 and row > 0:
        ax.set_ylabel(up, loc="center")


def _legend(figure: Figure, levels: Sequence[float], marks: Mapping[str, Mapping[str, float]]) -> None:
    shades = _shades(len(levels))
    handles = [
        Line2D([], [], color=colour, alpha=alpha, lw=7, label=f"{100 * level:.4g} %")
        for level, (colour, alpha) in zip(sorted(levels, reverse=True), shades, strict=True)
    ]
    for (name, values), style in zip(marks.items(), ("-", "--"), strict=True):
        if values:
            handles.append(Line2D([], [], color=ACCENT, lw=1.0, ls=style, label=name))
    figure.legend(handles=handles, loc="outside upper right", ncols=2, fontsize=8)
