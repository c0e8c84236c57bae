"""Plotters of the drop-in: what is drawn where, densities, bands, points."""

import numpy as np
import pytest

from wilks._base.errors import InvalidData
from wilks.compat.remu import binning, plotting
from wilks.compat.remu.plotting.plotter import band_of, finite_edges


def line():
    return binning.LinearBinning("x", [-np.inf, 0, 1, 3, np.inf], value_array=np.array([1.0, 2.0, 4.0, 8.0]))


def grid():
    edges = [[0, 1, 3], [0, 1, 2, np.inf], [0, 1]]
    return binning.RectilinearBinning(["x", "y", "z"], edges, value_array=np.arange(6.0))


def other():
    return binning.LinearBinning("E", [0, 1, 2])


OBJECTS = {
    "array": (lambda: np.arange(60.0), plotting.ArrayPlotter),
    "linear": (line, plotting.LinearBinningPlotter),
    "grid": (grid, plotting.RectilinearBinningPlotter),
    "product": (lambda: binning.CartesianProductBinning((other(), grid())), plotting.CartesianProductBinningPlotter),
    "boxes": (lambda: binning.RectangularBinning(["x"], [[(0, 1)], [(2, 3)]]), plotting.BinningPlotter),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_has_a_plotter_that_writes_files(tmp_path, name):
    make, kind = OBJECTS[name]
    plotter = plotting.get_plotter(make())
    assert type(plotter) is kind
    with pytest.raises(InvalidData, match="nothing was drawn yet"):
        plotter.savefig(tmp_path / "x.png")
    plotter.plot_array(label="first", color="k", linestyle="dashed", linewidth=2, alpha=0.5, hatch=None)
    plotter.plot_array(scatter=20, label="second", edgecolor="r")
    if name != "array":
        for plot in (plotter.plot_values, plotter.plot_entries, plotter.plot_sumw2):
            plot()
    plotter.legend()
    plotter.savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000
    with pytest.raises(InvalidData, match="cannot be plotted"):
        plotting.get_plotter("text")


def outline(plotter, row=0, column=0):
    """Upper ends and edges of the last outline drawn on some axes."""
    values, edges, _ = plotter.figax[1][row, column].patches[-1].get_data()
    return values, edges


def test_infinite_bins_are_as_wide_as_their_neighbours():
    assert finite_edges([-np.inf, 0, 1, 3, np.inf]).tolist() == [-1, 0, 1, 3, 5]
    assert finite_edges([-np.inf, 2, np.inf]).tolist() == [1, 2, 3]
    assert finite_edges([-np.inf, np.inf]).tolist() == [-0.5, 0.5]
    assert finite_edges([0, np.inf]).tolist() == [0, 1]


def test_densities_are_relative_to_the_plotted_range():
    plotter = plotting.get_plotter(line())
    plotter.plot_values()
    values, edges = outline(plotter)
    assert edges.tolist() == [-1, 0, 1, 3, 5]
    assert np.allclose(values, np.array([1.0, 2.0, 4.0, 8.0]) * 6 / np.array([1, 1, 2, 2]))
    plotter.plot_values(density=False)
    assert outline(plotter)[0].tolist() == [1.0, 2.0, 4.0, 8.0]


def test_rows_hold_25_bins():
    plotter = plotting.get_plotter(np.arange(60.0))
    plotter.plot_array()
    assert plotter.figax[1].shape == (3, 1)
    assert outline(plotter, 2)[0].tolist() == list(range(50, 60))


def test_stacks_become_lines_and_bands():
    stack = np.arange(11.0)[:, None] * np.ones(4)
    plotter = plotting.get_plotter(line())
    plotter.plot_array(stack, density=False)
    assert outline(plotter)[0].tolist() == [5.0] * 4
    plotter.plot_array(stack, density=False, stack_function=0.8)
    upper, _, lower = plotter.figax[1][0, 0].patches[-1].get_data()
    assert np.allclose(upper, 9.0)
    assert np.allclose(lower, 1.0)
    low, high = band_of((np.min, np.max))
    assert (low(stack, axis=0)[0], high(stack, axis=0)[0]) == (0.0, 10.0)
    with pytest.raises(InvalidData, match=r"shape \(3,\) does not fit 4 bins"):
        plotter.plot_array(np.ones(3))


def test_grids_are_projected_on_top_and_on_the_right():
    plotter = plotting.get_plotter(grid())
    plotter.plot_values(density=False)
    axes = plotter.figax[1]
    assert axes.shape == (2, 3)  # two variables along x, one along y
    assert outline(plotter, 0, 0)[0].tolist() == [3.0, 12.0]
    assert outline(plotter, 0, 1)[0].tolist() == [3.0, 5.0, 7.0]
    assert outline(plotter, 1, 2)[0].tolist() == [15.0]
    assert axes[1, 0].get_xlabel() == "x"
    assert axes[1, 0].get_ylabel() == "z"
    cells = axes[1, 1].collections[0].get_array()
    assert np.asarray(cells).ravel().tolist() == [3.0, 5.0, 7.0]
    plotter.plot_values(density=[0])
    assert np.allclose(outline(plotter, 0, 0)[0], [3.0 * 3, 12.0 * 1.5])
    assert outline(plotter, 0, 1)[0].tolist() == [3.0, 5.0, 7.0]
    plotter.plot_values(margin_function=np.max, density=False)
    assert outline(plotter, 0, 0)[0].tolist() == [2.0, 5.0]


def test_axes_are_chosen_by_name():
    plotter = plotting.get_plotter(grid(), x_axis_binnings=["y"], y_axis_binnings=["x"])
    plotter.plot_values(density=False)
    assert plotter.figax[1].shape == (2, 2)
    cells = np.asarray(plotter.figax[1][1, 0].collections[0].get_array()).ravel()
    assert cells.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_points_follow_the_contents_and_the_seed():
    one = binning.RectilinearBinning(["x", "y"], [[0, 1, 2], [0, 1, 2]], value_array=np.array([0.0, 1.0, 3.0, 0.0]))

    def points(**options):
        plotter = plotting.get_plotter(one)
        plotter.plot_values(scatter=2000, **options)
        return np.asarray(plotter.figax[1][1, 0].collections[0].get_offsets())

    found = points(key=1)
    right = (found[:, 0] > 1) & (found[:, 1] < 1)
    left = (found[:, 0] < 1) & (found[:, 1] > 1)
    assert np.all(right | left)
    assert abs(right.mean() - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 2000)  # four standard errors, seed fixed
    assert np.array_equal(points(key=1), found)
    np.random.seed(1)  # noqa: NPY002  what scripts do
    first = points()
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(points(), first)
    one.reset()
    assert len(points(key=1)) == 0


def test_subbinnings_are_summed_up_where_asked_for():
    inner = binning.LinearBinning("y", [0, 1, 2])
    refined = line().marginalize_subbinnings().insert_subbinning(1, inner)
    refined.set_values_from_ndarray(np.arange(5.0))
    plotter = plotting.get_plotter(refined)
    plotter.plot_values(density=False)
    assert outline(plotter)[0].tolist() == [0.0, 3.0, 3.0, 4.0]
    rows = plotting.BinningPlotter(refined)
    rows.plot_values()
    assert outline(rows)[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    coarse = plotting.BinningPlotter(refined, marginalize_subbinnings=True)
    coarse.plot_array(np.arange(5.0))
    assert outline(coarse)[0].tolist() == [0.0, 3.0, 3.0, 4.0]
