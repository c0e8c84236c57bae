"""Density, expected number and simulation of one source tell the same story."""

import itertools

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from wilks.data.events import Events
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.source import compiled_expected, compiled_log_rate

DEPTH = -40.0
PLACE = {"r": 10.0, "theta": 1.0, "z": DEPTH, "x": 10 * np.cos(1.0), "y": 10 * np.sin(1.0), "drift_time": 40 / 1.335e-4}


def at_place(s1, s2):
    columns = {name: np.full(len(s1), value) for name, value in PLACE.items()}
    return Events({**columns, "s1": s1, "s2": s2})


def signal_bins(edges, per_bin):
    """Gauss-Legendre nodes in the square root of a signal, bin by bin."""
    x, w = np.polynomial.legendre.leggauss(per_bin)
    low, high = np.sqrt(edges[:-1])[:, None], np.sqrt(edges[1:])[:, None]
    root = low + (high - low) * (x + 1) / 2
    return root**2, (high - low) / 2 * w * 2 * root


@pytest.fixture(scope="module")
def bins():
    """Integrals of the density at one place over bins of both signals."""
    edges = np.array([2.0, 8, 16, 26, 38, 52, 70]), np.array([2.0, 40, 200, 600, 1200, 2000, 3000, 4200, 6000])
    (s1, w1), (s2, w2) = signal_bins(edges[0], 10), signal_bins(edges[1], 24)
    grid = [g.ravel() for g in np.meshgrid(s1.ravel(), s2.ravel(), indexing="ij")]
    source = ERSource()
    rate = np.exp(compiled_log_rate(source, None, source.prepare(at_place(*grid))))
    weighted = rate.reshape(60, 192) * np.outer(w1.ravel(), w2.ravel())
    return edges, weighted.reshape(6, 10, 8, 24).sum(axis=(1, 3))


def test_the_density_integrates_to_the_expected_number(bins):
    thin = ERSource(fv_low=DEPTH - 1e-6, fv_high=DEPTH + 1e-6)
    # 60 x 192 nodes resolve single electrons and photoelectrons to about 1e-5
    assert bins[1].sum() == pytest.approx(float(compiled_expected(thin, None)), rel=5e-5)


def test_simulated_signals_follow_the_density(bins):
    edges, content = bins
    events = ERSource().draw(21, 200_000, fix={name: PLACE[name] for name in ("x", "y", "z")})
    counts, *_ = np.histogram2d(events["s1"], events["s2"], bins=edges)
    expected = 200.0 * content  # the source expects 1000 events, 200 000 are tried
    used = expected > 10
    statistic = np.sum((counts[used] - expected[used]) ** 2 / expected[used])
    assert 0.005 < chi2.sf(statistic, used.sum()) < 0.995  # one fixed draw
    assert counts[~used].sum() < 10 + 5 * np.sqrt(10 + expected[~used].sum()) + expected[~used].sum()


def test_the_mean_score_of_simulated_events_is_that_of_the_expected_number(er):
    """Positions included: sum over events of d ln rho / d theta has the mean d mu / d theta."""
    names = ("elife", "g2", "er_pel_c", "er_pel_b")
    start = np.array([er.space[name].start for name in names])
    columns = er.prepare(er.draw(31, 4000))
    trials_per_event = 4000 / 1000

    def log_rates(x):
        return er.log_rate(dict(zip(names, start * x, strict=True)), columns)

    scores = np.asarray(jax.jit(jax.jacfwd(log_rates))(np.ones(4)))
    slope = jax.jit(jax.grad(lambda x: er.expected_events(dict(zip(names, start * x, strict=True)))))(np.ones(4))
    pull = (scores.sum(axis=0) - trials_per_event * np.asarray(slope)) / np.sqrt((scores**2).sum(axis=0))
    assert np.abs(pull).max() < 3.5  # four pulls of one fixed draw


def test_simulated_depths_follow_the_expected_number(er):
    events = er.draw(41, 40_000, {"elife": 200e3})
    edges = np.linspace(-97.6, 0, 5)
    counts, _ = np.histogram(events["z"], edges)
    slices = [ERSource(fv_low=a, fv_high=b) for a, b in itertools.pairwise(edges)]
    expected = np.array([10.0 * float(compiled_expected(s, {"elife": 200e3})) for s in slices])
    assert np.abs((counts - expected) / np.sqrt(expected)).max() < 3.5  # four bins of one fixed draw
