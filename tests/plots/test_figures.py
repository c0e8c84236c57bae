import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.special import chdtr

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.data.axes import Regular, Variable
from wilks.data.histogram import Histogram
from wilks.plots.bins import count_label, garwood, poisson_pulls
from wilks.plots.events import stacked
from wilks.plots.fits import correlation, data_model, pulls
from wilks.plots.scans import contour, scan, scan_map, threshold
from wilks.plots.toys import chi2_density, coverage_curve, spread, toy_distribution

EDGES = np.array([0.0, 1.0, 2.0, 3.0])
COUNTS = np.array([0.0, 5.0, 10.0])


def test_error_bars_of_counts_are_garwood_intervals():
    down, up = garwood(np.array([0.0, 1.0, 5.0, 10.0]))
    # Garwood 1936; roots to seven digits
    assert np.array([0, 1, 5, 10]) - down == pytest.approx([0.0, 0.1727475, 2.8402757, 6.8912521], abs=1e-6)
    assert np.array([0, 1, 5, 10]) + up == pytest.approx([1.8410548, 3.2995697, 8.3825392, 14.2670355], abs=1e-6)


@given(st.floats(0, 1e4), st.floats(1e-3, 1e4))
def test_pulls_have_the_sign_of_the_residual_and_vanish_with_it(count, mu):
    pull = poisson_pulls(np.array([count, mu]), np.array([mu, mu]))
    assert np.sign(pull[0]) in (np.sign(count - mu), 0.0)
    assert pull[1] == pytest.approx(0.0, abs=1e-5)  # square root of rounding, sqrt(1e4 * 2e-16) = 1e-6


def test_pulls_tend_to_the_gaussian_ones_and_handle_zeros():
    many = poisson_pulls(np.array([1.0e6 + 2.0e3]), np.array([1.0e6]))
    assert many == pytest.approx([2.0], rel=1e-3)  # next order of the expansion is (n - mu)/(6 mu) = 3e-4
    zeros = poisson_pulls(np.array([0.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0]))
    assert zeros[0] == -2.0
    assert zeros[1] == 0.0
    assert np.isnan(zeros[2])


def test_the_chi2_density_is_the_derivative_of_its_distribution():
    for dof in (1, 2, 7, 32):
        x, step = np.linspace(0.3, 60.0, 50), 1e-4
        slope = (chdtr(dof, x + step) - chdtr(dof, x - step)) / (2 * step)
        # finite differences: step^2/6 times the density's second derivative, at most 20 here, is 3e-8
        assert chi2_density(x, dof) == pytest.approx(slope, abs=1e-7)


def test_thresholds_are_those_of_the_tables():
    values = [threshold(level, dof) for dof in (1, 2) for level in (0.6827, 0.90, 0.9545)]
    assert values == pytest.approx([1.0000, 2.7055, 4.0000, 2.2958, 4.6052, 6.1801], abs=3e-4)  # levels to 4 digits


def test_a_scan_shows_its_nodes_and_marks_failed_ones(results):
    result = results["scan"]
    status = result.status.copy()
    status[4] = 6
    ax = scan(dataclasses.replace(result, status=status), levels=(0.6827,))
    curve, crosses = ax.lines[0], ax.lines[1]
    assert len(curve.get_xdata()) == len(result.delta) - 1
    assert crosses.get_xdata().tolist() == [result.grid[0][4]]
    assert "68.27 %, 1 dof" in [t.get_text() for t in ax.texts]
    with pytest.raises(InvalidOption, match="draw it with scan_map"):
        scan(results["scan_2d"])
    with pytest.raises(InvalidOption, match="draw it with scan"):
        scan_map(result)


def test_contours_print_their_degrees_of_freedom(results):
    one = results["contour"]
    two = dataclasses.replace(one, level=0.9545, threshold=6.1801)
    ax = contour([two, one], truth=(1.0, 1.0))
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["68.27 %, 2 dof", "95.45 %, 2 dof", "best fit", "truth", "on a bound"]
    with pytest.raises(InvalidOption, match="same two parameters"):
        contour([one, dataclasses.replace(one, names=("a", "b"))])
    with pytest.raises(InvalidOption, match="same two parameters"):
        contour([])


def test_contours_without_pieces_still_show_the_best_fit(results):
    ax = contour(dataclasses.replace(results["contour"], pieces=(), at_bound=()))
    assert "best fit" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_the_toy_distribution_is_a_density_and_shows_the_data(results):
    result = results["goodness"]
    ax = toy_distribution(result)
    heights, edges, _ = ax.patches[0].get_data()
    inside = np.mean((result.toys >= edges[0]) & (result.toys <= edges[-1]) & np.isfinite(result.toys)) * 400 / 399
    assert np.sum(heights * np.diff(edges)) == pytest.approx(inside, rel=1e-12)  # rounding only
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["399 toys", r"$\chi^2$ with 32 dof", "data: 38.64"]
    assert "toys p = 0.209" in ax.get_legend().get_title().get_text()


def test_a_coverage_curve_draws_counts_and_law(results):
    upper, lower = coverage_curve(results["coverage_curve"]).axes
    step, law = upper.lines[:2]
    assert np.array_equal(step.get_ydata(), results["coverage_curve"].fraction(step.get_xdata()))
    assert np.array_equal(law.get_ydata(), results["coverage_curve"].nominal(law.get_xdata()))
    assert "mu and s_b" in lower.get_xlabel()


def test_spread_draws_one_panel_per_parameter_into_given_axes(results):
    axes = Figure().subplots(1, 2)
    spread(results["toys"], axes=axes)
    assert [ax.get_xlabel() for ax in axes] == ["mu", "s_b"]
    failed = dataclasses.replace(results["toys"], status=np.full(300, 6, dtype=np.int8))
    with pytest.raises(InvalidOption, match="none of 300 fits has converged"):
        spread(failed)


def test_pulls_and_correlations_take_names(results):
    assert [t.get_text() for t in pulls(results["fit"], names=["gamma"]).get_yticklabels()] == ["gamma"]
    with pytest.raises(UnknownName, match="no pull of 'mu'"):
        pulls(results["fit"], names=["mu"])
    ax = correlation(results["fit"], names=["s_b", "mu"], labels={"mu": r"$\mu$"})
    assert [t.get_text() for t in ax.get_xticklabels()] == ["s_b", r"$\mu$"]
    assert sorted(t.get_text() for t in ax.texts) == ["-0.42", "-0.42", "1.00", "1.00"]
    with pytest.raises(UnknownName, match="no variance of 'mass'"):
        correlation(results["fit"], names=["mass"])
    with pytest.raises(InvalidOption, match="status failed"):
        correlation(results["failed_fit"])


def test_data_and_model_share_their_bins():
    components = {"background": np.array([1.0, 2.0, 3.0]), "signal": np.array([0.0, 1.0, 0.5])}
    figure = data_model(EDGES, COUNTS, COUNTS, components=components, quantity="energy", unit="keV")
    upper, lower = figure.axes
    assert upper.get_ylabel() == "events / 1 keV"
    assert lower.get_xlabel() == "energy [keV]"
    bottom, top = (patch.get_data() for patch in upper.patches[:2])
    assert bottom.values.tolist() == [1.0, 2.0, 3.0]
    assert top.values.tolist() == [1.0, 3.0, 3.5]
    assert lower.patches[-1].get_data().values == pytest.approx(poisson_pulls(COUNTS, top.values))
    with pytest.raises(InvalidOption, match="give 'postfit' or 'components'"):
        data_model(EDGES, COUNTS)


@pytest.fixture
def simulated():
    axis = Regular(3, 0.0, 3.0, name="m4l", unit="GeV")
    values = {"ZZ": np.array([1.0, 2.0, 4.0]), "Higgs": np.array([0.0, 3.0, 1.0])}
    return axis, {name: Histogram.from_weights(axis, v, 0.1 * v, label=name) for name, v in values.items()}


@pytest.mark.parametrize("panel", ["pull", "ratio", "none"])
def test_stacks_show_simulation_data_and_statistics(simulated, panel):
    axis, histograms = simulated
    figure = stacked(histograms, Histogram.from_counts(axis, COUNTS, label="2012"), panel=panel)
    assert len(figure.axes) == (1 if panel == "none" else 2)
    upper = figure.axes[0]
    assert [p.get_data().values.tolist() for p in upper.patches[:2]] == [[1.0, 2.0, 4.0], [1.0, 5.0, 5.0]]
    band = upper.patches[3].get_data()
    assert 0.5 * (band.values - band.baseline) == pytest.approx(np.sqrt(0.1 * np.array([1.0, 5.0, 5.0])))
    assert figure.axes[-1].get_xlabel() == "m4l [GeV]"
    assert "2012" in [t.get_text() for t in upper.get_legend().get_texts()]
    assert "statistics of the simulation" in [t.get_text() for t in upper.get_legend().get_texts()]


def test_stacks_refuse_what_does_not_fit(simulated):
    axis, histograms = simulated
    with pytest.raises(InvalidOption, match="choose one of pull, ratio, none"):
        stacked(histograms, panel="difference")
    with pytest.raises(InvalidOption, match="no histogram"):
        stacked({})
    other = Histogram.from_counts(Regular(4, 0.0, 3.0, name="m4l"), np.zeros(4))
    with pytest.raises(InvalidData, match="histogram 'data' has 4 bins"):
        stacked(histograms, other)
    assert len(stacked(histograms).axes) == 1
    assert axis.unit == "GeV"


def test_bins_of_unequal_width_are_counted_per_bin():
    assert count_label(Variable((0.0, 1.0, 3.0), name="x", unit="GeV").edges, "GeV") == "events / bin"
    assert count_label(EDGES) == "events / bin"
