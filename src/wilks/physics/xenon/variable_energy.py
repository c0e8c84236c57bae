"""Recoils whose spectrum of energies changes with time: piecewise constant in bins of the live time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks._base.notices import notice
from wilks._base.typing import Key, Scalar, Values
from wilks.data.events import Events
from wilks.likelihood.event_padding import bucket_of, pad_rows
from wilks.model.sources import AbstractEventSource, AbstractExtendedSource
from wilks.model.staging import AbstractStagedSource
from wilks.parameters.space import ParameterSpace

from .chain import Held
from .checks import check_finite
from .draws import Draws
from .evaluation import Evaluator
from .fixing import fixed_columns
from .simulation import draw_places, simulate_trials
from .source import AbstractXenonSource
from .volume import Cylinder

_DAY = 86_400e9
_TOGETHER = 32  # events whose tables are in memory at once

Prepared = Mapping[str, Any]


class AbstractVariableEnergySource(AbstractStagedSource, AbstractExtendedSource):
    """Recoils with one spectrum per bin of time.

    Rates and simulation take the spectrum of the bin in which an event lies; the expected number is the mean over bins.
    """

    response: eqx.AbstractVar[AbstractXenonSource]
    spectra: eqx.AbstractVar[Float[Array, "times lines"]]
    tables: eqx.AbstractVar[Held | None]

    @property
    def model_functions(self) -> tuple[str, ...]:
        """Names of the functions that make up the model, sorted."""
        return self.response.model_functions

    @property
    def time_edges(self) -> Float[np.ndarray, " edges"]:
        """Edges of the bins of time, ns since 1970-01-01 UTC."""
        volume = self.response.volume
        return np.linspace(volume.t_start, volume.t_stop, self.spectra.shape[0] + 1)

    @property
    def region(self) -> Cylinder:
        """Where and when it has events."""
        return self.response.volume

    def relative_to(self, extent: float) -> "AbstractVariableEnergySource":
        """The same source with rates relative to a uniform density over that many cm^3 ns, and 0 outside its own."""
        return eqx.tree_at(lambda s: s.response, self, self.response.relative_to(extent))

    def prepare(self, events: Events) -> Prepared:
        """Check events, keep the columns that the model functions take, and find their bins of time.

        Raises:
            InvalidData: as other sources of recoils do; for times more than a day outside the live time.
        """
        columns = self.response.prepare(events)
        if "event_time" not in events:
            raise InvalidData(f"{events.source}: no column 'event_time', which a spectrum that changes with time needs")
        return {"columns": dict(columns), "bin": self._bins(events)}

    def log_rate(self, values: Values | None, prepared: Prepared | Events) -> Float[Array, " events"]:
        """ln of the differential rate of every event, PE^-2, relative to uniform density in volume and live time."""
        ready = self.prepare(prepared) if isinstance(prepared, Events) else prepared
        tables = self._tables_at(values)

        def one(event: tuple[Array, Mapping[str, Array]]) -> Scalar:
            number, row = event
            source = self._of_bin(jnp.asarray(self.spectra)[number], jax.tree.map(lambda x: x[number], tables))
            return source.log_rate(values, {name: x[None] for name, x in row.items()})[0]

        number = jnp.asarray(ready["bin"])
        columns = {name: jnp.asarray(x) for name, x in ready["columns"].items()}
        rates = jax.lax.map(one, (number, columns), batch_size=_TOGETHER)
        return jnp.where(jnp.sum(self.spectra, axis=1)[number] > 0, rates, -jnp.inf)

    def rate(self, values: Values | None, events: Events) -> Float[np.ndarray, " events"]:
        """Differential rate of every event, PE^-2, relative to uniform density in volume and live time."""
        if not len(events):
            return np.zeros(0)
        padded = pad_rows(self.prepare(events), bucket_of(len(events)))
        at = {name: np.asarray(x, dtype=float) for name, x in self.response.complete(values).items()}
        return np.exp(np.asarray(_log_rate(self, at, padded))[: len(events)])

    def expected_events(self, values: Values | None = None) -> Scalar:
        """Expected number of events after all selections: that of the mean spectrum."""
        return self.response.expected_events(values)

    def mu_before_efficiencies(self, values: Values | None = None) -> Scalar:
        """Expected number of events before any loss: the mean over bins of the summed spectrum."""
        return self.response.mu_before_efficiencies(values)

    def staged(self, free: tuple[str, ...]) -> AbstractEventSource:
        """The same source for values in which only the named parameters leave their starts."""
        ready = eqx.tree_at(lambda s: s.response, self, self.response.staged(free))
        return eqx.tree_at(lambda s: s.tables, ready, _hold(self, free), is_leaf=lambda x: x is None)

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

    def _bins(self, events: Events) -> Int[np.ndarray, " events"]:
        times, edges = check_finite(events, "event_time"), self.time_edges
        beyond = np.maximum(edges[0] - times, times - edges[-1])
        far = np.flatnonzero(beyond > _DAY)
        if len(far):
            raise InvalidData(
                f"{events.source}: event_time of {len(far)} events lies more than a day outside the live time "
                f"[{edges[0]:.0f}, {edges[-1]:.0f}] ns, the first is event {far[0]} at {times[far[0]]:.0f} ns"
            )
        if (beyond > 0).any():
            notice(
                f"{events.source}: {int((beyond > 0).sum())} event times outside the live time are moved to its ends"
            )
        return np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)

    def _of_bin(self, rates: Float[Array, " lines"], held: Held | None) -> AbstractXenonSource:
        source = eqx.tree_at(lambda s: s.comb.rates, self.response, rates)
        return eqx.tree_at(lambda s: s.held, source, held, is_leaf=lambda x: x is None or isinstance(x, Held))

    def _tables_at(self, values: Values | None) -> Held:
        """Tables of every bin of time; those that are known already if nothing in them moves."""
        if self.tables is not None and self.tables.seen is not None:
            return self.tables
        moving = self.response.space.names if self.tables is None else self.tables.moving

        def one(rates: Float[Array, " lines"]) -> Held:
            held = self._of_bin(rates, None).chain(values).hold(())
            return Held(moving, held.pairs, held.seen)

        return jax.lax.map(one, jnp.asarray(self.spectra))

    def _drawn(
        self, draws: Draws, numbers: Sequence[int], values: Values | None, fix: Mapping[str, Any] | Events | None
    ) -> tuple[Events, ...]:
        draws.set_sizes(numbers)
        source = self.response
        evaluate = Evaluator(source.model, source, {n: float(x) for n, x in source.complete(values).items()})
        places = draw_places(draws, source.volume, source.comb, evaluate, source.with_extra_columns)
        places |= self._times_and_energies(draws)
        places |= {n: np.full(sum(numbers), x) for n, x in fixed_columns(fix, source.volume).items()}
        trials, kept = simulate_trials(draws, evaluate, places, source.recoil, source.with_extra_columns)
        return draws.sets(trials, kept)

    def _times_and_energies(self, draws: Draws) -> dict[str, np.ndarray]:
        """Times in proportion to the summed spectra, energies from the spectrum of their bin."""
        heaped = np.cumsum(np.asarray(self.spectra), axis=1)
        totals, edges = np.cumsum(heaped[:, -1]), self.time_edges
        lines = np.asarray(self.response.comb.energies)
        number = np.minimum(np.searchsorted(totals, draws(_uniform) * totals[-1], side="right"), len(totals) - 1)
        times = edges[number] + (edges[1] - edges[0]) * draws(_uniform)
        level, line = draws(_uniform), np.zeros(len(number), dtype=int)
        for b in np.unique(number):
            mine = number == b
            line[mine] = np.searchsorted(heaped[b], level[mine] * heaped[b, -1], side="right")
        return {"event_time": times, "energy": lines[np.minimum(line, len(lines) - 1)]}


class VariableEnergySource(AbstractVariableEnergySource):
    """Recoils whose spectrum is a function of time.

    Args:
        energy_spectrum: from an event time (ns since 1970-01-01 UTC) to the expected events of every energy in the
            live time, if the spectrum stayed like this; evaluated at the centres of equal bins of the live time.
        energies: keV, one per entry of the spectrum.
        response: class of the recoils, such as `ERSource` or `NRSource`.
        time_bins: number of bins.
        settings: of the recoils.

    Raises:
        InvalidModel: for spectra that make no sense, or model functions that depend on time.
    """

    space: ParameterSpace
    response: AbstractXenonSource
    spectra: Float[Array, "times lines"]
    tables: Held | None

    def __init__(
        self,
        energy_spectrum: Callable[[float], Any],
        energies: Any,
        *,
        response: type[AbstractXenonSource],
        time_bins: int = 24,
        **settings: Any,
    ) -> None:
        centres = time_centres(response, time_bins, settings)
        spectra = np.stack([np.asarray(energy_spectrum(float(t)), dtype=float) for t in centres])
        self.response, self.spectra = response_of(response, np.asarray(energies, dtype=float), spectra, settings)
        self.space, self.tables = self.response.space, None


def time_centres(
    response: type[AbstractXenonSource], time_bins: int, settings: Mapping[str, Any]
) -> Float[np.ndarray, " times"]:
    """Centres of equal bins of the live time.

    Raises:
        InvalidModel: for less than one bin.
    """
    if time_bins < 1:
        raise InvalidModel(f"a spectrum in {time_bins} bins of time; expected at least 1")
    start, stop = (float(settings.get(name, getattr(response, name))) for name in ("t_start", "t_stop"))
    return start + (stop - start) * (np.arange(time_bins) + 0.5) / time_bins


def response_of(
    response: type[AbstractXenonSource],
    energies: Float[np.ndarray, " energies"],
    spectra: Float[np.ndarray, "times ..."],
    settings: Mapping[str, Any],
) -> tuple[AbstractXenonSource, Float[Array, "times lines"]]:
    """Recoils of the mean spectrum, and the spectra.

    Raises:
        InvalidModel: for a spectrum of another length, negative or not finite, or model functions that depend on time.
    """
    if spectra.shape[1:] != energies.shape:
        raise InvalidModel(f"a spectrum has shape {spectra.shape[1:]}; expected one rate per energy, {energies.shape}")
    bad = np.argwhere(~(np.isfinite(spectra) & (spectra >= 0)))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise InvalidModel(f"spectrum {place[0]}, entry {place[1]} is {spectra[place]:g}; expected at least 0")
    made = response(energies=energies, rates_vs_energy=spectra.mean(axis=0), **settings)
    for name in made.model_functions:
        if "event_time" in made.model.columns((name,)):
            raise InvalidModel(
                f"model function {name!r} takes event_time; a spectrum that changes with time cannot be averaged "
                "together with it: take another source, or put a factor into the spectrum"
            )
    return made, jnp.asarray(spectra)


@eqx.filter_jit
def _hold(source: AbstractVariableEnergySource, moving: tuple[str, ...]) -> Held:
    def one(rates: Float[Array, " lines"]) -> Held:
        return source._of_bin(rates, None).chain(None).hold(moving)

    return jax.lax.map(one, source.spectra)


@eqx.filter_jit
def _log_rate(source: AbstractVariableEnergySource, values: Values, prepared: Prepared) -> Float[Array, " events"]:
    return source.log_rate(values, prepared)


def _uniform(generator: np.random.Generator, number: int) -> np.ndarray:
    return generator.random(number)
