"""Model functions that no compiler can take: their values, derivatives, cost and limits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.plain_functions import point_by_point


def survival(z, absorption_length=60.342):
    return 0.96 * math.exp(z / absorption_length) if z < 0 else 0.96


def curved(x, y, a=0.0):
    return float(x * y**2 + a**3)


def test_values_and_slopes_are_those_of_the_function():
    points = jnp.array([[2.0, 3.0, 0.5], [-1.0, 0.0, 400.0]])
    found = jax.jit(jax.vmap(lambda x: point_by_point("curved", curved, ("a",), x)))(points)
    assert found.tolist() == [18.125, 64e6]
    slopes = jax.vmap(jax.grad(lambda x: point_by_point("curved", curved, ("a",), x)))(points)
    exact = [[9.0, 12.0, 0.75], [0.0, 0.0, 480e3]]
    # a central difference with a step of 6e-6 of the number: 4e-11 of truncation, and rounding of values up to 6e7
    assert slopes == pytest.approx(np.array(exact), rel=1e-8, abs=2e-2)
    assert slopes[0] == pytest.approx(np.array(exact[0]), rel=1e-8)


def test_branches_and_the_math_module_give_the_same_source(er, er_events, caplog):
    at = {"absorption_length": 50.0}
    plain = ERSource(electron_detection_eff=survival)
    again = ERSource(electron_detection_eff=survival)
    assert plain.rate(at, er_events) == pytest.approx(er.rate({"elife": 50.0 / er.drift_velocity}, er_events), rel=1e-9)
    said = [r.message for r in caplog.records if "electron_detection_eff" in r.message]
    assert len(said) == 1
    assert "point by point, at " in said[0]
    assert np.array_equal(again.draw(1, 20)["s2"], plain.draw(1, 20)["s2"])


def test_what_cannot_be_called_point_by_point_is_refused():
    class Branching(ERSource):
        def electron_detection_eff(self, z, eff=0.9):
            return eff if z < 0 else 0.0

    with pytest.raises(InvalidModel, match=r"'electron_detection_eff' cannot be compiled .*without branches"):
        Branching()
