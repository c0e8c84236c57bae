"""Digests tell different models apart, call equal ones equal, and are the same in every process."""

import dataclasses
import enum
import functools
import math
import subprocess
import sys
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.digests import closed_digest, digest, is_verifiable
from wilks._base.errors import InvalidModel
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SLOPE = 2.0


def line(x):
    return SLOPE * x + offset(x)


def offset(x):
    return line(x - 1) if x > 0 else 0.0


class Model(eqx.Module):
    template: jax.Array
    function: object = eqx.field(static=True)
    name: str = eqx.field(static=True, default="m")


@dataclasses.dataclass(frozen=True)
class Settings:
    step: float = 0.1


def without_source():
    scope: dict = {}
    exec("def f(x):\n    return x", scope)
    return scope["f"]


TREES = {
    "none": None,
    "true": True,
    "one": 1,
    "one as float": 1.0,
    "one as text": "1",
    "array": np.arange(3.0),
    "array of another shape": np.arange(3.0)[None],
    "array of another type": np.arange(3),
    "array of other values": np.array([0.0, 1.0, 2.5]),
    "texts": np.array(["a", "b"]),
    "tuple": (1, 2),
    "list": [1, 2],
    "nested": ((1,), 2),
    "map": {"a": 1, "b": 2},
    "other map": {"a": 2, "b": 1},
    "set": {1, 2},
    "settings": Settings(),
    "other settings": Settings(0.2),
    "function": line,
    "another function": offset,
    "jitted": jax.jit(offset),
    "partial": functools.partial(math.pow, 2.0),
    "builtin": math.pow,
    "class": Settings,
    "key": jax.random.key(1),
    "other key": jax.random.key(2),
    "model": Model(jnp.ones(2), line),
    "model of other name": Model(jnp.ones(2), line, "n"),
    "model of other function": Model(jnp.ones(2), offset),
    "model of other values": Model(jnp.zeros(2), line),
    "space": ParameterSpace((Parameter("mu", 1.0),)),
    "other space": ParameterSpace((Parameter("mu", 2.0),)),
}


def test_different_things_have_different_digests():
    digests = {name: digest(tree) for name, tree in TREES.items()}
    # a jitted function is its function: speed is no part of a model
    assert digests.pop("jitted") == digests["another function"]
    assert len(set(digests.values())) == len(digests)


@pytest.mark.parametrize("name", TREES)
def test_a_digest_is_64_hexadecimal_digits_and_repeats(name):
    text = digest(TREES[name])
    assert is_verifiable(text)
    assert len(text) == 64
    assert int(text, 16) >= 0
    assert digest(TREES[name]) == text


def test_holder_byte_order_and_memory_layout_of_arrays_do_not_matter():
    array = np.arange(6.0).reshape(2, 3)
    same = digest(array)
    assert digest(jnp.asarray(array)) == same
    assert digest(array.astype(">f8")) == same
    assert digest(np.asfortranarray(array)) == same
    assert digest(array[::-1][::-1]) == same


def test_order_of_a_map_does_not_matter_and_of_a_tuple_does():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest((1, 2)) != digest((2, 1))


def test_what_a_function_closes_over_counts():
    def scaled(factor):
        return lambda x: factor * x

    assert digest(scaled(2.0)) == digest(scaled(2.0))
    assert digest(scaled(2.0)) != digest(scaled(3.0))


def test_numbers_that_a_function_takes_from_its_module_count(monkeypatch):
    before = digest(line)
    monkeypatch.setitem(globals(), "SLOPE", 3.0)
    assert digest(line) != before


def test_a_function_without_source_makes_the_digest_unverifiable():
    function = without_source()
    text = digest({"f": function})
    assert not is_verifiable(text)
    assert text == digest({"f": function})


def test_an_object_of_unknown_content_is_refused():
    with pytest.raises(InvalidModel, match=r"cannot make a digest of .* unknown; use an equinox\.Module"):
        digest({"a": [object()]})
    with pytest.raises(InvalidModel, match="array of type object"):
        digest(np.array([None]))


def test_long_arrays_of_marks_have_a_digest_of_their_places():
    marks = np.arange(9000.0) % 3 == 0
    weights = marks.astype(float)
    assert digest(weights) == digest(jnp.asarray(weights)) == digest(weights[::-1].copy()[::-1])
    moved, fraction, whole = np.roll(weights, 1), weights.copy(), weights.copy()
    fraction[8000], whole[7000] = 0.5, 2.0
    others = [moved, fraction, whole, marks, weights.astype(np.float32), weights.reshape(2, -1), weights[:-1]]
    assert len({digest(item) for item in [weights, *others]}) == len(others) + 1


def test_a_closed_digest_is_that_of_known_code():
    tree = {"space": ParameterSpace((Parameter("mu", 1.0, lower=0.0),)), "f": jnp.sin, "n": [1.0, None]}
    assert closed_digest(tree) is not None
    assert closed_digest({"f": functools.partial(np.add, line)}) is not None


class Pair(NamedTuple):
    first: float
    second: float


class Numbers(list):
    pass


class Kind(enum.Enum):
    ONE = 1


@pytest.mark.parametrize(
    "tree",
    [Settings, {"a": (Settings(),)}, {"m": sys.modules[__name__]}, object(), Pair(1.0, 2.0), Numbers(), Kind.ONE, Kind],
)
def test_what_holds_other_code_has_no_closed_digest(tree):
    assert closed_digest(tree) is None


PROGRAM = """
import functools, math
import jax.numpy as jnp
from wilks._base.digests import digest
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
space = ParameterSpace((Parameter("mu", 1.0, lower=0.0), Parameter("b", 2.0)))
print(digest({"space": space, "set": {"x", "y", "z"}, "f": functools.partial(math.pow, 2.0), "t": jnp.arange(4.0)}))
"""


def test_a_digest_is_the_same_in_other_processes():
    hashes = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env=None, check=True, capture_output=True, text=True
        ).stdout.strip()
        for _ in range(2)  # each process has its own hash seed, hence its own order of sets
    }
    assert len(hashes) == 1
