"""Feldman-Cousins regions of any likelihood: nuisances refitted in every toy, the best fit sought over the plane."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import TooManyFailures
from wilks.likelihood.joint import as_simulator
from wilks.results.regions import Region
from wilks.results.scans import Scan

from .calibration import ByToys
from .ensembles import Ensembles
from .ladder import Climbed
from .lanes import evaluate_lanes
from .problem import Clock, Problem
from .profiles import conditional, profile
from .regions import Axes, as_region, toys_text
from .statistics import AbstractStatistic, likelihood_ratio
from .toy_maps import FIRST, toy_map

_STARTS = 64  # nodes of the plane at which a toy's best fit is sought before it is climbed to
_MOST_FAILED = 0.01


class PlaneRatio(AbstractStatistic):
    """2 [nll(held, others refitted) - nll_min], the minimum climbed to from several places of the plane.

    Args:
        held: the two parameters at the tested node.
        starts: points among which the lowest is a second start of every toy's free fit.
    """

    held: dict[str, float]
    starts: Float[np.ndarray, "starts parameters"]

    @property
    def name(self) -> str:
        """``"t"``."""
        return "t"

    def measure(self, problem: Problem, ends: Climbed) -> Float[np.ndarray, " lanes"]:
        """Ratio per lane, never below zero."""
        values = np.stack(
            [
                evaluate_lanes(
                    problem.likelihood, problem.data, np.broadcast_to(s, ends.theta.shape), batch=problem.batch
                )
                for s in self.starts
            ]
        )
        chosen = self.starts[np.argmin(np.where(np.isfinite(values), values, np.inf), axis=0)]
        free = np.zeros(chosen.shape, dtype=bool)
        other = conditional(problem, problem.data, chosen, free)
        better = (other.status <= 2) & ~(other.value >= ends.value)
        lowest = Climbed(
            *(np.where(better.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in zip(ends, other, strict=True))
        )
        return likelihood_ratio(problem, lowest, self.held)


def refitted_region(
    problem: Problem, clock: Clock, names: tuple[str, str], level: float, calibration: ByToys, grid: Axes | None
) -> Region:
    """The region of any likelihood whose toys can be drawn.

    Toys are thrown at each node with all other parameters at their best values there; random numbers are shared by all
    nodes.

    Raises:
        TooManyFailures: if more than 1 % of the toys fail.
    """
    scan = profile(problem.likelihood, problem.data, names, grid, space=problem.space, minimiser=problem.minimiser)
    theta = scan.theta.reshape(-1, len(problem.space))
    axes = (np.asarray(scan.grid[0]), np.asarray(scan.grid[1]))
    chosen = np.unique(np.linspace(0, len(theta) - 1, _STARTS).astype(int))
    own = calibration.simulator
    toys = Ensembles(
        problem,
        as_simulator(problem.likelihood if own is None else own),
        lambda node: theta[int(node)],
        lambda node: PlaneRatio(_held(problem, names, theta[int(node)]), theta[chosen]),
        dataclasses.replace(calibration, toys=min(FIRST, calibration.toys)),
    )

    def draw(points: np.ndarray, first: int, count: int) -> np.ndarray:
        rounds = -(-(first + count) // min(FIRST, calibration.toys))
        toys.throw([(float(i), (float(i),)) for i in points], rounds)
        return np.stack([toys.of(float(i), float(i))[first : first + count] for i in points]).astype(np.float32)

    observed = np.maximum(scan.delta, 0.0)
    found = toy_map(draw, observed, level, calibration)
    failed = float(found.failed.sum() / (found.failed.sum() + found.toys.sum()))
    if failed > _MOST_FAILED:
        raise TooManyFailures(f"{100 * failed:.1f} % of the toys have no trustworthy fit, more than 1 %", found)
    how = (
        f"{toys_text(calibration)}, other parameters at their best values "
        "for the data; each toy refitted, its best fit sought from several places of the plane"
    )
    return as_region(
        names, level, axes, observed.ravel(), found, _best(scan), dict(scan.flags), how,
        clock.provenance(problem, "contour", seed=calibration.settings()["seed"],
                         settings={"names": list(names), "level": level, "method": "feldman-cousins",
                                   "toys": calibration.toys}),
    )  # fmt: skip


def _held(problem: Problem, names: tuple[str, str], theta: Any) -> dict[str, float]:
    return {name: float(theta[problem.space.index(name)]) for name in names}


def _best(scan: Scan) -> tuple[float, float]:
    return float(scan.best[0]), float(scan.best[1])
