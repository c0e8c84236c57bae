"""The samples of an HS3 channel with their modifiers, as ROOT reads them.

Systematics are measured as 0 +- 1 (or ``nom_NAME`` of the parameter point). Templates of a histosys are those at +-1
sigma. The values of a shapesys are relative uncertainties. A staterror takes the errors of all samples of the channel
that carry it, with a Poisson constraint unless it says ``Gauss``. Interpolation is code 4 (histosys: its polynomial).
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from wilks.model.modifiers import (
    Channel,
    HistoSys,
    Modifier,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
    TemplateSample,
)
from wilks.model.nuisances import bin_name

from .hs3_fields import count_bins, take_contents
from .json_fields import take_array, take_number, take_numbers, take_object, take_text
from .strict_json import Place

_KINDS = ("normfactor", "normsys", "histosys", "shapefactor", "shapesys", "staterror")
_CONSTRAINT_KEYS = ("constraint", "constraint_type", "constraint_name")
_INTERPOLATIONS = (4, "4", "poly6")
_BIN = re.compile(r"^(.*?)(?:\[(\d+)\]|_?(?:bin_?)?(\d+))$")


@dataclasses.dataclass(frozen=True)
class Term:
    """A constraint that a modifier implies.

    Args:
        parameter: name in the document.
        kind: Gaussian or Poisson.
        width: standard deviation, or the auxiliary count tau.
    """

    parameter: str
    kind: Literal["gaussian", "poisson"]
    width: float


@dataclasses.dataclass(frozen=True)
class ReadChannel:
    """A channel, and what its modifiers say beside.

    Args:
        channel: samples with modifiers.
        names: parameter of the document -> parameter of the model.
        terms: constraints that replace the model's own.
        constraints: distributions that modifiers name as their constraint, with the place.
        notices: what is allowed but probably not meant.
    """

    channel: Channel
    names: dict[str, str]
    terms: tuple[Term, ...] = ()
    constraints: tuple[tuple[str, Place], ...] = ()
    notices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Read:
    """One modifier."""

    modifier: Modifier
    names: dict[str, str]
    terms: tuple[Term, ...] = ()
    notice: str = ""


def read_channel(entry: Mapping[str, Any], place: Place) -> ReadChannel:
    """The channel that a ``histfactory_dist`` describes.

    Raises:
        InvalidFile: naming file, JSON path, value and expectation.
    """
    bins = count_bins(entry["axes"], place / "axes")
    samples, read, constraints = [], [], []
    for i, sample in enumerate(take_array(entry["samples"], place / "samples")):
        at = place / "samples" / i
        take_object(sample, at, ("name", "data"), ("modifiers",))
        name = take_text(sample["name"], at / "name")
        take_object(sample["data"], at / "data", ("contents",), ("errors",))
        contents = take_contents({"contents": sample["data"]["contents"]}, at / "data", bins)
        own: list[_Read] = []
        for m, modifier in enumerate(take_array(sample.get("modifiers", []), at / "modifiers", empty=True)):
            where = at / "modifiers" / m
            own.append(_read_modifier(modifier, where, sample["data"], at / "data", entry["name"]))
            if "constraint_name" in modifier:
                constraints.append((take_text(modifier["constraint_name"], where / "constraint_name"), where))
        samples.append(TemplateSample(name, contents, modifiers=[one.modifier for one in own]))
        read += own
    return ReadChannel(
        Channel(entry["name"], samples),
        {theirs: ours for one in read for theirs, ours in one.names.items()},
        tuple(term for one in read for term in one.terms),
        tuple(constraints),
        tuple(dict.fromkeys(one.notice for one in read if one.notice)),
    )


def _read_modifier(modifier: Any, place: Place, data: Mapping[str, Any], at: Place, channel: str) -> _Read:
    optional = ("name", "parameter", "parameters", "data", "interpolation", *_CONSTRAINT_KEYS)
    take_object(modifier, place, ("type",), optional)
    kind = take_text(modifier["type"], place / "type")
    if kind not in _KINDS:
        (place / "type").refuse(f"modifier type {kind!r} is not read; the types are {', '.join(_KINDS)}")
    if modifier.get("interpolation", 4) not in _INTERPOLATIONS:
        (place / "interpolation").refuse(f"{modifier['interpolation']!r} is not read; the interpolation is code 4")
    bins = len(data["contents"])
    if kind in ("shapefactor", "shapesys", "staterror"):
        return _per_bin(kind, modifier, place, data, at, channel)
    if "parameters" in modifier:
        (place / "parameters").refuse(f"a {kind} has one parameter; name it in 'parameter'")
    if kind == "normfactor":
        _constraint(modifier, place, (), "")
        name = take_text(modifier.get("parameter", modifier.get("name", "")), place / "parameter")
        return _Read(NormFactor(name), {name: name})
    name = modifier.get("parameter") or "alpha_" + take_text(modifier.get("name", ""), place / "name")
    take_text(name, place / "parameter")
    _constraint(modifier, place, ("Gauss",), "Gauss")
    sides = take_object(modifier.get("data"), place / "data", ("hi", "lo"))
    if kind == "normsys":
        hi, lo = (take_number(sides[side], place / "data" / side) for side in ("hi", "lo"))
        for side, value in (("hi", hi), ("lo", lo)):
            if value <= 0:
                (place / "data" / side).refuse(f"{value:g} should be a factor above 0")
        return _Read(NormSys(name, hi=hi, lo=lo), {name: name})
    templates = []
    for side in ("hi", "lo"):
        take_object(sides[side], place / "data" / side, ("contents",), ("errors",))
        templates.append(take_numbers(sides[side]["contents"], place / "data" / side / "contents", bins))
    return _Read(HistoSys(name, hi=np.array(templates[0]), lo=np.array(templates[1])), {name: name})


def _per_bin(
    kind: str, modifier: Mapping[str, Any], place: Place, data: Mapping[str, Any], at: Place, channel: str
) -> _Read:
    contents = np.array(data["contents"], dtype=float)
    default = f"staterror_{channel}" if kind == "staterror" else ""
    name, names = _bin_names(modifier, place, len(contents), default)
    if kind == "shapefactor":
        _constraint(modifier, place, (), "")
        return _Read(ShapeFactor(name), names)
    constraint = _constraint(modifier, place, ("Poisson", "Gauss"), "Poisson")
    if kind == "shapesys":
        values = take_object(modifier.get("data"), place / "data", ("vals",))["vals"]
        relative = _uncertainties(values, place / "data" / "vals", len(contents))
        gaussian = tuple(
            Term(theirs, "gaussian", float(value))
            for theirs, value, content in zip(names, relative, contents, strict=True)
            if constraint == "Gauss" and value > 0 and content > 0
        )
        return _Read(ShapeSys(name, relative * contents), names, gaussian)
    if "errors" not in data:
        at.refuse("a sample with a staterror needs 'errors' beside 'contents'; add them")
    errors = _uncertainties(data["errors"], at / "errors", len(contents))
    said = any(key in modifier for key in _CONSTRAINT_KEYS[:2])
    notice = "" if said else f"{place}: the staterror names no constraint; Poisson is taken, as ROOT does"
    chosen: Literal["gaussian", "poisson"] = "gaussian" if constraint == "Gauss" else "poisson"
    return _Read(StatError(name, errors, chosen), names, notice=notice)


def _uncertainties(values: Any, place: Place, bins: int) -> np.ndarray:
    numbers = take_numbers(values, place, bins)
    for i, value in enumerate(numbers):
        if value < 0:
            (place / i).refuse(f"{value:g} should be an uncertainty, not negative")
    return np.array(numbers)


def _constraint(modifier: Mapping[str, Any], place: Place, allowed: tuple[str, ...], default: str) -> str:
    """The constraint's type, which may stand under two keys."""
    for key in _CONSTRAINT_KEYS[:2]:
        if key in modifier:
            if modifier[key] not in allowed:
                expected = f"expected {' or '.join(allowed)}" if allowed else "name a distribution in 'constraint_name'"
                (place / key).refuse(f"{modifier[key]!r} cannot be the constraint of a {modifier['type']}; {expected}")
            return modifier[key]
    return default


def _bin_names(modifier: Mapping[str, Any], place: Place, bins: int, default: str) -> tuple[str, dict[str, str]]:
    """Name of the whole, and parameter of the document -> ``NAME[i]``.

    The name is what all parameters begin with, if they differ only in the number of their bin; else the modifier's.
    """
    own = default or modifier.get("name", "")
    if "parameters" not in modifier:
        name = take_text(own, place / "name")
        return name, {bin_name(name, i): bin_name(name, i) for i in range(bins)}
    given = take_array(modifier["parameters"], place / "parameters")
    theirs = [take_text(parameter, place / "parameters" / i) for i, parameter in enumerate(given)]
    if len(set(theirs)) != bins:
        (place / "parameters").refuse(f"has {len(set(theirs))} different names, expected {bins}, one per bin")
    found = [_BIN.match(parameter) for parameter in theirs]
    bases = {match[1] for match in found if match}
    numbered = all(match and int(match[2] or match[3]) == i for i, match in enumerate(found))
    common = bases.pop() if numbered and len(bases) == 1 else ""
    name = common or take_text(own, place / "name")
    return name, {parameter: bin_name(name, i) for i, parameter in enumerate(theirs)}
