"""Template histograms of a configuration of cabinetry: filled from trees, read from files, or made by the user."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption, UnknownName
from wilks._base.notices import notice
from wilks.data.axes import ContinuousAxis
from wilks.data.events import Events
from wilks.data.histogram import Histogram, total

from . import root
from .branches import Schema
from .cabinetry_parts import Region, Request, Sample, Settings, Systematic, TemplateKey, requests
from .strict_json import Place
from .uhi import read

SOURCES = ("trees", "histograms")
"""What the input path leads to."""

TemplateFunction: TypeAlias = Callable[[Region, Sample, Systematic | None, str], Any]
"""Makes one histogram: (region, sample, systematic or None, ``"Up"``, ``"Down"`` or ``"Nominal"``)."""

_AS_WRITTEN = Schema(units={})  # expressions are on the numbers of the file


def template_histograms(
    settings: Settings,
    source: str,
    overrides: Mapping[tuple[str, ...], TemplateFunction],
) -> dict[TemplateKey, Histogram]:
    """All histograms that a fit of a configuration needs.

    Args:
        settings: a configuration.
        source: one of ``SOURCES``.
        overrides: functions that make histograms, by wildcard patterns of region, sample, systematic and template; the
            first that matches counts.

    Raises:
        InvalidOption: if a pattern has not four parts.
        UnknownName: if a pattern matches nothing, or a tree lacks a column.
        InvalidFile: if a setting is missing, or a file cannot be used.
        InvalidData: if a variable or weight is not finite, or a histogram has other bins than its region.
    """
    wanted = requests(settings)
    keys = [request.key for request in wanted]
    for pattern in overrides:
        if len(pattern) != len(TemplateKey._fields):
            raise InvalidOption(f"override {pattern!r}: give four patterns, {', '.join(TemplateKey._fields)}")
        if not any(_matches(key, pattern) for key in keys):
            raise UnknownName(f"override {pattern}: no template of this configuration matches; the first is {keys[0]}")
    made: dict[TemplateKey, Histogram] = {}
    for request in wanted:
        function = next((f for pattern, f in overrides.items() if _matches(request.key, pattern)), None)
        if function is not None:
            made[request.key] = _by_user(request, function)
    rest = [request for request in wanted if request.key not in made]
    found = _filled_from_trees(settings, rest) if source == "trees" else _read_histograms(settings, rest)
    histograms = {key: (made | found)[key] for key in keys}
    _check_bins(settings, histograms)
    return histograms


def _matches(key: TemplateKey, pattern: Sequence[str]) -> bool:
    return all(fnmatch.fnmatchcase(name, part) for name, part in zip(key, pattern, strict=True))


def _by_user(request: Request, function: TemplateFunction) -> Histogram:
    made = function(request.region, request.sample, request.systematic, request.template)
    try:
        return read(made, label=str(request.key))
    except InvalidData as wrong:
        raise InvalidData(f"{request.key}: the override gave no usable histogram: {wrong}") from None


def _check_bins(settings: Settings, histograms: Mapping[TemplateKey, Histogram]) -> None:
    """Bins are those of the region; without a binning, those of its first histogram."""
    axes: dict[str, ContinuousAxis] = {
        region.name: region.axis for region in settings.regions if region.axis is not None
    }
    for key, histogram in histograms.items():
        axis = axes.setdefault(key.region, histogram.axis)
        if not _same_edges(axis, histogram.axis):
            raise InvalidData(
                f"{key}: {len(histogram.axis)} bins from {histogram.axis.edges[0]:g} to {histogram.axis.edges[-1]:g}, "
                f"but the region has {len(axis)} from {axis.edges[0]:g} to {axis.edges[-1]:g} with other edges"
            )


def _same_edges(first: ContinuousAxis, second: ContinuousAxis) -> bool:
    tolerance = 1e-9 * float(first.widths.min())
    return len(first) == len(second) and bool(np.abs(first.edges - second.edges).max() <= tolerance)


# Paths ----------------------------------------------------------------------------------------------------------------


def _paths(settings: Settings, request: Request) -> list[str]:
    """Input paths with what the settings put for the placeholders; one for each path of the sample."""
    general = settings.general
    variation = request.setting("variation_path")
    choices = {
        "RegionPath": _listed(request.setting("region_path")),
        "SamplePath": _listed(request.setting("sample_path")),
        "VariationPath": _listed(general.variation_path if variation is None else variation),
    }
    paths = [general.input_path]
    for name, values in choices.items():
        mark = f"{{{name}}}"
        if not any(mark in path for path in paths):
            if any(values):
                notice(f"{general.place.file}: a {name} is given, but InputPath {general.input_path!r} has no {mark}")
            continue
        if not values:
            part = request.region if name == "RegionPath" else request.sample
            part.place.refuse(f"InputPath has {mark}, but there is no {name} here; add it")
        paths = [path.replace(mark, value) for path in paths for value in values]
    return paths


def _listed(setting: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if setting is None else (setting,) if isinstance(setting, str) else setting


# Trees ----------------------------------------------------------------------------------------------------------------


def _filled_from_trees(settings: Settings, wanted: Sequence[Request]) -> dict[TemplateKey, Histogram]:
    """Each tree is read once, with the columns of all its histograms."""
    histograms: dict[TemplateKey, Histogram] = {}
    of_tree: dict[tuple[str, str], list[Request]] = {}
    for request in wanted:
        region = request.region
        if region.axis is None:
            region.place.refuse("histograms are filled from trees, but there is no Binning; add it")
        tree = _needed(request, "tree", "Tree", request.sample.place)
        _needed(request, "variable", "Variable", region.place)
        histograms[request.key] = Histogram.empty(region.axis, label=str(request.key))
        for path in _paths(settings, request):
            of_tree.setdefault((path, tree), []).append(request)
    for (path, tree), sharing in of_tree.items():
        needed_by = {column: str(request.key) for request in sharing for column in _columns(request)}
        for events in root.events(path, needed_by, tree=tree, schema=_AS_WRITTEN, needed_by=needed_by):
            kept: dict[str, tuple[Events, np.ndarray]] = {}
            for request in sharing:
                histograms[request.key] = _with_events(histograms[request.key], request, events, kept)
    return histograms


def _needed(request: Request, name: str, key: str, place: Place) -> Any:
    setting = request.setting(name)
    if setting is None:
        place.refuse(f"histograms are filled from trees, but there is no {key}; add it")
    return setting


def _columns(request: Request) -> list[str]:
    expressions = [request.setting(name) for name in ("variable", "filter", "weight")]
    return [column for expression in expressions if expression is not None for column in expression.columns]


def _with_events(
    histogram: Histogram, request: Request, events: Events, kept: dict[str, tuple[Events, np.ndarray]]
) -> Histogram:
    """One chunk more; events that pass a filter are kept for the other histograms of the chunk."""
    chosen, weight = request.setting("filter"), request.setting("weight")
    name = "" if chosen is None else chosen.text
    try:
        if name not in kept:
            positions = np.arange(len(events)) if chosen is None else np.flatnonzero(chosen.mask(events))
            kept[name] = (events if chosen is None else events.where(positions), positions)
        passed, positions = kept[name]
        values = _finite("Variable", request.setting("variable"), passed, positions)
        weights = None if weight is None else _finite("Weight", weight, passed, positions)
        return histogram.filled(values, weights=weights)
    except InvalidData as wrong:
        raise InvalidData(f"{events.source}: {request.key}: {wrong}") from None


def _finite(key: str, expression: Any, events: Events, positions: np.ndarray) -> np.ndarray:
    values = expression.values(events)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InvalidData(
            f"{key} {expression.text!r} is not finite for {len(bad)} events, first {values[bad[0]]} in event "
            f"{events.first + positions[bad[0]]}; leave them out with a Filter"
        )
    return values


# Histograms in files --------------------------------------------------------------------------------------------------


def _read_histograms(settings: Settings, wanted: Sequence[Request]) -> dict[TemplateKey, Histogram]:
    return {request.key: _read_histogram(settings, request) for request in wanted}


def _read_histogram(settings: Settings, request: Request) -> Histogram:
    parts: list[Histogram] = []
    for path in _paths(settings, request):
        file, _, name = path.rpartition(":")
        if not file or not name:
            settings.general.place.refuse(f"{path!r} names no histogram; write FILE:NAME as InputPath")
        try:
            parts.append(root.histogram(file, name))
        except (InvalidData, InvalidFile) as wrong:
            raise type(wrong)(f"{request.key}: {wrong}") from None
    return total(parts, label=str(request.key))
