"""Posterior draws from any likelihood: the density is likelihood times prior, within bounds."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key, Values
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.inference.problem import Clock, Problem, pose, standing_flags
from wilks.inference.starts import constrained
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.unnormalised import is_unnormalised
from wilks.parameters.space import ParameterSpace
from wilks.parameters.wording import priors_of
from wilks.results.fits import FitResult
from wilks.results.provenance import Provenance
from wilks.results.samples import Samples
from wilks.results.weighted import Evidence

from .interface import AbstractSampler, Chains, Posed
from .jeffreys import JeffreysPrior
from .nested import Nested
from .nuts import Nuts
from .origin import find_origin
from .target import Target, canonical, log_prior


def sample(
    key: Key | int,
    likelihood: AbstractLikelihood,
    data: Any,
    *,
    algorithm: AbstractSampler | None = None,
    start: FitResult | Values | None = None,
    space: ParameterSpace | None = None,
    joint_prior: JeffreysPrior | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> Samples:
    """Draw from the posterior of the free parameters.

    What to use when: `Nuts` for likelihoods with gradients, from a few to hundreds of parameters; `Ensemble` for up to
    some tens of parameters where gradients are missing, costly or broken, and for rough comparisons; `Nested` for the
    evidence, and for posteriors of several modes.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``; the same seed gives the same bytes for any executor.
        likelihood: judges the data.
        data: as for `fit`.
        algorithm: ``Nuts()`` unless given, or ``Ensemble(...)``.
        start: a fit, or values to start around (names left out keep their start). By default a fit is made first.
        space: the likelihood's space with priors, or with parameters fixed, as for `fit`. A parameter without a prior
            has a flat one within its bounds; the result says so.
        joint_prior: a density of all parameters together, `JeffreysPrior`, instead of flat ones.
        executor: None, a number of processes, an executor, or a Dask client; independent chains run apart.
        progress: called with (done, total, failed, seconds), counted in steps.

    Returns:
        Draws with diagnostics and a verdict; read ``samples.converged`` before quoting a number.

    Raises:
        InvalidOption: if nothing is free, or the settings do not suit the number of free parameters.
        MissingExtra: if the packages of ``wilks[sampling]`` are not installed.
    """
    clock = Clock.start()
    problem = pose(likelihood, data, space)
    algorithm = Nuts() if algorithm is None else algorithm
    if not problem.space.free:
        raise InvalidOption("all parameters are fixed, there is nothing to sample; release one")
    algorithm.check(len(problem.space.free))
    seed = as_seed(key)
    fitted = start is not None or not isinstance(algorithm, Nested)  # live points come from the prior
    origin = find_origin(problem, start if fitted else {})
    held, centre = jnp.asarray(problem.space.starts), jnp.asarray(origin.centre)
    target = Target(likelihood, problem.data, held, centre, problem.space, joint_prior)
    chains = algorithm.run(Posed(target, origin, seed, executor, progress))
    flags = {**standing_flags(likelihood), **_prior_flags(problem, joint_prior), **origin.flags, **chains.flags}
    return _described(target, problem, clock, seed, algorithm, chains, flags)


def _described(
    target: Target,
    problem: Problem,
    clock: Clock,
    seed: int,
    algorithm: AbstractSampler,
    chains: Chains,
    flags: dict[str, str],
) -> Samples:
    space, name = problem.space, type(algorithm).__name__
    provenance = clock.provenance(problem, "sample", seed=seed, settings={"algorithm": name, **vars(algorithm)})
    draws = np.broadcast_to(space.starts, (*chains.log_prob.shape, len(space))).copy()
    draws[..., space.free_mask] = chains.position
    draws = canonical(draws, space)
    per_parameter = {n: _spread_out(column, space) for n, column in chains.diagnostics._asdict().items()}
    return Samples(
        names=space.names,
        units=tuple(p.unit for p in space.parameters),
        fixed=~space.free_mask,
        lower=space.lowers,
        upper=space.uppers,
        draws=draws,
        log_prob=chains.log_prob,
        log_prior=_log_prior(target, draws),
        algorithm=name,
        warmup=chains.warmup,
        spacing=chains.spacing,
        converged=not chains.shortcomings,
        verdict=_verdict(chains),
        acceptance=chains.acceptance,
        evaluations=chains.evaluations,
        facts=chains.facts,
        **per_parameter,
        evidence=_evidence(problem, chains, provenance, flags),
        flags=flags,
        how="draws from likelihood times prior, within bounds",
        provenance=provenance,
    )


def _evidence(problem: Problem, chains: Chains, provenance: Provenance, flags: dict[str, str]) -> Evidence | None:
    """The evidence that a sampler has found; none of a likelihood that is known up to a term of the data."""
    if chains.evidence is None or is_unnormalised(problem.likelihood):
        return None
    return Evidence(
        model=f"integrated over {', '.join(problem.space.free)}",
        log_evidence=chains.evidence[0],
        error=chains.evidence[1],
        reliable=not chains.shortcomings,
        priors=priors_of(problem.space),
        flags=flags,
        how=_verdict(chains),
        provenance=provenance,
    )


def _verdict(chains: Chains) -> str:
    if chains.shortcomings:
        return "not converged: " + "; ".join(chains.shortcomings)
    found = chains.diagnostics
    ess = min(float(found.ess_bulk.min()), float(found.ess_tail.min()))
    return f"converged: R-hat at most {float(found.rhat.max()):.4g}, effective sample size at least {ess:.4g}"


def _spread_out(column: Float[np.ndarray, " free"], space: ParameterSpace) -> Float[np.ndarray, " parameters"]:
    """Numbers of the free parameters among NaN for the held ones."""
    everything = np.full(len(space), np.nan)
    everything[space.free_mask] = column
    return everything


def _prior_flags(problem: Problem, joint_prior: JeffreysPrior | None) -> dict[str, str]:
    """Which parameters have no prior, and which have both a prior and a constraint."""
    free = [problem.space[name] for name in problem.space.free]
    flags = {}
    if joint_prior is None and (flat := [p.name for p in free if p.prior is None]):
        flags["flat_prior"] = f"no prior is given for {', '.join(flat)}: flat within bounds"
    measured = constrained(problem.likelihood)
    if both := [p.name for p in free if p.prior is not None and p.name in measured]:
        flags["prior_and_constraint"] = (
            f"{', '.join(both)} have a prior and a constraint in the likelihood; both are counted"
        )
    return flags


def _log_prior(
    target: Target, draws: Float[np.ndarray, "chains draws parameters"]
) -> Float[np.ndarray, "chains draws"]:
    space = target.space
    if target.joint_prior is None and all(space[name].prior is None for name in space.free):
        return np.zeros(draws.shape[:2])
    found = _log_priors(space, target.joint_prior, draws.reshape(-1, len(space)))
    return np.asarray(found).reshape(draws.shape[:2])


@eqx.filter_jit
def _log_priors(space, joint_prior, theta):
    return jax.vmap(lambda point: log_prior(space, joint_prior, space.unpack(point)))(theta)
