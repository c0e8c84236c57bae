"""Cutflows: sums, efficiencies with Clopper-Pearson intervals, prints."""

import numpy as np
import pytest
from scipy.stats import binomtest

from wilks._base.errors import InvalidData, UnknownName
from wilks.physics.collider.cutflow import Cutflow, CutSums, clopper_pearson

WEIGHTS = np.array([1.0, 2.0, -0.5, 4.0])
SUMS = CutSums.of(
    ("input", "a", "b"), [np.ones(4, bool), np.array([1, 1, 1, 0], bool), np.array([1, 0, 1, 0], bool)], WEIGHTS
)


def test_sums_after_each_step():
    assert SUMS.events.tolist() == [4, 3, 2]
    assert SUMS.sumw.tolist() == [6.5, 2.5, 0.5]
    assert SUMS.sumw2.tolist() == [21.25, 5.25, 1.25]


def test_chunks_add_up():
    assert (SUMS + SUMS).sumw2.tolist() == [42.5, 10.5, 2.5]
    with pytest.raises(InvalidData, match="different selections"):
        SUMS + CutSums.of(("input",), [np.ones(4, bool)], WEIGHTS)


@pytest.mark.parametrize(("passed", "total"), [(0, 7), (3, 7), (7, 7), (418, 832)])
def test_interval_agrees_with_scipy(passed, total):
    share, low, high = clopper_pearson(passed, total, level=0.9)
    reference = binomtest(passed, total).proportion_ci(0.9, method="exact")
    assert share == passed / total
    # both invert the same incomplete beta function, scipy by another routine
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_relative_and_absolute_efficiency():
    assert SUMS.efficiency("b")[0] == 0.5
    assert SUMS.efficiency("b", relative=True)[0] == pytest.approx(2 / 3)
    assert SUMS.efficiency("input", relative=True)[0] == 1.0
    with pytest.raises(UnknownName, match="no step 'c'"):
        SUMS.efficiency("c")


def test_no_event_gives_no_efficiency_and_the_widest_interval():
    share, low, high = clopper_pearson(0, 0)
    assert np.isnan(share)
    assert (low, high) == (0.0, 1.0)


def test_prints_name_samples_and_steps():
    flow = Cutflow({"Z<ee>": SUMS})
    assert "Z<ee>:" in repr(flow)
    assert "75.0" in repr(flow)
    assert "<ee>" not in flow._repr_html_()
    assert flow["Z<ee>"] is SUMS
    with pytest.raises(UnknownName, match="no cutflow of 'Zee'"):
        flow["Zee"]
