"""Merging of sparse truth bins: the tutorial's binnings edge by edge, and what is kept."""

import numpy as np
import pytest

from tests.physics.response.experiment import RECO, SEEN, TRUTH, events, models, small
from wilks._base.errors import InvalidData
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.tables import read_csv
from wilks.interchange.remu import read_binning
from wilks.physics.response.counts import ResponseCounts
from wilks.physics.response.merging import merge_once, merge_sparse_bins


def grid(name, *edges):
    return Grid((Intervals(name, edges),))


def test_merging_adds_truth_and_response():
    merged = merge_sparse_bins(small(), 20)
    assert merged.truth.binning == grid("t", 0, 2)
    assert merged.truth.values.tolist() == [21]
    assert merged.values[:, 0].tolist() == small().values.sum(axis=1).tolist()
    assert merged.sumw2[:, 0].tolist() == small().sumw2.sum(axis=1).tolist()
    assert merged.entries[:, 0].tolist() == small().entries.sum(axis=1).tolist()
    assert merged.reco == small().reco


def test_nothing_happens_if_all_bins_are_full():
    assert merge_sparse_bins(small(), 8) == small()


def test_too_high_a_minimum_is_refused():
    with pytest.raises(InvalidData, match="truth bin 0 with 20 events has no neighbour"):
        merge_sparse_bins(small(), 21)


def test_a_bin_joins_the_neighbour_with_the_more_similar_response():
    truth = grid("t", 0, 1, 2, 3)
    table = events((90, 0.5, 0.5, 1), (5, 2.5, 1.5, 1), (90, 2.5, 2.5, 1))
    merged = merge_once(ResponseCounts(RECO, truth).fill(table))
    assert merged.truth.binning == grid("t", 0, 1, 3)
    first = merge_once(ResponseCounts(RECO, truth).fill(table), index=0)
    assert first.truth.binning == grid("t", 0, 2, 3)


def test_whole_slices_merge():
    truth = Grid((Intervals("t", [0, 1, 2]), Intervals("u", [0, 1, 2, 3])))
    random = np.random.default_rng(4)
    table = {"r": random.uniform(0, 3, 300), "t": random.uniform(0, 2, 300), "u": random.uniform(0, 3, 300)}
    counts = ResponseCounts(RECO, truth).fill(table)
    merged = merge_once(counts)
    fewer = dict(zip(("t", "u"), merged.truth.binning.shape, strict=True))
    assert fewer in ({"t": 1, "u": 3}, {"t": 2, "u": 2})
    assert merged == ResponseCounts(RECO, merged.truth.binning).fill(table)


def nested():
    child = grid("t", 0, 1, 2)
    return grid("k", 0, 1, 2, 3).refined({1: child, 2: child})


def nested_counts(**lists):
    rows = {"r": np.repeat([0.5, 1.5, 2.5], 100), "t": np.tile([0.5, 1.5], 150), "k": 1.5}
    few = {"r": np.array([0.5]), "t": np.array([1.5]), "k": 2.5}
    noise = {"r": np.repeat([0.5, 1.5], 50), "k": 0.5}
    counts = ResponseCounts(RECO, nested(), **lists)
    return counts.fill(rows).fill(few).fill(noise)


def test_inside_a_refined_bin_only_the_child_changes():
    merged = merge_once(nested_counts(nuisance=[0], impossible=[2]))
    assert merged.truth.binning == nested().coarse([2])  # a child of one bin is dropped
    assert merged.truth.values.tolist() == [100, 150, 150, 1]
    assert (merged.nuisance, merged.impossible) == ((0,), (2,))


def test_lists_follow_the_bins_that_move():
    assert merge_once(nested_counts(nuisance=[0, 4]), index=1).nuisance == (0, 3)


def test_bins_without_slices_are_refused():
    with pytest.raises(InvalidData, match="stands beside refined bins"):
        merge_once(nested_counts(), index=0)
    boxes = ResponseCounts(RECO, Boxes(("t",), [[(0, 1)], [(1, 2)]])).fill(SEEN)
    with pytest.raises(InvalidData, match="Boxes have no slices"):
        merge_once(boxes)
    assert merge_once(ResponseCounts(RECO, TRUTH).fill(SEEN)).shape == (3, 1)


@pytest.mark.shared
def test_the_signal_binning_of_the_tutorial_is_found_edge_by_edge(shared_data):
    first, second = models(shared_data, "fine-truth")
    best = merge_sparse_bins(first + second, 10)
    assert best.truth.binning == read_binning(shared_data / "response" / "01" / "optimised-truth-binning.yml")
    entries = best.truth.entries
    assert (len(entries), entries.min(), entries.max(), entries.sum()) == (120, 11, 423, 19680)
    assert np.allclose(best.truth.values.sum(), (first + second).truth.values.sum())


@pytest.mark.shared
def test_the_background_binning_of_the_tutorial_is_found_edge_by_edge(shared_data):
    folder = shared_data / "response"
    truth = read_binning(folder / "05" / "truth-binning.yml")
    counts = (
        ResponseCounts(read_binning(folder / "01" / "reco-binning.yml"), truth.child(2))
        .fill(read_csv(folder / "05" / "bg_data.csv.gz"), weight="weight_0", rename={"reco_x_0": "reco_x"})
        .fill_up_truth(read_csv(folder / "05" / "bg_truth.csv.gz"))
    )
    assert merge_sparse_bins(counts, 10).truth.binning == truth.child(1)
