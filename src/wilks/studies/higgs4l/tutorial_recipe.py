"""The tutorial's own recipe, step by step as it stands there: grids, parabolas, slices, toys that are not refitted.

Nothing here is used by anything but the tutorial mode, which sets each number beside the right one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import chdtrc

_FIRST_MINIMUM = 1_000_000.0  # start of the tutorial's searches
_LEVEL = 2.3
_GRID = 100
_TOYS_PER_BLOCK = 500  # toys x grid points of one matrix product
_THRESHOLDS = (1.0, 5.0, 40)


@dataclass(frozen=True, eq=False)
class TutorialHistograms:
    """What the tutorial's notebook holds after its cell [4].

    Args:
        data: ``H_data``.
        signal: ``H_125``.
        background: ``H_bkg``.
    """

    data: Float[np.ndarray, " bins"]
    signal: Float[np.ndarray, " bins"]
    background: Float[np.ndarray, " bins"]


@dataclass(frozen=True)
class OneStrength:
    """Outcome of cells [12] and [13]: one strength scanned, the other one held at 1.

    Args:
        best: first strict minimum on the grid.
        error: distance from there to the first root of parabola minus 1.
        per_dof: smallest chi-square divided by the degrees of freedom.
    """

    best: float
    error: float
    per_dof: float


@dataclass(frozen=True, eq=False)
class TwoStrengths:
    """Outcome of cell [14]: both strengths on a grid of 100 x 100.

    Args:
        signal: best s_s.
        background: best s_b.
        signal_errors: up, down; first and last grid value below 2.3 on the line through the best fit.
        background_errors: the same for s_b.
        per_dof: smallest chi-square divided by the degrees of freedom.
        index: position of the best fit on the grid.
    """

    signal: float
    background: float
    signal_errors: tuple[float, float]
    background_errors: tuple[float, float]
    per_dof: float
    index: tuple[int, int]


@dataclass(frozen=True, eq=False)
class GridCoverage:
    """Outcome of the last cell, with more toys.

    Args:
        delta: chi-square at the truth minus the smallest one on the grid, of each toy.
        on_edge: how many toys have their minimum on the edge of the grid.
        negative: how many toys have a bin with a negative count.
    """

    delta: Float[np.ndarray, " toys"]
    on_edge: int
    negative: int

    def fraction(self, d: float) -> float:
        """Share of toys with delta <= d."""
        return float(np.mean(self.delta <= d))


def chi_square(
    observed: Float[np.ndarray, "*toys bins"], predicted: Float[np.ndarray, " bins"]
) -> Float[np.ndarray, "*toys"]:
    """Cell [6]: sum of (observed - predicted)^2 / predicted."""
    return np.asarray(np.sum((observed - predicted) ** 2 / predicted, axis=-1))


def before_fit(h: TutorialHistograms) -> float:
    """Cell [9]: chi-square per bin with both strengths at 1."""
    return float(chi_square(h.data, h.signal + h.background)) / len(h.data)


def scan_signal(h: TutorialHistograms) -> OneStrength:
    """Cell [12]: s_s from 1 to 3, s_b = 1."""
    return _scan(h.data, h.signal, h.background, np.linspace(1.0, 3.0, _GRID))


def scan_background(h: TutorialHistograms) -> OneStrength:
    """Cell [13]: s_b from 1.15 to 1.4, s_s = 1."""
    return _scan(h.data, h.background, h.signal, np.linspace(1.15, 1.4, _GRID))


def scan_both(h: TutorialHistograms) -> TwoStrengths:
    """Cell [14]: both strengths; errors from slices through the best fit at 2.3."""
    signal, background = grid()
    chi2 = _on_grid(h, h.data[None])[0].reshape(_GRID, _GRID)
    row, column = np.unravel_index(int(np.argmin(chi2)), chi2.shape)  # the first strict minimum, row by row
    delta = chi2 - chi2[row, column]
    along_signal = np.flatnonzero(delta[:, column] <= _LEVEL)
    along_background = np.flatnonzero(delta[row] <= _LEVEL)
    return TwoStrengths(
        float(signal[row]),
        float(background[column]),
        _up_down(signal, row, along_signal),
        _up_down(background, column, along_background),
        float(chi2[row, column]) / (len(h.data) - 2),
        (int(row), int(column)),
    )


def grid() -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """The box of cell [14]: s_s from 0.1 to 2.7, s_b from 1.1 to 1.5."""
    return np.linspace(0.1, 2.7, _GRID), np.linspace(1.1, 1.5, _GRID)


def thresholds() -> Float[np.ndarray, " thresholds"]:
    """The 40 values of d of the last cell."""
    first, last, count = _THRESHOLDS
    return np.linspace(first, last, count)


def after_fit(h: TutorialHistograms, best: TwoStrengths) -> float:
    """Cell [16]: chi-square of the data at the best grid point."""
    return float(chi_square(h.data, fitted(h, best)))


def p_value(chi2: float, dof: int) -> float:
    """Cell [17]: survival probability of the chi-square law."""
    return float(chdtrc(dof, chi2))


def fitted(h: TutorialHistograms, best: TwoStrengths) -> Float[np.ndarray, " bins"]:
    """Expected counts at the best grid point."""
    return best.background * h.background + best.signal * h.signal


def gaussian_toys(
    rng: np.random.Generator, means: Float[np.ndarray, " bins"], n: int
) -> Float[np.ndarray, "toys bins"]:
    """Cell [16]: Gaussian "counts", which may be negative and need not be whole."""
    return rng.normal(means, np.sqrt(means), size=(n, len(means)))


def unfitted_toys(seed: int, h: TutorialHistograms, best: TwoStrengths, n: int) -> Float[np.ndarray, " toys"]:
    """Cell [16]: chi-square of toys at the point they were drawn from; no toy is fitted."""
    means = fitted(h, best)
    return chi_square(gaussian_toys(np.random.default_rng(seed), means, n), means)


def grid_coverage(seed: int, h: TutorialHistograms, best: TwoStrengths, n: int) -> GridCoverage:
    """Last cell: how often the truth lies within d, with every toy fitted on the grid of cell [14].

    The tutorial draws 500 new toys for each of 40 values of d and fits each in a Python loop over 10,000 points. One
    set of toys serves all d; chi2 = sum t^2/mu - 2 sum t + sum mu turns all grid points into one matrix product.
    """
    rng, means = np.random.default_rng(seed), fitted(h, best)
    truth = best.index[0] * _GRID + best.index[1]
    parts: list[Float[np.ndarray, " toys"]] = []
    on_edge = negative = 0
    for first in range(0, n, _TOYS_PER_BLOCK):
        toys = gaussian_toys(rng, means, min(_TOYS_PER_BLOCK, n - first))
        chi2 = _on_grid(h, toys)
        where = np.argmin(chi2, axis=1)
        parts.append(chi2[:, truth] - chi2[np.arange(len(toys)), where])
        on_edge += int(np.count_nonzero(_is_edge(where)))
        negative += int(np.count_nonzero((toys < 0).any(axis=1)))
    return GridCoverage(np.concatenate(parts), on_edge, negative)


def _scan(
    data: Float[np.ndarray, " bins"],
    scanned: Float[np.ndarray, " bins"],
    held: Float[np.ndarray, " bins"],
    nodes: Float[np.ndarray, " nodes"],
) -> OneStrength:
    chi2 = np.array([chi_square(data, node * scanned + held) for node in nodes])
    smallest, best = _FIRST_MINIMUM, 0.0
    for node, value in zip(nodes, chi2, strict=True):
        if value < smallest:
            smallest, best = float(value), float(node)
    parabola = np.poly1d(np.polyfit(nodes, chi2 - smallest, 2))
    crossings = (parabola - 1.0).roots
    return OneStrength(best, float(np.abs(crossings[0] - best)), smallest / (len(data) - 1))


def _on_grid(h: TutorialHistograms, toys: Float[np.ndarray, "toys bins"]) -> Float[np.ndarray, "toys nodes"]:
    signal, background = grid()
    mu = signal[:, None, None] * h.signal + background[:, None] * h.background
    mu = mu.reshape(-1, len(h.data))
    return toys**2 @ (1.0 / mu).T - 2.0 * toys.sum(axis=1)[:, None] + mu.sum(axis=1)


def _up_down(
    nodes: Float[np.ndarray, " nodes"], best: int | np.integer, inside: Int[np.ndarray, " inside"]
) -> tuple[float, float]:
    up, down = np.abs(nodes[best] - nodes[inside[-1]]), np.abs(nodes[best] - nodes[inside[0]])
    return float(up), float(down)


def _is_edge(where: Int[np.ndarray, " toys"]) -> np.ndarray:
    row, column = np.divmod(where, _GRID)
    return (row == 0) | (row == _GRID - 1) | (column == 0) | (column == _GRID - 1)
