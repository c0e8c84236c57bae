"""Negative and empty bins: each policy says what it did, and loses no event and no variance unless it says so."""

import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidOption
from wilks.data.axes import Regular
from wilks.data.histogram import Histogram
from wilks.physics.collider.bin_policies import with_empty_bins, with_negative_bins
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED
from wilks.physics.collider.templates import Templates

AXIS = Regular(4, 0.0, 4.0, name="m")


def templates(a, b=(1.0, 1.0, 1.0, 1.0)):
    return Templates(
        {
            "a": Histogram.from_weights(AXIS, a, [4.0, 3.0, 2.0, 1.0], label="a"),
            "b": Histogram.from_weights(AXIS, b, np.abs(b), label="b"),
        },
        data=Histogram.from_counts(AXIS, [1, 2, 3, 4], label="data"),
    )


def test_keep_allows_negative_bins_of_a_positive_sum():
    kept = with_negative_bins(templates([1.0, -0.5, 1.0, 1.0]))
    assert kept.histograms["a"].values()[1] == -0.5
    assert kept.notices == ("negative bin kept: a, bin 1 [1, 2) = -0.5 ± 1.7",)


def test_keep_refuses_a_sum_that_is_not_positive():
    with pytest.raises(
        InvalidModel, match=r"'a': bin 1 \[1, 2\) = -1 ± 1.7 is negative and all templates together are 0"
    ):
        with_negative_bins(templates([1.0, -1.0, 1.0, 1.0]))


def test_error_names_sample_and_bin():
    with pytest.raises(InvalidModel, match=r"'a': bin 3 \[3, 4\)"):
        with_negative_bins(templates([1.0, 1.0, 1.0, -0.1]), "error")


def test_merge_joins_the_smaller_neighbour_in_all_histograms():
    merged = with_negative_bins(templates([5.0, -0.5, 1.0, 1.0]), "merge")
    assert merged.histograms["a"].values().tolist() == [5.0, 0.5, 1.0]
    assert merged.histograms["a"].variances().tolist() == [4.0, 5.0, 1.0]
    assert merged.data.values().tolist() == [1.0, 5.0, 4.0]
    assert merged.notices == ("bins merged to [1, 3) because a was negative there",)


def test_merge_goes_on_until_nothing_is_negative():
    merged = with_negative_bins(templates([-1.0, 0.5, -1.0, 3.0]), "merge")
    assert (merged.histograms["a"].values() >= 0).all()
    assert merged.histograms["a"].values().sum() == pytest.approx(1.5)  # four additions
    assert merged.data.values().sum() == 10
    with pytest.raises(InvalidModel, match="'a' is negative in total"):
        with_negative_bins(templates([-1.0, 0.5, -1.0, 0.0]), "merge")


def test_floor_reports_what_it_adds_and_keeps_the_variance():
    floored = with_negative_bins(templates([1.0, -0.5, 1.0, -0.25]), "floor", floor=0.001)
    assert floored.histograms["a"].values().tolist() == [1.0, 0.001, 1.0, 0.001]
    assert floored.histograms["a"].variances().tolist() == [4.0, 3.0, 2.0, 1.0]
    assert floored.notices == ("a: 2 negative bins set to 0.001, 0.752 events added",)


def test_templates_without_negative_bins_stay():
    positive = templates([1.0, 1.0, 1.0, 1.0])
    for policy in ("keep", "error", "merge", "floor"):
        assert with_negative_bins(positive, policy) is positive


def test_unknown_policies_are_refused():
    with pytest.raises(InvalidOption, match="negative_bins 'drop'"):
        with_negative_bins(templates([1.0, 1.0, 1.0, 1.0]), "drop")
    with pytest.raises(InvalidOption, match="empty_bins 'drop'"):
        with_empty_bins(templates([1.0, 1.0, 1.0, 1.0]), "drop")


def test_empty_bins_are_noticed_or_get_the_mean_squared_weight():
    h = Histogram.empty(AXIS, label="a").filled([0.5, 0.5, 1.5], weights=[1.0, 3.0, -1.0])
    one = Templates({"a": h})
    assert with_empty_bins(one).notices == ("a: 2 bins without a simulated event",)
    assert with_empty_bins(one).histograms["a"] == h
    changed = with_empty_bins(one, "mean_weight").histograms["a"]
    # mean of 1, 9, 1
    assert changed.variances().tolist() == pytest.approx([10.0, 1.0, 11 / 3, 11 / 3])
    assert changed.values().tolist() == h.values().tolist()


def test_official_templates_keep_their_negative_bins_with_a_notice():
    kept = with_negative_bins(Templates.from_table(OFFICIAL_EXTENDED))
    assert {notice.split(": ")[1].split(",")[0] for notice in kept.notices} == {"Zee", "ZqqZll", "lllv"}
