"""Feldman-Cousins regions: exact against brute force, covering, the same for any number of workers."""

import functools

import jax
import numpy as np
import pytest

from tests.likelihood import signal_models as models
from wilks._base.errors import InvalidOption
from wilks.inference import signal_planes
from wilks.inference.belts import toy_ratios
from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.contours import contour
from wilks.inference.probabilities import threshold
from wilks.inference.profiles import profile
from wilks.inference.regions import SignalToys, observed_ratios, thrown_at
from wilks.inference.signal_planes import SignalPlane
from wilks.inference.toy_maps import critical_value, drawer
from wilks.likelihood.signal_grids import SignalGrid
from wilks.likelihood.tabulation import tabulate

GRID = SignalGrid.logarithmic(models.PLANE, (1e-2, 0.3, 12), (0.1, 1.2, 60))
CASES = {
    "linear": (models.spectra, "linear"),
    "rational": (models.ratios, "rational"),
    "grid": (models.spectra, "grid"),
    "shared nuisance": (lambda: models.scaled("background"), "linear"),
    "nuisance of the signal": (lambda: models.scaled("norm"), "grid"),
}


@functools.cache
def signal(name):
    make, form = CASES[name]
    return tabulate(make(), GRID, form=form)


@functools.cache
def plane(name):
    return SignalPlane(signal(name))


@functools.cache
def data():
    return np.asarray(models.spectra().simulate(jax.random.key(3), {"s": 0.1, "m": 0.8}))


def some_points(found, amplitudes=(0.0, 0.02, 0.1, 0.3), shapes=(0, 20, 41, 59)):
    axes = np.meshgrid(np.array(amplitudes), GRID.shapes[list(shapes)], indexing="ij")
    return found.at(*(axis.ravel() for axis in axes))


@pytest.mark.parametrize("name", CASES)
def test_fast_ratios_equal_those_of_each_toy_by_itself(name):
    found = plane(name)
    # a shift of the data moves the nuisances at which toys are thrown, where these act on the signal
    shift = found.vectors(
        jax.tree.map(np.asarray, signal(name).expected({"s": 0.2, "m": 0.7, **_nuisances(name, 0.03)}))
    )
    tested = thrown_at(some_points(found), shift[0])
    noise = np.random.default_rng(1).normal(size=(12, tested.means.shape[1]))
    fast = toy_ratios(found.candidates, tested, noise)
    points = some_points(found)
    for t in range(len(points.means)):
        x = tested.means[t] + noise
        own = found.chi2(points.some(np.array([t])), x)[:, 0]
        slow = own - np.minimum(own, found.lowest(x).chi2)
        # single precision: noise and distances of a few hundred sigma, right to 1e-6 of them
        np.testing.assert_allclose(fast[t], slow, atol=5e-4)
    assert (fast >= 0).all()


def _nuisances(name, value):
    return dict.fromkeys(signal(name).space.names[2:], value)


@pytest.mark.parametrize("name", CASES)
def test_closed_forms_equal_a_scan_of_the_likelihood_by_fits(name):
    likelihood, form = CASES[name][0](), signal(name)
    truth = {"s": 0.1, "m": float(GRID.shapes[44]), **_nuisances(name, 0.01)}
    observed = likelihood.prepare(jax.tree.map(np.asarray, likelihood.simulate(jax.random.key(5), truth)))
    found = plane(name)
    points = found.at(np.array([0.05, 0.2]), GRID.shapes[[10, 44]])
    chi2 = found.chi2(points, found.vectors(observed))[0]
    space = form.space.replace("s", fixed=False)
    nodes = ([0.05, 0.2], [float(GRID.shapes[10]), float(GRID.shapes[44])])
    scan = profile(form, observed, models.PLANE, nodes, space=space)
    delta = np.array([scan.delta[0, 0], scan.delta[1, 1]])
    # the fit of a nuisance stops at an expected distance of 1e-8
    np.testing.assert_allclose(np.diff(chi2), np.diff(delta), atol=1e-5)
    exact = (
        [float(likelihood.excess({**truth, "s": 0.05, "m": nodes[1][0]}, observed))]
        if name in ("linear", "grid")
        else []
    )
    if exact:
        total = 2 * exact[0]
        assert chi2[0] == pytest.approx(total, rel=1e-9)  # whitened in another order


@pytest.mark.parametrize("name", ["linear", "grid", "nuisance of the signal"])
def test_critical_values_cover(name):
    """At 20 points the share of new toys below their critical value is the level, within binomial error."""
    found = plane(name)
    tested = some_points(found, (0.015, 0.05, 0.1, 0.2, 0.3), (2, 20, 40, 55))
    toys = SignalToys(found.candidates, tested)
    n = 2000
    calibrated, fresh = (drawer(toys, {"task": "test"}, ByToys(seed, n))(np.arange(20), 0, n) for seed in (1, 2))
    for one, other in zip(calibrated, fresh, strict=True):
        critical, _ = critical_value(one.astype(float), 0.9)
        # both sets have binomial errors; four standard deviations for 60 comparisons
        assert np.mean(other <= critical) == pytest.approx(0.9, abs=4 * np.sqrt(2 * 0.09 / n))


def test_a_region_is_the_same_for_any_number_of_workers():
    def region(executor):
        toys = ByToys(7, 1200, executor=executor)
        return contour(signal("linear"), data(), models.PLANE, level=0.9, method="feldman-cousins", calibration=toys)

    one, two = region(None), region(2)
    for field in ("t", "critical", "p_value", "toys"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
    assert one.toys.min() == 500
    assert one.toys.max() == 1200
    assert one.inside.any()
    assert "open_region" not in one.flags
    assert np.all((one.p_lower <= one.p_value + 1e-3) & (one.p_value - 1e-3 <= one.p_upper))
    # far from all bounds the asymptotic threshold holds
    node = np.unravel_index(np.argmin(one.t), one.t.shape)
    assert one.critical[node] == pytest.approx(threshold(0.9, 2), abs=0.6)


def test_all_toys_are_thrown_everywhere_on_request():
    def region(everywhere):
        toys = ByToys(7, 700, everywhere=everywhere)
        return contour(signal("linear"), data(), models.PLANE, level=0.9, method="feldman-cousins", calibration=toys)

    one, two = region(everywhere=False), region(everywhere=True)
    assert (two.toys == 700).all()
    assert "700 toys at each node" in two.how
    more = one.toys == 700
    assert 0 < more.sum() < more.size
    np.testing.assert_array_equal(one.critical[more], two.critical[more])  # the same toys
    np.testing.assert_array_equal(one.inside, two.inside)  # the others were decided by five hundred


@pytest.mark.parametrize(("most", "flagged"), [(16, True), (400, False)])
def test_the_worst_chords_are_halved_first(monkeypatch, most, flagged):
    monkeypatch.setattr(signal_planes, "_MOST_CHORDS", most)
    found = SignalPlane(signal("rational"))
    points, ends, steps = found.candidates
    assert ends is not None
    assert steps is not None
    assert len(points.shapes) <= most * len(GRID.shapes)
    middles = found.at(0.5 * (points.amplitudes + ends), points.shapes).means
    distance = np.linalg.norm(middles - points.means - 0.5 * steps, axis=1)
    assert ("coarse_chords" in found.flags) == flagged == (distance.max() > 0.04)
    assert distance.max() < 4 * np.median(distance)  # a half lies a quarter as far from its curve
    for shape in (GRID.shapes[0], GRID.shapes[-1]):  # nothing of [0, 1] is left out
        own = points.shapes == shape
        assert points.amplitudes[own].min() == 0.0
        np.testing.assert_array_equal(points.amplitudes[own][1:], ends[own][:-1])
        assert ends[own].max() == 1.0


def test_the_general_path_agrees_with_the_closed_form():
    nodes = (np.array([0.03, 0.1]), GRID.shapes[[30, 44]])
    toys = ByToys(2, 200)
    slow = contour(
        models.spectra(), data(), models.PLANE, level=0.9, method="feldman-cousins", calibration=toys, grid=nodes
    )
    fast = contour(
        signal("linear"), data(), models.PLANE, level=0.9, method="feldman-cousins", calibration=toys, grid=nodes
    )
    # both against their own best fit: the tabulated one tries 60 shapes
    np.testing.assert_allclose(slow.t, fast.t, atol=0.5)
    # the general path searches few places of the plane, so its toys may miss their best fits
    assert np.all(slow.critical <= fast.critical + 3 * np.hypot(slow.critical_error, fast.critical_error))
    assert (slow.critical > 2.0).all()


def test_more_nodes_leave_the_region_where_it_is():
    def extent(shapes):
        form = tabulate(models.spectra(), SignalGrid.logarithmic(models.PLANE, (1e-2, 0.3, 12), (0.3, 1.2, shapes)))
        found = contour(form, data(), models.PLANE, level=0.9, method="feldman-cousins", calibration=ByToys(3, 2000))
        (piece,) = found.pieces
        return piece.min(axis=0), piece.max(axis=0), found

    (low, high, fine), (coarse_low, coarse_high, _) = extent(81), extent(41)
    # an error of the critical value moves the edge by its share of the half width: T is close to a parabola
    share = float(np.median(fine.critical_error[fine.inside])) / (2 * threshold(0.9, 2))
    allowed = np.maximum(3 * share, 0.08) * (high - low)
    np.testing.assert_array_less(np.abs(coarse_low - low), allowed)
    np.testing.assert_array_less(np.abs(coarse_high - high), allowed)


def test_the_asymptotic_curve_of_a_signal_comes_from_its_plane():
    grid = SignalGrid.logarithmic(models.PLANE, (1e-2, 0.3, 60), (0.3, 1.2, 60))
    fine = tabulate(models.spectra(), grid)
    (piece,) = contour(fine, data(), models.PLANE, level=0.9).pieces
    on_shapes = piece[np.isclose(piece[:, 1][:, None], grid.shapes[None], rtol=1e-9).any(axis=1)]
    found = SignalPlane(fine)
    t, _ = observed_ratios(found, found.at(on_shapes[:, 0], on_shapes[:, 1]), found.vectors(data())[0])
    # the root of t is close to a straight line between nodes a factor of 1.06 apart
    np.testing.assert_allclose(t, threshold(0.9, 2), rtol=0.02)


def test_flags_and_refusals():
    coarse = SignalGrid(models.PLANE, GRID.amplitudes, GRID.shapes, phase_step=0.5)
    form = tabulate(models.spectra(), coarse)
    few = ByToys(1, 8)
    weak = np.asarray(models.spectra().expected({"s": 0.0, "m": 1.0}))
    found = contour(form, weak, models.PLANE, level=0.9, method="feldman-cousins", calibration=few)
    assert {"grid_too_coarse", "at_bound", "open_region", "too_few_toys"} <= set(found.flags)
    assert np.isinf(found.critical).all()
    assert found.inside.all()
    worse = tabulate(models.spectra(), SignalGrid(models.PLANE, GRID.amplitudes, GRID.shapes, phase_step=0.8))
    with pytest.raises(InvalidOption, match="pi/4"):
        contour(worse, weak, models.PLANE, method="feldman-cousins", calibration=few)
    with pytest.raises(InvalidOption, match="calibrated by toys"):
        contour(form, weak, models.PLANE, method="feldman-cousins", calibration=Asymptotic())
    with pytest.raises(InvalidOption, match="tabulated in s, m, not in m, s"):
        contour(form, weak, ("m", "s"), method="feldman-cousins", calibration=few)
    edge = np.asarray(models.spectra().expected({"s": 0.3, "m": float(GRID.shapes[-1])}))
    assert "minimum_at_grid_edge" in contour(form, edge, models.PLANE).flags


def test_critical_values_are_order_statistics():
    toys = np.arange(1.0, 100.0)
    assert critical_value(toys, 0.9)[0] == 90.0  # (1 + 10)/(1 + 99) > 0.1, (1 + 9)/(1 + 99) is not
    assert critical_value(toys[:8], 0.9) == (np.inf, np.inf)
