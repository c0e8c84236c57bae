"""Random numbers for many sets of events at once, each set from a generator of its own."""

import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

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
        found = []
        for start, end in itertools.pairwise(self.edges):
            found.append(trials.where(start + np.flatnonzero(kept[start:end])))
        return tuple(found)
