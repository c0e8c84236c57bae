"""Random numbers for many sets of events at once, each set from a generator of its own."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int

from wilks._base.typing import Key
from wilks.data.events import Events


class Draws:
    """Draws for the trials of several sets, one set after the other in every array.

    A set's numbers depend on its own key alone, whatever other sets are drawn with it.

    Args:
        keys: one per set.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        words = np.asarray(jax.random.key_data(jnp.stack(list(keys)))).astype(np.uint64)
        seeds = [(int(a) << 32) | int(b) for a, b in words]
        self.generators = [np.random.Generator(np.random.Philox(key=seed)) for seed in seeds]
        self.of_places = [np.random.Generator(np.random.Philox(key=seed, counter=1 << 192)) for seed in seeds]
        self.edges = [0] * (len(keys) + 1)

    def set_sizes(self, numbers: Sequence[int]) -> None:
        """Give every set its number of trials."""
        self.edges = [0, *itertools.accumulate(numbers)]

    def __call__(self, draw: Callable[..., np.ndarray], *parameters: np.ndarray, places: bool = False) -> np.ndarray:
        """One number per trial.

        Args:
            draw: from a generator, the number of trials and their parameters to one number per trial.
            parameters: one number per trial each.
            places: whether to use the generators of places, of which sets may use different amounts.
        """
        generators = self.of_places if places else self.generators
        parts = [
            draw(generator, end - start, *(p[start:end] for p in parameters))
            for generator, (start, end) in zip(generators, itertools.pairwise(self.edges), strict=True)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def sets(self, trials: Events, kept: Bool[np.ndarray, " trials"]) -> tuple[Events, ...]:
        """The trials that are kept, set by set."""
        pairs = itertools.pairwise(self.edges)
        return tuple(_taken(trials, start + np.flatnonzero(kept[start:end])) for start, end in pairs)


def _taken(trials: Events, where: Int[np.ndarray, " kept"]) -> Events:
    """Some trials; plain columns side by side in one array, whose memory is had at once."""
    plain = [n for n, x in trials.columns.items() if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype == float]
    block = np.empty((len(plain), len(where)))
    for row, name in zip(block, plain, strict=True):
        np.take(np.asarray(trials[name]), where, out=row, mode="clip")  # "raise" would copy
    others = trials.where(where, [name for name in trials.columns if name not in plain])
    every = {**others.columns, **dict(zip(plain, block, strict=True))}
    return dataclasses.replace(trials, columns={name: every[name] for name in trials.columns})
