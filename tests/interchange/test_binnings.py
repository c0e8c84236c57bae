"""Grids as histograms of other tools and back."""

import boost_histogram as bh
import hist
import numpy as np
import pytest

from wilks._base.errors import InvalidData
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.interchange.binnings import from_histogram, to_histogram
from wilks.interchange.uhi import read, to_hist, to_mapping

GRID = Grid((Intervals("x", [-np.inf, 0.0, 1.0, 2.0, np.inf], "cm"), Intervals("y", [0.0, 0.5, 2.0])))


def filled():
    draws = np.random.default_rng(1)
    events = {"x": draws.normal(1.0, 1.0, 500), "y": draws.uniform(0.0, 2.0, 500)}
    return GRID.fill(events)


def test_a_grid_survives_the_way_through_hist():
    contents = filled()
    made = to_hist(to_histogram(contents, label="events"))
    assert isinstance(made, hist.Hist)
    assert made.axes[0].traits.underflow
    assert not made.axes[1].traits.overflow
    np.testing.assert_array_equal(made.values(flow=True).ravel(), contents.values)
    back = from_histogram(made)
    assert back.binning.variables == ("x", "y")
    assert [axis.edges for axis in back.binning.axes] == [axis.edges for axis in GRID.axes]
    np.testing.assert_array_equal(back.entries, contents.entries)
    np.testing.assert_array_equal(back.sumw2, contents.sumw2)


def test_a_grid_survives_the_way_through_the_intermediate_form():
    contents = filled()
    assert from_histogram(to_mapping(to_histogram(contents))) == contents


def test_weighted_histograms_of_boost_histogram_come_in_with_their_errors():
    source = bh.Histogram(bh.axis.Regular(3, 0.0, 3.0), storage=bh.storage.Weight())
    source.fill([0.5, 0.5, 2.5, 9.0], weight=[2.0, 2.0, 3.0, 4.0])
    contents = from_histogram(source, names=["energy"])
    assert contents.binning.axis("energy").edges == (-np.inf, 0.0, 1.0, 2.0, 3.0, np.inf)
    assert contents.values.tolist() == [0.0, 4.0, 0.0, 3.0, 4.0]
    assert contents.sumw2.tolist() == [0.0, 8.0, 0.0, 9.0, 16.0]
    assert contents.entries.tolist() == [0, 2, 0, 1, 1]


def test_what_is_no_grid_is_refused():
    refined = GRID.refined({0: Grid((Intervals("z", [0.0, 1.0, 2.0]),))})
    with pytest.raises(InvalidData, match="a histogram has the bins of a grid"):
        to_histogram(refined.empty())
    with pytest.raises(InvalidData, match="closed on the right"):
        to_histogram(Grid((Intervals("x", [0.0, 1.0], closed="right"),)).empty())
    with pytest.raises(InvalidData, match="no finite bin"):
        to_histogram(Grid((Intervals("x", [-np.inf, 0.0]),)).empty())


def test_axes_without_name_or_intervals_are_refused():
    with pytest.raises(InvalidData, match="axis 0 has no name; give names="):
        from_histogram(np.histogram([1.0], bins=[0, 1, 2]), variances="poisson")
    with pytest.raises(InvalidData, match="2 names for 1 axes"):
        from_histogram(np.histogram([1.0], bins=[0, 1, 2]), names=["x", "y"], variances="poisson")
    categories = hist.Hist(hist.axis.StrCategory(["a", "b"], name="kind"), storage=hist.storage.Weight())
    with pytest.raises(InvalidData, match="a grid takes adjacent intervals"):
        from_histogram(read(categories))
