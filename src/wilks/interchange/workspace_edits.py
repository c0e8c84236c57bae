"""Operations on workspaces as documents: prune, rename, sort and combine; each returns a new document."""

import copy
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from wilks._base.errors import InvalidModel, UnknownName, check_option, near_names

JOINS = ("none", "outer", "left outer", "right outer")
"""How two workspaces may be combined: refuse common names, accept equal ones, prefer the left, prefer the right."""


def prune_workspace(
    document: Mapping[str, Any],
    *,
    channels: Collection[str] = (),
    samples: Collection[str] = (),
    modifiers: Collection[str] = (),
    modifier_types: Collection[str] = (),
    measurements: Collection[str] = (),
) -> dict[str, Any]:
    """Leave out parts by name; settings of parameters that no modifier brings any more go with them.

    Raises:
        UnknownName: for a name that the workspace does not hold.
    """
    known = _names(document)
    asked = {
        "channel": channels,
        "sample": samples,
        "modifier": modifiers,
        "modifier type": modifier_types,
        "measurement": measurements,
    }
    for what, names in asked.items():
        _check_known(what, names, known[what])

    def keep_sample(sample: dict[str, Any]) -> dict[str, Any]:
        kept = [m for m in sample["modifiers"] if m["name"] not in modifiers and m["type"] not in modifier_types]
        return {**sample, "modifiers": kept}

    result = copy.deepcopy(dict(document))
    result["channels"] = [
        {**channel, "samples": [keep_sample(s) for s in channel["samples"] if s["name"] not in samples]}
        for channel in result["channels"]
        if channel["name"] not in channels
    ]
    result["observations"] = [o for o in result["observations"] if o["name"] not in channels]
    result["measurements"] = [m for m in result["measurements"] if m["name"] not in measurements]
    left = _names(result)["modifier"]
    for measurement in result["measurements"]:
        config = measurement["config"]
        gone = known["modifier"] - left
        config["parameters"] = [p for p in config["parameters"] if p["name"] not in gone]
    return result


def rename_workspace(
    document: Mapping[str, Any],
    *,
    channels: Mapping[str, str] | None = None,
    samples: Mapping[str, str] | None = None,
    modifiers: Mapping[str, str] | None = None,
    measurements: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Give parts new names; a parameter's settings and the parameter of interest follow its modifier.

    Raises:
        UnknownName: for a name that the workspace does not hold.
    """
    maps = {"channel": channels, "sample": samples, "modifier": modifiers, "measurement": measurements}
    known = _names(document)
    for what, names in maps.items():
        _check_known(what, names or (), known[what])

    def rename(what: str, entry: dict[str, Any]) -> None:
        entry["name"] = (maps[what] or {}).get(entry["name"], entry["name"])

    result = copy.deepcopy(dict(document))
    for channel in result["channels"]:
        rename("channel", channel)
        for sample in channel["samples"]:
            rename("sample", sample)
            for modifier in sample["modifiers"]:
                rename("modifier", modifier)
    for observation in result["observations"]:
        rename("channel", observation)
    for measurement in result["measurements"]:
        rename("measurement", measurement)
        for parameter in measurement["config"]["parameters"]:
            rename("modifier", parameter)
        measurement["config"]["poi"] = _renamed_poi(measurement["config"]["poi"], modifiers or {})
    return result


def sort_workspace(document: Mapping[str, Any]) -> dict[str, Any]:
    """All parts in alphabetical order."""

    def by_name(entry: Mapping[str, Any]) -> tuple[str, str]:
        return entry["name"], entry.get("type", "")

    result = copy.deepcopy(dict(document))
    for key in ("channels", "observations", "measurements"):
        result[key].sort(key=by_name)
    for channel in result["channels"]:
        channel["samples"].sort(key=by_name)
        for sample in channel["samples"]:
            sample["modifiers"].sort(key=by_name)
    for measurement in result["measurements"]:
        measurement["config"]["parameters"].sort(key=by_name)
    return result


def combine_workspaces(left: Mapping[str, Any], right: Mapping[str, Any], *, join: str = "none") -> dict[str, Any]:
    """Put two workspaces together; modifiers of equal names become shared.

    Args:
        left: a checked document.
        right: a checked document.
        join: what happens to channels, observations and measurements of equal names: ``"none"`` refuses them,
            ``"outer"`` accepts equal ones (and joins the settings of measurements of equal parameter of interest),
            ``"left outer"`` and ``"right outer"`` take those of one side.

    Raises:
        InvalidModel: naming the clashing parts.
    """
    check_option("join", join, JOINS)
    result = {key: _join(key, left[key], right[key], join) for key in ("channels", "observations")}
    merge = _join_measurement if join == "outer" else None
    result["measurements"] = _join("measurements", left["measurements"], right["measurements"], join, merge)
    return {**result, "version": left["version"]}


Entry = dict[str, Any]


def _join(
    what: str,
    left: Iterable[Entry],
    right: Iterable[Entry],
    join: str,
    merge: Callable[[Entry, Entry], Entry] | None = None,
) -> list[Entry]:
    joined = {entry["name"]: copy.deepcopy(entry) for entry in left}
    clashes = []
    for entry in copy.deepcopy(list(right)):
        name = entry["name"]
        if name not in joined or (join == "right outer"):
            joined[name] = entry
        elif join == "left outer" or (join == "outer" and joined[name] == entry):
            continue
        elif merge is not None:
            joined[name] = merge(joined[name], entry)
        else:
            clashes.append(name)
    if clashes:
        raise InvalidModel(
            f"{what} {', '.join(map(repr, clashes))} stand in both workspaces"
            + (" and differ" if join == "outer" else "")
            + "; rename them, or choose another join: "
            + ", ".join(other for other in JOINS if other != join)
        )
    return list(joined.values())


def _join_measurement(left: Entry, right: Entry) -> Entry:
    """One measurement of two workspaces: the same parameter of interest, and the settings of both."""
    poi = left["config"]["poi"]
    if poi != right["config"]["poi"]:
        raise InvalidModel(
            f"measurement {left['name']!r} has the parameters of interest {poi!r} and "
            f"{right['config']['poi']!r}; rename one of the measurements"
        )
    place = f"settings in measurement {left['name']!r} of"
    settings = _join(place, left["config"]["parameters"], right["config"]["parameters"], "outer")
    return {**left, "config": {"poi": poi, "parameters": settings}}


def _renamed_poi(poi: str, modifiers: Mapping[str, str]) -> str:
    """The new name of a parameter, which is a modifier or one bin of it."""
    base, bracket, rest = poi.partition("[")
    return modifiers[poi] if poi in modifiers else modifiers.get(base, base) + bracket + rest


def _names(document: Mapping[str, Any]) -> dict[str, set[str]]:
    samples = [sample for channel in document["channels"] for sample in channel["samples"]]
    modifiers = [modifier for sample in samples for modifier in sample["modifiers"]]
    return {
        "channel": {channel["name"] for channel in document["channels"]},
        "sample": {sample["name"] for sample in samples},
        "modifier": {modifier["name"] for modifier in modifiers},
        "modifier type": {modifier["type"] for modifier in modifiers},
        "measurement": {measurement["name"] for measurement in document["measurements"]},
    }


def _check_known(what: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise UnknownName(f"the workspace has no {what} {name!r}; {near_names(name, sorted(known))}")
