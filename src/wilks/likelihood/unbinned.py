"""The extended unbinned likelihood: events judged one by one by a mixture of sources, toys and constraints included."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from jaxtyping import Key as Keys

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName, near_names
from wilks._base.typing import Key, LogProb, Scalar, Theta, Values
from wilks.data.events import Events
from wilks.model.predictor import Auxiliary
from wilks.model.sources import AbstractEventSource, on_common_ground
from wilks.parameters.space import ParameterSpace

from .components import Bounds, by_dataset, components_of, space_of
from .constraints import Constraints
from .event_curvature import curved_excess
from .event_draws import complete_auxiliary, draw_auxiliary, draw_events, join_events, split_keys
from .event_likelihood import AbstractEventLikelihood
from .event_padding import EventTable, bucket_of, gather, map_over_blocks, pad_rows, stack_tables, sum_over_blocks
from .expansions import Expanded
from .interface import AbstractHostSimulator
from .mixture import NO_RATE, Component, share, spread_rows, sum_log_density, sum_scores

Penalty = Callable[[Values], Any]

_BLOCK = 2048  # events that are judged at once
_PLAIN_BLOCK = 16384  # the same for plain sources, whose kernels are the quicker the longer they run
_ASIMOV_COPIES = 100  # times the expected number of events in the sample that stands for Asimov data
_ASIMOV_EVENTS = 1_000_000  # but no more events than this
_ASIMOV_SEED = 1007_1727


class UnbinnedData(eqx.Module):
    """Events of all data sets in the form that their sources judge, with the auxiliary measurements.

    Args:
        tables: one table of padded events per data set, in the likelihood's order.
        auxiliary: observed values of the constraint terms.
    """

    tables: tuple[EventTable, ...]
    auxiliary: Float[Array | np.ndarray, "*lanes constraints"]


class Unbinned(AbstractEventLikelihood[UnbinnedData], AbstractHostSimulator[UnbinnedData]):
    """Extended unbinned likelihood of events from a mixture of sources.

        ln L = sum over data sets [ -sum_s r_s mu_s + sum_i ln sum_s r_s rho_s(x_i) ] + constraints,

    with mu_s the expected events and rho_s the differential rate of source s, and r_s its rate multiplier. Equal names
    in several sources are one parameter. Data are `Events` (or a mapping from data set to them), also
    ``{"events": ..., "auxiliary": {parameter: value}}``; a list without events is legal.

    Args:
        sources: ``{name: source}`` for one data set, or ``{data set: {name: source}}``; names are unique.
        free_rates: sources whose rate multiplier ``<source>_rate_multiplier`` is fitted (start 1, at least 0); others
            keep 1.
        free: shape parameters to be fitted, with their hard bounds ``(lower, upper)``; None keeps the source's own.
            All other parameters stay at their starts.
        constraints: auxiliary measurements of parameters (data, fluctuated in toys), and functions from named values to
            a log density that is added once (never fluctuated).
        events_per_block: longer lists are summed in blocks of this length, which bounds the memory; by default 2048, or
            16,384 where all sources give plain rates.

    Raises:
        InvalidModel: for sources that do not fit together.
        InvalidParameter: if sources disagree on the default of a parameter.
        UnknownName: for a free rate or parameter that no source has.

    References:
        R. Barlow, Nucl. Instrum. Meth. A 297 (1990) 496 (extended maximum likelihood).
    """

    space: ParameterSpace
    components: tuple[Component, ...]
    datasets: tuple[str, ...] = eqx.field(static=True)
    constraints: Constraints
    penalties: tuple[Penalty, ...] = eqx.field(static=True)
    block: int = eqx.field(static=True)
    exact: bool = eqx.field(static=True)  # False: the curvature is the sum of products of scores

    def __init__(
        self,
        sources: Mapping[str, Any],
        *,
        free_rates: Sequence[str] = (),
        free: Mapping[str, Bounds | None] | None = None,
        constraints: Sequence[Any] = (),
        events_per_block: int | None = None,
    ) -> None:
        if events_per_block is not None and events_per_block < 1:
            raise InvalidOption(f"events_per_block {events_per_block} must be at least 1")
        named = {name: on_common_ground(inside) for name, inside in by_dataset(sources).items()}
        self.space = space_of(named, free_rates, free or {})
        self.components = components_of(named, self.space, tuple(free or {}))
        self.datasets = tuple(named)
        self.constraints = Constraints.of([c for c in constraints if isinstance(c, Auxiliary)], self.space)
        self.penalties = tuple(c for c in constraints if not isinstance(c, Auxiliary))
        for penalty in self.penalties:
            if not callable(penalty):
                raise InvalidModel(
                    f"constraint {penalty!r} is neither an Auxiliary nor a function of named values; build one of them"
                )
        usual = _PLAIN_BLOCK if all(c.plain for c in self.components) else _BLOCK
        self.block, self.exact = events_per_block or usual, False

    @property
    def shapes(self) -> tuple[int, ...]:
        """Places of the parameters that no closed form of second derivatives covers: all but free rate multipliers."""
        shapes = {i for component in self.components for i in component.shape}
        return tuple(sorted(shapes | set(self.constraints.indices)))

    @property
    def table_shapes(self) -> tuple[int, ...]:
        """Places of the parameters that move large tables of sources."""
        return tuple(sorted({c.shape[k] for c in self.components for k in c.bending}))

    def with_tables_at(self, theta: Theta) -> "Unbinned":
        """The same likelihood for points that share the parameters of tables with this one."""
        return eqx.tree_at(lambda whole: whole.components, self, tuple(c.at(theta) for c in self.components))

    def of_dataset(self, dataset: str) -> tuple[Component, ...]:
        """The components of one data set, in the order of its table."""
        return tuple(c for c in self.components if c.dataset == dataset)

    def expected_events(self, values: Values) -> dict[str, Scalar]:
        """Expected number of events of each source, r_s mu_s, at the named values."""
        theta = self.space.pack(values)
        return {c.name: c.multiplier(theta) * c.expected(c.pick(theta)) for c in self.components}

    def log_prob(self, values: Values, data: UnbinnedData) -> LogProb:
        """Log density of the events and of the auxiliary data; events count as unordered and unlabelled (no N!)."""
        theta = self.space.pack(values)
        ready = [c.at(theta) for c in self.components]
        total = -jnp.sum(jnp.stack([c.multiplier(theta) * c.expected(c.pick(theta)) for c in ready]))
        for where, table in self._parts(data):
            components = [ready[i] for i in where]
            total = total + sum_over_blocks(lambda t, c=components: sum_log_density(c, theta, t), table, self.block)
        return total + self._log_constraints(theta, jnp.asarray(data.auxiliary))

    def excess(self, theta: Theta, data: UnbinnedData) -> Scalar:
        """-ln L: there is no saturated model of single events."""
        return curved_excess(theta, self, data)

    def saturated(self, data: UnbinnedData) -> LogProb:
        """Zero, for the same reason."""
        return jnp.zeros(())

    def expand(self, theta: Theta, data: UnbinnedData, *, exact: bool = False) -> Expanded:
        """-ln L, its gradient, and the sum of products of the events' scores, whose expectation is the curvature."""
        value, slope, product = self._expand_constraints(theta, jnp.asarray(data.auxiliary))
        bent = [component.bent(theta) for component in self.components]
        for component, tables in zip(self.components, bent, strict=True):
            expected, slopes = component.expected_with_slopes(component.pick(theta), tables)
            value = value + component.multiplier(theta) * expected
            if component.rate is not None:
                slope = slope + spread_rows(expected[None], (component.rate,), theta.shape[0])
            if not component.held:
                slope = slope + spread_rows(component.multiplier(theta) * slopes, component.shape, theta.shape[0])
        for where, table in self._parts(data):
            own = ([self.components[i] for i in where], [bent[i] for i in where])
            scores = sum_over_blocks(lambda t, c=own: sum_scores(*c, theta, t), table, self.block)
            value, slope, product = value - scores.value, slope - scores.slope, product + scores.product
        return Expanded(value, slope, product)

    def prepare(self, data: Any) -> UnbinnedData:
        """Check events and bring them into padded arrays; rates that never change are computed here, once.

        Args:
            data: `Events`, a mapping from data set to `Events`, ``{"events": either, "auxiliary": {name: value}}``,
                or `UnbinnedData`.

        Raises:
            InvalidData: if a data set is missing, and whatever the sources raise.
        """
        return data if isinstance(data, UnbinnedData) else jax.tree.map(lambda x: x[0], self.stack([data]))

    def stack(self, datasets: Sequence[Any]) -> UnbinnedData:
        """Several sets of data, each as `prepare` takes it, padded to one shape along a first axis."""
        if any(isinstance(data, UnbinnedData) for data in datasets):
            ready = [self.prepare(data) for data in datasets]
            tables = tuple(stack_tables(same) for same in zip(*(data.tables for data in ready), strict=True))
            return UnbinnedData(tables, np.stack([np.asarray(data.auxiliary) for data in ready]))
        split = [self._read(data) for data in datasets]
        tables = tuple(self._table(name, [events[name] for events, _ in split]) for name in self.datasets)
        return UnbinnedData(tables, np.stack([auxiliary for _, auxiliary in split]))

    def count_starts(
        self, data: UnbinnedData, theta: Float[np.ndarray, " parameters"], free: Bool[np.ndarray, " parameters"]
    ) -> Float[np.ndarray, "*lanes parameters"]:
        """Free rates at one expected event each; the first of a data set takes what is observed beyond expectation."""
        lanes = np.shape(data.auxiliary)[:-1]
        start = np.broadcast_to(theta, (*lanes, len(theta))).astype(float)
        for dataset, table in zip(self.datasets, data.tables, strict=True):
            expected, first = 0.0, None
            for c in self.of_dataset(dataset):
                moved = any(theta[i] != c.source.space.starts[own] for i, own in zip(c.shape, c.own, strict=True))
                total = float(_expected_at(c, jnp.asarray(theta)) if moved else c.total)
                if c.rate is None or not free[c.rate] or total <= 0:
                    expected += total * (1.0 if c.rate is None else float(theta[c.rate]))
                    continue
                start[..., c.rate], expected = 1.0 / total, expected + 1.0
                first = c.rate if first is None else first
            beyond = np.sum(table.weights, axis=-1) - expected
            if first is not None:
                start[..., first] *= 1.0 + np.maximum(beyond, 0.0)
        return start

    def unexplained(
        self, values: Values, data: UnbinnedData, threshold: float | int = 0.0
    ) -> dict[str, Int[np.ndarray, " events"]]:
        """Positions of the events whose differential rate at the named values is at most a threshold, by data set.

        Rates far below the smallest number that can be written, 1e-308, are told apart from none.
        """
        if threshold < 0:
            raise InvalidOption(f"threshold {threshold:g} of a differential rate must be at least 0")
        theta = self.space.pack(values)
        found = {name: np.zeros(0, dtype=int) for name in self.datasets}
        lowest = np.log(threshold) if threshold > 0 else NO_RATE
        for where, table in self._parts(data):
            components = tuple(self.components[i] for i in where)
            logs = np.asarray(_log_densities(components, theta, table, self.block))
            found[components[0].dataset] = np.flatnonzero(~(logs > lowest) & (np.asarray(table.weights) > 0))
        return found

    def simulate(self, key: Key, values: Values) -> UnbinnedData:
        """Events with Poisson-distributed numbers, and auxiliary data, drawn at the named values."""
        return jax.tree.map(lambda x: x[0], self.simulate_many(key[None], values))

    def simulate_many(self, keys: Keys[Array, " sets"], values: Values) -> UnbinnedData:
        """One set per key, padded to the bucket of the largest.

        Sets drawn with one key at two rates share events: the smaller rate keeps a part of those of the larger.
        """
        theta = np.asarray(self.space.pack(values))
        main, auxiliary = split_keys(keys)
        tables = tuple(self._table(name, self._draw(name, main, theta)) for name in self.datasets)
        return UnbinnedData(tables, draw_auxiliary(self.constraints, auxiliary, theta))

    def simulate_events(self, key: Key, values: Values) -> dict[str, Events]:
        """One set of events per data set as tables, with a column ``source`` and in random order."""
        main, _ = split_keys(key[None])
        theta = np.asarray(self.space.pack(values))
        return {name: self._draw(name, main, theta)[0] for name in self.datasets}

    def expected(self, values: Values) -> UnbinnedData:
        """A stand-in for Asimov data: a sample of a hundred times the expected size whose events weigh a hundredth.

        It is the same sample (of one fixed key) whenever it is asked for, and right within a tenth of the statistical
        error of data.
        """
        theta = np.asarray(self.space.pack(values))
        size = max(sum(float(v) for v in self.expected_events(values).values()), 1.0)
        copies = int(np.clip(_ASIMOV_EVENTS // size, 1, _ASIMOV_COPIES))
        keys = jax.random.key(_ASIMOV_SEED)[None]
        tables = tuple(
            self._table(name, self._draw(name, keys, theta, copies), weight=1.0 / copies) for name in self.datasets
        )
        one = jax.tree.map(lambda x: x[0], tables)
        return UnbinnedData(one, np.asarray(self.constraints.expected(jnp.asarray(theta))))

    def size(self, values: Values) -> int:
        """Numbers that one set holds on average, padding included."""
        expected = self.expected_events(values)
        return sum(
            bucket_of(int(sum(float(expected[c.name]) for c in self.of_dataset(d)))) * (1 + len(self.of_dataset(d)))
            for d in self.datasets
        ) + len(self.constraints)

    def _parts(self, data: UnbinnedData) -> list[tuple[tuple[int, ...], EventTable]]:
        """Places of the components, and events, of every data set that has events."""
        places = {d: tuple(i for i, c in enumerate(self.components) if c.dataset == d) for d in self.datasets}
        every = zip(self.datasets, data.tables, strict=True)
        return [(places[name], table) for name, table in every if table.weights.shape[-1]]

    def _log_constraints(self, theta: Theta, auxiliary: Float[Array, " constraints"]) -> Scalar:
        total = jnp.zeros(())
        if len(self.constraints):
            cells = self.constraints.judge(self.constraints.mean(theta), auxiliary)
            total = self.constraints.saturated(auxiliary) - jnp.sum(cells.excess)
        return total + self._log_penalty(theta)

    def _log_penalty(self, theta: Theta) -> Scalar:
        values = self.space.unpack(theta)
        return sum((jnp.asarray(p(values), dtype=float) for p in self.penalties), start=jnp.zeros(()))

    def _expand_constraints(self, theta: Theta, auxiliary: Float[Array, " constraints"]):
        size = len(self.space)
        value, slope, product = jnp.zeros(()), jnp.zeros(size), jnp.zeros((size, size))
        if len(self.constraints):
            where = np.array(self.constraints.indices)
            cells = self.constraints.judge(self.constraints.mean(theta), auxiliary)
            value = jnp.sum(cells.excess) - self.constraints.saturated(auxiliary)
            slope = slope.at[where].add(cells.slope[0])
            product = product.at[where, where].add(cells.expected[0, 0])
        if self.penalties:
            value = value - self._log_penalty(theta)
            slope = slope - jax.grad(self._log_penalty)(theta)
            product = product - jax.hessian(self._log_penalty)(theta)
        return value, slope, product

    def _read(self, data: Any) -> tuple[dict[str, Events], Float[np.ndarray, " constraints"]]:
        """Events by data set, and auxiliary data, from whatever a user hands over."""
        auxiliary = None
        if isinstance(data, Mapping) and "events" in data and set(data) <= {"events", "auxiliary"}:
            data, auxiliary = data["events"], data.get("auxiliary")
        if isinstance(data, Events) and len(self.datasets) == 1:
            data = {self.datasets[0]: data}
        if not isinstance(data, Mapping):
            raise InvalidData(
                f"data are a {type(data).__name__}; expected Events"
                + ("" if len(self.datasets) == 1 else f" by data set ({', '.join(self.datasets)})")
            )
        for name in data:
            if name not in self.datasets:
                raise UnknownName(f"no data set {name!r}; {near_names(str(name), self.datasets)}")
        for name in self.datasets:
            if not isinstance(data.get(name), Events):
                raise InvalidData(f"data set {name!r}: expected Events, not a {type(data.get(name)).__name__}")
        return {name: data[name] for name in self.datasets}, complete_auxiliary(self.constraints, auxiliary)

    def _draw(
        self, dataset: str, keys: Keys[Array, " sets"], theta: Float[np.ndarray, " parameters"], copies: int = 1
    ) -> list[Events]:
        numbered = [(number, c) for number, c in enumerate(self.components) if c.dataset == dataset]
        return draw_events(numbered, keys, theta, copies)

    def _table(self, dataset: str, sets: Sequence[Events], weight: float = 1.0) -> EventTable:
        """Padded table, stacked over sets: all events are prepared together, so that a source is asked once."""
        counts = np.array([len(events) for events in sets])
        pool = join_events(sets)
        rows = int(counts.sum())
        prepared = tuple(self._prepared(c, pool, rows) for c in self.of_dataset(dataset))
        return gather(prepared, counts, np.full(rows, weight))

    def _prepared(self, component: Component, pool: Events, rows: int) -> Any:
        """What a source made of the events; of one that never changes only its log rates are kept."""
        if rows == 0:  # nothing to judge: the arrays have no rows, whatever the source would give
            return np.zeros(0)
        prepared = component.source.prepare(pool)
        if not component.held:
            return prepared
        padded = pad_rows(prepared, bucket_of(rows))
        rates = np.asarray(_log_rates(component.source, padded, self.block))[:rows]
        if np.isnan(rates).any() or (rates == np.inf).any():
            bad = int(np.flatnonzero(np.isnan(rates) | (rates == np.inf))[0])
            raise InvalidData(f"source {component.name!r}: log rate of event {bad} is {rates[bad]}")
        return np.maximum(rates, NO_RATE)


@eqx.filter_jit
def _log_rates(source: AbstractEventSource, prepared: Any, block: int) -> Float[Array, " events"]:
    values = source.space.unpack(jnp.asarray(source.space.starts))
    return map_over_blocks(lambda some: source.log_rate(values, some), prepared, block)


@eqx.filter_jit
def _expected_at(component: Component, theta: Theta) -> Scalar:
    return component.expected(component.pick(theta))


@eqx.filter_jit
def _log_densities(
    components: tuple[Component, ...], theta: Theta, table: EventTable, block: int
) -> Float[Array, " events"]:
    multipliers = jnp.stack([c.multiplier(theta) for c in components])

    def densities(prepared: tuple[Any, ...]) -> Float[Array, " events"]:
        rates = [c.log_rates(c.pick(theta), p) for c, p in zip(components, prepared, strict=True)]
        return share(jnp.stack(rates), multipliers).log_density

    return map_over_blocks(densities, table.prepared, block)
