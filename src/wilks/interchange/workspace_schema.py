"""HistFactory workspaces (pyhf JSON 1.0.0) checked before anything is built from them; needs no JAX."""

from collections.abc import Iterator, Mapping
from typing import Any

from wilks._base.errors import near_names

from .json_fields import take_array, take_number, take_numbers, take_object, take_text
from .measurement_schema import ParameterUse, check_measurement, take_named
from .strict_json import SIZE_LIMIT_MB, JsonSource, Place, read_json

VERSION = "1.0.0"
"""The only version of the format."""

PER_BIN = ("shapefactor", "shapesys", "staterror")
"""Modifiers with one parameter per bin, ``NAME[i]``."""


def read_workspace(
    source: JsonSource, *, size_limit_mb: float = SIZE_LIMIT_MB
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read and check a workspace.

    Args:
        source: path, open file, or parsed document.
        size_limit_mb: largest accepted size in 10^6 bytes.

    Returns:
        The document, and notices on what is allowed but probably not meant.

    Raises:
        InvalidFile: naming file, JSON path, value and expectation.
    """
    document, root = read_json(source, size_limit_mb=size_limit_mb)
    return document, check_workspace(document, root)


def check_workspace(document: Any, root: Place) -> tuple[str, ...]:
    """Check a parsed workspace completely.

    Args:
        document: the parsed JSON.
        root: the place that stands for it in messages.

    Returns:
        Notices on what is allowed but probably not meant.

    Raises:
        InvalidFile: naming file, JSON path, value and expectation.
    """
    if isinstance(document, dict) and document.get("version", VERSION) != VERSION:
        (root / "version").refuse(f"{document['version']!r} is not supported; expected {VERSION!r}")
    take_object(document, root, ("channels", "measurements", "observations", "version"))
    channels = take_named(document["channels"], root / "channels")
    for channel, place in channels.values():
        _check_channel(channel, place)
    uses = collect_uses(document, root)
    notices = [*_check_observations(document, root, channels), *_idle_modifiers(document, root)]
    measurements = take_named(document["measurements"], root / "measurements")
    for measurement, place in measurements.values():
        notices += check_measurement(measurement, place, uses)
    if len(measurements) > 1:
        notices.append(
            f"{root.file}: {len(measurements)} measurements; the first, {next(iter(measurements))!r}, is used"
        )
    return tuple(notices)


def _check_channel(channel: dict[str, Any], place: Place) -> None:
    take_object(channel, place, ("name", "samples"))
    bins: int | None = None
    for sample, at in take_named(channel["samples"], place / "samples").values():
        take_object(sample, at, ("name", "data", "modifiers"))
        bins = len(take_numbers(sample["data"], at / "data", bins))
        seen: set[tuple[str, str]] = set()
        for i, modifier in enumerate(take_array(sample["modifiers"], at / "modifiers", empty=True)):
            key = _check_modifier(modifier, at / "modifiers" / i, bins)
            if key in seen:
                (at / "modifiers" / i).refuse(f"{key[0]} {key[1]!r} stands twice on this sample; remove one")
            seen.add(key)


def _check_modifier(modifier: Any, place: Place, bins: int) -> tuple[str, str]:
    take_object(modifier, place, ("name", "type", "data"))
    kind, name = take_text(modifier["type"], place / "type"), take_text(modifier["name"], place / "name")
    data, at = modifier["data"], place / "data"
    match kind:
        case "normfactor" | "shapefactor" | "lumi":
            if data is not None:
                at.refuse(f"a {kind} has no data; expected null")
            if kind == "lumi" and name != "lumi":
                (place / "name").refuse(f"{name!r} should be 'lumi'")
        case "normsys":
            take_object(data, at, ("hi", "lo"))
            for side in ("hi", "lo"):
                if take_number(data[side], at / side) <= 0:
                    (at / side).refuse(f"{data[side]} should be a factor above 0")
        case "histosys":
            take_object(data, at, ("hi_data", "lo_data"))
            for side in ("hi_data", "lo_data"):
                take_numbers(data[side], at / side, bins)
        case "shapesys" | "staterror":
            for i, sigma in enumerate(take_numbers(data, at, bins)):
                if sigma < 0:
                    (at / i).refuse(f"{sigma} should be an uncertainty, not negative")
        case _:
            near = near_names(kind, ("normfactor", "normsys", "histosys", "lumi", *PER_BIN))
            (place / "type").refuse(f"unknown modifier type {kind!r}; {near}")
    return kind, name


def walk_modifiers(document: Mapping[str, Any], root: Place) -> Iterator[tuple[dict[str, Any], int, str, Place]]:
    """All modifiers with the number of bins and the name of their channel, and their place."""
    for c, channel in enumerate(document["channels"]):
        for s, sample in enumerate(channel["samples"]):
            for m, modifier in enumerate(sample["modifiers"]):
                place = root / "channels" / c / "samples" / s / "modifiers" / m
                yield modifier, len(sample["data"]), channel["name"], place


def collect_uses(document: Mapping[str, Any], root: Place) -> dict[str, ParameterUse]:
    """What each modifier name stands for.

    Raises:
        InvalidFile: if one name stands for different things, naming both places.
    """
    uses: dict[str, ParameterUse] = {}
    for modifier, length, channel, place in walk_modifiers(document, root):
        name, kind = modifier["name"], modifier["type"]
        kind = "pull" if kind in ("normsys", "histosys") else kind
        new = ParameterUse(kind, length if kind in PER_BIN else None, place, channel)
        if name in uses:
            _check_reuse(name, uses[name], new)
        else:
            uses[name] = new
    owners: dict[str, str] = {}
    for name, use in uses.items():
        for parameter in use.names(name):
            if owners.setdefault(parameter, name) != name:
                other = uses[owners[parameter]].place.path
                use.place.refuse(f"{name!r} gives a parameter {parameter!r}, and so does {other}; rename one")
    return uses


def _check_reuse(name: str, first: ParameterUse, second: ParameterUse) -> None:
    also = f"{name!r} is used as {first.kind} in {first.place.path}"
    if first.kind != second.kind:
        second.place.refuse(f"{also} and as {second.kind} here; rename one")
    if first.kind == "shapesys":
        second.place.refuse(f"{also}; a shapesys belongs to one sample of one channel, rename one")
    if first.kind == "staterror" and first.channel != second.channel:
        second.place.refuse(f"{also}; a staterror belongs to one channel, rename one")
    if first.bins != second.bins:
        second.place.refuse(f"{also} with {first.bins} bins and with {second.bins} here; rename one")


def _check_observations(
    document: Mapping[str, Any], root: Place, channels: Mapping[str, tuple[dict[str, Any], Place]]
) -> Iterator[str]:
    observations = take_named(document["observations"], root / "observations")
    for name, (channel, place) in channels.items():
        if name not in observations:
            place.refuse(f"channel {name!r} has no entry in observations; add one")
        _check_counts(channel, *observations[name])
    for name, (observation, place) in observations.items():
        take_object(observation, place, ("name", "data"))
        take_numbers(observation["data"], place / "data")
        if name not in channels:
            yield f"{place}: {name!r} is no channel; these counts are not used"


def _check_counts(channel: dict[str, Any], observation: dict[str, Any], place: Place) -> None:
    take_object(observation, place, ("name", "data"))
    templates = [sample["data"] for sample in channel["samples"]]
    for i, n in enumerate(take_numbers(observation["data"], place / "data", len(templates[0]))):
        if n < 0:
            (place / "data" / i).refuse(f"{n:g} is a negative count")
        expected = sum(template[i] for template in templates)
        if n > 0 and expected <= 0:
            names = ", ".join(repr(sample["name"]) for sample in channel["samples"])
            (place / "data" / i).refuse(
                f"{n:g} observed in channel {channel['name']!r}, bin {i}, where the samples {names} together expect "
                f"{expected:g}; merge the bin with a neighbour or give it a positive expectation"
            )


def _idle_modifiers(document: Mapping[str, Any], root: Place) -> Iterator[str]:
    for modifier, _, _, place in walk_modifiers(document, root):
        if modifier["type"] == "normsys" and modifier["data"]["hi"] == modifier["data"]["lo"] == 1:
            yield f"{place}: normsys {modifier['name']!r} has no effect (hi = lo = 1)"
