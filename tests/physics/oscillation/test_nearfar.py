"""Ratios of spectra at two distances: responses, tables of averages, predictions and published chi-squares."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.inference.fitting import fit
from wilks.physics.oscillation import nearfar_table as table
from wilks.physics.oscillation.build import near_far, neos
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.flux import FluxModel
from wilks.physics.oscillation.geometries import path_lengths
from wilks.physics.oscillation.path_tables import PathTables
from wilks.physics.oscillation.paths import AtLength, Uniform
from wilks.physics.oscillation.smearing import Smearing
from wilks.physics.oscillation.survival import ShortBaseline, ThreeNeutrinos, ThreePlusOne, WavePackets
from wilks.physics.oscillation.terms import Terms, two_neutrino_terms, wave_packet_damped

EXPERIMENTS = ("DANSS", "Bugey-3", "DoubleChooz", "RENO", "DayaBay-ratio", "NEOS")

# chi2 without sterile neutrino in the chi2 maps of GLoBESfit (arXiv:2005.01756; files Spectra_*.dat at the smallest
# mixing), and how far the recipes may differ
NULLS = {
    "DANSS": (33.467474, 0.02),
    "Bugey-3": (12.602601, 0.1),
    "NEOS": (65.435595, 0.02),
    "DoubleChooz": (8.026181, 0.02),
    "RENO": (23.551411, 0.7),
    "DayaBay-ratio": (44.962504, 0.7),
}


@pytest.fixture(scope="module")
def numbers(shared_data: Path) -> Path:
    path = shared_data / "oscillation" / "globesfit" / "numbers.npz"
    if not path.is_file():
        pytest.skip(f"the numbers of GLoBESfit are not at {path}")
    return path


@pytest.fixture(scope="module")
def studies(numbers: Path) -> dict[str, Study]:
    return {name: neos(numbers) if name == "NEOS" else near_far(name, numbers) for name in EXPERIMENTS}


def null_of(study: Study, **changes: float) -> dict[str, float]:
    space = study.likelihood.space
    return dict(zip(space.names, space.starts.tolist(), strict=True)) | {"sin2_2theta_ee": 0.0} | changes


def chi2(study: Study, values: dict[str, float]) -> float:
    return 2.0 * float(study.likelihood.excess(values, study.data))


def test_a_response_shares_out_one_event_where_bins_cover_the_resolution() -> None:
    binning = table.Binning((0.0, 20.0), 40, (2.0, 8.0), 30, (0.05, 0.0, 0.0), table.single(0, 39))
    matrix = np.asarray(Smearing.of(binning).matrix({}))
    assert matrix.sum(axis=0) == pytest.approx(np.ones(30), abs=1e-12)  # 5 sigma and more from both ends


def test_joined_bins_are_sums_of_fine_bins() -> None:
    fine = table.Binning((2.0, 6.0), 4, (0.0, 8.0), 50, (0.05, 0.0, 0.0), table.single(0, 3))
    joined = table.Binning((2.0, 6.0), 4, (0.0, 8.0), 50, (0.05, 0.0, 0.0), ((0, 0), (1, 3)))
    parts = np.asarray(Smearing.of(fine).matrix({}))
    assert np.asarray(Smearing.of(joined).matrix({})) == pytest.approx(np.stack([parts[0], parts[1:].sum(0)]))


def test_an_energy_scale_moves_the_edges_and_never_empties_a_bin() -> None:
    binning = table.EXPERIMENTS["DANSS"].binning
    smearing = Smearing.of(binning, "b")
    shifted = table.Binning((1.8 / 1.02, 9.8 / 1.02), 32, (0.0, 10.0), 401, binning.resolution, binning.groups)
    moved = np.asarray(smearing.matrix({"b": 0.02}))
    assert moved == pytest.approx(Smearing.of(shifted).fixed, abs=1e-13)
    for b in (-0.2, -0.02, 0.02, 0.2):  # far outside the stated 2 %: no sentinel value exists
        assert (np.asarray(smearing.matrix({"b": b})).sum(axis=1) > 0).all()


def test_path_tables_pass_through_their_points_and_continue_physically() -> None:
    x = np.linspace(1.0, 3.0, 201)
    averages = 0.5 - 0.5 * np.cos(0.02 * 10**x) * np.exp(-((0.002 * 10**x) ** 2))
    tables = PathTables.of_files([np.stack([x, averages], axis=1)], [10.0])
    q = 10.0 ** (x[:-1] - 3.0)
    assert np.asarray(tables.mean_sine2(jnp.asarray(q)))[0] == pytest.approx(averages[:-1], abs=1e-9)
    below, far, nothing = np.asarray(tables.mean_sine2(jnp.asarray([10.0**-2.5, 5.0, 0.0])))[0]
    assert below == pytest.approx(averages[0] * 10.0 ** (2 * -0.5), rel=1e-9)  # quadratic in q
    assert (far, nothing) == (0.5, 0.0)


def test_path_tables_of_geometries_agree_with_their_closed_forms() -> None:
    paths = (Uniform(9.0, 12.0), AtLength(20.0))
    tables = PathTables.of_geometry(paths, (10.5, 20.0))
    q = jnp.asarray(np.geomspace(1e-4, 0.5, 300))
    exact = np.stack([np.asarray(p.mean_sine2(q)) for p in paths])
    assert np.asarray(tables.mean_sine2(q)) == pytest.approx(exact, abs=2e-4)  # cubics over steps of 1 % in q


def test_damping_acts_at_the_nominal_length() -> None:
    tables = PathTables.of_geometry((AtLength(10.0),), (10.0,))
    energies = jnp.asarray([2.0, 4.0, 6.0])
    terms = wave_packet_damped(two_neutrino_terms(0.3, 1.0), 2e-4)
    exact = 1.0 - np.asarray(terms.loss(10.0, energies))
    found = np.asarray(tables.survival(terms, energies))[0]
    assert found == pytest.approx(exact, abs=2e-4)  # as far as the table interpolates


def test_tables_with_different_grids_are_refused() -> None:
    one, other = (np.stack([x, 0 * x], axis=1) for x in (np.arange(3.0), np.arange(3.0) / 2))
    with pytest.raises(InvalidModel, match="start at different q or have different steps"):
        PathTables.of_files([one, other], [1.0, 2.0])


def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'DANSS'"):
        near_far("DANS", tmp_path / "numbers.npz")
    with pytest.raises(UnknownName, match="take its table of averages"):
        path_lengths("DayaBay-ratio", "AD1")
    with pytest.raises(InvalidOption, match="choose one of tables, geometry"):
        near_far("DANSS", tmp_path / "numbers.npz", paths="map")


@pytest.mark.shared
def test_what_a_reader_must_know_is_flagged(numbers: Path, studies: dict[str, Study]) -> None:
    assert "0.1 < dm2_41 < 0.5 eV^2" in studies["RENO"].flags["not_validated"]
    assert not studies["DANSS"].flags
    cut = FluxModel(np.array([2.5, 6.0]), np.ones((4, 2)), np.full(4, 0.02))
    for study in (near_far("DANSS", numbers, flux=cut), neos(numbers, flux=cut)):
        assert "of the events lie at energies outside the table" in study.flags["flux_extrapolated"]


@pytest.mark.shared
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_chi2_without_a_sterile_neutrino_is_that_of_globesfit(name: str, studies: dict[str, Study]) -> None:
    published, tolerance = NULLS[name]
    assert chi2(studies[name], null_of(studies[name])) == pytest.approx(published, abs=tolerance)


@pytest.mark.shared
def test_the_null_of_danss_is_the_published_one(studies: dict[str, Study]) -> None:
    assert chi2(studies["DANSS"], null_of(studies["DANSS"])) == pytest.approx(33.47, abs=0.01)  # arXiv:2005.01756


@pytest.mark.shared
@pytest.mark.parametrize(("name", "lengths"), [("DANSS", (10.67, 12.69)), ("Bugey-3", (14.93, 39.96))])
def test_a_null_ratio_of_equal_spectra_is_the_square_of_lengths(
    name: str, lengths: tuple[float, float], studies: dict[str, Study], numbers: Path
) -> None:
    for study in (studies[name], near_far(name, numbers, flux="HM")):
        for b in (0.0, 0.015):
            ratios = study.likelihood.predictor(null_of(study, **{f"energy_scale_{name}": b}))[:-1]
            assert np.asarray(ratios) == pytest.approx((lengths[0] / lengths[1]) ** 2, rel=1e-12)  # rounding only


@pytest.mark.shared
def test_danss_agrees_with_the_map_of_globesfit_at_its_minimum(studies: dict[str, Study]) -> None:
    values = null_of(studies["DANSS"], sin2_2theta_ee=10**-1.14, dm2_41_eV2=10**0.12)
    values["energy_scale_DANSS"] = -0.003  # its best value there
    # Spectra_DANSS.dat at (-1.14, 0.12): 21.346892, where a scale within 1 sigma costs nothing
    assert chi2(studies["DANSS"], values) == pytest.approx(21.347, abs=0.25)


@pytest.mark.shared
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_predictions_differentiate_as_finite_differences_do(name: str, studies: dict[str, Study]) -> None:
    likelihood = studies[name].likelihood
    scales = [n for n in likelihood.space.names if n.startswith("energy_scale")]
    at = jnp.asarray([0.12, 1.37, *[0.004] * len(scales)])
    steps = np.array([1e-6, 1e-6, *[1e-6] * len(scales)])

    @jax.jit
    def prediction(theta, predictor):
        return predictor(likelihood.space.unpack(theta))

    exact = np.asarray(jax.jit(jax.jacfwd(prediction))(at, likelihood.predictor))
    for i, step in enumerate(steps):
        shift = np.zeros(len(at))
        shift[i] = step
        up, down = (np.asarray(prediction(at + sign * shift, likelihood.predictor)) for sign in (1, -1))
        # second derivatives jump at the points of path tables, by up to 0.3 here: times the step
        size = max(1.0, np.abs(exact[:, i]).max())
        assert exact[:, i] == pytest.approx((up - down) / (2 * step), abs=3e-7 * size)


@pytest.mark.shared
def test_the_energy_scale_costs_its_square_and_leaves_the_null_alone(studies: dict[str, Study]) -> None:
    study = studies["NEOS"]
    shifted = chi2(study, null_of(study, energy_scale_NEOS=0.005))
    assert shifted - chi2(study, null_of(study)) == pytest.approx(1.0, abs=1e-9)  # one sigma
    half = chi2(study, null_of(study, energy_scale_NEOS=0.0025))
    assert half - chi2(study, null_of(study)) == pytest.approx(0.25, abs=1e-9)  # not free within one sigma


@pytest.mark.shared
def test_fits_find_the_published_minimum_of_danss(studies: dict[str, Study]) -> None:
    study = studies["DANSS"]
    result = fit(study.likelihood, study.data, start={"sin2_2theta_ee": 0.07, "dm2_41_eV2": 1.31})
    s, m, b = result.theta
    # least value of Spectra_DANSS.dat: 21.347 at s = 0.0724, m = 1.318, in steps of 5 %
    assert (s, m) == (pytest.approx(0.0724, abs=0.004), pytest.approx(1.318, abs=0.04))
    assert abs(b) < 0.02


@pytest.mark.shared
@pytest.mark.slow
def test_fits_find_the_published_minimum_of_neos(studies: dict[str, Study]) -> None:
    study = studies["NEOS"]
    result = fit(study.likelihood, study.data, start={"sin2_2theta_ee": 0.05, "dm2_41_eV2": 1.68})
    assert result.theta[0] == pytest.approx(0.05, abs=0.02)  # NEOS, arXiv:1610.05134: (0.05, 1.73)
    assert result.theta[1] == pytest.approx(1.73, abs=0.1)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["DANSS", "DayaBay-ratio"])
def test_toys_scatter_around_the_prediction_with_the_covariance(name: str, studies: dict[str, Study]) -> None:
    study = studies[name]
    values = null_of(study, sin2_2theta_ee=0.1)
    keys = jax.random.split(jax.random.key(3), 2000)
    toys = np.asarray(jax.jit(jax.vmap(lambda k, s: s.simulate(k, values), (0, None)))(keys, study.simulator))
    whiten = np.asarray(study.likelihood.whiten)
    z = (toys - np.asarray(study.likelihood.expected(values))) @ whiten.T
    cells = z.shape[1]
    assert np.abs(z.mean(0)).max() < 4.5 / np.sqrt(2000)  # of normal means, 4.5 sigma
    assert (z**2).sum(1).mean() == pytest.approx(cells, abs=4.5 * np.sqrt(2 * cells / 2000))


@pytest.mark.shared
def test_mixing_parameters_are_profiled_on_request(numbers: Path) -> None:
    free = ThreePlusOne(free=("sin2_2theta13", "dm2_32_eV2"))
    constrained = near_far("RENO", numbers, survival=free)
    assert constrained.likelihood.predictor.pulls == ("sin2_2theta13", "dm2_32_eV2")
    assert constrained.data[-2:].tolist() == [0.0851, 2.466e-3]
    scan = near_far("RENO", numbers, survival=free, constraints={})
    assert scan.likelihood.predictor.pulls == ()
    at = null_of(scan, sin2_2theta13=0.084, dm2_32_eV2=2.4511e-3)
    # the same as with the constants of arXiv:2005.01756, and another mixing fits worse or better but differs
    assert chi2(scan, at) == pytest.approx(
        chi2(near_far("RENO", numbers), null_of(near_far("RENO", numbers))), rel=1e-9
    )
    assert abs(chi2(scan, at | {"sin2_2theta13": 0.06}) - chi2(scan, at)) > 10


@pytest.mark.shared
def test_another_model_of_survival_takes_the_place_of_3_plus_1(numbers: Path) -> None:
    packets = near_far("DANSS", numbers, survival=WavePackets(ShortBaseline(), 1.0))  # so wide that nothing is damped
    plain = near_far("DANSS", numbers)
    values = null_of(plain, sin2_2theta_ee=0.2)
    assert chi2(packets, values) == pytest.approx(chi2(plain, values), rel=1e-6)  # L/L_coh of 1e-4
    narrow = near_far("DANSS", numbers, survival=WavePackets(ShortBaseline(), 2.1e-4))
    assert abs(chi2(narrow, values) - chi2(plain, values)) > 1.0


@pytest.mark.shared
@pytest.mark.parametrize(("name", "tolerance"), [("DANSS", 1.5), ("RENO", 1.5)])
def test_own_geometries_stand_in_for_the_tables(name: str, tolerance: float, numbers: Path) -> None:
    tables, geometry = (near_far(name, numbers, paths=paths) for paths in ("tables", "geometry"))
    values = null_of(tables, sin2_2theta_ee=0.05)
    assert chi2(geometry, values) == pytest.approx(chi2(tables, values), abs=tolerance)  # of 51 and 24


def test_every_term_of_a_model_is_averaged(numbers: Path) -> None:
    tables = PathTables.of_geometry((AtLength(10.0), AtLength(30.0)), (10.0, 30.0))
    terms = Terms(jnp.asarray([0.1, 0.2]), jnp.asarray([0.7, -1.3]))
    energies = jnp.asarray([2.0, 5.0])
    exact = np.stack([1.0 - np.asarray(terms.loss(length, energies)) for length in (10.0, 30.0)])
    assert np.asarray(tables.survival(terms, energies)) == pytest.approx(exact, abs=3e-4)  # interpolation


@pytest.mark.shared
def test_three_neutrinos_calibrate_the_ratio_of_reno(numbers: Path) -> None:
    free = ThreeNeutrinos(free=("sin2_2theta13", "dm2_32_eV2"))
    study = near_far("RENO", numbers, survival=free, constraints={})
    assert study.interest == ("sin2_2theta13", "dm2_32_eV2")
    result = fit(study.likelihood, study.data)
    assert result.values["sin2_2theta13"] == pytest.approx(0.0896, abs=0.5 * 0.0068)  # RENO, arXiv:1806.00248
    assert result.errors["sin2_2theta13"] == pytest.approx(0.0068, rel=0.1)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["DANSS", "DoubleChooz"])  # the short and the full form of the probability
def test_impossible_values_have_no_probability(studies: dict[str, Study], name: str) -> None:
    study = studies[name]
    log_prob = jax.jit(lambda values: study.likelihood.log_prob(values, study.data))
    assert np.isfinite(log_prob(null_of(study, sin2_2theta_ee=1.0, dm2_41_eV2=1.0)))
    for s, dm2 in ((-0.1, 1.0), (1.1, 1.0), (0.1, -1.0), (np.nan, 1.0), (0.1, np.nan)):
        assert float(log_prob(null_of(study, sin2_2theta_ee=s, dm2_41_eV2=dm2))) == -np.inf
