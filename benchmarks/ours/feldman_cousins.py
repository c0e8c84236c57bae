"""Our side of the rows on regions: toys of linear and tabulated signals, the general path, pseudo-experiments."""

import jax
import numpy as np
from harness.serving import Answer, Work
from problems import short_baseline as problem

from wilks.inference.belts import toy_ratios
from wilks.inference.calibration import ByToys
from wilks.inference.contours import contour
from wilks.inference.signal_planes import SignalPlane
from wilks.inference.toys import draw
from wilks.likelihood.signal_grids import SignalGrid
from wilks.likelihood.tabulation import tabulate

_SPLITTINGS = (0.1, 3.0)
_TRUTH = {"s": 0.1, "m": 0.8}


def toys(form: str, amplitudes: int, splittings: int, cells: int, points: int, n: int) -> Work:
    """Toys with their best fits, counted over all tested points."""
    likelihood = problem.likelihood(cells, ratios=form == "rational")
    grid = SignalGrid.logarithmic(problem.PLANE, (1e-2, 1.0, amplitudes), (*_SPLITTINGS, splittings))
    plane = SignalPlane(tabulate(likelihood, grid, form=form))
    columns = np.geomspace(1e-2, 0.5, 16)
    rows = np.resize(grid.shapes, points // len(columns))
    tested = plane.at(*(axis.ravel() for axis in np.meshgrid(columns, rows, indexing="ij")))
    noise = np.random.default_rng(1).normal(size=(n, tested.means.shape[1]))

    def work() -> Answer:
        ratios = toy_ratios(plane.candidates, tested, noise)
        return {"items": ratios.size, "values": [float(np.mean(ratios))], "scale": 1.0}

    return work


def general(nodes: int, n: int) -> Work:
    """The same by refitting every toy."""
    likelihood = problem.likelihood(60, ratios=False)
    data = np.asarray(likelihood.expected(_TRUTH))
    grid = (np.geomspace(0.02, 0.3, nodes), np.geomspace(0.3, 1.2, nodes))

    def work() -> Answer:
        found = contour(
            likelihood, data, problem.PLANE, level=0.9, method="feldman-cousins", calibration=ByToys(1, n), grid=grid
        )
        return {"items": int(found.toys.sum())}

    return work


def experiments(n: int, cells: int) -> Work:
    """Correlated pseudo-experiments."""
    likelihood = problem.likelihood(cells, ratios=False)
    theta = np.asarray(likelihood.space.pack(_TRUTH))

    def work() -> Answer:
        found = draw(likelihood, jax.random.key(3), theta, n)
        return {"items": n, "cells": found.shape[1]}

    return work


def experiments_in_numpy(n: int, cells: int) -> Work:
    """The same by a random generator and one product of matrices."""
    likelihood = problem.likelihood(cells, ratios=False)
    assert likelihood.whiten is not None
    factor, mean = np.linalg.inv(likelihood.whiten), np.asarray(likelihood.predictor(_TRUTH))

    def work() -> Answer:
        found = mean + np.random.default_rng(3).normal(size=(n, len(mean))) @ factor.T
        return {"items": n, "cells": found.shape[1]}

    return work


def headline(toys: int, workers: int) -> Work:
    """A belt of 60 x 60 points, every toy with continuous amplitudes at 90 splittings."""
    likelihood = problem.likelihood(209, ratios=True)
    grid = SignalGrid.logarithmic(problem.PLANE, (1e-2, 1.0, 60), (*_SPLITTINGS, 90))
    signal = tabulate(likelihood, grid)
    data = np.asarray(likelihood.expected(_TRUTH))
    axes = (grid.amplitudes, np.sort(np.concatenate([grid.shapes[::3], grid.shapes[1::3]])))

    def work() -> Answer:
        found = contour(
            signal, data, problem.PLANE, level=0.9, method="feldman-cousins", grid=axes,
            calibration=ByToys(1, toys, executor=workers if workers > 1 else None),
        )  # fmt: skip
        return {"items": 1, "toys": int(found.toys.sum()), "inside": int(found.inside.sum())}

    return work


TASKS = {
    "regions_toys": toys,
    "regions_general": general,
    "regions_experiments": experiments,
    "regions_experiments_in_numpy": experiments_in_numpy,
    "regions_headline": headline,
}
