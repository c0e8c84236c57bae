"""Where fits of ensembles start: at the best fit of a single variation, or at a guess from their average."""

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.likelihood.members import MemberCounts, MemberData
from wilks.likelihood.variations import average_of, log_densities, means_at
from wilks.parameters.space import ParameterSpace

from .identity import once_per_likelihood
from .lanes import Settings, evaluate_lanes, fit_lanes, take_lanes, variations

_MEMBERS_AT_ONCE = 2**16  # fits of members held in memory at a time
_RIDGE = 1e-9  # share by which diagonal elements grow, to keep the normal equations solvable

_SHARES = (0.01, 0.1, 0.5, 1.0)  # of the way to the space's starts that a start without any expectation is moved

Lanes = Float[np.ndarray, "lanes parameters"]
Counts = Float[np.ndarray, "lanes bins"]


def member_starts(
    likelihood: AbstractLikelihood,
    data: Any,
    start: Lanes,
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    settings: Settings,
) -> Lanes:
    """The given starts, or the best minimum of a single variation where the likelihood is profiled over them.

    A variation's likelihood is concave in linear parameters, so the best of all these minima is the global one.
    """
    if member_likelihood(likelihood) is None:
        return start
    best, lowest = start.copy(), evaluate_lanes(likelihood, data, start)
    step = max(_MEMBERS_AT_ONCE // variations(likelihood), 1)
    for first in range(0, len(start), step):
        some = np.arange(first, min(first + step, len(start)))
        chosen = member_minima(likelihood, np.asarray(data.counts)[some], start[some], free[some], space, settings)
        here = evaluate_lanes(likelihood, take_lanes(data, some), chosen)
        better = here < lowest[some]
        best[some[better]], lowest[some[better]] = chosen[better], here[better]
    return best


def member_minima(
    likelihood: AbstractLikelihood,
    counts: Counts,
    start: Lanes,
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    settings: Settings,
) -> Lanes:
    """The lowest minimum of any single variation in each lane; the starts where the best one does not count."""
    member = member_likelihood(likelihood)
    if member is None:
        return start
    (lanes, size), numbers = start.shape, np.arange(len(member.ensemble.weights))
    batch = min(-8 * (-len(numbers) // 8), 1024)
    lane = np.repeat(np.arange(lanes), len(numbers))
    given = MemberData(counts[lane], np.tile(numbers, lanes))
    observed = settings._replace(curvature="observed")
    ends = fit_lanes(member, given, start[lane], free[lane], space, observed, batch=batch)
    values = np.where(np.isfinite(ends.value), ends.value, np.inf).reshape(lanes, len(numbers))
    return ends.theta.reshape(lanes, len(numbers), size)[np.arange(lanes), values.argmin(axis=1)]


def average_starts(
    likelihood: AbstractLikelihood, counts: Counts, start: Lanes, space: ParameterSpace, keep: Collection[str] = ()
) -> Lanes:
    """The given starts, or least squares of the average over variations inside the bounds where that likes them more.

    Parameters in ``keep`` stay where they are.
    """
    known, free = _average(likelihood), space.free_mask & np.array([name not in keep for name in space.names])
    if known is None or not free.any():
        return start
    matrix, constants = known
    free = free & matrix.any(axis=0)  # nothing is known of a parameter without effect
    guess = start.copy()
    missing = counts - constants - start[:, ~free] @ matrix[:, ~free].T
    guess[:, free] = _least_squares(matrix[:, free], missing, 1.0 / np.maximum(counts, 1.0))
    guess = np.minimum(np.maximum(guess, space.lowers), space.uppers)
    means = matrix @ np.stack([guess, start]).swapaxes(1, 2) + constants[:, None]
    there, here = log_densities(means, counts)
    return np.where((there > here)[:, None], guess, start)


def inside_start(
    likelihood: AbstractLikelihood, data: Any, theta: Float[np.ndarray, " parameters"], space: ParameterSpace
) -> tuple[Float[np.ndarray, " parameters"], dict[str, str]]:
    """A start at which every bin with data expects something under some variation, and the flag if that is another one.

    From a density of zero no slope leads away, so the start moves towards that of the space, as far as it must.
    """
    dead = _dead_bins(likelihood, data, theta, space)
    if not dead:
        return theta, {}
    for share in _SHARES:
        moved = theta + share * np.where(space.free_mask, space.starts - theta, 0.0)
        if not _dead_bins(likelihood, data, moved, space):
            values = ", ".join(f"{n} = {v:.4g}" for n, v in zip(space.names, moved.tolist(), strict=True))
            return moved, {
                "start_moved": f"the start expects nothing in bins {', '.join(map(str, dead))}, which have data; the "
                f"fit began at {values}"
            }
    return theta, {}


def _dead_bins(
    likelihood: AbstractLikelihood, data: Any, theta: Float[np.ndarray, " parameters"], space: ParameterSpace
) -> tuple[int, ...]:
    """Bins with data in which an ensemble of variations expects nothing."""
    if isinstance(likelihood, Joint):
        found: list[int] = []
        for name, part in likelihood.parts.items():
            where = list(space.indices(part.space.names))
            found += _dead_bins(part, data[name], theta[where], part.space)
        return tuple(found)
    if not isinstance(likelihood, EnsembleCounts):
        return ()
    known = _average(likelihood)
    if known is None:
        mean = means_at(likelihood.predictor, theta[None])[..., 0].max(axis=0)
    else:
        mean = known[0] @ theta + known[1]  # positive where any variation with a weight is
    if mean.min() > 0:
        return ()
    return tuple(np.flatnonzero((np.asarray(data.counts) > 0) & (mean <= 0)).tolist())


@once_per_likelihood
def member_likelihood(likelihood: AbstractLikelihood) -> MemberCounts | None:
    """Single variations of a likelihood that is profiled over them."""
    return EnsembleCounts.members(likelihood) if isinstance(likelihood, EnsembleCounts) else None


@once_per_likelihood
def _average(likelihood: AbstractLikelihood) -> tuple[np.ndarray, np.ndarray] | None:
    """Matrix and constants of the average over variations; None if the ensemble is not stored."""
    return average_of(likelihood.predictor) if isinstance(likelihood, EnsembleCounts) else None


def _least_squares(
    matrix: Float[np.ndarray, "bins free"],
    counts: Float[np.ndarray, "lanes bins"],
    weight: Float[np.ndarray, "lanes bins"],
) -> Float[np.ndarray, "lanes free"]:
    """Weighted least squares in every lane; NaN counts give NaN."""
    normal = (matrix.T * weight[:, None, :]) @ matrix
    right = (weight * counts) @ matrix
    diagonal = np.einsum("lii->li", normal)  # a view
    diagonal += _RIDGE * np.where(diagonal > 0, diagonal, 1.0)
    return np.linalg.solve(normal, right[..., None])[..., 0]
