"""Sources whose rates are known beforehand: in a column, in templates, or in a reservoir of events."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from wilks._base.errors import InvalidModel, InvalidOption
from wilks._base.notices import notice
from wilks._base.typing import Key
from wilks.data.events import Events
from wilks.model.sources import AbstractEventSource
from wilks.physics.xenon.column_source import ColumnSource as NativeColumn
from wilks.physics.xenon.reservoir import SUFFIX
from wilks.physics.xenon.template_source import MultiTemplateSource as NativeMultiTemplate
from wilks.physics.xenon.template_source import TemplateSource as NativeTemplate

from .evaluation import expected_number
from .frames import pandas, to_events, to_frame
from .randomness import drawn_key
from .source import AbstractSource


class AbstractGivenSource(AbstractSource):
    """A source without a detector: nothing is annotated, no truth can be fixed."""

    def annotated(self, native: Any, events: Events) -> Events:
        """The events as they are."""
        return events


class ColumnSource(AbstractGivenSource):
    """The differential rate stands in the column ``column`` of the data, the expected number is ``mu``."""

    model_attributes = ("column", "mu")
    column: str = "rename_me!"
    mu: float = 42.0

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        return NativeColumn(self.column, mu=float(self.mu))

    def draw(self, native: Any, key: Key, n: Any, values: Mapping[str, float], fix: Any) -> Events:
        """Nothing: a column knows no events."""
        notice(f"{type(self).__name__} cannot simulate events; it takes rates from the column {self.column!r}")
        return Events({})


class TemplateSource(AbstractGivenSource):
    """Differential rates looked up in a histogram.

    Args:
        template: an array, a pair of array and edges, or a histogram of hist, boost-histogram or multihist.
        bin_edges: of an array, one list per axis.
        axis_names: columns of the axes; those of the histogram by default.
        events_per_bin: whether contents are events per bin; else they are differential rates.
        interpolate: whether rates are linear between the centres of bins.
        outside: "zero" gives events outside the bins the rate 0, "error" refuses them.
        arguments: as for other sources.
    """

    def __init__(
        self,
        template: Any,
        bin_edges: Any = None,
        axis_names: Any = None,
        events_per_bin: bool = False,
        interpolate: bool = False,
        *arguments: Any,
        outside: str = "zero",
        **params: Any,
    ) -> None:
        template, edges = _taken_apart(template, bin_edges)
        options = {"events_per_bin": events_per_bin, "interpolate": interpolate, "outside": outside}
        self._template = NativeTemplate(template, edges, axis_names, **options)
        self.mu = float(self._template.expected_events())
        super().__init__(*arguments, **params)

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        _refuse_settings(self, settings)
        return self._template

    def draw(self, native: Any, key: Key, n: Any, values: Mapping[str, float], fix: Any) -> Events:
        """n events that follow the template."""
        _refuse_fixed(self, fix)
        return native.draw(key, int(n))


class MultiTemplateSource(AbstractGivenSource):
    """Linear morphing between templates, each at one point of the parameters; the first point gives the defaults.

    Args:
        params_and_templates: pairs of ``{parameter: value}`` and a template.
        bin_edges: as for `TemplateSource`, like the others.
        axis_names: likewise.
        events_per_bin: likewise.
        interpolate: likewise.
        outside: likewise.
        extrapolate: whether parameters may leave the hull of the points.
        arguments: as for other sources.
    """

    def __init__(
        self,
        params_and_templates: Any,
        bin_edges: Any = None,
        axis_names: Any = None,
        events_per_bin: bool = False,
        interpolate: bool = False,
        *arguments: Any,
        outside: str = "zero",
        extrapolate: bool = False,
        **params: Any,
    ) -> None:
        parts = [(dict(point), *_taken_apart(template, bin_edges)) for point, template in params_and_templates]
        nodes, edges = [(point, template) for point, template, _ in parts], parts[0][2] if parts else None
        options = {"events_per_bin": events_per_bin, "interpolate": interpolate, "outside": outside}
        self._templates = NativeMultiTemplate(nodes, edges, axis_names, extrapolate=extrapolate, **options)
        super().__init__(*arguments, **params)

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        _refuse_settings(self, settings)
        return self._templates

    def draw(self, native: Any, key: Key, n: Any, values: Mapping[str, float], fix: Any) -> Events:
        """n events that follow the morphed template."""
        _refuse_fixed(self, fix)
        return native.draw(key, int(n), values)


class FrozenReservoirSource(AbstractGivenSource):
    """Events and rates of another source, taken from a reservoir; for fits of rates.

    Args:
        source_type: class of that source.
        source_name: its name in the reservoir.
        source_kwargs: its arguments.
        reservoir: frame from `make_event_reservoir`.
        input_mu: its expected number of events, if it is known; else it is computed.
        arguments: as for other sources.
    """

    def __init__(
        self,
        source_type: Any = None,
        source_name: str | None = None,
        source_kwargs: Mapping[str, Any] | None = None,
        reservoir: Any = None,
        input_mu: float | None = None,
        *arguments: Any,
        **params: Any,
    ) -> None:
        if source_type is None or source_name is None or reservoir is None:
            raise InvalidOption("FrozenReservoirSource needs source_type, source_name and reservoir")
        pool = to_events(reservoir, "reservoir")
        own = np.asarray(pool["source"]) == source_name
        if not own.any():
            raise InvalidModel(f"the reservoir holds no events of source {source_name!r}")
        self.source_name, self.column = source_name, source_name + SUFFIX
        if input_mu is None:
            input_mu = expected_number(source_type(**(source_kwargs or {})).native)
        self.mu = float(input_mu)
        self._pool = pool.where(own)
        super().__init__(*arguments, **params)

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        _refuse_settings(self, settings)
        return NativeColumn(self.column, mu=self.mu, pool=self._pool)

    def draw(self, native: Any, key: Key, n: Any, values: Mapping[str, float], fix: Any) -> Events:
        """n rows of the reservoir, with replacement."""
        _refuse_fixed(self, fix)
        rows = jax.random.randint(key, (int(n),), 0, len(self._pool))
        return self._pool.where(np.asarray(rows))


def make_event_reservoir(
    ntoys: int | None = None,
    input_prefix: str = "",
    input_label: str | None = None,
    reservoir_output_name: str | None = None,
    max_rm_dict: Mapping[str, float] | None = None,
    *,
    seed: Key | int | None = None,
    **sources: Any,
) -> Any:
    """A frame of simulated events with the rate of each under every source, for `FrozenReservoirSource`.

    Args:
        ntoys: number of toys to be drawn from it, 1000 by default.
        input_prefix: of files of events without rates; there are none here, so it stays empty.
        input_label: likewise.
        reservoir_output_name: also write the frame there, as a pickle.
        max_rm_dict: largest rate multiplier by source.
        seed: of the draws; by default from numpy's global state.
        sources: by name.
    """
    if not sources:
        raise InvalidOption("make_event_reservoir needs at least one source, by name")
    if input_label is not None or input_prefix:
        raise InvalidOption("there are no reservoirs without rates here; leave out input_prefix and input_label")
    most, keys = max_rm_dict or {}, jax.random.split(drawn_key(seed), len(sources))
    frames = []
    for key, (name, source) in zip(keys, sources.items(), strict=True):
        n = int(most.get(name, 1.0) * (ntoys or 1000) * source.mu_before_efficiencies())
        frame = to_frame(source.draw(source.native, key, n, {}, None))
        frames.append(frame.assign(source=name))
    pool = pandas().concat(frames, ignore_index=True)
    events = to_events(pool, "reservoir")
    for name, source in sources.items():
        pool[name + SUFFIX] = np.asarray(source.native.rate({}, events))
    if reservoir_output_name is not None:
        pool.to_pickle(reservoir_output_name)
    return pool


def _taken_apart(template: Any, edges: Any) -> tuple[Any, Any]:
    """Contents and edges of a pair, as ``numpy.histogramdd`` gives them; anything else as it is."""
    if edges is None and isinstance(template, tuple) and len(template) == 2:
        return np.asarray(template[0]), list(template[1])
    return template, edges


def _refuse_settings(source: AbstractSource, settings: Mapping[str, Any]) -> None:
    if settings:
        raise InvalidOption(f"{type(source).__name__} takes no setting {next(iter(settings))!r}")


def _refuse_fixed(source: AbstractSource, fix: Any) -> None:
    if fix:
        raise InvalidOption(f"{type(source).__name__} cannot fix the truth of its events")
