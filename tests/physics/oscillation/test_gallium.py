"""Gallium experiments: published best fits, cross sections, geometries, errors, fits and toys."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.inference.fitting import fit
from wilks.inference.toys import toys
from wilks.likelihood.residuals import GaussianResiduals
from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation import gallium_table as table
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.gallium import GalliumRatios, best_extractions, gallium
from wilks.physics.oscillation.probability import short_baseline_survival
from wilks.physics.oscillation.pulls import WithPulls, average_ratio
from wilks.physics.oscillation.survival import AveragedSterile, InvisibleDecay, ShortBaseline, WavePackets
from wilks.physics.oscillation.terms import two_neutrino_terms
from wilks.physics.oscillation.vessels import Rays, lengths_in_vessel

BEST = ("BEST-inner", "BEST-outer")


@pytest.fixture(scope="module")
def study() -> Study:
    return gallium()


@pytest.fixture(scope="module")
def best() -> Study:
    return gallium(exposures=BEST, uncertainty=0.0)


def prediction(study: Study) -> GalliumRatios:
    assert isinstance(study.likelihood, GaussianResiduals)
    assert isinstance(study.likelihood.predictor, WithPulls)
    assert isinstance(study.likelihood.predictor.inner, GalliumRatios)
    return study.likelihood.predictor.inner


def global_minimum(study: Study) -> dict[str, float]:
    """Best fit started from the best of many points: the likelihood has several minima in the splitting."""
    likelihood = study.likelihood
    assert isinstance(likelihood, GaussianResiduals)
    data = likelihood.prepare(study.data)
    space = likelihood.space
    points = np.tile(space.starts, (60 * 25, 1))
    points[:, 0] = np.repeat(np.linspace(0.02, 0.8, 25), 60)
    points[:, 1] = np.tile(np.geomspace(0.15, 20.0, 60), 25)
    heights = jax.jit(jax.vmap(lambda theta: likelihood.excess(space.unpack(theta), data)))(jnp.asarray(points))
    start = dict(zip(space.names, points[int(jnp.argmin(heights))].tolist(), strict=True))
    return dict(fit(likelihood, study.data, start=start).values)


def test_the_best_fit_of_all_six_is_the_published_one(study):
    found = global_minimum(study)
    assert found["sin2_2theta_ee"] == pytest.approx(0.34, abs=0.03)  # arXiv:2109.11482
    assert np.log(found["dm2_41_eV2"] / 1.25) == pytest.approx(0.0, abs=0.1)  # the same
    average = average_ratio(study)
    assert average.ratio == pytest.approx(0.80, abs=0.01)  # the same: 0.80 +- 0.05
    assert 4.0 < average.deficit < 6.0


def test_the_best_fit_of_best_alone_is_the_published_one(best):
    # two ratios and two parameters: several splittings reproduce both, chi2 = 0; the published one is among them
    found = fit(best.likelihood, best.data, start={"sin2_2theta_ee": 0.42, "dm2_41_eV2": 3.3}).values
    assert isinstance(best.likelihood, GaussianResiduals)
    assert float(best.likelihood.excess(found, best.likelihood.prepare(best.data))) < 1e-3
    assert found["sin2_2theta_ee"] == pytest.approx(0.42, abs=0.03)  # arXiv:2109.11482
    assert np.log(found["dm2_41_eV2"] / 3.3) == pytest.approx(0.0, abs=0.15)  # the same
    np.testing.assert_array_equal(best.data, [0.791, 0.766])
    assert "gallium_cross_section" not in best.likelihood.space


@pytest.mark.shared
def test_averages_agree_with_simulated_path_lengths(shared_data: Path):
    path = shared_data / "oscillation" / "gallium_pathlengths.npz"
    if not path.is_file():
        pytest.skip(f"the path lengths of gallium experiments are not at {path}")
    with np.load(path, allow_pickle=False) as content:
        edges = content["edges"]
        histograms = {key: content[key] for key in content.files if key != "edges"}
    middles = 0.5 * (edges[1:] + edges[:-1])
    q = PHASE_PER_EV2_M_MEV * np.geomspace(0.1, 10.0, 15) / 0.75
    keys = {"GALLEX-1": "GALLEX1", "GALLEX-2": "GALLEX2", "SAGE-Cr": "SAGE_Cr", "SAGE-Ar": "SAGE_Ar"}
    for name in table.EXPOSURES:
        vessel, rays, holes = table.geometry(name)
        ours = lengths_in_vessel(vessel, rays, holes=holes).mean_sine2(jnp.asarray(q))
        weights = histograms[keys.get(name, name.replace("-inner", "_in").replace("-outer", "_out"))]
        theirs = np.sin(q[:, None] * middles) ** 2 @ weights / weights.sum()
        # the simulation's own error is 1 to 2 %, for SAGE 2.4 %: its weights 1/L^2 diverge at the source
        np.testing.assert_allclose(ours, theirs, rtol=0.005 if "BEST" in name else 0.025)


def test_an_extended_source_of_best_matters_by_one_per_cent():
    vessel, rays, holes = table.geometry("BEST-inner")
    point = lengths_in_vessel(vessel, Rays.of_point(0.0), holes=holes)
    extended = lengths_in_vessel(vessel, rays, holes=holes)
    ratio = float(point.mean_sine2(jnp.array([0.2]))[0] / extended.mean_sine2(jnp.array([0.2]))[0])
    assert ratio == pytest.approx(1.01, abs=0.003)  # the figure of the specification


def test_the_table_of_averages_is_the_sum_over_lengths(study):
    model = prediction(study)
    for dm2 in (1e-3, 0.4, 3.7, 61.0):
        terms = two_neutrino_terms(1.0, dm2)
        summed = [1.0 - float(target.survival(terms)) for target in model.targets]
        np.testing.assert_allclose(model.table(terms.splitting)[0], summed, rtol=1e-5, atol=3e-6)  # cubic in log10


def test_lines_are_weighted_by_branching_and_cross_section(study):
    lines = table.LINES["Cr51"]
    weights = np.array([line.branching * line.cross_section for line in lines])
    target = prediction(study).targets[0]
    np.testing.assert_allclose(target.weights, weights / weights.sum())
    assert sum(line.branching for line in lines) == pytest.approx(1.0, abs=1e-12)
    # their sum is the cross section of the source, 58.1e-46 cm^2, up to how branchings were rounded in 1997
    assert weights.sum() == pytest.approx(58.1, rel=0.015)


def test_at_fast_oscillations_half_of_the_mixing_is_lost(study):
    values = {"sin2_2theta_ee": 0.4, "dm2_41_eV2": 100.0, "gallium_cross_section": 0.0}
    np.testing.assert_allclose(prediction(study)(values), 0.8, atol=2e-3)  # 1/phase


def test_the_cross_section_scales_all_expectations(study):
    values = {"sin2_2theta_ee": 0.2, "dm2_41_eV2": 1.0}
    central, up = (np.asarray(prediction(study)({**values, "gallium_cross_section": eta})) for eta in (0.0, 1.0))
    np.testing.assert_allclose(up / central, 1.028, rtol=1e-12)
    haxton = gallium("haxton")
    scaled = np.asarray(prediction(haxton)(values))
    chromium = np.array([True, True, True, False, True, True])
    np.testing.assert_allclose(scaled / central, np.where(chromium, 6.39 / 5.81, 7.72 / 7.00), rtol=1e-12)


def test_the_anomaly_persists_under_every_cross_section():
    ratios = {name: average_ratio(gallium(name)) for name in table.GALLIUM_CROSS_SECTIONS}
    assert all(average.deficit > 4.5 for average in ratios.values())
    # the smallest possible cross section leaves the smallest deficit
    assert max(ratios, key=lambda name: ratios[name].ratio) == "ground_state"
    assert ratios["ground_state"].ratio == pytest.approx(0.8047 * 5.81 / 5.54, rel=3e-3)


def test_figures_that_were_not_compared_are_flagged():
    assert not gallium().flags
    assert "cross_section_without_error" in gallium("haxton").flags
    assert "cross_section_unverified" in gallium("semenov").flags


def test_errors_may_be_two_sided():
    two_sided, mean = (gallium(exposures=("GALLEX-2", "SAGE-Ar"), two_sided=flag) for flag in (True, False))
    assert isinstance(two_sided.likelihood, GaussianResiduals)
    assert isinstance(mean.likelihood, GaussianResiduals)
    np.testing.assert_allclose(two_sided.likelihood.minus, [0.11, 0.078, 1.0])
    np.testing.assert_allclose(two_sided.likelihood.plus, [0.10, 0.084, 1.0])
    np.testing.assert_allclose(mean.likelihood.plus, [0.105, 0.081, 1.0])


def test_other_models_of_survival_are_taken():
    values = {"sin2_2theta_ee": 0.3, "dm2_41_eV2": 2.0}
    plain = np.asarray(prediction(gallium(exposures=BEST, uncertainty=0.0))(values))
    packets = gallium(exposures=BEST, uncertainty=0.0, survival=WavePackets(ShortBaseline(), 1e6))
    np.testing.assert_allclose(prediction(packets)(values), plain, rtol=0, atol=1e-5)  # table and nodes
    averaged = gallium(exposures=BEST, uncertainty=0.0, survival=AveragedSterile(ShortBaseline()))
    np.testing.assert_allclose(prediction(averaged)(values), 0.85, rtol=1e-12)
    decaying = gallium(exposures=BEST, uncertainty=0.0, survival=InvisibleDecay())
    stable = np.asarray(prediction(decaying)({**values, "m4_width_eV2": 0.0}))
    np.testing.assert_allclose(stable, plain, rtol=0, atol=1e-5)


def test_a_point_in_the_vessel_sees_the_point_formula():
    line = table.LINES["Ar37"][0]
    survived = short_baseline_survival(0.5, line.energy_MeV, sin2_2theta_ee=0.3, dm2_41_eV2=1.0)
    assert float(survived) == pytest.approx(1 - 0.3 * np.sin(1.26693268 * 0.5 / 0.811) ** 2, rel=1e-8)


def test_wrong_names_are_listed():
    with pytest.raises(InvalidOption, match="bahcall, ground_state, haxton, frekers, kostensalo, semenov"):
        gallium("bahcal")
    with pytest.raises(UnknownName, match="BEST-inner"):
        gallium(exposures=("BEST-iner",))
    with pytest.raises(InvalidModel, match="none twice"):
        gallium(exposures=("SAGE-Cr", "SAGE-Cr"))
    with pytest.raises(InvalidModel, match="uncertainty -1"):
        gallium(uncertainty=-1.0)


def test_impossible_values_have_no_probability(best):
    data = best.likelihood.prepare(best.data)
    for s, dm2 in ((-0.1, 1.0), (1.1, 1.0), (0.1, -1.0)):
        assert float(best.likelihood.log_prob({"sin2_2theta_ee": s, "dm2_41_eV2": dm2}, data)) == -np.inf


def test_gradients_agree_with_finite_differences(study):
    model = prediction(study)

    def total(theta):
        return jnp.sum(model({"sin2_2theta_ee": theta[0], "dm2_41_eV2": theta[1], "gallium_cross_section": theta[2]}))

    at, step = jnp.array([0.3, 1.7, 0.4]), 1e-5
    numeric = [(total(at + step * e) - total(at - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(jax.grad(total)(at), numeric, rtol=0, atol=1e-7)  # third derivatives, step^2


def test_toys_are_refitted(study):
    truth = {"sin2_2theta_ee": 0.34, "dm2_41_eV2": 1.25, "gallium_cross_section": 0.0}
    found = toys(jax.random.key(2), study.simulator, study.likelihood, truth, 20)
    assert found.failed <= 2  # flat directions where a toy lost the shape of the oscillation


def test_extractions_average_to_the_published_rates():
    study = best_extractions()
    result = fit(study.likelihood, study.data)
    # arXiv:2109.11482: 54.9 +- 2.5 and 55.6 +- 2.7 from a likelihood of all counts
    assert result.values["best_rate_inner"] == pytest.approx(54.9, abs=1.5)
    assert result.values["best_rate_outer"] == pytest.approx(55.6, abs=1.7)
    inner = np.array(table.BEST_INNER_ERRORS) ** -2.0
    assert result.values["best_rate_inner"] == pytest.approx(inner @ table.BEST_INNER / inner.sum(), rel=1e-6)
