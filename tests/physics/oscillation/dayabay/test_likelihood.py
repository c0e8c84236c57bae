"""The likelihood of the standard analysis: reference values, best fit, derivatives, conventions, joins."""

import equinox as eqx
import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName
from wilks.inference.fitting import fit
from wilks.likelihood.binned import CountsData
from wilks.physics.oscillation.closure import best_fit
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis, analysis_of
from wilks.physics.oscillation.dayabay.choices import Choices
from wilks.physics.oscillation.dayabay.constants import CHI2_AT_START, PUBLISHED
from wilks.physics.oscillation.dayabay.likelihood import sharing_programs
from wilks.physics.oscillation.join import join
from wilks.results.fits import FitResult

RELEASE_MODEL = {
    "start": CHI2_AT_START,
    "knots - 0.05": 686.8541485430341,
    "knots + 0.05": 738.0411031060087,
    "knots + 0.10": 787.7870402788651,
    "sin2_2theta13 = 0.09": 705.6152669138828,
}
"""chi2cnp with covariance of dayabay-model 1.7.1 at displaced parameters."""

RELEASE_FIT = {"sin2_2theta13": (0.0854238210, 0.0023246214), "dm2_32_eV2": (2.470832034e-3, 5.8993732e-5)}
"""Minimum of the same with iminuit 2.33 in 1,085 calls, errors by migrad."""


def displaced(analysis: DayaBayAnalysis, how: str) -> np.ndarray:
    theta = analysis.likelihood.space.starts.copy()
    if how.startswith("knots"):
        theta[2:] += float(how.removeprefix("knots").replace(" ", ""))
    if how.startswith("sin2"):
        theta[0] = 0.09
    return theta


@pytest.fixture(scope="module")
def best(standard: DayaBayAnalysis) -> FitResult:
    return fit(standard.likelihood, standard.data)


@pytest.mark.parametrize("how", RELEASE_MODEL)
def test_chi_square_is_that_of_the_release_model(standard, how):
    chi2 = eqx.filter_jit(standard.likelihood.chi2)
    values = standard.likelihood.space.unpack(displaced(standard, how))
    assert float(chi2(values, standard.data)) == pytest.approx(RELEASE_MODEL[how], rel=1e-7)  # asked for: 1e-6


def test_the_fit_ends_where_the_release_model_ends(best):
    for name, (value, error) in RELEASE_FIT.items():
        # migrad stops within 1e-2 of an error, and its errors are right to a per mille
        assert best.values[name] == pytest.approx(value, abs=1e-2 * error)
        assert best.errors[name] == pytest.approx(error, rel=2e-3)
    assert best.twice_nll == pytest.approx(557.976, abs=1e-2)


def test_the_fit_agrees_with_the_published_result(best):
    for name, (value, error) in PUBLISHED.items():
        assert abs(best.values[name] - value) < 0.2 * error
        assert best.errors[name] == pytest.approx(error, rel=0.05)


def test_the_gradient_is_the_slope(standard):
    likelihood, data = standard.likelihood, standard.data
    theta = displaced(standard, "knots + 0.05")
    value, gradient = eqx.filter_jit(lambda at: jax.value_and_grad(likelihood.excess)(at, data))(theta)
    excess = eqx.filter_jit(lambda at: likelihood.excess(at, data))
    assert float(value) == pytest.approx(float(excess(theta)), rel=1e-12)
    steps = np.concatenate([[1e-5, 1e-7], np.full(19, 1e-4)])
    for i in (0, 1, 2, 9, 20):
        step = steps[i] * np.eye(21)[i]
        slope = (float(excess(theta + step)) - float(excess(theta - step))) / (2 * steps[i])
        # rounding of values of 370 over steps, and third derivatives
        assert float(gradient[i]) == pytest.approx(slope, rel=1e-5, abs=1e-7 / steps[i])


def test_data_that_cannot_be_are_named(standard):
    counts = np.asarray(standard.data.counts)
    with pytest.raises(InvalidData, match="545 counts; expected 546, 26 for each of 21 spectra"):
        standard.likelihood.prepare(counts[1:])
    with pytest.raises(InvalidData, match=r"count -1\.0 in bin 1 of AD11 8AD"):
        standard.likelihood.prepare(np.where(np.arange(546) == 27, -1.0, counts))
    with pytest.raises(UnknownName, match="no auxiliary measurement of 'eres'"):
        standard.likelihood.prepare({"counts": counts, "auxiliary": {"eres": 1.0}})


def test_the_closure_finds_the_same_best_fit(standard, best):
    values, errors = best_fit(standard.likelihood, standard.data)
    for name in RELEASE_FIT:
        assert values[name] == pytest.approx(best.values[name], abs=1e-3 * best.errors[name])  # both stop that close
        assert errors[name] == pytest.approx(best.errors[name], rel=1e-3)


def test_likelihoods_that_share_programs_judge_alike(standard):
    space = standard.likelihood.space
    for statistic, moving in (("cnp", "moving"), ("unbiased", "kept")):
        own = standard.judged_by(statistic, moving).likelihood
        shared = sharing_programs(own, standard.likelihood.root.shape[1] + 5)
        values = space.unpack(displaced(standard, "knots + 0.05"))
        found = float(shared.log_prob(values, standard.data))
        assert found == pytest.approx(float(own.log_prob(values, standard.data)), rel=1e-10)  # rounding
        assert shared.statistic == "mixed"
    with pytest.raises(InvalidOption, match="poisson knows no covariance"):
        standard.judged_by("poisson")


def test_unphysical_counts_have_no_probability(standard):
    theta = displaced(standard, "start")
    theta[2:] = -1e3  # spectra vanish, backgrounds stay: finite; energies beyond: infinite
    value = float(eqx.filter_jit(standard.likelihood.excess)(theta, standard.data))
    assert np.isfinite(value)
    theta[2:] = 1e3
    assert float(eqx.filter_jit(standard.likelihood.excess)(theta, standard.data)) == np.inf


def test_conventions_and_a_covariance_from_elsewhere_are_flagged(standard, best):
    flags = standard.likelihood.flags_at(best.values, standard.data)
    assert "errors of Li/He" in flags["background_sigma_release"]
    assert "updated_at" in flags["covariance_far_from_fit"]
    start = standard.likelihood.space.unpack(standard.likelihood.space.starts)
    assert set(standard.likelihood.flags_at(start, standard.data)) == {"background_sigma_release"}


def test_a_moving_variance_is_flagged_where_it_biases(release, standard):
    moving = eqx.tree_at(lambda x: x.root, standard.likelihood, standard.likelihood.root)
    moving = type(moving)(**{**vars(moving), "statistic": "cnp"})
    theta = displaced(standard, "knots + 0.05")
    flags = moving.flags_at(moving.space.unpack(theta), standard.data)
    assert "exceed the observed ones by 10" in flags["expected_counts_too_large"]
    kept = standard.likelihood.flags_at(moving.space.unpack(theta), standard.data)
    assert "expected_counts_too_large" not in kept


def test_the_convention_of_background_errors_is_named():
    assert set(Choices().flags()) == {"background_sigma_release"}
    assert set(Choices(background_sigma="physical").flags()) == {"background_sigma_physical"}
    assert not Choices(groups={"background_rate": "fixed"}).flags()


def test_choices_that_do_not_go_together_are_refused():
    with pytest.raises(InvalidOption, match="knows no covariance"):
        Choices(statistic="poisson")
    with pytest.raises(InvalidOption, match="ordering 0"):
        Choices(ordering=0)
    with pytest.raises(InvalidOption, match="choose one of kept, moving"):
        Choices(variance="still")
    assert Choices(nuisances="pull").cost == "cnp"
    assert Choices().cost == "cnp_kept"


def test_pulled_solar_parameters_are_measured_once(near_and_far):
    study = near_and_far.study()
    with pytest.raises(InvalidModel, match="both hold an auxiliary measurement of 'dm2_21_eV2'"):
        join({"a": study, "b": study})


def test_pulls_and_covariance_agree_where_counts_are_linear(release):
    """Spent fuel is linear: its pulls, profiled in closed form, give the chi-square of its covariance."""
    fixed = {"detectors": ("AD12", "AD31"), "nuisances": "fixed", "statistic": "neyman"}
    inside, pulled = (analysis_of(release, Choices(**fixed, groups={"snf": t})) for t in ("covariance", "pull"))
    counts, rows = np.asarray(inside.data.counts), inside.systematics.columns["snf"]
    weighted = rows / counts
    pulls = np.linalg.solve(np.eye(6) + weighted @ rows.T, weighted @ (counts - inside.systematics.mean))
    theta = np.concatenate([inside.likelihood.space.starts, pulls])
    profiled = float(pulled.likelihood.chi2(pulled.likelihood.space.unpack(theta), pulled.data))
    start = inside.likelihood.space.unpack(inside.likelihood.space.starts)
    assert float(inside.likelihood.chi2(start, inside.data)) == pytest.approx(profiled, rel=1e-9)  # rounding


def test_a_subset_of_detectors_and_sums_over_periods_keep_their_counts(near_and_far, release, standard):
    assert near_and_far.likelihood.spectra == tuple(f"{d} {p}" for d in ("AD12", "AD31") for p in ("6AD", "8AD", "7AD"))
    rows = [i for i, name in enumerate(standard.likelihood.spectra) if name in near_and_far.likelihood.spectra]
    whole = np.asarray(standard.data.counts).reshape(21, 26)[rows]
    np.testing.assert_array_equal(np.asarray(near_and_far.data.counts).reshape(6, 26), whole)
    mean = np.asarray(standard.systematics.mean).reshape(21, 26)[rows]
    np.testing.assert_allclose(near_and_far.systematics.mean.reshape(6, 26), mean, rtol=1e-12)  # rounding
    summed = analysis_of(release, Choices(concatenation="detector", nuisances="fixed"))
    assert isinstance(summed.data, CountsData)
    assert np.asarray(summed.data.counts).shape == (8 * 26,)
    by_detector = np.asarray(standard.data.counts).reshape(21, 26)[:2].sum(axis=0)
    np.testing.assert_array_equal(np.asarray(summed.data.counts)[:26], by_detector)
