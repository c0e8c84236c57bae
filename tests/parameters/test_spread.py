"""Points spread over a space: one per stratum, inside bounds, along priors."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.parameters.spread import latin_hypercube, spread_points


@given(points=st.integers(1, 40), parameters=st.integers(0, 5), seed=st.integers(0, 2**32))
def test_every_stratum_of_every_parameter_holds_one_point(points, parameters, seed):
    uniforms = latin_hypercube(np.random.Generator(np.random.Philox(key=seed)), points, parameters)
    assert uniforms.shape == (points, parameters)
    strata = np.sort(np.floor(uniforms * points), axis=0)
    np.testing.assert_array_equal(strata, np.tile(np.arange(points)[:, None], (1, parameters)))


def test_quantiles_are_those_of_priors_bounds_periods_and_starts():
    space = ParameterSpace(
        (
            Parameter("prior", 0.0, prior=Normal(2.0, 0.5)),
            Parameter("box", 0.0, -1.0, 3.0),
            Parameter("angle", 1.0, period=6.0),
            Parameter("above", 2.0, lower=0.5),
            Parameter("at_bound", 0.0, lower=0.0),
            Parameter("below", -7.0, upper=-5.0),
            Parameter("anywhere", 10.0),
            Parameter("held", 4.0, fixed=True),
        )
    )
    middle, up = spread_points(space, np.tile([[0.5], [0.8413447460685429]], (1, 8)))
    np.testing.assert_allclose(middle, [2.0, 1.0, 1.0, 2.0, 1.0, -7.0, 10.0, 4.0], atol=1e-12)
    e = np.e  # one standard deviation up
    np.testing.assert_allclose(up, [2.5, 2.36538, 3.04807, 0.5 + 1.5 * e, e, -5 - 2 * e, 20.0, 4.0], rtol=1e-5)


def test_extreme_uniform_numbers_stay_finite_and_inside():
    space = ParameterSpace((Parameter("x", 1.0, lower=0.0), Parameter("y", 0.0), Parameter("z", 0.5, 0.0, 1.0)))
    points = spread_points(space, np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    assert np.isfinite(points).all()
    assert (points >= space.lowers).all()
    assert (points <= space.uppers).all()
