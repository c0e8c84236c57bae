"""Experiments of one's own."""

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel
from wilks.inference.fitting import fit
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.experiment import experiment
from wilks.physics.oscillation.spaces import PLANE, STERILE

LENGTHS = np.array([5.0, 10.0, 15.0])


def ratios(p):
    return 1 - p["sin2_2theta_ee"] * np.sin(1.26693268 * p["dm2_41_eV2"] * LENGTHS / 4.0) ** 2


def test_a_prediction_for_one_point_is_enough() -> None:
    study = experiment("mine", ratios, ratios({"sin2_2theta_ee": 0.2, "dm2_41_eV2": 0.7}), np.eye(3) * 1e-4,
                       ParameterSpace(STERILE), events=("mine",))  # fmt: skip
    assert study.interest == PLANE
    result = fit(study.likelihood, study.data, start={"sin2_2theta_ee": 0.15, "dm2_41_eV2": 0.65})
    assert result.theta.tolist() == pytest.approx([0.2, 0.7], abs=1e-5)  # a fit of its own expectation
    toy = study.simulator.simulate(jax.random.key(0), result.values)
    assert toy.shape == (3,)
    assert "mine" in str(study)


def test_a_predictor_may_stand_for_the_function() -> None:
    study = experiment("lines", LinearTemplates.of({"x": [1.0, 2.0]}), [1.0, 2.0], np.eye(2), ParameterSpace(()))
    assert study.likelihood.space.names == ("x",)


def test_what_does_not_fit_is_refused() -> None:
    space = ParameterSpace((Parameter("x", 1.0),))
    with pytest.raises(InvalidModel, match="covariance of shape"):
        experiment("a", lambda p: [p["x"], p["x"]], [1.0, 2.0], np.eye(3), space)
    with pytest.raises(InvalidModel, match="not positive definite"):
        experiment("a", lambda p: [p["x"], p["x"]], [1.0, 2.0], np.ones((2, 2)), space)
    with pytest.raises(InvalidModel, match="shape"):
        experiment("a", lambda p: [p["x"]], [1.0, 2.0], np.eye(2), space)
    with pytest.raises(InvalidData, match="not finite"):
        experiment("a", lambda p: [p["x"], p["x"]], [1.0, np.nan], np.eye(2), space)
