"""Coverage around random points: a test of whole posteriors that needs draws only."""

import jax
import numpy as np

from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.results.calibration import CoverageCheck

from .calibration import check_numbers, coverage_check
from .many_sets import draws_for_each
from .points import prior_quantiles
from .proposals import Proposal
from .records import record
from .truths import truths


def tarp(
    key: Key | int, posterior: Proposal, simulator: AbstractSimulator, *, n: int = 300, draws: int = 100
) -> CoverageCheck:
    """Coverage of balls around random points: f = fraction of draws closer to the point than the truth is.

    Distances are Euclidean in the prior quantiles, the points uniform there. ECP(a) = P(f <= a) on a fixed grid from
    0 to 1; exact posteriors give uniform f. A dependence of the error on the data that balls around points do not see
    stays unseen: take `local_c2st` as well.

    Args:
        key: random key or seed.
        posterior: draws for any data.
        simulator: makes one set of data per truth.
        n: number of truths.
        draws: draws per set of data.

    References:
        P. Lemos, A. Coogan, Y. Hezaveh, L. Perreault-Levasseur, arXiv:2302.03026, algorithm 2.
    """
    clock = Clock.start()
    check_numbers(n, draws)
    seed, space = jax.random.key(as_seed(key)), posterior.space
    tried = truths(seed, space, simulator, n)
    theta, data, sets = tried.theta, tried.data, len(tried.theta)
    true_places = prior_quantiles(space, theta)
    points = np.asarray(jax.random.uniform(jax.random.fold_in(seed, 4), true_places.shape, float))
    drawn = draws_for_each(jax.random.fold_in(seed, 2), posterior, data, sets, draws)
    places = prior_quantiles(space, drawn.reshape(-1, drawn.shape[2])).reshape(sets, -1, true_places.shape[1])
    closer = _squares(places - points[:, None]) < _squares(true_places - points)[:, None]
    provenance = record(clock, "tarp", key=key, model=simulator, n=n, draws=draws)
    return coverage_check(jax.random.fold_in(seed, 3), "random points", closer.sum(axis=1), draws, tried, provenance)


def _squares(offsets: np.ndarray) -> np.ndarray:
    return np.sum(offsets**2, axis=-1)
