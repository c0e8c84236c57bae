"""Several posteriors as one: their mixture, and how far they differ."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import draws_of, independent_draws, random_key
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples

from .shared_spaces import space_of_all


class EnsemblePosterior(AbstractPosterior):
    """q = sum w_i q_i; made by `ensemble`.

    Args:
        space: parameters with priors, the same in all members.
        members: posteriors.
        weights: probability of each.
    """

    space: ParameterSpace
    members: tuple[Any, ...]
    weights: tuple[float, ...] = eqx.field(static=True)

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Each draw of a member chosen by its weight; ``facts`` holds the spread of the members' means in units of sd.

        Args:
            key: random key or seed.
            data: observed data.
            n: number of draws; more draws begin with the fewer ones.
            density: also compute the density of the mixture.
        """
        if n < 1:
            raise InvalidOption(f"{n} draws asked for; ask for at least 1")
        choose, own = jax.random.split(random_key(key))
        share = np.asarray(jax.random.uniform(choose, (n,), float))
        chosen = np.searchsorted(np.cumsum(self.weights)[:-1], share, side="right")
        theta = np.tile(self.space.starts, (n, 1))
        means = np.full((len(self.members), len(self.space)), math.nan)
        for i, member in enumerate(self.members):
            where = np.flatnonzero(chosen == i)
            if len(where):
                theta[where] = draws_of(member.sample(jax.random.fold_in(own, i), data, len(where)))
                means[i] = theta[where].mean(axis=0)
        values = {name: theta[:, k] for k, name in enumerate(self.space.names)}
        log_prob = np.asarray(self.log_prob(values, data), float) if density else np.full(n, math.nan)
        samples = independent_draws(self.space, theta, log_prob, "ensemble", n)
        return dataclasses.replace(samples, facts={"spread_of_members": self._spread(means, theta)})

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """ln sum w_i exp(ln q_i)."""
        found = jnp.stack([jnp.asarray(member.log_prob(values, data)) for member in self.members])
        logs = jnp.log(jnp.asarray(self.weights)).reshape((-1, *[1] * (found.ndim - 1)))
        return logsumexp(found + logs, axis=0)

    def _spread(self, means: np.ndarray, theta: np.ndarray) -> float:
        """Largest distance of a member's mean from that of all, in standard deviations."""
        free = self.space.free_mask
        away = np.abs(means - theta.mean(axis=0)[None])[:, free]
        sd = theta.std(axis=0)[free]
        return float(np.nanmax(away / np.where(sd > 0, sd, 1.0)[None]))


def ensemble(posteriors: Sequence[Any], weights: Sequence[float] | None = None) -> EnsemblePosterior:
    """The mixture of several posteriors, for example of networks trained with different seeds.

    Args:
        posteriors: of the same parameters and priors.
        weights: how much each counts; equal by default, normalised to 1.

    Raises:
        InvalidParameter: naming a parameter whose bounds or priors differ.
        InvalidOption: for weights that are not positive, or not one per posterior.
    """
    space = space_of_all(posteriors)
    given = np.ones(len(posteriors)) if weights is None else np.asarray(weights, dtype=float)
    if given.shape != (len(posteriors),) or not (np.isfinite(given) & (given > 0)).all():
        raise InvalidOption(f"weights {given.tolist()}; expected one positive number per posterior ({len(posteriors)})")
    return EnsemblePosterior(space, tuple(posteriors), tuple((given / given.sum()).tolist()))
