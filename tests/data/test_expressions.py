"""Expressions: numbers as numpy gives them, jagged columns, and texts that must not pass."""

import ast
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.data import expressions
from wilks.data.events import Events, Ragged
from wilks.data.expressions import Expression

A = np.array([1.5, -2.0, 0.25, 4.0])
B = np.array([3.0, 0.5, -1.0, 2.0], dtype=np.float32)
N = np.array([0, 1, 2, 4], dtype=np.uint32)
GOOD = np.array([True, False, True, True])
PT = Ragged.from_lists([[40.0, 30.0], [], [25.0], [50.0, 10.0, 5.0]])
KIND = Ragged(np.array([11, 13, 11, 13, 13, 11], dtype=np.uint32), PT.offsets)
EVENTS = Events({"a": A, "b": B, "n": N, "good": GOOD, "pt": PT, "kind": KIND})


def value(text):
    return Expression.parse(text)(EVENTS)


B64 = B.astype(np.float64)
ARITHMETIC = {
    "a + b * 2 - 1": A + B64 * 2 - 1,
    "-a / +b": -A / B64,
    "a ** 2 // 0.5 % 3": A**2 // 0.5 % 3,
    "abs(a) + sqrt(n) + exp(-a) + log(n + 1)": np.abs(A) + np.sqrt(N) + np.exp(-A) + np.log(N + 1.0),
    "min(a, b) + max(a, 0)": np.minimum(A, B64) + np.maximum(A, 0),
    "where(a > 0, a, -b)": np.where(A > 0, A, -B64),
    "np.sqrt(numpy.abs(a))": np.sqrt(np.abs(A)),
    "n - 3": N.astype(float) - 3,  # unsigned numbers do not wrap around
    "100000 ** 4 * n": 1e20 * N,  # nor do 64 bits end
    "a * (good)": A * GOOD,
}


@pytest.mark.parametrize("text", ARITHMETIC)
def test_numbers_are_those_of_numpy_in_double_precision(text):
    found = Expression.parse(text).values(EVENTS)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, ARITHMETIC[text], rtol=1e-15)  # 4 operations of the same library


CONDITIONS = {
    "(a > 0) & (b < 3)": (A > 0) & (B < 3),
    "~(a > 0) | good": ~(A > 0) | GOOD,
    "-2 <= a < 1.5": (A >= -2) & (A < 1.5),
    "n == 2": N == 2,
    "n != -1": np.ones(4, bool),
    "good == True": GOOD,
    "n < 99999999999999999999999999": np.ones(4, bool),
    "1 < 2": np.ones(4, bool),
    "(a > 0)\n  & good": (A > 0) & GOOD,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_are_those_of_numpy(text):
    np.testing.assert_array_equal(Expression.parse(text).mask(EVENTS), CONDITIONS[text])


def test_large_whole_numbers_are_compared_exactly():
    events = Events({"event": np.array([2**53, 2**53 + 1], dtype=np.uint64)})
    assert Expression.parse(f"event == {2**53 + 1}").mask(events).tolist() == [False, True]
    below = Events({"number": np.array([-(2**53), -(2**53) - 1])})
    assert Expression.parse(f"number == -{2**53 + 1}").mask(below).tolist() == [False, True]


def test_columns_in_single_precision_are_compared_in_double():
    tenth = np.array([0.1, -0.1], dtype=np.float32)  # a little more than 0.1, and a little less than -0.1
    events = Events({"x": tenth, "xs": Ragged(tenth, np.array([0, 2, 2]))})
    assert Expression.parse("x > 0.1").mask(events).tolist() == [True, False]
    assert Expression.parse("x < -0.1").mask(events).tolist() == [False, True]
    assert Expression.parse("x == 0.1").mask(events).tolist() == [False, False]
    assert Expression.parse("sum((xs > 0.1) | (xs < -0.1))").values(events).tolist() == [2.0, 0.0]


@given(st.recursive(
    st.sampled_from(["a", "b", "n", "2", "0.5"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})")
    | inner.map(lambda x: f"abs({x})"),
    max_leaves=12,
))  # fmt: skip
def test_nested_expressions_follow_pythons_rules(text):
    names = {"a": A, "b": B64, "n": N.astype(float), "abs": np.abs}
    expected = np.broadcast_to(eval(text, {"__builtins__": {}}, names), 4)  # the oracle, on texts of this test alone
    np.testing.assert_allclose(Expression.parse(text).values(EVENTS), expected, rtol=1e-12, atol=1e-12)


def test_columns_are_those_it_needs():
    assert Expression.parse("where(a > 0, pt_1, a) * np.abs(w) + min(a, 1)").columns == ("a", "pt_1", "w")
    assert Expression.parse("1.0").columns == ()
    assert Expression.parse("1.0").values(EVENTS).tolist() == [1.0] * 4
    with pytest.raises(UnknownName, match="no column 'goof'; did you mean 'good'"):
        value("goof > 1")


def test_jagged_columns_work_value_by_value_and_are_reduced_per_event():
    assert value("max(pt)").tolist() == [40.0, -np.inf, 25.0, 50.0]
    assert value("min(pt) / 5").tolist() == [6.0, np.inf, 5.0, 1.0]
    assert value("sum((pt > 20) & (kind == 11)) >= 1").tolist() == [True, False, True, False]
    assert value("sum(where(kind == 11, pt, 0))").tolist() == [40.0, 0.0, 25.0, 5.0]
    assert value("any(kind == 13) & all(pt > a)").tolist() == [True, False, False, True]
    assert value("kind - 12").values.tolist() == [-1.0, 1.0, -1.0, 1.0, 1.0, -1.0]
    with pytest.raises(InvalidData, match="several values per event; make one"):
        Expression.parse("pt > 20").mask(EVENTS)
    with pytest.raises(InvalidData, match="a has one value per event"):
        value("max(a)")
    with pytest.raises(InvalidData, match="where mixes columns"):
        value("where(pt > 20, a, pt)")


def test_results_of_the_wrong_kind_are_refused():
    with pytest.raises(InvalidData, match="'a \\+ 1' gives numbers; compare"):
        Expression.parse("a + 1").mask(EVENTS)
    # without brackets, & binds more tightly than > does
    with pytest.raises(InvalidData, match="'0' is a number where a condition is needed"):
        value("a > 0 & b < 3")
    with pytest.raises(InvalidData, match="'n' is a number"):
        value("~n")


HOSTILE = {
    "a.real": "a.real",
    "a.__class__": "a.__class__",
    "np.load(a)": "np.load",
    "np.linalg.norm(a)": "np.linalg.norm",
    "os.abs(a)": "os.abs",
    "__import__('os').system('ls')": "__import__('os').system",
    "eval(a)": "eval",
    "(lambda: 1)()": "lambda: 1",
    "abs(lambda: 1)": "lambda: 1",
    "abs(a)(b)": "abs(a)",
    "abs(*a)": "*a",
    "abs(x=a)": "abs(x=a)",
    "abs(a, b)": "abs(a, b)",
    "where(a)": "where(a)",
    "a[0]": "a[0]",
    "[x for x in a]": "[x for x in a]",
    "{a}": "{a}",
    "(a, b)": "(a, b)",
    "'text'": "'text'",
    "f'{a}'": "f'{a}'",
    "None": "None",
    "...": "...",
    "2j * a": "2j",
    "1e999": "1e999",
    f"a < 1{'0' * 400}": "1" + "0" * 76 + "...",
    "(a := 3)": "a := 3",
    "a and b": "a and b",
    "not a": "not a",
    "a if b else 1": "a if b else 1",
    "1if a else b": "1if a else b",
    "a in b": "a in b",
    "a is b": "a is b",
    "a ^ 2": "a ^ 2",
    "a << 9999999999": "a << 9999999999",
    "a @ b": "a @ b",
    "a > 1 # & b > 2": "#",
    "a > 1 # note\n & b > 2": "#",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_the_offending_token_is_named(text):
    with pytest.raises(InvalidOption) as refused:
        Expression.parse(text)
    assert f": {HOSTILE[text]!r}: " in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", "a +", "a; b", "import os", "x = 1", "a b", "(" * 5000, "-" * 9000 + "a", "+".join(["a"] * 4000), "a" * 10001,
     "9" * 6000, "a\0b", "((a)", "$a", "a > > 1"],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(InvalidOption) as refused:
        Expression.parse(text)
    assert len(str(refused.value)) < 250


def test_huge_powers_end_at_infinity():
    assert value("9 ** 9 ** 9 ** 9") == np.inf
    assert Expression.parse("a * 10 ** 400 > 0").mask(EVENTS).tolist() == [True, False, True, True]
    assert np.isnan(value("1 / 0 - 1 / 0"))


PIECES = st.sampled_from(
    [
        "a",
        "n",
        "pt",
        "3",
        "0.5",
        "True",
        "(",
        ")",
        "+",
        "-",
        "**",
        "<",
        "==",
        "&",
        "~",
        " and ",
        ".",
        ",",
        "max",
        "[",
        "x",
    ]
)


@given(st.one_of(st.text(max_size=30), st.lists(PIECES, min_size=1, max_size=6).map("".join)))
def test_any_text_is_refused_or_holds_only_the_language(text):
    try:
        expression = Expression.parse(text)
    except InvalidOption:
        return
    tree = ast.parse(" ".join(text.split()), mode="eval")
    assert set(expression.columns) <= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not any(isinstance(node, ast.BoolOp | ast.Subscript | ast.Lambda) for node in ast.walk(tree))


def test_nothing_is_run():
    tree = ast.parse(Path(expressions.__file__).read_text(encoding="utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec", "compile", "getattr", "__import__"}
    before = set(sys.modules)
    with pytest.raises(InvalidOption):
        Expression.parse("__import__('antigravity')")
    assert set(sys.modules) == before


def test_an_expression_survives_a_pickle():
    again = pickle.loads(pickle.dumps(Expression.parse("a > 0")))
    assert again == Expression.parse("a > 0")
    assert again.mask(EVENTS).tolist() == (A > 0).tolist()
