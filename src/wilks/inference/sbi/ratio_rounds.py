"""Rounds of a ratio: boxes around where the posterior of few parameters lies, simulated anew inside, whatever else."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from jaxtyping import Bool, Float

from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .pairs import Pairs
from .points import log_likelihoods, prior_draws
from .rounds import Plan, ledger_line, refuse_small, simulated
from .truncation import Proposed, Truncation, bounding_box, refuse_joint

_TASK = 2000  # folded into a key

Ledger = tuple[dict[str, Any], ...]
Ratio = TypeVar("Ratio", bound=AbstractLikelihood)
Fit = Callable[[int, Pairs, ParameterSpace, Ledger], Ratio]
"""``fit(round, pairs, targets, ledger)``: a ratio of the targets within their bounds."""


class Boxes(NamedTuple):
    """What the rounds share.

    Args:
        seed: seed of all rounds.
        simulator: makes the data.
        space: all its parameters.
        data: the observed data.
        pairs: simulations of each round.
        truncation: how the prior is cut.
        executor: where simulations run.
        allow_invalid: accept many failed simulations.
    """

    seed: int
    simulator: AbstractSimulator
    space: ParameterSpace
    data: Any
    pairs: tuple[int, ...]
    truncation: Truncation
    executor: Any
    allow_invalid: bool = False


def train_in_boxes(rounds: Boxes, targets: ParameterSpace, fit: Fit[Ratio], first: Pairs | None = None) -> Ratio:
    """A ratio of the targets within the box where their posterior at the data lies; all others keep their priors.

    Each round takes the posterior that its ratio gives to prior draws, and the box around all of it but ``eps``,
    widened on each side. Pairs of all rounds inside the box are pairs of the prior cut to it.

    Args:
        rounds: what the rounds share.
        targets: parameters of the ratio.
        fit: how each round is trained.
        first: pairs of the prior for the first round; simulated if absent.

    Raises:
        RegionTooSmall: if a box would keep less than a millionth of the prior; ``result`` keeps the last ratio.
        InvalidParameter: for joint priors.

    References:
        B. K. Miller et al., arXiv:2107.01214 (truncated marginal ratio estimation).
    """
    refuse_joint(targets)
    plan = Plan(rounds.seed, rounds.simulator, rounds.space, rounds.data, rounds.pairs, rounds.truncation, False,
                rounds.executor, rounds.allow_invalid)  # fmt: skip
    every = first if first is not None else simulated(plan, 0, None, rounds.pairs[0])
    ledger: Ledger = (ledger_line(1, every, every, 1.0, 1.0),)
    ratio, box = fit(0, every, targets, ledger), targets
    for number in range(1, len(rounds.pairs)):
        key = jax.random.fold_in(jax.random.key(rounds.seed), _TASK + number)
        draws = likely(jax.random.fold_in(key, 0), ratio, box, rounds.data, rounds.truncation)
        box, mass = bounding_box(draws, box, targets, rounds.truncation.margin)
        refuse_small(mass, number, ratio)
        inside = prior_draws(jax.random.fold_in(key, 1), box, rounds.pairs[number])
        proposed = Proposed(box.names, inside, 1.0, False, len(inside))
        fresh = simulated(plan, number, proposed, rounds.pairs[number], f"prior cut to a box in round {number + 1}")
        every = every.take(np.flatnonzero(_inside(every, box))) + fresh
        ledger = (*ledger, ledger_line(number + 1, fresh, every, mass, 1.0))
        ratio = fit(number, every, box, ledger)
    return ratio


def likely(
    key: Any, ratio: AbstractLikelihood, box: ParameterSpace, data: Any, how: Truncation
) -> Float[np.ndarray, "draws targets"]:
    """Prior draws in the box that hold all of the posterior but ``eps``, the highest first.

    Args:
        key: random key.
        ratio: of the parameters of the box, or of more, which stay at their starts.
        box: parameters with the bounds within which to look.
        data: the observed data.
        how: number of draws, and ``eps``.
    """
    theta = prior_draws(key, box, how.draws)
    rows = np.tile(ratio.space.starts, (len(theta), 1))
    rows[:, list(ratio.space.indices(box.names))] = theta
    heights = log_likelihoods(ratio, data, rows)
    order = np.argsort(-heights)
    mass = np.cumsum(np.exp(heights[order] - heights.max()))
    return theta[order[: int(np.searchsorted(mass, (1.0 - how.eps) * mass[-1])) + 1]]


def _inside(pairs: Pairs, box: ParameterSpace) -> Bool[np.ndarray, " pairs"]:
    theta = pairs.columns(box.names)
    return np.all((theta >= box.lowers) & (theta <= box.uppers), axis=1)
