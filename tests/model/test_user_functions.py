"""Plain numpy functions as users write them, inside compiled, batched and differentiated models."""

import copy
import logging
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model import user_models
from wilks._base.digests import digest, is_verifiable
from wilks._base.errors import InvalidModel, UnknownName
from wilks.model.user_functions.function import UserFunction, user_function, user_functions_in
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace((Parameter("a", 0.1, -0.9, 0.9), Parameter("b", 1.2, 0.8, 3.0), Parameter("c", 0.7)))
EXTRAS = {"n_scale": 1.5}

RUNGS = {
    "with_jax": 1,
    "nested_lists": 1,
    "one_number": 1,
    "charged_leptons": 1,  # the parameters are not used at all
    "neutrinos": 2,
    "products": 2,
    "complex_entries": 2,
    "modular_a4": 3,
    "modular_s4": 3,
    "written_entry_by_entry": 3,
    "imported_inside": 3,
    "without_branches": 3,
    "with_a_branch": 4,
    "hidden_branch": 4,
    "writes_through_a_view": 4,
    "larger_one": 4,
    "counts_by_value": 4,
    "one_number_by_cases": 4,
    "far_branch_hidden": 4,  # equal to b at all probes, but not everywhere
    "shielded": 2,
}
POINTS = np.array([[0.3, 1.1, 0.4], [-0.45, 2.3, -1.7], [0.11, 0.95, 2.2]])


def made(name: str) -> UserFunction:
    return user_function(getattr(user_models, name), SPACE, extras=EXTRAS)


@pytest.fixture(params=RUNGS)
def name(request):
    return request.param


def vector(function):
    return lambda theta: function(SPACE.unpack(theta))


def plain(name, theta):
    point = {**EXTRAS, **dict(zip(SPACE.names, theta.tolist(), strict=True))}
    return np.asarray(getattr(user_models, name)(point))


# --- values and derivatives


def test_each_function_ends_on_its_rung_with_its_values(name):
    function = made(name)
    assert function.rung == RUNGS[name], function.reason
    assert bool(function.reason) == (function.rung == 4)
    compiled = np.asarray(jax.jit(jax.vmap(vector(function)))(POINTS))
    for theta, found in zip(POINTS, compiled, strict=True):
        # a sum of a few products in another order: some units in the last place of the largest term
        np.testing.assert_allclose(found, plain(name, theta), rtol=1e-10, atol=1e-13)
        np.testing.assert_array_equal(function(SPACE.unpack(theta)), plain(name, theta))


def test_derivatives_are_those_of_central_differences(name):
    function = made(name)
    found = jax.jit(jax.vmap(jax.jacfwd(vector(function))))(POINTS)
    for theta, jacobian in zip(POINTS, found, strict=True):
        for i in range(3):
            step = 1e-5 * np.eye(3)[i]
            expected = (plain(name, theta + step) - plain(name, theta - step)) / 2e-5
            # third derivatives up to 1e4 times the step squared, and rounding over the step
            np.testing.assert_allclose(
                jacobian[..., i], expected, rtol=1e-6, atol=1e-8 * max(1, np.abs(expected).max())
            )


@pytest.mark.parametrize("name", ["neutrinos", "modular_a4", "with_a_branch"], indirect=True)
def test_second_derivatives_exist_on_every_rung(name):
    function = made(name)

    def size(theta):
        return jnp.sum(jnp.abs(vector(function)(theta)) ** 2)

    hessian = jax.jit(jax.hessian(size))(POINTS[0])
    gradient = jax.jit(jax.grad(size))
    for i in range(3):
        step = 1e-4 * np.eye(3)[i]
        expected = (gradient(POINTS[0] + step) - gradient(POINTS[0] - step)) / 2e-4
        # differences of differences: 1e-16/(6e-6 * 1e-4) of the values
        np.testing.assert_allclose(hessian[i], expected, rtol=1e-5, atol=1e-5 * np.abs(hessian).max())


def test_differences_stay_inside_the_bounds():
    asked: list = []

    def function(p):
        asked.append(p["x"])
        return np.array([p["x"] ** 2 if p["x"] > 0.5 else 0.25])

    space = ParameterSpace((Parameter("x", 1.0, 0.0, 1.0),))
    slope = jax.jacfwd(lambda x: user_function(function, space)({"x": x}))(1.0)
    assert slope == pytest.approx(2.0, abs=1e-5)  # one-sided: half of h f''
    numbers = [x for x in asked if isinstance(x, float)]
    assert min(numbers) >= 0.0
    assert max(numbers) <= 1.0


@given(st.floats(-0.9, 0.9), st.floats(0.8, 3.0), st.floats(-3.0, 3.0))
def test_traced_and_plain_values_agree_everywhere(a, b, c):
    theta = np.array([a, b, c])
    for name, function in _COMPILED.items():
        np.testing.assert_allclose(function(theta), plain(name, theta), rtol=1e-9, atol=1e-12)


_COMPILED = {
    name: jax.jit(vector(made(name))) for name in ("neutrinos", "modular_a4", "without_branches", "with_a_branch")
}


def test_a_real_function_of_whole_numbers_is_a_float():
    function = user_function(lambda p: np.array([[0, 1], [1, 0]]), SPACE)
    assert function(SPACE.unpack(POINTS[0])).dtype == float
    assert not function.complex_valued


# --- what is told


def test_parameters_without_effect_are_named():
    assert made("charged_leptons").without_effect == ("a", "b", "c")
    assert made("complex_entries").without_effect == ()
    assert made("modular_a4").without_effect == ("c",)
    assert made("larger_one").without_effect == ()  # though each is passed over where it is smaller
    assert user_function(lambda p: p["a"] + 0 * p["b"], SPACE.fix(c=1.0)).without_effect == ("b",)


def test_results_that_depend_on_nothing_are_known():
    assert made("complex_entries").constant is None
    np.testing.assert_array_equal(made("charged_leptons").constant, made("charged_leptons").numbers(SPACE.starts))
    assert user_function(lambda p: p["a"] + 0 * p["b"], SPACE).constant is None
    assert user_function(lambda p: 1.0 if p["a"] > -1e9 else 2.0, SPACE).constant is None  # only as far as was tried


def test_calls_point_by_point_are_announced_with_name_reason_and_cost(caplog):
    with caplog.at_level(logging.WARNING, logger="wilks"):
        user_function(user_models.with_a_branch, SPACE, name="announced")
    (record,) = caplog.records
    assert "'announced' cannot be compiled (it branches on the value of a parameter)" in record.message
    assert "us per point, with derivatives from central differences" in record.message


def test_traced_functions_are_silent(caplog):
    made("neutrinos")
    made("modular_a4")
    assert caplog.records == []


def test_the_users_module_stays_as_it_was():
    before = dict(vars(user_models))
    made("modular_a4")
    made("written_entry_by_entry")
    assert vars(user_models) == before


# --- the mapping


def test_the_mapping_is_an_ordinary_dict():
    seen = []

    def function(p):
        seen.append((isinstance(p, dict), dict(**p).keys(), "a" in p, p.get("z", 3.0), len(p)))
        p["a"] = 0.0  # its own copy
        return np.array([p["b"], p.get("z", 3.0) * p["n_scale"]])

    values = {"a": 0.3, "b": 1.0, "c": 2.0}
    found = user_function(function, SPACE, extras=EXTRAS)(values)
    np.testing.assert_array_equal(found, [1.0, 4.5])
    assert values["a"] == 0.3
    assert {(s[0], *s[2:]) for s in seen} == {(True, True, 3.0, 4)}
    assert all(set(s[1]) == {"a", "b", "c", "n_scale"} for s in seen)


def test_a_parameter_of_the_space_goes_before_an_extra():
    function = user_function(lambda p: np.array([p["a"]]), SPACE, extras={"a": 7.0})
    assert function({"a": 0.5, "b": 1.0, "c": 0.0}) == 0.5


def test_an_unknown_parameter_is_named_with_near_ones():
    with pytest.raises(
        UnknownName, match=r"asks for parameter 'n_scal'; known names are 'a', 'b', 'c', 'n_scale'; did"
    ):
        user_function(lambda p: p["n_scal"], SPACE, extras=EXTRAS)


def test_a_function_may_look_for_a_parameter_that_is_not_there():
    def function(p):
        try:
            return np.array([p["d"]])
        except KeyError:
            return np.array([p["a"]])

    assert user_function(function, SPACE).rung == 2


# --- failures


def test_a_failing_function_raises_its_own_error_with_the_point():
    def broken(p):
        raise ZeroDivisionError("no such matrix")

    with pytest.raises(ZeroDivisionError, match="no such matrix") as caught:
        user_function(broken, SPACE)
    assert "raised by the function 'broken' at a = " in caught.value.__notes__[0]


def test_a_function_that_fails_at_some_points_only_is_built_and_says_so_there():
    def function(p):
        if p["a"] < -0.3:
            raise ArithmeticError("a is too small")
        return np.array([p["a"], p["b"]])

    found = user_function(function, SPACE)
    assert found.rung == 4
    values = jax.jit(jax.vmap(vector(found)))(np.array([[-0.5, 1.0, 1.0], [0.5, 1.0, 1.0]]))
    np.testing.assert_array_equal(values, [[np.nan, np.nan], [0.5, 1.0]])
    with pytest.raises(ArithmeticError, match="a is too small") as caught:
        found({"a": -0.5, "b": 1.0, "c": 1.0})
    assert "at a = -0.5, b = 1.0, c = 1.0" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p: np.ones((2, 3)), r"returns an array of shape \(2, 3\) at a = .*; expected \(3, 3\)"),
        (lambda p: None, "returns NoneType, None, where a number is expected"),
        (lambda p: [[1, "x", 0]] * 3, r"returns (str_|str) at \[0\]\[0\]"),
        (lambda p: [[1, None, 0]] * 3, r"returns NoneType at \[0\]\[1\], None"),
        (lambda p: [[1, 2], [3]], "returns no rectangular array"),
        (lambda p: np.full((3, 3), np.nan), r"gives nan in entry \[0, 0\] at a = "),
        (lambda p: np.log(-1.0 - p["a"] ** 2) * np.ones((3, 3)), r"gives nan in entry \[0, 0\]"),
    ],
)
def test_results_that_are_no_matrix_are_refused(function, message):
    with pytest.raises(InvalidModel, match=message):
        user_function(function, SPACE, shape=(3, 3))


def test_shapes_that_change_are_refused():
    with pytest.raises(InvalidModel, match="returns an array of shape"):
        user_function(lambda p: np.zeros(2 if p["a"] > 0 else 3), SPACE)


def test_a_function_that_is_not_pure_is_refused():
    generator = np.random.default_rng(1)
    with pytest.raises(InvalidModel, match="different results for equal parameters"):
        user_function(lambda p: p["a"] * generator.random(), SPACE)


# --- identity


class Model(eqx.Module):
    matrix: UserFunction

    def __call__(self, theta):
        return jnp.sum(self.matrix(self.matrix.space.unpack(theta)))


def test_a_model_is_compiled_once_however_often_it_is_built_and_called():
    traced = []

    @eqx.filter_jit
    def run(model, theta):
        traced.append(1)
        return model(theta)

    for _ in range(3):
        model = Model(made("neutrinos"))
        run(model, POINTS[0])
        run(model, POINTS[1])
    assert len(traced) == 1
    run(Model(made("products")), POINTS[0])
    assert len(traced) == 2


def test_copies_and_pickles_are_equal_and_have_one_digest():
    function = made("modular_a4")
    for twin in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function), made("modular_a4")):
        assert twin == function
        assert hash(twin) == hash(function)
        assert digest(twin) == digest(function)
        np.testing.assert_array_equal(twin(SPACE.unpack(POINTS[0])), function(SPACE.unpack(POINTS[0])))
    assert is_verifiable(digest(function))
    assert digest(made("modular_s4")) != digest(function)


def test_two_functions_on_one_line_are_two():
    one, two = (user_function(f, SPACE) for f in (lambda p: p["a"], lambda p: p["b"]))
    assert one != two
    assert one({"a": 0.1, "b": 1.0, "c": 0.0}) != two({"a": 0.1, "b": 1.0, "c": 0.0})


def test_closures_and_objects_are_fine():
    weights = np.array([1.0, 2.0])

    class Texture:
        def matrix(self, p):
            return weights * p["a"]

    for function in (lambda p: weights * p["a"], Texture().matrix):
        found = user_function(function, SPACE)
        np.testing.assert_array_equal(jax.jit(vector(found))(POINTS[0]), weights * 0.3)
        found.refuse_changes()


def test_a_number_of_the_module_that_changed_later_is_noticed(monkeypatch):
    function = made("products")
    before = digest(function)
    function.refuse_changes()
    monkeypatch.setattr(user_models, "SCALE", 3.0)
    with pytest.raises(InvalidModel, match="'products' reads from its module has changed since the model was built"):
        function.refuse_changes()
    assert digest(function) != before
    assert made("products") != function


def test_functions_are_found_in_models():
    model = Model(made("neutrinos"))
    assert user_functions_in({"x": [model, 1.0]}) == [model.matrix]


# --- probes


def test_probes_follow_priors_and_bounds():
    asked = []

    def function(p):
        asked.append(dict(p))
        return p["x"] + p["y"]

    space = ParameterSpace((Parameter("x", 5.0, prior=Normal(5.0, 1e-3)), Parameter("y", 0.0, -1.0, 1.0)))
    user_function(function, space)
    numbers = [p for p in asked if isinstance(p["x"], float)]
    assert max(abs(p["x"] - 5.0) for p in numbers) < 0.01
    assert len({p["y"] for p in numbers}) >= 3
