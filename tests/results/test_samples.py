"""Samples, predictions, and the numbers taken from draws: densities, regions, autocorrelation."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wilks._base.errors import InvalidOption, UnknownName
from wilks.results.chains import autocorrelation, autocorrelation_time
from wilks.results.densities import density, density_2d, heights, highest_density, mode, shortest_interval


def autoregressive(rho, chains=8, draws=5000):
    """Chains x' = rho x + noise, whose autocorrelation at lag t is rho^t."""
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(chains, draws)) * math.sqrt(1 - rho**2)
    series = np.empty((chains, draws))
    series[:, 0] = rng.normal(size=chains)
    for i in range(1, draws):
        series[:, i] = rho * series[:, i - 1] + noise[:, i]
    return series


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_autocorrelation_time_is_that_of_the_closed_form(rho):
    series = autoregressive(rho)
    assert autocorrelation_time(series) == pytest.approx((1 + rho) / (1 - rho), rel=0.15)  # error sqrt(20 tau/n)
    assert autocorrelation(series)[:4] == pytest.approx(rho ** np.arange(4), abs=0.05)


def test_chains_that_sit_apart_are_as_correlated_as_chains_that_stand_still():
    apart = autoregressive(0.0) + 10.0 * np.arange(8)[:, None]
    assert autocorrelation_time(apart) > 500
    assert autocorrelation_time(np.full((4, 100), 1e5 / 3)) == math.inf
    assert math.isnan(autocorrelation_time(np.zeros((4, 1))))


def test_densities_are_normalised_and_those_of_their_draws():
    values = np.random.default_rng(1).normal(size=40_000)
    grid, height = density(values)
    assert np.sum(height) * (grid[1] - grid[0]) == pytest.approx(1.0, rel=1e-12)  # rounding
    assert np.abs(height - stats.norm.pdf(grid)).max() < 0.015  # noise of sqrt(0.4/(2 sqrt(pi) n h)) = 0.006
    x, y, both = density_2d(values[:20_000], values[20_000:])
    assert both.sum() * (x[1] - x[0]) * (y[1] - y[0]) == pytest.approx(1.0, rel=1e-12)
    assert both.max() == pytest.approx(1 / (2 * np.pi), rel=0.1)


def test_a_density_stays_high_at_a_bound():
    values = np.random.default_rng(1).exponential(size=40_000)
    _, reflected = density(values, (0.0, np.inf))
    _, spilled = density(values)
    assert reflected[0] == pytest.approx(1.0, abs=0.1)  # flattened by 0.8 bandwidths, of 0.06
    assert spilled.max() < 0.95


def test_regions_of_highest_density_are_those_of_the_normal_law():
    values = np.random.default_rng(3).normal(size=40_000)
    ((low, high),) = highest_density(values, 0.9)
    assert (low, high) == pytest.approx((-1.6449, 1.6449), abs=0.06)  # the flat top makes the ends loose
    assert mode(values) == pytest.approx(0.0, abs=0.15)
    edge_68, edge_95 = heights(np.interp(values, *density(values)), (0.6827, 0.9545))
    assert edge_68 == pytest.approx(stats.norm.pdf(1.0), abs=0.01)
    assert edge_95 == pytest.approx(stats.norm.pdf(2.0), abs=0.005)


def test_a_deep_gap_splits_a_region_and_noise_does_not():
    rng = np.random.default_rng(3)
    two = np.concatenate([rng.normal(-5, 1, 6000), rng.normal(5, 1, 4000)])
    pieces = highest_density(two, 0.9)
    assert len(pieces) == 2
    inside = sum(np.mean((two >= a) & (two <= b)) for a, b in pieces)
    assert inside == pytest.approx(0.9, abs=0.01)
    assert len(highest_density(rng.uniform(size=500), 0.6827, (0.0, 1.0))) == 1
    assert highest_density(np.full(10, 2.0), 0.9) == ((2.0, 2.0),)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_the_shortest_interval_holds_its_part_and_no_shorter_one_does(values, level):
    array = np.array(values)
    low, high = shortest_interval(array, level)
    needed = math.ceil(level * len(array))
    assert np.sum((array >= low) & (array <= high)) >= needed
    ordered = np.sort(array)
    widths = [ordered[i + needed - 1] - ordered[i] for i in range(len(array) - needed + 1)]
    assert high - low == pytest.approx(min(widths), abs=1e-12)


def test_samples_give_their_numbers_by_name(family):
    samples = family["samples"]()
    assert samples.free == ("mu", "s_b")
    assert len(samples) == 160
    assert samples.values("mu").shape == (160,)
    assert np.array_equal(samples.chains("mu").ravel(), samples.values("mu"))
    assert samples.mean("mass") == 125.0
    assert samples.bounds("s_b") == (0.1, 10.0)
    assert samples.equal_tailed("mu", 0.5) == pytest.approx(tuple(np.quantile(samples.values("mu"), [0.25, 0.75])))
    assert samples.quantiles("mu", (0.5,)) == (samples.median("mu"),)
    assert samples.covariance[0, 0] == pytest.approx(samples.std("mu") ** 2, rel=0.01)  # n and n - 1
    assert samples.covariance[2, 2] == 0.0
    assert samples.log_likelihood[0, 0] == samples.log_prob[0, 0] + 0.25
    assert samples.effective("mu") == 151.0
    assert samples.effective("mass") == 160.0
    with pytest.raises(UnknownName, match="no draws of 'm'; did you mean 'mu'"):
        samples.values("m")
    with pytest.raises(InvalidOption, match=r"level 68\.0 must lie between 0 and 1"):
        samples.highest_density("mu", 68.0)


def test_thinning_keeps_every_so_many_draws(family):
    samples = family["samples"]()
    thinned = samples.thin(7)
    assert np.array_equal(thinned.draws, samples.draws[:, 6:77:7])
    assert thinned.log_prob.shape == thinned.log_prior.shape == (2, 11)
    assert thinned.spacing == 70
    for every in (0, 81):
        with pytest.raises(InvalidOption, match=f"every {every} leaves no draw; choose 1 to 80"):
            samples.thin(every)


def test_tables_have_one_row_per_draw(family):
    pytest.importorskip("pandas", reason="pandas comes with wilks[io]")
    samples, predictions = family["samples"](), family["predictions"]()
    table = samples.to_dataframe()
    assert list(table.columns) == ["chain", "draw", "mu", "s_b", "mass", "log_prob"]
    assert table["mu"][85] == samples.draws[1, 5, 0]
    assert (table["chain"][85], table["draw"][85]) == (1, 5)
    assert list(predictions.to_dataframe().columns) == ["mu", "s_b", "mass", "m12^2", "d/pi", "log_prob"]


def test_samples_become_a_tree_of_arviz(family):
    pytest.importorskip("arviz_base", reason="arviz-base comes with wilks[sampling]")
    samples = family["samples"]()
    tree = samples.to_arviz()
    assert np.array_equal(tree["posterior"]["mu"].values, samples.chains("mu"))
    assert np.array_equal(tree["sample_stats"]["lp"].values, samples.log_prob)
    assert "mass" not in tree["posterior"]


def test_predictions_are_found_by_name_and_know_where_they_are_undefined(family):
    predictions = family["predictions"]()
    assert np.array_equal(predictions["m12^2"], predictions["mu"] ** 2)
    assert predictions.undefined("d/pi") == np.sum(predictions["s_b"] <= 1.0)
    lower, upper = predictions.band(0.5)
    assert lower[0] == pytest.approx(np.quantile(predictions["m12^2"], 0.25))
    assert (upper > lower).all()
    assert lower[1] > 1.0  # quantiles of the defined draws alone
    with pytest.raises(UnknownName, match="no prediction of 'm12'; did you mean 'm12"):
        predictions["m12"]
    with pytest.raises(InvalidOption, match=r"level 1\.0 must lie between 0 and 1"):
        predictions.band(1.0)


def test_the_band_of_a_fit_is_its_error(family):
    of_fit = dataclasses.replace(family["predictions"](), of_fit=True)
    lower, upper = of_fit.band(0.9544997361036416)  # two standard deviations
    assert upper - of_fit.central == pytest.approx(2 * of_fit.error, rel=1e-9)
    assert of_fit.central - lower == pytest.approx(2 * of_fit.error, rel=1e-9)
