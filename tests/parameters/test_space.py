"""A space of parameters: vectors and names, union, fixing; every change is a new space."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidParameter, UnknownName
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import NamedValues, ParameterSpace

NAME = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=8)
NAMES = st.lists(NAME, max_size=6, unique=True)  # spaces are built in the tests: type checks draw random numbers
SPACE = ParameterSpace((Parameter("mu", 1.0, lower=0.0, upper=10.0), Parameter("b", 2.0), Parameter("c", 3.0)))


@given(names=NAMES, data=st.data())
def test_pack_inverts_unpack(names, data):
    space = ParameterSpace([Parameter(name, 0.5) for name in names])
    n = len(space)
    theta = np.array(data.draw(st.lists(st.floats(-1e9, 1e9), min_size=n, max_size=n)), dtype=float)
    values = space.unpack(theta)
    assert tuple(values) == space.names
    np.testing.assert_array_equal(space.pack(values), theta)
    np.testing.assert_array_equal(space.pack({name: float(values[name]) for name in reversed(space.names)}), theta)


@given(names=NAMES, data=st.data())
def test_order_of_parameters_does_not_matter_to_named_values(names, data):
    space = ParameterSpace([Parameter(name, 0.5) for name in names])
    shuffled = ParameterSpace(tuple(data.draw(st.permutations(space.parameters))))
    values = space.unpack(np.arange(len(space), dtype=float))
    again = shuffled.unpack(shuffled.pack(values))
    assert {n: float(again[n]) for n in again} == {n: float(values[n]) for n in values}


def test_a_part_of_a_joint_reads_its_share():
    part = ParameterSpace((Parameter("c", 0.0), Parameter("mu", 0.0)))
    np.testing.assert_array_equal(part.pack(SPACE.unpack(SPACE.starts)), [3.0, 1.0])


def test_packing_the_spaces_own_values_costs_nothing():
    values = SPACE.unpack(SPACE.starts)
    assert SPACE.pack(values) is values.theta


def test_missing_and_unknown_names_are_listed_together():
    with pytest.raises(UnknownName) as caught:
        SPACE.pack({"mu": 1.0, "bb": 2.0})
    message = str(caught.value)
    assert "missing: 'b', 'c'" in message
    assert "unknown: 'bb' (did you mean 'b'?)" in message


def test_a_vector_of_wrong_length_is_refused():
    with pytest.raises(InvalidParameter, match=r"shape \(2,\) does not hold 3 parameters"):
        SPACE.unpack(np.zeros(2))


def test_values_work_inside_compiled_code():
    values = SPACE.unpack(SPACE.starts)
    total = jax.jit(lambda v: v["mu"] + 2 * v["b"])(values)
    assert float(total) == 5.0
    assert isinstance(jax.tree.map(lambda x: 2 * x, values), NamedValues)
    with pytest.raises(UnknownName, match="no parameter 'mue'; did you mean 'mu'"):
        values["mue"]


def test_names_bounds_and_lookup():
    assert SPACE.names == ("mu", "b", "c")
    assert "b" in SPACE
    assert SPACE["b"].start == 2.0
    assert SPACE.indices(["c", "mu"]) == (2, 0)
    np.testing.assert_array_equal(SPACE.lowers, [0.0, -math.inf, -math.inf])
    np.testing.assert_array_equal(SPACE.uppers, [10.0, math.inf, math.inf])


@pytest.mark.parametrize(
    "call",
    [
        lambda: SPACE.index("mi"),
        lambda: SPACE["mi"],
        lambda: SPACE.indices(["b", "mi"]),
        lambda: SPACE.fix(mi=1.0),
        lambda: SPACE.release("mi"),
        lambda: SPACE.replace("mi", lower=0.0),
        lambda: SPACE.complete({"mi": 1.0}),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(call):
    with pytest.raises(UnknownName, match="no parameter 'mi'; did you mean 'mu'"):
        call()


def test_an_unknown_setting_is_answered_with_near_ones():
    with pytest.raises(UnknownName, match="a parameter has no setting 'lowr'; did you mean 'lower'"):
        SPACE.replace("mu", lowr=0.0)


def test_duplicate_names_are_refused_with_both_definitions():
    with pytest.raises(InvalidParameter, match=r"'mu' is defined twice: Parameter\(mu = 1 .*Parameter\(mu = 2"):
        ParameterSpace((Parameter("mu", 1.0), Parameter("mu", 2.0)))


def test_fix_release_and_replace_return_new_spaces():
    before = repr(SPACE)
    fixed = SPACE.fix(mu=4.0).fix({"c": 1.0})
    assert fixed.free == ("b",)
    assert fixed["mu"].start == 4.0
    np.testing.assert_array_equal(fixed.free_mask, [False, True, False])
    assert fixed.release("mu").free == ("mu", "b")
    assert SPACE.replace("mu", lower=-5.0)["mu"].lower == -5.0
    assert repr(SPACE) == before
    assert SPACE.free == SPACE.names


def test_fixing_outside_the_bounds_is_refused():
    with pytest.raises(InvalidParameter, match=r"start value 11\.0 lies outside \[0\.0, 10\.0\]"):
        SPACE.fix(mu=11.0)


def test_complete_puts_values_into_the_starts():
    np.testing.assert_array_equal(SPACE.complete({"b": 7.0}), [1.0, 7.0, 3.0])
    np.testing.assert_array_equal(SPACE.complete(None), SPACE.starts)


def test_a_union_shares_equal_names():
    other = ParameterSpace((Parameter("b", 2.0, latex="$b$"), Parameter("d", 4.0)))
    assert (SPACE | other).names == ("mu", "b", "c", "d")
    assert (SPACE | SPACE).names == SPACE.names


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"start": 1.5}, "start"),
        ({"start": 1.0, "lower": -1.0}, "lower"),
        ({"start": 1.0, "upper": 2.0}, "upper"),
        ({"start": 1.0, "unit": "pb"}, "unit"),
        ({"start": 1.0, "prior": Normal(0.0, 1.0)}, "prior"),
    ],
)
def test_a_union_refuses_differing_definitions_and_names_both(settings, difference):
    settings = {"lower": 0.0, "upper": 10.0} | settings
    with pytest.raises(InvalidParameter, match=rf"differs in {difference}: Parameter\(mu.* and Parameter\(mu"):
        _ = SPACE | ParameterSpace((Parameter("mu", **settings),))


def test_a_union_shares_equal_priors():
    one, two = (ParameterSpace((Parameter("mu", 1.0, prior=Normal(0, 1)),)) for _ in range(2))
    assert len(one | two) == 1


def test_an_empty_space_is_legal():
    empty = ParameterSpace(())
    assert empty.pack({}).shape == (0,)
    assert empty.free == ()
    assert float(empty.log_prior({})) == 0.0


def test_priors_add_and_fixed_parameters_do_not_count():
    space = ParameterSpace((Parameter("a", 0.0, prior=Normal(0, 1)), Parameter("b", 0.0, prior=Normal(0, 2))))
    both = float(space.log_prior({"a": 1.0, "b": 1.0}))
    assert both == pytest.approx(float(Normal(0, 1).log_prob(1.0) + Normal(0, 2).log_prob(1.0)), rel=1e-14)
    assert float(space.fix(b=1.0).log_prior({"a": 1.0, "b": 1.0})) == pytest.approx(
        float(Normal(0, 1).log_prob(1.0)), rel=1e-14
    )


def test_the_log_prior_is_differentiable():
    space = ParameterSpace((Parameter("a", 0.0, prior=Normal(1.0, 2.0)),))
    slope = jax.grad(lambda theta: space.log_prior(space.unpack(theta)))(jnp.array([2.0]))
    assert float(slope[0]) == pytest.approx(-0.25, rel=1e-14)
