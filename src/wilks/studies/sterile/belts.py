"""Frequentist answers of the sterile study: learned critical values beside those of Feldman and Cousins."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks.inference.calibration import ByToys
from wilks.inference.contours import contour
from wilks.inference.null_tests import null_significance
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.confidence_sets import confidence_set, coverage_map
from wilks.inference.sbi.critical_curves import critical_values
from wilks.inference.sbi.neural_statistics import RatioStatistic
from wilks.inference.sbi.points import prior_draws
from wilks.inference.sbi.proposals import random_key
from wilks.inference.sbi.signal_statistics import SignalStatistic
from wilks.inference.sbi.toys_from_draws import accelerated_toys
from wilks.physics.oscillation.spaces import PLANE, SINE, SPLITTING
from wilks.results.confidence import ConfidenceSet, CoverageMap
from wilks.results.numbers import number
from wilks.results.regions import Region
from wilks.results.toys import Toys
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort
from wilks.studies.tabular import StudyTable

from .networks import Networks, Stopwatch, Training
from .problem import Posed

LEVEL = 0.90
_TOYS_PER_PAIR = 1.0  # toys of the critical values, in units of the training's pseudo-experiments
_POINTS = 20
_FEWEST_TOYS = 2_000


class Belts(NamedTuple):
    """Regions of the plane with what they were calibrated by.

    Args:
        exact: region of Feldman and Cousins; absent without toys.
        learned: set of the neural ratio with learned critical values.
        profiled: set of the exact ratio with learned critical values, which are those that toys give at each node.
        coverage: of the neural ratio.
        trials: toys without a sterile neutrino, each fitted from draws of a network; absent without toys.
    """

    exact: Region | None
    learned: ConfidenceSet
    profiled: ConfidenceSet
    coverage: CoverageMap
    trials: Toys | None


def find_belts(
    posed: Posed, networks: Networks, training: Training, effort: Effort, watch: Stopwatch, results: Findings
) -> Belts:
    """Regions at 90 %, learned and exact, and the coverage of the learned ones.

    Args:
        posed: the problem.
        networks: trained for it.
        training: how many toys.
        effort: toys per node, seed, processes.
        watch: takes the time.
        results: where results are announced.
    """
    statistic = RatioStatistic(networks.ratio)  # pyright: ignore[reportCallIssue]  its space is that of the ratio
    toys = max(_FEWEST_TOYS, round(_TOYS_PER_PAIR * training.pairs))
    steps = max(training.steps, 10)
    critical = watch.measured(
        "critical values",
        lambda: critical_values(
            effort.seed + 20, statistic, posed.exact, posed.space, level=LEVEL, n=toys, budget=Budget(steps=steps),
            progress=effort.progress,
        ),
    )  # fmt: skip
    amplitudes, shapes = posed.nodes
    grid = {SINE: np.asarray(amplitudes), SPLITTING: np.asarray(shapes)}
    learned = results.add(
        "set_learned", lambda: confidence_set(statistic, critical, posed.data, grid=grid, level=LEVEL)
    )
    profiled = watch.measured(
        "critical values of the exact ratio",
        lambda: results.add("set_profiled", lambda: _profiled(posed, steps, toys, effort)),
    )
    chosen = prior_draws(random_key(effort.seed + 21), posed.space, _POINTS)
    points: list[Any] = [dict(zip(PLANE, row.tolist(), strict=True)) for row in chosen]
    coverage = watch.measured(
        "coverage",
        lambda: results.add(
            "coverage",
            lambda: coverage_map(
                effort.seed + 1_000, statistic, critical, posed.exact, posed.space, n=max(500, 20 * training.checks),
                points=points, toys=5 * training.checks, progress=effort.progress,
            ),
        ),
    )  # fmt: skip
    if not effort.toys:
        return Belts(None, learned, profiled, coverage, None)
    calibration = ByToys(effort.seed, effort.toys, executor=effort.executor, progress=effort.progress)
    exact = watch.measured(
        "Feldman and Cousins",
        lambda: results.add(
            "region_exact",
            lambda: contour(posed.signal, posed.data, PLANE, level=LEVEL, method="feldman-cousins",
                            calibration=calibration, grid=posed.nodes),
        ),
    )  # fmt: skip
    results.add("null", lambda: null_significance(posed.signal, posed.data, calibration=calibration))
    trials = watch.measured("trials with maxima from splines", lambda: _trials(posed, networks, effort))
    results.add("critical", lambda: critical_table(learned, profiled, exact))
    return Belts(exact, learned, profiled, coverage, trials)


def critical_table(learned: ConfidenceSet, profiled: ConfidenceSet, exact: Region) -> StudyTable:
    """Critical values at twenty nodes of the plane, learned and by toys.

    Args:
        learned: a set of the neural ratio on all nodes of the exact region.
        profiled: the same of the exact ratio.
        exact: region by toys.
    """
    columns, rows = exact.critical.shape
    places = np.linspace(0, columns * rows - 1, _POINTS).astype(int)
    found = [np.unravel_index(place, exact.critical.shape) for place in places]
    cells = tuple(
        (
            number(float(exact.x[i]), 3),
            number(float(exact.y[k]), 3),
            number(float(learned.critical[i, k]), 3),
            number(float(profiled.critical[i, k]), 3),
            number(float(exact.critical[i, k]), 3),
            number(float(profiled.critical[i, k] - exact.critical[i, k]), 2),
            number(float(exact.critical_error[i, k]), 2),
        )
        for i, k in found
    )
    return StudyTable(
        title="Critical values at 90 %",
        sentences=(
            f"of the exact ratio: root mean square difference {number(rms_difference(profiled, exact), 3)} of learned "
            "ones over all nodes; the ratio of a network is another statistic, with critical values of its own",
        ),
        columns=(
            "sin^2 2theta_ee",
            "dm2_41 [eV^2]",
            "neural ratio",
            "exact ratio, learned",
            "exact",
            "difference",
            "Monte Carlo error",
        ),
        rows=cells,
        how="learned by quantile regression over the plane; exact by toys at the node, each with its own best fit",
        provenance=learned.provenance,
    )


def rms_difference(learned: ConfidenceSet, exact: Region) -> float:
    """Root mean square difference of critical values over all nodes that have both."""
    both = np.isfinite(exact.critical) & np.isfinite(learned.critical)
    return float(np.sqrt(np.mean((learned.critical - exact.critical)[both] ** 2)))


def agreement(learned: ConfidenceSet, exact: Region) -> float:
    """Share of the nodes on whose membership both regions agree."""
    return float(np.mean(learned.inside == exact.inside))


def covered_points(coverage: CoverageMap) -> Float[np.ndarray, " points"]:
    """Coverage at the chosen points."""
    return coverage.point_covered / np.maximum(coverage.point_toys, 1)


def _profiled(posed: Posed, steps: int, toys: int, effort: Effort) -> ConfidenceSet:
    """The set of the exact profile ratio with learned critical values."""
    statistic = SignalStatistic.of(posed.exact)
    critical = critical_values(
        effort.seed + 22, statistic, posed.exact, posed.space, level=LEVEL, n=toys, budget=Budget(steps=steps),
        progress=effort.progress,
    )  # fmt: skip
    amplitudes, shapes = posed.nodes
    grid = {SINE: np.asarray(amplitudes), SPLITTING: np.asarray(shapes)}
    return confidence_set(statistic, critical, posed.data, grid=grid, level=LEVEL)


def _trials(posed: Posed, networks: Networks, effort: Effort) -> Toys:
    return accelerated_toys(
        effort.seed + 23, networks.spline, posed.exact, posed.signal, {SINE: 0.0, SPLITTING: 1.0}, effort.toys,
        checked=0.05, progress=effort.progress,
    )  # fmt: skip
