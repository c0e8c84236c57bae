"""Rounds of truncated neural estimation: simulate where the last posterior lies, keep every pair, train afresh."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from wilks._base.errors import InvalidOption, RegionTooSmall
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .coordinates import inferred_space
from .pairs import Pairs
from .points import prior_draws
from .posterior import NeuralPosterior, draw_observed, observe
from .posterior_fits import Fit, fit_posterior
from .restricted import Restricted
from .simulation import simulate_pairs
from .truncation import SMALLEST_MASS, Cut, Proposed, Truncation, cut, propose, refuse_joint

_MASS_DRAWS = 10_000


class Plan(NamedTuple):
    """What the rounds share.

    Args:
        seed: seed of all rounds.
        simulator: makes the data.
        space: all its parameters.
        data: the observed data.
        pairs: simulations of each round.
        truncation: how the prior is cut.
        warm_start: begin each round with the weights of the last.
        executor: where simulations run.
        allow_invalid: accept many failed simulations.
        within: part of the prior where simulations succeed, to which all rounds keep; None for the whole prior.
    """

    seed: int
    simulator: AbstractSimulator
    space: ParameterSpace
    data: Any
    pairs: tuple[int, ...]
    truncation: Truncation
    warm_start: bool
    executor: Any
    allow_invalid: bool
    within: Restricted | None = None


class First(NamedTuple):
    """Pairs of a first round.

    Args:
        pairs: those that train.
        kept: their numbers among all that were given or simulated.
        region: where the posterior is confined to.
        line: their line of the ledger.
    """

    pairs: Pairs
    kept: Int[np.ndarray, " pairs"]
    region: Restricted | None
    line: dict[str, Any]


def split_evenly(total: int, rounds: int) -> tuple[int, ...]:
    """Simulations of each round out of a total; the first rounds take what is left over.

    >>> split_evenly(10, 3)
    (4, 3, 3)
    """
    return tuple(total // rounds + (i < total % rounds) for i in range(rounds))


def counts_of_rounds(pairs: Any, given: Pairs | None, rounds: int) -> tuple[int, ...]:
    """Simulations of each round, from a total, a tuple, or pairs of the first round.

    Raises:
        InvalidOption: for a tuple of another length.
    """
    if given is not None:
        return (len(given),) * rounds
    if isinstance(pairs, tuple):
        if len(pairs) != rounds:
            raise InvalidOption(f"pairs {pairs} names {len(pairs)} rounds; expected {rounds}")
        return pairs
    return split_evenly(int(pairs), rounds)


def train_in_rounds(plan: Plan, fit: Fit, first: Pairs | None = None) -> NeuralPosterior:
    """A posterior for one set of data by truncated rounds.

    Args:
        plan: what the rounds share.
        fit: how each is trained.
        first: pairs of the prior for the first round; simulated if absent.

    Raises:
        RegionTooSmall: if a round would keep less than a millionth of the prior; ``result`` keeps the last posterior.
        InvalidParameter: for joint priors.

    References:
        L. Sharrock et al., arXiv:2210.04872 (truncated score estimation); M. Deistler et al., arXiv:2210.04815.
    """
    refuse_joint(fit.targets)
    begun = first_round(first or simulated(plan, 0, None, plan.pairs[0]), plan.within, fit.targets)
    every, ledger = begun.pairs, (begun.line,)
    posterior = fit_posterior(own_fit(fit, 0), every, region=begun.region)
    name, observed, _ = observe(posterior, plan.data)
    for number in range(1, len(plan.pairs)):
        key = jax.random.fold_in(jax.random.key(plan.seed), 1000 + number)
        found = cut(key, posterior, observed, fit.targets, plan.truncation)
        proposed = propose(jax.random.fold_in(key, 1), found, plan.pairs[number], plan.truncation)
        mass = found.box_mass * proposed.accepted
        refuse_small(mass, number, posterior)
        fresh = simulated(plan, number, proposed, plan.pairs[number])
        # regions are nested: what one cut has left out no later one takes in
        every = every.take(np.flatnonzero(found.region.keeps(every.columns(fit.targets.names)))) + fresh
        posterior = fit_posterior(
            own_fit(fit._replace(targets=found.region.space), number),
            every,
            start=posterior if plan.warm_start else None,
            region=found.region,
            only_for=name,
        )
        _, observed, _ = observe(posterior, plan.data)
        ledger = (*ledger, ledger_line(number + 1, fresh, every, mass, proposed.accepted, found, proposed))
    return _with_ledger(posterior, observed, ledger)


def first_round(pairs: Pairs, within: Restricted | None, targets: ParameterSpace) -> First:
    """Pairs of the prior, or those of them in the part of it where simulations succeed.

    Args:
        pairs: simulations of the prior, or of that part.
        within: the part; None for the whole prior.
        targets: inferred parameters; the part confines the posterior where they are all of its parameters.
    """
    if within is None:
        return First(pairs, np.arange(len(pairs)), None, ledger_line(1, pairs, pairs, 1.0, 1.0))
    kept = np.flatnonzero(within.contains(pairs.columns(within.space.names)))
    inside = pairs.take(kept)
    region = within if targets.names == within.space.names else None
    share = within.attempts.share
    line = ledger_line(1, pairs, inside, share, share, tried=within.attempts.tried)
    return First(inside, kept, region, line)


def own_fit(fit: Fit, number: int) -> Fit:
    """The settings of a round: a key and a folder of its own."""
    folder = None if fit.store is None else fit.store / f"round-{number + 1}"
    return fit._replace(key=jax.random.fold_in(fit.key, number), store=folder)


def simulated(plan: Plan, number: int, proposed: Proposed | None, n: int, law: str = "") -> Pairs:
    """Pairs of one round: inferred parameters as proposed (``law`` says how), all others from the prior."""
    seed = (plan.seed + 7_919 * number) % 2**63
    if proposed is None:
        return simulate_pairs(
            seed, plan.simulator, plan.space, n, proposal=plan.within, executor=plan.executor,
            allow_invalid=plan.allow_invalid,
        )  # fmt: skip
    inferred = inferred_space(plan.space)
    theta = prior_draws(jax.random.key(seed), inferred, n)
    theta[:, list(inferred.indices(proposed.names))] = proposed.theta
    return simulate_pairs(
        seed,
        plan.simulator,
        plan.space,
        n,
        proposal=theta,
        proposal_name=law or f"prior cut in round {number + 1}",
        executor=plan.executor,
        allow_invalid=plan.allow_invalid,
    )


def ledger_line(
    number: int,
    fresh: Pairs,
    inside: Pairs,
    mass: float,
    accepted: float,
    found: Cut | None = None,
    proposed: Proposed | None = None,
    *,
    tried: int = 0,
) -> dict[str, Any]:
    """One line of the ledger: counts, the part of the prior, and the accepted part of the candidates with its error."""
    tried = tried if proposed is None else proposed.tried
    return {
        "round": number,
        "simulated": len(fresh),
        "failed": fresh.failed,
        "trained_on": len(inside) - inside.failed,
        "prior_mass": mass,
        "accepted": accepted,
        "accepted_error": float(np.sqrt(accepted * (1.0 - accepted) / tried)) if tried else 0.0,
        "threshold": None if found is None else found.threshold,
        "resampled_proposal": proposed is not None and proposed.resampled,
    }


def refuse_small(mass: float, number: int, last: Any) -> None:
    """Refuse a region that keeps hardly any prior.

    Args:
        mass: part of the prior that it keeps.
        number: rounds before it.
        last: what the last of them gave.

    Raises:
        RegionTooSmall: with round and mass; ``result`` keeps the last.
    """
    if not mass >= SMALLEST_MASS:
        raise RegionTooSmall(
            f"round {number + 1} would keep {mass:.1g} of the prior, less than {SMALLEST_MASS:g}: the posterior before "
            "it is already narrow, or has lost its way. Take fewer rounds; the last one is kept in `.result`",
            last,
        )


def _with_ledger(posterior: NeuralPosterior, observed: Any, ledger: tuple[dict[str, Any], ...]) -> NeuralPosterior:
    """The posterior with its ledger, completed by the mass that its network puts inside the region."""
    draws = draw_observed(posterior, jax.random.key(0)[None], observed, _MASS_DRAWS, with_density=False)
    share = float(draws.accepted[0])
    inside = {"inside": share, "inside_error": float(np.sqrt(share * (1.0 - share) / _MASS_DRAWS))}
    flags = dict(posterior.flags)
    if any(line["resampled_proposal"] for line in ledger):
        flags["resampled_proposal"] = "prior draws hardly ever fell into the region; it was filled by resampling"
    return dataclasses.replace(posterior, ledger=(*ledger[:-1], {**ledger[-1], **inside}), flags=flags)
