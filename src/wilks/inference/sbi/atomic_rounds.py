"""Rounds that propose from the last posterior: every pair of every round trains, corrected by atoms."""

from typing import Any

import jax

from .atoms import first_rows
from .pairs import Pairs
from .posterior import NeuralPosterior, draw_observed, observe
from .posterior_fits import Fit, fit_posterior
from .rounds import Plan, first_round, ledger_line, own_fit, simulated
from .truncation import Proposed


def train_by_atoms(plan: Plan, fit: Fit, first: Pairs | None = None) -> NeuralPosterior:
    """A posterior for one set of data by rounds that simulate where the last posterior lies.

    Args:
        plan: what the rounds share.
        fit: how each is trained; its ``atoms`` say how later rounds are corrected.
        first: pairs of the prior for the first round; simulated if absent.

    References:
        D. Greenberg, M. Nonnenmacher, J. Macke, arXiv:1905.07488.
    """
    begun = first_round(first or simulated(plan, 0, None, plan.pairs[0]), plan.within, fit.targets)
    every: Pairs = begun.pairs
    of_prior = len(every)
    ledger: tuple[dict[str, Any], ...] = (begun.line,)
    posterior = fit_posterior(own_fit(fit, 0), every, region=begun.region)
    name, observed, _ = observe(posterior, plan.data)
    for number in range(1, len(plan.pairs)):
        key = jax.random.fold_in(jax.random.key(plan.seed), 1000 + number)
        draws = draw_observed(posterior, key[None], observed, plan.pairs[number], with_density=False)
        proposed = Proposed(fit.targets.names, draws.theta[0], float(draws.accepted[0]), False, plan.pairs[number])
        fresh = simulated(plan, number, proposed, plan.pairs[number], f"posterior of round {number}")
        every = every + fresh
        ledger = (
            *ledger,
            ledger_line(number + 1, fresh, every, begun.line["prior_mass"], proposed.accepted, None, proposed),
        )
        posterior = fit_posterior(
            own_fit(fit, number),
            every,
            start=posterior if plan.warm_start else None,
            first=first_rows(of_prior, len(every)),
            region=begun.region,
            only_for=name,
            ledger=ledger,
        )
        _, observed, _ = observe(posterior, plan.data)
    return posterior
