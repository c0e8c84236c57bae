"""A source whose rates somebody else has computed: they stand in a column of the events."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidData, InvalidModel, MissingRole
from wilks._base.typing import Key, Scalar, Values
from wilks.data.events import Events
from wilks.model.sources import AbstractEventSource
from wilks.parameters.space import ParameterSpace

from .checks import check_finite
from .draws import Draws


class ColumnSource(AbstractEventSource):
    """Events whose differential rate is a column of their table; it has no parameters.

    Args:
        column: the differential rates, at least 0.
        mu: expected events, at least 0.
        pool: events of this source, from which sets are drawn with replacement; None if none are needed.

    Raises:
        InvalidModel: for expected events that are negative or not finite, or an empty pool.

    >>> ColumnSource("rate", mu=3.0).rate(None, Events({"rate": np.array([0.5, 2.0])})).round(3).tolist()
    [0.5, 2.0]
    """

    space: ParameterSpace = eqx.field(static=True)
    column: str = eqx.field(static=True)
    mu: float
    pool: Events | None = eqx.field(static=True)

    def __init__(self, column: str = "diff_rate", *, mu: float = 42.0, pool: Events | None = None) -> None:
        if not (np.isfinite(mu) and mu >= 0):
            raise InvalidModel(f"a source of column {column!r} expects mu = {mu} events; give a number of at least 0")
        if pool is not None and not len(pool):
            raise InvalidModel(f"the pool of a source of column {column!r} holds no events")
        self.space, self.column, self.mu, self.pool = ParameterSpace(()), column, float(mu), pool

    def prepare(self, events: Events) -> Float[np.ndarray, " events"]:
        """The logarithms of the rates.

        Raises:
            InvalidData: if the column is missing, or a rate is negative or not finite.
        """
        if self.column not in events:
            raise InvalidData(f"{events.source}: no column {self.column!r}, which holds the differential rates")
        rate = check_finite(events, self.column)
        bad = np.flatnonzero(rate < 0)
        if len(bad):
            raise InvalidData(
                f"{events.source}: column {self.column!r} is {rate[bad[0]]:g} at event {bad[0]}; a rate is at least 0"
            )
        return np.log(rate, out=np.full(len(rate), -np.inf), where=rate > 0)

    def log_rate(
        self, values: Values | None, prepared: Float[Array | np.ndarray, " events"] | Events
    ) -> Float[Array, " events"]:
        """ln of the rate of every event."""
        return jnp.asarray(self.prepare(prepared) if isinstance(prepared, Events) else prepared)

    def rate(self, values: Values | None, events: Events) -> Float[np.ndarray, " events"]:
        """Rate of every event."""
        return np.exp(np.asarray(self.log_rate(values, events)))

    def expected_events(self, values: Values | None = None) -> Scalar:
        """Expected events, as given."""
        return jnp.asarray(self.mu)

    def mu_before_efficiencies(self, values: Values | None = None) -> Scalar:
        """The same number."""
        return self.expected_events(values)

    def simulate(self, keys: Sequence[Key], values: Values | None = None) -> tuple[Events, ...]:
        """Sets of rows of the pool with Poisson-distributed numbers, one set per key.

        Raises:
            MissingRole: if there is no pool.
        """
        if self.pool is None:
            raise MissingRole(f"a source of column {self.column!r} cannot make events; give it a pool=... to draw from")
        size = len(self.pool)
        rows = [g.integers(size, size=g.poisson(self.mu)) for g in Draws(keys).generators] if keys else []
        return tuple(self.pool.where(row) for row in rows)
