"""Evidences compared: of point hypotheses, Bayes factors between models, tension between data sets."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scipy.special import gammaincc

from wilks._base.errors import InvalidOption, MissingRole
from wilks._base.typing import Key, Values
from wilks.inference.probabilities import significance
from wilks.inference.problem import Clock
from wilks.inference.sampling.nested import Nested
from wilks.inference.sampling.sampling import sample
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.unnormalised import refuse_unnormalised
from wilks.parameters.space import ParameterSpace
from wilks.parameters.wording import priors_of
from wilks.results.numbers import number
from wilks.results.samples import Samples
from wilks.results.weighted import BayesFactor, Evidence, Suspiciousness, WeightedSamples

from .importance import judged, summed
from .pareto import pareto_shape
from .points import log_likelihoods, prior_draws
from .proposals import random_key
from .records import record
from .switches import refuse_switches

WithEvidence = Evidence | WeightedSamples | Samples
"""Results that know the probability of the data under their model."""


def log_evidence_at(
    likelihood: AbstractLikelihood,
    data: Any,
    fixed: Values,
    *,
    key: Key | int = 0,
    n: int = 20_000,
    algorithm: Nested | None = None,
) -> Evidence:
    """Evidence with parameters held: of a point hypothesis if all are, else integrated over the priors of the others.

    Args:
        likelihood: judges the data.
        data: observed data.
        fixed: name -> value, which may lie outside the bounds (no signal: an amplitude of 0 whose prior is
            log-uniform).
        key: random key or seed of the prior draws, if parameters are left.
        n: number of prior draws.
        algorithm: nested sampling of the parameters that are left, instead of prior draws; needed where the data tell
            much about them.

    Raises:
        MissingRole: if the first argument cannot judge data.
        UnknownName: for a name that the likelihood does not have.
    """
    clock = Clock.start()
    if not isinstance(likelihood, AbstractLikelihood):
        raise MissingRole(f"{type(likelihood).__name__} cannot judge data; an evidence needs a likelihood")
    refuse_unnormalised(likelihood)
    space = _held(likelihood.space, fixed)
    refuse_switches(space, "an evidence")
    held = ", ".join(f"{name} = {number(float(value))}" for name, value in fixed.items())
    if algorithm is not None and space.free:
        found = sample(key, likelihood, data, space=space, algorithm=algorithm).evidence
        assert found is not None  # the likelihood is normalised
        return replace(found, model=f"{held or 'nothing'} held", how=f"likelihood at {held}; {found.how}")
    theta = prior_draws(random_key(key), space, n) if space.free else space.starts[None]
    log_likelihood = log_likelihoods(likelihood, data, theta)
    ess, log_evidence, error = summed(log_likelihood)
    flat = ess > 0.999 * len(theta)
    verdict, reliable = ("exact", True) if flat else judged(ess, pareto_shape(log_likelihood))
    rest = f", the prior of {', '.join(space.free)} integrated by {n} draws: {verdict}" if space.free else ""
    return Evidence(
        model=f"{held or 'nothing'} held",
        log_evidence=log_evidence,
        error=error,
        reliable=reliable,
        priors=priors_of(space),
        flags={}
        if reliable
        else {"low_ess": f"{verdict}; take algorithm=Nested(), or `reweight` of a posterior with these values held"},
        how=f"likelihood at {held}{rest}",
        provenance=record(clock, "log_evidence_at", key=key, model=likelihood, data=data, n=n),
    )


def bayes_factor(first: WithEvidence, second: WithEvidence) -> BayesFactor:
    """ln Z_1 - ln Z_2 with the errors of both.

    Args:
        first: evidence of the first model, e.g. a result of `reweight`, or draws of `Nested`.
        second: evidence of the second model for the same data.

    Raises:
        InvalidOption: if the two were computed for different data, or draws know no evidence.
    """
    one, two = _evidence(first), _evidence(second)
    digests = {e.provenance.data_digest for e in (one, two)} - {""}
    if len(digests) > 1:
        raise InvalidOption(
            "the two evidences belong to different data; a Bayes factor compares models of the same data"
        )
    flags = {
        f"{name} ({label})": text for label, e in (("first", one), ("second", two)) for name, text in e.flags.items()
    }
    return BayesFactor(
        log_ratio=one.log_evidence - two.log_evidence,
        error=math.hypot(one.error, two.error),
        first=one,
        second=two,
        flags=flags,
        how="evidences scale with the prior ranges, and so does their ratio",
        provenance=one.provenance,
    )


def suspiciousness(joint: WeightedSamples, parts: Sequence[WeightedSamples]) -> Suspiciousness:
    """Tension between data sets from their evidences, free of the prior ranges.

    ln R = ln Z_AB - ln Z_A - ln Z_B; D = <ln L> - ln Z; ln S = ln R - (D_A + D_B - D_AB);
    k = dim_A + dim_B - dim_AB with dim = 2 Var(ln L); p = P(chi2_k > k - 2 ln S).

    Args:
        joint: `reweight` of all data together.
        parts: `reweight` of each data set by itself, at least two.

    References:
        W. Handley, P. Lemos, Phys. Rev. D 100 (2019) 043504, arXiv:1902.04029; on the dimension
        Phys. Rev. D 100 (2019) 023512, arXiv:1903.06682.
    """
    if len(parts) < 2:
        raise InvalidOption(f"{len(parts)} data sets; tension is between at least two")
    ratio = joint.log_evidence - sum(part.log_evidence for part in parts)
    information = sum(part.information for part in parts) - joint.information
    dimension = sum(part.dimension for part in parts) - joint.dimension
    log_s = ratio - information
    everything = (joint, *parts)
    p = _tail(dimension - 2.0 * log_s, dimension)
    flags = {name: text for result in everything for name, text in result.flags.items()}
    free = int((~joint.fixed).sum())
    if dimension > free + 0.5:
        flags["far_from_gaussian"] = (
            f"dimension {dimension:.3g} exceeds the {free} free parameters: the posteriors are far from Gaussian, and "
            "the p-value is an orientation only"
        )
    if math.isnan(p):
        flags["no_common_direction"] = f"the data sets constrain no direction in common (dimension {dimension:.3g})"
    sigma = "" if math.isnan(p) else f"; {number(significance(p / 2.0), 3)} sigma, two-sided"
    return Suspiciousness(
        log_ratio=ratio,
        error=math.hypot(*(result.error for result in everything)),
        information=information,
        log_suspiciousness=log_s,
        dimension=dimension,
        p_value=p,
        reliable=all(result.reliable for result in everything),
        flags=flags,
        how=f"chi-square law of Gaussian posteriors with {number(dimension, 3)} directions in common{sigma}",
        provenance=joint.provenance,
    )


def _held(space: ParameterSpace, fixed: Values) -> ParameterSpace:
    """The space with parameters held, outside their bounds if so wanted."""
    for name, given in fixed.items():
        value, parameter = float(given), space[name]
        lower, upper = min(parameter.lower, value), max(parameter.upper, value)
        space = space.replace(name, start=value, lower=lower, upper=upper, fixed=True)
    return space


def _evidence(result: WithEvidence) -> Evidence:
    if isinstance(result, Evidence):
        return result
    if result.evidence is None:
        raise InvalidOption("these draws know no evidence; sample with algorithm=Nested(), of a normalised likelihood")
    return result.evidence


def _tail(value: float, dof: float) -> float:
    """P(chi2 > value) for any positive number of degrees of freedom, NaN for none."""
    return float(gammaincc(0.5 * dof, 0.5 * max(value, 0.0))) if dof > 0 else math.nan
