"""Sources as the components of a mixture: the log density of each event, and its scores."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Scalar, Theta
from wilks.model.sources import AbstractEventSource, AbstractPlainSource
from wilks.model.staging import AbstractTabulatedSource
from wilks.parameters.space import NamedValues

from .event_padding import EventTable

NO_RATE = -1e300
"""Logarithm that stands for a rate of zero where arrays must be finite."""

_NOTHING = -1e290  # a log rate below counts as zero
_FORWARD_UP_TO = 2  # parameters up to which forward derivatives of one number cost less than reverse ones
_LEAST_RATE = np.finfo(float).tiny  # a plain rate below counts as zero: its inverse leaves the range of numbers
_LARGEST = 600.0  # exponent at which the share of a source switched off is cut, far from overflow


class Component(eqx.Module):
    """One source inside a likelihood.

    Args:
        name: the source.
        dataset: data set that it contributes to.
        source: its density and expected number.
        total: expected events at the source's starts.
        rate: place of its rate multiplier among the likelihood's parameters; None if that is 1.
        shape: places of its free shape parameters there.
        own: places of the same parameters in the source's space.
    """

    name: str = eqx.field(static=True)
    dataset: str = eqx.field(static=True)
    source: AbstractEventSource
    total: Float[Array | np.ndarray, ""]
    rate: int | None = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    own: tuple[int, ...] = eqx.field(static=True)

    @property
    def held(self) -> bool:
        """Whether its shape never changes, so that rates of events are computed once."""
        return not self.shape

    @property
    def plain(self) -> bool:
        """Whether its rates are computed as such."""
        return isinstance(self.source, AbstractPlainSource)

    def multiplier(self, theta: Theta) -> Scalar:
        """Its rate multiplier."""
        return jnp.ones(()) if self.rate is None else theta[self.rate]

    def values(self, shape: Float[Array, " shape"]) -> NamedValues:
        """Values of all parameters of the source, with the free ones as given."""
        space = self.source.space
        given = dict(zip(self.own, range(len(self.own)), strict=True))
        # slices put side by side: XLA writes loops for indexed updates, several kernels each
        theta = [shape[given[i]] if i in given else jnp.asarray(start) for i, start in enumerate(space.starts)]
        return NamedValues(space.names, jnp.stack(theta) if theta else jnp.zeros(0))

    def pick(self, theta: Theta) -> Float[Array, " shape"]:
        """Its free shape parameters out of the likelihood's vector."""
        return theta[np.array(self.shape, dtype=int)]

    def expected(self, shape: Float[Array, " shape"]) -> Scalar:
        """Expected events at a rate multiplier of 1."""
        return jnp.asarray(self.total) if self.held else self.source.expected_events(self.values(shape))

    def log_rates(self, shape: Float[Array, " shape"], prepared: Any) -> Float[Array, " events"]:
        """Log rates of prepared events at a rate multiplier of 1; `NO_RATE` where there is none."""
        if self.held:
            return jnp.asarray(prepared)
        return jnp.maximum(
            self.source.log_rate(self.values(shape), prepared), NO_RATE
        )  # NaN stays: a fault must be seen

    def at(self, theta: Theta) -> "Component":
        """The same component for this one point, with tables of its source computed."""
        return self._with(self._tables(self.pick(theta)))

    def bent(self, theta: Theta) -> "Bent":
        """The tables of its source at a point, with derivatives."""
        bending = self.bending
        if not bending:
            return Bent(None, None, ())
        tables, push = jax.linearize(self._tables, self.pick(theta))
        return Bent(tables, jax.vmap(push)(jnp.eye(len(self.own))[np.array(bending)]), bending)

    @property
    def bending(self) -> tuple[int, ...]:
        """Places, among its shape parameters, of those that move tables of its source."""
        source = self.source
        if not isinstance(source, AbstractTabulatedSource):
            return ()
        names, moving = source.space.names, source.table_parameters
        return tuple(k for k, i in enumerate(self.own) if names[i] in moving)

    def expected_with_slopes(
        self, shape: Float[Array, " shape"], bent: "Bent"
    ) -> tuple[Scalar, Float[Array, " shape"]]:
        """Expected events and their derivatives in the shape."""
        if self.held:
            return self.expected(shape), jnp.zeros(0)
        if bent.tables is not None:
            expected = jax.value_and_grad(lambda at, tables: self._with(tables).expected(at), argnums=(0, 1))
            value, (slopes, pulls) = expected(shape, bent.tables)
            return value, slopes + spread_rows(bent.along(pulls), bent.moved, slopes.shape[0])
        if len(self.shape) > _FORWARD_UP_TO:
            return jax.value_and_grad(self.expected)(shape)
        value, push = jax.linearize(self.expected, shape)
        return value, jax.vmap(push)(jnp.eye(shape.shape[0]))

    def log_rates_with_slopes(
        self, shape: Float[Array, " shape"], prepared: Any, bent: "Bent"
    ) -> tuple[Float[Array, " events"], Float[Array, "shape events"]]:
        """Log rates of prepared events and their derivatives in the shape."""
        if self.held:
            return jnp.asarray(prepared), jnp.zeros((0, prepared.shape[0]))
        value, push = jax.linearize(lambda at, tables: self._with(tables).log_rates(at, prepared), shape, bent.tables)
        return value, jax.vmap(push)(jnp.eye(shape.shape[0]), bent.every(len(self.shape)))

    def rates_with_slopes(
        self, shape: Float[Array, " shape"], prepared: Any
    ) -> tuple[Float[Array, " events"], Float[Array, "shape events"]]:
        """Rates of prepared events and their derivatives in the shape, of a plain source."""
        if self.held or not isinstance(self.source, AbstractPlainSource):
            return jnp.exp(jnp.asarray(prepared)), jnp.zeros((0, prepared.shape[0]))
        rate = self.source.rate
        value, push = jax.linearize(lambda at: rate(self.values(at), prepared), shape)
        return value, jax.vmap(push)(jnp.eye(shape.shape[0]))

    def _tables(self, shape: Float[Array, " shape"]) -> Any:
        if not isinstance(self.source, AbstractTabulatedSource) or not self.bending:
            return None
        return self.source.tables(self.values(shape))

    def _with(self, tables: Any) -> "Component":
        if tables is None or not isinstance(self.source, AbstractTabulatedSource):
            return self
        return eqx.tree_at(lambda c: c.source, self, self.source.with_tables(tables))


class Bent(eqx.Module):
    """Tables in the middle of a source at one point, and how they move with its shape.

    Args:
        tables: the tables; None if there are none.
        slopes: their derivatives, one in each shape parameter that moves them.
        moved: places of these among the shape parameters.
    """

    tables: Any
    slopes: Any
    moved: tuple[int, ...] = eqx.field(static=True)

    def along(self, pulls: Any) -> Float[Array, " moved"]:
        """Derivatives of a number whose derivatives in the tables are given."""
        parts = jax.tree.map(lambda pull, slope: jnp.tensordot(slope, pull, axes=pull.ndim), pulls, self.slopes)
        return jnp.sum(jnp.stack(jax.tree.leaves(parts)), axis=0)

    def every(self, shapes: int) -> Any:
        """Derivatives in all shape parameters."""
        return jax.tree.map(lambda slope: spread_rows(slope, self.moved, shapes), self.slopes)


class Shares(eqx.Module):
    """A mixture taken apart, event by event.

    Args:
        log_density: ln sum_s r_s rho_s; `NO_RATE` where no source switched on gives the event a rate.
        ratio: rho_s / sum_s r_s rho_s, one row per source.
    """

    log_density: Float[Array, " events"]
    ratio: Float[Array, "sources events"]


def share(log_rates: Float[Array, "sources events"], multipliers: Float[Array, " sources"]) -> Shares:
    """Mixture of sources with their rate multipliers, computed relative to each event's largest term."""
    on = multipliers > 0
    terms = log_rates + jnp.where(on, jnp.log(jnp.where(on, multipliers, 1.0)), -jnp.inf)[:, None]
    top = jax.lax.stop_gradient(jnp.max(terms, axis=0))
    seen = ~(top <= _NOTHING)
    offset = jnp.where(seen, top, 0.0)
    relative = jnp.exp(jnp.minimum(log_rates - offset[None], _LARGEST))
    total = jnp.sum(multipliers[:, None] * relative, axis=0)
    safe = jnp.where(seen, total, 1.0)
    return Shares(jnp.where(seen, offset + jnp.log(safe), NO_RATE), relative / safe[None])


def _shares_of(components: Sequence[Component], theta: Theta, log_rates: Sequence[Float[Array, " events"]]) -> Shares:
    """The mixture at a point; a single source with its rate held has all of it, without further exponentials."""
    if len(components) > 1 or components[0].rate is not None:
        return share(jnp.stack(log_rates), jnp.stack([c.multiplier(theta) for c in components]))
    (alone,) = log_rates
    return Shares(alone, jnp.where(alone <= _NOTHING, 0.0, 1.0)[None])


def _total(log_density: Float[Array, " events"], weights: Float[Array, " events"]) -> Scalar:
    """Weighted sum; -inf if an event has no rate. No choice event by event: XLA would take logarithms one by one."""
    total = log_density @ weights
    return jnp.where(total <= _NOTHING, -jnp.inf, total)


def sum_log_density(components: Sequence[Component], theta: Theta, table: EventTable) -> Scalar:
    """Weighted sum over the events of ln sum_s r_s rho_s; padding adds exactly nothing."""
    rates = [c.log_rates(c.pick(theta), p) for c, p in zip(components, table.prepared, strict=True)]
    return _total(_shares_of(components, theta, rates).log_density, jnp.asarray(table.weights))


class Scores(eqx.Module):
    """Weighted sums over events of ln density, its derivatives, and their products."""

    value: Scalar
    slope: Float[Array, " parameters"]
    product: Float[Array, "parameters parameters"]


def sum_scores(components: Sequence[Component], bent: Sequence[Bent], theta: Theta, table: EventTable) -> Scores:
    """Log density of the events with the scores of each: d ln density / d theta, in closed form for the rates."""
    if all(component.plain for component in components):
        return _sum_plain_scores(components, theta, table)
    every = zip(components, table.prepared, bent, strict=True)
    found = [c.log_rates_with_slopes(c.pick(theta), p, b) for c, p, b in every]
    shares = _shares_of(components, theta, [rates for rates, _ in found])
    weights = jnp.asarray(table.weights)
    size = theta.shape[0]
    scores = jnp.zeros((size, weights.shape[0]))
    for s, (component, (_, slopes)) in enumerate(zip(components, found, strict=True)):
        if component.rate is not None:
            scores = scores + spread_rows(shares.ratio[s][None], (component.rate,), size)
        if not component.held:
            part = jnp.where(shares.ratio[s] > 0, component.multiplier(theta) * shares.ratio[s], 0.0)
            # a slope may be undefined where the rate vanishes
            moved = jnp.where(part[None] > 0, part[None] * slopes, 0.0)
            scores = scores + spread_rows(moved, component.shape, size)
    # products with vectors and of one array with itself: XLA would make other sums number by number, or twice
    root = jnp.sqrt(weights)
    scores = jnp.where(weights[None] > 0, scores * root[None], 0.0)
    return Scores(_total(shares.log_density, weights), scores @ root, scores @ scores.T)


def _sum_plain_scores(components: Sequence[Component], theta: Theta, table: EventTable) -> Scores:
    """The same for plain sources; their logarithm stands in one product alone, where XLA takes several at once."""
    found = [c.rates_with_slopes(c.pick(theta), p) for c, p in zip(components, table.prepared, strict=True)]
    weights, size = jnp.asarray(table.weights), theta.shape[0]
    root = jnp.sqrt(weights)
    density = sum((c.multiplier(theta) * rates for c, (rates, _) in zip(components, found, strict=True)), jnp.zeros(()))
    seen = ~(density < _LEAST_RATE)  # NaN stays: a fault must be seen
    over = jnp.where(seen & (weights > 0), root / density, 0.0)
    scores = jnp.zeros((size, weights.shape[0]))
    for component, (rates, slopes) in zip(components, found, strict=True):
        if component.rate is not None:
            scores = scores + spread_rows((rates * over)[None], (component.rate,), size)
        if not component.held:  # a slope may be undefined where the rate vanishes
            moved = jnp.where(over[None] > 0, component.multiplier(theta) * slopes * over[None], 0.0)
            scores = scores + spread_rows(moved, component.shape, size)
    total = jnp.log(jnp.where(seen, density, 1.0)) @ weights
    value = jnp.where(jnp.any(~seen & (weights > 0)), -jnp.inf, total)
    return Scores(value, scores @ root, scores @ scores.T)


def spread_rows(rows: Float[Array, "rows *rest"], places: Sequence[int], size: int) -> Float[Array, "size *rest"]:
    """An array of ``size`` rows with the given ones at their places, and zeros: one kernel, where updates are loops."""
    zero, where = jnp.zeros(rows.shape[1:]), dict(zip(places, range(len(places)), strict=True))
    return jnp.stack([rows[where[i]] if i in where else zero for i in range(size)])
