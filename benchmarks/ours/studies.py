"""Our side of the rows about toy studies: simulated and fitted toys, coverage, goodness of fit."""

import numpy as np
from harness.serving import Answer, Work
from problems import histograms, systematics

import wilks

from .models import pearson, systematics_workspace, two_norm_likelihood

_SEED = 1


def thrown(problem: str, n: int, errors: str = "none") -> Work:
    """Toys of two norms, simulated and fitted."""
    chosen = histograms.PROBLEMS[problem]()
    likelihood = two_norm_likelihood(chosen, errors)
    truth = dict(zip(chosen.names, chosen.truth, strict=True))

    def work() -> Answer:
        found = wilks.toys(_SEED, likelihood, likelihood, truth, n)
        return {"items": n, "unconverged": int((found.status > 2).sum())}

    return work


def systematics_thrown(n: int) -> Work:
    """Toys of problem b, simulated with their auxiliary data and fitted."""
    likelihood = systematics_workspace().likelihood()
    truth = {systematics.STRENGTH: 1.0} | dict.fromkeys(systematics.PULLS, 0.0)

    def work() -> Answer:
        found = wilks.toys(_SEED, likelihood, likelihood, truth, n)
        return {"items": n, "unconverged": int((found.status > 2).sum())}

    return work


def coverage(n: int, workers: int) -> Work:
    """The tutorial's coverage study with its cost: Poisson toys at its best fit, all thresholds at once."""
    problem = histograms.four_leptons()
    truth = dict(zip(problem.names, problem.truth, strict=True))
    simulator, likelihood = two_norm_likelihood(problem), pearson(problem)

    def work() -> Answer:
        curve = wilks.coverage_curve(
            _SEED, simulator, likelihood, truth, problem.names, n, executor=workers if workers > 1 else None
        )
        return {"items": 1, "values": [float(np.mean(curve.t <= 2.3))], "scale": 1.0, "unconverged": curve.failed}

    return work


def goodness(n: int) -> Work:
    """Pearson goodness of fit by toys at the tutorial's best fit, no refit."""
    problem = histograms.four_leptons()
    likelihood, data = two_norm_likelihood(problem), histograms.observed_four_leptons()
    truth = dict(zip(problem.names, problem.truth, strict=True))

    def work() -> Answer:
        found = wilks.goodness_of_fit(
            likelihood, data, statistic="pearson", values=truth, refit=False, calibration=wilks.ByToys(_SEED, n)
        )
        return {"items": n, "values": [found.observed], "scale": 1.0}

    return work
