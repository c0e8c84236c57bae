"""Draws of a posterior for many sets of data: in common blocks where a network makes them, else set by set."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.typing import Key
from wilks.inference.lanes import take_one

from .posterior import NeuralPosterior, draw_many
from .proposals import Proposal, draws_of


def draws_for_each(
    key: Key, posterior: Proposal, data: Any, sets: int, n: int
) -> Float[np.ndarray, "sets draws parameters"]:
    """Draws for each set of data; set i gets those of ``posterior.sample(fold_in(key, i), data[i], n)``.

    Args:
        key: random key.
        posterior: draws for any data.
        data: arrays with a leading axis of sets.
        sets: number of sets.
        n: draws per set.
    """
    if isinstance(posterior, NeuralPosterior) and posterior.amortised:
        return draw_many(posterior, key, data, n)
    return np.stack([draws_of(posterior.sample(jax.random.fold_in(key, i), take_one(data, i), n)) for i in range(sets)])
