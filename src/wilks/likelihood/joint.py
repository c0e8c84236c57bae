"""Independent measurements of shared parameters, judged and drawn together."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wilks._base.errors import InvalidData, InvalidModel, MissingRole, UnknownName, near_names
from wilks._base.typing import Key, LogProb, Values
from wilks.parameters.space import NamedValues, ParameterSpace

from .counts import ChiSquareCounts, PoissonCounts
from .event_likelihood import AbstractEventLikelihood
from .expansions import AbstractExpandedLikelihood
from .interface import AbstractCellLikelihood, AbstractLikelihood, AbstractSimulator
from .unbinned import Unbinned

JointData = Mapping[str, Any]


class Joint(AbstractLikelihood[JointData], AbstractSimulator[JointData]):
    """The product of independent likelihoods; parameters of equal name are one parameter.

    Data are a mapping from part to the part's data. Joints add up: ``Joint({"a": a}) + Joint({"b": b})``.

    Args:
        parts: likelihoods by name.

    Raises:
        InvalidParameter: if two parts define one name differently.
        InvalidModel: if two parts carry an auxiliary measurement of the same parameter, which would count twice.
    """

    space: ParameterSpace
    parts: dict[str, AbstractLikelihood]

    def __init__(self, parts: Mapping[str, AbstractLikelihood]) -> None:
        if not parts:
            raise InvalidModel("a joint needs at least one part")
        for name, part in parts.items():
            if not isinstance(part, AbstractLikelihood):
                raise MissingRole(f"part {name!r} is a {type(part).__name__}, which cannot judge data")
        _refuse_repeated_constraints(parts)
        space = ParameterSpace(())
        for part in parts.values():
            space = space | part.space
        self.space = space
        self.parts = dict(parts)

    def __add__(self, other: "Joint") -> "Joint":
        """All parts of both.

        Raises:
            InvalidModel: if a part's name stands in both.
        """
        if clash := sorted(set(self.parts) & set(other.parts)):
            raise InvalidModel(f"part {clash[0]!r} stands in both joints; rename one")
        return Joint({**self.parts, **other.parts})

    def values_of(self, part: str, values: Values) -> NamedValues:
        """The share of the named values that one part depends on."""
        named = values if isinstance(values, NamedValues) else self.space.unpack(self.space.pack(values))
        space = self.parts[part].space
        return NamedValues(space.names, space.pack(named))

    def log_prob(self, values: Values, data: JointData) -> LogProb:
        """Sum of the parts' log densities."""
        named = self.space.unpack(self.space.pack(values))
        parts = [part.log_prob(self.values_of(name, named), data[name]) for name, part in self.parts.items()]
        return jnp.sum(jnp.stack(parts))

    def prepare(self, data: JointData) -> JointData:
        """Each part's data checked by the part.

        Raises:
            InvalidData: if a part has no data; and whatever the parts raise.
        """
        for name in data:
            if name not in self.parts:
                raise UnknownName(f"no part {name!r}; {near_names(name, self.parts)}")
        prepared = {}
        for name, part in self.parts.items():
            if name not in data:
                raise InvalidData(f"no data given for part {name!r}")
            prepared[name] = prepare(part, data[name])
        return prepared

    def simulate(self, key: Key, values: Values) -> JointData:
        """Every part drawn with a key of its own, constraints included."""
        named = self.space.unpack(self.space.pack(values))
        keys = jax.random.split(key, len(self.parts))
        return {
            name: as_simulator(part).simulate(k, self.values_of(name, named))
            for k, (name, part) in zip(keys, self.parts.items(), strict=True)
        }

    def expected(self, values: Values) -> JointData:
        """Every part's Asimov data."""
        named = self.space.unpack(self.space.pack(values))
        return {n: as_simulator(part).expected(self.values_of(n, named)) for n, part in self.parts.items()}


def prepare(likelihood: AbstractLikelihood, data: Any) -> Any:
    """Data as a user hands them over in the form that the likelihood judges, checked where it knows how.

    Raises:
        InvalidData: naming place, value, expectation and remedy.
    """
    if isinstance(likelihood, Joint) and not isinstance(data, Mapping):
        raise InvalidData(f"data of a joint are a mapping from part to its data, not a {type(data).__name__}")
    if isinstance(likelihood, (AbstractCellLikelihood, AbstractExpandedLikelihood, Joint)):
        kind: Any = type(likelihood)
        return kind.prepare(likelihood, data)  # binding the method would cost more
    arrays = jax.tree.map(lambda x: jnp.asarray(x, dtype=float), data, is_leaf=lambda x: isinstance(x, list))
    for leaf in jax.tree.leaves(arrays):
        if not bool(jnp.all(jnp.isfinite(leaf))):
            raise InvalidData("the data contain a value that is not finite")
    return arrays


def stack(likelihood: AbstractLikelihood, datasets: Sequence[Any]) -> Any:
    """Several sets of data, each as `prepare` takes it, with a leading axis of sets.

    Raises:
        InvalidData: for a set that does not fit the likelihood.
    """
    if isinstance(likelihood, AbstractEventLikelihood):
        return likelihood.stack(datasets)
    if isinstance(likelihood, Joint):
        ready = [likelihood.prepare(data) for data in datasets]
        return {name: stack(part, [data[name] for data in ready]) for name, part in likelihood.parts.items()}
    prepared = [prepare(likelihood, data) for data in datasets]
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *prepared)


def as_simulator(thing: object) -> AbstractSimulator:
    """The thing, if it can make data.

    Raises:
        MissingRole: if it cannot.
    """
    if not isinstance(thing, AbstractSimulator):
        raise MissingRole(
            f"{type(thing).__name__} can judge data but not make them; toys need a simulator (for chi-square costs of "
            "counts: PoissonCounts of the same predictor)"
        )
    return thing


def _refuse_repeated_constraints(parts: Mapping[str, AbstractLikelihood]) -> None:
    owner: dict[str, str] = {}
    for name, part in parts.items():
        inner = part.parts.values() if isinstance(part, Joint) else (part,)
        for likelihood in inner:
            if not isinstance(likelihood, (PoissonCounts, ChiSquareCounts, Unbinned)):
                continue
            for parameter in likelihood.constraints.parameters:
                if owner.setdefault(parameter, name) != name:
                    raise InvalidModel(
                        f"parameter {parameter!r} has an auxiliary measurement in parts {owner[parameter]!r} and "
                        f"{name!r}, which would count twice; drop it from one of the predictors"
                    )
