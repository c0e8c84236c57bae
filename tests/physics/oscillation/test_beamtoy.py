"""The beam toy of Feldman and Cousins: expectations, toys, and coverage of its exact regions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.likelihood.counts import PoissonCounts
from wilks.physics.oscillation.beamtoy import APPEARANCE, BEAM_PLANE, DEMONSTRATION, BeamCounts, beam_toy
from wilks.physics.oscillation.spaces import SPLITTING


def expectations(amplitudes: np.ndarray, splittings: np.ndarray) -> np.ndarray:
    """Expected counts at all nodes."""
    likelihood = beam_toy().likelihood
    assert isinstance(likelihood, PoissonCounts)
    assert isinstance(likelihood.predictor, BeamCounts)
    signal = np.asarray(jax.vmap(likelihood.predictor.per_amplitude)(jnp.asarray(splittings)))
    return (100.0 + amplitudes[:, None, None] * signal).reshape(-1, 5)


def test_expected_counts_are_averages_over_energy_and_length():
    at = {APPEARANCE: 0.01, SPLITTING: 300.0}
    likelihood = beam_toy().likelihood
    assert isinstance(likelihood, PoissonCounts)
    points = (np.arange(1000) + 0.5) / 1000
    for k, expected in enumerate(np.asarray(likelihood.expected_counts(at))):
        energy, length = 10.0 * (k + 1) + 10.0 * points[:, None], 0.6 + 0.4 * points
        sine2 = np.sin(1.26693268 * 300.0 * length / energy) ** 2
        assert expected == pytest.approx(100 + 100 * sine2.mean(), abs=2e-3)  # midpoints: (phase step)^2/24


def test_fast_oscillations_give_a_hundred_events_per_cent():
    likelihood = beam_toy().likelihood
    assert isinstance(likelihood, PoissonCounts)
    # P = sin^2 2theta/2 = 0.01
    np.testing.assert_allclose(likelihood.expected_counts({APPEARANCE: 0.02, SPLITTING: 1e3}), 200.0, rtol=0.03)


def test_the_study_holds_the_demonstration_point():
    study = beam_toy()
    assert study.interest == BEAM_PLANE
    assert "asimov" in study.flags
    np.testing.assert_allclose(study.data.counts, study.likelihood.expected_counts(DEMONSTRATION))  # pyright: ignore
    own = beam_toy(counts=np.array([90.0, 100.0, 101.0, 110.0, 95.0]))
    assert not own.flags


def test_wrong_settings_are_refused():
    with pytest.raises(InvalidModel, match="bounds that increase"):
        beam_toy(lengths_km=(0.6, 0.1))
    with pytest.raises(InvalidModel, match="positive numbers"):
        beam_toy(background=0.0)


def test_ratios_are_never_negative_and_regions_cover():
    """Ordering by the likelihood ratio to the best physical node, as in section V of the paper."""
    rng = np.random.default_rng(7)
    amplitudes, splittings = np.concatenate([[0.0], np.geomspace(1e-4, 0.03, 60)]), np.geomspace(1.0, 1e3, 40)
    means = expectations(amplitudes, splittings)
    logs = np.log(means)
    # tested where a step of the amplitude is less than an error: elsewhere the best node is the true one, and T = 0
    resolved = np.count_nonzero(amplitudes < 0.008) * len(splittings)
    covered = []
    for node in rng.choice(resolved, 20, replace=False):
        counts = rng.poisson(means[node], (4000, 5))
        gains = counts @ (logs - logs[node]).T - (means - means[node]).sum(axis=1)
        ratios = 2.0 * gains.max(axis=1)
        assert ratios.min() >= 0.0
        critical = np.quantile(ratios[:2000], 0.9, method="higher")
        covered.append(np.mean(ratios[2000:] <= critical))
    # 20 x 2000 toys against 20 critical values of 2000 toys each: 0.2 %
    assert np.mean(covered) == pytest.approx(0.90, abs=0.01)
    assert np.min(covered) > 0.87
