"""Random keys of chunks: folded from (seed, task, chunk number), never from time, process or order."""

import hashlib
import json
import operator
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Integer

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key

_GENERATOR = "threefry2x32"
_WORD = 1 << 32


def task_words(task: Mapping[str, Any]) -> tuple[int, int]:
    """Two 32-bit words that stand for a task: the start of the SHA-256 of its canonical JSON.

    Two words, because one collides among 1e4 tasks with a probability of 1 %.

    Args:
        task: what is computed, as JSON values, e.g. procedure, digests of model and data, settings. Points that share
            random numbers (nodes of a belt) leave their position out.

    Raises:
        InvalidOption: if the task holds something that JSON cannot say, NaN and infinity included.
    """
    try:
        text = json.dumps(task, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidOption(
            f"the task {task!r} is no JSON ({error}); describe it by texts and finite numbers"
        ) from None
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")


def as_seed(seed: jax.Array | int | np.integer) -> int:
    """The 64-bit seed of a run, from a whole number or from a key ``jax.random.key(...)``.

    >>> as_seed(jax.random.key(7)) == as_seed(7) == 7
    True

    Raises:
        InvalidOption: for a number outside [0, 2^64) or a key that is not one threefry key.
    """
    if isinstance(seed, jax.Array):
        typed = jnp.issubdtype(seed.dtype, jax.dtypes.prng_key)
        if not typed or seed.shape != () or str(jax.random.key_impl(seed)) != _GENERATOR:
            raise InvalidOption(
                f"seed {seed} is not one {_GENERATOR} key; give a whole number or jax.random.key(number)"
            )
        high, low = (int(word) for word in np.asarray(jax.random.key_data(seed)))
        return high * _WORD + low
    number = operator.index(seed)
    if not 0 <= number < _WORD * _WORD:
        raise InvalidOption(f"seed {number} lies outside [0, 2^64); give a whole number in this range")
    return number


def chunk_key(seed: Key | int, words: tuple[int, int], index: int | Integer[Array, ""]) -> Key:
    """Key of one chunk (or of one item, when ``index`` counts items): a chain of ``fold_in`` over its identity.

    Args:
        seed: seed of the run, see :func:`as_seed`.
        words: the task's words, see :func:`task_words`.
        index: number of the chunk; may be traced, so that keys of many items come from one ``jax.vmap``.
    """
    number = as_seed(seed)
    start = np.array([number // _WORD, number % _WORD], dtype=np.uint32)
    return _folded(start, np.array(words, dtype=np.uint32), index)


@jax.jit
def _folded(start: Any, words: Any, index: Any) -> Key:
    key = jax.random.wrap_key_data(start, impl=_GENERATOR)
    for word in (words[0], words[1], index):
        key = jax.random.fold_in(key, word)
    return key
