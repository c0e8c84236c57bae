"""Multivariate normal priors: density, conditions, draws and unions against scipy and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, multivariate_normal, norm

from wilks._base.digests import digest
from wilks._base.errors import InvalidParameter, UnknownName
from wilks.likelihood.unbinned import Unbinned
from wilks.model.density_source import DensitySource
from wilks.parameters.joint_priors import MultivariateNormal, joined_shares, joined_values
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace
from wilks.parameters.spread import spread_points
from wilks.parameters.wording import priors_of

NAMES, MEAN = ("a", "b", "c"), np.array([1.0, 2.0, 3.0])
COVARIANCE = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, 0.3], [0.2, 0.3, 0.5]])


def prior():
    return MultivariateNormal(NAMES, MEAN, COVARIANCE)


def space():
    """A box parameter between the members, which stand in another order than in the prior."""
    names = ("c", "a", "x", "b")
    unit = {"x": Parameter("x", 0.5, lower=0.0, upper=2.0, prior=Uniform(0.0, 2.0))}
    return ParameterSpace(tuple(unit.get(n, Parameter(n, 0.0)) for n in names)).with_prior(prior())


POINT = {"c": 2.5, "a": 0.1, "x": 0.7, "b": 4.0}
ABC = np.array([0.1, 4.0, 2.5])


def test_the_density_is_that_of_scipy():
    expected = multivariate_normal(MEAN, COVARIANCE).logpdf(ABC)
    assert float(prior().log_prob(ABC)) == pytest.approx(expected, rel=1e-13)
    assert float(space().log_prior(POINT)) == pytest.approx(expected - np.log(2.0), rel=1e-13)
    assert float(space().log_prior(POINT | {"x": 3.0})) == -np.inf


def test_its_gradient_is_that_of_differences():
    theta = np.array([2.5, 0.1, 0.7, 4.0])
    slope = jax.grad(lambda t: space().log_prior(space().unpack(t)))(theta)
    for i, step in enumerate(1e-5 * np.eye(4)):
        ends = [float(space().log_prior(space().unpack(theta + sign * step))) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float(slope[i]), rel=1e-8, abs=1e-9)  # rounding 1e-15/1e-5


def test_held_parameters_leave_the_conditional_density():
    held = space().fix(b=4.0)
    theta = np.array([2.5, 0.1])
    rest, other = [2, 0], [1]
    gain = COVARIANCE[np.ix_(rest, other)] / COVARIANCE[1, 1]
    mean = MEAN[rest] + gain[:, 0] * (4.0 - MEAN[1])
    covariance = COVARIANCE[np.ix_(rest, rest)] - gain @ COVARIANCE[np.ix_(other, rest)]
    expected = multivariate_normal(mean, covariance).logpdf(theta) - np.log(2.0)
    assert float(held.log_prior(POINT)) == pytest.approx(expected, rel=1e-12)
    assert float(held.release("b").log_prior(POINT)) == float(space().log_prior(POINT))
    one = space().fix(b=4.0, c=2.5)
    away = np.linalg.solve(COVARIANCE[1:, 1:], ABC[1:] - MEAN[1:])
    variance = COVARIANCE[0, 0] - COVARIANCE[0, 1:] @ np.linalg.solve(COVARIANCE[1:, 1:], COVARIANCE[1:, 0])
    alone = norm(MEAN[0] + COVARIANCE[0, 1:] @ away, np.sqrt(variance))
    assert float(one.log_prior(POINT)) == pytest.approx(alone.logpdf(0.1) - np.log(2.0), rel=1e-12)
    assert space().fix(POINT).blocks == ()


def test_shares_and_values_are_inverse_and_shares_are_uniform():
    free = space().free
    x = np.asarray(prior().sample(jax.random.key(1), 4000))
    values = np.stack([x[:, 2], x[:, 0], np.full(4000, 0.3), x[:, 1]], axis=1)
    assert free == ("c", "a", "x", "b")
    shares = np.asarray(joined_shares(space().blocks, np.full((4000, 4), 0.15), values))
    np.testing.assert_array_equal(shares[:, 2], 0.15)
    assert min(kstest(shares[:, i], "uniform").pvalue for i in (0, 1, 3)) > 1e-3
    correlations = np.corrcoef(shares[:, [0, 1, 3]].T) - np.eye(3)
    assert np.abs(correlations).max() < 4.5 / np.sqrt(4000)  # standard errors of independent numbers
    back = np.asarray(joined_values(space().blocks, np.zeros((4000, 4)), shares))
    np.testing.assert_allclose(back[:, [0, 1, 3]], values[:, [0, 1, 3]], rtol=1e-9, atol=1e-9)  # Phi^-1 near the ends
    np.testing.assert_allclose(np.cov(x.T), COVARIANCE, atol=4.5 * 2.0 * np.sqrt(2 / 4000))  # of the largest variance


def test_starts_follow_the_joint_prior():
    uniforms = np.random.default_rng(1).random((4000, 4))
    points = spread_points(space(), uniforms)
    found = np.cov(points[:, [1, 3, 0]].T)
    np.testing.assert_allclose(found, COVARIANCE, atol=4.5 * 2.0 * np.sqrt(2 / 4000))
    np.testing.assert_allclose(points[:, 2], 2.0 * uniforms[:, 2], atol=1e-8)


def test_parts_of_a_space_keep_what_they_know():
    marginal = space().part(("b", "x", "a"))
    expected = multivariate_normal(MEAN[:2], COVARIANCE[:2, :2]).logpdf([0.1, 4.0]) - np.log(2.0)
    assert float(marginal.log_prior({n: POINT[n] for n in ("b", "x", "a")})) == pytest.approx(expected, rel=1e-12)
    given = space().fix(b=4.0).part(("c", "a"))
    assert float(given.log_prior({"c": 2.5, "a": 0.1})) == pytest.approx(
        float(space().fix(b=4.0).log_prior(POINT)) + np.log(2.0), rel=1e-12
    )
    alone = space().part(("a",))
    assert alone.joint == ()
    assert alone["a"].prior == Normal(1.0, 1.0)


def test_equal_joint_priors_are_shared_and_others_refused():
    assert (space() | space()) == space()
    assert hash(space() | space()) == hash(space())
    other = ParameterSpace((Parameter("a"), Parameter("z"))).with_prior(
        MultivariateNormal(("a", "z"), (1.0, 0.0), np.eye(2))
    )
    with pytest.raises(InvalidParameter, match="a: in two joint priors"):
        space() | other
    shifted = MultivariateNormal(NAMES, MEAN + 1.0, COVARIANCE)
    plain = ParameterSpace(tuple(Parameter(n) for n in NAMES))
    with pytest.raises(InvalidParameter, match="'a' is defined twice and differs in prior"):
        space() | plain.with_prior(shifted)


def test_it_says_what_it_is():
    assert "MultivariateNormal(a 1 +- 1, b 2 +- 1.41421, c 3 +- 0.707107)" in repr(space())
    assert priors_of(space())["a"] == "Normal(mean=1.0, sigma=1.0), joint with b, c"
    assert priors_of(space().fix(b=2.0, c=3.0))["a"].startswith("Normal(mean=1.0, sigma=0.9")


def test_digests_of_spaces_without_joint_priors_stay_what_they_were():
    """Random numbers are keyed by them; this one was made before there were joint priors."""
    plain = ParameterSpace((Parameter("a", 0.5, lower=0.0, upper=1.0),))
    assert digest(plain) == "287a5c4440624c8611ee390bf78159b692a350f37293c5a49ea3089879718f0f"
    alone = ParameterSpace(tuple(Parameter(n, 0.0, prior=prior().marginals[n]) for n in NAMES))
    assert digest(alone) != digest(ParameterSpace(tuple(Parameter(n, 0.0) for n in NAMES)).with_prior(prior()))


@pytest.mark.parametrize(
    ("names", "mean", "covariance", "message"),
    [
        (("a", "a"), (0, 0), np.eye(2), "name each once"),
        ((), (), np.zeros((0, 0)), "name each once"),
        (("a", "b"), (0,), np.eye(2), r"mean of shape \(1,\)"),
        (("a", "b"), (0, 0), np.eye(3), r"covariance of shape \(3, 3\)"),
        (("a", "b"), (0, np.nan), np.eye(2), "must be finite"),
        (("a", "b"), (0, 0), [[1, 0.5], [0.2, 1]], "is not symmetric"),
        (("a", "b"), (0, 0), [[1, 2], [2, 1]], "its smallest eigenvalue is -1"),
        (("a", "b"), (0, 0), [[1, 1], [1, 1]], "not positive definite"),
    ],
)
def test_what_is_no_normal_density_is_refused(names, mean, covariance, message):
    with pytest.raises(InvalidParameter, match=message):
        MultivariateNormal(names, mean, covariance)


def test_members_with_bounds_or_priors_of_their_own_are_refused():
    plain = ParameterSpace(tuple(Parameter(n) for n in NAMES))
    with pytest.raises(InvalidParameter, match="'b' has bounds or a period, which cut the joint prior of a, b, c"):
        plain.replace("b", lower=0.0).with_prior(prior())
    with pytest.raises(InvalidParameter, match=r"'b' has the prior Normal\(mean=0.0, sigma=1.0\) already"):
        plain.replace("b", prior=Normal(0.0, 1.0)).with_prior(prior())
    with pytest.raises(InvalidParameter, match="'a' has the prior None and is a member of MultivariateNormal"):
        plain.with_prior(prior()).replace("a", prior=None)
    with pytest.raises(InvalidParameter, match="'a' has bounds"):
        plain.with_prior(prior()).replace("a", upper=5.0)
    with pytest.raises(UnknownName, match="no parameter 'c'"):
        ParameterSpace((Parameter("a"), Parameter("b"))).with_prior(prior())
    with pytest.raises(UnknownName, match="no parameter 'd' in this prior"):
        prior().only(("a", "d"))


def test_joint_priors_inside_of_sources_are_refused_where_they_would_be_lost():
    plain = ParameterSpace((Parameter("m", 5.0), Parameter("s", 1.0)))
    own = plain.with_prior(MultivariateNormal(("m", "s"), (5.0, 1.0), [[0.1, 0.02], [0.02, 0.1]]))
    peak = DensitySource(lambda x, p: jnp.exp(-0.5 * ((x - p["m"]) / p["s"]) ** 2), own, limits=(0.0, 10.0))
    with pytest.raises(InvalidParameter, match="m, s: a joint prior inside of a source"):
        Unbinned({"peak": peak}, free={"m": (3.0, 7.0), "s": (0.5, 2.0)})
