"""What importance sampling and checks ask of a posterior, neural or exact: draws, and their normalised density."""

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance
from wilks.results.samples import Samples

from .points import Points, log_priors


@runtime_checkable
class Proposal(Protocol):
    """A posterior for any data: every `NeuralPosterior`, and any class of one's own with these three names.

    ``log_prob`` is normalised over the support, per declared unit of the free parameters, and takes arrays of values.
    """

    @property
    def space(self) -> ParameterSpace:
        """Parameters with bounds and priors."""
        ...

    def sample(self, key: Key, data: Any, n: int) -> Samples:
        """Independent draws."""
        ...

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Any:
        """Log density of the free parameters at named values, numbers or arrays of one length."""
        ...


def independent_draws(
    space: ParameterSpace, theta: Points, log_prob: Float[np.ndarray, " points"], algorithm: str, evaluations: int = 0
) -> Samples:
    """Independent draws in the form that all procedures take: one chain, as many effective draws as there are.

    Args:
        space: parameters with bounds and priors.
        theta: one draw per row, in the order of the space.
        log_prob: log density of each, NaN where nobody asked.
        algorithm: where the draws come from, for prints.
        evaluations: evaluations of a network or a likelihood.
    """
    count, free = len(theta), space.free_mask
    each = np.where(free, float(count), math.nan)
    return Samples(
        names=space.names,
        units=tuple(p.unit for p in space.parameters),
        fixed=~free,
        lower=space.lowers,
        upper=space.uppers,
        draws=theta[None],
        log_prob=np.asarray(log_prob, dtype=float)[None],
        log_prior=log_priors(space, theta)[None],
        algorithm=algorithm,
        warmup=0,
        spacing=1,
        converged=True,
        verdict=f"{count} independent draws",
        rhat=np.full(len(space), math.nan),
        ess_bulk=each,
        ess_tail=each,
        mcse=np.where(free, theta.std(axis=0) / math.sqrt(count), math.nan),
        tau=np.where(free, 1.0, math.nan),
        acceptance=np.ones(1),
        evaluations=evaluations,
        facts={},
        how=f"independent draws by {algorithm}",
        provenance=Provenance.collect(settings={"procedure": "sample", "algorithm": algorithm}),
    )


def random_key(key: Key | int) -> Key:
    """A key from a key or a seed."""
    return jax.random.key(as_seed(key)) if isinstance(key, (int, np.integer)) else key


def draws_of(samples: Samples) -> Points:
    """All draws, one row each."""
    return samples.draws.reshape(-1, len(samples.names))


def log_densities(proposal: Proposal, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
    """Density of a proposal at points in the order of its space."""
    values = {name: theta[:, i] for i, name in enumerate(proposal.space.names)}
    return np.asarray(proposal.log_prob(values, data), dtype=float)
