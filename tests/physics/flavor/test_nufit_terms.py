import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from wilks._base.errors import InvalidOption, UnknownName
from wilks.likelihood.curves import tabulated_curve
from wilks.physics.flavor.chi2_terms import ChiSquareTerms
from wilks.physics.flavor.nufit_figures import FIGURES, figures
from wilks.physics.flavor.nufit_files import COLUMNS
from wilks.physics.flavor.nufit_terms import curve_of, nufit, shipped_release

ROOT = Path(__file__).parents[3]

# NuFIT, from the one-dimensional tables by cubic spline minus its minimum: best value, 1-sigma and 3-sigma pieces.
# Angles of delta in degrees, m21^2 in 1e-5 eV^2, m3l^2 in 1e-3 eV^2. Sources: www.nu-fit.org, arXiv:2007.14792 (5.x),
# arXiv:2410.05380 (6.x).
PUBLISHED = {
    ("5.2", "NO"): {
        "s12^2": (0.3033, [(0.2917, 0.3153)], [(0.2700, 0.3412)]),
        "s13^2": (0.02225, [(0.02166, 0.02282)], [(0.02051, 0.02398)]),
        "s23^2": (0.4507, [(0.4349, 0.4700)], [(0.4082, 0.6033)]),
        "d/pi": (232, [(206, 269)], [(144, 350)]),
        "m21^2": (7.411, [(7.207, 7.622)], [(6.815, 8.035)]),
        "m3l^2": (2.507, [(2.480, 2.533)], [(2.427, 2.590)]),
    },
    ("5.2", "IO"): {
        "s12^2": (0.3032, [(0.2917, 0.3153)], [(0.2700, 0.3412)]),
        "s13^2": (0.02223, [(0.02164, 0.02281)], [(0.02048, 0.02416)]),
        "s23^2": (0.5702, [(0.4478, 0.4624), (0.5476, 0.5859)], [(0.4116, 0.6131)]),
        "d/pi": (276, [(247, 299)], [(194, 344)]),
        "m21^2": (7.411, [(7.207, 7.622)], [(6.815, 8.035)]),
        "m3l^2": (-2.487, [(-2.515, -2.461)], [(-2.570, -2.406)]),
    },
    ("5.3", "NO"): {
        "s12^2": (0.3073, [(0.2960, 0.3191)], [(0.2747, 0.3445)]),
        "s13^2": (0.02224, [(0.02166, 0.02281)], [(0.02046, 0.02398)]),
        "s23^2": (0.4535, [(0.4373, 0.4735)], [(0.4106, 0.6063)]),
        "d/pi": (232, [(206, 272)], [(139, 350)]),
        "m21^2": (7.410, [(7.201, 7.621)], [(6.809, 8.031)]),
        "m3l^2": (2.505, [(2.478, 2.530)], [(2.425, 2.586)]),
    },
    ("5.3", "IO"): {
        "s12^2": (0.3073, [(0.2960, 0.3191)], [(0.2747, 0.3445)]),
        "s13^2": (0.02222, [(0.02164, 0.02293)], [(0.02049, 0.02420)]),
        "s23^2": (0.5678, [(0.4423, 0.4702), (0.5462, 0.5841)], [(0.4116, 0.6113)]),
        "d/pi": (273, [(247, 298)], [(195, 342)]),
        "m21^2": (7.410, [(7.201, 7.621)], [(6.809, 8.031)]),
        "m3l^2": (-2.487, [(-2.511, -2.460)], [(-2.566, -2.407)]),
    },
}
PUBLISHED_LATER = {
    "NuFIT 6.0": {
        "T12": (0.3076, [(0.2963, 0.3193)], [(0.2750, 0.3446)]),
        "T13": (0.02215, [(0.02155, 0.02272)], [(0.02030, 0.02388)]),
        "T23": (0.4701, [(0.4568, 0.4878), (0.5388, 0.5608)], [(0.4354, 0.5846)]),
        "DCP": (212, [(171, 239)], [(124, 365)]),
        "DMS": (7.492, [(7.302, 7.689)], [(6.920, 8.056)]),
        "DMA": (2.513, [(2.493, 2.533)], [(2.451, 2.578)]),
    },
    "NuFIT 6.1": {
        "T12": (0.3088, [(0.3022, 0.3155)], [(0.2893, 0.3295)]),
        "T13": (0.02248, [(0.02189, 0.02303)], [(0.02064, 0.02418)]),
        "T23": (0.4701, [(0.4564, 0.4871), (0.5428, 0.5584)], [(0.4351, 0.5844)]),
        "DCP": (212, [(176, 237)], [(125, 365)]),
        "DMS": (7.537, [(7.436, 7.632)], [(7.236, 7.823)]),
        "DMA": (2.511, [(2.491, 2.533)], [(2.450, 2.576)]),
    },
}
# Second minimum of s23^2 (position, Delta chi-square) and the barrier before it
SECOND_OCTANT = {
    ("5.2", "NO"): ((0.5626, 2.876), (0.5201, 4.111)),
    ("5.3", "NO"): ((0.5647, 1.713), (0.5165, 3.36)),
    ("5.2", "IO"): ((0.4533, 0.872), None),
    ("5.3", "IO"): ((0.4550, 0.455), None),
}
LAST_DIGIT = {
    "s12^2": 1e-4, "T12": 1e-4, "s13^2": 1e-5, "T13": 1e-5, "s23^2": 1e-4, "T23": 1e-4,
    "d/pi": 1.0, "DCP": 1.0, "m21^2": 1e-3, "DMS": 1e-3, "m3l^2": 1e-3, "DMA": 1e-3,
}  # fmt: skip
UNITS = {"d/pi": 1 / 180, "m21^2": 1e-5, "m3l^2": 1e-3}
NUFIT_52_AND_53 = sorted(PUBLISHED)


@pytest.mark.parametrize(("release", "ordering"), NUFIT_52_AND_53)
def test_best_values_and_ranges_are_the_published_ones(release, ordering):
    terms = nufit(release, ordering)
    for name, (best, one, three) in PUBLISHED[release, ordering].items():
        unit, digit = UNITS.get(name, 1.0), LAST_DIGIT[name]
        assert terms[name].best / unit == pytest.approx(best, abs=digit), name
        for level, expected in ((1.0, one), (9.0, three)):
            found = np.array(terms[name].interval(level)) / unit
            np.testing.assert_allclose(found, expected, atol=digit, rtol=0, err_msg=name)


@pytest.mark.shared
@pytest.mark.parametrize("release", PUBLISHED_LATER)
def test_profiles_of_later_releases_give_the_published_ranges(shared_data, release):
    tables = json.loads((shared_data / "nufit" / "nufit_1d_NO_releases_1.0-6.1.json").read_text())
    for name, (best, one, three) in PUBLISHED_LATER[release].items():
        table = tables["releases"][release]["profiles"][name]
        curve = tabulated_curve(table["x"], table["chi2"], period=360.0 if name == "DCP" else None)
        for found, expected in (
            ([curve.best % 360 if name == "DCP" else curve.best], [best]),
            (curve.interval(1.0), one),
            (curve.interval(9.0), three),
        ):
            values = 10 ** (np.array(found) + 5) if name == "DMS" else np.array(found)
            np.testing.assert_allclose(values, expected, atol=LAST_DIGIT[name], rtol=0, err_msg=name)


@pytest.mark.parametrize(("release", "ordering"), SECOND_OCTANT)
def test_the_second_octant_is_where_it_was_published(release, ordering):
    minimum, barrier = SECOND_OCTANT[release, ordering]
    curve = nufit(release, ordering)["s23^2"].curve
    for point, sign in ((minimum, 1.0), (barrier, -1.0)):
        if point is not None:
            grid = np.linspace(point[0] - 0.01, point[0] + 0.01, 20001)
            found = np.argmin(sign * curve(grid))
            assert grid[found] == pytest.approx(point[0], abs=1e-4)
            assert float(curve(grid[found])) == pytest.approx(point[1], abs=0.005)  # 3.36 is quoted to two decimals


@pytest.mark.parametrize(("release", "offset"), [("5.2", 6.356428), ("5.3", 9.117398), ("6.0", 6.1)])
def test_inverted_ordering_keeps_its_offset(release, offset):
    assert nufit(release, "NO").offset == 0.0
    assert nufit(release, "IO").offset == pytest.approx(offset, abs=1e-9)
    assert nufit(release, "IO").without_offset().offset == 0.0


@pytest.mark.parametrize(("release", "ordering"), [key for key in FIGURES if key[0] >= "6"])
def test_terms_from_figures_have_the_figures_as_limits(release, ordering):
    terms, table = nufit(release, ordering), figures(release, ordering)
    for name in FIGURES[release, ordering]:
        low, high = table.limits(name)
        pieces = terms[name].interval(1.0)
        assert pieces[0] == pytest.approx((low, high), rel=1e-4)  # drawn as a spline through 721 points
        assert terms[name].best == pytest.approx(table.rows[name]["best"], rel=1e-4)
    outer = terms["s23^2"].interval(9.0)
    assert outer[0] == pytest.approx(table.limits("s23^2", 3), abs=1e-4)
    assert terms["d/pi"].interval(9.0)[0] == pytest.approx(table.limits("d/pi", 3), abs=1e-3)


def test_figures_with_a_second_octant_have_it():
    curve = nufit("6.0", "NO")["s23^2"].curve
    assert float(curve(0.5510)) == pytest.approx(0.472, abs=1e-3)
    assert float(curve(0.5121)) == pytest.approx(2.466, abs=1e-3)
    assert curve.interval(1.0)[1] == pytest.approx((0.5388, 0.5608), abs=1e-4)


@pytest.mark.shared
@pytest.mark.parametrize(("release", "ordering"), NUFIT_52_AND_53)
def test_shipped_tables_are_those_of_the_release(shared_data, release, ordering):
    folder, stem = shared_data / "nufit", f"nufit{release.replace('.', '')}_{ordering}"
    shipped = shipped_release(release, ordering)
    assert len(shipped.tables) == (22 if release == "5.3" else 21)
    with np.load(folder / f"{stem}_1d.npz") as single:
        for column, table in single.items():
            ours = shipped.tables[(COLUMNS[column],)]
            np.testing.assert_array_equal(np.stack([ours.axes[0], ours.chi2], axis=1), table)
    compared = 0
    files = [f"{stem}_2d.npz"] + ([f"{stem}_3d.npz"] if release == "5.3" else [])
    for file in files:
        with np.load(folder / file) as arrays:
            for key in (key for key in arrays.files if "#" not in key):
                names = tuple(COLUMNS[column] for column in key.split("|"))
                compared += _compare(shipped, names, arrays[key])
    assert compared == (16 if release == "5.3" else 15)


def _compare(shipped, names, whole):
    """One table against its cut: the values within half a unit, and nothing below 50 left out."""
    ours = shipped.tables[names]
    places = [np.isin(shipped.tables[(name,)].axes[0], axis) for name, axis in zip(names, ours.axes, strict=True)]
    assert np.abs(whole[np.ix_(*places)] - ours.chi2).max() < 0.0021  # steps of 0.004, and single precision
    outside = np.ones(whole.shape, dtype=bool)
    outside[np.ix_(*places)] = False
    assert (whole[outside] - whole.min() > 50.0).all()
    return 1


@pytest.mark.parametrize(("release", "ordering"), NUFIT_52_AND_53)
def test_shipped_curves_are_those_through_the_shipped_tables(release, ordering):
    shipped = shipped_release(release, ordering)
    assert len(shipped.curves) == 6
    for column, curve in shipped.curves.items():
        through = curve_of(column, shipped.tables[(column,)])
        np.testing.assert_allclose(curve.as_rows(), through.as_rows(), rtol=1e-9, atol=1e-9)


def test_shipped_archives_are_written_the_same_byte_for_byte(tmp_path):
    spec = importlib.util.spec_from_file_location("make_nufit_tables", ROOT / "tools" / "make_nufit_tables.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    total = 0
    for release, ordering in tool.RELEASES:
        path = tool.TARGET / f"nufit{release}_{ordering}.npz"
        with np.load(path) as arrays:
            tool.write(tmp_path / path.name, dict(arrays))
            assert str(arrays["digest"]) == tool.RELEASES[release, ordering]
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        total += path.stat().st_size
    assert total < 2.2e6


def test_terms_print_themselves_and_judge_points():
    terms = nufit("5.3", "IO")
    assert isinstance(terms, ChiSquareTerms)
    assert "NuFIT 5.3 (2024), IO" in repr(terms)
    assert "offset=9.1174" in repr(terms)
    judged = terms.chi2({"s12^2": 0.3073, "m3l^2": -2.487e-3, "m1": 0.1} | {"r": -0.03})
    assert set(judged) == {"s12^2", "m3l^2"}
    assert max(judged.values()) < 0.01
    assert terms.digest.startswith("fc191600f2fb")
    with pytest.raises(UnknownName, match=r"no data on 's12'; did you mean .*'s12\^2'"):
        terms["s12"]


@pytest.mark.parametrize("arguments", [("4.1", "NO"), ("5.3", "auto"), ("6.1", "IO")])
def test_releases_that_are_not_shipped_are_refused_with_a_list(arguments):
    with pytest.raises(InvalidOption, match=r"5\.2, 5\.3, 6\.0 with NO and IO.*read_nufit"):
        nufit(*arguments)


def test_correlations_need_three_dimensional_tables():
    with pytest.raises(InvalidOption, match=r"no table of s23\^2 x m3l\^2 x delta.*read_nufit"):
        nufit("5.2", "NO", "full")
    with pytest.raises(InvalidOption, match="figures alone"):
        nufit("6.0", "NO", "full")
    with pytest.raises(InvalidOption, match="correlations 'all' does not exist"):
        nufit("5.3", "NO", "all")
