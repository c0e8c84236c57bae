"""PROSPECT: the prediction against brute force, the likelihood's symmetries, toys, and the published minimum."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import j1

from tests.physics.oscillation.prospect_release import release, spectra, spectrum
from wilks._base.errors import InvalidOption
from wilks.inference.fitting import fit
from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.prospect import (
    CORE_RADIUS_M,
    SEGMENT_WIDTH_M,
    ProspectSpectra,
    fine_energies,
    loss_table,
)
from wilks.physics.oscillation.releases import prospect
from wilks.physics.oscillation.survival import ShortBaseline, ThreePlusOne, WavePackets

POINT = {"sin2_2theta_ee": 0.3, "dm2_41_eV2": 2.1}


@pytest.fixture(scope="module")
def likelihood() -> ProspectSpectra:
    return spectra()


@pytest.fixture(scope="module")
def study(shared_data: Path) -> Study:
    return prospect(shared_data / "oscillation" / "prospect")


@pytest.fixture(scope="module")
def held(shared_data: Path) -> Study:
    return prospect(shared_data / "oscillation" / "prospect", totals="observed")


def brute_force(mass: float) -> np.ndarray:
    """Share lost at full mixing: loops over segments, with the average over core and segment in closed form."""
    made, energies = release(), fine_energies()
    q = PHASE_PER_EV2_M_MEV * mass / energies
    disc = 2.0 * j1(2.0 * q * CORE_RADIUS_M) / (2.0 * q * CORE_RADIUS_M)
    box = np.sinc(q * SEGMENT_WIDTH_M / np.pi)
    lost, total = np.zeros((10, 16)), np.zeros((10, 16))
    for k, length in enumerate(made.length_m):
        rate = made.efficiency[k] / length**2
        sine2 = 0.5 * (1.0 - np.cos(2.0 * q * length) * disc * box)
        lost[made.baseline_bin[k]] += rate * made.response[k] @ (spectrum() * sine2).mean(axis=1)
        total[made.baseline_bin[k]] += rate * made.response[k] @ spectrum().mean(axis=1)
    return lost / total


def test_the_prediction_is_that_of_loops_over_segments(likelihood: ProspectSpectra) -> None:
    masses = np.array([0.2, 1.78, 12.0, 90.0])
    exact = np.stack([brute_force(m) for m in masses])
    assert loss_table(likelihood.oscillation, masses) == pytest.approx(exact, abs=1e-12)  # rounding of 1e4 terms


def test_the_prediction_is_linear_in_the_mixing_and_null_at_none(likelihood: ProspectSpectra) -> None:
    null, half, full = (np.asarray(likelihood.oscillation({**POINT, "sin2_2theta_ee": s})) for s in (0.0, 0.5, 1.0))
    assert null == pytest.approx(release().null)
    assert half == pytest.approx(0.5 * (null + full), rel=1e-13)


def test_size_and_shape_of_the_spectrum_drop_out(likelihood: ProspectSpectra) -> None:
    data = np.asarray(likelihood.expected(POINT))
    shaped = (data.reshape(10, 16) * np.linspace(0.7, 1.4, 16)).ravel()
    expected = float(likelihood.log_norm)
    assert float(likelihood.log_prob(POINT, jnp.asarray(data))) == pytest.approx(expected, abs=1e-9)
    assert float(likelihood.log_prob(POINT, jnp.asarray(shaped))) == pytest.approx(expected, abs=1e-9)


def test_the_density_is_normalised_on_counts_with_given_totals(likelihood: ProspectSpectra) -> None:
    """Differences with zero sum over baselines: the mean of chi2 over conditional draws is their dimension, 144."""
    apart = np.linalg.qr(np.eye(10)[:, :-1] - 0.1)[0]
    basis = np.kron(apart, np.eye(16))
    precision = basis.T @ np.linalg.solve(release().covariance, basis)
    expected = 0.5 * np.linalg.slogdet(precision)[1] - 72.0 * np.log(2 * np.pi)
    assert float(likelihood.log_norm) == pytest.approx(expected)


def test_toys_follow_the_covariance_or_poisson(likelihood: ProspectSpectra) -> None:
    keys = jax.random.split(jax.random.key(1), 3000)
    mean = np.asarray(likelihood.expected(POINT))
    gaussian = np.asarray(jax.vmap(lambda k: likelihood.simulate(k, POINT))(keys))
    z = (gaussian - mean) @ np.asarray(likelihood.whiten).T
    assert (z**2).sum(1).mean() == pytest.approx(160, abs=4.5 * np.sqrt(320 / 3000))  # chi-square of 160 numbers
    counting = spectra("poisson")
    toys = np.asarray(jax.vmap(lambda k: counting.simulate(k, POINT))(keys))
    variance = mean + np.asarray(counting.background)
    pulls = (toys - mean) / np.sqrt(variance)
    assert np.abs(pulls.mean(0)).max() < 4.5 / np.sqrt(3000)
    assert (pulls**2).mean() == pytest.approx(1.0, abs=4.5 * np.sqrt(2 / (160 * 3000)) + 0.01)  # kurtosis 1/mu


def test_held_totals_agree_with_own_ones_at_the_data_they_are_held_at(likelihood: ProspectSpectra) -> None:
    data = np.asarray(likelihood.simulate(jax.random.key(2), POINT))
    held = likelihood.at_totals(data)
    exact = -2.0 * float(likelihood.log_prob(POINT, jnp.asarray(data)) - likelihood.log_norm)
    assert 2.0 * float(held.excess(POINT, data)) == pytest.approx(exact, rel=1e-9)


def test_gradients_agree_with_finite_differences(likelihood: ProspectSpectra) -> None:
    data = likelihood.simulate(jax.random.key(3), POINT)

    @jax.jit
    def value(theta):
        return likelihood.log_prob(likelihood.space.unpack(theta), data)

    at, steps = np.array([0.3, 2.1]), (1e-5, 1e-5)
    slope = np.asarray(jax.grad(value)(jnp.asarray(at)))
    for i, step in enumerate(steps):
        shift = np.eye(2)[i] * step
        difference = float(value(at + shift) - value(at - shift)) / (2 * step)
        assert slope[i] == pytest.approx(difference, rel=1e-6, abs=1e-5)  # rounding of 1e-13 x value / step


def test_other_models_of_survival_take_the_place_of_3_plus_1() -> None:
    plain = np.asarray(spectra().oscillation(POINT))
    all_phases = np.asarray(spectra(survival=ThreePlusOne()).oscillation(POINT))
    assert all_phases == pytest.approx(plain, rel=1e-3)  # standard phases at 8 m are below 0.02
    wide = np.asarray(spectra(survival=WavePackets(ShortBaseline(), 1.0)).oscillation(POINT))
    assert wide == pytest.approx(plain, rel=1e-7)  # (L/L_coh)^2 of 1e-8
    narrow = np.asarray(spectra(survival=WavePackets(ShortBaseline(), 2.1e-4)).oscillation(POINT))
    assert np.abs(narrow / plain - 1).max() > 0.01


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="choose one of own, observed"):
        prospect(tmp_path, totals="mine")
    with pytest.raises(InvalidOption, match="choose one of gaussian, poisson"):
        prospect(tmp_path, draws="binomial")


@pytest.mark.shared
def test_fits_find_the_published_minimum(held: Study) -> None:
    # PROSPECT, arXiv:2006.11210: (0.11, 1.78); tolerances of the specification
    result = fit(held.likelihood, held.data, start={"sin2_2theta_ee": 0.11, "dm2_41_eV2": 1.74})
    assert result.theta[0] == pytest.approx(0.11, abs=0.02)
    assert result.theta[1] == pytest.approx(1.78, abs=0.15)
    chi2 = 2.0 * float(held.likelihood.excess(result.values, held.data))
    assert chi2 == pytest.approx(119.3, abs=1.0)  # best fit of the paper, 142 degrees of freedom


@pytest.mark.shared
def test_both_forms_give_toys_the_same_statistic(study: Study, held: Study) -> None:
    """T of 100 toys at s = 0 against the best of a coarse plane: own totals, and totals held at the observed ones."""
    masses, mixings = np.geomspace(0.3, 8.0, 12), np.linspace(0.0, 0.6, 13)
    loss = np.asarray(loss_table(study.likelihood.oscillation, masses))
    null = np.asarray(study.likelihood.oscillation.null)
    shares = np.stack([null * (1 - s * f) for f in loss for s in mixings])
    shares = shares / shares.sum(axis=1, keepdims=True)
    whiten = np.asarray(study.likelihood.whiten)
    totals = np.asarray(study.data).reshape(10, 16).sum(axis=0)
    at_null = {"sin2_2theta_ee": 0.0, "dm2_41_eV2": 1.0}
    keys = jax.random.split(jax.random.key(5), 100)
    noise = np.asarray(jax.vmap(lambda k: study.simulator.simulate(k, at_null))(keys))
    noise = noise - np.asarray(study.simulator.expected(at_null))

    def statistic(toys: np.ndarray, sums: np.ndarray) -> np.ndarray:
        means = shares[None] * sums[:, None, None, :]
        z = (toys[:, None] - means.reshape(len(toys), len(shares), -1)) @ whiten.T
        chi2 = (z**2).sum(axis=2)
        return chi2[:, 0] - chi2.min(axis=1)

    own = noise + np.asarray(study.simulator.expected(at_null))
    fixed = noise + (shares[0] * totals).ravel()
    exact = statistic(own, own.reshape(100, 10, 16).sum(axis=1))
    frozen = statistic(fixed, np.repeat(totals[None], 100, axis=0))
    # noise in the totals moves d, by a tenth of its size; the statistics keep their order and their mean
    assert np.corrcoef(exact, frozen)[0, 1] > 0.9
    assert exact.mean() == pytest.approx(frozen.mean(), rel=0.15)


def test_impossible_values_have_no_probability(likelihood: ProspectSpectra) -> None:
    data = np.asarray(likelihood.expected({"sin2_2theta_ee": 0.1, "dm2_41_eV2": 1.0}))
    log_prob = jax.jit(lambda s, m: likelihood.log_prob({"sin2_2theta_ee": s, "dm2_41_eV2": m}, data))
    assert np.isfinite(log_prob(1.0, 1.0))
    for s, dm2 in ((-0.1, 1.0), (1.1, 1.0), (0.1, -1.0), (np.nan, 1.0), (0.1, np.nan)):
        assert float(log_prob(s, dm2)) == -np.inf
