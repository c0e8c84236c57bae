"""Posteriors beside their priors, with the exact posterior of a linear Gaussian model."""

import jax
import numpy as np
import pytest

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidOption, MissingRole, UnknownName
from wilks.inference.sbi.prior_comparisons import data_averaged, log_loss, shrinkage, z_scores

MODEL = LinearGaussian()
DATA = np.array([0.4, -0.3])


def test_the_exact_posterior_averaged_over_data_is_the_prior_and_a_shifted_one_is_not():
    right = data_averaged(1, GaussianPosterior(MODEL), MODEL, n=400)
    wrong = data_averaged(1, GaussianPosterior(MODEL, shift=2.0), MODEL, n=400)
    assert list(right) == ["a", "b"]
    # 800 classified draws: a share of 0.5 is known to 0.018; a shift by 0.9 prior sd allows 0.67
    assert all(abs(share - 0.5) < 4 * 0.018 for share in right.values())
    assert all(share > 0.6 for share in wrong.values())


def test_shrinkage_and_z_scores_of_gaussians():
    draws = GaussianPosterior(MODEL).sample(jax.random.key(2), DATA, 20_000)
    expected = 1.0 - MODEL.posterior_sd**2
    found = shrinkage(draws, MODEL.space)
    # the variance of 20,000 draws is known to 1 %, that of the prior by 4,096 quantiles to 0.3 %
    assert list(found.values()) == pytest.approx([expected] * 2, abs=0.05 * MODEL.posterior_sd**2)
    truth = {"a": 0.0, "b": 0.0}
    exact = MODEL.shrinkage * DATA / MODEL.posterior_sd
    assert list(z_scores(draws, truth).values()) == pytest.approx(exact.tolist(), abs=0.05)


def test_the_log_loss_is_smallest_for_the_exact_posterior_and_known_there():
    exact = log_loss(1, GaussianPosterior(MODEL), MODEL, n=400)
    # entropy of two normal numbers, sum of z^2/2 with mean 1 and variance 1
    entropy = 2 * np.log(MODEL.posterior_sd * np.sqrt(2 * np.pi)) + 1.0
    assert abs(exact.mean - entropy) < 4 * exact.error
    assert exact.error == pytest.approx(1.0 / np.sqrt(400), rel=0.3)
    for wrong in (GaussianPosterior(MODEL, shift=1.0), GaussianPosterior(MODEL, stretch=2.0)):
        assert log_loss(1, wrong, MODEL, n=400).mean > exact.mean + 0.4


def test_bad_requests_are_refused():
    with pytest.raises(InvalidOption, match="sets of data say nothing"):
        data_averaged(1, GaussianPosterior(MODEL), MODEL, n=3)
    draws = GaussianPosterior(MODEL).sample(jax.random.key(2), DATA, 100)
    with pytest.raises(MissingRole, match="LinearGaussian is no normalised density of the parameters"):
        log_loss(1, MODEL, MODEL)
    with pytest.raises(UnknownName, match="no true value of 'b'"):
        z_scores(draws, {"a": 0.0})
