import dataclasses

import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.plots.upper_limits import confidences, limits


def test_confidences_show_the_curve_and_the_limit(results):
    result = results["limit"]
    ax = confidences(result, labels={"mu": r"$\mu$"})
    drawn = [line for line in ax.get_lines() if len(line.get_xdata()) == len(result.mu)]
    assert any(np.array_equal(line.get_ydata(), result.cls) for line in drawn)
    assert any(list(line.get_xdata()) == [result.observed] * 2 for line in ax.get_lines())
    assert ax.get_xlabel() == r"$\mu$"
    assert len(ax.collections) >= 2  # two bands


def test_a_limit_without_curves_is_refused(results):
    with pytest.raises(InvalidOption, match="no curves"):
        confidences(results["open_limit"])


def test_a_brazil_band_sorts_its_points_and_marks_open_limits(results):
    result = results["limit"]
    higher = dataclasses.replace(result, observed=2.0, expected=result.expected * 2)
    opened = dataclasses.replace(result, observed=3.0, open_=True)
    ax = limits([30.0, 10.0, 20.0], [higher, result, opened], parameter="mass", labels={"mass": "mass [GeV]"})
    labels = {line.get_label(): line for line in ax.get_lines()}
    assert labels["observed"].get_xdata().tolist() == [10.0, 30.0]
    assert labels["open"].get_xdata().tolist() == [20.0]
    assert labels["expected, median"].get_ydata().tolist() == [
        result.expected[2],
        result.expected[2],
        higher.expected[2],
    ]
    assert ax.get_xlabel() == "mass [GeV]"
    assert ax.get_ylabel() == "95 % upper limit of mu"


def test_points_and_limits_must_pair(results):
    with pytest.raises(InvalidOption, match="one limit per point"):
        limits([1.0, 2.0], [results["limit"]])
