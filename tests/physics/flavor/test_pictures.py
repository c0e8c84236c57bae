import itertools

import matplotlib as mpl
import numpy as np
import pytest

from wilks._base.errors import InvalidOption, UnknownName
from wilks.physics.flavor.labels import LABELS
from wilks.physics.flavor.nufit_figures import figures
from wilks.physics.flavor.nufit_terms import shipped_release
from wilks.physics.flavor.pictures import hexbin, region

NAMES = ("s12^2", "s13^2", "s23^2", "d/pi", "m21^2", "m3l^2")
PAIRS = list(itertools.combinations(NAMES, 2))
KEYS = "me/mu mu/mt s12^2 s13^2 s23^2 d/pi r m21^2 m3l^2 m1 m2 m3 eta1 eta2 J Jmax Sum(m_i) m_b m_bb nscale Retau Imtau"


def points(ordering="NO", size=400):
    """Points around the data, with masses over the plane of the lobster."""
    rng, table = np.random.default_rng(2), figures("5.3", ordering)
    columns = {name: rng.uniform(*table.limits(name, 3), size) for name in NAMES}
    columns |= {name: 10.0 ** rng.uniform(-4, 0, size) for name in ("m1", "m3", "m_bb")}
    return columns | {"v1": rng.normal(size=size), "chisq": rng.uniform(0, 30, size)}


def contours_of(ax):
    return next(c for c in ax.collections if isinstance(c, mpl.contour.QuadContourSet))


@pytest.mark.parametrize("ordering", ["NO", "IO"])
@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_regions_of_all_pairs_exist_in_either_order(x, y, ordering):
    tables = shipped_release("5.3", ordering)
    first, second, delta = region(tables, x, y)
    assert delta.shape == (len(first), len(second))
    assert np.min(delta) == 0.0
    assert (np.diff(first) > 0).all()
    assert (np.diff(second) > 0).all()
    turned = region(tables, y, x)
    assert (turned[2] == delta.T).all()
    for name, grid, axis in ((x, first, 1), (y, second, 0)):
        low, high = figures("5.3", ordering).limits(name, 1)
        best = grid[np.argmin(np.min(delta, axis=axis))]
        # the best point of two quantities lies in the 1 sigma range of each, to a step of the grid
        assert low - np.max(np.diff(grid)) <= best <= high + np.max(np.diff(grid))


def test_the_table_of_s12_and_s13_is_whole(shared_data):
    with np.load(shared_data / "nufit" / "nufit53_NO_2d.npz") as file:
        official = file["sin^2(theta13)|sin^2(theta12)"]
        axes = [file[f"sin^2(theta13)|sin^2(theta12)#{i}"] for i in (0, 1)]
    first, second, delta = region(shipped_release("5.3", "NO"), "s13^2", "s12^2")
    inside = [
        np.flatnonzero((full >= part[0]) & (full <= part[-1])) for full, part in zip(axes, (first, second), strict=True)
    ]
    expected = official[np.ix_(*inside)].astype(float)
    assert delta == pytest.approx(expected - official.min(), abs=0.005)  # shipped in steps of 0.004
    outside = official.astype(float) - official.min()
    outside[np.ix_(*inside)] = np.inf
    assert outside.min() > 49.9  # cut at Delta chi2 = 50 of the common zero: nothing else is missing


def test_delta_closes_across_the_wrap():
    angles, _, delta = region(shipped_release("5.3", "IO"), "d/pi", "s13^2")
    assert (angles[0], angles[-1]) == (0.0, 2.0)
    assert np.diff(angles) == pytest.approx(5 / 180, abs=1e-11)  # steps of 5 degrees, angles rounded to 1e-12
    assert (delta[0] == delta[-1]).all()


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_regions_are_drawn_with_their_dof(ordering):
    ax = hexbin(points(ordering), "m3l^2", "d/pi", experiment="2d", ordering=ordering)
    assert contours_of(ax).levels == pytest.approx([2.2957, 6.1801, 11.8292], abs=1e-4)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [rf"{n}$\sigma$, 2 dof" for n in (1, 2, 3)]
    assert ordering in ax.get_legend().get_title().get_text()
    assert all(len(segments) > 0 for segments in contours_of(ax).allsegs)
    one = hexbin(points(ordering), "m3l^2", "d/pi", experiment="2d", ordering=ordering, dof=1)
    assert contours_of(one).levels == pytest.approx([1.0, 4.0, 9.0], rel=1e-12)


def test_limits_are_the_three_sigma_range_and_a_tenth_more():
    for experiment in ("1d", "2d"):
        ax = hexbin(points(), "s12^2", "s23^2", experiment=experiment)
        assert ax.get_xlim() == pytest.approx((0.275 - 0.0069, 0.344 + 0.0069), abs=1e-12)  # figures of 5.3
        assert ax.get_ylim() == pytest.approx((0.411 - 0.0195, 0.606 + 0.0195), abs=1e-12)
    assert hexbin(points(), "s12^2", "d/pi", experiment="2d").get_ylim()[1] == 2.0
    assert hexbin(points(), "s12^2", "s23^2", experiment="1d", limits=((0.2, 0.4), None)).get_xlim() == (0.2, 0.4)


def test_ranges_are_those_of_the_release():
    ax = hexbin(points("IO"), "m3l^2", "s12^2", experiment="1d", ordering="IO")
    upright = [line.get_xdata()[0] for line in ax.lines if line.get_xdata()[0] == line.get_xdata()[1]]
    assert upright == pytest.approx([-2.511e-3, -2.46e-3, -2.566e-3, -2.407e-3], rel=1e-12)  # figures of 5.3
    assert [line.get_linestyle() for line in ax.lines] == ["-", "-", ":", ":"] * 2
    newer = hexbin(points(), "s13^2", "d/pi", experiment="1d", release="6.0")
    assert newer.get_ylim() == (0.0, 2.0)  # its 3 sigma range goes over the wrap


def test_angles_are_shown_between_zero_and_two():
    turned = points() | {"d/pi": np.full(400, -0.25)}
    ax = hexbin(turned, "s12^2", "d/pi")
    assert ax.get_ylim()[0] > 1.0


@pytest.mark.parametrize(("ordering", "mass"), [("NO", "m1"), ("IO", "m3")])
def test_the_lobster_has_its_band_and_axes(ordering, mass):
    ax = hexbin(points(ordering), mass, "m_bb", experiment="lobster", ordering=ordering)
    assert ax.get_xlim() == ax.get_ylim() == (1e-4, 1.0)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    lower, upper = ax.lines
    assert {line.get_linestyle() for line in ax.lines} == {"--"}
    assert (lower.get_xdata()[0], lower.get_xdata()[-1]) == pytest.approx((1e-4, 10.0), rel=1e-12)
    assert (upper.get_ydata() > lower.get_ydata()).all()
    assert ax.get_ylabel() == LABELS["m_bb"]


def test_all_keys_have_latex_labels():
    assert [key for key in KEYS.split() if "$" not in LABELS[key]] == []
    ax = hexbin(points(), "v1", "s12^2", labels={"v1": "first"})
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("first", LABELS["s12^2"])


def test_wrong_requests_name_what_is_allowed():
    with pytest.raises(UnknownName, match="no column 'v9'"):
        hexbin(points(), "v9", "s12^2")
    with pytest.raises(InvalidOption, match="1d, 2d, lobster"):
        hexbin(points(), "s12^2", "s13^2", experiment="3d")
    with pytest.raises(InvalidOption, match="NO, IO"):
        hexbin(points(), "s12^2", "s13^2", ordering="normal")
    with pytest.raises(InvalidOption, match=r"nothing on 'v1'; they cover me/mu, mu/mt, s12\^2"):
        hexbin(points(), "v1", "s12^2", experiment="1d")
    with pytest.raises(InvalidOption, match=r"nothing on 'v1'; they cover s12\^2, s13\^2"):
        hexbin(points(), "v1", "s12^2", experiment="2d")
    with pytest.raises(InvalidOption, match="needs two quantities"):
        hexbin(points(), "s12^2", "s12^2", experiment="2d")
    with pytest.raises(InvalidOption, match="x = 'm3' and y = 'm_bb'"):
        hexbin(points(), "m1", "m_bb", experiment="lobster", ordering="IO")
    with pytest.raises(InvalidOption, match=r"5\.2, 5\.3"):
        hexbin(points(), "s12^2", "s13^2", experiment="2d", release="6.0")
    with pytest.raises(InvalidOption, match=r"no figures of NuFIT '4\.0'"):
        hexbin(points(), "s12^2", "s13^2", experiment="1d", release="4.0")


def test_a_model_of_dirac_neutrinos_has_no_lobster():
    dirac = {name: column for name, column in points().items() if name != "m_bb"}
    with pytest.raises(UnknownName, match="Dirac models have no m_bb"):
        hexbin(dirac, "m1", "m_bb", experiment="lobster")
