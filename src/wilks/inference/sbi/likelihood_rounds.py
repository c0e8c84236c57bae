"""Rounds of a likelihood: simulate where its posterior at the data lies; pairs of any law train it, so all are kept."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.typing import Key
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace

from .pairs import Pairs
from .points import log_likelihoods, prior_draws
from .ratio_rounds import Boxes, Ledger, likely
from .rounds import Plan, ledger_line, refuse_small, simulated
from .truncation import Proposed, bounding_box, refuse_joint

_TASK = 3000  # folded into a key
_CANDIDATES = 10  # per proposed point

Trained = TypeVar("Trained", bound=AbstractLikelihood)
Fit = Callable[[int, Pairs, Ledger], Trained]
"""``fit(round, pairs, ledger)``: a likelihood from pairs of any law of the parameters."""


def train_at_data(rounds: Boxes, targets: ParameterSpace, fit: Fit[Trained], first: Pairs | None = None) -> Trained:
    """A likelihood of all of the prior that is best where the posterior at the data lies.

    Each round draws its parameters from the posterior that the last likelihood gives, and trains afresh on the pairs
    of all rounds: a density of data given parameters is the same whatever these were drawn from.

    Args:
        rounds: what the rounds share.
        targets: free parameters.
        fit: how each round is trained.
        first: pairs of the first round; simulated from the prior if absent.

    Raises:
        RegionTooSmall: if the posterior holds less than a millionth of the prior; ``result`` keeps the last likelihood.
        InvalidParameter: for joint priors.

    References:
        G. Papamakarios, D. Sterratt, I. Murray, arXiv:1805.07226, algorithm 1.
    """
    refuse_joint(targets)
    plan = Plan(rounds.seed, rounds.simulator, rounds.space, rounds.data, rounds.pairs, rounds.truncation, False,
                rounds.executor, rounds.allow_invalid)  # fmt: skip
    every = first if first is not None else simulated(plan, 0, None, rounds.pairs[0])
    ledger: Ledger = (ledger_line(1, every, every, 1.0, 1.0),)
    found = fit(0, every, ledger)
    for number in range(1, len(rounds.pairs)):
        one, two = jax.random.split(jax.random.fold_in(jax.random.key(rounds.seed), _TASK + number))
        draws = likely(one, found, targets, rounds.data, rounds.truncation)
        box, mass = bounding_box(draws, targets, targets, rounds.truncation.margin)
        refuse_small(mass, number, found)
        theta = posterior_draws(two, found, box, rounds.data, rounds.pairs[number])
        proposed = Proposed(targets.names, theta, 1.0, False, _CANDIDATES * len(theta))
        law = f"posterior of the likelihood of round {number}"
        fresh = simulated(plan, number, proposed, rounds.pairs[number], law)
        every = every + fresh
        ledger = (*ledger, ledger_line(number + 1, fresh, every, mass, 1.0))
        found = fit(number, every, ledger)
    return found


def posterior_draws(
    key: Key, likelihood: AbstractLikelihood, box: ParameterSpace, data: Any, n: int
) -> Float[np.ndarray, "n targets"]:
    """Draws of the posterior within a box: ten prior draws there for each, resampled evenly by their likelihood.

    Args:
        key: random key.
        likelihood: of the parameters of the box, or of more, which stay at their starts.
        box: parameters with bounds and priors.
        data: the observed data.
        n: number of draws; the same point may come more than once.
    """
    one, two = jax.random.split(key)
    theta = prior_draws(one, box, _CANDIDATES * n)
    rows = np.tile(likelihood.space.starts, (len(theta), 1))
    rows[:, list(likelihood.space.indices(box.names))] = theta
    heights = log_likelihoods(likelihood, data, rows)
    heights = np.where(np.isfinite(heights), heights, -np.inf)
    shares = np.cumsum(np.exp(heights - heights.max()))
    places = (np.arange(n) + float(jax.random.uniform(two, (), float))) / n * shares[-1]
    return theta[np.minimum(np.searchsorted(shares, places), len(theta) - 1)]
