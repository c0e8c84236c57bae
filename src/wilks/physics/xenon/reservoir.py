"""A pool of simulated events with their rates under every source: toys of fits of rates without further sums."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName, near_names
from wilks._base.typing import Key
from wilks.data.events import Events
from wilks.likelihood.event_draws import join_events
from wilks.likelihood.event_padding import bucket_of, pad_rows
from wilks.model.sources import AbstractEventSource

from .column_source import ColumnSource

SUFFIX = "_diff_rate"
"""Ends the names of the columns of rates."""


def make_event_reservoir(
    key: Key | int,
    sources: Mapping[str, AbstractEventSource],
    *,
    toys: int,
    most: Mapping[str, float] | None = None,
) -> Events:
    """Simulate a pool of events of several sources, all at the starts of their parameters.

    Args:
        key: the same key gives the same pool.
        sources: by name.
        toys: number of sets that will be drawn from it: the pool holds about as many events as these sets do.
        most: largest rate multiplier of some sources, 1 for others.

    Returns:
        Events with a column ``source``, and ``<name>_diff_rate`` for every source: their rate there.

    Raises:
        InvalidOption: for fewer than one toy, or a negative rate multiplier.
        UnknownName: for a rate multiplier of no source.
    """
    most = most or {}
    for name in most:
        if name not in sources:
            raise UnknownName(f"no source {name!r}; {near_names(name, sources)}")
        if not most[name] >= 0:
            raise InvalidOption(f"largest rate multiplier of {name!r} is {most[name]}; expected at least 0")
    if toys < 1:
        raise InvalidOption(f"a reservoir for {toys} toys; expected at least 1")
    key = jax.random.key(key) if isinstance(key, int) else key
    parts = []
    for number, (name, source) in enumerate(sources.items()):
        copies = max(round(toys * most.get(name, 1.0)), 1)
        keys = jax.random.split(jax.random.fold_in(key, number), copies)
        drawn = join_events(source.simulate(list(keys), _starts(source)))
        parts.append(drawn.with_columns({"source": np.full(len(drawn), name)}))
    pool = join_events(parts)
    return pool.with_columns({name + SUFFIX: _rates(source, pool) for name, source in sources.items()})


def reservoir_sources(reservoir: Events, sources: Mapping[str, AbstractEventSource]) -> dict[str, ColumnSource]:
    """Sources that take rates and events from a reservoir, with the expected events of the originals.

    Args:
        reservoir: from `make_event_reservoir`.
        sources: the same ones.

    Raises:
        InvalidModel: if the reservoir holds no events of a source.
    """
    found = {}
    for name, source in sources.items():
        if name + SUFFIX not in reservoir or not (own := np.asarray(reservoir["source"]) == name).any():
            raise InvalidModel(f"the reservoir holds no events of source {name!r}; make it with this source")
        mu = float(_expected(source, _starts(source)))
        found[name] = ColumnSource(name + SUFFIX, mu=mu, pool=reservoir.where(own))
    return found


def _starts(source: AbstractEventSource) -> dict[str, np.ndarray]:
    return {p.name: np.asarray(p.start) for p in source.space.parameters}


def _rates(source: AbstractEventSource, events: Events) -> Float[np.ndarray, " events"]:
    prepared = pad_rows(source.prepare(events), bucket_of(len(events)))
    return np.exp(np.asarray(_log_rate(source, _starts(source), prepared))[: len(events)])


@eqx.filter_jit
def _log_rate(source, values, prepared) -> Float[Array, " events"]:
    return source.log_rate(values, jax.tree.map(jnp.asarray, prepared))


@eqx.filter_jit
def _expected(source, values) -> Float[Array, ""]:
    return source.expected_events(values)
