"""From model functions to rates: the sums over everything that the detector does not see."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.typing import Scalar

from .charge import Charge, Windows, exact_log_charge_sum, find_windows, log_charge_sum
from .layout import Layout
from .light import log_densities, photoelectrons_of
from .model import Columns, Model
from .spectra import Comb
from .stages import LIGHT, OF_S1, QUANTA, Stage

LOG_SHARE = "log_share_of_common_volume"
"""Column of what brings sources of different volumes to a common one."""

_BLOCK = 64  # events whose sums fit into the cache together

PairRates = Callable[[Comb, Stage, Columns], Float[Array, "photons electrons"]]
"""From spectrum, stage, and the columns of one event, to the rate by photons and electrons."""


class Held(eqx.Module):
    """Tables that stay as they are while only some parameters move.

    Args:
        moving: the parameters that may differ from their starts.
        pairs: rate by produced photons and electrons; None if it moves, or depends on the event.
        seen: rate by photoelectrons and electrons; None likewise.
    """

    moving: tuple[str, ...] = eqx.field(static=True)
    pairs: Float[Array, "photons electrons"] | None
    seen: Float[Array, "photoelectrons electrons"] | None

    @property
    def known(self) -> bool:
        """Whether any table stays as it is."""
        return self.pairs is not None or self.seen is not None


class Chain(eqx.Module):
    """The sums of one source at one point of its parameters.

        rho = w sum_{e, ph} R(e + ph) S(ph; e + ph) L1(ph; s1) L2(e; s2)

    With R the rate by quanta, S their split, and L1, L2 the densities of the signals. R S summed over ph with the
    detection of photons is a table of photoelectrons and electrons that all events share; times the density of each S1
    it is V[e, i], the rate of e electrons together with the S1 of event i, which is summed with L2.

    Args:
        model: the model functions.
        comb: energies and their rates.
        layout: lengths of tables, and nodes of averages.
        pair_rates: R S.
        values: parameters.
        source: what bound model functions take first.
        held: tables that are known already.
    """

    model: Model
    comb: Comb
    layout: Layout
    pair_rates: PairRates = eqx.field(static=True)
    values: dict[str, Any]
    source: Any
    held: Held | None

    @property
    def stage(self) -> Stage:
        """The model functions at these values."""
        return Stage(self.model, self.source, self.values, self.layout)

    def log_rate(self, columns: Columns, windows: Windows | None, *, exact: bool) -> Float[Array, " events"]:
        """ln of the differential rate of every event."""
        tables = self._tables(columns["s1"].shape[0])

        def block(part: tuple[Columns, Windows | None]) -> Float[Array, " events"]:
            joint, offset, charge = self._joint_with_s1(tables, part[0])
            if exact:
                summed = exact_log_charge_sum(joint, charge)
            else:
                summed = log_charge_sum(joint, charge, find_windows(joint, charge) if part[1] is None else part[1])
            log_rate = summed + offset + self.stage.log_acceptance(part[0])
            if LOG_SHARE in part[0]:
                inside = part[0][LOG_SHARE] > -jnp.inf
                log_rate = jnp.where(inside, log_rate + jnp.where(inside, part[0][LOG_SHARE], 0.0), -jnp.inf)
            return jnp.where(self.stage.possible(part[0]), log_rate, -jnp.inf)

        return _in_blocks(block, {name: jnp.asarray(column) for name, column in columns.items()}, windows)

    def windows(self, columns: Columns) -> Windows:
        """Ranges of the sums for every event."""
        arrays = {name: jnp.asarray(column) for name, column in columns.items()}
        joint, _, charge = self._joint_with_s1(self._tables(arrays["s1"].shape[0]), arrays)
        return find_windows(joint, charge)

    def expected(self) -> Scalar:
        """The integral of the rate over both signals, averaged over places and times; infinite where impossible."""
        columns, sizes = self.layout.node_columns, self.layout.sizes
        light = self.stage.accepted_quanta("s1", sizes.detected, columns)
        if not set(self.model.columns((*QUANTA, *LIGHT, *OF_S1))) - {"s1"}:
            light = light[:, :1]  # the same at all places
        joint = self._joint(self._tables(light.shape[1]), light, columns)
        accepted = jnp.sum(joint * self.stage.detected_electrons(columns), axis=0)
        factor = self.stage.events("energy_spectrum_rate_multiplier", columns)
        mean = jnp.sum(self.layout.node_weights * factor * accepted)
        return jnp.where(jnp.all(self.stage.possible(columns)), mean, jnp.inf)

    def hold(self, moving: tuple[str, ...]) -> Held:
        """The tables that do not depend on the named parameters, nor on events."""
        model, free = self.model, set(moving)
        if model.columns(QUANTA) or model.parameters(QUANTA) & free:
            return Held(moving, None, None)
        pairs = self._pairs({})
        if model.columns(LIGHT) or model.parameters(LIGHT) & free:
            return Held(moving, pairs, None)
        return Held(moving, None, self._seen(pairs, {}))

    def pairs(self) -> Float[Array, "photons electrons"]:
        """Rates by photons and electrons, where no event has its own."""
        return self._pairs({})

    def _tables(self, events: int) -> tuple[Array | None, Array | None]:
        """Rates by photons and electrons, and by photoelectrons and electrons; None if each event has its own.

        The second pays off for more events than there are numbers of photoelectrons, and is None for fewer.
        """
        if self.held is not None and self.held.seen is not None:
            return None, self.held.seen
        if self.model.columns(QUANTA):
            return None, None
        pairs = self._pairs({}) if self.held is None or self.held.pairs is None else self.held.pairs
        several = events >= self.layout.sizes.detected and not self.model.columns(LIGHT)
        return pairs, self._seen(pairs, {}) if several else None

    def _pairs(self, row: Columns) -> Float[Array, "photons electrons"]:
        return self.pair_rates(self.comb, self.stage, row)

    def _seen(self, pairs: Array, row: Columns) -> Float[Array, "photoelectrons electrons"]:
        return photoelectrons_of(self.stage.light(row)) @ pairs

    def _joint(
        self, tables: tuple[Array | None, Array | None], light: Float[Array, "photoelectrons events"], columns: Columns
    ) -> Float[Array, "electrons events"]:
        """Rate by electrons, summed over photoelectrons with the weights of every event."""
        pairs, seen = tables
        if seen is not None:
            return seen.T @ light
        if pairs is not None and not self.model.columns(LIGHT):
            return pairs.T @ (photoelectrons_of(self.stage.light({})).T @ light)

        def one(event: tuple[Array, Columns]) -> Float[Array, " electrons"]:
            weights, row = event
            mine = self._pairs(row) if pairs is None else pairs
            return (weights @ photoelectrons_of(self.stage.light(row))) @ mine

        needed = {name: jnp.asarray(columns[name]) for name in self.model.columns((*QUANTA, *LIGHT))}
        return jax.lax.map(one, (light.T, needed)).T

    def _joint_with_s1(
        self, tables: tuple[Array | None, Array | None], columns: Columns
    ) -> tuple[Float[Array, "electrons events"], Float[Array, " events"], Charge]:
        """V[e, i] with the logarithm taken out of it, and what happens to the electrons."""
        signal = self.stage.signal("s1", columns["s1"], columns)
        logs = log_densities(self.layout.sizes.detected, *self.stage.gains("s1", columns), signal)
        offset = jax.lax.stop_gradient(jnp.max(logs, axis=0))
        joint = self._joint(tables, jnp.exp(logs - offset[None]), columns)
        return joint, offset, self.stage.charge(columns)


def _in_blocks(function: Any, columns: dict[str, Any], windows: Windows | None) -> Float[Array, " events"]:
    """A function of events in blocks, the last one filled up with repetitions."""
    events = columns["s1"].shape[0]
    if events <= _BLOCK:
        return function((columns, windows))
    count = -(-events // _BLOCK)
    where = jnp.minimum(jnp.arange(count * _BLOCK), events - 1).reshape(count, _BLOCK)
    rows = {name: column[where] for name, column in columns.items()}
    ranges = jax.tree.map(lambda x: jnp.moveaxis(x[:, where], 0, 1), windows)
    return jax.lax.map(function, (rows, ranges)).reshape(-1)[:events]


@eqx.filter_jit
def compiled_log_rates(chain: Chain, columns: Columns, exact: bool = False) -> Float[Array, " events"]:
    """ln of the differential rate of every event."""
    return chain.log_rate(columns, None, exact=exact)


@eqx.filter_jit
def compiled_number(chain: Chain) -> Scalar:
    """Expected number of events."""
    return chain.expected()


@eqx.filter_jit
def held_tables(chain: Chain, moving: tuple[str, ...]) -> Held:
    """The tables that do not depend on the named parameters, nor on events."""
    return chain.hold(moving)
