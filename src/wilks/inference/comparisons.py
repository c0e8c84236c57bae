"""The cost functions of binned fits side by side, because biased ones are the commonest mistake in tutorials."""

from typing import Any

import numpy as np

from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace
from wilks.results.comparisons import CostComparison
from wilks.results.fits import FitResult

from .fitting import solve
from .minimisers import AbstractMinimiser
from .problem import Clock, judged

COSTS = ("poisson", "pearson", "neyman", "cnp")


def compare_costs(
    predictor: AbstractPredictor,
    data: Any,
    *,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> CostComparison:
    """One fit per cost: values, errors, minimum, and by how many events the fitted total misses the observed one.

    With all norms free a Poisson fit reproduces the observed total; a Pearson fit exceeds it by half its minimum, a
    Neyman fit falls short by its minimum.

    Args:
        predictor: expected counts per bin.
        data: counts, as for `fit`.
        space: as for `fit`.
        minimiser: as for `fit`.
    """
    clock = Clock.start()
    poisson = PoissonCounts(predictor)
    prepared = poisson.prepare(data)
    likelihoods = {"poisson": poisson, **{cost: ChiSquareCounts(predictor, cost=cost) for cost in COSTS[1:]}}
    fits = {n: solve(judged(like, prepared, space, minimiser), Clock.start()) for n, like in likelihoods.items()}
    n = np.asarray(prepared.counts)
    empty = int((n == 0).sum())
    left_out = np.array([empty if cost == "neyman" else 0 for cost in COSTS])
    free = int((space or predictor.space).free_mask.sum())
    excess = [float(np.sum(predictor(predictor.space.unpack(f.theta)))) - n.sum() for f in fits.values()]
    return CostComparison(
        names=predictor.space.names,
        costs=COSTS,
        theta=np.stack([f.theta for f in fits.values()]),
        sigma=np.stack([_errors(f) for f in fits.values()]),
        minimum=np.array([2 * f.excess for f in fits.values()]),
        ndf=n.size - left_out - free,
        excess_events=np.array(excess),
        empty_bins=left_out,
        status=np.array([f.status.code for f in fits.values()], dtype=np.int8),
        flags={"biased_cost": "all costs but poisson are biased at low counts"},
        how="each cost minimised on the same data; errors from the exact Hessian of each",
        provenance=clock.provenance(judged(poisson, prepared, space, minimiser), "compare_costs"),
    )


def _errors(result: FitResult) -> np.ndarray:
    return np.full(len(result.names), np.nan) if result.sigma is None else result.sigma
