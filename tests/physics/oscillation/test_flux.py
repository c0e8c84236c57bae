"""Flux models: tables, polynomials, corrections, errors of yields, and what is refused."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.physics.oscillation.flux import (
    FLUXES,
    FREE_ERRORS,
    FluxModel,
    extrapolation_flags,
    flux_model,
    huber_mueller,
    with_free_scales,
    yield_errors,
)
from wilks.physics.oscillation.flux_tables import polynomial_spectra

needs_release = pytest.mark.skipif(
    importlib.util.find_spec("dayabay_data_official") is None, reason="dayabay-data-official is not installed"
)
ENERGIES = np.array([2.0, 3.0, 4.0, 5.0, 6.0])


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> Path:
    folder = shared_data / "oscillation" / "globesfit" / "fluxes"
    if not folder.is_dir():
        pytest.skip(f"the flux tables of GLoBESfit are not at {folder}")
    return folder


def flat(**changes) -> FluxModel:
    settings = {"energies": np.array([2.0, 8.0]), "spectra": np.ones((4, 2)), "uncertainty": np.full(4, 0.02)}
    return FluxModel(**{**settings, **changes})


@needs_release
def test_the_release_tables_are_those_of_huber_and_mueller():
    model = huber_mueller()
    assert not model.flags
    # Huber, arXiv:1106.0687: spectra per fission and MeV at 2 MeV, from the 50 keV tables of the release
    np.testing.assert_allclose(model(np.array(2.0)), [1.297, 1.50, 1.10, 1.30], rtol=0.05)
    assert model.sources[0].digest


def test_polynomials_stand_in_and_say_so(monkeypatch: pytest.MonkeyPatch):
    tables = huber_mueller()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    fallback = flux_model("HM")
    assert "polynomial_flux" in fallback.flags
    ratio = fallback(ENERGIES) / tables(ENERGIES)
    np.testing.assert_allclose(ratio, 1.0, rtol=0, atol=0.07)  # up to 5 %, and 6 % for U238 at 2 MeV
    assert flux_model("KI").flags == fallback.flags


def test_polynomials_have_the_typed_coefficients():
    energies, spectra = polynomial_spectra()
    place = np.argmin(abs(energies - 4.0))
    expected = np.exp(4.367 - 4.577 * 4 + 2.1 * 16 - 0.5294 * 64 + 0.06186 * 256 - 0.002777 * 1024)
    assert spectra[0, place] == pytest.approx(expected, rel=1e-12)


def test_kopeikin_divides_the_uranium_spectra():
    ratio = flux_model("HM")(ENERGIES) / flux_model("KI")(ENERGIES)
    np.testing.assert_allclose(ratio, np.array([1.054, 1.054, 1.0, 1.0])[:, None] * np.ones(5), rtol=1e-12)
    np.testing.assert_array_equal(flux_model("KI").covariance, flux_model("HM").covariance)


def test_interpolation_is_linear_in_the_logarithm_also_outside():
    model = flat(spectra=np.array([[np.exp(2.0), np.exp(8.0)]] * 4))
    energies = np.array([1.0, 3.3, 9.5])
    np.testing.assert_allclose(model(energies), np.exp(energies) * np.ones((4, 1)), rtol=1e-12)
    assert model.extrapolated(energies).tolist() == [True, False, True]
    np.testing.assert_allclose(model(np.array([[3.0, 4.0]])).shape, (4, 1, 2))


def test_events_outside_the_table_are_counted_by_detector():
    model, energies = flat(), np.array([1.9, 3.0, 5.0, 9.0])
    events = np.array([[0.0, 1.0, 1.0, 0.0], [1.0, 5.0, 1.0, 1.0]])
    assert extrapolation_flags(model, energies, events[:1]) == {}
    assert extrapolation_flags(model, energies, events)["flux_extrapolated"].startswith("0.25 of the events")
    folded = extrapolation_flags(model, energies.reshape(2, 2), events.reshape(2, 2, 2))  # energies in bins
    assert folded == extrapolation_flags(model, energies, events)


def test_yields_have_errors_and_correlations():
    errors, rho = yield_errors("HKSS-KI")
    np.testing.assert_allclose(errors, [0.02317, 0.11289, 0.02739, 0.02386])
    assert rho[1, 3] == 0.0589
    assert rho[2, 3] == 0.9340
    for name in FLUXES:
        assert np.linalg.eigvalsh(yield_errors(name)[1])[0] > 0


def test_free_scales_have_no_error():
    model = with_free_scales(huber_mueller())
    np.testing.assert_array_equal(model.uncertainty, FREE_ERRORS)
    assert np.isinf(np.diag(model.covariance)).tolist() == [True, False, True, False]
    assert model.covariance[1, 1] == pytest.approx(0.11202**2)


def test_wrong_models_are_refused():
    with pytest.raises(InvalidOption, match="HM, HKSS, EF, KI, HKSS-KI"):
        flux_model("MH")
    with pytest.raises(InvalidModel, match=r"needs the tables Pure_\*"):
        flux_model("EF")
    with pytest.raises(InvalidModel, match=r"expected \(4, 2\)"):
        flat(spectra=np.ones((3, 2)))
    with pytest.raises(InvalidModel, match="increase"):
        flat(energies=np.array([8.0, 2.0]))
    with pytest.raises(InvalidModel, match="four positive"):
        flat(uncertainty=np.array([0.1, 0.1, 0.0, 0.1]))
    with pytest.raises(InvalidModel, match="no 4 x 4 correlation"):
        flat(correlation=np.ones((4, 4)))
    with pytest.raises(InvalidData, match="not negative"):
        flat(spectra=-np.ones((4, 2)))


@pytest.mark.shared
def test_tables_of_globesfit_are_read(tables: Path):
    hm, hkss, ef = (flux_model(name, tables) for name in ("HM", "HKSS", "EF"))
    # forbidden decays raise the flux above 4 MeV by a few per cent; the sum over decays lies below HM for U235
    assert 1.0 < (hkss(ENERGIES)[0] / hm(ENERGIES)[0])[-1] < 1.1
    assert 0.85 < (ef(ENERGIES)[0] / hm(ENERGIES)[0]).mean() < 1.0
    np.testing.assert_allclose(flux_model("HKSS-KI", tables)(ENERGIES)[1], hkss(ENERGIES)[1] / 1.054, rtol=1e-12)


@pytest.mark.shared
def test_correlations_are_those_of_globesfit(shared_data: Path):
    path = shared_data / "oscillation" / "globesfit" / "numbers.npz"
    if not path.is_file():
        pytest.skip(f"the numbers of GLoBESfit are not at {path}")
    numbers = np.load(path, allow_pickle=False)
    for name, key in (("HM", "V_inv_HM"), ("EF", "V_inv_SM"), ("HKSS", "V_inv_HKSS")):
        np.testing.assert_allclose(np.linalg.inv(numbers[key]), yield_errors(name)[1], rtol=0, atol=3e-4)  # digits
