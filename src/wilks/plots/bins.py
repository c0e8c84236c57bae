"""Pieces of figures of binned data: counts with errors, stacks, bands, and the panel below."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.ticker import MultipleLocator
from scipy.special import gammaincinv, xlogy

from .style import ACCENT, COLOURS, DATA, MUTED, text_of

_TAIL = 0.5 * (1.0 - 0.6827)


def garwood(counts: Float[np.ndarray, " bins"]) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    """Lengths of the error bars of Poisson counts, down and up, at a level of 68.27 % in the middle.

    Lower end chi2(alpha/2; 2n)/2, 0 for n = 0; upper end chi2(1-alpha/2; 2n+2)/2.
    Reference: F. Garwood, Biometrika 28 (1936) 437.
    """
    lower = np.where(counts > 0, gammaincinv(np.maximum(counts, 1e-300), _TAIL), 0.0)
    upper = gammaincinv(counts + 1.0, 1.0 - _TAIL)
    return counts - lower, upper - counts


def poisson_pulls(counts: Float[np.ndarray, " bins"], mu: Float[np.ndarray, " bins"]) -> Float[np.ndarray, " bins"]:
    """Signed root of the deviance, sign(n - mu) sqrt(2 [mu - n + n ln(n/mu)]): near normal even for few counts.

    NaN where a count stands against an expectation of zero.
    """
    safe = np.where(mu > 0, mu, 1.0)
    deviance = 2.0 * (safe - counts + xlogy(counts, counts / safe))
    pulls = np.sign(counts - safe) * np.sqrt(np.maximum(deviance, 0.0))
    return np.where(mu > 0, pulls, np.where(counts > 0, np.nan, 0.0))


def draw_counts(
    ax: Axes, edges: Float[np.ndarray, " edges"], counts: Float[np.ndarray, " bins"], label: str = "data"
) -> ErrorbarContainer:
    """Points with Garwood errors at the middle of the bins."""
    centres = 0.5 * (edges[1:] + edges[:-1])
    return ax.errorbar(
        centres, counts, yerr=np.stack(garwood(counts)), fmt="o", color=DATA, markersize=4, elinewidth=1.1, label=label
    )


def draw_stack(
    ax: Axes,
    edges: Float[np.ndarray, " edges"],
    components: Mapping[str, Float[np.ndarray, " bins"]],
    labels: Mapping[str, str] | None = None,
) -> Float[np.ndarray, " bins"]:
    """Filled steps, the first component at the bottom; returns the sum."""
    total = np.zeros(len(edges) - 1)
    for i, (name, values) in enumerate(components.items()):
        colour = COLOURS[i % len(COLOURS)]
        ax.stairs(total + values, edges, baseline=total, fill=True, color=colour, label=text_of(name, labels), lw=0)
        total = total + values
    ax.stairs(total, edges, color=DATA, lw=0.9)
    return total


def draw_band(
    ax: Axes,
    edges: Float[np.ndarray, " edges"],
    centre: Float[np.ndarray, " bins"],
    error: Float[np.ndarray, " bins"],
    label: str,
) -> None:
    """Hatched band of the prediction's error."""
    ax.stairs(
        centre + error,
        edges,
        baseline=centre - error,
        fill=True,
        facecolor="none",
        edgecolor=MUTED,
        hatch="//////",
        lw=0,
        label=label,
    )


def draw_pulls(
    ax: Axes, edges: Float[np.ndarray, " edges"], counts: Float[np.ndarray, " bins"], mu: Float[np.ndarray, " bins"]
) -> None:
    """Panel of pulls, with lines at -2, 0 and 2."""
    pulls = poisson_pulls(counts, mu)
    ax.axhspan(-1, 1, color="0.92", lw=0)
    ax.axhline(0.0, color=DATA, lw=0.8)
    for line in (-2.0, 2.0):
        ax.axhline(line, color=MUTED, lw=0.7, ls=":")
    ax.stairs(np.nan_to_num(pulls), edges, fill=True, color=MUTED, alpha=0.75, lw=0)
    limit = max(3.0, 1.15 * float(np.nanmax(np.abs(pulls), initial=0.0)))
    ax.set_ylim(-limit, limit)
    ax.yaxis.set_major_locator(MultipleLocator(2.0 if limit < 7.0 else 5.0))
    ax.set_ylabel("pull", loc="center")


def draw_ratio(
    ax: Axes,
    edges: Float[np.ndarray, " edges"],
    counts: Float[np.ndarray, " bins"],
    mu: Float[np.ndarray, " bins"],
    error: Float[np.ndarray, " bins"] | None,
) -> None:
    """Panel of data over prediction; bins without a prediction stay empty."""
    safe = np.where(mu > 0, mu, np.nan)
    centres, down_up = 0.5 * (edges[1:] + edges[:-1]), np.stack(garwood(counts))
    if error is not None:
        draw_band(ax, edges, np.ones(len(mu)), np.nan_to_num(error / safe), "_band")
    ax.axhline(1.0, color=ACCENT, lw=0.9)
    ax.errorbar(centres, counts / safe, yerr=down_up / safe, fmt="o", color=DATA, markersize=3.5, elinewidth=1.0)
    ax.set_ylim(0.0, 2.0)
    ax.set_ylabel("data / model", loc="center")


def count_label(edges: Float[np.ndarray, " edges"], unit: str = "") -> str:
    """``events / 5 GeV`` for equal bins, else ``events / bin``."""
    widths = np.diff(edges)
    if unit and np.allclose(widths, widths[0], rtol=1e-6, atol=0.0):
        return f"events / {float(widths[0]):.4g} {unit}"
    return "events / bin"


def headroom(ax: Axes, tops: Sequence[Float[np.ndarray, " bins"]], factor: float = 1.45) -> None:
    """Vertical range from zero to the highest of the tops, with room for the legend."""
    top = max((float(np.nanmax(t, initial=0.0)) for t in tops), default=0.0)
    ax.set_ylim(0.0, factor * top if top > 0 else 1.0)


def close_edges(ax: Axes, edges: Float[np.ndarray, " edges"]) -> None:
    """Horizontal range from the first to the last edge."""
    ax.set_xlim(float(edges[0]), float(edges[-1]))


def ordered_legend(ax: Axes) -> None:
    """Legend with data first and the stack from top to bottom, in two columns from five entries on."""
    handles, texts = ax.get_legend_handles_labels()
    points = [i for i, h in enumerate(handles) if isinstance(h, ErrorbarContainer)]
    others = [i for i in reversed(range(len(handles))) if i not in points]
    order = points + others
    ax.legend(
        [handles[i] for i in order], [texts[i] for i in order], loc="upper right", ncols=1 if len(order) < 5 else 2
    )
