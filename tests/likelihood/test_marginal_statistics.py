"""Averages over finite simulation equal the integral of Poisson times Gamma, and are fitted as such."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, optimize, stats

from tests.likelihood.family import BACKGROUND, SIGNAL, VARIANCES, linear
from wilks._base.errors import InvalidModel, InvalidOption
from wilks.inference.calibration import ByToys
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.toys import draw
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.marginal_statistics import MarginalStatistics
from wilks.model.linear import LinearTemplates
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace


class Flat(AbstractPredictor):
    """A prediction without simulation."""

    space: ParameterSpace

    def __call__(self, values):
        return values["s"] * jnp.ones(3)


def marginal(**more) -> PoissonCounts:
    return PoissonCounts(linear(variances=VARIANCES, **more), template_statistics="marginal")


def integral(m, v, n):
    """Density of a count by quadrature over its mean."""
    law = stats.gamma(m**2 / v + 1, scale=v / m)
    low, high = law.ppf([1e-14, 1 - 1e-14])
    return integrate.quad(lambda mean: stats.poisson.pmf(n, mean) * law.pdf(mean), low, high, epsabs=0, limit=200)[0]


@pytest.mark.parametrize(
    ("m", "v", "n"), [(10.0, 4.0, 12), (0.3, 0.05, 2), (3.0, 2.0, 0), (40.0, 1.0, 70), (2, 6.0, 1)]
)
def test_density_is_the_integral_over_the_mean(m, v, n):
    model = LinearTemplates.of({"s": [m]}, variances={"s": [v]})
    likelihood = PoissonCounts(model, template_statistics="marginal")
    found = np.exp(float(likelihood.log_prob({"s": 1.0}, likelihood.prepare([n]))))
    assert found == pytest.approx(integral(m, v, n), rel=1e-8)  # quad's own tolerance is 1.5e-8


def test_density_sums_to_one_and_has_the_mean_that_is_expected():
    likelihood, values, n = marginal(), {"s": 0.7, "b": 1.2}, jnp.arange(400.0)
    statistics = MarginalStatistics()
    terms = statistics.terms(linear(variances=VARIANCES), values)
    judged = jax.vmap(lambda k: statistics.judge(terms, jnp.full(4, k), jnp.zeros(0)).excess)(n)
    saturated = stats.poisson.logpmf(np.arange(400), np.arange(400))
    density = np.exp(saturated[:, None] - np.asarray(judged))
    np.testing.assert_allclose(density.sum(0), 1.0, rtol=1e-12)  # rounding of 400 terms; the tail is below 1e-13
    np.testing.assert_allclose(np.arange(400.0) @ density, likelihood.expected(values).counts, rtol=1e-11)


def test_bins_without_error_are_plain_poisson_bins_and_small_errors_tend_to_them():
    plain, values = PoissonCounts(linear()), {"s": 0.8, "b": 1.2}
    n = plain.prepare([20, 30, 25, 0])
    exact = PoissonCounts(linear(variances={"b": [0.0, 8.0, 0.0, 4.0]}), template_statistics="marginal")
    one, two = (x.judge(x.mean(values), x.prepare(n)).excess for x in (exact, plain))
    np.testing.assert_array_equal(np.asarray(one)[[0, 2]], np.asarray(two)[[0, 2]])
    assert (np.asarray(one)[[1, 3]] < np.asarray(two)[[1, 3]]).all()
    for tiny in (1e-9, 1e-13, 1e-16):  # on both sides of where the formula ends
        near = PoissonCounts(linear(variances={"b": BACKGROUND * tiny}), template_statistics="marginal")
        assert float(near.excess(values, n)) == pytest.approx(float(plain.excess(values, n)), rel=1e-8)


def test_derivatives_in_mean_and_variance_are_finite_differences():
    m, v, n = np.meshgrid([0.3, 8.0, 150.0], [0.01, 0.5, 9.0], [0.0, 1.0, 160.0])
    terms, n = jnp.stack([m.ravel(), v.ravel()]), jnp.asarray(n.ravel())
    judge = jax.jit(lambda t: MarginalStatistics().judge(t, n, jnp.zeros(0)))
    here = judge(terms)
    for i in range(2):
        step = 1e-5 * terms[i]
        ahead, behind = (judge(terms.at[i].add(sign * step)) for sign in (1, -1))
        # truncation 1e-10, rounding 1e-16 E / 1e-5 of a value E; slopes up to 1e3
        scale = np.abs(np.asarray(here.excess)) + 1
        slope = np.asarray((ahead.excess - behind.excess) / 2e-5)
        assert (np.abs(slope - np.asarray(here.slope[i] * terms[i])) < 1e-7 * scale).all()
        bend = np.asarray((ahead.slope - behind.slope) / 2e-5) * np.asarray(terms)
        expected = np.asarray(here.observed[i]) * np.asarray(terms[i]) * np.asarray(terms)
        assert (np.abs(bend - expected) < 1e-6 * scale).all()


def test_a_fit_of_34_bins_is_that_of_scipy():
    mass = np.linspace(80.0, 250.0, 34)
    signal, background = 6 * np.exp(-0.5 * ((mass - 125) / 4) ** 2), 8 + 30 * np.exp(-0.5 * ((mass - 91) / 3) ** 2)
    variances = {"s": signal / 40, "b": background / 2}
    model = LinearTemplates.of({"s": signal, "b": background}, variances=variances)
    n = np.random.default_rng(3).poisson(1.2 * signal + 0.9 * background)
    result = fit(PoissonCounts(model, template_statistics="marginal"), n)

    def nll(x):
        m, v = x[0] * signal + x[1] * background, x[0] ** 2 * variances["s"] + x[1] ** 2 * variances["b"]
        return -stats.nbinom.logpmf(n, m**2 / v + 1, 1 / (1 + v / m)).sum()

    best = optimize.minimize(nll, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    np.testing.assert_allclose(result.theta, best.x, rtol=1e-5)  # a simplex knows its place to the root of rounding
    assert result.nll == pytest.approx(best.fun, rel=1e-11)
    assert result.ndf is None


def test_no_chi_square_law_is_quoted_but_toys_are():
    likelihood, n = marginal(), [20, 30, 25, 10]
    for statistic in ("saturated", "pearson"):
        found = goodness_of_fit(likelihood, n, statistic=statistic)
        assert found.p_value is None
        assert "averages over the simulation" in found.how
        assert "calibrate it by toys" in found.how
    assert goodness_of_fit(likelihood, n, calibration=ByToys(1, 200)).p_toys is not None


def test_toys_scatter_by_the_mean_of_the_gamma_law_and_poisson():
    likelihood, theta, n = marginal(), np.array([1.0, 1.5]), 6000
    toys = draw(likelihood, jax.random.key(5), theta, n)
    m = SIGNAL + 1.5 * BACKGROUND
    v = VARIANCES["s"] + 1.5**2 * VARIANCES["b"]
    mean, variance = m + v / m, (m + v / m) * (1 + v / m)
    assert toys.simulation.shape == (n, 0)
    assert (np.abs(toys.counts.mean(0) - mean) < 4.5 * np.sqrt(variance / n)).all()  # standard errors
    # the error of a variance of a nearly normal law is sqrt(2/n), a little more with the tails of this one
    np.testing.assert_allclose(toys.counts.var(0), variance, rtol=4.5 * 1.2 * np.sqrt(2 / n))
    one = likelihood.simulate(jax.random.key(0), {"s": 1.0, "b": 1.5})
    np.testing.assert_array_equal(one.counts, np.round(one.counts))


def test_what_cannot_be_averaged_is_refused():
    with pytest.raises(
        InvalidOption, match="template errors 'nominal' do not exist for template statistics 'marginal'"
    ):
        PoissonCounts(linear(variances=VARIANCES), template_statistics="marginal", template_errors="nominal")
    with pytest.raises(InvalidModel, match="need a predictor that knows its simulation"):
        PoissonCounts(Flat(linear().space), template_statistics="marginal")
