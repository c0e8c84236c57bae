"""Active subspaces and conditional correlations: functions and laws whose directions are known."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from tests.inference.sbi.fresh import box, fresh_posterior
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.inference.sbi.operations.correlations import conditional_correlation
from wilks.inference.sbi.operations.subspaces import active_subspace, gradients
from wilks.inference.sbi.proposals import independent_draws
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.store import load

SPACE = ParameterSpace(
    (
        *(Parameter(n, prior=Normal(0.0, 1.0), unit=u) for n, u in zip("abc", ("keV", "", "m"), strict=True)),
        Parameter("held", 2.0, fixed=True),
    )
)
THETA = np.c_[np.random.default_rng(1).normal(size=(600, 3)) * [1.0, 0.1, 20.0], np.full(600, 2.0)]
DRAWS = independent_draws(SPACE, THETA, np.zeros(600), "made up")
SCALES = THETA[:, :3].std(axis=0)


def ridge(values):
    """Changes along 2 a + 30 b - 0.1 c alone."""
    return jnp.sin(0.3 * (2.0 * values["a"] + 30.0 * values["b"] - 0.1 * values["c"])) + values["held"]


def test_a_ridge_has_one_active_direction_which_is_its_own(tmp_path):
    found = active_subspace(ridge, DRAWS, SPACE)
    direction = np.array([2.0, 30.0, -0.1]) * SCALES
    np.testing.assert_allclose(found.directions[:, 0], direction / np.linalg.norm(direction), atol=1e-12)
    assert found.dimension() == 1
    assert np.all(found.eigenvalues[1:] < 1e-12 * found.eigenvalues[0])
    phase = 0.3 * THETA[:, :3] @ [2.0, 30.0, -0.1]
    slopes = (0.3 * np.cos(phase)) ** 2 * (direction @ direction)
    assert found.eigenvalues[0] == pytest.approx(slopes.mean(), rel=1e-12)
    assert found.errors[0] == pytest.approx(slopes.std() / np.sqrt(600), rel=1e-12)
    assert found.mean == pytest.approx(np.mean(np.sin(phase)) + 2.0, rel=1e-12)
    assert list(found.direction(0)) == ["a", "b", "c"]
    along = found.project(DRAWS)[:, 0]
    assert np.corrcoef(along, phase)[0, 1] == pytest.approx(1.0, abs=1e-12)
    again = load(found.save(tmp_path / "subspace.npz"))
    assert str(again) == str(found)
    assert "1 of 3 directions hold 95 %" in str(found)


def test_the_log_density_of_a_normal_law_gives_its_inverse_covariance():
    model = LinearGaussian(3)
    noise, x = model.noise, np.array([0.3, -0.2, 0.9])
    draws = GaussianPosterior(model).sample(1, x, 4000)
    found = active_subspace(model, draws, model.space, data=x, scale="prior")
    # slopes (x - theta)/noise^2 in every direction; mean squares over 2,000 draws to sqrt(2/2000)
    residual = (x - draws.draws[0]) / noise**2
    assert found.eigenvalues.sum() == pytest.approx(np.mean(np.sum(residual**2, axis=1)), rel=0.15)
    assert found.draws == 2000


def test_gradients_are_those_of_finite_differences():
    posterior = fresh_posterior(box(2), {"x": (3,)}, coordinate="normal")
    x, step = np.array([0.3, -1.0, 0.4]), 1e-3
    theta = 0.2 + 0.6 * np.random.default_rng(2).random((5, 2))
    draws = independent_draws(posterior.space, theta, np.zeros(5), "made up")
    found = active_subspace(posterior, draws, posterior.space, data=x, scale="unit")

    def height(at):
        return np.asarray(posterior.log_prob({"theta1": at[:, 0], "theta2": at[:, 1]}, x))

    slopes = np.stack([(height(theta + e) - height(theta - e)) / (2 * step) for e in step * np.eye(2)], axis=1)
    # the density is in single precision: 1e-6 over steps of 2e-3, against slopes of some units
    expected = np.linalg.eigvalsh(slopes.T @ slopes / 5)[::-1]
    np.testing.assert_allclose(found.eigenvalues, expected, rtol=0.02, atol=1e-3)
    _, exact = gradients(lambda rows: jnp.sin(rows[:, 0]) * rows[:, 1], theta)
    np.testing.assert_allclose(exact, np.c_[np.cos(theta[:, 0]) * theta[:, 1], np.sin(theta[:, 0])], rtol=1e-12)


def test_functions_and_draws_that_give_no_subspace_are_refused():
    with pytest.raises(InvalidModel, match="cannot be differentiated"):
        active_subspace(lambda values: np.sin(float(values["a"])), DRAWS, SPACE)
    with pytest.raises(InvalidData, match=r"not finite at \d+ of 600 draws, first at a = "):
        active_subspace(lambda values: jnp.log(values["a"]), DRAWS, SPACE)
    with pytest.raises(InvalidData, match="the draws lack d"):
        active_subspace(ridge, DRAWS, ParameterSpace((*SPACE.parameters, Parameter("d", prior=Normal(0.0, 1.0)))))
    still = independent_draws(SPACE, np.c_[THETA[:, :2], THETA[:, 3:], THETA[:, 3:]], np.zeros(600), "made up")
    with pytest.raises(InvalidData, match="'c' has the same value in all draws"):
        active_subspace(ridge, still, SPACE)
    with pytest.raises(InvalidOption, match="data= belong to"):
        active_subspace(ridge, DRAWS, SPACE, data=np.zeros(2))
    assert active_subspace(lambda values: 0.0 * values["a"], DRAWS, SPACE).dimension() == 0


class NormalLaw:
    """A normal law of three correlated parameters, as a posterior of no data."""

    space = ParameterSpace([Parameter(n, prior=Normal(0.0, 10.0)) for n in "abc"])
    covariance = np.array([[1.0, 0.6, 0.5], [0.6, 2.0, -0.3], [0.5, -0.3, 0.5]]) * 1e-2

    def sample(self, key, data, n):
        theta = np.random.default_rng(key).multivariate_normal(np.zeros(3), self.covariance, n)
        return independent_draws(self.space, theta, np.zeros(n), "normal")

    def log_prob(self, values, data):
        theta = np.stack([np.asarray(values[n]) for n in "abc"], axis=-1)
        return multivariate_normal(np.zeros(3), self.covariance).logpdf(theta)


def test_conditional_correlations_of_a_normal_law_are_those_of_its_inverse_covariance():
    law = NormalLaw()
    inverse = np.linalg.inv(law.covariance)
    exact = -inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse))) + 2 * np.eye(3)
    found = conditional_correlation(law, None, law.sample(1, None, 50), most=3)
    # 48 cells over some eight standard deviations of a smooth law; densities cut at e^-16
    np.testing.assert_allclose(found.correlation, exact, atol=2e-3)
    assert found.of("a", "b") == found.correlation[0, 1]
    assert np.all(found.spread < 2e-3)  # the same wherever the others are held
    one = conditional_correlation(law, None, {"c": 0.05})
    assert one.points == 1
    with pytest.raises(InvalidOption, match="alone; two are needed"):
        conditional_correlation(GaussianPosterior(LinearGaussian(1)), np.zeros(1), {"a": 0.0})
