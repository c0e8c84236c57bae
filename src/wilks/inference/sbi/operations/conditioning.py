"""A posterior with some parameters held: its conditional law, normalised where it is asked for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import logsumexp, ndtr, ndtri

from wilks._base.digests import digest
from wilks._base.errors import InvalidOption, InvalidParameter
from wilks._base.typing import Key, Values
from wilks.inference.problem import Clock
from wilks.inference.sbi.importance import judged, summed
from wilks.inference.sbi.pareto import pareto_shape
from wilks.inference.sbi.points import Points, log_priors, prior_quantiles, values_at
from wilks.inference.sbi.posterior import Memory
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import draws_of, log_densities, random_key
from wilks.inference.sbi.records import record
from wilks.inference.sbi.weighted_draws import resample
from wilks.parameters.space import ParameterSpace
from wilks.parameters.wording import priors_of
from wilks.results.samples import Samples
from wilks.results.weighted import WeightedSamples

_CELLS = {1: 2000, 2: 120}  # per axis, of the quadrature
_FLAT = 0.1  # share of candidates from the prior
_WIDER = 1.5  # sd of candidates for more than two free parameters, in those of the draws
_CANDIDATES, _PER_DRAW = 20_000, 4
_SEED = 20_240_302  # any fixed number: the same data always give the same density


class _Candidates(NamedTuple):
    """Prior quantiles of the free parameters, and the log density of each in prior probability."""

    shares: Float[np.ndarray, "candidates free"]
    log_density: Float[np.ndarray, " candidates"]


class ConditionedPosterior(AbstractPosterior):
    """q(free | held, x) = q(free, held | x) / integral over the free ones; made by `condition`.

    The integral is a quadrature over cells of equal prior for one or two free parameters, importance sampling for
    more; draws are chosen by weight.

    Args:
        space: parameters, those in question held at their values.
        posterior: of all of them.
    """

    space: ParameterSpace
    posterior: Any
    memory: Memory = eqx.field(static=True, default_factory=Memory)

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Draws of equal weight; flagged where too few candidates carry the weight.

        Args:
            key: random key or seed.
            data: observed data.
            n: number of draws.
            density: they come with their density in any case.
        """
        clock = Clock.start()
        own, choose = jax.random.split(random_key(key))
        theta, log_ratio, log_weight = self._weighted(own, data, max(_CANDIDATES, _PER_DRAW * n))
        ess, log_norm, error = summed(log_weight)
        verdict, reliable = judged(ess, k := pareto_shape(log_weight))
        weighted = WeightedSamples(
            names=self.space.names, units=tuple(p.unit for p in self.space.parameters), fixed=~self.space.free_mask,
            lower=self.space.lowers, upper=self.space.uppers, theta=theta, log_weight=log_weight,
            log_likelihood=log_ratio, log_prior=log_priors(self.space, theta), from_prior=0, log_evidence=log_norm,
            error=error, ess=ess, pareto_k=k, reliable=reliable, verdict=verdict, priors=priors_of(self.space),
            flags={} if reliable else {"low_ess": verdict},
            how=f"conditional on {self._held()}", provenance=record(clock, "condition", key=key, data=data, n=n),
        )  # fmt: skip
        return resample(choose, weighted, n)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """ln q(free, held | x) - ln of its integral; values of held parameters may be left out."""
        columns = np.broadcast_arrays(*(np.asarray(values.get(p.name, p.start), float) for p in self.space.parameters))
        theta = np.stack(columns, axis=-1)
        rows = np.atleast_2d(theta)
        rows[:, ~self.space.free_mask] = self.space.starts[~self.space.free_mask]
        found = log_densities(self.posterior, rows, data) - self._log_norm(data)
        return jnp.asarray(found.reshape(theta.shape[:-1]))

    def _weighted(self, key: Key, data: Any, n: int) -> tuple[Points, np.ndarray, np.ndarray]:
        """Candidates, ln q/p of each, and their log weights."""
        candidates = self._cells(key, data, n) if len(self.space.free) <= 2 else self._around(key, data, n)
        theta = values_at(self.space, candidates.shares)
        log_ratio = self._ratios(theta, data)
        return theta, log_ratio, log_ratio - candidates.log_density

    def _ratios(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """ln q(free, held | x) - ln p(free)."""
        return log_densities(self.posterior, theta, data) - log_priors(self.space, theta)

    def _cells(self, key: Key, data: Any, n: int) -> _Candidates:
        """Candidates from cells of equal prior, weighted by the density in their middle, and some from the prior."""
        heights, count = self._quadrature(data)
        chance = (1.0 - _FLAT) * np.exp(heights - logsumexp(heights)) + _FLAT / len(heights)
        generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        chosen = generator.choice(len(heights), size=n, p=chance / chance.sum())
        places = np.stack(np.unravel_index(chosen, (count,) * len(self.space.free)), axis=1)
        shares = (places + generator.random(places.shape)) / count
        return _Candidates(shares, np.log(chance[chosen] * len(heights)))

    def _quadrature(self, data: Any) -> tuple[Float[np.ndarray, " cells"], int]:
        """ln q/p in the middle of cells of equal prior, and how many there are per axis."""
        count = _CELLS[len(self.space.free)]
        middles = [(np.arange(count) + 0.5) / count] * len(self.space.free)
        shares = np.stack([m.ravel() for m in np.meshgrid(*middles, indexing="ij")], axis=1)
        return self._ratios(values_at(self.space, shares), data), count

    def _around(self, key: Key, data: Any, n: int) -> _Candidates:
        """Candidates of a wide normal law in normal scores around all draws of the posterior, and of the prior."""
        own, other = jax.random.split(key)
        theta = draws_of(self.posterior.sample(own, data, min(n, _CANDIDATES)))
        free = [self.posterior.space.free.index(name) for name in self.space.free]
        scores = ndtri(np.clip(prior_quantiles(self.posterior.space, theta)[:, free], 1e-12, 1 - 1e-12))
        factor = np.linalg.cholesky(_WIDER**2 * np.cov(scores, rowvar=False))
        generator = np.random.default_rng(np.asarray(jax.random.key_data(other)))
        flat = round(_FLAT * n)
        around = scores.mean(axis=0) + generator.normal(size=(n - flat, len(free))) @ factor.T
        drawn = np.concatenate([around, generator.normal(size=(flat, len(free)))])
        whitened = np.linalg.solve(factor, (drawn - scores.mean(axis=0)).T).T
        # ratio of the wide law to the prior, whose normal scores are standard
        log_law = 0.5 * np.sum(drawn**2 - whitened**2, axis=1) - np.sum(np.log(np.diag(factor)))
        log_density = np.logaddexp(np.log1p(-_FLAT) + log_law, np.log(_FLAT))
        return _Candidates(np.clip(ndtr(drawn), 2.0**-53, 1 - 2.0**-53), log_density)

    def _log_norm(self, data: Any) -> float:
        name = digest(data)
        if name not in self.memory.mass:
            if len(self.space.free) <= 2:
                heights, _ = self._quadrature(data)
                norm = float(logsumexp(heights) - np.log(len(heights)))
            else:
                norm = summed(self._weighted(random_key(_SEED), data, _CANDIDATES)[2])[1]
            self.memory.mass[name] = norm
        return self.memory.mass[name]

    def _held(self) -> str:
        return ", ".join(f"{p.name} = {p.start:g}" for p in self.space.parameters if not p.is_free)


def condition(posterior: Any, fixed: Values) -> ConditionedPosterior:
    """The posterior given that some parameters have certain values.

    Args:
        posterior: with draws and a density.
        fixed: name -> value within the bounds.

    Raises:
        UnknownName: for a name that the posterior does not have.
        InvalidParameter: for a value outside the bounds.
        InvalidOption: if no parameter is held, or none is left free.
    """
    space = posterior.space
    for name, given in fixed.items():
        value, parameter = float(given), space[name]
        if not parameter.lower <= value <= parameter.upper:
            raise InvalidParameter(
                f"parameter {name!r}: value {value} lies outside [{parameter.lower:g}, {parameter.upper:g}]"
            )
        space = space.replace(name, start=value, fixed=True)
    if not fixed or not space.free:
        raise InvalidOption(
            f"{len(fixed)} of {len(posterior.space.free)} parameters held; hold at least one, and leave one free"
        )
    return ConditionedPosterior(space, posterior)
