"""Finite simulation in closed form equals the minimum over an explicit scale per bin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import xlogy

from tests.likelihood.family import BACKGROUND, SIGNAL, VARIANCES, constrained, linear
from wilks._base.errors import InvalidOption
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.template_statistics import TemplateStatistics
from wilks.model.modifiers import Channel, NormFactor, StatError, TemplateSample
from wilks.model.template_model import TemplatePredictor

MODELS = ["conway", "poisson"]


def explicit(model, a, c, w, n, u):
    """Smallest f(beta) by brute force, as a number."""

    def f(beta):
        v = a * beta + c
        counts = v - n + xlogy(n, n) - xlogy(n, v)
        if model == "conway":
            return counts + w * (beta - u) ** 2 / 2
        return counts + w * (beta - u + xlogy(u, u) - xlogy(u, beta))

    low = 0.0 if model == "conway" and c > 0 else 1e-12
    found = optimize.minimize_scalar(f, bounds=(low, 20.0), method="bounded", options={"xatol": 1e-11})
    edge = f(low)
    return (edge, low) if edge <= found.fun else (found.fun, found.x)


CELL = st.tuples(
    st.floats(0.5, 50.0),  # simulated part
    st.one_of(st.just(0.0), st.floats(0.1, 50.0)),  # exact part
    st.floats(0.02, 0.7),  # relative error
    st.integers(0, 80),  # observed
    st.floats(0.3, 1.7),  # auxiliary datum
)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=60)
@given(cell=CELL)
def test_profiled_scale_is_the_minimum_over_the_scale(model, cell):
    a, c, delta, n, u = cell
    statistics = TemplateStatistics(model, "nominal", np.array([delta]))
    terms = jnp.array([[c], [a]])
    data = jnp.array([float(n)]), jnp.array([u])
    value, beta = explicit(model, a, c, delta**-2, n, u)
    # the brute-force minimum is good to the square of its 1e-7 or so in beta
    assert float(statistics.judge(terms, *data).excess[0]) == pytest.approx(value, rel=1e-7, abs=1e-8)
    if n > 0 or beta > 1e-6:
        assert float(statistics.scale(terms, *data)[0]) == pytest.approx(beta, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_exact_bins_stay_plain_poisson_bins(model):
    simulated = PoissonCounts(linear(variances={"b": [0.0, 8.0, 0.0, 4.0]}), template_statistics=model)
    plain = PoissonCounts(linear())
    values, n = {"s": 0.8, "b": 1.2}, [20, 30, 25, 0]
    one = simulated.judge(simulated.mean(values), simulated.prepare(n)).excess
    two = plain.judge(plain.mean(values), plain.prepare(n)).excess
    np.testing.assert_allclose(np.asarray(one)[[0, 2]], np.asarray(two)[[0, 2]], rtol=1e-14)
    assert (np.asarray(one)[[1, 3]] < np.asarray(two)[[1, 3]]).all()


@pytest.mark.parametrize("model", MODELS)
def test_small_errors_tend_to_the_exact_template(model):
    tiny = {name: v * 1e-10 for name, v in VARIANCES.items()}
    plain = PoissonCounts(linear())
    simulated = PoissonCounts(linear(variances=tiny), template_statistics=model)
    values, n = {"s": 0.8, "b": 1.2}, [20, 30, 25, 0]
    one, two = (float(x.excess(values, x.prepare(n))) for x in (plain, simulated))
    assert two == pytest.approx(one, rel=1e-8)


def test_scaled_and_nominal_errors_agree_at_the_nominal_norms_and_differ_elsewhere():
    one, two = (
        PoissonCounts(linear(variances=VARIANCES), template_statistics="conway", template_errors=errors)
        for errors in ("nominal", "scaled")
    )
    data = one.prepare([20, 30, 25, 10])
    nominal, moved = {"s": 1.0, "b": 1.0}, {"s": 5.0, "b": 1.0}
    assert float(two.excess(nominal, data)) == pytest.approx(float(one.excess(nominal, data)), rel=1e-13)
    assert abs(float(two.excess(moved, data)) - float(one.excess(moved, data))) > 0.01


def test_log_prob_of_conway_is_that_of_the_explicit_scales_at_their_best():
    values = {"s": 0.8, "b": 1.2}
    closed = PoissonCounts(linear(variances=VARIANCES), template_statistics="conway")
    signal = TemplateSample("s", SIGNAL, modifiers=[NormFactor("s"), StatError("st", np.sqrt(VARIANCES["s"]))])
    background = TemplateSample("b", BACKGROUND, modifiers=[NormFactor("b"), StatError("st", np.sqrt(VARIANCES["b"]))])
    open_ = PoissonCounts(TemplatePredictor.from_channels([Channel("SR", [signal, background])]))
    n = [20, 30, 25, 10]
    scale = closed.fitted_scale(values, closed.prepare(n))
    gammas = {f"st[{i}]": float(g) for i, g in enumerate(scale)}
    one = float(closed.log_prob(values, closed.prepare(n)))
    two = float(open_.log_prob({**values, **gammas}, open_.prepare(n)))
    assert one == pytest.approx(two, rel=1e-12)  # norms of all densities included
    nudged = {**values, **{name: g * 1.01 for name, g in gammas.items()}}
    assert float(open_.log_prob(nudged, open_.prepare(n))) < two


def test_a_scale_is_never_negative_and_empty_bins_may_drive_it_to_zero():
    # n = 0: beta = u - delta^2 a, here below zero
    statistics = TemplateStatistics("conway", "nominal", np.array([0.6]))
    terms, zero, one = jnp.array([[2.0], [10.0]]), jnp.zeros(1), jnp.ones(1)
    assert float(statistics.scale(terms, zero, one)[0]) == 0.0
    judged = statistics.judge(terms, zero, one)
    np.testing.assert_allclose(judged.excess, 2.0 + 0.5 / 0.36, rtol=1e-14)
    np.testing.assert_allclose(judged.slope[:, 0], [1.0, 0.0], atol=1e-15)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("errors", ["nominal", "scaled"])
def test_auxiliary_data_of_the_simulation_are_drawn_around_its_scale(model, errors):
    likelihood = PoissonCounts(linear(variances=VARIANCES), template_statistics=model, template_errors=errors)
    values, n = {"s": 1.0, "b": 1.0}, 4000
    keys = jax.random.split(jax.random.key(2), n)
    toys = jax.jit(jax.vmap(lambda key: likelihood.simulate(key, values)))(keys)
    drawn = np.asarray(toys.simulation)
    delta = np.asarray(likelihood.statistics.relative_error)
    assert (np.abs(drawn.mean(0) - 1) < 4.5 * delta / np.sqrt(n)).all()  # standard errors
    # the variance of both laws at scale 1 is delta^2; 4.5 standard errors of a variance, wider for Poisson tails
    np.testing.assert_allclose(drawn.std(0), delta, rtol=4.5 * np.sqrt(3 / (4 * n)))


def test_conditioned_toys_take_the_scale_that_was_fitted_to_the_data():
    likelihood = PoissonCounts(linear(variances=VARIANCES), template_statistics="conway")
    values, data = {"s": 1.0, "b": 1.0}, likelihood.prepare([60, 20, 25, 10])
    fitted = likelihood.conditioned(values, data)
    np.testing.assert_allclose(fitted.expected(values).counts, likelihood.fitted_counts(values, data), rtol=1e-14)
    np.testing.assert_allclose(fitted.expected(values).simulation, likelihood.fitted_scale(values, data), rtol=1e-14)
    np.testing.assert_array_equal(likelihood.simulation_scale, np.ones(4))  # the original is as it was


def test_toys_of_constrained_simulated_templates_fluctuate_everything():
    likelihood = PoissonCounts(constrained(simulated=True), template_statistics="conway")
    values = likelihood.space.unpack(likelihood.space.starts)
    one, two = (likelihood.simulate(jax.random.key(seed), values) for seed in (1, 2))
    for field in ("counts", "auxiliary", "simulation"):
        assert not np.array_equal(getattr(one, field), getattr(two, field))
    assert isinstance(likelihood.expected(values), CountsData)


def test_unknown_models_are_refused():
    with pytest.raises(InvalidOption, match="template statistics 'lite' does not exist; choose one of conway, poisson"):
        TemplateStatistics("lite", "nominal", np.ones(1))
    with pytest.raises(InvalidOption, match="template errors 'free' does not exist"):
        TemplateStatistics("conway", "free", np.ones(1))
