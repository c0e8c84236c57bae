"""What a function does is known from its code, or it is said not to be."""

import functools
import math
import time
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy import exp
from numpy import loadtxt as table
from numpy import random as numbers

from wilks._base.closed_code import closed_code
from wilks._base.digests import closed_digest

SLOPE = 2.0
GRID = np.linspace(0.0, 1.0, 5)
STATE = [1.0]


def offset(x):
    return x + 1.0


def line(x, power=2):
    return [SLOPE * offset(item) ** power for item in x]


def in_circles(x):
    return x if x < 1 else also_in_circles(x - 1)


def also_in_circles(x):
    return in_circles(x)


def of_libraries(x):
    import scipy

    return np.exp(x) + exp(x) + jnp.sum(x) + math.pi + scipy.special.gamma(x) + GRID.sum()


def made_with(scale):
    return lambda x: scale * x


@pytest.mark.parametrize(
    "function", [line, in_circles, of_libraries, made_with(2.0), made_with(np.ones(3)), lambda x: x["m"] ** 2]
)
def test_closed_functions_have_code(function):
    assert closed_code(function) is not None
    assert len(closed_digest(function)) == 64


class Decorated:
    def __init__(self, function):
        functools.update_wrapper(self, function)


def decorated(function):
    @functools.wraps(function)
    def call(x):
        return 2 * function(x)

    return call


def with_attribute(x):
    return x


with_attribute.scale = 2.0

GENERATOR = np.random.default_rng(1)
JITTED = jax.jit(offset)
VECTORISED = np.vectorize(offset)
PARTIAL = functools.partial(line, power=3)


def reads_state(x):
    return STATE[0] * x


def reads_a_generator(x):
    return GENERATOR.normal() * x


def reads_a_class(x):
    return Decorated(x)


def reads_wrapped(x):
    return JITTED(x)


def reads_vectorised(x):
    return VECTORISED(x)


def reads_a_partial(x):
    return PARTIAL(x)


def reads_a_file(x):
    return float(open("scale.txt").read()) * x


def reads_a_table(x):
    return np.loadtxt("table.txt") * x


def reads_an_array(x):
    from numpy import load

    return load("table.npy") * x


def reads_under_another_name(x):
    return table(x)


def reads_under_a_name_of_its_own(x):
    from scipy.io import loadmat as matrix

    return matrix("table.mat")


def throws_under_another_name(x):
    return numbers.normal() * x  # noqa: NPY002


def throws_a_number(x):
    return np.random.normal() * x  # noqa: NPY002


def reads_settings(x):
    return x if jax.config.jax_enable_x64 else -x


def reads_by_name(x):
    return getattr(np, "ex" + "p")(x)


def writes_state(x):
    global SLOPE
    SLOPE = x
    return x


def imports_own(x):
    from tests._base import test_errors

    return test_errors


def imports_from_here(x):
    from .numpy import exp as own

    return own(x)


def nameless(x):
    return no_such_name


def calls_one(x):
    return reads_state(x)


@pytest.mark.parametrize(
    "function",
    [
        *(decorated(offset), Decorated(offset), with_attribute, reads_state, reads_a_generator, reads_a_class),
        *(reads_wrapped, reads_vectorised, reads_a_partial, reads_a_file, reads_by_name, imports_own, nameless),
        *(calls_one, imports_from_here, reads_a_table, reads_an_array, throws_a_number, reads_settings, writes_state),
        *(reads_under_another_name, reads_under_a_name_of_its_own, throws_under_another_name),
        *map(made_with, (STATE.append, Decorated, types, GENERATOR.normal, np.loadtxt, np.random, time.perf_counter)),
    ],
)
def test_what_is_not_known_is_said(function):
    assert closed_digest(function) is None


def test_digests_follow_what_runs(monkeypatch):
    digests = [closed_digest(line)]
    for name, value in (("SLOPE", 3.0), ("offset", lambda x: x + 1.5), ("SLOPE", np.ones(2))):
        monkeypatch.setitem(globals(), name, value)
        digests.append(closed_digest(line))
    monkeypatch.setattr(line, "__defaults__", (3,))
    digests.append(closed_digest(line))
    assert len(set(digests)) == 5


def test_code_decides_and_neither_comments_nor_places():
    def function(text):
        scope: dict = {}
        exec(text, scope)
        return scope["f"]

    one = function("def f(x):\n    return 2 * x")
    moved = function("# a comment\n\ndef f(x):\n    # another\n    return 2 * x")
    other = function("def f(x):\n    return 3 * x")
    assert closed_digest(one) == closed_digest(moved) != closed_digest(other)
    assert closed_digest(made_with(1.0)) != closed_digest(made_with(2.0))


def test_functions_that_stand_for_one_another_are_told_apart():
    def both(first, second):
        return lambda x: (first(x), second(x), first(second(x)))

    up, down = made_with(2.0), made_with(0.5)
    assert closed_digest(both(up, down)) != closed_digest(both(down, up))


def scaled(x):
    return module.SCALE * module.turned(x)


def whole(x):
    return offset(module)


def test_attributes_of_modules_of_users_are_read(monkeypatch):
    module = types.ModuleType("of_a_user")
    module.SCALE, module.turned = 2.0, offset
    monkeypatch.setitem(globals(), "module", module)

    first = closed_digest(scaled)
    module.SCALE = 3.0
    assert first is not None
    assert closed_digest(scaled) not in (first, None)
    module.turned = reads_state
    assert closed_digest(scaled) is None
    assert closed_digest(whole) is None
