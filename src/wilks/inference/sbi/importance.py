"""Exactness on demand: draws of any proposal weighted with the exact likelihood, with evidence and verdict."""

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption, InvalidParameter, MissingRole, ProcedureFailed
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.unnormalised import refuse_unnormalised
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.parameters.wording import priors_of
from wilks.results.numbers import number
from wilks.results.weighted import WeightedSamples

from .drawing import along_the_flow
from .pareto import pareto_shape
from .paths import VelocityField
from .points import Points, log_likelihoods, log_priors, prior_draws
from .posterior import NeuralPosterior
from .posterior_interface import AbstractPosterior
from .proposals import Proposal, draws_of, log_densities
from .records import record
from .score_paths import ScoreField
from .switches import refuse_switches

_FEWEST_EFFECTIVE = 400
_HEAVIEST_TAIL = 0.7
MOST_EXACT = 32
"""Parameters up to which fields compute their divergence exactly."""

Logs = Float[np.ndarray, " draws"]


def reweight(
    key: Key | int,
    posterior: Proposal,
    likelihood: AbstractLikelihood,
    data: Any,
    n: int = 20_000,
    *,
    defensive: float = 0.1,
) -> WeightedSamples:
    """Draw from a posterior and weight the draws with the exact likelihood: exact posterior, and evidence.

    The proposal is (1 - e) q + e p with q the posterior and p the prior, so that weights are bounded by L/(e Z) and a
    mode that q missed is found. w = p(x|theta) p(theta) / [(1 - e) q + e p]; ln Z = ln mean(w), zeros counted;
    relative error of Z sqrt((n/ESS - 1)/n) with ESS = (sum w)^2/sum w^2. Both components give fixed numbers of draws,
    which lowers the true error below the quoted one.

    Args:
        key: random key or seed.
        posterior: proposal; any object with ``space``, ``sample`` and ``log_prob``.
        likelihood: judges the data; of the same parameters.
        data: observed data.
        n: number of draws.
        defensive: share e in [0, 1) of draws from the prior.

    Returns:
        All ``n`` draws with their weights; reliable if ESS >= 400 and Pareto k <= 0.7.

    Raises:
        MissingRole: if the second argument is no posterior with a density, or the third no likelihood.
        InvalidParameter: if posterior and likelihood differ in parameters, bounds or priors.
        ProcedureFailed: if all weights are zero, or a density is not a number.

    References:
        A. Owen, Y. Zhou, J. Am. Stat. Assoc. 95 (2000) 135, on defensive mixtures with fixed numbers of draws.
    """
    clock = Clock.start()
    _check(posterior, likelihood, n, defensive)
    refuse_switches(posterior.space, "reweight")
    space = posterior.space
    theta, log_q, from_prior, flags = _draws(key, posterior, data, n, defensive)
    log_prior = log_priors(space, theta)
    columns = list(space.indices(likelihood.space.names))
    inside = np.clip(theta, space.lowers, space.uppers)
    log_likelihood = log_likelihoods(likelihood, data, inside[:, columns])
    log_weight = _log_weights(log_likelihood, log_prior, log_q, from_prior / n, theta, space)
    ess, log_evidence, error = summed(log_weight)
    k = pareto_shape(log_weight)
    verdict, reliable = judged(ess, k)
    return WeightedSamples(
        names=space.names,
        units=tuple(p.unit for p in space.parameters),
        fixed=~space.free_mask,
        lower=space.lowers,
        upper=space.uppers,
        theta=theta,
        log_weight=log_weight,
        log_likelihood=np.where(log_prior > -np.inf, log_likelihood, -np.inf),
        log_prior=log_prior,
        from_prior=from_prior,
        log_evidence=log_evidence,
        error=error,
        ess=ess,
        pareto_k=k,
        reliable=reliable,
        verdict=verdict,
        priors=priors_of(space),
        flags=flags if reliable else {**flags, "low_ess": verdict},
        how=f"importance weights of the exact likelihood; {100 * from_prior / n:.3g} % of the draws from the prior",
        provenance=record(clock, "reweight", key=key, model=likelihood, data=data, n=n, defensive=defensive),
    )


def summed(log_weight: Logs) -> tuple[float, float, float]:
    """Effective sample size, ln of the mean weight, and the standard error of the latter.

    Raises:
        ProcedureFailed: if all weights are zero.
    """
    n, top = len(log_weight), float(np.max(log_weight))
    if top == -np.inf:
        raise ProcedureFailed(
            f"all {n} weights are zero: proposal and posterior do not overlap; raise `defensive`, or train with the "
            "priors of this likelihood"
        )
    weights = np.exp(log_weight - top)
    ess = float(np.sum(weights) ** 2 / np.sum(weights**2))
    return ess, top + math.log(float(np.mean(weights))), math.sqrt(max(n / ess - 1.0, 0.0) / n)


def judged(ess: float, k: float) -> tuple[str, bool]:
    """Verdict on weights, and whether it is good."""
    numbers = f"effective sample size {number(ess, 4)}, Pareto k {number(k, 3)}"
    if ess >= _FEWEST_EFFECTIVE and k <= _HEAVIEST_TAIL:
        return numbers, True
    return (
        f"{numbers}; needed are {_FEWEST_EFFECTIVE} and at most {_HEAVIEST_TAIL}: draw more, or train longer",
        False,
    )


def refuse_estimated_density(posterior: Any) -> None:
    """Refuse a field whose divergence is estimated at random: weights of a noisy density are biased.

    Raises:
        InvalidOption: saying what to use.
    """
    if not isinstance(posterior, NeuralPosterior):
        return
    density = posterior.estimator.density
    if isinstance(density, (VelocityField, ScoreField)) and (
        density.settings.probes is not None or density.size > MOST_EXACT
    ):
        raise InvalidOption(
            f"this field estimates its divergence by random probes ({density.size} parameters, probes "
            f"{density.settings.probes}), which biases weights; train it with probes=None and at most {MOST_EXACT} "
            "parameters, or train a SplineFlow"
        )


def refuse_other_space(space: ParameterSpace, likelihood: AbstractLikelihood) -> None:
    """Refuse a likelihood whose parameters, bounds or priors are not those of a posterior.

    A likelihood without priors takes those of the posterior.

    Raises:
        InvalidParameter: listing all differences.
    """
    other = likelihood.space
    missing = [n for n in other.names if n not in space]
    surplus = [n for n in space.names if n not in other]
    differing = [text for n in space.free if n in other for text in _differences(space[n], other[n])]
    parts = [f"the posterior lacks {', '.join(missing)}"] if missing else []
    parts += [f"the likelihood lacks {', '.join(surplus)}"] if surplus else []
    if not parts and other.joint and other.part(other.free).joint != space.part(space.free).joint:
        differing.append("their joint priors are others")
    if parts or differing:
        raise InvalidParameter(
            f"posterior and likelihood differ: {'; '.join(parts + differing)}. A posterior of some targets needs a "
            "likelihood of these alone, e.g. with the others integrated out"
        )


def _differences(one: Parameter, two: Parameter) -> list[str]:
    texts = []
    if not two.is_free:
        texts.append(f"{one.name!r} is held in the likelihood")
    if (one.lower, one.upper) != (two.lower, two.upper):
        texts.append(f"{one.name!r} lies in [{one.lower:g}, {one.upper:g}] and in [{two.lower:g}, {two.upper:g}]")
    if two.prior is not None and repr(one.prior) != repr(two.prior):
        texts.append(f"{one.name!r} has the prior {one.prior} and {two.prior}")
    return texts


def _check(posterior: Any, likelihood: Any, n: int, defensive: float) -> None:
    if not isinstance(likelihood, AbstractLikelihood):
        raise MissingRole(f"{type(likelihood).__name__} cannot judge data; weights need the exact likelihood")
    if isinstance(posterior, AbstractLikelihood) or not isinstance(posterior, Proposal):
        raise MissingRole(
            f"{type(posterior).__name__} is no normalised posterior to draw from; give one of `train_posterior`, "
            "or draw from a ratio by `sample`"
        )
    if n < 10:
        raise InvalidOption(f"{n} draws are too few to weight; ask for at least 10")
    if not 0.0 <= defensive < 1.0:
        raise InvalidOption(f"defensive {defensive} lies outside [0, 1); give the share of draws from the prior")
    refuse_unnormalised(likelihood)
    refuse_estimated_density(posterior)
    refuse_other_space(posterior.space, likelihood)


def _draws(
    key: Key | int, posterior: Proposal, data: Any, n: int, defensive: float
) -> tuple[Points, Logs, int, dict[str, str]]:
    """Draws of the posterior, then of the prior, with the posterior's density; the number of the latter; flags."""
    ours, theirs = jax.random.split(jax.random.key(as_seed(key)))
    from_prior = round(defensive * n)
    prior = prior_draws(ours, posterior.space, from_prior)
    if isinstance(posterior, AbstractPosterior):  # a field gives draw and density in one pass
        samples = along_the_flow(posterior).sample(theirs, data, n - from_prior, density=True)
        theta, log_q = draws_of(samples), samples.log_prob.ravel()
    else:
        samples = posterior.sample(theirs, data, n - from_prior)
        theta = draws_of(samples)
        log_q = log_densities(posterior, theta, data)
    elsewhere = log_densities(posterior, prior, data) if from_prior else np.zeros(0)
    return np.concatenate([theta, prior]), np.concatenate([log_q, elsewhere]), from_prior, dict(samples.flags)


def _log_weights(
    log_likelihood: Logs, log_prior: Logs, log_q: Logs, share: float, theta: Points, space: ParameterSpace
) -> Logs:
    supported = log_prior > -np.inf
    bad = supported & (np.isnan(log_likelihood) | np.isnan(log_q) | (log_q == np.inf) | (log_likelihood == np.inf))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        where = ", ".join(f"{n} = {v:g}" for n, v in zip(space.names, theta[first], strict=True))
        raise ProcedureFailed(
            f"{int(bad.sum())} of {len(bad)} draws have no density, the first at {where}: "
            f"ln L {log_likelihood[first]}, ln q {log_q[first]}"
        )
    with np.errstate(divide="ignore"):
        mixture = np.logaddexp(np.log1p(-share) + log_q, np.log(share) + log_prior)
    safe = np.where(supported & (mixture > -np.inf), mixture, 0.0)
    return np.where(
        supported & (mixture > -np.inf), log_likelihood + np.where(supported, log_prior, 0.0) - safe, -np.inf
    )
