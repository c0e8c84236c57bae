"""Joins studies into one, and refuses to count recorded events twice."""

from collections.abc import Mapping
from typing import Any

import jax

from wilks._base.errors import InvalidModel, check_option
from wilks._base.typing import Key, Values
from wilks.likelihood.interface import AbstractSimulator
from wilks.likelihood.joint import Joint, JointData
from wilks.parameters.space import NamedValues, ParameterSpace

from .experiment import Study
from .freezing import pulls_of


class JointSimulator(AbstractSimulator[JointData]):
    """Makes the data of several studies whose simulators are not their likelihoods.

    Args:
        space: all parameters.
        parts: simulators by name.
    """

    space: ParameterSpace
    parts: dict[str, AbstractSimulator]

    def simulate(self, key: Key, values: Values) -> JointData:
        """Every part drawn with a key of its own."""
        keys = jax.random.split(key, len(self.parts))
        named = zip(keys, self.parts.items(), strict=True)
        return {name: part.simulate(k, self._share(part, values)) for k, (name, part) in named}

    def expected(self, values: Values) -> JointData:
        """Every part's Asimov data."""
        return {name: part.expected(self._share(part, values)) for name, part in self.parts.items()}

    def _share(self, part: AbstractSimulator, values: Values) -> NamedValues:
        named = self.space.unpack(self.space.pack(values))
        return NamedValues(part.space.names, part.space.pack(named))


def join(studies: Mapping[str, Study], *, overlap: str = "refuse", name: str = "joint") -> Study:
    """One study of several; parameters of equal name are one parameter, and parts that are joints are taken apart.

    Args:
        studies: studies by the name that their data will have.
        overlap: ``"refuse"``, or ``"allow"`` to accept studies that share recorded events, which is flagged.
        name: name of the joint study.

    Raises:
        InvalidModel: naming two studies that share events or measure a nuisance parameter twice.
        InvalidParameter: naming two definitions of one parameter that differ.
    """
    check_option("overlap", overlap, ("refuse", "allow"))
    if not studies:
        raise InvalidModel("no studies to join; give at least one")
    _refuse_repeated_pulls(studies)
    shared = _overlaps(studies)
    if shared and overlap == "refuse":
        raise InvalidModel(
            f"studies {shared[0][0]!r} and {shared[0][1]!r} share recorded events ({shared[0][2]}), which would count "
            "twice; drop one, take another subset, or say overlap='allow'"
        )
    flags = _flags(studies)
    if shared:
        pairs = "; ".join(f"{a} and {b}: {what}" for a, b, what in shared)
        flags["shared_events"] = f"recorded events count twice ({pairs})"
    parts, data, makers = _parts(studies)
    likelihood = Joint(parts)
    same = all(makers[part] is parts[part] for part in parts)
    simulator = likelihood if same else JointSimulator(likelihood.space, makers)
    every = list(studies.values())
    return Study(
        name,
        likelihood,
        data,
        simulator,
        _union(study.interest for study in every),
        _union(study.events for study in every),
        flags,
        _union(study.sources for study in every),
    )


def _parts(studies: Mapping[str, Study]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Likelihoods, data and simulators of all parts."""
    likelihoods: dict[str, Any] = {}
    data: dict[str, Any] = {}
    makers: dict[str, Any] = {}
    for name, study in studies.items():
        inner = {name: (study.likelihood, study.data, study.simulator)}
        if isinstance(study.likelihood, Joint) and isinstance(study.simulator, (Joint, JointSimulator)):
            parts, drawn = study.likelihood.parts, study.simulator.parts
            inner = {part: (parts[part], study.data[part], drawn[part]) for part in parts}
        for part, (likelihood, observed, simulator) in inner.items():
            if part in likelihoods:
                raise InvalidModel(f"part {part!r} stands in two of the joined studies; rename one")
            likelihoods[part], data[part], makers[part] = likelihood, observed, simulator
    return likelihoods, data, makers


def _refuse_repeated_pulls(studies: Mapping[str, Study]) -> None:
    owner: dict[str, str] = {}
    for name, study in studies.items():
        for parameter in pulls_of(study.likelihood):
            if owner.setdefault(parameter, name) != name:
                raise InvalidModel(
                    f"studies {owner[parameter]!r} and {name!r} both hold an auxiliary measurement of {parameter!r}, "
                    "which would count twice; build one of them without it (constraints={})"
                )


def _overlaps(studies: Mapping[str, Study]) -> list[tuple[str, str, str]]:
    found, names = [], list(studies)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            both = [a for a in studies[first].events for b in studies[second].events if _same_events(a, b)]
            if both:
                found.append((first, second, ", ".join(dict.fromkeys(both))))
    return found


def _same_events(one: str, other: str) -> bool:
    """Whether two sets of events are equal, or one is a part of the other, as "RENO-near" is of "RENO"."""
    return one == other or one.startswith(f"{other}-") or other.startswith(f"{one}-")


def _flags(studies: Mapping[str, Study]) -> dict[str, str]:
    """Flags of all studies, each sentence with the studies that carry it."""
    carriers: dict[tuple[str, str], list[str]] = {}
    for name, study in studies.items():
        for flag, sentence in study.flags.items():
            carriers.setdefault((flag, sentence), []).append(name)
    flags: dict[str, str] = {}
    for (flag, sentence), names in carriers.items():
        flags[flag if flag not in flags else f"{flag}_{names[0]}"] = f"{', '.join(names)}: {sentence}"
    return flags


def _union(groups: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(entry for group in groups for entry in group))
