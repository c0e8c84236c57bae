"""The tutorial's loops, one bin, one grid point and one toy at a time, as the collider page of the seed has them."""

import numpy as np
from harness.serving import Answer, Work, serve
from problems import histograms

_STRENGTHS = np.linspace(0.1, 2.7, 100)
_BACKGROUNDS = np.linspace(1.1, 1.5, 100)
_THRESHOLDS, _TOYS_PER_THRESHOLD = 40, 500  # of the tutorial's coverage study: a grid fit each


def chi_square(observed: np.ndarray, predicted: np.ndarray, parameters: int) -> tuple[float, int]:
    """Pearson's chi-square and its degrees of freedom."""
    value = np.sum(np.power((observed - predicted), 2) / (predicted))
    return value, len(observed) - parameters


def generate_toy(means: np.ndarray) -> np.ndarray:
    """Gaussian bins, drawn one by one."""
    toy = np.empty(len(means))
    for i in range(len(means)):
        toy[i] = np.random.normal(means[i], np.sqrt(means[i]), 1)[0]  # noqa: NPY002  as in the tutorial
    return toy


def grid_fit(counts: np.ndarray, signal: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Delta chi-square on the grid, and the grid point of its minimum."""
    surface = np.empty((len(_STRENGTHS), len(_BACKGROUNDS)))
    lowest, best_strength, best_background = 1000000.0, 0.0, 0.0
    for i in range(len(_STRENGTHS)):
        for j in range(len(_BACKGROUNDS)):
            predicted = (_STRENGTHS[i] * signal) + (_BACKGROUNDS[j] * background)
            value, _ = chi_square(counts, predicted, 2)
            surface[i, j] = value
            if value < lowest:
                lowest, best_strength, best_background = value, _STRENGTHS[i], _BACKGROUNDS[j]
    return surface - lowest, best_strength, best_background


def grid_fits(n: int) -> Work:
    """Grid fits of ``n`` toys."""
    problem = histograms.four_leptons()
    toys = histograms.poisson_toys(problem, n)

    def work() -> Answer:
        values = [grid_fit(toy, *problem.templates)[1:] for toy in toys]
        return {"items": n, "values": [[float(s), float(b)] for s, b in values[:8]]}

    return work


def coverage(n: int) -> Work:
    """The share of the coverage study that ``n`` grid fits are, extrapolated to all 40 x 500 of them."""
    problem = histograms.four_leptons()
    means = problem.expected
    truth = (
        int(np.argmin(np.abs(_STRENGTHS - problem.truth[0]))),
        int(np.argmin(np.abs(_BACKGROUNDS - problem.truth[1]))),
    )

    def work() -> Answer:
        inside = 0
        for _ in range(n):
            surface, _, _ = grid_fit(generate_toy(means), *problem.templates)
            inside += bool(surface[truth] <= 2.3)
        return {"items": n / (_THRESHOLDS * _TOYS_PER_THRESHOLD), "values": [inside / n]}

    return work


def goodness(n: int) -> Work:
    """Chi-squares of ``n`` Gaussian toys at the best fit, no refit."""
    problem = histograms.four_leptons()
    means, observed = problem.expected, histograms.observed_four_leptons()

    def work() -> Answer:
        values = np.empty(n)
        for t in range(n):
            values[t] = chi_square(generate_toy(means), means, 0)[0]
        return {"items": n, "values": [float(chi_square(observed, means, 2)[0])]}

    return work


TASKS = {"grid_fits": grid_fits, "coverage": coverage, "goodness": goodness}

if __name__ == "__main__":
    serve(TASKS)
