"""Truncation of the prior to where a posterior lies: nested regions, their mass, and draws from the prior inside."""

import dataclasses
import math
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidOption, InvalidParameter, check_option
from wilks._base.typing import Key
from wilks.parameters.space import ParameterSpace

from .density import AbstractConditionalDensity
from .drawing import Observed, coarse, log_densities
from .networks import subkeys
from .points import log_priors, prior_draws, prior_quantiles, values_at
from .posterior import NeuralPosterior, draw_observed
from .posterior_interface import AbstractRegion
from .restricted import Restricted

_FEW = 0.01  # accepted part of the candidates below which the proposal is resampled from the posterior
_BATCH = 20_000  # candidates tried at a time
_MOST_BATCHES = 500
_ROUGH_STEPS = 12  # of the solver by which regions are defined: they are what they say, whatever its error
SMALLEST_MASS = 1e-6


@dataclass(frozen=True)
class Truncation:
    """How rounds cut the prior.

    Args:
        eps: posterior mass that each round may lose, under its own network.
        density: ``"ratio"`` cuts by q/p, whatever the parameters' scale; ``"theta"`` by q, highest-density regions.
        draws: posterior draws by which threshold and box are found.
        margin: part of its width by which the box of the draws is widened on each side, in prior probability.
        candidates: posterior draws per accepted one where prior draws hardly ever fall inside.
    """

    eps: float = 5e-4
    density: str = "ratio"
    draws: int = 20_000
    margin: float = 0.05
    candidates: int = 64

    def __post_init__(self) -> None:
        check_option("density of a truncation", self.density, ("ratio", "theta"))
        if not 0.0 < self.eps < 0.5 or self.draws * self.eps < 1.0 or self.margin < 0.0 or self.candidates < 2:
            raise InvalidOption(
                f"truncation: eps {self.eps} must lie in (0, 0.5) with eps times draws ({self.draws}) at least 1, "
                f"margin {self.margin} at least 0, candidates {self.candidates} at least 2"
            )


class Level(eqx.Module):
    """One cut: points at which a posterior is at least as high as a threshold."""

    posterior: NeuralPosterior
    observed: Observed
    threshold: float = eqx.field(static=True)
    density: str = eqx.field(static=True)

    def heights(self, theta: Float[np.ndarray, "points targets"]) -> Float[np.ndarray, " points"]:
        """ln q, or ln q/p, up to a constant of the data."""
        density, coordinate = _rough(self.posterior.estimator.density), self.posterior.coordinate
        found = np.asarray(log_densities(density, coordinate, theta, self.observed))
        return found - log_priors(self.posterior.coordinate.space, theta) if self.density == "ratio" else found


class Truncated(AbstractRegion):
    """A box with cuts inside, each smaller than the one before.

    Args:
        space: inferred parameters within the box.
        levels: cuts, one per round.
        within: part of the prior where simulations succeed, if the rounds keep to one.
    """

    space: ParameterSpace = eqx.field(static=True)
    levels: tuple[Level, ...]
    within: Restricted | None = None

    def contains(self, theta: Float[np.ndarray, "points targets"]) -> Bool[np.ndarray, " points"]:
        """Which points lie in the box and above all thresholds."""
        inside = self._above(np.asarray(theta), self.levels)
        if self.within is not None and inside.any():
            inside[inside] = self.within.contains(np.asarray(theta)[inside])
        return inside

    def keeps(self, theta: Float[np.ndarray, "points targets"]) -> Bool[np.ndarray, " points"]:
        """The same for points that are known to lie in the region before the newest cut."""
        return self._above(np.asarray(theta), self.levels[-1:])

    def _above(
        self, theta: Float[np.ndarray, "points targets"], levels: tuple[Level, ...]
    ) -> Bool[np.ndarray, " points"]:
        inside = np.all((theta >= self.space.lowers) & (theta <= self.space.uppers), axis=1)
        for level in reversed(levels):  # the newest cut leaves the fewest for the others
            if inside.any():
                inside[inside] = level.heights(theta[inside]) >= level.threshold
        return inside


class Cut(NamedTuple):
    """A region with what is known of it.

    Args:
        region: the region.
        box_mass: prior probability of its box, as a part of the prior before all rounds.
        threshold: its newest threshold.
    """

    region: Truncated
    box_mass: float
    threshold: float


class Proposed(NamedTuple):
    """Draws of the prior inside a region.

    Args:
        names: names of the inferred parameters.
        theta: draws of them.
        accepted: part of the candidates inside the box that lay in the region.
        resampled: whether they were resampled from the posterior instead.
        tried: number of the candidates.
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, "draws targets"]
    accepted: float
    resampled: bool
    tried: int


def cut(key: Key, posterior: NeuralPosterior, observed: Observed, original: ParameterSpace, how: Truncation) -> Cut:
    """The region where a posterior lies, inside the region to which it was confined.

    Args:
        key: random key of the draws.
        posterior: of the round before.
        observed: the data, encoded by that posterior.
        original: inferred parameters before all rounds.
        how: settings.
    """
    quick = _quick(posterior)
    draws = draw_observed(quick, key[None], observed, how.draws, with_density=True)
    theta, heights = draws.theta[0], draws.log_density[0]
    inner = posterior.coordinate.space
    if how.density == "ratio":
        heights = heights - log_priors(inner, theta)
    threshold = float(np.quantile(heights, how.eps))
    space, mass = bounding_box(theta, inner, original, how.margin)
    region = posterior.region
    before = region.levels if isinstance(region, Truncated) else ()
    within = region.within if isinstance(region, Truncated) else region if isinstance(region, Restricted) else None
    level = Level(posterior, observed, threshold, how.density)
    return Cut(Truncated(space, (*before, level), within), mass, threshold)


def propose(key: Key, cut: Cut, n: int, how: Truncation) -> Proposed:
    """Draws of the prior inside a region: by rejection, or resampled from the posterior where that is hopeless."""
    names, found, tried, good = cut.region.space.names, [], 0, 0
    for own in subkeys(key, _MOST_BATCHES):
        candidates = prior_draws(own, cut.region.space, _BATCH if tried else min(_BATCH, max(2 * n, 1000)))
        inside = cut.region.contains(candidates)
        found.append(candidates[inside])
        tried, good = tried + len(candidates), good + int(inside.sum())
        if good >= n:
            return Proposed(names, np.concatenate(found)[:n], good / tried, False, tried)
        if good < _FEW * tried:
            return _resampled(key, cut, n, how, good, tried)
    return _resampled(key, cut, n, how, good, tried)


def refuse_joint(space: ParameterSpace) -> None:
    """Refuse rounds that cut priors to boxes where parameters have a joint prior.

    Raises:
        InvalidParameter: naming them.
    """
    if names := [name for prior in space.joint for name in prior.names]:
        raise InvalidParameter(
            f"{', '.join(names)}: rounds cut each prior to an interval, and a joint prior has none; train in one "
            "round, or give each parameter a prior of its own"
        )


def bounding_box(
    theta: Float[np.ndarray, "draws targets"], inner: ParameterSpace, original: ParameterSpace, margin: float
) -> tuple[ParameterSpace, float]:
    """The widened bounding box of draws, as bounds of the parameters, and its part of the original prior.

    Args:
        theta: draws.
        inner: parameters with the bounds within which they lie.
        original: parameters before all rounds.
        margin: part of its width in prior probability by which the box is widened on each side.
    """
    u = prior_quantiles(inner, theta)
    low, high = u.min(axis=0), u.max(axis=0)
    wider = margin * (high - low)
    low, high = np.maximum(low - wider, 0.0), np.minimum(high + wider, 1.0)
    if np.any(low == high):  # a single draw
        return inner, 0.0
    lowers, uppers = values_at(inner, np.stack([low, high]))
    parameters = [
        dataclasses.replace(
            p,
            lower=p.lower if low[i] == 0.0 else float(lowers[i]),
            upper=p.upper if high[i] == 1.0 else float(uppers[i]),
            start=float(np.clip(p.start, lowers[i], uppers[i])),
        )
        for i, p in enumerate(inner.parameters)
    ]
    space = ParameterSpace(tuple(parameters))
    logs = [
        float(p.prior.log_mass(p.lower, p.upper)) - float(p.prior.log_mass(o.lower, o.upper))
        for p, o in zip(space.parameters, original.parameters, strict=True)
        if p.prior is not None and o.prior is not None
    ]
    return space, math.exp(sum(logs))


def _quick(posterior: NeuralPosterior) -> NeuralPosterior:
    """The posterior with few steps of its solver."""
    return eqx.tree_at(lambda p: p.estimator.density, posterior, _rough(posterior.estimator.density))


def _rough(density: AbstractConditionalDensity) -> AbstractConditionalDensity:
    return coarse(density, _ROUGH_STEPS, "heun")


def _resampled(key: Key, cut: Cut, n: int, how: Truncation, good: int, tried: int) -> Proposed:
    """Sampling-importance-resampling: of some posterior draws each, one with weight p/q."""
    level = cut.region.levels[-1]
    many = how.candidates * n
    drawn = draw_observed(
        _quick(level.posterior),
        jax.random.fold_in(key, 1)[None],
        level.observed,
        many,
        with_density=True,
    )
    theta, log_q = drawn.theta[0], drawn.log_density[0]
    log_w = log_priors(level.posterior.coordinate.space, theta) - log_q
    log_w = np.where(cut.region.contains(theta), log_w, -np.inf).reshape(n, how.candidates)
    generator = np.random.default_rng(np.asarray(jax.random.key_data(jax.random.fold_in(key, 2))))
    chosen = np.argmax(log_w + generator.gumbel(size=log_w.shape), axis=1)  # one per row, in proportion to its weight
    picked = theta.reshape(n, how.candidates, -1)[np.arange(n), chosen]
    return Proposed(cut.region.space.names, picked, good / tried, True, tried)
