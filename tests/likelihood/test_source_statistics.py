"""One scale per source and bin, profiled by a root, equals an explicit fit of all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize
from scipy.special import xlogy

from tests.likelihood.family import BACKGROUND, SIGNAL, VARIANCES, constrained, linear
from wilks._base.errors import InvalidModel
from wilks.inference.fitting import fit
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.source_statistics import SourceStatistics
from wilks.model.linear import LinearTemplates


def explicit(c, p, a, n):
    """Smallest f over all A >= 0."""

    def f(x):
        mu = c + p @ x
        return mu - n + xlogy(n, n) - xlogy(n, mu) + np.sum(x - a + xlogy(a, np.where(a > 0, a, 1)) - xlogy(a, x))

    def slope(x):
        return p * (1 - n / (c + p @ x)) + 1 - a / x

    bounds = [(1e-12, None)] * len(p)
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 2000}
    return optimize.minimize(f, a + 0.5, jac=slope, bounds=bounds, method="L-BFGS-B", options=options)


@pytest.mark.parametrize("n", [0.0, 1.0, 9.0, 60.0])
@pytest.mark.parametrize("u", [(1.0, 1.0, 1.0), (0.7, 1.3, 1.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_profiled_scales_are_the_minimum_over_all_of_them(n, u):
    events = np.array([4.0, 30.0, 200.0])
    p, c = np.array([1.5, 0.3, 0.02]), 0.4
    statistics = SourceStatistics(events=events[:, None])
    terms = jnp.asarray(np.concatenate([[c], p * events]))[:, None]
    data = jnp.array([n]), jnp.asarray(u)
    found = explicit(c, p, events * u, n)
    judged = statistics.judge(terms, *data)
    assert float(judged.excess[0]) == pytest.approx(found.fun, rel=1e-7, abs=1e-8)  # the minimiser's tolerance
    np.testing.assert_allclose(statistics.scale(terms, *data) * events, found.x, rtol=2e-3, atol=2e-3)  # its root

    def excess(t):
        return statistics.judge(t[:, None], *data).excess[0]

    np.testing.assert_allclose(judged.slope[:, 0], jax.grad(excess)(terms[:, 0]), rtol=1e-8, atol=1e-10)
    for i in range(4):
        step = np.zeros((4, 1))
        step[i] = 1e-5 * float(terms[i, 0])
        ahead, behind = (statistics.judge(terms + sign * step, *data) for sign in (1, -1))
        row = (ahead.slope - behind.slope)[:, 0] / (2 * step[i, 0])
        # truncation 1e-10, rounding 1e-16/1e-6 of slopes of order one
        np.testing.assert_allclose(row, judged.observed[i, :, 0], rtol=1e-5, atol=1e-7)
        central = float((ahead.excess - behind.excess)[0]) / (2 * step[i, 0])
        assert central == pytest.approx(float(judged.slope[i, 0]), rel=1e-6, abs=1e-7)


def test_one_source_is_one_poisson_scale_per_bin():
    model = LinearTemplates.of({"b": BACKGROUND}, variances={"b": VARIANCES["b"]})
    full = PoissonCounts(model, template_statistics="full")
    one = PoissonCounts(model, template_statistics="poisson", template_errors="scaled")
    n = full.prepare([20, 30, 0, 10])
    for b in (0.4, 1.0, 1.7):
        assert float(full.log_prob({"b": b}, n)) == pytest.approx(float(one.log_prob({"b": b}, n)), rel=1e-12)


def test_a_fit_is_the_explicit_one():
    likelihood, n = PoissonCounts(linear(variances=VARIANCES), template_statistics="full"), np.array([30, 50, 20, 10])
    result = fit(likelihood, n)
    events = np.stack([SIGNAL**2 / VARIANCES["s"], BACKGROUND**2 / VARIANCES["b"]])

    def total(x):
        weights = np.stack([x[0] * SIGNAL, x[1] * BACKGROUND]) / events
        return sum(explicit(0.0, weights[:, i], events[:, i], n[i]).fun for i in range(4))

    best = optimize.minimize(total, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-11})
    np.testing.assert_allclose(result.theta, best.x, rtol=1e-4)  # the inner fits leave 1e-10 in the value
    assert result.excess == pytest.approx(best.fun, rel=1e-7)


def test_toys_fluctuate_the_events_of_each_source():
    likelihood = PoissonCounts(linear(variances=VARIANCES), template_statistics="full")
    keys = jax.random.split(jax.random.key(2), 4000)
    toys = jax.jit(jax.vmap(lambda key: likelihood.simulate(key, {"s": 1.0, "b": 1.0})))(keys)
    events = likelihood.statistics.events.ravel()
    assert toys.simulation.shape == (4000, 8)
    width = 1 / np.sqrt(events)
    assert (np.abs(np.asarray(toys.simulation).mean(0) - 1) < 4.5 * width / np.sqrt(4000)).all()  # standard errors


def test_what_has_no_sources_is_refused():
    with pytest.raises(InvalidModel, match="TemplatePredictor does not tell its simulated sources apart"):
        PoissonCounts(constrained(simulated=True), template_statistics="full")
    negative = LinearTemplates.of({"b": [3.0, -1.0]}, variances={"b": [1.0, 1.0]})
    with pytest.raises(InvalidModel, match="template 'b' has content -1 with an error in bin 1"):
        PoissonCounts(negative, template_statistics="full")
