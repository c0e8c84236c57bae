"""Figures of binned contents: densities, infinite edges, bands over variations, scattered points."""

import dataclasses

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product
from wilks.plots.cells import display_edges, layer, relative_widths, scattered, stacked_ends
from wilks.plots.contents import compare, counts, histogram, posterior_band
from wilks.plots.style import figure_of

X = Intervals("x", [-np.inf, 0.0, 2.0, 3.0])
Y = Intervals("y", [0.0, 1.0, np.inf], unit="GeV")
PLANE = Grid((X, Y))
VALUES = np.arange(1.0, 7.0)


@pytest.mark.parametrize(
    ("edges", "shown"),
    [
        ([-np.inf, 0.0, 2.0, 3.0], [-2.0, 0.0, 2.0, 3.0]),
        ([0.0, 1.0, np.inf], [0.0, 1.0, 2.0]),
        ([-np.inf, 4.0, np.inf], [3.0, 4.0, 5.0]),
        ([-np.inf, np.inf], [-0.5, 0.5]),
        ([0.0, np.inf], [0.0, 1.0]),
    ],
)
def test_infinite_bins_are_as_wide_as_their_neighbours(edges, shown):
    np.testing.assert_array_equal(display_edges(np.array(edges)), shown)


def test_contents_are_divided_by_the_share_of_the_drawn_range():
    np.testing.assert_allclose(relative_widths(X.edge_array), [0.4, 0.4, 0.2])
    one = layer(PLANE.contents(VALUES))
    np.testing.assert_allclose(one.seen("x")[0], np.array([3.0, 7.0, 11.0]) / [0.4, 0.4, 0.2])
    np.testing.assert_allclose(layer(PLANE.contents(VALUES), density=("y",)).seen("x")[0], [3.0, 7.0, 11.0])
    by_both = layer(PLANE.contents(VALUES)).seen("y", "x")[0]
    np.testing.assert_allclose(by_both, (VALUES.reshape(3, 2) / [[0.4], [0.4], [0.2]] / [0.5, 0.5]).T)
    with pytest.raises(UnknownName, match="no variable 'z'"):
        layer(PLANE.contents(VALUES), density=("z",))


def test_bands_are_quantiles_of_the_projections_of_each_variation():
    variations = np.random.default_rng(1).poisson(50.0, (200, 6)).astype(float)
    one = layer(PLANE.contents(VALUES), variations=variations, density=False, stack=0.68)
    low, high = one.seen("y")
    summed = variations.reshape(200, 3, 2).sum(axis=1)
    np.testing.assert_allclose([low, high], np.quantile(summed, [0.16, 0.84], axis=0))
    largest = layer(PLANE.contents(VALUES), density=False, margin=np.max).seen("x")[0]
    np.testing.assert_array_equal(largest, [2.0, 4.0, 6.0])
    ends = stacked_ends(variations, (np.min, np.max))
    np.testing.assert_array_equal(ends[1], variations.max(axis=0))
    with pytest.raises(InvalidOption, match="between 0 and 1"):
        stacked_ends(variations, 68.0)
    with pytest.raises(InvalidData, match="variations"):
        layer(PLANE.contents(VALUES), variations=variations[:, :4])


def test_points_follow_the_contents_and_lie_in_their_cells():
    edges = [display_edges(axis.edge_array) for axis in PLANE.axes]
    at = scattered(edges, VALUES.reshape(3, 2), 20_000, seed=3)
    found = np.histogram2d(at[:, 0], at[:, 1], edges)[0].ravel()
    expected = 20_000 * VALUES / VALUES.sum()
    assert np.sum((found - expected) ** 2 / expected) < 20.5  # the 99.9 % point of chi-square with 5 dof
    np.testing.assert_array_equal(at, scattered(edges, VALUES.reshape(3, 2), 20_000, seed=3))
    with pytest.raises(InvalidData, match="not negative"):
        scattered(edges, -VALUES.reshape(3, 2), 10, seed=3)


def test_a_line_a_plane_and_bins_by_index():
    line = histogram(Grid((X,)).contents([1.0, 2.0, 3.0]), label="one")
    assert line.axes[0].get_xlim() == (-2.0, 3.0)
    assert line.axes[0].get_xlabel() == "x"
    plane = histogram(PLANE.contents(VALUES))
    assert [ax.get_ylabel() for ax in plane.axes].count("y [GeV]") == 1
    three = histogram(Product((PLANE, Grid((Intervals("E", [0, 1, 2]),)))).contents(np.ones(12)), x=("E",))
    assert len(three.axes) == 3 * 2
    boxes = Boxes(("x",), [[(i, i + 1)] for i in range(30)])
    assert len(histogram(boxes.contents(np.ones(30))).axes) == 2  # 25 bins in a row
    with pytest.raises(InvalidOption, match="leave none"):
        histogram(PLANE.contents(VALUES), x=("x", "y"))


@pytest.mark.parametrize("style", ["boxes", "scatter"])
def test_contents_are_compared_in_equal_bins_only(style):
    pair = {"data": PLANE.contents(VALUES), "model": PLANE.contents(2 * VALUES)}
    figure = compare(pair, style=style, points=100)
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == ["data", "model"]
    other = Grid((X, Intervals("y", [0.0, 2.0, np.inf])))
    with pytest.raises(InvalidData, match="another binning"):
        compare({"data": PLANE.contents(VALUES), "model": other.contents(VALUES)}, style=style)
    with pytest.raises(InvalidOption, match="style"):
        compare(pair, style="bars")


def test_counts_with_a_band_of_predictions():
    data = Grid((X,)).contents([3.0, 8.0, 2.0])
    ax = counts(data, {"fit": np.array([4.0, 7.0, 2.5]), "band": np.ones((50, 3)) * np.arange(50.0)[:, None]})
    assert ax.get_xlabel() == "x"
    assert len(ax.get_legend_handles_labels()[1]) == 3
    with pytest.raises(InvalidData, match="predicts 2 bins"):
        counts(np.array([3.0, 8.0, 2.0]), {"fit": np.ones(2)})
    assert figure_of(ax) is not None


def predicted(results, rows):
    draws = np.zeros((1, len(rows), 1))
    names = tuple(f"bin {i}" for i in range(rows.shape[1]))
    central, error = np.median(rows, axis=0), np.std(rows, axis=0)
    return dataclasses.replace(
        results["predictions"], names=names, values=rows[None], central=central, error=error, parameters=("mu",),
        draws=draws, log_prob=np.zeros((1, len(rows))), of_fit=False, flags={},
    )  # fmt: skip


def test_posterior_bands_hold_their_share_of_the_draws_in_each_bin(results):
    rows = np.random.default_rng(4).normal([5.0, 9.0, 2.0], [1.0, 2.0, 0.5], (4000, 3))
    data = Grid((X,)).contents([3.0, 8.0, 2.0])
    ax = posterior_band(predicted(results, rows), data=data, levels=(0.6827,))
    assert ax.get_xlabel() == "x"
    band, median = ax.patches
    low, high = band.get_data().baseline, band.get_data().values
    np.testing.assert_allclose(np.mean((rows >= low) & (rows <= high), axis=0), 0.6827, atol=1e-3)  # 4000 draws
    np.testing.assert_array_equal(median.get_data().values, np.median(rows, axis=0))


def test_posterior_bands_take_variations_together_and_refuse_what_does_not_fit(results):
    rows = np.random.default_rng(5).uniform(1.0, 2.0, (50, 6))
    ax = posterior_band(predicted(results, rows), data=np.array([1.0, 2.0, 1.0]))
    np.testing.assert_array_equal(ax.patches[-1].get_data().values, np.median(rows.reshape(-1, 3), axis=0))
    with pytest.raises(InvalidData, match="6 predictions do not fill 4 bins"):
        posterior_band(predicted(results, rows), data=np.ones(4))
    with pytest.raises(InvalidOption, match="level"):
        posterior_band(predicted(results, rows), levels=(1.0,))
