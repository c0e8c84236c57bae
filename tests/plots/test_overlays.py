import numpy as np
import pytest
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData, InvalidOption
from wilks.plots.overlays import draw_band, draw_ranges, draw_region, sigma_threshold

GRID = np.linspace(-4.0, 4.0, 161)
BOWL = GRID[:, None] ** 2 + GRID[None, :] ** 2


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_thresholds_are_those_of_the_degrees_of_freedom():
    assert [sigma_threshold(n, 1) for n in (1, 2, 3)] == pytest.approx([1.0, 4.0, 9.0], rel=1e-12)  # exact in theory
    # -2 ln(1 - p): 2.2957, 6.1801, 11.8292 (PDG, statistics, table of Delta chi2)
    assert [sigma_threshold(n, 2) for n in (1, 2, 3)] == pytest.approx([2.2957, 6.1801, 11.8292], abs=1e-4)


@pytest.mark.parametrize("dof", [1, 2])
def test_regions_lie_where_delta_chi2_has_the_threshold(ax, dof):
    contours, handles = draw_region(ax, GRID, GRID, BOWL, dof=dof)
    for n, segments in zip((1, 2, 3), contours.allsegs, strict=True):
        radius = np.hypot(*np.concatenate(segments).T)
        # linear interpolation in cells of 0.05: h^2/8 times the curvature, over twice the radius
        assert radius == pytest.approx(np.sqrt(sigma_threshold(n, dof)), abs=1e-3)
    assert [h.get_label() for h in handles] == [rf"{n}$\sigma$, {dof} dof" for n in (1, 2, 3)]
    assert [h.get_linestyle() for h in handles] == ["-", "--", ":"]


def test_the_first_index_of_a_region_is_the_horizontal_axis(ax):
    contours, _ = draw_region(ax, GRID, GRID, BOWL + 8 * GRID[:, None] ** 2, sigmas=(1,))
    widths = np.ptp(contours.allsegs[0][0], axis=0)
    assert widths[0] == pytest.approx(widths[1] / 3, rel=0.01)  # x^2 weighs nine times as much


def test_ranges_are_solid_and_dotted_lines(ax):
    lines = draw_ranges(ax, "x", {1: [(0.1, 0.2)], 3: [(0.0, 0.3)]})
    assert [(line.get_xdata()[0], line.get_linestyle()) for line in lines] == [
        (0.1, "-"),
        (0.2, "-"),
        (0.0, ":"),
        (0.3, ":"),
    ]
    assert draw_ranges(ax, "y", {1: [(0.5, 0.6)]})[0].get_ydata()[0] == 0.5


def test_bands_have_two_dashed_edges(ax):
    lines = draw_band(ax, GRID, GRID - 1.0, GRID + 1.0)
    assert [line.get_linestyle() for line in lines] == ["--", "--"]
    assert np.ptp([line.get_ydata() for line in lines], axis=0) == pytest.approx(2.0, abs=1e-12)  # rounding


def test_wrong_regions_are_refused(ax):
    with pytest.raises(InvalidOption, match="choose 1 or 2"):
        draw_region(ax, GRID, GRID, BOWL, dof=3)
    with pytest.raises(InvalidData, match="must increase"):
        draw_region(ax, GRID[::-1].copy(), GRID, BOWL)
