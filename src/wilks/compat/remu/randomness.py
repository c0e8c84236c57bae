"""Random numbers of the drop-in: one key per call from numpy's global state, so that ``np.random.seed`` rules."""

import jax
import numpy as np

from wilks._base.typing import Key
from wilks.execution.keys import as_seed


def drawn_seed(key: Key | int | None = None) -> int:
    """Seed of one call.

    Args:
        key: a whole number or ``jax.random.key(number)``; by default drawn from numpy's global state.
    """
    if key is not None:
        return as_seed(key)
    return int(np.random.randint(0, 2**63 - 1, dtype=np.int64))  # noqa: NPY002  scripts seed the global state


def generator(key: Key | int | None = None) -> np.random.Generator:
    """Generator of one call; see :func:`drawn_seed`."""
    return np.random.default_rng(drawn_seed(key))


def jax_key(key: Key | int | None = None) -> Key:
    """Key of one call; see :func:`drawn_seed`."""
    return jax.random.key(drawn_seed(key))
