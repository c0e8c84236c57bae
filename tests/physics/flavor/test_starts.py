import jax
import numpy as np

from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace
from wilks.physics.flavor.starts import wide_starts

SPACE = ParameterSpace(
    (
        Parameter("bounded", 0.0, lower=-0.5, upper=0.5),
        Parameter("open", 1.0),
        Parameter("above", 2.0, lower=1.0),
        Parameter("fixed", 7.0, fixed=True),
        Parameter("angle", 0.0, period=2.0),
        Parameter("believed", 5.0, prior=Uniform(4.0, 6.0)),
    )
)


def test_starts_are_as_wide_as_stated():
    points = wide_starts(jax.random.key(1), SPACE, 20000)
    bounded, wide, above, fixed, angle, believed = points.T
    assert points.shape == (20000, 6)
    np.testing.assert_allclose(np.quantile(bounded, [0.25, 0.75]), [-0.25, 0.25], atol=0.02)  # 3 standard errors
    assert (fixed == 7.0).all()
    assert (above >= 1.0).all()
    assert np.abs(angle).max() <= 1.0
    # half of the points from (0, 1), half sign x u x 10^w with w from -1 to 1
    assert np.mean((wide > 0) & (wide < 1)) == np.mean((wide > 0) & (wide < 1)).clip(0.6, 0.75)
    assert 0.12 < np.mean(wide < 0) / np.mean(wide > 0) / 2 < 0.2
    assert 5.0 < np.abs(wide).max() < 10.0
    assert 0.45 < np.mean((believed > 4) & (believed < 6)) < 0.6


def test_equal_keys_give_equal_starts():
    one, same, other = (wide_starts(jax.random.key(seed), SPACE, 8) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
