"""p-values whose number of toys follows from the precision that is asked for."""

import numpy as np
import pytest

from tests.inference.models import counting
from wilks import ByToys, goodness_of_fit, hypothesis_test

TRUTH = {"s": 5.0}


def judged(calibration, data=(8,)):
    return goodness_of_fit(counting(), list(data), statistic="likelihood", values=TRUTH, calibration=calibration)


def test_toys_are_doubled_until_the_p_value_is_known_well_enough():
    found = judged(ByToys(1, 300, atol=0.012))
    low, high = found.p_toys_interval
    assert (high - low) / 2 <= 0.012
    assert found.n in (600, 1200, 2400, 4800)
    assert "tolerance_missed" not in found.flags
    half = judged(ByToys(1, found.n // 2))
    ends = half.p_toys_interval
    assert (ends[1] - ends[0]) / 2 > 0.012  # it stopped as soon as it could
    whole = judged(ByToys(1, found.n))
    np.testing.assert_array_equal(found.toys, whole.toys)
    assert (found.p_value, found.p_toys_interval) == (whole.p_value, whole.p_toys_interval)


def test_a_precision_out_of_reach_names_the_number_of_toys():
    found = judged(ByToys(1, 300, rtol=1e-3, most=700))
    assert found.n == 600
    low, high = found.p_toys_interval
    needed = 600 * ((high - low) / 2 / (1e-3 * found.p_value)) ** 2
    assert f"about {np.ceil(needed):.2g} would meet it" in found.flags["tolerance_missed"]
    assert "at most 700" in found.flags["tolerance_missed"]


def test_a_relative_precision_is_not_met_without_any_extreme_toy():
    found = judged(ByToys(1, 200, rtol=0.5, most=400), data=(60,))
    assert (found.exceedances, found.n) == (0, 400)
    assert "tolerance_missed" in found.flags


def test_ratios_stop_as_well():
    found = hypothesis_test(counting(), [8], {"s": 5.0}, statistic="ratio", calibration=ByToys(2, 100, atol=0.02))
    low, high = found.p_interval
    assert found.n > 100
    assert (high - low) / 2 <= 0.02
    with pytest.raises(ValueError, match="atol"):
        ByToys(2, 100, atol=0.0)
