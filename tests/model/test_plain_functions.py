"""Predictors from plain functions: numpy, branches, and what is no vector of real numbers."""

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, UnknownName
from wilks.inference.fitting import fit
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.model.plain_functions import FunctionPredictor
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace((Parameter("a", 1.0, lower=0.1), Parameter("b", 1.0, lower=0.1)))
SHAPE = np.array([1.0, 2.0, 3.0])
OBSERVED = [2, 14, 9]


def plain(values):
    return values["a"] * np.exp(-0.1 * SHAPE) + np.array([0.0, values["b"], 1.0])


class WithNumpy(AbstractPredictor):
    space: ParameterSpace

    def __call__(self, values):
        return np.asarray(values["a"], dtype=float) * SHAPE


def test_a_plain_function_is_fitted_like_a_model_written_with_jax():
    model = FunctionPredictor(plain, SPACE)
    theta = np.array([1.5, 0.7])
    slope = jax.jacfwd(lambda point: model(SPACE.unpack(point)))(theta)
    np.testing.assert_allclose(slope[:, 0], np.exp(-0.1 * SHAPE), rtol=1e-12)
    single, varied = fit(PoissonCounts(model), OBSERVED), fit(EnsembleCounts(model), OBSERVED)
    a = single.values["a"]  # fixed by the first bin and the third, since b fills up the second
    ends, counts = np.exp(-0.1 * SHAPE)[::2], np.array(OBSERVED)[::2]
    gradient = np.sum(ends * (1 - counts / (a * ends + [0.0, 1.0])))
    assert gradient == pytest.approx(0.0, abs=1e-6)
    assert varied.values["a"] == pytest.approx(a, rel=1e-5)


@pytest.mark.parametrize("likelihood", [PoissonCounts, EnsembleCounts])
def test_models_that_cannot_be_compiled_say_what_to_do(likelihood):
    with pytest.raises(InvalidModel, match=r"cannot be compiled: .* wilks.model.FunctionPredictor"):
        fit(likelihood(WithNumpy(SPACE.fix(b=1.0))), OBSERVED)


def test_what_is_no_vector_of_real_numbers_is_refused():
    with pytest.raises(InvalidModel, match=r"shape \(\); expected one real number per bin"):
        FunctionPredictor(lambda p: p["a"], SPACE)
    with pytest.raises(InvalidModel, match="complex numbers"):
        FunctionPredictor(lambda p: p["a"] * np.array([1j, 2j]), SPACE)
    with pytest.raises(UnknownName, match="'c'"):
        FunctionPredictor(lambda p: p["c"] * SHAPE, SPACE)
