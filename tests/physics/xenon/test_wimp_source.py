"""Tests of WIMPs as a source of events."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.physics.xenon.halo import Halo
from wilks.physics.xenon.wimp_source import WIMPSource
from wilks.physics.xenon.wimps import wimp_rate

EDGES = np.array([2.0, 4.0, 8.0, 12.0])


@functools.cache
def source(**more) -> WIMPSource:
    return WIMPSource(mw=50.0, sigma_nucleon=1e-45, exposure_tonneyear=2.0, n_time_bins=3, energy_edges=EDGES, **more)


def test_the_default_comb_is_that_of_flamedisx():
    made = WIMPSource()
    assert made.spectra.shape == (24, 99)
    edges = np.geomspace(0.7, 50, 100)
    np.testing.assert_allclose(made.response.energies, (edges[1:] + edges[:-1]) / 2)
    assert (made.mw, made.sigma_nucleon, made.exposure_tonneyear) == (1e3, 1e-45, 1.0)


def test_contents_are_rates_at_the_centres_of_bins():
    volume = source().response.volume
    times = volume.t_start + (volume.t_stop - volume.t_start) * (np.arange(3) + 0.5) / 3
    centres = jnp.asarray((EDGES[1:] + EDGES[:-1]) / 2)
    rates = wimp_rate(centres, mass=50.0, cross_section=1e-45, event_time=jnp.asarray(times))
    np.testing.assert_allclose(np.asarray(source().spectra), np.asarray(rates) * np.diff(EDGES)[None] * 2.0, rtol=1e-12)
    total = float(source().mu_before_efficiencies())
    assert np.isclose(total, np.asarray(source().spectra).sum(axis=1).mean(), rtol=1e-12)


def test_simulation_and_rate_use_the_same_energies():
    # fault 14 of xenon.md
    assert set(source().draw(0, 2000)["energy"]) == {3.0, 6.0, 10.0}


def test_survivors_agree_with_the_expected_number():
    made = source()  # outside of the compiled function
    mu = float(jax.jit(lambda: made.expected_events())())
    share = mu / float(source().mu_before_efficiencies())
    assert abs(len(source().draw(1, 8000)) / 8000 - share) < 4 * np.sqrt(share * (1 - share) / 8000)  # standard errors


def test_without_modulation_all_events_have_the_mean_spectrum():
    flat = source(pretend_wimps_dont_modulate=True)
    np.testing.assert_allclose(np.asarray(flat.spectra)[0], np.asarray(source().spectra).mean(axis=0))
    events = source().draw(2, 30)
    np.testing.assert_allclose(flat.rate(None, events), flat.response.rate(None, events), rtol=1e-9)
    ratio = source().rate(None, events) / flat.rate(None, events)
    assert 1e-3 < np.abs(ratio - 1).max() < 0.1  # a few per cent


def test_the_halo_can_be_that_of_wimprates():
    old = source(halo=Halo(normalisation="wimprates-0.5"))
    ratio = float(old.mu_before_efficiencies()) / float(source().mu_before_efficiencies())
    assert np.isclose(ratio, 0.970, atol=5e-4)  # digits of the figure in xenon.md


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mw": -1.0}, "WIMP mass is -1"),
        ({"energy_edges": [3.0, 2.0]}, "must ascend"),
        ({"exposure_tonneyear": -1.0}, "exposure_tonneyear is -1"),
        ({"n_time_bins": 0}, "0 bins of time"),
    ],
)
def test_values_without_sense_are_refused(settings, message):
    with pytest.raises(InvalidModel, match=message):
        WIMPSource(**settings)
