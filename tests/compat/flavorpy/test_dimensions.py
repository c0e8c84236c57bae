"""Parameter spaces of the face: samplers, bounds, expressions, points that behave as floats."""

import copy
import math
import pickle
import sys

import numpy as np
import pytest

import wilks.compat.flavorpy as mf
from tests.compat.flavorpy.user_script import space
from wilks._base.errors import InvalidParameter, UnknownName


def constant(value):
    return lambda: value


@pytest.fixture
def without_lmfit(monkeypatch):
    monkeypatch.setitem(sys.modules, "lmfit", None)


def test_the_global_seed_rules_the_default_sampler():
    np.random.seed(3)  # noqa: NPY002  what scripts do
    first = space().draw()
    np.random.seed(3)  # noqa: NPY002
    assert space().draw() == first
    assert all(0 <= x < 1 for x in first.values())


def test_a_generator_leaves_the_global_state_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first, second = (space().draw(np.random.default_rng(1)) for _ in range(2))
    assert first == second
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_points_behave_as_floats_without_lmfit(without_lmfit):
    made = space("a", "b", vary=False, min=0.0, max=2.0, brute_step=0.1)
    made.add_dim("c", expr="2*a", vary=True)
    point = made.random_pt()
    assert list(point) == ["a", "b", "c"]
    assert point["c"] == 2 * point["a"]
    assert math.sqrt(point["a"]) == math.sqrt(float(point["a"])) == math.sqrt(point["a"].value)
    a = point["a"]
    assert (a.vary, a.min, a.max, a.expr, a.brute_step) == (False, 0.0, 2.0, None, 0.1)
    assert point["c"].expr == "2*a"
    assert not point["c"].vary  # it is computed
    again = pickle.loads(pickle.dumps(copy.deepcopy(point)))
    assert again == point
    assert again["c"].expr == "2*a"


def test_points_are_parameters_of_lmfit_where_it_is_installed():
    lmfit = pytest.importorskip("lmfit")
    made = space()
    made.add_dim("c", expr="v1 + v2")
    point = made.random_pt()
    assert isinstance(point, lmfit.Parameters)
    assert point["c"].value == pytest.approx(point["v1"].value + point["v2"].value, rel=1e-12)


def test_spaces_copy_and_pickle():
    made = space(min=0.0)
    twin = made.copy()
    twin["v1"].min = -1.0
    assert made["v1"].min == 0.0
    again = pickle.loads(pickle.dumps(made))
    assert repr(again) == "Parameter space"
    assert again["v1"].copy().min == 0.0
    assert repr(again["v1"]) == "Parameter 'v1'"


def test_adding_a_dimension_again_overwrites_it():
    made = space()
    made.add_dim("v1", min=-1.0, max=1.0)
    assert list(made) == ["v1", "v2", "v3"]
    assert made["v1"].min == -1.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2*a + b**2", 2.0 + 9.0),
        ("-a/b", -1 / 3),
        ("sqrt(b) + exp(a) - log(b)", math.sqrt(3) + math.e - math.log(3)),
        ("sin(pi*a) + cos(a) + tan(a) + abs(-b)", math.sin(math.pi) + math.cos(1) + math.tan(1) + 3),
        (" (a + b) * 1e-3 ", 4e-3),
    ],
)
def test_expressions_are_arithmetic(text, value):
    made = space("a", sample_fct=constant(1.0))
    made.add_dim("b", sample_fct=constant(3.0))
    made.add_dim("c", expr=text)
    assert made.draw()["c"] == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a.real",
        "a[0]",
        "lambda: a",
        "a if a else b",
        "open(a)",
        "sqrt(a, b)",
        "sqrt(x=a)",
        "'a'",
        "a b",
    ],
)
def test_other_text_is_refused_and_never_run(text):
    with pytest.raises(InvalidParameter, match="use numbers, names"):
        space().add_dim("c", expr=text)


def test_expressions_of_unknown_names_or_in_circles_are_refused():
    unknown = space("a1")
    unknown.add_dim("b", expr="2*a")
    with pytest.raises(InvalidParameter, match=r"'b' = '2\*a' uses 'a'; did you mean 'a1'"):
        unknown.draw()
    circle = space("a")
    circle.add_dim("b", expr="c + a")
    circle.add_dim("c", expr="b")
    with pytest.raises(InvalidParameter, match="'b', 'c' depend on one another"):
        circle.random_pt()


def test_bounds_and_samplers_that_contradict_are_refused():
    with pytest.raises(InvalidParameter, match=r"'v1': bounds \[1.0, 0.0\]"):
        space("v1", min=1.0, max=0.0)
    for bad, said in (
        (math.nan, "gives nan"),
        ("x", "of type str"),
        (np.zeros(2), "of type ndarray"),
        (3.0, r"\[0.0, 1"),
    ):
        with pytest.raises(InvalidParameter, match=said):
            space("v1", sample_fct=constant(bad), min=0.0, max=1.0).draw()


def test_an_unknown_dimension_is_named_with_near_ones():
    with pytest.raises(UnknownName, match="did you mean 'v1'"):
        mf.ParameterSpace.__getitem__(space(), "v11")
