import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.inference.fitting import fit
from wilks.inference.quadratic import quadratic
from wilks.likelihood.residuals import GaussianResiduals, VaryingResiduals
from wilks.model.linear import LinearTemplates

DESIGN = {"a": np.array([1.0, 2.0, 0.5, 1.5]), "b": np.array([0.3, -1.0, 2.0, 0.1])}
ERRORS = np.array([0.2, 0.5, 0.3, 0.4])
COVARIANCE = np.diag(ERRORS**2) + 0.03 * np.outer([1, 2, 1, 3], [1, 2, 1, 3])
POINT = {"a": 1.1, "b": 0.4}
MEAN = 1.1 * DESIGN["a"] + 0.4 * DESIGN["b"]
MEASURED = MEAN + np.array([0.3, -0.4, 0.1, 0.5])


def predictor():
    return LinearTemplates.of(DESIGN)


FAMILY = {
    "errors": lambda **more: GaussianResiduals(predictor(), errors=ERRORS, **more),
    "two-sided": lambda **more: GaussianResiduals(predictor(), errors=(ERRORS, 2 * ERRORS), **more),
    "covariance": lambda **more: GaussianResiduals(predictor(), covariance=COVARIANCE, **more),
}
ROWS = [(name, loss) for name in FAMILY for loss in ("gaussian", "soft_l1")]


@pytest.mark.parametrize(("name", "loss"), ROWS)
def test_derivatives_and_draws_agree_with_log_prob(name, loss):
    likelihood = FAMILY[name](loss=loss)
    theta = likelihood.space.pack(POINT)

    def log_prob(at, data):
        return likelihood.log_prob(likelihood.space.unpack(at), data)

    here = quadratic(likelihood, theta, MEASURED, "exact")
    np.testing.assert_allclose(here.gradient, -jax.grad(log_prob)(theta, MEASURED), rtol=1e-9)
    np.testing.assert_allclose(here.hessian, -jax.hessian(log_prob)(theta, MEASURED), rtol=1e-9)

    n = 5000
    keys = jax.random.split(jax.random.key(4), n)
    score = jax.jit(jax.vmap(lambda key: quadratic(likelihood, theta, likelihood.simulate(key, POINT), "fisher")))(keys)
    gradient = np.asarray(score.gradient)
    assert (np.abs(gradient.mean(0)) < 4 * gradient.std(0) / np.sqrt(n)).all()  # 4 standard errors
    spread, fisher = gradient.T @ gradient / n, np.asarray(score.hessian).mean(0)
    width = np.sqrt(np.diag(fisher))
    # fourth moments: entries of a sample covariance scatter by sqrt(3/n); two-sided errors change the expectation
    assert np.abs((spread - fisher) / np.outer(width, width)).max() < 5 * np.sqrt(3 / n)


def test_gaussian_log_probs_are_those_of_scipy():
    likelihood = FAMILY["errors"]()
    values = likelihood.space.unpack(likelihood.space.pack(POINT))
    assert float(likelihood.log_prob(values, MEASURED)) == pytest.approx(
        stats.norm.logpdf(MEASURED, MEAN, ERRORS).sum(), rel=1e-12
    )
    correlated = FAMILY["covariance"]()
    expected = stats.multivariate_normal.logpdf(MEASURED, MEAN, COVARIANCE)
    assert float(correlated.log_prob(values, MEASURED)) == pytest.approx(expected, rel=1e-12)
    varying = VaryingResiduals(predictor(), lambda v: v["a"] ** 2 * COVARIANCE)
    expected = stats.multivariate_normal.logpdf(MEASURED, MEAN, 1.1**2 * COVARIANCE)
    assert float(varying.log_prob(values, MEASURED)) == pytest.approx(expected, rel=1e-12)


def test_the_determinant_of_a_varying_covariance_is_kept():
    varying = VaryingResiduals(LinearTemplates.of({"m": [1.0] * 4}), lambda v: (1.0 + v["m"] ** 2) * jnp.eye(4))
    n = 4000
    keys = jax.random.split(jax.random.key(1), n)
    values = {"m": 0.8}

    def score(key):
        data = varying.simulate(key, values)
        return jax.grad(lambda m: varying.log_prob({"m": m}, data))(0.8)

    scores = np.asarray(jax.jit(jax.vmap(score))(keys))
    assert abs(scores.mean()) < 4 * scores.std() / np.sqrt(n)  # without the determinant the mean is about -2


def test_each_side_is_judged_by_its_own_error():
    likelihood = GaussianResiduals(LinearTemplates.of({"x": [1.0]}), errors=(np.array([0.5]), np.array([2.0])))
    data = likelihood.prepare([3.0])
    assert float(likelihood.excess({"x": 5.0}, data)) == pytest.approx(0.5)
    assert float(likelihood.excess({"x": 2.0}, data)) == pytest.approx(2.0)


@pytest.mark.parametrize("loss", ["gaussian", "soft_l1"])
def test_densities_integrate_to_one(loss):
    likelihood = GaussianResiduals(
        LinearTemplates.of({"x": [1.0]}), errors=(np.array([0.5]), np.array([1.0])), loss=loss
    )
    density = jax.jit(lambda d: jnp.exp(likelihood.log_prob({"x": 1.0}, d[None])))
    total, _ = integrate.quad(lambda d: float(density(jnp.array(d))), -40, 40, points=[1.0], limit=200)
    assert total == pytest.approx(1.0, abs=1e-6)  # tails beyond 40 hold exp(-39)


def test_soft_l1_is_the_stated_formula_and_forgives_outliers():
    likelihood = FAMILY["errors"](loss="soft_l1")
    z = (MEAN - MEASURED) / ERRORS
    values = likelihood.space.unpack(likelihood.space.pack(POINT))
    assert float(likelihood.excess(values, MEASURED)) == pytest.approx((np.sqrt(1 + z**2) - 1).sum(), rel=1e-12)
    spoilt = MEAN + np.array([0.0, 0.0, 0.0, 30.0])
    robust = fit(likelihood, spoilt)
    plain = fit(FAMILY["errors"](), spoilt)
    truth = np.array(list(POINT.values()))
    assert np.abs(robust.theta - truth).max() < 0.3 * np.abs(plain.theta - truth).max()


def test_a_fit_is_weighted_least_squares():
    likelihood = FAMILY["covariance"]()
    matrix, weight = np.stack(list(DESIGN.values()), axis=1), np.linalg.inv(COVARIANCE)
    expected = np.linalg.solve(matrix.T @ weight @ matrix, matrix.T @ weight @ MEASURED)
    np.testing.assert_allclose(fit(likelihood, MEASURED).theta, expected, rtol=1e-8)


def test_bad_input_is_refused():
    with pytest.raises(InvalidModel, match="either errors or a covariance"):
        GaussianResiduals(predictor())
    with pytest.raises(InvalidModel, match="4 positive finite numbers"):
        GaussianResiduals(predictor(), errors=np.array([0.1, 0.0, 1.0, 1.0]))
    with pytest.raises(InvalidModel, match="not symmetric"):
        GaussianResiduals(predictor(), covariance=COVARIANCE + np.triu(np.ones((4, 4)), 1))
    with pytest.raises(InvalidModel, match="not positive definite"):
        GaussianResiduals(predictor(), covariance=COVARIANCE - np.eye(4))
    with pytest.raises(InvalidModel, match="rank 1 of 4"):
        GaussianResiduals(predictor(), covariance=np.ones((4, 4)))
    with pytest.raises(InvalidModel, match=r"shape \(3, 3\)"):
        GaussianResiduals(predictor(), covariance=np.eye(3))
    with pytest.raises(InvalidOption, match="loss"):
        GaussianResiduals(predictor(), errors=ERRORS, loss="huber")
    with pytest.raises(InvalidData, match="at position 1 is not finite"):
        FAMILY["errors"]().prepare([1.0, np.nan, 1.0, 1.0])
    with pytest.raises(InvalidData, match=r"expected \(4,\)"):
        FAMILY["errors"]().prepare([1.0])
