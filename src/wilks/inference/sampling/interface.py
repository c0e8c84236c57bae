"""What every sampler is: settings, and one method that turns a posed target into chains."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float

from wilks.execution.progress import Progress

from .diagnostics import Diagnostics
from .origin import Origin
from .target import Target


class Posed(NamedTuple):
    """What a sampler gets: the density, where to begin, the seed, and where to run."""

    target: Target
    origin: Origin
    seed: int
    executor: Any
    progress: Progress | None


class Chains(NamedTuple):
    """What a sampler gives back.

    Args:
        position: draws of the free parameters.
        log_prob: logarithm of likelihood times prior.
        acceptance: accepted part of the proposals, per chain.
        warmup: steps thrown away at the start of each chain.
        spacing: steps of the chain from one draw to the next.
        evaluations: evaluations of the likelihood, or of its gradient.
        diagnostics: convergence per free parameter.
        shortcomings: what keeps the draws from being quoted, as clauses; empty if nothing does.
        facts: other numbers of the run.
        flags: name -> sentence, for the result.
        evidence: ln of the integral of likelihood times prior, and its error; None where it is not known.
    """

    position: Float[np.ndarray, "chains draws free"]
    log_prob: Float[np.ndarray, "chains draws"]
    acceptance: Float[np.ndarray, " chains"]
    warmup: int
    spacing: int
    evaluations: int
    diagnostics: Diagnostics
    shortcomings: tuple[str, ...]
    facts: dict[str, float]
    flags: dict[str, str]
    evidence: tuple[float, float] | None = None


class AbstractSampler(eqx.Module):
    """A way to draw from a posterior. To write one: settings as static fields, checked, and `run`."""

    @abc.abstractmethod
    def check(self, free: int) -> None:
        """Refuse settings that do not suit a number of free parameters, before anything is computed.

        Raises:
            InvalidOption: naming the setting, its value and the needed one.
        """

    @abc.abstractmethod
    def run(self, posed: Posed) -> Chains:
        """Chains from the posed density; equal seeds give equal bytes for any executor."""
