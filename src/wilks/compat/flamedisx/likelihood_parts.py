"""What a likelihood is made of: sources by data set, constraints, the space of one fit."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from wilks._base.errors import InvalidModel, UnknownName, near_names
from wilks._base.typing import Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .source import AbstractSource

LOWER_RATE_MULTIPLIER_BOUND = 1e-9
"""Lower bound of rate multipliers that have no other."""

DATASET = "the_dataset"
"""Name of the data set of a likelihood that has only one."""

_RATE = "_rate_multiplier"

Bound = tuple[Any, Any]


def by_dataset(sources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Classes or instances of sources by data set.

    Raises:
        InvalidModel: without sources, or for a name that stands in two data sets.
    """
    if not sources:
        raise InvalidModel("a likelihood needs sources; give sources={name: class}")
    nested = isinstance(next(iter(sources.values())), Mapping)
    named = {name: dict(inside) for name, inside in sources.items()} if nested else {DATASET: dict(sources)}
    seen: dict[str, str] = {}
    for dataset, inside in named.items():
        for name in inside:
            if seen.setdefault(name, dataset) != dataset:
                raise InvalidModel(f"source {name!r} stands in data sets {seen[name]!r} and {dataset!r}; rename one")
    return named


def made_sources(
    named: Mapping[str, Mapping[str, Any]],
    arguments: Mapping[str, Mapping[str, Any]],
    defaults: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> dict[str, AbstractSource]:
    """Instances of all sources.

    Args:
        named: classes, or instances, by data set and name.
        arguments: of the constructors, by name of the source.
        defaults: settings of all sources that take them.
        shared: arguments of all constructors.

    Raises:
        UnknownName: for arguments of no source, or a default that no source takes.
        InvalidModel: for something that is no source.
    """
    every = {name: source for inside in named.values() for name, source in inside.items()}
    for name in arguments:
        if name not in every:
            raise UnknownName(f"arguments for source {name!r}, which is not there; {near_names(name, every)}")
    made = {name: _made(name, source, arguments.get(name, {}), shared) for name, source in every.items()}
    for setting in defaults:
        if not any(source.takes(setting) for source in made.values()):
            known = [n for source in made.values() for n in (*source.defaults, *source.model_functions)]
            raise UnknownName(f"no source takes the default {setting!r}; {near_names(setting, known)}")
    for name, source in made.items():
        own = {key: value for key, value in defaults.items() if source.takes(key)}
        if own:
            source.set_defaults(**{**own, **{k: v for k, v in arguments.get(name, {}).items() if source.takes(k)}})
    return made


def _made(name: str, source: Any, arguments: Mapping[str, Any], shared: Mapping[str, Any]) -> AbstractSource:
    if isinstance(source, AbstractSource):
        if arguments:
            raise InvalidModel(f"source {name!r} is made already; give its arguments {list(arguments)} to the class")
        return source
    if not (isinstance(source, type) and issubclass(source, AbstractSource)):
        raise InvalidModel(f"source {name!r} is {source!r}; expected a class of sources of fd, such as fd.ERSource")
    return source(**{**shared, **arguments})


class Penalty:
    """A constraint in the form of a likelihood of Wilks: a function of named values.

    Args:
        function: from parameters and further arguments, all by name, to the logarithm of a density.
        extra: the further arguments.
    """

    def __init__(self, function: Callable[..., Any], extra: Mapping[str, Any]) -> None:
        self._function, self._extra = function, dict(extra)

    def __call__(self, values: Values) -> Any:
        """The logarithm at named values."""
        return self._function(**{**{name: values[name] for name in values}, **self._extra})


def fit_space(
    space: ParameterSpace, bounds: Mapping[str, Bound], fix: Mapping[str, Any], start: Mapping[str, float]
) -> ParameterSpace:
    """The parameters of one fit.

    Args:
        space: all parameters of the likelihood.
        bounds: ``(lower, upper)`` by name, None for no bound; rate multipliers without are at least 1e-9.
        fix: values at which parameters are held.
        start: where the others start; rate multipliers are moved inside their bounds.

    Raises:
        UnknownName: for an unknown parameter.
        InvalidParameter: for bounds that leave no room, or a start outside of them.
    """
    for name in (*bounds, *fix):
        if name not in space:
            raise UnknownName(f"no parameter {name!r}; {near_names(name, space.names)}")
    return ParameterSpace(
        tuple(_posed(p, bounds.get(p.name), fix.get(p.name), start[p.name]) for p in space.parameters)
    )


def _posed(parameter: Parameter, bound: Bound | None, held: Any, start: float) -> Parameter:
    if held is not None:
        return dataclasses.replace(parameter, start=float(held), lower=-math.inf, upper=math.inf, fixed=True)
    rate = parameter.name.endswith(_RATE)
    low, high = bound or (LOWER_RATE_MULTIPLIER_BOUND if rate else None, None)
    lower, upper = (-math.inf if low is None else float(low)), (math.inf if high is None else float(high))
    inside = min(max(start, lower), upper) if rate else start
    return dataclasses.replace(parameter, start=inside, lower=lower, upper=upper)
