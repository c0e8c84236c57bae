import logging

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.plots.hexagons import chi2_colours, columns_of, hexbin

SEED = np.random.default_rng(5)
POINTS = {"x": SEED.normal(size=2000), "y": SEED.normal(size=2000)}
POINTS["chisq"] = POINTS["x"] ** 2 + 10 * POINTS["y"] ** 2


def hexagons_of(ax):
    (collection,) = [c for c in ax.collections if isinstance(c, mpl.collections.PolyCollection)]
    return collection


def test_every_hexagon_has_the_smallest_chi2_of_its_points():
    points = {
        "x": np.array([0.0, 0.01, 1.0, 1.01]),
        "y": np.array([0.0, 0.01, 1.0, 0.99]),
        "chisq": np.array([9, 4, 7, 8]),
    }
    ax = hexbin(points, "x", "y", gridsize=3)
    assert sorted(hexagons_of(ax).get_array().tolist()) == [4.0, 7.0]


@pytest.mark.parametrize("gridsize", [7, 40, (12, 5)])
def test_the_picture_is_that_of_all_points(gridsize):
    ax, every = hexbin(POINTS, "x", "y", gridsize=gridsize), Figure().add_subplot()
    drawn = every.hexbin(POINTS["x"], POINTS["y"], C=POINTS["chisq"], reduce_C_function=np.min, gridsize=gridsize)
    assert (hexagons_of(ax).get_array() == drawn.get_array()).all()
    assert hexagons_of(ax).get_offsets() == pytest.approx(drawn.get_offsets(), abs=1e-12)  # rounding


def test_hexagons_cover_what_is_shown():
    wide = {**POINTS, "x": 100.0 * POINTS["x"], "y": np.abs(POINTS["y"])}
    ax = hexbin(wide, "x", "y", gridsize=10, limits=((-50.0, 50.0), (0.01, 1.0)), yscale="log")
    corners = hexagons_of(ax).get_paths()[0].vertices
    assert np.ptp(corners[:, 0]) == pytest.approx(10.0, rel=0.01)  # a tenth of the limits


def test_a_single_point_is_drawn():
    ax = hexbin({"x": np.ones(3), "y": np.ones(3), "chisq": np.array([3.0, 2.0, 5.0])}, "x", "y")
    assert hexagons_of(ax).get_array().tolist() == [2.0]


def test_the_colours_change_exactly_at_1_4_and_9():
    colours, step = chi2_colours(), 1e-9
    families = [
        colours(chi2 / 25)[:3] for at in (1.0, 4.0, 9.0) for chi2 in (at - step, at + step)
    ]  # just below and above each step
    for below, above in zip(families[::2], families[1::2], strict=True):
        assert np.max(np.abs(np.subtract(below, above))) > 0.15  # a jump: neighbours inside a family differ by < 0.02
    green, yellow, orange, red = (colours(chi2 / 25)[:3] for chi2 in (0.5, 2.0, 6.0, 10.0))
    assert green[1] > max(green[0], green[2])
    assert min(yellow[0], yellow[1]) > 0.7 > yellow[2]
    assert orange[0] > orange[1] > orange[2]
    assert red[0] > 0.7 > max(red[1:])
    assert min(colours(0.9999)) > 0.98  # white at 25


def test_the_axes_carry_names_scale_and_colour_bar():
    ax = hexbin(POINTS, "x", "y", labels={"y": r"$\theta$"}, limits=((-1.0, 1.0), None))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", r"$\theta$")
    assert ax.get_xlim() == (-1.0, 1.0)
    assert hexagons_of(ax).get_clim() == (0.0, 25.0)
    bar = next(other for other in ax.figure.axes if other is not ax)
    assert bar.get_ylabel() == r"$\chi^2$"
    assert tuple(ax.figure.get_size_inches()) == (6.18, 3.82)


def test_given_axes_are_used():
    mine = Figure().add_subplot()
    assert hexbin(POINTS, "x", "y", ax=mine) is mine


def test_points_without_a_place_are_left_out_and_counted(caplog):
    points = {"x": np.array([1.0, 2.0, np.nan, -4.0]), "y": np.ones(4), "chisq": np.array([1.0, np.inf, 1.0, 1.0])}
    with caplog.at_level(logging.WARNING, "wilks"):
        ax = hexbin(points, "x", "y", xscale="log", yscale="log")
    assert hexagons_of(ax).get_array().tolist() == [1.0]
    assert "3 of 4 points are not drawn over 'x' and 'y'" in caplog.text


def test_draws_are_coloured_by_their_probability(results):
    samples = results["samples"]
    ax = hexbin(samples, *samples.free[:2])
    assert min(hexagons_of(ax).get_array()) == 0.0
    bar = next(other for other in ax.figure.axes if other is not ax)
    assert bar.get_ylabel() == r"$-2\,\Delta\ln P$"
    assert set(columns_of(samples).keys()) == {*samples.names, "two_delta_nlp"}


def test_a_power_of_ten_and_the_label_do_not_collide():
    small = {**POINTS, "x": 1e-5 * POINTS["x"]}
    assert hexbin(small, "x", "y").xaxis.label.get_horizontalalignment() == "center"
    assert hexbin(POINTS, "x", "y").xaxis.label.get_horizontalalignment() == "right"


def test_wrong_input_is_named():
    with pytest.raises(UnknownName, match="no column 'z'"):
        hexbin(POINTS, "x", "z")
    with pytest.raises(UnknownName, match="no column 'chisq'"):
        hexbin({"x": POINTS["x"], "y": POINTS["y"]}, "x", "y")
    with pytest.raises(InvalidData, match="different length"):
        hexbin({**POINTS, "y": np.ones(3)}, "x", "y")
    with pytest.raises(InvalidOption, match="nothing to draw"):
        hexbin({**POINTS, "chisq": np.full(2000, np.inf)}, "x", "y")
    with pytest.raises(InvalidOption, match="linear, log"):
        hexbin(POINTS, "x", "y", xscale="cubic")


def test_a_dataframe_is_a_table_of_points():
    pandas = pytest.importorskip("pandas")
    ax = hexbin(pandas.DataFrame(POINTS), "x", "y")
    assert min(hexagons_of(ax).get_array()) == min(POINTS["chisq"])
