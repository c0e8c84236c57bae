"""Truths by which posteriors are judged: drawn from the prior, each with its own data, failed ones counted."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool

from wilks._base.errors import TooManyFailures
from wilks._base.typing import Key
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .pairs import RAISED, VALID
from .points import Points, prior_draws
from .pseudo_data import simulate_tried

FEWEST = 20


class Truths(NamedTuple):
    """Truths from the prior whose simulation succeeded, with their data.

    Args:
        theta: one truth per row.
        data: one set of data per truth, stacked.
        valid: which of all that were tried they are.
        flags: how many failed and where; empty if none did.
    """

    theta: Points
    data: Any
    valid: Bool[np.ndarray, " tried"]
    flags: dict[str, str]

    @property
    def failed(self) -> int:
        """Simulations that raised or gave values that are not finite."""
        return int((~self.valid).sum())


def truths(key: Key, space: ParameterSpace, simulator: AbstractSimulator, n: int) -> Truths:
    """Truths from the prior, and one set of data at each; those that failed are counted and left out.

    A posterior is trained on simulations that succeed, which are therefore also those that judge it.

    Args:
        key: random key.
        space: parameters with priors.
        simulator: makes one set of data per truth.
        n: number of truths to try.

    Raises:
        TooManyFailures: if fewer than 20 of them succeed.
    """
    theta = prior_draws(jax.random.fold_in(key, 0), space, n)
    data, status = simulate_tried(jax.random.fold_in(key, 1), simulator, space, theta)
    valid = status == VALID
    if valid.all():
        return Truths(theta, data, valid, {})
    bad = theta[~valid]
    where = ", ".join(f"{name} in [{bad[:, i].min():.4g}, {bad[:, i].max():.4g}]" for i, name in enumerate(space.names))
    raised = int((status == RAISED).sum())
    sentence = f"{len(bad)} of {n} simulations failed ({raised} raised, {len(bad) - raised} not finite), at {where}"
    if n - len(bad) < FEWEST:
        raise TooManyFailures(f"{sentence}; at least {FEWEST} valid ones are needed: mend the simulator")
    kept = jax.tree.map(lambda leaf: np.asarray(leaf)[valid], data)
    return Truths(theta[valid], kept, valid, {"failed_simulations": sentence})
