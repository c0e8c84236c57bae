"""Whether the networks of the sterile study can be trusted: six checks and their verdicts."""

import numpy as np

from wilks.inference.sbi.blocks import blocks_of
from wilks.inference.sbi.calibration import calibrate_ranks, expected_coverage
from wilks.inference.sbi.local_tests import local_c2st
from wilks.inference.sbi.misspecified_data import Encoder, misspecification
from wilks.inference.sbi.predictive import predictive_check
from wilks.inference.sbi.random_points import tarp
from wilks.results.samples import Samples
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort

from .networks import Networks, Stopwatch, Training
from .problem import Posed

CHECKS = ("ranks", "tarp", "expected_coverage", "local_test", "predictive", "misspecification")
"""Names of the results that carry a verdict."""

_DRAWS = 100
_FEATURES = 6  # numbers of the data that a classifier or a distance sees


def check_networks(
    posed: Posed, networks: Networks, draws: Samples, training: Training, effort: Effort, watch: Stopwatch,
    results: Findings,
) -> None:  # fmt: skip
    """Ranks, coverage around random points and of highest-density regions, at the data, of the data.

    Flow matching is checked, but for the coverage of highest-density regions, which takes many densities: of splines.

    Args:
        posed: the problem.
        networks: trained for it.
        draws: of flow matching at the data.
        training: how many pseudo-experiments per check.
        effort: seed.
        watch: takes the time.
        results: where results are announced.
    """
    seed, flow, simulator, n = effort.seed + 30, networks.flow, posed.exact, training.checks
    watch.measured(
        "calibration",
        lambda: (
            results.add(
                "ranks",
                lambda: calibrate_ranks(
                    seed, simulator, posed.space, lambda key, x: flow.sample(key, x, _DRAWS), n, draws=_DRAWS,
                    progress=effort.progress,
                ),
            ),
            results.add("tarp", lambda: tarp(seed + 1, flow, simulator, n=n, draws=_DRAWS)),
            results.add(
                "expected_coverage",
                lambda: expected_coverage(seed + 2, networks.spline, simulator, n=n, draws=_DRAWS),
            ),
        ),
    )  # fmt: skip
    encoder = _summarised(posed)
    results.add(
        "local_test",
        lambda: local_c2st(seed + 3, flow, simulator, posed.data, n=max(n, 100), draws=500, encoder=encoder),
    )
    results.add("predictive", lambda: predictive_check(seed + 4, draws, simulator, posed.data, n=500))
    results.add(
        "misspecification",
        lambda: misspecification(seed + 5, flow, simulator, posed.data, encoders={"summary": encoder}),
    )


def _summarised(posed: Posed) -> Encoder:
    """From rows of flat data, blocks sorted by name, to the numbers that depend most on the parameters."""
    summary = posed.summary
    sizes = {name: np.size(block) for name, block in blocks_of(posed.data).items()}
    first = dict(zip(sorted(sizes), np.cumsum([0, *(sizes[name] for name in sorted(sizes))]), strict=False))
    order = np.concatenate([np.arange(first[name], first[name] + sizes[name]) for name in summary.names])
    matrix, origin = np.asarray(summary.matrix)[:_FEATURES], np.asarray(summary.origin)
    return lambda rows: (rows[:, order] - origin[None]) @ matrix.T
