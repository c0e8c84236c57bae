"""Sums of predictors: shared parameters, parts, and what does not add."""

import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidParameter
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import Channel, NormFactor, NormSys, TemplateSample
from wilks.model.predictor import AbstractPredictor, Auxiliary
from wilks.model.sums import add_predictors
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


class Falling(AbstractPredictor):
    """An exponential shape, which is no template."""

    space: ParameterSpace

    def __call__(self, values):
        return values["yield"] * jnp.exp(-jnp.arange(2.0) / values["slope"])


FALLING = Falling(ParameterSpace((Parameter("yield", 10.0), Parameter("slope", 2.0))))


def templates(name="SR", **more):
    sample = TemplateSample("s", [1.0, 5.0], [0.1, 0.2], [NormFactor("mu"), NormSys("eff", 1.1, 0.9)])
    return TemplatePredictor.from_channels([Channel(name, [sample])], **more)


VALUES = {"mu": 2.0, "eff": 0.0, "yield": 3.0, "slope": 1.0}


def test_sum_of_a_template_model_and_a_curve():
    total = add_predictors([templates(), FALLING])
    assert total.space.names == ("eff", "mu", "yield", "slope")
    assert total.bin_names == (("SR", 2),)
    np.testing.assert_allclose(total(VALUES), [5.0, 10.0 + 3.0 * np.exp(-1.0)], rtol=1e-15)
    parts = total.parts(VALUES)
    np.testing.assert_allclose(parts.exact, [3.0, 3.0 * np.exp(-1.0)], rtol=1e-15)
    np.testing.assert_allclose(parts.simulated, [2.0, 10.0], rtol=1e-15)
    np.testing.assert_allclose(parts.variance, [0.4, 0.8], rtol=1e-14)
    np.testing.assert_allclose(total.relative_error(), np.sqrt([0.1, 0.2]) / [1.0, 5.0], rtol=1e-14)


def test_equal_names_are_one_parameter_with_one_measurement():
    total = add_predictors([templates(), templates()])
    assert total.space.names == ("eff", "mu")
    assert total.auxiliary == (Auxiliary("eff", "gaussian", 1.0, 0.0),)
    np.testing.assert_allclose(total({"mu": 2.0, "eff": 0.0}), [4.0, 20.0], rtol=1e-15)


def test_without_template_models_everything_is_exact():
    total = add_predictors([FALLING])
    assert total.bin_names == (("main", 2),)
    np.testing.assert_array_equal(total.relative_error(), np.zeros(2))


def test_what_does_not_add():
    with pytest.raises(InvalidModel, match="at least one"):
        add_predictors([])
    with pytest.raises(InvalidModel, match="different channels"):
        add_predictors([templates(), templates("CR")])
    with pytest.raises(InvalidModel, match="shape"):
        add_predictors([FALLING, LinearTemplates.of({"b": np.array([1.0, 2.0, 3.0])})])
    with pytest.raises(InvalidModel, match="two auxiliary measurements"):
        add_predictors([templates(), templates(auxiliary={"eff": Auxiliary("eff", "gaussian", 2.0, 0.0)})])
    with pytest.raises(InvalidParameter, match="'mu' is defined twice"):
        add_predictors([templates(), templates(parameters={"mu": Parameter("mu", 1.0, lower=-3.0)})])
