"""Configurations of cabinetry checked before anything is read for them; every refusal names the place in the file."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wilks._base.errors import InvalidData, InvalidOption, near_names
from wilks.data.axes import ContinuousAxis, Variable
from wilks.data.expressions import Expression

from .cabinetry_parts import NOMINAL, General, NormFactor, Region, Sample, Settings, Smoothing, Systematic, Template
from .json_fields import take_array, take_number, take_numbers, take_object, take_text
from .strict_json import Place, read_json
from .strict_yaml import read_yaml

KINDS = ("Normalization", "NormPlusShape")
"""Types of systematics."""

ALGORITHMS = ("353QH, twice",)
"""Algorithms that smooth a template."""

PLACEHOLDERS = ("RegionPath", "SamplePath", "VariationPath")
"""What the path of the inputs may leave open."""


def read_settings(source: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Settings, str]:
    """Read and check a configuration.

    Args:
        source: path of a YAML file, or its parsed content.

    Returns:
        The parts, and the name of the file for messages.

    Raises:
        InvalidFile: naming file, place in it, value and expectation.
        MissingExtra: if PyYAML is not installed.
    """
    document, root = read_json(source) if isinstance(source, Mapping) else read_yaml(source)
    take_object(document, root, ("General", "Regions", "Samples", "NormFactors"), ("Systematics",))
    general = _general(document["General"], root / "General")
    regions = _named(document["Regions"], root / "Regions", _region)
    samples = _named(document["Samples"], root / "Samples", lambda value, at: _sample(value, at, regions))
    _check_samples(regions, samples, root / "Samples")
    simulated = [name for name, sample in samples.items() if not sample.data]
    factors = _named(
        document["NormFactors"], root / "NormFactors", lambda value, at: _norm_factor(value, at, simulated, regions)
    )
    systematics = _named(
        document.get("Systematics", []),
        root / "Systematics",
        lambda value, at: _systematic(value, at, simulated, regions),
        empty=True,
    )
    parameters = [*factors, *dict.fromkeys(systematic.parameter for systematic in systematics.values())]
    for name in [*general.fixed, *filter(None, [general.poi])]:
        if name not in parameters:
            general.place.refuse(f"no parameter {name!r}; {near_names(name, parameters)}")
    parts = (tuple(part.values()) for part in (regions, samples, factors, systematics))
    return Settings(general, *parts), root.file


# Parts ----------------------------------------------------------------------------------------------------------------


def _general(value: Any, place: Place) -> General:
    take_object(value, place, ("Measurement", "InputPath", "HistogramFolder"), ("POI", "Fixed", "VariationPath"))
    fixed: dict[str, float] = {}
    for i, entry in enumerate(take_array(value.get("Fixed", []), place / "Fixed", empty=True)):
        at = place / "Fixed" / i
        take_object(entry, at, ("Name", "Value"))
        name = take_text(entry["Name"], at / "Name")
        if name in fixed:
            at.refuse(f"{name!r} is fixed twice; remove one")
        fixed[name] = take_number(entry["Value"], at / "Value")
    return General(
        measurement=take_text(value["Measurement"], place / "Measurement"),
        input_path=_input_path(value["InputPath"], place / "InputPath"),
        histogram_folder=take_text(value["HistogramFolder"], place / "HistogramFolder"),
        poi=take_text(value.get("POI", ""), place / "POI", empty=True),
        fixed=fixed,
        variation_path=take_text(value.get("VariationPath", ""), place / "VariationPath", empty=True),
        place=place,
    )


def _input_path(value: Any, place: Place) -> str:
    path = take_text(value, place)
    for found in re.findall(r"\{([^{}]*)\}", path):
        if found not in PLACEHOLDERS:
            place.refuse(f"unknown placeholder {{{found}}}; {near_names(found, PLACEHOLDERS)}")
    return path


def _region(value: Any, place: Place) -> Region:
    take_object(value, place, ("Name",), ("Variable", "Binning", "Filter", "RegionPath"))
    return Region(
        name=take_text(value["Name"], place / "Name"),
        variable=_variable(value, place),
        axis=_axis(value, place),
        filter=_expression(value, "Filter", place),
        region_path=_path(value, "RegionPath", place),
        place=place,
    )


def _axis(value: Mapping[str, Any], place: Place) -> ContinuousAxis | None:
    if "Binning" not in value:
        return None
    at = place / "Binning"
    edges = take_numbers(value["Binning"], at)
    try:
        return Variable(tuple(edges), name=str(value.get("Variable", "")))
    except InvalidData as wrong:
        at.refuse(str(wrong))


def _sample(value: Any, place: Place, regions: Iterable[str]) -> Sample:
    optional = ("Tree", "Filter", "Weight", "SamplePath", "Data", "DisableStaterror", "Regions")
    take_object(value, place, ("Name",), optional)
    return Sample(
        name=take_text(value["Name"], place / "Name"),
        tree=_text(value, "Tree", place),
        filter=_expression(value, "Filter", place),
        weight=_expression(value, "Weight", place),
        sample_path=_paths(value, "SamplePath", place),
        data=_switch(value, "Data", place),
        disable_staterror=_switch(value, "DisableStaterror", place),
        regions=_names(value, "Regions", place, regions),
        place=place,
    )


def _check_samples(regions: Mapping[str, Region], samples: Mapping[str, Sample], place: Place) -> None:
    observed = [name for name, sample in samples.items() if sample.data]
    if len(observed) != 1:
        place.refuse(f"{len(observed)} samples have Data: True ({', '.join(observed) or 'none'}); expected one")
    for region in regions:
        held = [name for name, sample in samples.items() if region in sample.regions]
        if observed[0] not in held:
            samples[observed[0]].place.refuse(f"the data leave out region {region!r}; remove Regions or the region")
        if len(held) == 1:
            place.refuse(f"region {region!r} has no sample but the data; add one")


def _norm_factor(value: Any, place: Place, samples: Iterable[str], regions: Iterable[str]) -> NormFactor:
    take_object(value, place, ("Name",), ("Samples", "Regions", "Nominal", "Bounds"))
    bounds = take_numbers(value["Bounds"], place / "Bounds", 2) if "Bounds" in value else None
    if bounds is not None and not bounds[0] < bounds[1]:
        (place / "Bounds").refuse(f"lower bound {bounds[0]:g} is not below upper bound {bounds[1]:g}; swap them")
    return NormFactor(
        name=take_text(value["Name"], place / "Name"),
        samples=_names(value, "Samples", place, samples),
        regions=_names(value, "Regions", place, regions),
        nominal=take_number(value["Nominal"], place / "Nominal") if "Nominal" in value else None,
        bounds=None if bounds is None else (bounds[0], bounds[1]),
        place=place,
    )


def _systematic(value: Any, place: Place, samples: Iterable[str], regions: Iterable[str]) -> Systematic:
    optional = ("Samples", "Regions", "Smoothing", "ModifierName")
    take_object(value, place, ("Name", "Type", "Up", "Down"), optional)
    name, kind = take_text(value["Name"], place / "Name"), take_text(value["Type"], place / "Type")
    if name == NOMINAL:
        (place / "Name").refuse(f"{NOMINAL!r} stands for templates without variation; rename the systematic")
    if kind not in KINDS:
        (place / "Type").refuse(f"unknown type {kind!r}; expected {' or '.join(KINDS)}")
    read = _normalization if kind == "Normalization" else _shape
    made = Systematic(
        name=name,
        kind=kind,
        up=read(value["Up"], place / "Up"),
        down=read(value["Down"], place / "Down"),
        samples=_names(value, "Samples", place, samples),
        regions=_names(value, "Regions", place, regions),
        smoothing=_smoothing(value["Smoothing"], place / "Smoothing", samples, regions)
        if "Smoothing" in value
        else None,
        parameter=take_text(value.get("ModifierName", name), place / "ModifierName"),
        place=place,
    )
    if made.up.symmetrize:
        (place / "Up" / "Symmetrize").refuse("only Down is made from the other side; swap Up and Down")
    if made.down.symmetrize and (made.up.normalization or 0.0) >= 1:
        (place / "Down").refuse(f"the mirror image of {made.up.normalization:g} leaves no yield; give a Normalization")
    if made.smoothing is not None and kind == "Normalization":
        (place / "Smoothing").refuse("a systematic of type Normalization has no shape to smooth; remove it")
    return made


def _normalization(value: Any, place: Place) -> Template:
    take_object(value, place, (), ("Normalization", "Symmetrize"))
    made = _template(value, place)
    if made.symmetrize == (made.normalization is not None):
        place.refuse("give either Normalization or Symmetrize: True")
    if made.normalization is not None and made.normalization <= -1:
        (place / "Normalization").refuse(f"{made.normalization:g} leaves no yield; expected a number above -1")
    return made


def _shape(value: Any, place: Place) -> Template:
    overrides = ("Tree", "Weight", "Variable", "Filter", "SamplePath", "RegionPath", "VariationPath")
    take_object(value, place, (), (*overrides, "Symmetrize"))
    made = _template(value, place)
    if made.symmetrize and len(value) > 1:
        unused = next(key for key in value if key != "Symmetrize")
        (place / unused).refuse("a side made by Symmetrize reads nothing; remove one of them")
    return made


def _template(value: Mapping[str, Any], place: Place) -> Template:
    return Template(
        tree=_text(value, "Tree", place),
        weight=_expression(value, "Weight", place),
        variable=_variable(value, place),
        filter=_expression(value, "Filter", place),
        region_path=_path(value, "RegionPath", place),
        sample_path=_paths(value, "SamplePath", place),
        variation_path=_path(value, "VariationPath", place),
        normalization=take_number(value["Normalization"], place / "Normalization")
        if "Normalization" in value
        else None,
        symmetrize=_switch(value, "Symmetrize", place),
        place=place,
    )


def _smoothing(value: Any, place: Place, samples: Iterable[str], regions: Iterable[str]) -> Smoothing:
    take_object(value, place, ("Algorithm",), ("Samples", "Regions"))
    algorithm = take_text(value["Algorithm"], place / "Algorithm")
    if algorithm not in ALGORITHMS:
        (place / "Algorithm").refuse(f"unknown algorithm {algorithm!r}; {near_names(algorithm, ALGORITHMS)}")
    return Smoothing(algorithm, _names(value, "Samples", place, samples), _names(value, "Regions", place, regions))


# Fields ---------------------------------------------------------------------------------------------------------------


def _named(value: Any, place: Place, read: Callable[[Any, Place], Any], *, empty: bool = False) -> dict[str, Any]:
    """Parts of a list by their names, which are unique."""
    parts: dict[str, Any] = {}
    for i, entry in enumerate(take_array(value, place, empty=empty)):
        part = read(entry, place / i)
        if part.name in parts:
            (place / i / "Name").refuse(
                f"{part.name!r} is already the name of {parts[part.name].place.path}; rename one"
            )
        parts[part.name] = part
    return parts


def _text(value: Mapping[str, Any], key: str, place: Place) -> str | None:
    return take_text(value[key], place / key) if key in value else None


def _path(value: Mapping[str, Any], key: str, place: Place) -> str | None:
    return take_text(value[key], place / key, empty=True) if key in value else None


def _paths(value: Mapping[str, Any], key: str, place: Place) -> tuple[str, ...] | None:
    if not isinstance(value.get(key), list):
        path = _path(value, key, place)
        return None if path is None else (path,)
    paths = tuple(take_text(path, place / key / i) for i, path in enumerate(take_array(value[key], place / key)))
    if len(set(paths)) < len(paths):
        (place / key).refuse("a path stands twice, and its events would count twice; remove one")
    return paths


def _switch(value: Mapping[str, Any], key: str, place: Place) -> bool:
    found = value.get(key, False)
    if not isinstance(found, bool):
        (place / key).refuse(f"{found!r} should be True or False")
    return found


def _names(value: Mapping[str, Any], key: str, place: Place, known: Iterable[str]) -> tuple[str, ...]:
    """One name or several out of the known ones; all when absent."""
    known = tuple(known)
    if key not in value:
        return known
    given = value[key] if isinstance(value[key], list) else [value[key]]
    names = [take_text(name, place / key) for name in take_array(given, place / key)]
    for name in names:
        if name not in known:
            (place / key).refuse(f"no {key[:-1].lower()} {name!r} to act on; {near_names(name, known)}")
    return tuple(names)


def _variable(value: Mapping[str, Any], place: Place) -> Expression | None:
    variable = _expression(value, "Variable", place)
    if variable is not None and not variable.columns:
        (place / "Variable").refuse(f"{variable.text!r} has no column; name what is binned")
    return variable


def _expression(value: Mapping[str, Any], key: str, place: Place) -> Expression | None:
    if key not in value:
        return None
    lines = value[key].split() if isinstance(value[key], str) else None
    text = take_text(value[key] if lines is None else " ".join(lines), place / key)
    try:
        return Expression.parse(text)
    except InvalidOption as wrong:
        (place / key).refuse(str(wrong))
