"""Fits of the single variations of an ensemble: where a fit of the whole should start."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.members import MemberData
from wilks.parameters.space import ParameterSpace

from .lanes import Settings, evaluate_lanes, fit_lanes, take_lanes

_MEMBERS_AT_ONCE = 2**16  # fits of members held in memory at a time


def member_starts(
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, "lanes parameters"],
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    settings: Settings,
) -> Float[np.ndarray, "lanes parameters"]:
    """The given starts, or the best minimum of a single variation where that lies lower.

    A variation's likelihood is concave in linear parameters, so the best of all these minima is the global one of the
    likelihood profiled over variations.
    """
    known = likelihood.members() if isinstance(likelihood, EnsembleCounts) else None
    if known is None:
        return start
    member, numbers = known
    lanes, size = start.shape
    best, lowest = start.copy(), evaluate_lanes(likelihood, data, start)
    step = max(_MEMBERS_AT_ONCE // len(numbers), 1)
    for first in range(0, lanes, step):
        some = np.arange(first, min(first + step, lanes))
        lane = np.repeat(some, len(numbers))
        counts = np.asarray(data.counts)[lane]
        given = MemberData(counts, np.tile(numbers, len(some)))
        ends = fit_lanes(member, given, start[lane], free[lane], space, settings._replace(curvature="observed"))
        values = np.where(np.isfinite(ends.value), ends.value, np.inf).reshape(len(some), len(numbers))
        chosen = ends.theta.reshape(len(some), len(numbers), size)[np.arange(len(some)), values.argmin(axis=1)]
        here = evaluate_lanes(likelihood, take_lanes(data, some), chosen)
        better = here < lowest[some]
        best[some[better]], lowest[some[better]] = chosen[better], here[better]
    return best
