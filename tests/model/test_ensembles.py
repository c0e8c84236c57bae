"""Ensembles against plain sums over variations, bins and parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wilks._base.errors import InvalidModel, InvalidOption, InvalidParameter, UnknownName
from wilks.model.ensemble_algebra import (
    add,
    beyond_limits,
    collapse,
    compose,
    concatenate,
    fix,
    labels_of,
    linearise,
    passthrough,
    templates,
)
from wilks.model.ensembles import FunctionEnsemble, LinearEnsemble, ResampledEnsemble, as_ensemble
from wilks.model.linear import LinearTemplates
from wilks.model.plain_functions import FunctionPredictor
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

RNG = np.random.default_rng(5)


def space_of(size, prefix="x", upper=np.inf):
    return ParameterSpace(tuple(Parameter(f"{prefix}{i}", 1.0, lower=0.0, upper=upper) for i in range(size)))


def dense(variations, outputs, inputs, prefix="x", *, weights=None, upper=np.inf):
    matrices = RNG.uniform(0.1, 1.0, (variations, outputs, inputs))
    constants = RNG.uniform(0.0, 0.2, (variations, outputs))
    return LinearEnsemble(space_of(inputs, prefix, upper), matrices, constants=constants, weights=weights)


class Squares(AbstractPredictor):
    """A predictor that is not linear."""

    space: ParameterSpace

    def __call__(self, values):
        x = self.space.pack(values)
        return jnp.stack([x[0] ** 2, x[0] * x[1], x[1] ** 3])


def test_a_linear_ensemble_is_matrices_times_parameters_plus_constants():
    ensemble, x = dense(3, 4, 2), np.array([2.0, 5.0])
    expected = np.einsum("sop,p->so", ensemble.matrices, x) + ensemble.constants
    np.testing.assert_allclose(ensemble(ensemble.space.unpack(x)), expected, rtol=1e-14)


def test_columns_pick_the_parameters_that_matter():
    full = LinearEnsemble(space_of(5), RNG.uniform(size=(2, 3, 2)), columns=[4, 1])
    x = np.arange(5.0)
    expected = np.einsum("sop,p->so", full.matrices, x[[4, 1]])
    np.testing.assert_allclose(full.at(jnp.asarray(x)), expected, rtol=1e-14)
    moved = x + np.array([1, 0, 7, 7, 0])
    np.testing.assert_array_equal(full.at(jnp.asarray(moved)), full.at(jnp.asarray(x)))


@pytest.mark.parametrize(("systematics", "pairs"), [("product", 6), ("paired", 3)])
def test_a_chain_of_linear_ensembles_collapses_exactly(systematics, pairs):
    inner_size = 2 if systematics == "product" else 3
    outer, inner = dense(3, 4, 5, "t"), dense(inner_size, 5, 2, "w")
    chain = compose(outer, inner, systematics=systematics)
    assert isinstance(chain, LinearEnsemble)
    assert len(chain.weights) == pairs
    x = np.array([0.3, 1.7])
    got = np.asarray(chain.at(jnp.asarray(x)))
    index = [(a, b) for a in range(3) for b in range(2)] if systematics == "product" else [(s, s) for s in range(3)]
    for row, (a, b) in zip(got, index, strict=True):
        between = inner.matrices[b] @ x + inner.constants[b]
        np.testing.assert_allclose(row, outer.matrices[a] @ between + outer.constants[a], rtol=1e-13)


def test_weights_multiply_in_a_product_with_the_outer_one_slowest():
    outer, inner = dense(2, 3, 4, weights=[1.0, 3.0]), dense(3, 4, 1, "w", weights=[1.0, 2.0, 5.0])
    np.testing.assert_array_equal(compose(outer, inner).weights, [1, 2, 5, 3, 6, 15])


def test_paired_ensembles_share_their_weights_or_say_so():
    outer, inner = dense(2, 3, 4, weights=[1.0, 3.0]), dense(2, 4, 1, "w", weights=[2.0, 6.0])
    np.testing.assert_array_equal(compose(outer, inner, systematics="paired").weights, [2, 6])
    with pytest.raises(InvalidModel, match="different weights"):
        compose(outer, dense(2, 4, 1, "w", weights=[1.0, 2.0]), systematics="paired")
    with pytest.raises(InvalidModel, match="2 and 3 variations"):
        compose(outer, dense(3, 4, 1, "w"), systematics="paired")


def test_folding_with_a_flux_sums_over_the_last_index_of_each_block():
    flux = RNG.uniform(size=(4, 3))
    folded = ResampledEnsemble(space_of(6), flux)
    x = RNG.uniform(size=6)
    np.testing.assert_allclose(folded.at(jnp.asarray(x)), np.einsum("sj,ij->si", flux, x.reshape(2, 3)), rtol=1e-14)
    np.testing.assert_allclose(folded.predict(x[None, :, None])[..., 0], folded.at(jnp.asarray(x)), rtol=1e-14)


def test_the_chain_of_a_cross_section_never_needs_its_large_matrix():
    flux = RNG.uniform(size=(5, 3))
    events = concatenate(
        [
            passthrough("noise", lower=0.0),
            ResampledEnsemble(space_of(6, "b"), flux),
            ResampledEnsemble(space_of(9, "s"), flux),
        ],
        systematics="paired",
    )
    response = LinearEnsemble(space_of(6, "t"), RNG.uniform(size=(5, 2, 6)))
    tables = templates({"noise": np.eye(16)[0], "A": RNG.uniform(size=16)})
    chain = compose(compose(response, events, systematics="paired"), tables)
    assert isinstance(chain, LinearEnsemble)
    assert chain.matrices.shape == (5, 2, 2)
    x = tables.matrices[0] @ [2.0, 3.0]
    for s in range(5):
        truth = np.concatenate([x[:1], x[1:7].reshape(2, 3) @ flux[s], x[7:].reshape(3, 3) @ flux[s]])
        np.testing.assert_allclose(chain.at(jnp.array([2.0, 3.0]))[s], response.matrices[s] @ truth, rtol=1e-13)


@pytest.mark.parametrize("systematics", ["product", "paired"])
def test_joined_and_added_predictions(systematics):
    first, second = dense(2, 3, 2, "a"), dense(2, 3, 1, "b")
    joined = concatenate([first, second], systematics=systematics)
    total = add([first, second], scales=[1.0, -2.0], systematics=systematics)
    theta = jnp.array([0.5, 1.5, 2.0])
    one, two = np.asarray(first.at(theta[:2])), np.asarray(second.at(theta[2:]))
    index = [(0, 0), (0, 1), (1, 0), (1, 1)] if systematics == "product" else [(0, 0), (1, 1)]
    expected = [np.concatenate([one[a], two[b]]) for a, b in index]
    np.testing.assert_allclose(joined.at(theta), expected, rtol=1e-14)
    np.testing.assert_allclose(total.at(theta), [one[a] - 2 * two[b] for a, b in index], rtol=1e-13, atol=1e-14)


def test_shared_names_are_one_parameter_only_when_asked():
    part = dense(1, 2, 2)
    with pytest.raises(InvalidParameter, match="two parts"):
        concatenate([part, part])
    assert concatenate([part, part], share=True).space.names == part.space.names


@given(st.floats(0.0, 10.0), st.floats(0.0, 10.0))
@settings(max_examples=20, deadline=None)
def test_fixing_puts_the_value_in(a, b):
    ensemble = dense(2, 3, 3)
    fixed = fix(fix(ensemble, x0=a), x2=b)
    assert fixed.space.names == ("x1",)
    whole = ensemble.at(jnp.array([a, 2.0, b]))
    np.testing.assert_allclose(fixed.at(jnp.array([2.0])), whole, rtol=1e-12, atol=1e-12)


def test_everything_can_be_fixed():
    ensemble = dense(2, 3, 2)
    fixed = fix(ensemble, x0=1.0, x1=2.0)
    assert fixed.space.names == ()
    np.testing.assert_allclose(fixed.at(jnp.zeros(0)), ensemble.at(jnp.array([1.0, 2.0])), rtol=1e-14)


def test_sparse_matrices_can_be_fixed():
    sparse = LinearEnsemble(space_of(4), RNG.uniform(size=(2, 3, 2)), columns=[3, 0])
    fixed = fix(sparse, x3=2.0)
    np.testing.assert_allclose(
        fixed.at(jnp.array([1.0, 5.0, 6.0])), sparse.at(jnp.array([1.0, 5.0, 6.0, 2.0])), rtol=1e-14
    )


def test_a_predictor_that_is_not_linear_is_chained_and_linearised():
    squares = Squares(space_of(2))
    outer = dense(3, 2, 3, "t")
    chain = compose(outer, squares)
    theta = jnp.array([1.2, 0.7])
    between = np.asarray(squares(squares.space.unpack(theta)))
    np.testing.assert_allclose(chain.at(theta), outer.matrices @ between + outer.constants, rtol=1e-13)
    with pytest.raises(InvalidModel, match="not linear"):
        collapse(chain)
    tangent = linearise(chain, {"x0": 1.2, "x1": 0.7})
    np.testing.assert_allclose(tangent.at(theta), chain.at(theta), rtol=1e-13)
    np.testing.assert_allclose(tangent.matrices, jax.jacfwd(chain.at)(theta), rtol=1e-13)


def test_a_plain_predictor_is_an_ensemble_of_one():
    model = LinearTemplates.of({"s": [1.0, 2.0], "b": [3.0, 4.0]})
    ensemble = as_ensemble(model)
    assert isinstance(ensemble, FunctionEnsemble)
    np.testing.assert_allclose(ensemble({"s": 2.0, "b": 1.0}), [[5.0, 8.0]], rtol=1e-15)
    assert as_ensemble(ensemble) is ensemble


def test_a_chain_remembers_where_it_is_supported():
    """ReMU neither enforces nor mentions the simulated statistics behind a composition."""
    response = dense(1, 2, 3, "truth", upper=10.0)
    chain = compose(response, templates({"A": [1.0, 2.0, 3.0]}))
    assert beyond_limits(chain, {"A": 3.0}) == {}
    assert beyond_limits(chain, {"A": 4.0}) == {"truth2": pytest.approx(2.0)}
    assert beyond_limits(compose(chain, templates({"w": [2.0]})), {"w": 2.0}) == {"truth2": pytest.approx(2.0)}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LinearEnsemble(space_of(2), np.full((1, 2, 2), np.nan)), "not finite"),
        (lambda: LinearEnsemble(space_of(2), np.ones((2, 2, 3))), "do not belong|columns"),
        (lambda: LinearEnsemble(space_of(2), np.ones((2, 2, 2)), weights=[1.0, -1.0]), "must not be negative"),
        (lambda: LinearEnsemble(space_of(2), np.ones((2, 2, 2)), weights=[1.0, 1.0, 1.0]), "weights of shape"),
        (lambda: ResampledEnsemble(space_of(5), np.ones((2, 3))), "cannot be folded"),
        (lambda: compose(dense(1, 2, 3), dense(1, 2, 2)), "takes 3 numbers"),
        (lambda: templates({}), "at least one"),
        (lambda: templates({"a": [1.0, 2.0], "b": [1.0]}), "'b' has shape"),
        (lambda: add([dense(1, 2, 2), dense(1, 3, 2)]), "expected equal"),
        (lambda: concatenate([]), "at least one"),
    ],
)
def test_what_does_not_fit_is_refused(make, sentence):
    with pytest.raises(InvalidModel, match=sentence):
        make()


def test_unknown_words_and_names_are_refused():
    with pytest.raises(InvalidOption, match="paired"):
        compose(dense(1, 2, 2), dense(1, 2, 2), systematics="cartesian")
    with pytest.raises(UnknownName, match="x0"):
        fix(dense(1, 2, 2), y0=1.0)


def test_joined_predictions_must_agree_in_names_and_units():
    outer = LinearEnsemble(ParameterSpace((Parameter("e", 1.0, unit="GeV"), Parameter("f", 1.0))), np.ones((2, 2)))
    shape = {"w": [1.0, 2.0]}
    for fitting in (templates(shape), templates(shape, names=("e", "f")), templates(shape, unit=("GeV", "cm"))):
        assert compose(outer, fitting).outputs == 2
    with pytest.raises(InvalidModel, match="number 1 is 'g' on one side and 'f' on the other"):
        compose(outer, templates(shape, names=("e", "g")))
    with pytest.raises(InvalidModel, match=r"units .* number 0 is 'MeV' on one side and 'GeV' on the other"):
        compose(outer, templates(shape, unit="MeV"))
    with pytest.raises(InvalidModel, match="3 names for 2"):
        templates(shape, names=("e", "f", "g"))
    parts = (templates({"v": [1.0]}, names=("e",), unit="MeV"), passthrough("w", unit="cm"))
    with pytest.raises(InvalidModel, match="'MeV' on one side"):
        compose(outer, concatenate(parts))
    with pytest.raises(InvalidModel, match="terms of a sum"):
        add((templates({"v": [1.0, 1.0]}, unit="MeV"), templates(shape, unit="GeV")))
    chain = compose(
        outer, compose(fix(templates({"a": [1.0, 0.0], "b": [0.0, 1.0]}, unit="GeV"), b=2.0), outer_of_one())
    )
    assert chain.outputs == 2


def test_names_of_variations_multiply_or_must_agree():
    outer = templates({"u": np.ones((2, 2)), "v": np.ones((2, 2))}, variations=("far", "near"))
    inner = templates({"w": np.ones((3, 2))}, variations=("low", "mid", "high"))
    chain = compose(outer, inner)
    assert labels_of(chain).variations[:4] == ("far x low", "far x mid", "far x high", "near x low")
    assert labels_of(fix(compose(Squared(space_of(1)), inner_of(("a", "b"))), w=1.0)).variations == ("a", "b")
    both = concatenate((inner_of(("a", "b")), templates({"z": np.ones((2, 1))})), systematics="paired")
    assert labels_of(both).variations == ("a", "b")
    with pytest.raises(InvalidModel, match="number 0 is 'far' on one side and 'left' on the other"):
        compose(outer, templates({"w": np.ones((2, 2))}, variations=("left", "right")), systematics="paired")
    with pytest.raises(InvalidModel, match=r"have (3 and 2|2 and 3) variations"):
        compose(outer, inner, systematics="paired")
    with pytest.raises(InvalidModel, match="called 'up'"):
        templates({"w": np.ones((2, 2))}, variations=("up", "up"))
    with pytest.raises(InvalidModel, match="1 names of variations for 2"):
        templates({"w": np.ones((2, 2))}, variations=("up",))


def inner_of(names):
    return templates({"w": [[1.0], [2.0]]}, variations=names)


class Squared(AbstractPredictor):
    """A predictor of one number that is not linear."""

    space: ParameterSpace

    def __call__(self, values):
        return self.space.pack(values) ** 2


def outer_of_one():
    return templates({"amplitude": [3.0]})


def test_a_plain_function_is_chained_like_any_predictor():
    inner = FunctionPredictor(
        lambda p: np.array([p["x"] ** 2, 1.0 + p["x"]]), ParameterSpace((Parameter("x", 1.0, lower=0.0),))
    )
    outer = dense(3, 4, 2)
    chain = compose(outer, inner)
    np.testing.assert_allclose(chain.at(jnp.array([1.5])), outer.at(jnp.array([2.25, 2.5])), rtol=1e-13)
    slope = jax.jacfwd(chain.at)(jnp.array([1.5]))[..., 0]
    np.testing.assert_allclose(slope, outer.matrices @ np.array([3.0, 1.0]), rtol=1e-12)


@pytest.mark.parametrize("weights", [[0.0, 0.0, 0.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], [1.0, 1.0]])
def test_weights_that_cannot_weigh_are_refused(weights):
    with pytest.raises(InvalidModel, match="weights"):
        dense(3, 2, 2, weights=weights)


def test_columns_may_come_in_any_order():
    space = ParameterSpace(tuple(Parameter(name, 1.0) for name in "abc"))
    matrices = np.arange(6.0).reshape(1, 2, 3)
    for columns in ([2, 0, 1], [1, 2, 0], [0, 1, 2]):
        ensemble = LinearEnsemble(space, matrices, columns=columns)
        theta = np.array([1.0, 10.0, 100.0])
        np.testing.assert_array_equal(ensemble.at(jnp.asarray(theta))[0], matrices[0] @ theta[columns])
        np.testing.assert_array_equal(collapse(ensemble).at(jnp.asarray(theta))[0], matrices[0] @ theta[columns])
