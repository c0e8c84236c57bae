"""The measurements of a workspace: what they may say about parameters, and what holds if they say nothing."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from wilks._base.errors import near_names

from .json_fields import take_array, take_numbers, take_object, take_text
from .strict_json import Place

_SETTINGS = ("inits", "bounds", "auxdata", "factors", "sigmas", "fixed")

_CONSTRAINT_SETTINGS: dict[str, tuple[str, ...]] = {
    "pull": ("auxdata", "sigmas"),
    "lumi": ("auxdata", "sigmas"),
    "staterror": ("auxdata", "sigmas"),
    "shapesys": ("auxdata", "factors"),
    "normfactor": (),
    "shapefactor": (),
}

_RANGES: dict[str, tuple[float, float, float]] = {
    "pull": (0.0, -5.0, 5.0),
    "lumi": (1.0, 0.0, 10.0),
    "normfactor": (1.0, 0.0, 10.0),
    "shapefactor": (1.0, 0.0, 10.0),
    "shapesys": (1.0, 1e-10, 10.0),
    "staterror": (1.0, 1e-10, 10.0),
}
"""Start, lower and upper bound of each kind of parameter."""


@dataclasses.dataclass(frozen=True)
class ParameterUse:
    """What the modifiers of one name make of it.

    Args:
        kind: type of the modifier; ``"pull"`` for normsys and histosys.
        bins: number of bins for modifiers with a parameter per bin, else None.
        place: where the name is used first.
        channel: the channel of that place.
    """

    kind: str
    bins: int | None
    place: Place
    channel: str

    def names(self, name: str) -> tuple[str, ...]:
        """Names of its parameters."""
        return (name,) if self.bins is None else tuple(f"{name}[{i}]" for i in range(self.bins))


def take_named(value: Any, place: Place) -> dict[str, tuple[dict[str, Any], Place]]:
    """Entries of an array by their name, each with its place.

    Raises:
        InvalidFile: if a name is missing or stands twice.
    """
    entries: dict[str, tuple[dict[str, Any], Place]] = {}
    for i, entry in enumerate(take_array(value, place)):
        if not isinstance(entry, dict) or "name" not in entry:
            (place / i).refuse("should be an object with the key 'name'")
        name = take_text(entry["name"], place / i / "name")
        if name in entries:
            (place / i / "name").refuse(f"{name!r} is already the name of {entries[name][1].path}; rename one")
        entries[name] = entry, place / i
    return entries


def check_measurement(measurement: dict[str, Any], place: Place, uses: Mapping[str, ParameterUse]) -> Iterator[str]:
    """Check one measurement; yields notices.

    Raises:
        InvalidFile: naming file, JSON path, value and expectation.
    """
    take_object(measurement, place, ("name", "config"))
    at = place / "config"
    config = take_object(measurement["config"], at, ("poi", "parameters"))
    settings = take_named(config["parameters"], at / "parameters") if config["parameters"] != [] else {}
    for name, (setting, where) in settings.items():
        take_object(setting, where, ("name",), _SETTINGS)
        if name in uses:
            _check_setting(setting, where, uses[name])
        else:
            yield f"{where}: {name!r} is no parameter of this workspace; its settings are not used"
    _check_poi(config["poi"], at / "poi", uses)
    for name, use in uses.items():
        if use.kind == "lumi":
            given = settings[name][0] if name in settings else {}
            missing = [key for key in ("auxdata", "sigmas") if key not in given]
            if missing:
                (at / "parameters").refuse(
                    f"the modifier {name!r} needs an entry with {' and '.join(missing)}; add them"
                )


def _check_poi(poi: Any, place: Place, uses: Mapping[str, ParameterUse]) -> None:
    take_text(poi, place, empty=True)
    known = [parameter for name, use in uses.items() for parameter in use.names(name)]
    if poi and poi in uses and len(uses[poi].names(poi)) > 1:
        place.refuse(f"{poi!r} has {uses[poi].bins} bins; name one of them, for example {poi + '[0]'!r}")
    if poi and poi not in uses and poi not in known:
        place.refuse(f"{poi!r} is no parameter of this workspace; {near_names(poi, known)}")


def _check_setting(setting: dict[str, Any], place: Place, use: ParameterUse) -> None:
    size = use.bins or 1
    for key in ("auxdata", "sigmas", "factors"):
        if key not in setting:
            continue
        if key not in _CONSTRAINT_SETTINGS[use.kind]:
            (place / key).refuse(f"a {use.kind} parameter has no {key}; remove it")
        for i, value in enumerate(take_numbers(setting[key], place / key, size)):
            if key != "auxdata" and value <= 0:
                (place / key / i).refuse(f"{value:g} should be above 0")
    if not isinstance(setting.get("fixed", False), bool):
        (place / "fixed").refuse(f"{setting['fixed']!r} should be true or false")
    if "inits" in setting:
        take_numbers(setting["inits"], place / "inits", size)
    if "bounds" in setting and len(take_array(setting["bounds"], place / "bounds")) != size:
        (place / "bounds").refuse(f"has {len(setting['bounds'])} entries, expected {size}")
    for i, pair in enumerate(setting.get("bounds", ())):
        take_numbers(pair, place / "bounds" / i, 2)
    _check_ranges(setting, place, use)


def _check_ranges(setting: dict[str, Any], place: Place, use: ParameterUse) -> None:
    if use.kind == "lumi" and setting.get("auxdata", [1.0])[0] <= 0:
        (place / "auxdata").refuse(f"a luminosity of {setting['auxdata'][0]:g} should be above 0")
    for i, (start, lower, upper) in enumerate(ranges(setting, use)):
        if lower > upper:
            (place / "bounds" / i).refuse(f"lower bound {lower:g} exceeds upper bound {upper:g}; swap them")
        if not lower <= start <= upper:
            place.refuse(f"the start {start:g} lies outside [{lower:g}, {upper:g}]; give other inits or bounds")


def ranges(setting: Mapping[str, Any], use: ParameterUse) -> list[tuple[float, float, float]]:
    """Start and bounds of each parameter of a name: those of the measurement, else the defaults of its kind."""
    size = use.bins or 1
    start, lower, upper = _RANGES[use.kind]
    if use.kind == "lumi" and "auxdata" in setting:
        start, upper = setting["auxdata"][0], 10.0 * setting["auxdata"][0]
    starts = setting.get("inits", [start] * size)
    bounds = setting.get("bounds", [(lower, upper)] * size)
    return [(float(at), float(low), float(high)) for at, (low, high) in zip(starts, bounds, strict=True)]
