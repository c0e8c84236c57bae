"""From named sources to the components and the parameters of an unbinned likelihood."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from wilks._base.errors import InvalidModel, InvalidParameter, UnknownName, near_names
from wilks.model.sources import AbstractEventSource
from wilks.model.staging import AbstractStagedSource
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .mixture import Component

SUFFIX = "_rate_multiplier"
_MAIN = "events"

Datasets = dict[str, dict[str, AbstractEventSource]]
Bounds = tuple[float | int, float | int]


def by_dataset(sources: Mapping[str, Any]) -> Datasets:
    """Sources by data set; sources without one belong to a single data set ``"events"``.

    Raises:
        InvalidModel: if there is none, if something is no source, or a name stands in two data sets.
    """
    if not sources:
        raise InvalidModel("an unbinned likelihood needs at least one source")
    nested = all(isinstance(item, Mapping) for item in sources.values())
    datasets = {k: dict(v) for k, v in sources.items()} if nested else {_MAIN: dict(sources)}
    owner: dict[str, str] = {}
    for dataset, inside in datasets.items():
        if not inside:
            raise InvalidModel(f"data set {dataset!r} has no source")
        for name, source in inside.items():
            if not isinstance(source, AbstractEventSource):
                raise InvalidModel(
                    f"source {name!r} is a {type(source).__name__}; expected an AbstractEventSource such as an "
                    "instance of your source class"
                )
            if owner.setdefault(name, dataset) != dataset:
                raise InvalidModel(
                    f"source {name!r} stands in data sets {owner[name]!r} and {dataset!r}; give each its own name"
                )
    return datasets


def space_of(datasets: Datasets, free_rates: Sequence[str], free: Mapping[str, Bounds | None]) -> ParameterSpace:
    """Rate multipliers of the free rates, then the free shape parameters with their bounds.

    Raises:
        UnknownName: for a rate of no source, or a parameter that no source has.
        InvalidParameter: for a repeated name, bounds without room, joint priors inside of sources, or sources that
            disagree on a parameter.
    """
    names = [name for inside in datasets.values() for name in inside]
    for name in free_rates:
        if name not in names:
            raise UnknownName(f"no source {name!r} whose rate could be free; {near_names(name, names)}")
    known = _shared_parameters(datasets)
    for name in free:
        if name not in known:
            raise UnknownName(f"no source has a parameter {name!r}; {near_names(name, known)}")
    priors = [prior for inside in datasets.values() for source in inside.values() for prior in source.space.joint]
    if joined := sorted({name for prior in priors for name in prior.names} & set(free)):
        raise InvalidParameter(
            f"{', '.join(joined)}: a joint prior inside of a source; give it to the likelihood's space by with_prior"
        )
    rates = [Parameter(name + SUFFIX, 1.0, lower=0.0) for name in free_rates]
    shapes = [_released(known[name], bounds) for name, bounds in free.items()]
    return ParameterSpace((*rates, *shapes))


def components_of(datasets: Datasets, space: ParameterSpace, free: Collection[str]) -> tuple[Component, ...]:
    """Each source with the places of its parameters.

    Raises:
        InvalidModel: if a source expects no finite number of events at its starts.
        InvalidParameter: if it does not at a bound of a free parameter.
    """
    return tuple(
        _component(name, dataset, source, space, free)
        for dataset, inside in datasets.items()
        for name, source in inside.items()
    )


def _component(
    name: str, dataset: str, source: AbstractEventSource, space: ParameterSpace, free: Collection[str]
) -> Component:
    moved = tuple(p for p in source.space.names if p in free)
    if isinstance(source, AbstractStagedSource):
        source = source.staged(moved)
    total = float(_expected(source, jnp.asarray(source.space.starts)))
    if not (np.isfinite(total) and total >= 0):
        raise InvalidModel(f"source {name!r} expects {total} events at its starts; expected a number of at least 0")
    _refuse_impossible_bounds(name, source, space, moved)
    rate = space.index(name + SUFFIX) if name + SUFFIX in space else None
    own = source.space.indices(moved)
    return Component(name, dataset, source, np.asarray(total), rate, space.indices(moved), own)


def _refuse_impossible_bounds(
    name: str, source: AbstractEventSource, space: ParameterSpace, moved: Sequence[str]
) -> None:
    """Make sure that a source expects a finite number of events at every bound, all else at its starts.

    Bounds outside of the range that the source itself states are left to the fit, which refuses points there.
    """
    for parameter in (space[p] for p in moved):
        own = source.space[parameter.name]
        for bound in (parameter.lower, parameter.upper):
            if not np.isfinite(bound) or not own.lower <= bound <= own.upper:
                continue
            starts = np.array(source.space.starts)
            starts[source.space.index(parameter.name)] = bound
            expected = float(_expected(source, jnp.asarray(starts)))
            if not np.isfinite(expected):
                raise InvalidParameter(
                    f"parameter {parameter.name!r}: at its bound {bound:g} source {name!r} is impossible (it expects "
                    f"{expected:g} events); narrow the bounds ({parameter.lower:g}, {parameter.upper:g})"
                )


@eqx.filter_jit
def _expected(source: AbstractEventSource, theta: Any) -> Any:
    return source.expected_events(source.space.unpack(theta))


def _shared_parameters(datasets: Datasets) -> dict[str, Parameter]:
    """All parameters of all sources; equal names are one parameter and must have one default."""
    known: dict[str, tuple[str, Parameter]] = {}
    for inside in datasets.values():
        for name, source in inside.items():
            for parameter in source.space.parameters:
                first, other = known.setdefault(parameter.name, (name, parameter))
                if other.start != parameter.start:
                    raise InvalidParameter(
                        f"parameter {parameter.name!r} is {other.start:g} in source {first!r} and "
                        f"{parameter.start:g} in source {name!r}; make them equal or rename one"
                    )
    return {name: parameter for name, (_, parameter) in known.items()}


def _released(parameter: Parameter, bounds: Bounds | None) -> Parameter:
    if bounds is None:
        return dataclasses.replace(parameter, fixed=False)
    lower, upper = (float(bound) for bound in bounds)
    if not lower < upper:
        raise InvalidParameter(
            f"parameter {parameter.name!r}: bounds ({lower:g}, {upper:g}) leave no room; give (lower, upper)"
        )
    return dataclasses.replace(parameter, lower=lower, upper=upper, fixed=False)
