"""What all sources of recoils in a dual-phase xenon TPC share: exact rates and expected numbers, and draws."""

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import UnknownName, check_option, near_names
from wilks._base.notices import notice
from wilks._base.typing import Key, Scalar, Values
from wilks.data.events import Events
from wilks.likelihood.event_padding import bucket_of, pad_rows
from wilks.model.sources import AbstractEventSource, AbstractExtendedSource
from wilks.model.staging import AbstractTabulatedSource
from wilks.parameters.space import NamedValues, ParameterSpace

from .accuracy import Accuracy
from .annotation import annotate_columns
from .chain import LOG_SHARE, Chain, Held, compiled_log_rates, compiled_number, held_tables
from .charge import Windows
from .checks import whole_trials
from .configuration import Configuration, read_configuration
from .draws import Draws
from .evaluation import Evaluator
from .fixing import fixed_columns
from .layout import Layout, lay_out
from .making import SourceType
from .model import Columns, Model, read_model
from .preparation import prepare_columns
from .presets import preset_settings
from .settings import ATTRIBUTES, VOLUME, Options, Setting, adopt_settings, replaceable, split_settings
from .simulation import draw_places, simulate_trials
from .sizes import Reach
from .spectra import Comb
from .stages import QUANTA, Stage
from .volume import Cylinder


class AbstractXenonSource(AbstractTabulatedSource, AbstractExtendedSource, metaclass=SourceType):
    """A source of recoils in a uniform cylinder of liquid xenon.

    To write one, say how many quanta recoils make and how these split, and name the model functions. Users change the
    physics by overriding model functions in a subclass: static methods whose positional arguments name event columns
    (the first one of some functions is a hidden variable) and whose arguments with defaults are parameters.

    Args:
        preset: selection of events: "2.1.0", "1.4" or "tutorial".
        accuracy: "fast" (1e-4 in the worst event, 1e-6 on average), or "exact" sums, which take 100 times as long.
        config: file of settings, see `read_configuration`; others go before it.
        settings: numbers or functions in place of model functions, defaults of parameters, and attributes.

    Raises:
        UnknownName: for a setting that does not exist.
        InvalidModel: for model functions, spectra or volumes that make no sense, with value and place.
    """

    space: ParameterSpace
    model: Model
    comb: Comb
    volume: Cylinder = eqx.field(static=True)
    options: Options = eqx.field(static=True)
    held: Held | None
    layout: Layout
    reference: Float[np.ndarray, ""] | None

    model_function_names: eqx.AbstractClassVar[tuple[str, ...]]

    work = Setting(13.7e-3)
    penning_quenching_eff = Setting(1.0)
    photon_detection_eff = Setting(0.1)
    double_pe_fraction = Setting(0.219)
    photoelectron_gain_mean = Setting(1.0)
    photoelectron_gain_std = Setting(0.5)
    electron_loss = Setting(1.0)
    electron_acceptance = Setting(1.0)
    electron_gain_std = Setting(5.0)
    energy_spectrum_rate_multiplier = Setting(1.0)
    reconstruction_bias_s1_simulate = Setting(1.0)
    reconstruction_bias_s2_simulate = Setting(1.0)
    reconstruction_bias_s1_annotate = Setting(1.0)
    reconstruction_bias_s2_annotate = Setting(1.0)
    reconstruction_smear_s1_simulate = Setting(0.01)
    reconstruction_smear_s2_simulate = Setting(3e-3)
    reconstruction_smear_s1_annotate = Setting(0.01)
    reconstruction_smear_s2_annotate = Setting(3e-3)
    fv_radius = Setting(Cylinder.fv_radius)
    fv_low = Setting(Cylinder.fv_low)
    fv_high = Setting(Cylinder.fv_high)
    drift_velocity = Setting(Cylinder.drift_velocity)
    t_start = Setting(Cylinder.t_start)
    t_stop = Setting(Cylinder.t_stop)
    check_acceptances = Setting(True)
    check_efficiencies = Setting(True)

    def __init__(
        self, *, preset: str = "2.1.0", accuracy: str = "fast", config: str | Path | None = None, **settings: Any
    ) -> None:
        check_option("accuracy", accuracy, ("fast", "exact"))
        read = {} if config is None else read_configuration(config)
        attributes, rest = split_settings(type(self), {**preset_settings(preset), **read, **settings})
        self.model, self.space = read_model(type(self), self.model_function_names, rest, ATTRIBUTES)
        self.comb = Comb(attributes["energies"], attributes["rates_vs_energy"])
        self.volume = Cylinder(*(attributes[name] for name in VOLUME))
        self.options = Options(accuracy, *(bool(attributes[c]) for c in ("check_acceptances", "check_efficiencies")))
        self.held, self.reference = None, None
        evaluate = Evaluator(self.model, self, dict(self.starts))
        self.layout = lay_out(evaluate, self.volume, self.reach(evaluate), DEFAULT_CUTS, self.with_extra_columns)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        adopt_settings(cls)

    @staticmethod
    def add_extra_columns(events: Events) -> Any:
        """Columns derived from others, as events or as a mapping of new columns; none by default."""
        return events

    @replaceable
    @staticmethod
    def photon_acceptance(photons_detected, min_photons=3.0):
        """Events need so many detected photons."""
        return jnp.where(photons_detected < min_photons, 0.0, 1.0)

    @replaceable
    @staticmethod
    def electron_detection_eff(drift_time, *, extraction_eff=0.96, elife: Annotated[Any, "ns"] = 452e3):
        """Probability that an electron survives the drift and is extracted."""
        return extraction_eff * jnp.exp(-drift_time / elife)

    @replaceable
    @staticmethod
    def electron_gain_mean(z, *, g2: Annotated[Any, "PE"] = 20.0):
        """Mean S2 of an extracted electron, PE."""
        return g2 + 0.0 * z

    @replaceable
    @staticmethod
    def s1_acceptance(s1, s1_min: Annotated[Any, "PE"] = 2.0, s1_max: Annotated[Any, "PE"] = 70.0):
        """Cut on S1, PE."""
        return jnp.where((s1 >= s1_min) & (s1 <= s1_max), 1.0, 0.0)

    @replaceable
    @staticmethod
    def s2_acceptance(s2, s2_min: Annotated[Any, "PE"] = 2.0, s2_max: Annotated[Any, "PE"] = 6000.0):
        """Cut on S2, PE."""
        return jnp.where((s2 >= s2_min) & (s2 <= s2_max), 1.0, 0.0)

    @property
    def starts(self) -> Values:
        """Defaults of all parameters."""
        return {p.name: p.start for p in self.space.parameters}

    @property
    def model_functions(self) -> tuple[str, ...]:
        """Names of the functions that make up the model, sorted."""
        return self.model.names

    def setting(self, name: str) -> Any:
        """Value of an attribute or a constant of this source."""
        if name in VOLUME:
            return getattr(self.volume, name)
        if name in ("energies", "rates_vs_energy"):
            return np.asarray(self.comb.energies if name == "energies" else self.comb.rates)
        if name in ATTRIBUTES:
            return getattr(self.options, name)
        constant = self.model.constants.get(name)
        return getattr(type(self), name) if constant is None else constant

    def complete(self, values: Values | None) -> dict[str, Any]:
        """Values of all parameters: those that are given, and the starts of the others.

        Raises:
            UnknownName: for a name that this source does not have; a likelihood's vector may hold more.
        """
        given: Mapping[str, Any] = values or {}
        if not isinstance(given, NamedValues):
            for name in given:
                if name not in self.space:
                    raise UnknownName(f"no parameter {name!r}; {near_names(name, self.space.names)}")
        return {**self.starts, **{name: given[name] for name in self._moving if name in given}}

    def chain(self, values: Values | None) -> Chain:
        """The sums of this source at named values, as arrays; parameters that are not given keep their start."""
        at = {name: jnp.asarray(value, dtype=float) for name, value in self.complete(values).items()}
        bound = self if any(function.bound for function in self.model.functions) else None
        return Chain(self.model, self.comb, self.layout, self.pair_rates, at, bound, self.held)

    def prepare(self, events: Events) -> Columns:
        """Check events and keep the columns that the model functions take.

        Raises:
            InvalidData: for missing columns, numbers that are not finite, and events that the cuts refuse.
        """
        volume = self.volume if self.reference is None else self.volume.at_all_times()
        columns = prepare_columns(events, self._evaluator(None), volume, self.options, self.with_extra_columns)
        shared = {} if self.reference is None else {LOG_SHARE: self.volume.log_share(events, float(self.reference))}
        return {**columns, **shared}

    def log_rate(
        self, values: Values | None, prepared: Columns | Events, windows: Windows | None = None
    ) -> Float[Array, " events"]:
        """ln of the differential rate of every event, PE^-2, relative to uniform density in volume and live time.

        Args:
            values: parameters; those that are not given keep their start.
            prepared: events, or what `prepare` made of them.
            windows: ranges of the sums from `windows`; found anew by default.
        """
        columns = self.prepare(prepared) if isinstance(prepared, Events) else prepared
        return self.chain(values).log_rate(columns, windows, exact=self.options.accuracy == "exact")

    def windows(self, values: Values | None, prepared: Columns | Events) -> Windows:
        """Ranges of the sums at these values, for evaluations at values close by."""
        return self.chain(values).windows(self.prepare(prepared) if isinstance(prepared, Events) else prepared)

    def rate(self, values: Values | None, events: Events) -> Float[np.ndarray, " events"]:
        """Differential rate of every event, PE^-2, relative to uniform density in volume and live time."""
        if not len(events):
            return np.zeros(0)
        return np.exp(compiled_log_rate(self, values, self.prepare(events)))

    def expected_events(self, values: Values | None = None) -> Scalar:
        """Expected number of events after all selections: the integral of the differential rate."""
        return self.chain(values).expected()

    def mu_before_efficiencies(self, values: Values | None = None) -> Scalar:
        """Expected number of events before any loss."""
        factor = self.chain(values).stage.events("energy_spectrum_rate_multiplier", self.layout.node_columns)
        return jnp.sum(self.comb.rates) * jnp.sum(factor * self.layout.node_weights)

    def staged(self, free: tuple[str, ...]) -> AbstractEventSource:
        """The same source for values in which only the named parameters leave their starts."""
        return eqx.tree_at(lambda s: s.held, self, held_tables(self.chain(None), free), is_leaf=lambda x: x is None)

    @property
    def table_parameters(self) -> tuple[str, ...]:
        """Free parameters that move the rates by photons and electrons, once the source is staged."""
        if self.held is None or self.held.known or self.model.columns(QUANTA):
            return ()
        return tuple(name for name in self.held.moving if name in self.model.parameters(QUANTA))

    def tables(self, values: Values) -> Float[Array, "photons electrons"]:
        """Rates by photons and electrons before losses."""
        return self.chain(values).pairs()

    def with_tables(self, tables: Float[Array, "photons electrons"]) -> AbstractEventSource:
        """The same source for values at which these are its rates by photons and electrons."""
        moving = self.space.names if self.held is None else self.held.moving
        return eqx.tree_at(
            lambda s: s.held, self, Held(moving, tables, None), is_leaf=lambda x: x is None or isinstance(x, Held)
        )

    @property
    def region(self) -> Cylinder:
        """Where and when it has events."""
        return self.volume

    def relative_to(self, extent: float) -> "AbstractXenonSource":
        """The same source with rates relative to a uniform density over that many cm^3 ns, and 0 outside its own."""
        return eqx.tree_at(lambda s: s.reference, self, np.asarray(extent), is_leaf=lambda x: x is None)

    def with_extra_columns(self, events: Events) -> Events:
        """Events with the columns that ``add_extra_columns`` derives."""
        derived = self.add_extra_columns(events)
        return derived if isinstance(derived, Events) else events.with_columns(derived)

    def draw(
        self,
        key: Key | int,
        n: Any,
        values: Values | None = None,
        fix: Mapping[str, Any] | Events | None = None,
        annotate: bool = False,
    ) -> Events:
        """Events that survive out of n trials.

        Args:
            key: the same key gives the same events.
            n: number of trials, at least 0.
            values: parameters; those that are not given keep their start.
            fix: truth common to all events: an energy, a time, a position, or a table of one event.
            annotate: whether to add the columns of `annotate`.

        Raises:
            InvalidOption: if n is no whole number of at least 0.
        """
        number = whole_trials(n)
        draws = Draws([jax.random.key(key) if isinstance(key, int) else key])
        (events,) = self._drawn(draws, [number], values, fix)
        if number and not len(events):
            mu = float(compiled_expected(self, values))
            notice(f"none of {number} trials survives the cuts; the source expects {mu:.3g} events")
        return self.annotate(events, values=values) if annotate else events

    def simulate(self, keys: Sequence[Key], values: Values | None = None) -> tuple[Events, ...]:
        """Sets of events with Poisson-distributed numbers of trials, one set per key."""
        if not len(keys):
            return ()
        draws = Draws(keys)
        mean = float(self.mu_before_efficiencies(values))
        return self._drawn(draws, [int(g.poisson(mean)) for g in draws.generators], values, None)

    def annotate(self, events: Events, max_sigma: float = 3.0, values: Values | None = None) -> Events:
        """Events with best guesses and ranges of quanta and energies, see 3.3 of the column list in the manual.

        Args:
            events: with s1, s2 and the columns of the model functions.
            max_sigma: half width of the ranges in standard deviations.
            values: parameters; those that are not given keep their start.
        """
        table = self.with_extra_columns(events)
        columns = {name: np.asarray(table[name], dtype=float) for name in ("s1", "s2", *self.model.columns())}
        return events.with_columns(annotate_columns(self._evaluator(values), columns, max_sigma))

    def estimate_mu(self, key: Key | int, n_trials: int = 100_000, values: Values | None = None) -> tuple[float, float]:
        """Expected events after all selections by simulation, with its standard error: a check of `expected_events`."""
        kept = len(self.draw(key, n_trials, values)) / n_trials
        before = float(self.mu_before_efficiencies(values))
        return before * kept, before * float(np.sqrt(kept * (1 - kept) / n_trials))

    def check_accuracy(self, values: Values | None, events: Events) -> Accuracy:
        """Compare fast rates with full sums over larger tables, and the expected number with twice the nodes.

        Args:
            values: parameters; those that are not given keep their start.
            events: to be compared; each takes about 10 ms.
        """
        evaluate = self._evaluator(values)
        finer = lay_out(evaluate, self.volume, self.reach(evaluate), DEFAULT_CUTS, self.with_extra_columns, refine=2)
        chain = self.chain(values)
        larger = eqx.tree_at(lambda c: c.layout, chain, finer)
        expected, errors = float(compiled_number(chain)), np.zeros(0)
        if len(events):
            columns = self.prepare(events)
            errors = compiled_log_rate(self, values, columns) - np.asarray(compiled_log_rates(larger, columns, True))
        return Accuracy(errors, expected, expected - float(compiled_number(larger)))

    def print_config(self) -> Configuration:
        """Parameters, constants, functions and attributes; prints itself, and gives the text of a file."""
        return Configuration(
            source=type(self).__name__,
            parameters=dict(self.starts),
            constants={name: float(value) for name, value in self.model.constants.items()},
            attributes={name: self.setting(name) for name in ATTRIBUTES},
            functions={f.name: ", ".join((*f.columns, *f.parameters)) for f in self.model.functions},
        )

    @abc.abstractmethod
    def reach(self, evaluate: Evaluator) -> Reach:
        """The largest numbers of quanta, photons and electrons that tables must hold."""

    @staticmethod
    @abc.abstractmethod
    def pair_rates(comb: Comb, stage: Stage, row: Columns) -> Float[Array, "photons electrons"]:
        """Rate before losses by photons and electrons, for one event; for all if no function of it takes a column."""

    @abc.abstractmethod
    def recoil(self, draws: Draws, evaluate: Evaluator, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draw quanta, photons and electrons of trials with given energies and places."""

    @property
    def _moving(self) -> tuple[str, ...]:
        return self.space.names if self.held is None else self.held.moving

    def _evaluator(self, values: Values | None) -> Evaluator:
        return Evaluator(self.model, self, {n: float(x) for n, x in self.complete(values).items()})

    def _drawn(
        self, draws: Draws, numbers: Sequence[int], values: Values | None, fix: Mapping[str, Any] | Events | None
    ) -> tuple[Events, ...]:
        draws.set_sizes(numbers)
        evaluate = self._evaluator(values)
        places = draw_places(draws, self.volume, self.comb, evaluate, self.with_extra_columns)
        places |= {n: np.full(sum(numbers), x) for n, x in fixed_columns(fix, self.volume).items()}
        trials, kept = simulate_trials(draws, evaluate, places, self.recoil, self.with_extra_columns)
        return draws.sets(trials, kept)


def compiled_log_rate(
    source: AbstractXenonSource, values: Values | None, columns: Columns
) -> Float[np.ndarray, " events"]:
    """ln of the rate of prepared events, compiled once per bucket of their number."""
    events = len(columns["s1"])
    padded = pad_rows(dict(columns), bucket_of(events))
    return np.asarray(compiled_log_rates(source.chain(values), padded, source.options.accuracy == "exact"))[:events]


def compiled_expected(source: AbstractXenonSource, values: Values | None) -> Float[np.ndarray, ""]:
    """Expected events, compiled once per kind of source."""
    return np.asarray(compiled_number(source.chain(values)))


DEFAULT_CUTS = {"s1": AbstractXenonSource.s1_acceptance, "s2": AbstractXenonSource.s2_acceptance}
"""Acceptances that are nothing but a lower and an upper edge."""
