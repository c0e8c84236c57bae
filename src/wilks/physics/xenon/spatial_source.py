"""Recoils whose positions follow a histogram: sources on surfaces, in hot spots, or of uneven concentration."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, InvalidOption
from wilks._base.notices import notice
from wilks._base.typing import Key, Scalar, Values
from wilks.data.events import Events
from wilks.likelihood.event_padding import bucket_of, pad_rows
from wilks.model.sources import AbstractEventSource, AbstractExtendedSource
from wilks.model.staging import AbstractStagedSource
from wilks.parameters.space import ParameterSpace

from .draws import Draws
from .er import ERSource
from .evaluation import Evaluator
from .fixing import fixed_columns
from .nr import NRSource
from .positions import Positions
from .simulation import draw_places, simulate_trials
from .source import AbstractXenonSource
from .volume import Cylinder

Prepared = Mapping[str, Any]


class AbstractSpatialSource(AbstractStagedSource, AbstractExtendedSource):
    """Recoils in proportion to a histogram of positions instead of uniform ones."""

    response: eqx.AbstractVar[AbstractXenonSource]
    positions: eqx.AbstractVar[Positions]

    @property
    def model_functions(self) -> tuple[str, ...]:
        """Names of the functions that make up the model, sorted."""
        return self.response.model_functions

    @property
    def region(self) -> Cylinder:
        """Where and when it has events."""
        return self.response.volume

    def relative_to(self, extent: float) -> "AbstractSpatialSource":
        """The same source with rates relative to a uniform density over that many cm^3 ns, and 0 outside its own."""
        return eqx.tree_at(lambda s: s.response, self, self.response.relative_to(extent))

    def prepare(self, events: Events) -> Prepared:
        """Check events, keep the columns that the model functions take, and look up their positions.

        Raises:
            InvalidData: as other sources of recoils do; for missing columns of the position.
        """
        columns = self.response.prepare(events)
        density = self.positions.density(events) * self.response.volume.volume
        lost = np.flatnonzero(~(density > 0))
        if len(lost):
            notice(
                f"{events.source}: {len(lost)} of {len(events)} events, the first is event {lost[0]}, lie where the "
                "histogram of positions is empty; their rate is 0"
            )
        log_weight = np.log(density, out=np.full(len(density), -np.inf), where=density > 0)
        return {"columns": dict(columns), "log_weight": log_weight}

    def log_rate(self, values: Values | None, prepared: Prepared | Events) -> Float[Array, " events"]:
        """ln of the differential rate of every event, PE^-2, relative to uniform density in volume and live time."""
        ready = self.prepare(prepared) if isinstance(prepared, Events) else prepared
        return self.response.log_rate(values, ready["columns"]) + jnp.asarray(ready["log_weight"])

    def rate(self, values: Values | None, events: Events) -> Float[np.ndarray, " events"]:
        """Differential rate of every event, PE^-2, relative to uniform density in volume and live time."""
        if not len(events):
            return np.zeros(0)
        padded = pad_rows(self.prepare(events), bucket_of(len(events)))
        at = {name: np.asarray(x, dtype=float) for name, x in self.response.complete(values).items()}
        return np.exp(np.asarray(_log_rate(self, at, padded))[: len(events)])

    def expected_events(self, values: Values | None = None) -> Scalar:
        """Expected number of events after all selections: an average over the histogram."""
        return self.response.expected_events(values)

    def mu_before_efficiencies(self, values: Values | None = None) -> Scalar:
        """Expected number of events before any loss."""
        return self.response.mu_before_efficiencies(values)

    def staged(self, free: tuple[str, ...]) -> AbstractEventSource:
        """The same source for values in which only the named parameters leave their starts."""
        return eqx.tree_at(lambda s: s.response, self, self.response.staged(free))

    def draw(
        self, key: Key | int, n: int, values: Values | None = None, fix: Mapping[str, Any] | Events | None = None
    ) -> Events:
        """Events that survive out of n trials; the arguments are those of other sources of recoils."""
        if n < 0:
            raise InvalidOption(f"n = {n} trials; expected at least 0")
        draws = Draws([jax.random.key(key) if isinstance(key, int) else key])
        return self._drawn(draws, [n], values, fix)[0]

    def simulate(self, keys: Sequence[Key], values: Values | None = None) -> tuple[Events, ...]:
        """Sets of events with Poisson-distributed numbers of trials, one set per key."""
        if not len(keys):
            return ()
        draws = Draws(keys)
        mean = float(self.mu_before_efficiencies(values))
        return self._drawn(draws, [int(g.poisson(mean)) for g in draws.generators], values, None)

    def _drawn(
        self, draws: Draws, numbers: Sequence[int], values: Values | None, fix: Mapping[str, Any] | Events | None
    ) -> tuple[Events, ...]:
        draws.set_sizes(numbers)
        source = self.response
        evaluate = Evaluator(source.model, source, {n: float(x) for n, x in source.complete(values).items()})
        places = draw_places(draws, source.volume, source.comb, evaluate, source.with_extra_columns)
        drawn = np.concatenate([self.positions.draw(g, n) for g, n in zip(draws.generators, numbers, strict=True)])
        r, theta, z = drawn.T
        places |= source.volume.places(r, theta, z, places["event_time"])
        places |= {n: np.full(sum(numbers), x) for n, x in fixed_columns(fix, source.volume).items()}
        trials, kept = simulate_trials(draws, evaluate, places, source.recoil, source.with_extra_columns)
        return draws.sets(trials, kept)


class SpatialRateERSource(AbstractSpatialSource):
    """Electronic recoils in proportion to a histogram of positions.

        w = (content / all contents) / (volume of the bin / volume of the source)

    multiplies the rate of a uniform source; energies and their rates are those of the recoils.

    Args:
        positions: events per bin: a histogram of any kind over (r, theta, z) or (x, y, z), cm and rad, or an array.
        edges: of an array, one list per axis.
        names: of the axes; those of the histogram by default.
        response: class of the recoils; `ERSource` or one of yours.
        settings: of the recoils.

    Raises:
        InvalidModel: for other axes, bins outside the source, or model functions that do not allow it.
    """

    space: ParameterSpace
    response: AbstractXenonSource
    positions: Positions = eqx.field(static=True)

    def __init__(
        self,
        positions: Any,
        edges: Sequence[Any] | None = None,
        names: Sequence[str] | None = None,
        *,
        response: type[AbstractXenonSource] = ERSource,
        **settings: Any,
    ) -> None:
        self.positions = Positions.of(positions, edges, names)
        self.response = _at_positions(response(**settings), self.positions)
        self.space = self.response.space


class SpatialRateNRSource(AbstractSpatialSource):
    """Nuclear recoils in proportion to a histogram of positions; see `SpatialRateERSource`.

    Args:
        positions: events per bin: a histogram of any kind over (r, theta, z) or (x, y, z), cm and rad, or an array.
        edges: of an array, one list per axis.
        names: of the axes; those of the histogram by default.
        response: class of the recoils; `NRSource` or one of yours.
        settings: of the recoils.

    Raises:
        InvalidModel: for other axes, bins outside the source, or model functions that do not allow it.
    """

    space: ParameterSpace
    response: AbstractXenonSource
    positions: Positions = eqx.field(static=True)

    def __init__(
        self,
        positions: Any,
        edges: Sequence[Any] | None = None,
        names: Sequence[str] | None = None,
        *,
        response: type[AbstractXenonSource] = NRSource,
        **settings: Any,
    ) -> None:
        self.positions = Positions.of(positions, edges, names)
        self.response = _at_positions(response(**settings), self.positions)
        self.space = self.response.space


def _at_positions(source: AbstractXenonSource, positions: Positions) -> AbstractXenonSource:
    """The recoils, with nodes that average over the histogram.

    Raises:
        InvalidModel: for bins outside the volume, and model functions that change rates with place or time themselves.
    """
    positions.check_inside(source.volume)
    if source.model.columns(("energy_spectrum_rate_multiplier",)):
        raise InvalidModel(
            "'energy_spectrum_rate_multiplier' depends on event columns; a histogram of positions stands in its place"
        )
    columns = source.model.columns()
    r, theta, z, weights = positions.nodes(columns)
    if "event_time" in columns:
        raise InvalidModel(
            "a model function takes event_time; a source of a histogram of positions cannot average over it"
        )
    middle = (source.volume.t_start + source.volume.t_stop) / 2
    places = source.volume.places(r, theta, z, np.full(len(z), middle))
    blank = np.full(len(z), np.nan)
    table = source.with_extra_columns(Events({**places, "s1": blank, "s2": blank}, source="places of the source"))
    found = {name: jnp.asarray(np.asarray(table[name], dtype=float)) for name in source.layout.node_columns}
    return eqx.tree_at(lambda s: (s.layout.node_columns, s.layout.node_weights), source, (found, jnp.asarray(weights)))


@eqx.filter_jit
def _log_rate(source: AbstractSpatialSource, values: Values, prepared: Prepared) -> Float[Array, " events"]:
    return source.log_rate(values, prepared)
