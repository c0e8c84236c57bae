"""One posed question: a likelihood, its checked data, the space to search, and the record of how it was answered."""

import functools
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.digests import digest
from wilks._base.errors import InvalidModel, InvalidOption, InvalidParameter, MissingRole
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint, prepare
from wilks.likelihood.variations import fault_in, means_at
from wilks.model.user_functions.function import UserFunction, user_functions_in
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .identity import once_per_likelihood
from .lanes import Settings
from .minimisers import TOLERANCE, AbstractMinimiser, Auto, Bfgs, newton_settings
from .quadratic import DENSE_UP_TO

_AUTO = Auto()

Counted = tuple[PoissonCounts | ChiSquareCounts, Any]
"""A likelihood of counts, with its data."""


class Identity:
    """Digests of what was posed, computed when first asked and then kept."""

    def __init__(self, likelihood: AbstractLikelihood, data: Any) -> None:
        self._likelihood = likelihood
        self._data = data

    @functools.cached_property
    def model(self) -> str:
        """Digest of the likelihood."""
        return _digest_of(self._likelihood)

    @functools.cached_property
    def data(self) -> str:
        """Digest of the data; empty for a question about toys."""
        return "" if self._data is None else digest(self._data)


@once_per_likelihood
def _digest_of(likelihood: AbstractLikelihood) -> str:
    return digest(likelihood)


@once_per_likelihood
def _user_functions(likelihood: AbstractLikelihood) -> list[UserFunction]:
    return user_functions_in(likelihood)


class Problem(NamedTuple):
    """A likelihood with checked data and the space in which its parameters move.

    ``batch`` is the number of lanes per compiled call; a study fixes it, so that a toy's bits do not depend on how many
    others are fitted with it. None leaves it to the number of lanes.
    """

    likelihood: AbstractLikelihood
    data: Any
    space: ParameterSpace
    settings: Settings
    minimiser: AbstractMinimiser
    identity: Identity
    batch: int | None = None


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
            model_digest=problem.identity.model,
            data_digest=problem.identity.data,
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
        InvalidModel: if a user's function reads other numbers than when the model was built.
    """
    if not isinstance(likelihood, AbstractLikelihood):
        raise MissingRole(
            f"{type(likelihood).__name__} cannot judge data; a fit needs a likelihood, e.g. PoissonCounts(predictor)"
        )
    for function in _user_functions(likelihood):
        function.refuse_changes()
    return judged(likelihood, prepare(likelihood, data), space, minimiser)


def judged(
    likelihood: AbstractLikelihood,
    prepared: Any,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
    *,
    tolerance: float = TOLERANCE,
) -> Problem:
    """The same for data that are known to be in canonical form."""
    space = space or likelihood.space
    if space.names != likelihood.space.names:
        raise InvalidParameter(
            f"the space holds {', '.join(space.names)}, the likelihood {', '.join(likelihood.space.names)}; "
            "take likelihood.space and fix, release or replace in it"
        )
    minimiser = minimiser or _AUTO
    settings = newton_settings(minimiser, likelihood, tolerance)
    return Problem(likelihood, prepared, space, settings, minimiser, Identity(likelihood, prepared))


def refuse_dense(problem: Problem) -> None:
    """Refuse Newton's method where a dense curvature would not fit memory.

    Raises:
        InvalidOption: with more free parameters than that, unless the minimiser needs no curvature.
    """
    number = int(problem.space.free_mask.sum())
    if number > DENSE_UP_TO and not isinstance(problem.minimiser, Bfgs):
        raise InvalidOption(
            f"{number} free parameters need a dense curvature of {number**2 * 8 / 1e9:.1f} GB; profile the "
            "Monte Carlo statistics (template_statistics=...) instead of fitting one parameter per bin, or take "
            "minimiser=Bfgs(), which needs none and gives no covariance"
        )


def refuse_curvature(problem: Problem) -> None:
    """Refuse procedures that walk by the curvature at the best fit where it would not fit memory.

    Raises:
        InvalidOption: with more free parameters than that.
    """
    number = int(problem.space.free_mask.sum())
    if number > DENSE_UP_TO:
        raise InvalidOption(
            f"{number} free parameters are more than the {DENSE_UP_TO} for which a curvature fits memory, and this "
            "procedure needs one; take profile(likelihood, data, name, grid, minimiser=Bfgs()) or a hypothesis_test, "
            "or fix parameters"
        )


def standing_flags(likelihood: AbstractLikelihood) -> dict[str, str]:
    """Flags that belong to the likelihood whatever the data."""
    costs = _biased_costs(likelihood)
    return {"biased_cost": f"the cost {costs} is biased at low counts; PoissonCounts is not"} if costs else {}


@once_per_likelihood
def _biased_costs(likelihood: AbstractLikelihood) -> str:
    return " and ".join(sorted({part.cost for part in _simple_parts(likelihood) if isinstance(part, ChiSquareCounts)}))


def error_of_user(likelihood: AbstractLikelihood, theta: Float[np.ndarray, " parameters"]) -> Exception | None:
    """What a user's function raises at a point, or why it cannot be used there."""
    values = likelihood.space.unpack(theta)
    for function in _user_functions(likelihood):
        try:
            function(values)
        except Exception as error:  # whatever a user's function raises
            return error
    if isinstance(likelihood, EnsembleCounts):
        fault = fault_in(means_at(likelihood.predictor, theta[None])[..., 0])
        return InvalidModel(fault) if fault else None
    return None


def counted_parts(likelihood: AbstractLikelihood, data: Any) -> list[Counted] | None:
    """The likelihoods of counts that a likelihood consists of, with their data; None if it holds any other."""
    if isinstance(likelihood, (PoissonCounts, ChiSquareCounts)):
        return [(likelihood, data)]
    if not isinstance(likelihood, Joint):
        return None
    found: list[Counted] = []
    for name, part in likelihood.parts.items():
        inner = counted_parts(part, data[name])
        if inner is None:
            return None
        found += inner
    return found


def averages(likelihood: PoissonCounts | ChiSquareCounts) -> bool:
    """Whether the density is an average over finite simulation, so that its excess follows no chi-square law."""
    return isinstance(likelihood, PoissonCounts) and likelihood.averages_simulation


def left_out_bins(likelihood: PoissonCounts | ChiSquareCounts, data: Any) -> int:
    """Number of bins that the cost does not see: the empty ones of a Neyman chi-square."""
    blind = isinstance(likelihood, ChiSquareCounts) and likelihood.cost == "neyman"
    return int((np.asarray(data.counts) == 0).sum()) if blind else 0


def _simple_parts(likelihood: AbstractLikelihood) -> Iterator[AbstractLikelihood]:
    if isinstance(likelihood, Joint):
        for part in likelihood.parts.values():
            yield from _simple_parts(part)
    else:
        yield likelihood
