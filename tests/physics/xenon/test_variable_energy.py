"""Tests of recoils whose spectrum changes with time."""

import functools

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.variable_energy import VariableEnergySource
from wilks.physics.xenon.volume import Cylinder

ENERGIES = np.array([1.0, 2.0, 3.0])
START, STOP = Cylinder.t_start, Cylinder.t_stop
EARLY, LATE = np.array([100.0, 0.0, 50.0]), np.array([20.0, 60.0, 0.0])


def spectrum(time: float) -> np.ndarray:
    return EARLY if time < (START + STOP) / 2 else LATE


@functools.cache
def varying() -> VariableEnergySource:
    return VariableEnergySource(spectrum, ENERGIES, response=ERSource, time_bins=2)


@functools.cache
def plain(late: bool) -> ERSource:
    return ERSource(energies=ENERGIES, rates_vs_energy=LATE if late else EARLY)


def test_the_expected_number_is_the_mean_over_time():
    sources = [varying(), plain(True), plain(False)]  # made outside of the compiled function
    mu = jax.jit(lambda: [source.expected_events() for source in sources])()
    assert np.isclose(float(mu[0]), float(mu[1] + mu[2]) / 2, rtol=1e-12)
    assert float(varying().mu_before_efficiencies()) == pytest.approx(115.0)


def test_the_rate_is_that_of_the_spectrum_at_the_time_of_the_event():
    events = varying().draw(1, 40)
    late = np.asarray(events["event_time"]) > (START + STOP) / 2
    assert late.any()
    assert not late.all()
    expected = np.where(late, plain(True).rate(None, events), plain(False).rate(None, events))
    np.testing.assert_allclose(varying().rate(None, events), expected, rtol=1e-9)


def test_simulated_energies_are_lines_of_their_time():
    events = varying().draw(3, 4000)
    late = np.asarray(events["event_time"]) > (START + STOP) / 2
    energies = np.asarray(events["energy"])
    assert set(energies[late]) == {1.0, 2.0}
    assert set(energies[~late]) == {1.0, 3.0}
    mu = float(jax.jit(lambda: varying().expected_events())())
    share = mu / 115.0
    assert abs(len(events) / 4000 - share) < 4 * np.sqrt(share * (1 - share) / 4000)  # four standard errors


def test_a_fixed_energy_and_sets_by_key():
    assert set(varying().draw(0, 50, fix={"energy": 2.5})["energy"]) == {2.5}
    keys = list(jax.random.split(jax.random.key(5), 3))
    sets = varying().simulate(keys)
    (alone,) = varying().simulate(keys[1:2])
    np.testing.assert_array_equal(alone["s2"], sets[1]["s2"])


def test_held_tables_change_no_rate():
    events = varying().draw(2, 12)
    prepared = varying().prepare(events)
    values = {"elife": 300e3}
    held = varying().staged(("elife",))
    rates = [jax.jit(lambda p, s=s: s.log_rate(values, p))(prepared) for s in (varying(), held)]
    np.testing.assert_allclose(np.asarray(rates[0]), np.asarray(rates[1]), rtol=1e-12)


def test_an_unbinned_likelihood_takes_it():
    likelihood = Unbinned({"er": varying()}, free_rates=["er"])
    data = likelihood.simulate(jax.random.key(0), {"er_rate_multiplier": 0.3})
    assert np.isfinite(float(likelihood.log_prob({"er_rate_multiplier": 0.3}, data)))


def test_event_times_are_checked(caplog):
    events = varying().draw(4, 5)
    with pytest.raises(InvalidData, match="no column 'event_time'"):
        varying().prepare(events.where(slice(None), [n for n in events.columns if n != "event_time"]))
    late = events.with_columns({"event_time": np.full(len(events), STOP + 2 * 86_400e9)})
    with pytest.raises(InvalidData, match="more than a day outside"):
        varying().prepare(late)
    just = events.with_columns({"event_time": np.full(len(events), STOP + 3600e9)})
    assert (varying().prepare(just)["bin"] == 1).all()
    assert "moved to its ends" in caplog.text


def test_spectra_without_sense_are_refused():
    with pytest.raises(InvalidModel, match="spectrum 0, entry 1 is -1"):
        VariableEnergySource(lambda time: np.array([1.0, -1.0, 0.0]), ENERGIES, response=ERSource)
    with pytest.raises(InvalidModel, match="expected one rate per energy"):
        VariableEnergySource(lambda time: np.ones(2), ENERGIES, response=ERSource)
    with pytest.raises(InvalidModel, match="0 bins of time"):
        VariableEnergySource(spectrum, ENERGIES, response=ERSource, time_bins=0)

    class Ageing(ERSource):
        @staticmethod
        def photon_detection_eff(event_time):
            return 0.1 + 0.0 * event_time

    with pytest.raises(InvalidModel, match="'photon_detection_eff' takes event_time"):
        VariableEnergySource(spectrum, ENERGIES, response=Ageing)
