"""Posteriors beside their priors: the average over data, shrinkage, distances and densities of truths."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from wilks._base.errors import MissingRole, UnknownName
from wilks._base.typing import Key
from wilks.inference.lanes import take_one
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples

from .calibration import check_numbers
from .many_sets import draws_for_each
from .points import prior_draws, refuse_improper, values_at
from .proposals import Proposal, log_densities, random_key
from .truths import truths
from .two_samples import c2st

_SHARES = 4096  # equal steps of a prior's probability, by which its variance is known to a few parts in a thousand


def data_averaged(
    key: Key | int, posterior: Proposal, simulator: AbstractSimulator, *, n: int = 2_000
) -> dict[str, float]:
    """C2ST of each parameter between its prior and one posterior draw for each of many sets of data of the prior.

    The posterior averaged over data of the prior is the prior, so that 0.5 is right; a posterior that shifts or widens
    all data alike shows here, one that returns the prior for all data does not.

    Args:
        key: random key or seed.
        posterior: for any data.
        simulator: makes the data.
        n: sets of data, as many as draws of the prior.

    Returns:
        Free parameter -> share of draws that a classifier assigns rightly.
    """
    check_numbers(n, 1)
    space = posterior.space
    one, two, three = jax.random.split(random_key(key), 3)
    tried = truths(one, space, simulator, n)
    drawn = draws_for_each(two, posterior, tried.data, len(tried.theta), 1)[:, 0]
    # simulations that fail leave out a part of the prior, which the average cannot fill
    prior = prior_draws(three, space, n) if tried.valid.all() else truths(three, space, simulator, n).theta
    sets = min(len(drawn), len(prior))
    drawn, prior = drawn[:sets], prior[:sets]
    return {name: c2st(drawn[:, space.index(name)], prior[:, space.index(name)]) for name in space.free}


class LogLoss(NamedTuple):
    """Mean negative log density of truths.

    Args:
        mean: over truths of the prior, in nats; lower is better.
        error: its standard error.
    """

    mean: float
    error: float


def log_loss(
    key: Key | int, posterior: Proposal | AbstractLikelihood, simulator: AbstractSimulator, *, n: int = 300
) -> LogLoss:
    """Mean of -ln q(theta | x) over truths theta of the prior, each with its own data.

    It is smallest for the exact posterior, and compares any two posteriors of one problem, as both are normalised; the
    same key gives the same truths. A draw on which q is zero makes it infinite.

    Args:
        key: random key or seed.
        posterior: for any data, with a normalised density.
        simulator: makes one set of data per truth.
        n: number of truths.

    Raises:
        MissingRole: for a ratio or a likelihood, which is no density of the parameters.
    """
    if isinstance(posterior, AbstractLikelihood):
        raise MissingRole(
            f"{type(posterior).__name__} is no normalised density of the parameters, so that its logarithm compares "
            "with no other; take a posterior"
        )
    check_numbers(n, 1)
    theta, data, _, _ = truths(random_key(key), posterior.space, simulator, n)
    losses = np.array([-log_densities(posterior, theta[i : i + 1], take_one(data, i))[0] for i in range(n)])
    spread = float(losses.std(ddof=1)) if np.isfinite(losses).all() else math.inf
    return LogLoss(float(losses.mean()), spread / math.sqrt(n))


def shrinkage(samples: Samples, space: ParameterSpace) -> dict[str, float]:
    """1 - (variance of the posterior)/(variance of the prior) of each free parameter.

    Near 1 where the data decide, 0 where they say nothing, negative where they widen.

    Args:
        samples: draws of the posterior.
        space: parameters with priors of finite variance.

    Raises:
        InvalidParameter: for a free parameter without a prior.
    """
    refuse_improper(space)
    steps = np.tile(((np.arange(_SHARES) + 0.5) / _SHARES)[:, None], (1, len(space.free)))
    prior = values_at(space, steps)
    return {name: 1.0 - samples.std(name) ** 2 / float(prior[:, space.index(name)].var()) for name in space.free}


def z_scores(samples: Samples, truth: Mapping[str, float]) -> dict[str, float]:
    """(mean of the posterior - truth)/(its standard deviation) of each free parameter.

    Args:
        samples: draws of the posterior.
        truth: name -> value from which the data were simulated.

    Raises:
        UnknownName: naming the parameters without a true value.
    """
    missing = [name for name in samples.free if name not in truth]
    if missing:
        raise UnknownName(f"no true value of {', '.join(map(repr, missing))}")
    return {name: (samples.mean(name) - float(truth[name])) / samples.std(name) for name in samples.free}
