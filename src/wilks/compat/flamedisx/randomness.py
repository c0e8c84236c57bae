"""Keys of draws: one per call from numpy's global state, so that ``np.random.seed`` rules, or a seed of the caller."""

import jax
import numpy as np

from wilks._base.typing import Key
from wilks.execution.keys import as_seed


def drawn_key(seed: Key | int | None = None) -> Key:
    """Key of one call.

    Args:
        seed: a whole number or ``jax.random.key(number)``; by default drawn from numpy's global state.
    """
    number = int(np.random.randint(0, 2**63 - 1, dtype=np.int64)) if seed is None else as_seed(seed)  # noqa: NPY002  scripts seed the global state
    return jax.random.key(number)
