"""Draws of a posterior for many sets of data: in common blocks where a network makes them, else set by set."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key
from wilks.inference.lanes import take_one
from wilks.results.samples import Samples

from .drawing import Observed
from .posterior import NeuralPosterior, as_samples, draw_many, draw_observed, keys_of, log_mass, observe_many
from .posterior_interface import AbstractPosterior
from .proposals import Proposal, draws_of, random_key


def sample_many(
    key: Key | int, posterior: AbstractPosterior, data: Any, n: int, *, density: bool = False
) -> tuple[Samples, ...]:
    """Draws for many sets of data; number i is ``posterior.sample(fold_in(key, i), data[i], n)``.

    A network encodes each set once and draws for all of them in common blocks; other posteriors go set by set. Draws
    are equal up to rounding; ``accepted`` and ``thrown`` among the facts may differ, since blocks are filled otherwise.

    Args:
        key: random key or seed.
        posterior: for any data.
        data: arrays (or one array) with a leading axis of sets.
        n: draws per set.
        density: as for `sample`; what a network puts outside its support is then measured set by set.

    Raises:
        InvalidData: for arrays of different lengths, or naming a set that `sample` would refuse.
        InvalidOption: for fewer than one draw.
        NotAmortised: for other data than those of its truncated rounds.
    """
    if n < 1:
        raise InvalidOption(f"{n} draws of each set asked for; ask for at least 1")
    sets = _each(data)
    if not isinstance(posterior, NeuralPosterior) or not posterior.amortised:
        seed = random_key(key)
        return tuple(
            posterior.sample(jax.random.fold_in(seed, i), one, n, density=density) for i, one in enumerate(sets)
        )
    names, observed, flags = observe_many(posterior, sets)
    with_density = density or posterior.estimator.density.density_is_free
    draws = draw_observed(posterior, keys_of(key, len(sets)), observed, n, with_density=with_density)

    def one(i: int) -> Samples:
        own = Observed(*(rows[i : i + 1] for rows in observed))
        return as_samples(posterior, draws, i, log_mass(posterior, names[i], own) if with_density else None, flags[i])

    return tuple(one(i) for i in range(len(sets)))


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


def _each(data: Any) -> list[Any]:
    lengths = {len(leaf) if np.ndim(leaf) else 0 for leaf in jax.tree.leaves(data)}
    if len(lengths) != 1 or lengths == {0}:
        raise InvalidData(
            f"many sets of data: leading axes of lengths {', '.join(map(str, sorted(lengths))) or 'none'}; give arrays "
            "with one leading axis of sets"
        )
    return [take_one(data, i) for i in range(lengths.pop())]
