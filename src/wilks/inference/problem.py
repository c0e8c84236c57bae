"""One posed question: a likelihood, its checked data, the space to search, and the record of how it was answered."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from wilks._base.digests import digest
from wilks._base.errors import InvalidParameter, MissingRole
from wilks.likelihood.counts import ChiSquareCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint, prepare
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .lanes import Settings
from .minimisers import AbstractMinimiser, Auto, newton_settings


class Problem(NamedTuple):
    """A likelihood with checked data and the space in which its parameters move."""

    likelihood: AbstractLikelihood
    data: Any
    space: ParameterSpace
    settings: Settings
    minimiser: AbstractMinimiser


class Clock(NamedTuple):
    """When a procedure began."""

    started: str
    seconds: float

    @classmethod
    def start(cls) -> "Clock":
        """Now."""
        return cls(datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter())

    def provenance(
        self, problem: Problem, procedure: str, *, seed: int | None = None, settings: Mapping[str, Any] | None = None
    ) -> Provenance:
        """Record of a procedure that ends now."""
        options = {"procedure": procedure, "minimiser": type(problem.minimiser).__name__, **(settings or {})}
        return Provenance.collect(
            seed=seed,
            model_digest=digest(problem.likelihood),
            data_digest=digest(problem.data),
            settings=options,
            started=self.started,
            duration_s=time.perf_counter() - self.seconds,
        )


def pose(
    likelihood: AbstractLikelihood,
    data: Any,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Problem:
    """Check data and space and put the question together.

    Raises:
        MissingRole: if the first argument cannot judge data.
        InvalidData: if the data do not fit the likelihood.
        InvalidParameter: if the space holds other parameters than the likelihood.
    """
    if not isinstance(likelihood, AbstractLikelihood):
        raise MissingRole(
            f"{type(likelihood).__name__} cannot judge data; a fit needs a likelihood, e.g. PoissonCounts(predictor)"
        )
    return judged(likelihood, prepare(likelihood, data), space, minimiser)


def judged(
    likelihood: AbstractLikelihood,
    prepared: Any,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Problem:
    """The same for data that are known to be in canonical form."""
    space = space or likelihood.space
    if space.names != likelihood.space.names:
        raise InvalidParameter(
            f"the space holds {', '.join(space.names)}, the likelihood {', '.join(likelihood.space.names)}; "
            "take likelihood.space and fix, release or replace in it"
        )
    minimiser = minimiser or Auto()
    return Problem(likelihood, prepared, space, newton_settings(minimiser, likelihood), minimiser)


def standing_flags(likelihood: AbstractLikelihood) -> dict[str, str]:
    """Flags that belong to the likelihood whatever the data."""
    parts = likelihood.parts.values() if isinstance(likelihood, Joint) else (likelihood,)
    costs = sorted({part.cost for part in parts if isinstance(part, ChiSquareCounts)})
    if not costs:
        return {}
    return {"biased_cost": f"the cost {' and '.join(costs)} is biased at low counts; PoissonCounts is not"}
