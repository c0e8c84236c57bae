"""Most probable parameters of a neural posterior: its draws say where to look, a few fits find the top."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidOption, check_option
from wilks._base.typing import Key, LogProb, Values
from wilks.execution.keys import as_seed
from wilks.inference.fitting import fit
from wilks.inference.ladder import climb
from wilks.inference.lanes import stack_lanes
from wilks.inference.problem import pose
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import prepare
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult

from .coordinates import AbstractCoordinate
from .flows import Flow
from .importance import refuse_other_space
from .mixture_density import ConditionalMixture, Mixture
from .points import Points, log_likelihoods, log_priors, prior_quantiles
from .posterior import NeuralPosterior, observe
from .proposals import Proposal, draws_of, log_densities

_DRAWS = 256
_POLISHED = 8
_APART = 0.02  # of the prior: nearer draws count as one start


class LikelihoodTimesPrior(AbstractLikelihood[Any]):
    """Posterior density of a likelihood, so that fits find its maximum.

    Args:
        space: parameters with priors.
        likelihood: judges the data.
    """

    space: ParameterSpace
    likelihood: AbstractLikelihood

    def log_prob(self, values: Values, data: Any) -> LogProb:
        """ln L + ln p."""
        named = self.likelihood.space.unpack(self.likelihood.space.pack(values))
        return self.likelihood.log_prob(named, data) + self.space.log_prior(values)


class DensityOverParameters(AbstractLikelihood[Any]):
    """A flow's or mixture's density at one set of data as a function of the parameters, in double precision.

    Args:
        space: parameters of the posterior.
        coordinate: how the network sees the inferred ones.
        density: flow or mixture in double precision.
        over_prior: divide by the prior: the likelihood up to a constant.
    """

    space: ParameterSpace
    coordinate: AbstractCoordinate
    density: Flow | Mixture
    over_prior: bool = eqx.field(static=True)

    def log_prob(self, values: Values, data: Any) -> LogProb:
        """ln q, or ln q - ln p; data are context, mean and log spread of the coordinates."""
        context, mean, log_spread = data
        theta = self.space.pack(values)
        own = theta[jnp.asarray(self.space.indices(self.coordinate.space.names))]
        y = (self.coordinate.to_network(own) - mean) * jnp.exp(-log_spread)
        log_q = self.density.log_prob_at(y, context) if isinstance(self.density, Flow) else self.density.log_prob(y)
        total = log_q + self.coordinate.log_jacobian(own) - jnp.sum(log_spread)
        return total - self.space.log_prior(values) if self.over_prior else total


def map_estimate(
    key: Key | int,
    posterior: Proposal,
    data: Any,
    *,
    likelihood: AbstractLikelihood | None = None,
    target: str = "posterior",
) -> FitResult:
    """Parameters of highest density: 256 draws, the best 8 distinct ones polished by the engine's solver.

    Densities are per declared unit of the parameters, as priors are.

    Args:
        key: random key or seed of the draws.
        posterior: where to look: any posterior if a likelihood is given, else one by `SplineFlow` or `MixtureDensity`.
        data: observed data.
        likelihood: exact likelihood that is climbed in place of the network's density.
        target: ``"posterior"``, or ``"likelihood"`` for the maximum of q/p, or of the likelihood itself.

    Raises:
        InvalidOption: for a posterior by a field without a likelihood, whose maximum would take as long as many draws.
        FitFailed: if no start leads to a maximum.
    """
    check_option("target", target, ("posterior", "likelihood"))
    theta = draws_of(posterior.sample(jax.random.key(as_seed(key)), data, _DRAWS))
    if likelihood is None:
        climbed, given = _own_density(posterior, data, target)
        height = log_densities(posterior, theta, data)
        height = height - log_priors(posterior.space, theta) if target == "likelihood" else height
    else:
        refuse_other_space(posterior.space, likelihood)
        given = prepare(likelihood, data)
        whole = LikelihoodTimesPrior(posterior.space, likelihood)
        climbed = likelihood if target == "likelihood" else whole
        columns = list(posterior.space.indices(likelihood.space.names))
        height = log_likelihoods(likelihood, data, theta[:, columns])
        height = height + log_priors(posterior.space, theta) if target == "posterior" else height
        theta = theta[:, columns] if target == "likelihood" else theta
    starts = distinct(climbed.space, theta, height, _POLISHED)
    best = _highest(climbed, given, starts)
    return fit(climbed, given, start=dict(zip(climbed.space.names, best.tolist(), strict=True)))


def distinct(
    space: ParameterSpace, theta: Points, height: Float[np.ndarray, " points"], most: int
) -> Float[np.ndarray, "kept parameters"]:
    """The highest points of which no two are nearer than 2 % of the prior in every parameter."""
    order = np.argsort(-np.where(np.isfinite(height), height, -np.inf))
    places = prior_quantiles(space, theta) if all(space[n].prior is not None for n in space.free) else theta
    kept: list[int] = []
    for i in order:
        if all(np.abs(places[i] - places[j]).max() > _APART for j in kept):
            kept.append(int(i))
        if len(kept) == most:
            break
    return theta[kept]


def _highest(likelihood: AbstractLikelihood, data: Any, starts: Points) -> Float[np.ndarray, " parameters"]:
    """Where the best of several climbs ends; the best start if none ends well."""
    problem = pose(likelihood, data)
    padded = starts[np.minimum(np.arange(_POLISHED), len(starts) - 1)]  # one shape compiles once
    free = np.broadcast_to(problem.space.free_mask, padded.shape)
    inside = np.clip(padded, problem.space.lowers, problem.space.uppers)
    lanes = stack_lanes(problem.data, len(padded))
    ends = climb(likelihood, lanes, inside, free, problem.space, problem.settings, rescue=False)
    value = np.where(np.isfinite(ends.value), ends.value, np.inf)
    best = int(np.argmin(value))
    return ends.theta[best] if np.isfinite(value[best]) else inside[0]


def _own_density(posterior: Proposal, data: Any, target: str) -> tuple[AbstractLikelihood, Any]:
    """The posterior's own density in the role of a likelihood, and what it takes as data."""
    density = posterior.estimator.density if isinstance(posterior, NeuralPosterior) else None
    if not isinstance(posterior, NeuralPosterior) or not isinstance(density, (Flow, ConditionalMixture)):
        raise InvalidOption(
            "the maximum of this posterior's density takes a solve of its field per step; give likelihood=, or train "
            "one with path=SplineFlow()"
        )
    _, observed, _ = observe(posterior, data)
    context = jnp.asarray(observed.context[0])
    smooth = density if isinstance(density, Flow) else density.at(context)
    function = DensityOverParameters(
        posterior.space, posterior.coordinate, _doubled(smooth), over_prior=target == "likelihood"
    )
    rows = (context, jnp.asarray(observed.mean[0]), jnp.asarray(observed.log_spread[0]))
    return function, tuple(row.astype(float) for row in rows)


def _doubled(tree: Any) -> Any:
    """All weights in double precision, in which Newton's method converges."""

    def double(leaf: Any) -> Array:
        return leaf.astype(float) if eqx.is_inexact_array(leaf) else leaf

    return jax.tree.map(double, tree)
