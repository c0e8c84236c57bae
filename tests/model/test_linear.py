"""Sums of templates with one free norm each."""

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter

S, B = [1.0, 5.0, 2.0], [9.0, 9.0, 4.0]
VALUES = {"s": 2.0, "b": 0.5}


def model(**more):
    return LinearTemplates.of({"s": S, "b": B}, **more)


def test_prediction_and_jacobian():
    predictor = model()
    np.testing.assert_allclose(predictor(VALUES), 2.0 * np.array(S) + 0.5 * np.array(B), rtol=1e-15)
    jacobian = jax.jacfwd(lambda theta: predictor(predictor.space.unpack(theta)))(predictor.space.starts)
    np.testing.assert_allclose(jacobian, np.stack([S, B], axis=1), rtol=1e-15)


def test_parts_add_up_and_variances_follow_the_squares_of_the_norms():
    predictor = model(variances={"b": [0.9, 0.4, 0.1]})
    parts = predictor.parts(VALUES)
    np.testing.assert_allclose(parts.exact, 2.0 * np.array(S), rtol=1e-15)
    np.testing.assert_allclose(parts.simulated, 0.5 * np.array(B), rtol=1e-15)
    np.testing.assert_allclose(parts.variance, 0.25 * np.array([0.9, 0.4, 0.1]), rtol=1e-15)
    np.testing.assert_allclose(parts.exact + parts.simulated, predictor(VALUES), rtol=1e-15)
    np.testing.assert_allclose(predictor.relative_error(), np.sqrt([0.9, 0.4, 0.1]) / B, rtol=1e-15)


def test_relative_error_is_zero_where_nothing_is_simulated():
    predictor = LinearTemplates.of({"s": S, "b": [0.0, 9.0, 4.0]}, variances={"b": [0.0, 0.4, 0.1]})
    assert float(predictor.relative_error()[0]) == 0.0
    np.testing.assert_array_equal(model().relative_error(), np.zeros(3))


def test_norms_start_at_one_from_zero_upwards_unless_told_otherwise():
    space = model(parameters={"s": Parameter("mu", 0.5, lower=-1.0, upper=4.0)}).space
    assert space.names == ("mu", "b")
    assert (space["mu"].start, space["mu"].lower, space["mu"].upper) == (0.5, -1.0, 4.0)
    assert (space["b"].start, space["b"].lower, space["b"].upper) == (1.0, 0.0, np.inf)


def test_bins_and_channel():
    assert model(channel="SR").bin_names == (("SR", 3),)
    assert model().auxiliary == ()


@pytest.mark.parametrize(
    ("templates", "variances", "message"),
    [
        ({}, None, "at least one"),
        ({"s": []}, None, "without bins"),
        ({"s": S, "b": [1.0]}, None, r"template 'b' has shape \(1,\)"),
        ({"s": [1.0, np.nan, 2.0]}, None, "template 's': content nan in bin 1 is not finite"),
        ({"s": [1.0, 2.0, np.inf]}, None, "content inf in bin 2"),
        ({"s": S}, {"s": [0.1, 0.1]}, r"variances \(2,\)"),
        ({"s": S}, {"s": [0.1, np.nan, 0.1]}, "variance nan in bin 1 is not finite"),
        ({"s": S}, {"s": [0.1, 0.1, -0.1]}, "variance -0.1 in bin 2 is negative"),
        ({"s": [0.0, 0.0]}, None, "template 's' is empty: not identifiable"),
        ({"s": S}, {"b": S}, "variances are given for 'b', which is no template"),
    ],
)
def test_what_is_refused(templates, variances, message):
    with pytest.raises(InvalidModel, match=message):
        LinearTemplates.of(templates, variances=variances)


def test_integers_and_single_precision_are_taken_exactly():
    predictor = LinearTemplates.of({"s": np.array([1, 5], dtype=np.int32), "b": np.array([0.5, 0.25], dtype=">f4")})
    assert predictor.templates.dtype == np.float64
    np.testing.assert_array_equal(predictor({"s": 1.0, "b": 2.0}), [2.0, 5.5])
