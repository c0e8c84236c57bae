"""Costs of counts with a low-rank covariance: closed forms against dense algebra and automatic derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks.physics.oscillation.dayabay.cost import chi_square, poisson
from wilks.physics.oscillation.dayabay.variances import KEPT as WITH_KEPT
from wilks.physics.oscillation.dayabay.variances import STATISTICS, Inverse, Mixture, variance

BINS, RANK = 7, 3
RNG = np.random.default_rng(5)
MEAN = jnp.asarray(RNG.uniform(20.0, 60.0, BINS))
COUNTS = jnp.asarray(np.append(RNG.poisson(40.0, BINS - 1), 0.0))  # the last bin is empty
KEPT = jnp.asarray(RNG.uniform(30.0, 50.0, BINS))
ROOT = jnp.asarray(RNG.normal(size=(BINS, RANK)))
ROWS = jnp.asarray(RNG.normal(size=(4, BINS)))
COSTS = [name for name in (*STATISTICS, WITH_KEPT) if name != "poisson"]


def dense(statistic: str, mean: jax.Array) -> jax.Array:
    precision = variance(statistic, mean, COUNTS, KEPT).precision
    inner = jnp.eye(RANK) + ROOT.T @ (precision[:, None] * ROOT)
    inverse = jnp.diag(precision) - (precision[:, None] * ROOT) @ jnp.linalg.solve(inner, ROOT.T * precision[None])
    residual = COUNTS - mean
    cost = 0.5 * residual @ inverse @ residual
    if statistic == "unbiased":
        cost = cost + 0.5 * jnp.linalg.slogdet(jnp.diag(mean) + ROOT @ ROOT.T)[1]
    return cost


@pytest.mark.parametrize("statistic", COSTS)
def test_value_gradient_and_curvature_are_those_of_the_dense_form(statistic):
    cost = chi_square(statistic, MEAN, COUNTS, KEPT, ROOT)
    # all are sums of a few dozen numbers of order one
    np.testing.assert_allclose(cost.value, dense(statistic, MEAN), rtol=1e-11)
    np.testing.assert_allclose(cost.gradient, jax.grad(lambda m: dense(statistic, m))(MEAN), rtol=1e-9, atol=1e-12)
    curvature = cost.curvature(ROWS)
    if statistic == "unbiased":
        curvature = curvature + cost.determinant_curvature(ROWS)
    exact = ROWS @ jax.hessian(lambda m: dense(statistic, m))(MEAN) @ ROWS.T
    np.testing.assert_allclose(curvature, exact, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("statistic", COSTS)
def test_a_mixture_does_the_work_of_every_statistic(statistic):
    mixed, own = (chi_square(how, MEAN, COUNTS, KEPT, ROOT) for how in (Mixture.of(statistic), statistic))
    for name in ("value", "gradient", "solved"):
        np.testing.assert_allclose(getattr(mixed, name), getattr(own, name), rtol=1e-12, atol=1e-14)  # rounding
    np.testing.assert_allclose(mixed.curvature(ROWS), own.curvature(ROWS), rtol=1e-11, atol=1e-14)


def test_poisson_has_the_derivatives_of_the_likelihood_ratio():
    def ratio(mean: jax.Array) -> jax.Array:
        safe = jnp.where(COUNTS > 0, COUNTS, 1.0)
        return jnp.sum(mean - COUNTS + jnp.where(COUNTS > 0, COUNTS * jnp.log(safe / mean), 0.0))

    cost = poisson(MEAN, COUNTS)
    np.testing.assert_allclose(cost.value, ratio(MEAN), rtol=1e-12)
    np.testing.assert_allclose(cost.gradient, jax.grad(ratio)(MEAN), rtol=1e-10)  # rounding
    np.testing.assert_allclose(cost.curvature(ROWS), ROWS @ jax.hessian(ratio)(MEAN) @ ROWS.T, rtol=1e-9)


def test_empty_bins_have_half_the_expectation_as_variance_or_are_left_out():
    assert float(variance("cnp", MEAN, COUNTS, KEPT).precision[-1]) == pytest.approx(2.0 / float(MEAN[-1]))
    assert float(variance("neyman", MEAN, COUNTS, KEPT).precision[-1]) == 0.0


def test_the_combined_variance_is_the_published_mean():
    n, mu = COUNTS[:-1], MEAN[:-1]
    found = 1.0 / variance("cnp", MEAN, COUNTS, KEPT).precision[:-1]
    np.testing.assert_allclose(found, 3.0 / (1.0 / n + 2.0 / mu), rtol=1e-12)  # arXiv:1903.07185, eq. 13


def test_the_inverse_solves_and_has_the_determinant():
    precision = 1.0 / KEPT
    inverse, full = Inverse.of(precision, ROOT), np.diag(KEPT) + np.asarray(ROOT @ ROOT.T)
    np.testing.assert_allclose(inverse.matrix(), np.linalg.inv(full), atol=1e-13)
    np.testing.assert_allclose(inverse.sandwich(ROWS), ROWS @ np.linalg.inv(full) @ ROWS.T, rtol=1e-10)
    assert float(inverse.log_determinant()) == pytest.approx(np.linalg.slogdet(full)[1], rel=1e-12)


def test_without_a_covariance_the_inverse_is_the_diagonal():
    none = Inverse.of(1.0 / KEPT, jnp.zeros((BINS, 0)))
    np.testing.assert_allclose(none.solve(MEAN), MEAN / KEPT, rtol=1e-14)
    np.testing.assert_allclose(none.sandwich(ROWS), (ROWS / KEPT[None]) @ ROWS.T, rtol=1e-12)
