"""Tests of recoils whose positions follow a histogram."""

import functools
import itertools

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.spatial_source import SpatialRateERSource, SpatialRateNRSource

R, THETA, Z = np.array([0.0, 47.9]), np.array([0.0, 2 * np.pi]), np.array([-97.6, -60.0, -20.0, 0.0])
COARSE = {"energies": np.linspace(0.5, 4.0, 30), "rates_vs_energy": np.full(30, 10.0)}
SHARES = np.array([[[1.0, 4.0, 2.0]]])


@functools.cache
def spatial() -> SpatialRateERSource:
    return SpatialRateERSource(SHARES, [R, THETA, Z], ("r", "theta", "z"), **COARSE)


@functools.cache
def uniform(low: float = -97.6, high: float = 0.0) -> ERSource:
    return ERSource(fv_low=low, fv_high=high, **COARSE)


def expected(source) -> float:
    return float(jax.jit(lambda: source.expected_events())())


def test_the_expected_number_is_the_sum_over_slices():
    slices = [uniform(low, high) for low, high in itertools.pairwise(Z)]
    by_hand = sum(share * expected(s) for share, s in zip(SHARES.ravel() / 7, slices, strict=True))
    assert np.isclose(expected(spatial()), by_hand, rtol=1e-6)  # two quadratures of one smooth function
    assert np.isclose(float(spatial().mu_before_efficiencies()), 300.0)


def test_simulated_events_follow_rate_and_number():
    events = spatial().draw(1, 20_000)
    mu = expected(spatial())
    assert abs(len(events) / 20_000 * 300 - mu) < 4 * 300 * np.sqrt(0.25 / 20_000)  # four standard errors
    counts = np.histogram(events["z"], Z)[0]
    seen = [share * expected(uniform(a, b)) for share, a, b in zip(SHARES.ravel(), Z[:-1], Z[1:], strict=True)]
    shares = np.array(seen) / np.sum(seen) * len(events)
    assert np.sum((counts - shares) ** 2 / shares) < 13.8  # chi^2 of 2 degrees of freedom, probability 1e-3


def test_the_rate_is_that_of_uniform_recoils_times_the_weight():
    events = spatial().draw(2, 12)
    weight = (SHARES.ravel() / 7 / (np.diff(Z) / 97.6))[np.searchsorted(Z, events["z"]) - 1]
    np.testing.assert_allclose(spatial().rate(None, events), weight * uniform().rate(None, events), rtol=1e-9)


def test_events_in_empty_bins_have_no_rate(caplog):
    source = SpatialRateERSource(np.array([[[1.0, 0.0, 0.0]]]), [R, THETA, Z], ("r", "theta", "z"), **COARSE)
    events = uniform(-30.0, 0.0).draw(0, 20)
    assert (source.rate(None, events) == 0).all()
    assert "histogram of positions is empty" in caplog.text


def test_an_unbinned_likelihood_takes_it():
    likelihood = Unbinned({"er": spatial()}, free_rates=["er"])
    data = likelihood.simulate(jax.random.key(0), {"er_rate_multiplier": 0.1})
    assert np.isfinite(float(likelihood.log_prob({"er_rate_multiplier": 0.1}, data)))


def test_nuclear_recoils_take_a_histogram_too():
    source = SpatialRateNRSource(
        SHARES, [R, THETA, Z], ("r", "theta", "z"), energies=np.array([5.0, 8.0]), rates_vs_energy=np.ones(2)
    )
    assert np.isclose(float(source.mu_before_efficiencies()), 2.0)
    assert {"lindhard_l", "p_electron"} <= set(source.model_functions)


def test_wrong_use_is_refused():
    class Weighted(ERSource):
        @staticmethod
        def energy_spectrum_rate_multiplier(z):
            return 1.0 - z

    with pytest.raises(InvalidModel, match="stands in its place"):
        SpatialRateERSource(SHARES, [R, THETA, Z], ("r", "theta", "z"), response=Weighted, **COARSE)
    with pytest.raises(InvalidModel, match="spans z"):
        SpatialRateERSource(SHARES, [R, THETA, Z], ("r", "theta", "z"), fv_low=-50.0, **COARSE)
    events = uniform().draw(0, 5)
    with pytest.raises(InvalidData, match="'theta'"):
        spatial().prepare(events.where(slice(None), [n for n in events.columns if n != "theta"]))
