"""Rounds that propose from the last posterior: every pair of every round trains, corrected by atoms."""

from typing import Any

import jax

from .atoms import first_rows
from .pairs import Pairs
from .posterior import NeuralPosterior, draw_observed, observe
from .posterior_fits import Fit, fit_posterior
from .rounds import Plan, ledger_line, own_fit, simulated
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
    every = first if first is not None else simulated(plan, 0, None, plan.pairs[0])
    of_prior = len(every)
    posterior = fit_posterior(own_fit(fit, 0), every)
    name, observed, _ = observe(posterior, plan.data)
    ledger: tuple[dict[str, Any], ...] = (ledger_line(1, every, every, 1.0, 1.0),)
    for number in range(1, len(plan.pairs)):
        key = jax.random.fold_in(jax.random.key(plan.seed), 1000 + number)
        draws = draw_observed(posterior, key[None], observed, plan.pairs[number], with_density=False)
        proposed = Proposed(fit.targets.names, draws.theta[0], float(draws.accepted[0]), False)
        fresh = simulated(plan, number, proposed, plan.pairs[number], f"posterior of round {number}")
        every = every + fresh
        ledger = (*ledger, ledger_line(number + 1, fresh, every, 1.0, proposed.accepted))
        posterior = fit_posterior(
            own_fit(fit, number),
            every,
            start=posterior if plan.warm_start else None,
            first=first_rows(of_prior, len(every)),
            only_for=name,
            ledger=ledger,
        )
        _, observed, _ = observe(posterior, plan.data)
    return posterior
