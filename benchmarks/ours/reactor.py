"""The sterile plane of three reactor experiments on our side: neural posteriors and regions beside the exact ones."""

import statistics
import time
from functools import cache
from typing import Any

import jax
import numpy as np
from harness.serving import Answer, Work
from problems.sbi_tasks import DATA

from wilks.inference.lanes import take_one
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.confidence_sets import coverage_map
from wilks.inference.sbi.critical_curves import critical_values
from wilks.inference.sbi.grid_posteriors import posterior_on_grid, total_variation
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.mixture_density import MixtureDensity
from wilks.inference.sbi.neural_statistics import RatioStatistic
from wilks.inference.sbi.points import prior_draws
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.pseudo_data import simulate_each
from wilks.inference.sbi.ratio_losses import DirectRatio
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.signal_statistics import SignalStatistic
from wilks.physics.oscillation.join import join
from wilks.physics.oscillation.spaces import SINE, SPLITTING
from wilks.studies.sterile.loading import SOURCES, load
from wilks.studies.sterile.problem import Posed, pose_plane

_NODES = 30
_CELLS = {SINE: 120, SPLITTING: 600}  # of exact posteriors of toys, which are narrower than those of the data
_PATH = MixtureDensity(components=24, width=128, depth=3)


@cache
def posed() -> Posed:
    """PROSPECT, DANSS and Bugey-3 on the plane."""
    studies = load(DATA.parent / "oscillation").studies
    return pose_plane(join({name: studies[name] for name in SOURCES}), _NODES)


def posterior(seed: int, pairs: int | str, steps: int, toys: int, draws: int, batch: int) -> Work:
    """A mixture of Gaussians, its weights, and its distance from the exact posterior at the data and at toys."""

    def work() -> Answer:
        problem = posed()
        start = time.process_time()
        found = train_posterior(
            seed, problem.exact, problem.space, path=_PATH, pairs=pairs, encoder=problem.likelihoods,
            coordinate="normal", standardise="none", budget=Budget(steps=steps, batch=batch),
        )  # fmt: skip
        spent = time.process_time() - start
        exact = problem.posterior()
        weighted = reweight(seed, found, problem.exact, problem.data, draws)
        return {
            "items": 1,
            "training": spent,
            "variation": total_variation(found.sample(1, problem.data, 20_000), exact).distance,
            "toys": _at_toys(found, problem, toys),
            "weighted": total_variation(weighted, exact).distance,
            "floor": total_variation(weighted, exact).floor,
            "ess": weighted.ess / draws,
            "evidence": abs(weighted.log_evidence - exact.log_evidence),
        }

    return work


def _at_toys(found: Any, problem: Posed, toys: int) -> float:
    """Median total variation at pseudo-data of the prior."""
    theta = prior_draws(jax.random.key(7), problem.space, toys)
    data = simulate_each(jax.random.key(8), problem.exact, problem.space, theta)
    apart = []
    for i in range(toys):
        one = take_one(data, i)
        exact = posterior_on_grid(problem.exact, one, _CELLS)
        apart.append(total_variation(found.sample(i, one, 20_000), exact).distance)
    return statistics.median(apart)


def coverage(seed: int, pairs: int, steps: int, toys: int, points: int, each: int, exact: bool = False) -> Work:
    """Learned critical values of a neural ratio, or of the exact one, and their coverage at points of the prior."""

    def work() -> Answer:
        problem = posed()
        start = time.process_time()
        statistic = SignalStatistic.of(problem.exact) if exact else _neural(problem, seed, pairs, steps)
        critical = critical_values(seed + 1, statistic, problem.exact, problem.space, level=0.90, n=toys)
        spent = time.process_time() - start
        chosen = prior_draws(jax.random.key(9), problem.space, points)
        found = coverage_map(
            seed + 2, statistic, critical, problem.exact, problem.space, n=2_000, toys=each,
            points=[dict(zip(problem.space.names, row.tolist(), strict=True)) for row in chosen],
        )  # fmt: skip
        covered = np.asarray(found.point_covered) / each
        return {
            "items": 1, "training": spent, "worst": float(np.abs(covered - 0.90).max()), "mean": covered.mean(),
            "points": sorted(covered.tolist()),
        }  # fmt: skip

    return work


def _neural(problem: Posed, seed: int, pairs: int, steps: int) -> RatioStatistic:
    """Profile ratio of a network."""
    ratio = train_ratio(
        seed, problem.exact, problem.space, loss=DirectRatio(), coordinate="normal", encoder=problem.summary,
        pairs=pairs, budget=Budget(steps=steps, batch=256),
    )  # fmt: skip
    return RatioStatistic(ratio)  # pyright: ignore[reportCallIssue]


TASKS = {"sbi_reactor": posterior, "sbi_reactor_coverage": coverage}
