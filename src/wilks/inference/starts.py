"""Where fits start: nuisances at the values that their auxiliary measurements prefer, or shaken for another try."""

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from wilks.likelihood.constraints import Constraints
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.event_likelihood import AbstractEventLikelihood
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.likelihood.unbinned import Unbinned
from wilks.parameters.space import ParameterSpace

from .identity import once_per_likelihood

Lanes = Float[np.ndarray, "lanes parameters"]


def auxiliary_starts(
    likelihood: AbstractLikelihood, data: Any, theta: Lanes, space: ParameterSpace, keep: Collection[str] = ()
) -> Lanes:
    """Starts with every free constrained parameter at its auxiliary measurement, inside the bounds.

    From nominal starts a minimiser can stop in a wrong minimum of a toy whose auxiliary data lie far away; from here
    it does not. Parameters in ``keep`` stay where they are.
    """
    moved = theta.copy()
    for name, observed in _auxiliary_values(likelihood, data):
        where = space.index(name)
        if space.parameters[where].is_free and name not in keep:
            moved[:, where] = np.where(np.isfinite(observed), observed, theta[:, where])
    return np.clip(moved, space.lowers, space.uppers)


def count_starts(
    likelihood: AbstractLikelihood, data: Any, theta: Lanes, space: ParameterSpace, keep: Collection[str] = ()
) -> Lanes:
    """Starts inside the bounds, with the free rates of lists of events where their number wants them.

    Parameters in ``keep`` stay where they are, and so do those whose start the space has changed.
    """
    if not isinstance(likelihood, (Joint, AbstractEventLikelihood)):
        return theta
    moved = theta.copy()
    if isinstance(likelihood, Joint):
        for name, part in likelihood.parts.items():
            where = list(space.indices(part.space.names))
            own = ParameterSpace(tuple(space.parameters[i] for i in where))
            moved[:, where] = count_starts(part, data[name], moved[:, where], own, keep)
    if isinstance(likelihood, AbstractEventLikelihood):
        same = (space.starts == likelihood.space.starts) & ~np.isin(space.names, list(keep))
        wanted = likelihood.count_starts(data, theta[0], space.free_mask & same)
        moved = np.where(space.free_mask & same, wanted, theta)
    return np.clip(moved, space.lowers, space.uppers)


def shaken_starts(
    likelihood: AbstractLikelihood,
    theta: Lanes,
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    turn: int,
) -> Lanes:
    """Starts moved at random by the pre-fit errors, by the same amount in every lane for the same turn."""
    generator = np.random.Generator(np.random.Philox(key=turn))
    moved = theta + prefit_scales(likelihood, space) * generator.standard_normal(len(space))
    return np.where(free, np.clip(moved, space.lowers, space.uppers), theta)


def prefit_scales(likelihood: AbstractLikelihood, space: ParameterSpace) -> Float[np.ndarray, " parameters"]:
    """How far a parameter may reasonably move before the fit: its constraint's error, else a tenth of its size."""
    scales = 0.1 * np.maximum(np.abs(space.starts), 1.0)
    for name, (_, error) in constrained(likelihood).items():
        scales[space.index(name)] = error
    return scales


@once_per_likelihood
def constrained(likelihood: AbstractLikelihood) -> dict[str, tuple[float, float]]:
    """Parameters with an auxiliary measurement: name -> (nominal value, error before the fit)."""
    found: dict[str, tuple[float, float]] = {}
    for part in _parts(likelihood):
        terms = part.constraints
        centres, errors = terms.starts(terms.observed), terms.prefit_errors()
        found.update({n: (float(c), float(e)) for n, c, e in zip(terms.parameters, centres, errors, strict=True)})
    return found


def _parts(likelihood: AbstractLikelihood) -> list[PoissonCounts | ChiSquareCounts | Unbinned]:
    if isinstance(likelihood, Joint):
        return [found for part in likelihood.parts.values() for found in _parts(part)]
    return [likelihood] if isinstance(likelihood, (PoissonCounts, ChiSquareCounts, Unbinned)) else []


def _auxiliary_values(likelihood: AbstractLikelihood, data: Any) -> list[tuple[str, np.ndarray]]:
    if isinstance(likelihood, Joint):
        return [pair for name, part in likelihood.parts.items() for pair in _auxiliary_values(part, data[name])]
    if not isinstance(likelihood, (PoissonCounts, ChiSquareCounts, Unbinned)):
        return []
    terms = likelihood.constraints
    values = Constraints.starts(terms, np.asarray(data.auxiliary))  # binding the method would cost more
    return [(name, values[..., i]) for i, name in enumerate(terms.parameters)]
