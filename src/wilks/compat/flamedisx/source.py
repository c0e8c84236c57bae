"""What all sources of flamedisx can do: simulate, judge events, and say what they are made of."""

import abc
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks._base.typing import Key
from wilks.data.events import Events
from wilks.model.sources import AbstractEventSource
from wilks.physics.xenon.configuration import read_configuration

from .frames import fixed_truth, to_events, to_frame
from .randomness import drawn_key

_OF_SUMMATION = ("max_sigma", "max_sigma_outer")


class AbstractSource(abc.ABC):
    """A source of events with the interface of flamedisx; ``native`` is the source of Wilks that does the work.

    Args:
        data: frame of events to be judged.
        batch_size: kept, without effect on any number.
        data_is_annotated: accepted without effect, like ``fit_params``, ``progress`` and names with an underscore.
        params: defaults of parameters, constants and attributes.
    """

    native: Any
    model_functions: tuple[str, ...] = ()
    special_model_functions: tuple[str, ...] = ()
    frozen_model_functions: tuple[str, ...] = ()
    model_attributes: tuple[str, ...] = ()
    array_columns: tuple[tuple[str, int], ...] = ()

    def __init__(
        self,
        data: Any = None,
        batch_size: int = 10,
        data_is_annotated: bool = False,
        _skip_tf_init: bool = False,
        _skip_bounds_computation: bool = False,
        fit_params: Any = None,
        progress: bool = False,
        **params: Any,
    ) -> None:
        self.batch_size = batch_size
        self.max_sigma = 3.0
        self._settings: dict[str, Any] = {}
        self.set_defaults(**params)
        self.set_data(data)

    @abc.abstractmethod
    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks with these settings."""

    @abc.abstractmethod
    def draw(self, native: Any, key: Key, n: Any, values: Mapping[str, float], fix: Any) -> Events:
        """Events of a source of Wilks that survive out of n trials."""

    @abc.abstractmethod
    def annotated(self, native: Any, events: Events) -> Events:
        """Events with estimates of what happened in the detector, where that makes sense."""

    @property
    def defaults(self) -> dict[str, float]:
        """Default of every parameter."""
        return {p.name: float(p.start) for p in self.native.space.parameters}

    @property
    def data(self) -> Any:
        """The events to be judged, annotated; None without data."""
        return None if self._events is None else to_frame(self.annotated(self.native, self._events))

    @property
    def n_events(self) -> int:
        """Number of events to be judged."""
        return 0 if self._events is None else len(self._events)

    @property
    def n_batches(self) -> int:
        """Number of batches that flamedisx would make of them."""
        return -(-self.n_events // self.batch_size)

    def takes(self, name: str) -> bool:
        """Whether a setting or parameter of this name exists here."""
        return name in (*self.native.space.names, *self.model_functions, *self.model_attributes, *_OF_SUMMATION)

    def set_defaults(self, *, config: Any = None, **params: Any) -> None:
        """Change defaults of parameters, constants and attributes.

        Args:
            config: a file, or several, of plain assignments (``.py``, never run) or TOML, read before the others.
            params: by name.

        Raises:
            UnknownName: for a setting that does not exist.
        """
        read: dict[str, Any] = {}
        for path in [] if config is None else _listed(config):
            read |= read_configuration(path)
        given = {**read, **params}
        self.max_sigma = given.pop("max_sigma", None) or self.max_sigma
        given.pop("max_sigma_outer", None)
        self._settings |= given
        for name, value in given.items():
            if name in (*self.model_functions, *self.model_attributes):
                setattr(self, name, value)
        self.native = self.make(self._settings)

    def set_data(self, data: Any = None, data_is_annotated: bool = False, **params: Any) -> None:
        """Events to be judged from now on, and perhaps new defaults."""
        if params:
            self.set_defaults(**params)
        self._events = None if data is None else to_events(data)

    def batched_differential_rate(self, progress: bool = True, **params: Any) -> Float[np.ndarray, " events"]:
        """Differential rate of every event of the data, PE^-2 for sources of recoils.

        Args:
            progress: accepted without effect: there is nothing to wait for.
            params: parameters that are not at their defaults.

        Raises:
            InvalidData: without data, or for data that the source cannot judge.
        """
        if self._events is None:
            raise InvalidData(f"this {type(self).__name__} has no data; give it events, or call set_data(events)")
        native, values = self._with(params)
        return np.asarray(native.rate(values, self._events))

    def simulate(
        self,
        n_events: Any,
        fix_truth: Any = None,
        full_annotate: bool = False,
        keep_padding: bool = False,
        *,
        seed: Key | int | None = None,
        **params: Any,
    ) -> Any:
        """Frame of the events that survive out of ``n_events`` trials.

        Args:
            n_events: number of trials.
            fix_truth: energy, time or position that all events share; a frame of one event, or a row.
            full_annotate: add estimates of quanta and energies.
            keep_padding: accepted without effect.
            seed: of this call; by default drawn from numpy's global state.
            params: parameters that are not at their defaults.
        """
        native, values = self._with(params)
        events = self.draw(native, drawn_key(seed), n_events, values, fixed_truth(fix_truth))
        return to_frame(self.annotated(self.variant(params), events) if full_annotate else events)

    def annotate_data(self, data: Any, **params: Any) -> Any:
        """A frame with estimates of quanta and energies added."""
        return to_frame(self.annotated(self.variant(params), to_events(data)))

    def mu_before_efficiencies(self, **params: Any) -> float:
        """Expected number of events before any loss."""
        native, values = self._with(params)
        return float(native.mu_before_efficiencies(values))

    def estimate_mu(self, n_trials: Any = 100_000, *, seed: Key | int | None = None, **params: Any) -> float:
        """Expected number of events after all losses, by simulation: a check of the exact number of the likelihood."""
        kept = len(self.simulate(n_trials, seed=seed, **params))
        return self.mu_before_efficiencies(**params) * kept / n_trials

    def variant(self, changes: Mapping[str, Any]) -> Any:
        """The source of Wilks with further settings."""
        return self.make({**self._settings, **changes}) if changes else self.native

    def _with(self, params: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The source of Wilks with changed constants, and the values of parameters."""
        for name in params:
            if not self.takes(name):
                known = [*self.native.space.names, *self.model_functions, *self.model_attributes]
                raise UnknownName(f"{type(self).__name__} has no parameter {name!r}; {near_names(name, known)}")
        values = {name: float(x) for name, x in params.items() if name in self.native.space}
        others = {name: x for name, x in params.items() if name not in values and name not in _OF_SUMMATION}
        return self.variant(others), values


def _listed(config: Any) -> Iterable[Any]:
    return config if isinstance(config, (list, tuple)) else (config,)
