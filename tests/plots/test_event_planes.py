import numpy as np
import pytest
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.data.events import Events
from wilks.plots.event_planes import Density, levels_holding, scatter


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    r, z = 40 * np.sqrt(rng.random(50)), -90 * rng.random(50)
    return Events({"s1": 50 * rng.random(50), "s2": 3000 * rng.random(50), "r": r, "z": z})


def panels(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def test_signals_and_positions_stand_beside_each_other(table):
    first, second = panels(scatter(table))
    assert (first.get_xlabel(), first.get_ylabel()) == ("S1 [PE]", "S2 [PE]")
    assert (second.get_xlabel(), second.get_ylabel()) == ("r [cm]", "z [cm]")
    np.testing.assert_array_equal(first.collections[0].get_array(), table["z"])
    np.testing.assert_array_equal(second.collections[0].get_array(), table["s2"])


def test_numbers_colour_both_panels_on_one_scale(table):
    rate = np.linspace(0.0, 0.05, 50)
    figure = scatter(table, colour=rate, vmin=0.0, vmax=0.03, title="rate")
    for ax in panels(figure):
        np.testing.assert_array_equal(ax.collections[0].get_array(), rate)
        assert ax.collections[0].get_clim() == (0.0, 0.03)
    assert [ax.get_ylabel() for ax in figure.axes if ax.get_label() == "<colorbar>"] == ["rate", "rate"]


def test_slices_hold_the_events_between_their_ends(table):
    figure = scatter(table, panels=[(-90, -45), (-45, 0)])
    sizes = [len(ax.collections[0].get_offsets()) for ax in panels(figure)]
    assert sizes == [int((table["z"] < -45).sum()), int((table["z"] > -45).sum())]
    assert len(figure.axes) == 3  # one bar of colours for both


def test_events_without_positions_have_one_panel(table):
    assert len(panels(scatter(table.where(slice(None), ["s1", "s2", "z"])))) == 1


def test_contours_hold_their_share_of_a_normal_density():
    x = np.linspace(-6, 6, 241)
    density = Density(x, x, np.exp(-0.5 * (x[None] ** 2 + x[:, None] ** 2)))
    # in two dimensions a share p lies inside -2 ln(1 - p); cells of 0.05 sigma move the level by about one per cent
    np.testing.assert_allclose(levels_holding(density, (0.95, 0.68)), [0.05, 0.32], rtol=0.02)
    assert not len(levels_holding(Density(x, x, np.zeros((241, 241))), (0.95,)))


def test_a_density_is_drawn_as_two_contours(table):
    x, y = np.linspace(0, 50, 30), np.linspace(0, 3000, 30)
    values = np.exp(-(((x[None] - 25) / 10) ** 2) - ((y[:, None] - 1500) / 600) ** 2)
    ax = panels(scatter(table, density=Density(x, y, values)))[0]
    assert len(ax.collections[1].levels) == 2


def test_own_axes_are_used(table):
    own = Figure().subplots(1, 2)
    assert scatter(table, axes=own) is own[0].get_figure()
    with pytest.raises(InvalidOption, match="1 axes for 2 panels"):
        scatter(table, axes=own[:1])


def test_what_cannot_be_drawn_is_named(table):
    with pytest.raises(UnknownName, match="no column 'cs1'"):
        scatter(table, x="cs1")
    with pytest.raises(InvalidData, match="for 50 events"):
        scatter(table, colour=np.zeros(3))
    with pytest.raises(InvalidOption, match="no panel"):
        scatter(table, panels=[])
