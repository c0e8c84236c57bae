import numpy as np
import pytest
from scipy.special import ndtr

from wilks._base.errors import InvalidData
from wilks.inference.sbi.two_samples import c2st

GENERATOR = np.random.default_rng(0)
ONE, TWO = GENERATOR.normal(size=(2, 1500, 2))


def test_equal_laws_cannot_be_told_apart():
    # 3,000 left-out draws: sd of the share 0.009; a classifier that learnt noise adds as much
    assert c2st(ONE, TWO) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("shift", [0.5, 1.5])
def test_shifted_laws_are_told_apart_as_well_as_theory_allows(shift):
    best = ndtr(shift / np.sqrt(2.0))  # of normal laws at distance shift sqrt2: Phi(distance/2)
    assert c2st(ONE + shift, TWO) == pytest.approx(best, abs=0.03)


def test_disjoint_laws_are_told_apart_always_and_scales_do_not_matter():
    assert c2st(ONE + 20.0, TWO) > 0.99  # the first weights that are right on all held-out rows are kept
    scale = np.array([1e-6, 1e6])
    assert c2st(ONE * scale, TWO * scale) == pytest.approx(c2st(ONE, TWO), abs=0.03)


def test_equal_keys_give_equal_numbers():
    assert c2st(ONE, TWO, key=3) == c2st(ONE, TWO, key=3)


def test_unfit_sets_are_refused():
    with pytest.raises(InvalidData, match="equal numbers"):
        c2st(ONE, TWO[:100])
    with pytest.raises(InvalidData, match="10 draws per set"):
        c2st(ONE[:10], TWO[:10])
    with pytest.raises(InvalidData, match="not finite"):
        c2st(np.where(ONE > 3, np.nan, ONE), TWO)
