"""Keys depend on seed, task and chunk, and on nothing else."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidOption
from wilks.execution.keys import as_seed, chunk_key, task_words


def words_of(key):
    return tuple(int(word) for word in jax.random.key_data(key))


def test_words_are_the_start_of_the_sha256_of_canonical_json():
    # printf '{"a":[1,2.5],"b":"toys"}' | sha256sum
    assert task_words({"b": "toys", "a": [1, 2.5]}) == (0xA25F4D05, 0x0546E788)
    assert task_words({"a": [1, 2.5], "b": "toys"}) == task_words({"b": "toys", "a": [1, 2.5]})
    assert task_words({"b": "scan", "a": [1, 2.5]}) != task_words({"b": "toys", "a": [1, 2.5]})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, np.zeros(2)])
def test_a_task_that_is_no_json_is_refused(value):
    with pytest.raises(InvalidOption, match="is no JSON"):
        task_words({"value": value})


@given(st.integers(0, 2**64 - 1))
def test_a_seed_comes_back_from_its_key(seed):
    words = np.array([seed >> 32, seed & 0xFFFFFFFF], dtype=np.uint32)
    assert as_seed(jax.random.wrap_key_data(words, impl="threefry2x32")) == as_seed(seed) == seed


def test_a_seed_and_its_jax_key_are_the_same():
    for seed in (0, 7, 2**40 + 3):
        assert as_seed(jax.random.key(seed, impl="threefry2x32")) == seed


@pytest.mark.parametrize(
    "seed", [-1, 2**64, jax.random.key(1, impl="rbg"), jax.random.split(jax.random.key(1)), jax.numpy.zeros(2)]
)
def test_unusable_seeds_are_refused(seed):
    with pytest.raises(InvalidOption, match="seed"):
        as_seed(seed)


def test_a_chunk_key_is_the_chain_of_fold_ins():
    key = jax.random.key(5, impl="threefry2x32")
    for word in (11, 2**32 - 1, 3):
        key = jax.random.fold_in(key, word)
    assert words_of(chunk_key(5, (11, 2**32 - 1), 3)) == words_of(key)
    assert words_of(chunk_key(jax.random.key(5), (11, 2**32 - 1), 3)) == words_of(key)


def test_seed_words_and_index_all_count():
    keys = {words_of(chunk_key(s, w, i)) for s in (0, 1, 2**32) for w in ((0, 0), (0, 1), (1, 0)) for i in (0, 1)}
    assert len(keys) == 18


def test_keys_of_many_items_come_from_one_vmap():
    many = jax.vmap(lambda i: jax.random.key_data(chunk_key(9, (1, 2), i)))(jax.numpy.arange(3))
    assert [tuple(int(x) for x in row) for row in many] == [words_of(chunk_key(9, (1, 2), i)) for i in range(3)]
