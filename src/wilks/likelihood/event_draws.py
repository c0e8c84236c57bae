"""Draws of event lists at any rate: superposed and thinned copies of what the sources simulate."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from jaxtyping import Key as Keys

from wilks._base.draws import uniforms
from wilks._base.errors import InvalidData, InvalidOption, UnknownName, near_names
from wilks.data.events import Column, Events, Ragged

from .constraints import Constraints
from .mixture import Component

_MOST_COPIES = 10_000


def split_keys(keys: Keys[Array, " sets"]) -> tuple[Keys[Array, " sets"], Keys[Array, " sets"]]:
    """Keys of the events and of the auxiliary data of every set."""
    both = jax.vmap(jax.random.split)(keys)
    return both[:, 0], both[:, 1]


def draw_events(
    numbered: Sequence[tuple[int, Component]],
    keys: Keys[Array, " sets"],
    theta: Float[np.ndarray, " parameters"],
    copies: int,
) -> list[Events]:
    """One list of events per key, ``copies`` times as long as data, with a column ``source``, in random order.

    Args:
        numbered: sources of one data set, each with a number that is its own in the likelihood.
        keys: one per set.
        theta: parameters of the likelihood.
        copies: factor on all rates.
    """
    found: list[list[Events]] = [[] for _ in range(len(keys))]
    for number, component in numbered:
        own = _folded(keys, number)
        for mine, drawn in zip(found, _at_rate(component, own, theta, copies), strict=True):
            mine.extend(drawn)
    generators = [_generator(data) for data in np.asarray(jax.random.key_data(keys))]
    return [_shuffled(join_events(mine), g) for mine, g in zip(found, generators, strict=True)]


def join_events(tables: Sequence[Events]) -> Events:
    """Events one table after the other, with the columns that all of them have."""
    filled = [table for table in tables if table.columns] or list(tables[:1])
    names = [name for name in filled[0].columns if all(name in table for table in filled)] if filled else []
    if len(filled) == 1:
        return filled[0]
    columns = {name: _join_columns([table[name] for table in filled]) for name in names}
    return Events(columns, {n: filled[0].unit(n) for n in names}) if filled else Events({})


def draw_auxiliary(
    constraints: Constraints, keys: Keys[Array, " sets"], theta: Float[np.ndarray, " parameters"]
) -> Float[np.ndarray, "sets constraints"]:
    """Auxiliary data of every set."""
    size = len(constraints)
    if not size:
        return np.zeros((len(keys), 0))
    at = jnp.asarray(theta)
    return np.asarray(jax.vmap(lambda key: constraints.draw(uniforms(key, size), at))(keys))


def complete_auxiliary(constraints: Constraints, given: Any) -> Float[np.ndarray, " constraints"]:
    """Observed auxiliary values, with those that are given put in.

    Raises:
        UnknownName: for a measurement that does not exist.
        InvalidData: for a value that is not finite.
    """
    observed = constraints.observed.copy()
    if given is None:
        return observed
    if not isinstance(given, Mapping):
        raise InvalidData(f"auxiliary data are a {type(given).__name__}; expected a mapping from parameter to value")
    for name, value in given.items():
        if name not in constraints.parameters:
            raise UnknownName(f"no auxiliary measurement of {name!r}; {near_names(name, constraints.parameters)}")
        if not math.isfinite(float(value)):
            raise InvalidData(f"auxiliary measurement of {name!r}: {value} is not finite")
        observed[constraints.parameters.index(name)] = float(value)
    return observed


def _at_rate(component: Component, keys: Keys[Array, " sets"], theta: np.ndarray, copies: int) -> list[list[Events]]:
    """Lists of one source at its rate multiplier: whole copies, and a last one thinned to what is left.

    Copy j keeps an event if its uniform number lies below r - j, so the events at a smaller rate are among those at a
    larger one.
    """
    rate = copies * (1.0 if component.rate is None else float(theta[component.rate]))
    if not 0 <= rate <= _MOST_COPIES:
        raise InvalidOption(
            f"source {component.name!r} cannot be drawn at {rate:g} times its rate; expected 0 to {_MOST_COPIES}"
        )
    values = component.values(jnp.asarray(theta)[np.array(component.shape, dtype=int)])
    plain = {name: float(values[name]) for name in values}
    found: list[list[Events]] = [[] for _ in range(len(keys))]
    for copy in range(math.ceil(rate)):
        own = _folded(keys, copy)
        drawn = component.source.simulate(list(own), plain)
        seeds = np.asarray(jax.random.key_data(_folded(own, 1)))
        for mine, events, seed in zip(found, drawn, seeds, strict=True):
            kept = events
            if rate - copy < 1:
                kept = events.where(_generator(seed).random(len(events)) < rate - copy)
            mine.append(kept.with_columns({"source": np.full(len(kept), component.name)}))
    return found


def _folded(keys: Keys[Array, " sets"], number: int) -> Keys[Array, " sets"]:
    return jax.vmap(jax.random.fold_in, (0, None))(keys, number)


def _generator(seed: np.ndarray) -> np.random.Generator:
    """A NumPy generator from the two words of a key."""
    return np.random.Generator(np.random.Philox(key=int(seed[0]) << 32 | int(seed[1])))


def _shuffled(events: Events, generator: np.random.Generator) -> Events:
    return events.where(generator.permutation(len(events))) if len(events) else events


def _join_columns(columns: Sequence[Column]) -> Column:
    if all(isinstance(column, Ragged) for column in columns):
        rows = np.concatenate([np.diff(column.offsets) for column in columns])  # type: ignore[union-attr]
        values = np.concatenate([column.values for column in columns])  # type: ignore[union-attr]
        return Ragged(values, np.concatenate([[0], np.cumsum(rows)]))
    return np.concatenate([np.asarray(column) for column in columns])
