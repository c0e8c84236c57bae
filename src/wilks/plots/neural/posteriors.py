"""Figures of neural posteriors: draws beside the exact density, importance weights, predicted data."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wilks._base.errors import InvalidData
from wilks.plots.style import ACCENT, BANDS, COLOURS, DATA, MODEL, MUTED, in_style, single, text_of
from wilks.results.checks import PredictiveCheck
from wilks.results.densities import at_points, density_2d, heights
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.samples import Samples
from wilks.results.weighted import WeightedSamples

_LEVELS = (0.6827, 0.90)
_FEWEST = 20

Labels = Mapping[str, str] | None


@in_style
def posterior_pair(
    draws: Mapping[str, Samples] | Samples,
    names: tuple[str, str],
    *,
    exact: GridPosterior | None = None,
    levels: Sequence[float] = _LEVELS,
    labels: Labels = None,
    ax: Axes | None = None,
) -> Axes:
    """Regions of highest density of two parameters by draws, with those of the exact posterior dashed.

    Densities of draws are smoothed by a Gaussian kernel of Silverman's width, in logarithms of positive parameters. The
    exact posterior goes through the same smoothing, as so many draws of it, so that what differs is not the smoothing.

    Args:
        draws: posterior draws, or several by name.
        names: the two parameters.
        exact: exact posterior on a grid of the same two.
        levels: probabilities of the regions.
        labels: text per parameter, with its unit.
        ax: axes to draw into.
    """
    family = {draws.algorithm: draws} if isinstance(draws, Samples) else dict(draws)
    ax = single(ax, height=4.4)
    handles = []
    logs = [all(np.all(d.values(name) > 0) and d.bounds(name)[0] > 0 for d in family.values()) for name in names]
    for (text, samples), colour in zip(family.items(), COLOURS * len(family), strict=False):
        columns = np.stack([samples.values(name) for name in names])
        _smoothed(ax, columns, _Frame(samples, names, logs), levels, colour)
        handles.append(Line2D([], [], color=colour, label=text))
    if exact is not None:
        if exact.names != tuple(names):
            raise InvalidData(f"the exact posterior is one of {', '.join(exact.names)}, not of {', '.join(names)}")
        first = next(iter(family.values()))
        columns = _drawn(exact, len(first.values(names[0])), logs)
        _smoothed(ax, columns, _Frame(first, names, logs), levels, DATA, "--")
        handles.append(Line2D([], [], color=DATA, ls="--", label="exact"))
    ax.set_xscale("log" if logs[0] else "linear")
    ax.set_yscale("log" if logs[1] else "linear")
    ax.set_xlabel(text_of(names[0], labels))
    ax.set_ylabel(text_of(names[1], labels))
    title = " and ".join(f"{100 * level:.4g}" for level in levels) + " %"
    ax.legend(handles=handles, title=title, loc="best", frameon=True)
    return ax


@in_style
def weights(result: WeightedSamples, *, ax: Axes | None = None) -> Axes:
    """Importance weights in falling order, in units of their mean; one large one would carry the answer alone.

    Args:
        result: weighted draws.
        ax: axes to draw into.
    """
    ax = single(ax, width=4.8, height=3.6)
    ordered = np.sort(result.weights)[::-1] * len(result)
    positive = ordered > 0
    ax.plot(np.flatnonzero(positive) + 1, ordered[positive], color=MODEL)
    ax.axhline(1.0, color=MUTED, lw=0.8, ls="--")
    share = 100 * result.ess / len(result)
    ax.plot([], [], " ", label=f"effective share {share:.3g} %, Pareto k {result.pareto_k:.2f}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("draw, by falling weight")
    ax.set_ylabel("weight / mean weight")
    ax.legend(loc="lower left")
    return ax


@in_style
def predictive(result: PredictiveCheck) -> Figure:
    """Observed values per number of each block with the 68 and 95 % bands of replicas, in units of their spread.

    Args:
        result: a predictive check.
    """
    figure = Figure(figsize=(6.4, 1.9 * len(result.bands) + 0.5), layout="constrained")
    panels = figure.subplots(len(result.bands), 1, squeeze=False)[:, 0]
    for ax, (name, bands) in zip(panels, result.bands.items(), strict=True):
        _block(ax, bands, result.data[name])
        ax.set_title(name, loc="left", fontsize=9)
    panels[-1].set_xlabel("number within the block")
    return figure


class _Frame(NamedTuple):
    """What a smooth density needs besides draws: whose bounds and effective number, of what, on which scale."""

    samples: Samples
    names: tuple[str, str]
    logs: Sequence[bool]

    def bounds(self, i: int) -> tuple[float, float]:
        """Ends of one parameter on its scale."""
        low, high = self.samples.bounds(self.names[i])
        return (float(np.log(low)), float(np.log(high))) if self.logs[i] else (low, high)


def _smoothed(
    ax: Axes,
    columns: Float[np.ndarray, "2 draws"],
    frame: _Frame,
    levels: Sequence[float],
    colour: str,
    style: str = "-",
) -> None:
    x, y = (np.log(column) if log else column for column, log in zip(columns, frame.logs, strict=True))
    if len(x) < _FEWEST:
        raise InvalidData(f"only {len(x)} draws; {_FEWEST} are needed")
    effective = min(frame.samples.effective(name) for name in frame.names)
    across, up, height = density_2d(x, y, (frame.bounds(0), frame.bounds(1)), effective=effective)
    edges = sorted(set(heights(at_points((across, up), height, x, y), levels)))
    across, up = (np.exp(axis) if log else axis for axis, log in zip((across, up), frame.logs, strict=True))
    ax.contour(across, up, height.T, levels=edges, colors=[colour], linestyles=[style], linewidths=1.3)


def _drawn(exact: GridPosterior, n: int, logs: Sequence[bool]) -> Float[np.ndarray, "2 draws"]:
    """Draws of a posterior on a grid, spread evenly over each cell."""
    generator = np.random.default_rng(0)
    places = np.unravel_index(generator.choice(exact.mass.size, n, p=exact.mass.ravel()), exact.mass.shape)
    edges = [np.log(axis) if log else axis for axis, log in zip(exact.edges, logs, strict=True)]
    found = [axis[i] + generator.random(n) * (axis[i + 1] - axis[i]) for axis, i in zip(edges, places, strict=True)]
    return np.stack([np.exp(column) if log else column for column, log in zip(found, logs, strict=True)])


def _block(ax: Axes, bands: Float[np.ndarray, "quantiles _"], observed: Float[np.ndarray, " _"]) -> None:
    """Quantiles are those at 2.3, 16, 50, 84 and 98 %."""
    middle = bands[2]
    spread = 0.5 * (bands[3] - bands[1])
    unit = np.where(spread > 0, spread, 1.0)
    places = np.arange(len(middle) + 1) - 0.5
    for low, high, colour in ((0, 4, BANDS[1]), (1, 3, BANDS[0])):
        down, top = ((bands[k] - middle) / unit for k in (low, high))
        ax.fill_between(places, np.append(down, down[-1]), np.append(top, top[-1]), step="post", color=colour, lw=0)
    ax.plot(np.arange(len(middle)), (observed - middle) / unit, ".", color=DATA, markersize=3)
    ax.axhline(0.0, color=ACCENT, lw=0.6)
    ax.set_xlim(places[0], places[-1])
    ax.set_ylabel("pull")
