"""Every prior against scipy.stats, and what all priors promise: inverse, derivative, samples, mass between bounds."""

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from wilks._base.errors import InvalidParameter
from wilks.parameters.gamma_priors import Beta, Gamma
from wilks.parameters.normal_priors import HalfNormal, LogNormal, Normal, TruncatedNormal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Exponential, LogUniform, Uniform
from wilks.parameters.space import ParameterSpace
from wilks.parameters.tabulated_priors import Tabulated

GRID = np.linspace(-8.0, 8.0, 6001)

# name: (prior, the same in scipy, relative tolerance of densities and probabilities)
# 1e-12 is what jax.scipy's and scipy's special functions agree to; the table's tolerance is its step squared / 8.
FAMILY = {
    "normal": (Normal(1.5, 0.5), stats.norm(1.5, 0.5), 1e-12),
    "truncated": (TruncatedNormal(1.0, 0.5, 0.2, 3.0), stats.truncnorm(-1.6, 4.0, 1.0, 0.5), 1e-12),
    "truncated, lower only": (TruncatedNormal(0.0, 1.0, 0.5, math.inf), stats.truncnorm(0.5, math.inf), 1e-12),
    "truncated, upper tail": (TruncatedNormal(0.0, 1.0, 6.0, 9.0), stats.truncnorm(6.0, 9.0), 1e-11),
    "lognormal": (LogNormal(2.0, 1.3), stats.lognorm(math.log(1.3), scale=2.0), 1e-12),
    "uniform": (Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0), 1e-12),
    "loguniform": (LogUniform(0.1, 100.0), stats.loguniform(0.1, 100.0), 1e-12),
    "halfnormal": (HalfNormal(0.7), stats.halfnorm(scale=0.7), 1e-12),
    "exponential": (Exponential(2.5), stats.expon(scale=2.5), 1e-12),
    "gamma": (Gamma(2.5, 0.5), stats.gamma(2.5, scale=0.5), 1e-11),
    "gamma, peak at zero": (Gamma(0.3, 2.0), stats.gamma(0.3, scale=2.0), 1e-11),
    "beta": (Beta(2.0, 5.0), stats.beta(2.0, 5.0), 1e-11),
    "beta, open ends": (Beta(0.5, 0.5), stats.beta(0.5, 0.5), 1e-11),
    "tabulated": (Tabulated(GRID, stats.norm.logpdf(GRID)), stats.norm(), 2e-6),
}
NAMES = pytest.mark.parametrize("name", FAMILY)
LEVELS = np.array([1e-9, 1e-4, 0.03, 0.3, 0.5, 0.7, 0.97, 0.9999])


@NAMES
def test_density_probability_and_quantile_agree_with_scipy(name):
    prior, oracle, rtol = FAMILY[name]
    x = oracle.ppf(LEVELS)
    np.testing.assert_allclose(jax.vmap(prior.log_prob)(x), oracle.logpdf(x), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(jax.vmap(prior.cdf)(x), oracle.cdf(x), rtol=10 * rtol, atol=rtol)
    np.testing.assert_allclose(jax.vmap(prior.survival)(x), oracle.sf(x), rtol=10 * rtol, atol=rtol)
    np.testing.assert_allclose(jax.vmap(prior.quantile)(LEVELS), x, rtol=10 * rtol, atol=10 * rtol)


@NAMES
@given(u=st.floats(1e-6, 1 - 1e-6))
@settings(max_examples=20, deadline=None)
def test_quantile_inverts_cdf(name, u):
    prior = FAMILY[name][0]
    # both functions are smooth here, and good to a few units in the last place of numbers of order one
    assert float(prior.cdf(prior.quantile(u))) == pytest.approx(u, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", [name for name in FAMILY if name != "tabulated"])  # quadrature dislikes its kinks
def test_density_integrates_to_one(name):
    prior = FAMILY[name][0]
    density = jax.jit(lambda x: jnp.exp(prior.log_prob(x)))
    inner = [float(prior.quantile(u)) for u in (1e-9, 0.01, 0.1, 0.5, 0.9, 0.99, 1 - 1e-9)]
    total = sum(integrate.quad(density, a, b, epsabs=1e-10)[0] for a, b in itertools.pairwise(inner))
    assert total == pytest.approx(1.0, abs=1e-7)  # 2e-9 lies outside the ends


@NAMES
def test_gradients_are_the_finite_differences(name):
    prior, oracle, _ = FAMILY[name]
    for u in (0.1, 0.4, 0.8):
        x = float(oracle.ppf(u)) + 1e-5  # between the points of the table
        h = 1e-6
        for function, at in ((prior.log_prob, x), (prior.cdf, x), (prior.quantile, u)):
            difference = (function(at + h) - function(at - h)) / (2 * h)
            # truncation h^2 f''' and rounding 1e-16/h are both below 1e-8 of the largest slopes here
            assert float(jax.grad(function)(at)) == pytest.approx(float(difference), rel=1e-4, abs=1e-6)


@NAMES
def test_samples_follow_the_prior(name):
    prior, oracle, _ = FAMILY[name]
    samples = jax.vmap(prior.sample)(jax.random.split(jax.random.key(1), 2000))
    assert np.isfinite(samples).all()
    assert stats.kstest(np.asarray(samples), oracle.cdf).pvalue > 1e-3  # fixed key: decided once for all


@NAMES
def test_outside_the_support_the_density_is_zero_and_nothing_is_nan(name):
    prior, oracle, _ = FAMILY[name]
    low, high = (float(end) for end in oracle.support())
    for x in (low - 1.0, high + 1.0, -math.inf, math.inf):
        if not math.isnan(x):
            assert float(prior.cdf(x)) == (0.0 if x < low or x == -math.inf else 1.0)
            # a table's probabilities are sums over its points
            assert float(prior.survival(x)) == pytest.approx(1.0 - float(prior.cdf(x)), abs=1e-12)
            assert float(prior.log_prob(x)) == -math.inf
    if math.isfinite(low):
        assert float(jax.grad(prior.log_prob)(low - 1.0)) == 0.0
    if name != "tabulated":  # the table has ends that the normal density has not
        assert float(prior.quantile(0.0)) == pytest.approx(low, rel=1e-12, abs=1e-12)
        assert float(prior.quantile(1.0)) == pytest.approx(high, rel=1e-12)


@NAMES
def test_mass_between_bounds(name):
    prior, oracle, rtol = FAMILY[name]
    a, b = oracle.ppf([0.2, 0.95])
    for lower, upper in ((a, b), (a, math.inf), (-math.inf, b), (oracle.ppf(0.7), b)):
        expected = math.log(oracle.cdf(upper) - oracle.cdf(lower))
        assert float(prior.log_mass(lower, upper)) == pytest.approx(expected, rel=100 * rtol)
        assert float(jax.jit(lambda lower=lower, upper=upper: prior.log_mass(lower, upper))()) == float(
            prior.log_mass(lower, upper)
        )
    assert float(prior.log_mass(-math.inf, math.inf)) == 0.0


def test_mass_in_a_far_tail_keeps_its_digits():
    expected = stats.norm.logsf(10.0)
    # 1e-10: ndtr's digits at 10 sigma; 1 - cdf would be zero here
    assert float(Normal(0.0, 1.0).log_mass(10.0, math.inf)) == pytest.approx(expected, rel=1e-10)


def test_bounds_without_probability_are_refused():
    with pytest.raises(InvalidParameter, match=r"no probability in the bounds \[2\.0, 3\.0\]"):
        Uniform(0.0, 1.0).log_mass(2.0, 3.0)


@NAMES
def test_priors_can_be_hashed_and_compared(name):
    prior = FAMILY[name][0]
    leaves, structure = jax.tree.flatten(prior)
    assert leaves == []
    assert hash(structure) == hash(jax.tree.structure(prior))
    assert eqx.tree_equal(prior, jax.tree.unflatten(structure, leaves)) is True


def test_a_prior_cut_by_bounds_is_normalised_in_a_space():
    space = ParameterSpace((Parameter("mu", 1.0, lower=0.0, prior=Normal(1.0, 1.0)), Parameter("b", 0.0)))
    log_prior = float(space.log_prior({"mu": 0.5, "b": 3.0}))
    assert log_prior == pytest.approx(stats.truncnorm.logpdf(0.5, -1.0, math.inf, 1.0, 1.0), rel=1e-12)
    assert float(space.log_prior({"mu": -0.1, "b": 3.0})) == -math.inf


def test_a_table_of_three_points_has_the_closed_forms():
    prior = Tabulated([0.0, 1.0, 3.0], [0.0, math.log(3.0), math.log(3.0)])
    # pieces: (3 - 1)/ln 3 and 3 * 2
    first, second = 2.0 / math.log(3.0), 6.0
    assert float(prior.cdf(1.0)) == pytest.approx(first / (first + second), rel=1e-14)
    assert float(prior.log_prob(0.5)) == pytest.approx(0.5 * math.log(3.0) - math.log(first + second), rel=1e-14)
    assert float(prior.quantile(float(prior.cdf(0.3)))) == pytest.approx(0.3, rel=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(math.nan, 1.0), "Normal prior: mean nan must be finite"),
        (lambda: Normal(0.0, 0.0), "Normal prior: sigma 0.0 must be positive"),
        (lambda: TruncatedNormal(0.0, 1.0, 2.0, 1.0), "lower 2.0 must lie below upper 1.0"),
        (lambda: TruncatedNormal(0.0, 1.0, 40.0, 41.0), "over 37 sigma away"),
        (lambda: LogNormal(-1.0, 1.2), "median -1.0 must be positive"),
        (lambda: LogNormal(1.0, 0.9), "factor 0.9 must exceed 1"),
        (lambda: Uniform(0.0, math.inf), "Uniform prior: width inf must be positive and finite"),
        (lambda: Uniform(1.0, 1.0), "lower 1.0 must lie below upper 1.0"),
        (lambda: LogUniform(0.0, 1.0), "LogUniform prior: lower 0.0 must be positive"),
        (lambda: HalfNormal(-1.0), "sigma -1.0"),
        (lambda: Exponential(math.inf), "mean inf"),
        (lambda: Gamma(0.0, 1.0), "shape 0.0"),
        (lambda: Gamma(1.0, math.nan), "scale nan"),
        (lambda: Beta(1.0, -2.0), "b -2.0"),
        (lambda: Tabulated([0.0, 1.0], [0.0]), "2 grid points, but 1 log densities"),
        (lambda: Tabulated([0.0], [0.0]), "give at least two"),
        (lambda: Tabulated([0.0, 0.0], [0.0, 0.0]), r"grid\[0\] = 0.0 is not below grid\[1\] = 0.0"),
        (lambda: Tabulated([0.0, 1.0], [0.0, -math.inf]), r"log_density\[1\] = -inf is not finite"),
    ],
)
def test_impossible_priors_are_refused(make, message):
    with pytest.raises(InvalidParameter, match=message):
        make()
