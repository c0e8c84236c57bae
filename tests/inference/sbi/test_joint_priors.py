"""Multivariate normal priors in simulation-based inference: coordinates, draws, parts, files, comparisons."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sampling.densities import Formula
from wilks._base.errors import InvalidParameter
from wilks.inference.sbi.coordinates import COORDINATES, inferred_space, is_affine, with_held
from wilks.inference.sbi.importance import refuse_other_space
from wilks.inference.sbi.likelihood_training import train_likelihood
from wilks.inference.sbi.operations.shared_spaces import space_of_all
from wilks.inference.sbi.points import log_priors, prior_draws, prior_quantiles, values_at
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.saving import _decode, _encode
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.joint_priors import MultivariateNormal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

MEAN, COVARIANCE = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.9, 0.2], [0.9, 2.0, 0.3], [0.2, 0.3, 0.5]])


def space(names="caxb"):
    unit = {"x": Parameter("x", 0.5, lower=0.0, upper=2.0, prior=Uniform(0.0, 2.0))}
    plain = ParameterSpace(tuple(unit.get(n, Parameter(n, 0.0)) for n in names))
    return plain.with_prior(MultivariateNormal(tuple("abc"), MEAN, COVARIANCE))


@pytest.mark.parametrize("name", COORDINATES)
def test_coordinates_are_one_to_one_with_exact_densities(name):
    coordinate = COORDINATES[name](inferred_space(space()))
    for theta in prior_draws(jax.random.key(1), space(), 4):
        z = coordinate.to_network(jnp.asarray(theta))
        np.testing.assert_allclose(coordinate.to_physical(z), theta, rtol=1e-9, atol=1e-9)  # Phi^-1 near the ends
        slope = jax.jacfwd(coordinate.to_network)(jnp.asarray(theta))
        found = float(coordinate.log_jacobian(jnp.asarray(theta)))
        assert found == pytest.approx(np.linalg.slogdet(slope)[1], rel=1e-8, abs=1e-8)
        assert bool(coordinate.contains(z))


def test_coordinates_have_no_correlation_under_the_prior():
    theta = prior_draws(jax.random.key(2), space(), 8000)
    np.testing.assert_allclose(np.cov(theta[:, [1, 3, 0]].T), COVARIANCE, atol=4.5 * 2.0 * np.sqrt(2 / 8000))
    for name in ("normal", "affine"):
        coordinate = COORDINATES[name](space())
        z = np.asarray(jax.vmap(coordinate.to_network)(jnp.asarray(theta)))[:, [0, 1, 3]]
        np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=4.5 * np.sqrt(2 / 8000))  # of a variance 1
    shares = prior_quantiles(space(), theta)
    np.testing.assert_allclose(values_at(space(), shares), theta, rtol=1e-8, atol=1e-8)
    joined = space().log_prior(space().unpack(theta[0]))
    assert log_priors(space(), theta)[0] == pytest.approx(float(joined), rel=1e-13)


def test_normal_coordinates_of_a_joint_prior_are_affine():
    alone = space().part(tuple("abc"))
    assert is_affine(COORDINATES["normal"](alone))
    z = COORDINATES["normal"](alone).to_network(jnp.asarray(MEAN + np.linalg.cholesky(COVARIANCE) @ np.ones(3)))
    np.testing.assert_allclose(z, 1.0, rtol=1e-12)


def test_targets_keep_the_prior_of_what_is_left_open_and_given_what_is_held():
    open_ = inferred_space(space(), ("a", "b"))
    np.testing.assert_allclose(open_.joint[0].covariance, COVARIANCE[:2, :2], rtol=1e-14)
    held = space().fix(c=1.0)
    given = inferred_space(held)
    assert given.joint[0] == held.blocks[0].law
    whole = with_held(given, held)
    assert whole.names == ("a", "x", "b", "c")
    theta = {"a": 0.3, "x": 0.5, "b": 1.0, "c": 1.0}
    assert float(whole.log_prior(theta)) == pytest.approx(float(held.log_prior(theta)), rel=1e-12)


def test_spaces_with_joint_priors_come_back_from_files():
    arrays = {}
    assert _decode(_encode(space(), "space", arrays), arrays, "here") == space()


def test_likelihoods_with_other_joint_priors_are_refused():
    def likelihood(of):
        return Formula(of, lambda values, data: -(values["a"] ** 2))

    refuse_other_space(space(), likelihood(space()))
    single = ParameterSpace(tuple(Parameter(n, 0.0, prior=space()[n].prior) for n in "abc"))
    joined = space().part(tuple("abc"))
    with pytest.raises(InvalidParameter, match="their joint priors are others"):
        refuse_other_space(single, likelihood(joined))


class Shifted(AbstractSimulator):
    """One number around each of the first two parameters."""

    space: ParameterSpace

    def simulate(self, key, values):
        return jnp.stack([values["a"], values["b"]]) + jax.random.normal(key, (2,))

    def expected(self, values):
        return jnp.stack([values["a"], values["b"]])


def test_rounds_that_cut_priors_are_refused_before_they_simulate():
    simulator = Shifted(space())
    said = "a, b, c: rounds cut each prior to an interval, and a joint prior has none"
    for train in (train_posterior, train_ratio, train_likelihood):
        with pytest.raises(InvalidParameter, match=said):
            train(1, simulator, simulator.space, rounds=2, pairs=64, data=np.zeros(2))


def test_posteriors_of_other_joint_priors_are_not_combined():
    class Named:
        def __init__(self, space):
            self.space = space

        def sample(self, key, data, n):
            raise AssertionError("not asked for draws")

        def log_prob(self, values, data):
            raise AssertionError("not asked for densities")

    single = ParameterSpace(space().parameters)
    assert space_of_all([Named(space()), Named(space())]) == space()
    with pytest.raises(InvalidParameter, match="posteriors 1 and 2 have other joint priors"):
        space_of_all([Named(space()), Named(single)])


def test_ends_of_shares_are_finite():
    ends = values_at(space(), np.array([[0.0] * 4, [1.0] * 4]))
    assert np.isfinite(ends).all()
    assert (ends[0] < ends[1]).all()
