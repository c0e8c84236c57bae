"""Integrated reactor rates: figures, predictions, covariances, averages, fits and toys."""

from pathlib import Path

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.inference.fitting import fit
from wilks.inference.toys import toys
from wilks.likelihood.residuals import GaussianResiduals
from wilks.physics.oscillation import rate_table as table
from wilks.physics.oscillation.averaging import inverse_square_mean
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.flux import FluxModel, flux_model, huber_mueller, with_free_scales
from wilks.physics.oscillation.gallium import gallium
from wilks.physics.oscillation.join import join
from wilks.physics.oscillation.probability import four_neutrino_survival
from wilks.physics.oscillation.pulls import WithPulls, average_ratio
from wilks.physics.oscillation.rate_fluxes import yields
from wilks.physics.oscillation.rate_paths import RowPaths
from wilks.physics.oscillation.rates import FLUX_PARAMETERS, RatePrediction, reactor_rates
from wilks.physics.oscillation.readers.globesfit import FLUX_SUFFIXES
from wilks.physics.oscillation.survival import InvisibleDecay, ThreePlusOne, WavePackets

SCALES = dict.fromkeys(FLUX_PARAMETERS, 1.0)


@pytest.fixture(scope="module")
def rates() -> Study:
    return reactor_rates()


@pytest.fixture(scope="module")
def short() -> Study:
    return reactor_rates(blocks=("Bugey-4 and Rovno91", "Bugey-3", "Goesgen and ILL", "Nucifer"))


@pytest.fixture(scope="module")
def numbers(shared_data: Path) -> dict[str, np.ndarray]:
    path = shared_data / "oscillation" / "globesfit" / "numbers.npz"
    if not path.is_file():
        pytest.skip(f"the numbers of GLoBESfit are not at {path}")
    return dict(np.load(path, allow_pickle=False))


def prediction(study: Study) -> RatePrediction:
    assert isinstance(study.likelihood, GaussianResiduals)
    assert isinstance(study.likelihood.predictor, WithPulls)
    assert isinstance(study.likelihood.predictor.inner, RatePrediction)
    return study.likelihood.predictor.inner


def at(s: float, dm2: float, **others: float) -> dict[str, float]:
    return {"sin2_2theta_ee": s, "dm2_41_eV2": dm2, **SCALES, **others}


def chi2(study: Study, values: dict[str, float]) -> float:
    assert isinstance(study.likelihood, GaussianResiduals)
    return 2 * float(study.likelihood.excess(values, study.likelihood.prepare(study.data)))


@pytest.mark.shared
def test_figures_are_those_of_globesfit(numbers):
    rows = table.all_rows()
    for column, keys in enumerate((("Rexp", "DBdata", "RENOdata"), ("RexpSM", "DBdataSM", "RENOdataSM"))):
        expected = np.concatenate([numbers[key] for key in keys])
        np.testing.assert_array_equal([row.ratios[column] for row in rows], expected)
    hkss = np.concatenate([numbers[key] for key in ("RexpHKSS", "DBdataHKSS", "RENOdataHKSS")])
    np.testing.assert_array_equal([row.ratios[2] for row in rows], hkss)
    assert list(FLUX_SUFFIXES) == list(table.RATIO_COLUMNS)
    fractions = [numbers[f"DayaBay{k}"] for k in range(8)] + [numbers[f"RENO{k}"] for k in range(8)]
    np.testing.assert_array_equal([row.fractions for row in rows[24:]], fractions)


@pytest.mark.shared
def test_the_covariance_is_that_of_globesfit(numbers):
    covariance = table.covariance_of_ratios()
    for key, part in (
        ("cov_matrix", slice(0, 24)),
        ("cov_matrix_DB", slice(24, 32)),
        ("cov_matrix_RENO", slice(32, 40)),
    ):
        inverse = np.linalg.inv(covariance[part, part])
        # their inverse of the 24 rates is rounded to six digits
        np.testing.assert_allclose(inverse, numbers[key], rtol=0, atol=1e-5 * np.abs(numbers[key]).max())


@pytest.mark.shared
def test_the_two_fractions_of_double_chooz_are_kept_apart(numbers):
    assert table.ROWS[22].fractions == (0.520, 0.087, 0.333, 0.060)  # rates; arXiv:1703.00860
    np.testing.assert_array_equal(numbers["DCF"], [0.511, 0.087, 0.340, 0.062])  # spectra, under the same name


def test_without_a_sterile_neutrino_nothing_happens_at_short_baselines(short):
    np.testing.assert_allclose(prediction(short)(at(0.0, 1.0)), 1.0, rtol=1e-12)


def test_three_flavours_take_their_share_at_long_baselines(rates):
    predicted = np.asarray(prediction(rates)(at(0.0, 1.0)))
    assert 0.99 < predicted[22] < 0.997  # Double Chooz near
    assert 0.95 < predicted[23] < 0.97  # Chooz
    rest = np.delete(predicted, np.r_[21:40])
    np.testing.assert_allclose(rest, 1.0, rtol=1e-12)


def test_the_prediction_is_linear_in_mixing_at_short_baselines(short):
    zero, half, full = (np.asarray(prediction(short)(at(s, 1.3))) for s in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(half, 0.5 * (zero + full), rtol=1e-13)


def test_fast_oscillations_take_half_the_mixing(short):
    np.testing.assert_allclose(prediction(short)(at(0.4, 100.0)), 0.8, atol=1e-3)  # 1/phase of the nearest


def test_isotopes_add_up(rates):
    parts = prediction(rates).by_isotope(at(0.1, 0.5))
    scaled = prediction(rates)(at(0.1, 0.5, flux_U235=1.1))
    np.testing.assert_allclose(scaled, parts.sum(axis=1) + 0.1 * parts[:, 0], rtol=1e-12)


@pytest.mark.parametrize("dm2", [2e-3, 0.3, 1.7, 40.0])
def test_the_table_of_averages_is_the_sum_over_energies(rates, dm2):
    terms = ThreePlusOne().terms({"sin2_2theta_ee": 0.2, "dm2_41_eV2": dm2})
    for paths, _ in prediction(rates).groups:
        # the sum over 100 bins itself is known to 1e-3 of the mixing where oscillations are faster than bins
        np.testing.assert_allclose(paths.lost_in_table(terms), paths.lost_in_sum(terms), rtol=0, atol=3e-4)


def test_damped_models_are_summed(rates):
    free = np.asarray(prediction(rates)(at(0.2, 1.3)))
    packets = reactor_rates(survival=WavePackets(ThreePlusOne(), 1e6))
    damped = np.asarray(prediction(packets)(at(0.2, 1.3)))
    np.testing.assert_allclose(damped[21:], free[21:], rtol=0, atol=2e-4)  # sum and table
    np.testing.assert_allclose(damped[:21], free[:21], rtol=0, atol=1e-3)  # standard oscillations over 95 m
    decaying = reactor_rates(survival=InvisibleDecay(), blocks=("Bugey-3",))
    assert "m4_width_eV2" in decaying.likelihood.space
    slow = np.asarray(prediction(decaying)(at(0.2, 1.3, m4_width_eV2=0.0)))
    np.testing.assert_allclose(slow, free[2:5], rtol=0, atol=2e-4)


def test_narrow_lengths_give_the_point_formula_at_any_distance():
    energies = np.linspace(2.0, 2.2, 2001)
    flux, seen = np.ones((4, len(energies))), np.ones((1, len(energies)))
    for length in (750.0, 998.0):
        row = table.Row("one", (1.0, 0.0, 0.0, 0.0), (length,), (1.0,), 1e-4, (1.0, 1.0, 1.0), 0.1)
        paths = RowPaths.of([row], seen, energies, flux)
        values = {"sin2_2theta_ee": 0.3, "dm2_41_eV2": 0.02}
        standard = {"sin2_2theta13": 0.084, "dm2_32_eV2": 2.4511e-3, "sin2_2theta12": 0.854901, "dm2_21_eV2": 7.39e-5}
        point = four_neutrino_survival(length, energies, **values, **standard)
        averaged = 1.0 - paths.lost_in_sum(ThreePlusOne().terms(values))[0, 0]
        assert float(averaged) == pytest.approx(float(point.mean()), abs=1e-6)  # bins of 0.1 keV
    assert float(inverse_square_mean(0.3, 750.0 - 1e-6, 750.0 + 1e-6)) == pytest.approx(np.sin(225.0) ** 2, abs=1e-9)


def test_profiled_and_integrated_scales_give_the_same_chi2(rates):
    values = at(0.15, 0.8)
    parts = np.asarray(prediction(rates).by_isotope(values))
    data, weight = rates.data[:40], np.linalg.inv(table.covariance_of_ratios())
    flux = huber_mueller().covariance
    scales = 1.0 + np.linalg.solve(
        parts.T @ weight @ parts + np.linalg.inv(flux), parts.T @ weight @ (data - parts.sum(axis=1))
    )
    rest = data - parts.sum(axis=1)
    marginal = rest @ np.linalg.solve(table.covariance_of_ratios() + parts @ flux @ parts.T, rest)
    profiled = chi2(rates, {**values, **dict(zip(FLUX_PARAMETERS, scales.tolist(), strict=True))})
    assert profiled == pytest.approx(marginal, rel=1e-9)


def test_covariances_are_cut_before_they_are_inverted():
    study = reactor_rates(blocks=("Bugey-3", "Nucifer"))
    assert isinstance(study.likelihood, GaussianResiduals)
    whiten = study.likelihood.whiten
    assert whiten is not None
    covariance = np.linalg.inv(whiten.T @ whiten)
    expected = table.covariance_of_ratios()[np.ix_((2, 3, 4, 20), (2, 3, 4, 20))]
    np.testing.assert_allclose(covariance[:4, :4], expected, rtol=1e-9)
    np.testing.assert_allclose(covariance[4:, 4:], huber_mueller().covariance, rtol=1e-9)


def test_the_average_of_hm_is_the_published_deficit(rates):
    average = average_ratio(rates)
    assert average.ratio == pytest.approx(0.939, abs=0.005)  # arXiv:2110.06820, 2005.01756: 0.936 to 0.942
    assert 0.022 <= average.error <= 0.024  # the same
    assert average.points == 40
    assert "2.6 sigma below 1" in str(average)


def test_other_fluxes_shrink_the_deficit():
    ratios = {name: average_ratio(reactor_rates(name)).ratio for name in ("HM", "HKSS", "KI", "HKSS-KI", "EF")}
    assert ratios["HKSS"] < ratios["HM"] < ratios["HKSS-KI"] < ratios["KI"]
    assert ratios["EF"] > 0.97


def test_ratios_of_kopeikin_follow_from_yields():
    hm, ki = yields(huber_mueller()), yields(flux_model("KI"))
    fractions = np.array(table.ROWS[0].fractions)
    assert reactor_rates("KI").data[0] == pytest.approx(0.941 * (fractions @ hm) / (fractions @ ki), rel=1e-12)
    assert reactor_rates("KI").data[8] == pytest.approx(0.824 * 1.054, rel=1e-12)  # ILL burns U235 alone


def test_a_model_of_ones_own_scales_the_ratios_of_hm():
    base = huber_mueller()
    double = FluxModel(base.energies, 2 * base.spectra, base.uncertainty, base.correlation)
    np.testing.assert_allclose(reactor_rates(double).data[:40], 0.5 * reactor_rates().data[:40], rtol=1e-12)


def test_spectra_that_are_not_given_are_flagged():
    study = reactor_rates("EF", blocks=("ILL",)) if "ILL" in table.BLOCKS else reactor_rates("EF", blocks=("Nucifer",))
    assert "flux_shape_of_HM" in study.flags
    assert "flux_shape_of_HM" in str(study)
    assert study.data[0] == 1.115
    cut = FluxModel(np.array([2.0, 5.0]), np.ones((4, 2)), np.full(4, 0.02))
    assert "flux_extrapolated" in reactor_rates(cut, blocks=("Nucifer",)).flags


@pytest.mark.shared
def test_given_spectra_are_used(shared_data: Path):
    folder = shared_data / "oscillation" / "globesfit" / "fluxes"
    if not folder.is_dir():
        pytest.skip(f"the flux tables of GLoBESfit are not at {folder}")
    given = reactor_rates("EF", folder=folder, blocks=("Nucifer",))
    assert not given.flags
    borrowed = reactor_rates("EF", blocks=("Nucifer",))
    difference = prediction(given)(at(0.3, 1.0)) - prediction(borrowed)(at(0.3, 1.0))
    assert 1e-6 < float(abs(difference)[0]) < 1e-2  # another shape, another average


def test_free_scales_are_not_pulled():
    study = reactor_rates(with_free_scales(huber_mueller()))
    assert isinstance(study.likelihood, GaussianResiduals)
    assert isinstance(study.likelihood.predictor, WithPulls)
    assert study.likelihood.predictor.pulls == ("flux_U238", "flux_Pu241")
    assert len(study.data) == 42
    with pytest.raises(InvalidModel, match="flux_Pu239, flux_U235 is free"):
        average_ratio(study)


def test_mixing_angles_may_be_free_and_measured():
    study = reactor_rates(survival=ThreePlusOne(("sin2_2theta13",)), blocks=("Double Chooz",))
    assert study.data[-1] == 0.0851
    assert "sin2_2theta13" in study.likelihood.space.free
    low, high = (np.asarray(prediction(study)(at(0.0, 1.0, sin2_2theta13=x)))[0] for x in (0.02, 0.2))
    assert low > high
    none = reactor_rates(survival=ThreePlusOne(("sin2_2theta13",)), blocks=("Double Chooz",), constraints={})
    assert len(none.data) == len(study.data) - 1


def test_unknown_names_are_listed():
    with pytest.raises(UnknownName, match="Bugey-3"):
        reactor_rates(blocks=("Bugey3",))
    with pytest.raises(InvalidOption, match="choose one of HM"):
        reactor_rates("huber")
    with pytest.raises(InvalidModel, match="none twice"):
        reactor_rates(blocks=("Nucifer", "Nucifer"))
    with pytest.raises(InvalidModel, match="constraint of 'sin2_2theta12'"):
        reactor_rates(constraints={"sin2_2theta12": (0.85, 0.02)})


def test_events_say_what_may_not_be_used_twice(rates):
    assert {"DayaBay", "RENO", "DoubleChooz", "Bugey-3"} <= set(rates.events)


def test_impossible_values_have_no_probability(short):
    value = short.likelihood.log_prob(at(1.2, 1.0), short.likelihood.prepare(short.data))
    assert float(value) == -np.inf


def test_a_fit_of_expected_data_finds_the_truth(short):
    truth = at(0.3, 0.6)
    expected = short.likelihood.expected(truth)
    result = fit(short.likelihood, expected, start=at(0.2, 0.5))
    assert result.values["sin2_2theta_ee"] == pytest.approx(0.3, rel=1e-5)
    assert result.values["dm2_41_eV2"] == pytest.approx(0.6, rel=1e-5)


def test_toys_are_refitted(short):
    study = toys(jax.random.key(1), short.simulator, short.likelihood, at(0.3, 0.6), 20)
    assert study.failed == 0


def test_rates_and_gallium_join(short):
    both = join({"rates": short, "gallium": gallium(exposures=("SAGE-Cr",))})
    values = {**at(0.1, 1.0), "gallium_cross_section": 0.0}
    data = both.likelihood.prepare(both.data)
    assert np.isfinite(float(both.likelihood.log_prob(values, data)))
