"""Halls of Daya Bay and NEOS of 2016: closed-form factors per bin, averages over bins, toys and fits."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.inference.fitting import fit
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.halls import HallCounts, NeosRatio, exposures, fine_energies, joining
from wilks.physics.oscillation.readers.dayabay_neos_2016 import HallSpectra, NeosSpectra
from wilks.physics.oscillation.releases import halls, neos_2016
from wilks.physics.oscillation.survival import ShortBaseline, ThreePlusOne

POINT = {"sin2_2theta_ee": 0.05, "dm2_41_eV2": 0.3}


def made_halls(*, free_norms: bool = False) -> HallCounts:
    """Spectra in five bins with a perfect response."""
    edges = np.array([0.7, 2.0, 3.0, 4.0, 5.0, 7.0])
    background = np.full((3, 5), 50.0)
    spectra = HallSpectra(Path("made-up"), "", edges, np.full((3, 5), 2e4), background, np.eye(240))
    energies = fine_energies()
    shape = np.clip(energies - 1.8, 0.0, None) ** 2 * np.exp(-0.8 * energies)
    return HallCounts.of(spectra, ThreePlusOne(), np.tile(shape, (4, 1)), free_norms=free_norms)


def test_exposures_follow_the_published_table() -> None:
    # candidates of arXiv:1610.04802 scale with exposure and flux: EH3 sees 2.26 times the target days of EH1
    assert exposures() / exposures()[0] == pytest.approx([1.0, 0.949, 2.262], abs=1e-3)


def test_fine_bins_belong_where_their_centre_lies() -> None:
    matrix = joining(np.array([0.7, 1.3, 1.5]))
    assert matrix.sum(axis=1).tolist() == [12.0, 4.0]
    assert matrix.sum(axis=0).max() == 1.0


def test_factors_per_bin_are_common_and_reproduce_the_sum_of_halls() -> None:
    likelihood = made_halls()
    counts = jnp.asarray(np.random.default_rng(1).poisson(2e4, (3, 5)).astype(float))
    mu = likelihood.expected_counts(POINT, counts)
    assert np.asarray(mu.sum(0)) == pytest.approx(np.asarray(counts.sum(0)), rel=1e-12)
    factors = np.asarray((mu - likelihood.background) / likelihood.shapes(POINT))
    assert factors == pytest.approx(np.tile(factors[0], (3, 1)), rel=1e-12)


def test_the_flux_drops_out_of_the_likelihood() -> None:
    likelihood = made_halls()
    counts = likelihood.simulate(jax.random.key(1), POINT)
    warped = HallCounts(
        likelihood.space, likelihood.survival, 3.0 * likelihood.rates, likelihood.smearing, likelihood.background,
        likelihood.observed, (),
    )  # fmt: skip
    assert float(warped.log_prob(POINT, counts)) == pytest.approx(float(likelihood.log_prob(POINT, counts)), rel=1e-10)


def test_survival_is_averaged_over_the_width_of_a_bin() -> None:
    likelihood = made_halls()
    fast = {"sin2_2theta_ee": 0.4, "dm2_41_eV2": 90.0}  # hundreds of oscillations within a bin
    slow = np.asarray(likelihood.shapes({**fast, "sin2_2theta_ee": 0.0}))
    # averaged: 1 - s/2 of all, and standard oscillations shrink with c14^4: below a few per mille
    assert np.asarray(likelihood.shapes(fast)) / slow == pytest.approx(np.full((3, 5), 0.8), abs=0.01)


def test_norms_multiply_the_far_halls() -> None:
    likelihood = made_halls(free_norms=True)
    plain = made_halls().shapes(POINT)
    moved = likelihood.shapes({**POINT, "hall_norm_EH2": 1.02, "hall_norm_EH3": 0.97})
    ratio = np.asarray(moved / plain)
    assert ratio == pytest.approx(np.repeat([[1.0], [1.02], [0.97]], 5, axis=1), rel=1e-12)


def test_impossible_means_have_no_probability() -> None:
    likelihood = made_halls()
    assert float(likelihood.log_prob(POINT, jnp.zeros(15))) == -np.inf


def test_neos_is_a_ratio_to_no_oscillation_at_equal_totals() -> None:
    counts = np.linspace(4e3, 1e3, 60)
    spectra = NeosSpectra(Path("made-up"), "", counts, 0.05 * counts, np.ones(60), np.eye(60), 0.0, np.eye(240))
    energies = fine_energies()
    shape = np.clip(energies - 1.8, 0.0, None) ** 2 * np.exp(-0.8 * energies)
    predictor = NeosRatio.of(spectra, ShortBaseline(), np.tile(shape, (4, 1)))
    assert np.asarray(predictor({**POINT, "sin2_2theta_ee": 0.0})) == pytest.approx(np.ones(60), rel=1e-13)
    ratio = np.asarray(predictor(POINT))
    weights = np.asarray(predictor._counts(jnp.ones(240)))
    assert (ratio * weights).sum() == pytest.approx(counts.sum())  # both spectra hold the observed counts


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="choose one of free, fixed"):
        halls(tmp_path, norms="none")


@pytest.fixture(scope="module")
def study(shared_data: Path) -> Study:
    return halls(shared_data / "oscillation" / "dayabay_neos_2016")


@pytest.mark.shared
def test_the_halls_agree_with_three_neutrinos(study: Study) -> None:
    likelihood, counts = study.likelihood, np.asarray(study.data).reshape(3, 35)
    values = {"sin2_2theta_ee": 0.0, "dm2_41_eV2": 1.0, "hall_norm_EH2": 1.015, "hall_norm_EH3": 1.009}
    mu = np.asarray(likelihood.expected_counts(values, jnp.asarray(counts)))
    cost = 2.0 * float(np.sum(mu - counts + counts * np.log(counts / mu)))
    assert 30 < cost < 105  # 105 counts less 35 factors and two norms: 68 +- 12, three sigma
    assert "hall_norms_free" in study.flags


@pytest.mark.shared
@pytest.mark.slow
def test_fits_of_the_halls_leave_no_room_for_much_mixing(study: Study) -> None:
    result = fit(study.likelihood, study.data, start={"sin2_2theta_ee": 0.01, "dm2_41_eV2": 0.2})
    assert result.values["sin2_2theta_ee"] < 0.1


@pytest.mark.shared
def test_fits_of_the_digitised_neos_find_its_published_region(shared_data: Path) -> None:
    study = neos_2016(shared_data / "oscillation" / "dayabay_neos_2016")
    result = fit(study.likelihood, study.data, start={"sin2_2theta_ee": 0.05, "dm2_41_eV2": 2.0})
    # NEOS, arXiv:1610.05134: (0.05, 1.73), chi2 64.0 -> 57.5; minima in steps of an oscillation, digitised figures
    assert result.theta[0] == pytest.approx(0.05, abs=0.02)
    assert result.theta[1] == pytest.approx(1.73, abs=0.35)
    assert "covariance_symmetrised" in study.flags
