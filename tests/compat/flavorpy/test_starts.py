"""Starts of global fits: within bounds, far where there are none, and by the user's samplers."""

import numpy as np

from tests.compat.flavorpy.user_script import space
from wilks.compat.flavorpy.modelfitting.starts import sampled_starts, wide_starts


def made(own, count=2000):
    return wide_starts(own, own.dimensions(), count, np.random.default_rng(1))


def test_bounded_parameters_are_uniform():
    column = made(space("a", min=-2.0, max=6.0))[:, 0]
    assert column.min() >= -2.0
    assert column.max() <= 6.0
    # 2000 uniform numbers: the mean is known to 8/sqrt(12 * 2000) = 0.05, four times that is allowed
    assert abs(column.mean() - 2.0) < 0.2


def test_half_of_the_unbounded_starts_come_from_the_sampler_and_half_reach_far():
    own = space("a", sample_fct=lambda: 0.25)
    column = made(own)[:, 0]
    assert (column == 0.25).sum() == 1000
    far = column[column != 0.25]
    assert far.min() < -5.0
    assert far.max() > 5.0
    assert np.abs(far).max() <= 10.0


def test_one_sided_bounds_reflect():
    assert made(space("a", min=0.5))[:, 0].min() >= 0.5
    assert made(space("a", max=0.5))[:, 0].max() <= 0.5


def test_fixed_parameters_and_sampled_starts_follow_the_samplers():
    own = space("a", vary=False, sample_fct=lambda: 3.0)
    own.add_dim("b")
    assert (made(own, 10)[:, 0] == 3.0).all()
    drawn = sampled_starts(own, own.dimensions(), 4, np.random.default_rng(1))
    assert drawn.shape == (4, 2)
    assert (drawn[:, 0] == 3.0).all()
    assert sampled_starts(own, own.dimensions(), 0, None).shape == (0, 2)
