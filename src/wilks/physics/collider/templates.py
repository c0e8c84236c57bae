"""Weighted templates: events of all samples through one selection into histograms, summed chunk by chunk."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel, UnknownName, check_option, near_names
from wilks.data.axes import Category, ContinuousAxis, Regular
from wilks.data.events import Events
from wilks.data.histogram import Histogram, total

from .cutflow import Cutflow, CutSums
from .events import check_leptons
from .identity import check_dataset, normalisation_notices
from .samples import Rest, Sample, SampleTable
from .selection import Selection
from .tables.template_table import TemplateTable

ON_NAN = ("error", "drop")
EDGE_TOLERANCE = 1e-3
"""Distance to a bin edge, in the unit of the axis, below which an event counts as near it."""


@dataclass(frozen=True, eq=False)
class Templates:
    """Expected events per bin of each sample (or group of samples), with variances, and the data.

    Args:
        histograms: simulation by name.
        data: observed events, if there are any.
        cutflow: events, sums of weights and squared weights after each cut, by sample.
        luminosity_fb: integrated luminosity of the normalisation in fb^-1.
        notices: sentences that every result from these templates should carry.
        variations: for each sample, histograms (up, down) by name of the systematic.
        selection: digest of the selection.
        citation: publication of the data, if known.
        near_edges: by sample, events within ``EDGE_TOLERANCE`` of a bin edge, which rounding could move.
    """

    histograms: Mapping[str, Histogram]
    data: Histogram | None = None
    cutflow: Cutflow = field(default_factory=lambda: Cutflow({}))
    luminosity_fb: float | int | None = None
    notices: tuple[str, ...] = ()
    variations: Mapping[str, Mapping[str, tuple[Histogram, Histogram]]] = field(default_factory=dict)
    selection: str = ""
    citation: str = ""
    near_edges: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_table(cls, table: TemplateTable) -> "Templates":
        """Templates of a typed table.

        Args:
            table: figures of the package, such as ``tables.OFFICIAL_EXTENDED``.
        """
        return cls(table.histograms, table.data, luminosity_fb=table.luminosity_fb, citation=table.citation)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the simulated samples or groups."""
        return tuple(self.histograms)

    @property
    def total(self) -> Histogram:
        """Sum of all simulated histograms."""
        return total(self.histograms)

    def grouped(self, **groups: Iterable[str] | Rest) -> "Templates":
        """Templates summed in groups; the name of a group becomes the name of its norm.

        Args:
            groups: names of the samples of each group, or ``REST`` for all others.

        Raises:
            UnknownName: for an unknown sample.
            InvalidModel: if a sample is in no group or in two, or a group is empty.
        """
        members = _members(groups, self.names)
        parts = {name: [self.histograms[sample] for sample in samples] for name, samples in members.items()}
        return replace(
            self,
            histograms={name: total(histograms, label=name) for name, histograms in parts.items()},
            variations={name: self._summed_variations(samples) for name, samples in members.items()},
        )

    def scaled(self, values: Mapping[str, Any]) -> "Templates":
        """Templates with each histogram times the value of the same name; names without a value stay.

        Args:
            values: norms by name, such as the values of a fit; names that are no template are ignored.
        """
        factors = {name: float(values[name]) if name in values else 1.0 for name in self.names}
        scaled = {name: h.scale(factors[name]) for name, h in self.histograms.items()}
        moved = {
            name: {key: (up.scale(factors[name]), down.scale(factors[name])) for key, (up, down) in pairs.items()}
            for name, pairs in self.variations.items()
        }
        return replace(self, histograms=scaled, variations=moved)

    def mapped(self, change: Callable[[Histogram], Histogram]) -> "Templates":
        """Templates with every histogram changed in the same way, data and variations included.

        Args:
            change: such as ``lambda h: h.merge(2)``.
        """
        moved = {
            name: {key: (change(up), change(down)) for key, (up, down) in pairs.items()}
            for name, pairs in self.variations.items()
        }
        return replace(
            self,
            histograms={name: change(h) for name, h in self.histograms.items()},
            data=None if self.data is None else change(self.data),
            variations=moved,
        )

    def noticed(self, *sentences: str) -> "Templates":
        """Templates with further notices."""
        return replace(self, notices=(*self.notices, *sentences))

    def _summed_variations(self, samples: Iterable[str]) -> dict[str, tuple[Histogram, Histogram]]:
        samples = tuple(samples)
        keys = dict.fromkeys(key for sample in samples for key in self.variations.get(sample, {}))
        pairs = {
            key: [self.variations.get(s, {}).get(key, (self.histograms[s], self.histograms[s])) for s in samples]
            for key in keys
        }
        return {key: (total([up for up, _ in p]), total([down for _, down in p])) for key, p in pairs.items()}


def fill(
    sources: Mapping[str, Iterable[Events]],
    samples: SampleTable,
    selection: Selection,
    variable: Callable[[Events], Float[np.ndarray, " events"]],
    axis: ContinuousAxis,
    luminosity_fb: float | int,
    *,
    on_nan: str = "error",
    allow_missing: bool = False,
) -> Templates:
    """Histograms of one variable for all samples; only running sums are kept in memory.

    Args:
        sources: batches of events by sample name.
        samples: table that names and normalises them.
        selection: cuts to apply.
        variable: from selected events to one number each, such as ``events.mass_4l``.
        axis: axis of the histograms.
        luminosity_fb: integrated luminosity in fb^-1.
        on_nan: ``error`` or ``drop`` for a variable or weight that is not finite; dropped events are counted.
        allow_missing: whether samples of the table may have no source; the result then says so.

    Raises:
        UnknownName: if a source is not in the table.
        InvalidData: if samples are missing, or an event cannot be used.
    """
    check_option("on_nan", on_nan, ON_NAN)
    for name in sources:
        samples[name]  # an unknown name is an error before any file is read
    missing = [name for name in samples.names if name not in sources]
    if missing and not allow_missing:
        raise InvalidData(f"no events for the samples {', '.join(missing)}; give them or allow missing samples")
    filled = {
        name: _fill_one(batches, samples[name], selection, variable, axis, luminosity_fb, on_nan)
        for name, batches in sources.items()
    }
    observed = [one.histogram for name, one in filled.items() if samples[name].is_data]
    notices = [f"incomplete: {', '.join(missing)}"] if missing else []
    return Templates(
        histograms={name: one.histogram for name, one in filled.items() if not samples[name].is_data},
        data=total(observed, label="data") if observed else None,
        cutflow=Cutflow({name: one.sums for name, one in filled.items()}),
        luminosity_fb=luminosity_fb,
        notices=(*notices, *(sentence for one in filled.values() for sentence in one.notices)),
        selection=selection.digest,
        near_edges={name: one.near_edges for name, one in filled.items()},
    )


def from_hist(
    histogram: Histogram, *, process: str = "process", variation: str | None = None, separator: str = "_"
) -> Templates:
    """Templates from one histogram with a category axis of processes, and perhaps one of variations.

    Args:
        histogram: three axes at most: processes, variations, and the observable.
        process: name of the axis of processes.
        variation: name of the axis of variations, whose labels are ``nominal``, ``<name>_up``, ``<name>_down``.
        separator: what stands between the name of a variation and ``up`` or ``down``.

    Raises:
        UnknownName: if an axis or the label ``nominal`` does not exist.
        InvalidModel: if a variation has only one side, or a label is none of the three kinds.
    """
    nominal = histogram if variation is None else histogram.select(variation, "nominal")
    templates = {name: nominal.select(process, name) for name in _labels(nominal, process)}
    if variation is None:
        return Templates(templates)
    sides: dict[str, dict[str, Histogram]] = {}
    for label in _labels(histogram, variation):
        name, found, side = label.rpartition(separator)
        if label != "nominal" and not (found and side in ("up", "down")):
            raise InvalidModel(f"variation {label!r} is neither 'nominal' nor ends in {separator}up or {separator}down")
        if label != "nominal":
            sides.setdefault(name, {})[side] = histogram.select(variation, label)
    lonely = [name for name, pair in sides.items() if len(pair) != 2]
    if lonely:
        raise InvalidModel(f"variation {lonely[0]!r} has only {next(iter(sides[lonely[0]]))!r}; give up and down")
    pairs = {name: (pair["up"], pair["down"]) for name, pair in sides.items()}
    moved = {
        sample: {name: (up.select(process, sample), down.select(process, sample)) for name, (up, down) in pairs.items()}
        for sample in templates
    }
    return Templates(templates, variations=moved)


def _labels(histogram: Histogram, name: str) -> tuple[str, ...]:
    axes = {axis.name: axis for axis in histogram.axes}
    axis = axes.get(name)
    if not isinstance(axis, Category):
        raise UnknownName(f"histogram {histogram.label!r} has no category axis {name!r}; {near_names(name, axes)}")
    return axis.labels


@dataclass(frozen=True, eq=False)
class _Filled:
    histogram: Histogram
    sums: CutSums
    notices: tuple[str, ...]
    near_edges: int


def _fill_one(
    batches: Iterable[Events],
    sample: Sample,
    selection: Selection,
    variable: Callable[[Events], np.ndarray],
    axis: ContinuousAxis,
    luminosity_fb: float | int,
    on_nan: str,
) -> _Filled:
    histogram, sums, notices, zeros, near = Histogram.empty(axis, label=sample.name), None, {}, 0, 0
    for events in batches:
        check_leptons(events)
        check_dataset(sample, events)
        notices |= dict.fromkeys(normalisation_notices(sample, events))
        weights = sample.weights(events, luminosity_fb)
        usable = _finite(events, weights, "weight", on_nan)
        if not usable.all():
            events, weights = events.where(usable), weights[usable]
        kept, kept_weights, steps = selection.apply(events, weights)
        del events, weights  # memory is for one batch only
        x = variable(kept)
        finite = _finite(kept, x, "variable", on_nan)
        histogram = histogram.filled(x[finite], weights=kept_weights[finite])
        zeros += int(np.count_nonzero(x == 0))
        near += _near_edges(x[finite], axis)
        if on_nan == "drop":
            steps = _with_drops(steps, len(usable), kept_weights[finite])
        sums = steps if sums is None else sums + steps
        del kept, kept_weights, x
    if sums is None:
        sums = CutSums.of(("input",), [np.zeros(0, dtype=bool)], np.zeros(0))
    if zeros:
        notices[f"{sample.name}: {zeros} events with m^2 < 0 by rounding, taken as 0"] = None
    if not sums.events[-1]:
        notices[f"{sample.name}: the selection keeps no event"] = None
    return _Filled(histogram, sums, tuple(notices), near)


def _near_edges(x: np.ndarray, axis: ContinuousAxis) -> int:
    if isinstance(axis, Regular):
        width = (axis.upper - axis.lower) / axis.bins
        inside = x[(x > axis.lower - EDGE_TOLERANCE) & (x < axis.upper + EDGE_TOLERANCE)]
        position = (inside - axis.lower) / width
        return int(np.count_nonzero(np.abs(position - np.rint(position)) * width < EDGE_TOLERANCE))
    above = np.searchsorted(axis.edges, x - EDGE_TOLERANCE)  # differs where an edge lies between the two
    return int(np.count_nonzero(above != np.searchsorted(axis.edges, x + EDGE_TOLERANCE)))


def _finite(events: Events, x: np.ndarray, what: str, on_nan: str) -> np.ndarray:
    finite = np.isfinite(x)
    if on_nan == "error" and not finite.all():
        first = int(np.argmin(finite))
        raise InvalidData(
            f"{events.source}: {what} is not finite in {np.count_nonzero(~finite)} events, first {x[first]} in event "
            f"{first} of those kept from {events.first} on; repair them or use on_nan='drop'"
        )
    return finite


def _with_drops(steps: CutSums, read: int, weights: np.ndarray) -> CutSums:
    """Cutflow with what was read before it, and what remains finite after it."""
    return CutSums(
        ("read", "finite weight", *steps.steps[1:], "finite variable"),
        np.concatenate([[read], steps.events, [len(weights)]]),
        np.concatenate([steps.sumw[:1], steps.sumw, [weights.sum()]]),
        np.concatenate([steps.sumw2[:1], steps.sumw2, [(weights * weights).sum()]]),
    )


def _members(groups: Mapping[str, Iterable[str] | Rest], names: tuple[str, ...]) -> dict[str, list[str]]:
    """Samples of each group; samples that a group names but nobody filled are left out."""
    named = {name: list(samples) for name, samples in groups.items() if not isinstance(samples, Rest)}
    taken = [sample for samples in named.values() for sample in samples]
    twice = sorted({sample for sample in taken if taken.count(sample) > 1})
    if twice:
        raise InvalidModel(f"sample {twice[0]!r} is in two groups; each sample has one norm")
    rest = [sample for sample in names if sample not in taken]
    members = {name: named.get(name, rest) for name in groups}
    left = rest if not any(isinstance(samples, Rest) for samples in groups.values()) else []
    if left:
        raise InvalidModel(f"samples {', '.join(left)} are in no group; name them or give one group REST")
    for name, samples in members.items():
        if not any(sample in names for sample in samples):
            unknown = samples[0] if samples else ""
            raise UnknownName(f"group {name!r}: none of its samples is filled; {near_names(unknown, names)}")
    return {name: [sample for sample in samples if sample in names] for name, samples in members.items()}
