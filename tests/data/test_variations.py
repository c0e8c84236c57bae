"""Variations: mirrored sides, and the split into a factor and a shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wilks._base.errors import InvalidData
from wilks.data.variations import FactorAndShape, mirrored, mirrored_factor

NOMINAL = np.array([10.0, 20.0, 10.0])
TEMPLATES = arrays(float, 5, elements=st.floats(0.5, 100))


def test_one_sided_variations_are_mirrored():
    assert mirrored(NOMINAL, np.array([12.0, 20.0, 9.0])).tolist() == [8.0, 20.0, 11.0]
    assert mirrored_factor(1.25) == 0.75


def test_a_split_by_hand():
    split = FactorAndShape.of(NOMINAL, np.array([16.0, 24.0, 10.0]), np.array([8.0, 16.0, 6.0]))
    assert (split.hi, split.lo) == (1.25, 0.75)
    np.testing.assert_allclose(split.up, [12.8, 19.2, 8.0], rtol=1e-15)
    np.testing.assert_allclose(split.down, [32 / 3, 64 / 3, 8.0], rtol=1e-15)
    one_sided = FactorAndShape.of(NOMINAL, np.array([16.0, 24.0, 10.0]))
    assert (one_sided.hi, one_sided.lo) == (1.25, 0.75)
    np.testing.assert_allclose(one_sided.down, [7.2, 20.8, 12.0], rtol=1e-15)  # 2 nominal - shape, not 2 nominal - up


@given(TEMPLATES, TEMPLATES, TEMPLATES)
def test_factor_times_shape_gives_the_templates_back(nominal, up, down):
    split = FactorAndShape.of(nominal, up, down)
    rounding = 1e-12  # of sums and quotients of five numbers
    np.testing.assert_allclose(split.hi * split.up, up, rtol=rounding)
    np.testing.assert_allclose(split.lo * split.down, down, rtol=rounding)
    np.testing.assert_allclose([split.up.sum(), split.down.sum()], nominal.sum(), rtol=rounding)


def test_what_has_no_factor_is_refused():
    with pytest.raises(InvalidData, match="JES: the nominal template has the sum 0"):
        FactorAndShape.of(np.zeros(3), NOMINAL, who="JES")
    with pytest.raises(InvalidData, match="JES: the down template has the sum -3"):
        FactorAndShape.of(NOMINAL, NOMINAL, -np.ones(3), who="JES")
    with pytest.raises(InvalidData, match=r"up factor of 2\.5 mirrored gives -0.5"):
        FactorAndShape.of(NOMINAL, 2.5 * NOMINAL)
    with pytest.raises(InvalidData, match="the up template has 2 bins, the nominal one 3"):
        FactorAndShape.of(NOMINAL, NOMINAL[:2])
