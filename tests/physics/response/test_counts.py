"""Counted simulation: what is filled where, filling up the truth, consistency, the raw matrix."""

import logging

import numpy as np
import pytest

from tests.physics.response.experiment import LOST, RECO, SEEN, TRUTH, events, small
from wilks._base.errors import InvalidData
from wilks._base.notices import notice
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.physics.response.counts import ResponseCounts

ALL = {name: np.concatenate([SEEN[name], LOST[name]]) for name in "rtw"}


def test_one_filling_fills_reco_truth_and_both():
    counts = small()
    assert counts.reco.values.tolist() == [5, 8, 2]
    assert counts.truth.values.tolist() == [15, 6]
    assert counts.truth.entries.tolist() == [12, 8]
    assert counts.values.tolist() == [[5, 0], [6, 2], [0, 2]]
    assert counts.entries.tolist() == [[5, 0], [3, 2], [0, 4]]
    assert counts.sumw2.tolist() == [[5, 0], [12, 2], [0, 1]]
    assert counts.filled.tolist() == [0, 1]


def test_the_raw_matrix_is_the_ratio_of_weights():
    assert np.allclose(small().raw(), [[1 / 3, 0], [0.4, 1 / 3], [0, 1 / 3]], rtol=1e-15, atol=0)
    assert ResponseCounts(RECO, TRUTH).raw().tolist() == np.zeros((3, 2)).tolist()
    assert small().raw_matrices().matrices.shape == (1, 3, 2)


def test_the_sum_of_a_column_never_exceeds_one():
    # a rounding error of the sums: truth ends 1e-16 below what is reconstructed
    counts = ResponseCounts(RECO, TRUTH).fill(events((3, 0.5, 0.5, 0.1), (3, 1.5, 0.5, 0.2)), weight="w")
    assert counts.raw().sum(axis=0).max() <= 1.0


def test_filling_up_gives_the_truth_of_all_generated_events():
    filled = ResponseCounts(RECO, TRUTH).fill(SEEN, weight="w").fill_up_truth(ALL, weight="w")
    assert np.array_equal(filled.truth.values, small().truth.values)
    assert np.array_equal(filled.truth.entries, small().truth.entries)
    assert filled.joint == small().joint
    ready = TRUTH.fill(ALL, weight="w")
    assert ResponseCounts(RECO, TRUTH).fill(SEEN, weight="w").fill_up_truth(ready) == filled


def test_truth_bins_that_the_fill_up_does_not_reach_stay():
    only_first = {name: column[ALL["t"] < 1] for name, column in ALL.items()}
    filled = ResponseCounts(RECO, TRUTH).fill(SEEN, weight="w").fill_up_truth(only_first, weight="w")
    assert filled.truth.values.tolist() == [15, 4]


def test_a_smaller_fill_up_is_left_out_and_said(caplog):
    notice.cache_clear()  # it is said once per process
    with caplog.at_level(logging.WARNING, logger="wilks"):
        filled = small().fill_up_truth(events((13, np.nan, 0.5, 1), (1, np.nan, 1.5, 9)), weight="w")
    assert filled == small()
    assert "in 2 truth bins" in caplog.text


def test_a_negative_fill_up_is_an_error_that_names_the_bins():
    with pytest.raises(InvalidData, match=r"negative weight in truth bins \[1\]"):
        small().fill_up_truth(events((1, np.nan, 1.5, -1)), weight="w")


def test_a_fill_up_needs_the_same_bins():
    with pytest.raises(InvalidData, match="another binning"):
        small().fill_up_truth(Grid((Intervals("t", [0, 1]),)).empty())


def test_more_reconstructed_than_true_is_an_error_with_a_hint():
    counts = small()
    less = TRUTH.contents([5.0, 6.0], [12, 8], [1.0, 1.0])
    with pytest.raises(InvalidData, match=r"truth bins \[0\] \(bin 0: weight 11 of 5.*then fill up the truth"):
        ResponseCounts(RECO, TRUTH, contents=(counts.reco, less, counts.joint))
    fewer = TRUTH.contents([15.0, 6.0], [7, 8], [1.0, 1.0])
    with pytest.raises(InvalidData, match="8 of 7 events"):
        ResponseCounts(RECO, TRUTH, contents=(counts.reco, fewer, counts.joint))


def test_truth_below_the_reconstructed_weight_by_rounding_is_set_equal():
    counts = small()
    almost = TRUTH.contents([11.0 - 1e-10, 6.0], [12, 8], [1.0, 1.0])
    assert ResponseCounts(RECO, TRUTH, contents=(counts.reco, almost, counts.joint)).truth.values[0] == 11.0


def test_a_negative_total_weight_is_an_error_but_negative_weights_are_not():
    with pytest.raises(InvalidData, match=r"truth bins \[0\] is negative"):
        small().fill(events((20, 0.5, 0.5, -1)), weight="w")
    assert small().fill(events((1, 0.5, 0.5, -1)), weight="w").values[0, 0] == 4


def test_counts_add_if_their_bins_and_lists_are_equal():
    both = small() + small()
    assert np.array_equal(both.values, 2 * small().values)
    assert both.truth.entries.tolist() == [24, 16]
    assert both != small()
    with pytest.raises(InvalidData, match=r"nuisance bins \[\] and \[1\]"):
        small() + small(nuisance=[1])
    with pytest.raises(InvalidData, match=r"impossible bins \[0\] and \[\]"):
        ResponseCounts(RECO, TRUTH, impossible=[0]) + ResponseCounts(RECO, TRUTH)
    with pytest.raises(InvalidData, match="different binnings and cannot be added"):
        small() + ResponseCounts(RECO, Grid((Intervals("t", [0, 1, 3]),)))


def test_lists_name_bins_that_exist():
    with pytest.raises(InvalidData, match="nuisance bin 2 does not exist; there are bins 0 to 1"):
        ResponseCounts(RECO, TRUTH, nuisance=[2])
    with pytest.raises(InvalidData, match="impossible bin -1 does not exist"):
        ResponseCounts(RECO, TRUTH, impossible=[-1])
