"""Posteriors of independent data sets joined into one: their product, with the prior counted once."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import logsumexp

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidOption, check_option
from wilks._base.typing import Key
from wilks.inference.problem import Clock
from wilks.inference.sbi.importance import judged, summed
from wilks.inference.sbi.pareto import pareto_shape
from wilks.inference.sbi.points import Points, log_priors, prior_draws
from wilks.inference.sbi.posterior import Memory
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import draws_of, log_densities, random_key
from wilks.inference.sbi.records import record
from wilks.inference.sbi.weighted_draws import resample
from wilks.parameters.space import ParameterSpace
from wilks.parameters.wording import priors_of
from wilks.results.samples import Samples
from wilks.results.weighted import WeightedSamples

from .combined_scores import ScoreProduct, score_product
from .shared_spaces import space_of_all

_PER_DRAW = 4  # candidates per draw
_APART = -3.0  # ln of the overlap below which parts disagree: they meet where each has a few per cent of its peak
_SEED = 20_240_301  # any fixed number: the same data always give the same density


class CombinedPosterior(AbstractPosterior):
    """q(theta | x_1 .. x_n) = prod q_i(theta | x_i) / p(theta)^(n - 1), normalised; made by `combine`.

    Draws are chosen by weight among those of all parts and of the prior, so the parts must overlap; data are named
    after the parts.

    Args:
        space: parameters with priors, the same in all parts.
        parts: posteriors by name of data set.
        candidates: draws by which it is normalised.
    """

    space: ParameterSpace
    parts: dict[str, Any]
    candidates: int = eqx.field(static=True)
    memory: Memory = eqx.field(static=True, default_factory=Memory)

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Draws of equal weight; flagged where too few candidates carry the weight.

        Args:
            key: random key or seed.
            data: data of each part by its name.
            n: number of draws.
            density: they come with their density in any case.
        """
        own, choose = jax.random.split(random_key(key))
        weighted = self.weigh(own, data, max(self.candidates, _PER_DRAW * n))
        return resample(choose, weighted, n)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """sum ln q_i - (n - 1) ln p - ln Z, with Z from fixed candidates."""
        columns = np.broadcast_arrays(*(np.asarray(values.get(p.name, p.start), float) for p in self.space.parameters))
        theta = np.stack(columns, axis=-1)
        rows = np.atleast_2d(theta)
        log_prior = log_priors(self.space, rows)
        found = self._ratios(rows, log_prior, data) + log_prior
        return jnp.asarray((found - self._log_norm(data)).reshape(theta.shape[:-1]))

    def weigh(self, key: Key | int, data: Any, n: int) -> WeightedSamples:
        """Candidates of all parts and of the prior with their weights; the evidence is that of the product.

        Args:
            key: random key or seed.
            data: data of each part by its name.
            n: number of candidates.
        """
        clock = Clock.start()
        theta, log_q = self._candidates(random_key(key), data, n)
        log_prior = log_priors(self.space, theta)
        ratios = self._ratios(theta, log_prior, data)
        everything = np.concatenate([log_q, log_prior[None]])
        log_mixture = logsumexp(everything, axis=0) - np.log(len(everything))
        log_weight = np.where(log_prior > -np.inf, ratios + log_prior - log_mixture, -np.inf)
        ess, log_norm, error = summed(log_weight)
        verdict, reliable = judged(ess, k := pareto_shape(log_weight))
        return WeightedSamples(
            names=self.space.names, units=tuple(p.unit for p in self.space.parameters), fixed=~self.space.free_mask,
            lower=self.space.lowers, upper=self.space.uppers, theta=theta, log_weight=log_weight,
            log_likelihood=np.where(log_prior > -np.inf, ratios, -np.inf), log_prior=log_prior,
            from_prior=len(theta) - len(self.parts) * (n // (len(self.parts) + 1)), log_evidence=log_norm, error=error,
            ess=ess, pareto_k=k, reliable=reliable, verdict=verdict, priors=priors_of(self.space),
            flags=_flags(log_norm, verdict, reliable),
            how=f"product of the posteriors {', '.join(self.parts)}, the prior divided out; candidates of all of them",
            provenance=record(clock, "combine", key=key, data=data, n=n),
        )  # fmt: skip

    def _candidates(self, key: Key, data: Any, n: int) -> tuple[Points, Float[np.ndarray, "parts draws"]]:
        """Equally many draws of each part and of the prior, and the density of every part at all of them."""
        self._check(data)
        each = n // (len(self.parts) + 1)
        keys = jax.random.split(key, len(self.parts) + 1)
        drawn = [
            draws_of(part.sample(own, data[name], each))
            for own, (name, part) in zip(keys[1:], self.parts.items(), strict=True)
        ]
        theta = np.concatenate([*drawn, prior_draws(keys[0], self.space, n - each * len(self.parts))])
        return theta, self._densities(theta, data)

    def _densities(self, theta: Points, data: Any) -> Float[np.ndarray, "parts draws"]:
        return np.stack([log_densities(q, theta, data[name]) for name, q in self.parts.items()])

    def _ratios(self, theta: Points, log_prior: np.ndarray, data: Any) -> Float[np.ndarray, " draws"]:
        """sum of ln(q_i/p): ln L up to a constant."""
        self._check(data)
        inside = np.where(log_prior > -np.inf, log_prior, 0.0)
        return np.sum(self._densities(theta, data) - inside[None], axis=0)

    def _log_norm(self, data: Any) -> float:
        name = digest(data)
        if name not in self.memory.mass:
            self.memory.mass[name] = self.weigh(_SEED, data, self.candidates).log_evidence
        return self.memory.mass[name]

    def _check(self, data: Any) -> None:
        if not isinstance(data, Mapping) or set(data) != set(self.parts):
            given = ", ".join(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
            raise InvalidData(f"data of {given}; expected those of {', '.join(self.parts)}, by name")


def combine(
    posteriors: Mapping[str, Any], *, candidates: int = 20_000, by: str = "density"
) -> CombinedPosterior | ScoreProduct:
    """The posterior of several independent data sets from one posterior of each.

    ln q = sum ln q_i - (n - 1) ln p + const. Errors of the parts add up: `reweight` corrects them where there is a
    likelihood of all data.

    Args:
        posteriors: one per data set, of the same parameters and priors.
        candidates: draws by which the product is normalised, to about sqrt(candidates) when the parts agree; by
            scores, those by which the covariance of each part is found.
        by: ``"density"``, candidates of all parts chosen by weight, for any posteriors that overlap; or ``"score"``,
            one diffusion under the joint score of all, for posteriors of score matching trained with
            ``coordinate="normal", standardise="none"``: it needs no overlap, is exact for normal posteriors, and
            approximate for others.

    Raises:
        InvalidOption: for posteriors that have no score in these coordinates.
        InvalidParameter: naming a parameter whose bounds or priors differ.

    References:
        T. Geffner, G. Papamakarios, A. Mnih, arXiv:2209.14249, eq. 4; J. Linhart et al., arXiv:2404.07593 (scores).
    """
    check_option("way to combine", by, ("density", "score"))
    if candidates < 100:
        raise InvalidOption(f"{candidates} candidates cannot normalise a product; take at least 100, 20,000 as a rule")
    if by == "score":
        return score_product(posteriors, candidates)
    return CombinedPosterior(space_of_all(posteriors.values()), dict(posteriors), candidates)


def _flags(log_overlap: float, verdict: str, reliable: bool) -> dict[str, str]:
    flags = {} if reliable else {"low_ess": verdict}
    if log_overlap < _APART:
        flags["parts_disagree"] = (
            f"the posteriors disagree (ln of the overlap {log_overlap:.3g}): their product lies in tails, where "
            "networks are worst, and errors of its weights may be understated; reweight an ensemble of them with "
            "defensive=0.5"
        )
    return flags
