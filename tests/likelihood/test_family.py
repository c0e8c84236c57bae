"""What holds for every likelihood of the table: derivatives, curvatures, draws, order."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.likelihood.family import CELLS, DENSITIES, FAMILY, counts, fluctuated, point
from wilks.inference.quadratic import quadratic

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=5)
SLOW = (
    "poisson scaled, constrained",
    "pearson, constrained",
    "joint of costs",
)  # their ingredients stand in other rows


def rows(names):
    """Names as parameters of a test, those whose programs compile long marked slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


@functools.cache
def member(name):
    return FAMILY[name]()


@functools.cache
def compiled(name):
    """Log density, gradient and all curvatures as one function of (theta, data), compiled once."""
    likelihood = member(name)

    def log_prob(theta, data):
        return likelihood.log_prob(likelihood.space.unpack(theta), data)

    @jax.jit
    def evaluate(theta, data):
        value, gradient = jax.value_and_grad(log_prob)(theta, data)
        here = quadratic(likelihood, theta, data, "observed")
        hessians = {c: quadratic(likelihood, theta, data, c).hessian for c in ("fisher", "observed", "exact")}
        return {"log_prob": value, "slope": gradient, "value": here.value, "gradient": here.gradient, **hessians}

    return evaluate


def case(name, seed):
    generator = np.random.default_rng(seed)
    likelihood = member(name)
    data = fluctuated(likelihood, likelihood.prepare(counts(likelihood, generator)), generator)
    return likelihood, point(likelihood, generator), data


@pytest.mark.parametrize("name", rows(FAMILY))
@FEW
@given(seed=SEEDS)
def test_gradient_and_exact_curvature_are_finite_differences(name, seed):
    _, theta, data = case(name, seed)
    evaluate = compiled(name)
    here = evaluate(theta, data)
    assert np.isfinite(here["log_prob"])
    # -log_prob and excess differ by what depends on the data alone
    np.testing.assert_allclose(here["gradient"], -here["slope"], rtol=1e-9, atol=1e-9)
    step, scale = 1e-5, np.abs(here["exact"]).max()
    for i in range(len(theta)):
        shift = step * np.eye(len(theta))[i]
        ahead, behind = evaluate(theta + shift, data), evaluate(theta - shift, data)
        # central differences: rounding 1e-14 x 1e2 / 1e-5, truncation step^2 times the third derivative
        slope = float(ahead["value"] - behind["value"]) / (2 * step)
        assert slope == pytest.approx(float(here["gradient"][i]), rel=1e-5, abs=1e-6)
        row = (ahead["gradient"] - behind["gradient"]) / (2 * step)
        np.testing.assert_allclose(row, here["exact"][i], rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("name", rows(FAMILY))
@FEW
@given(seed=SEEDS)
def test_excess_and_expected_curvature_are_never_negative(name, seed):
    _, theta, data = case(name, seed)
    here = compiled(name)(theta, data)
    assert float(here["value"]) >= -1e-12  # rounding of a sum near zero
    fisher = np.asarray(here["fisher"])
    assert np.linalg.eigvalsh(fisher).min() >= -1e-10 * np.abs(fisher).max()  # rounding of a singular matrix


@pytest.mark.parametrize("name", [n for n in CELLS if n == "poisson, constrained" or "constrained" not in n])
@FEW
@given(seed=SEEDS)
def test_slope_and_curvature_of_cells_are_the_derivatives_of_their_excess(name, seed):
    likelihood, theta, data = case(name, seed)
    mean = likelihood.mean(likelihood.space.unpack(theta))
    slope, observed, first, second = _derivatives_of_cells(name)(mean, data)
    np.testing.assert_allclose(slope, first, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(observed, second, rtol=1e-7, atol=1e-9 * np.abs(second).max())


@functools.cache
def _derivatives_of_cells(name):
    likelihood = member(name)

    def total(mean, data):
        return jnp.sum(likelihood.judge(mean, data).excess)

    @jax.jit
    def derivatives(mean, data):
        judged = likelihood.judge(mean, data)
        hessian = jax.hessian(total)(mean, data)  # cells do not see each other: only the diagonal blocks are not zero
        return judged.slope, judged.observed, jax.grad(total)(mean, data), jnp.einsum("tcuc->tuc", hessian)

    return derivatives


@pytest.mark.parametrize("name", rows(n for n in CELLS if n != "marginal"))  # which has no saturated model of its own
def test_curvatures_agree_where_data_equal_their_expectation(name):
    likelihood = member(name)
    theta = point(likelihood, np.random.default_rng(4))
    values = likelihood.space.unpack(theta)
    maker = likelihood if name not in ("pearson", "neyman", "cnp", "pearson, constrained") else None
    data = maker.expected(values) if maker else _expected_of_cost(likelihood, values)
    here = compiled(name)(theta, data)
    np.testing.assert_allclose(here["gradient"], 0, atol=1e-9)
    np.testing.assert_allclose(here["value"], 0, atol=1e-10)
    np.testing.assert_allclose(here["observed"], here["fisher"], rtol=1e-9, atol=1e-8)


def _expected_of_cost(likelihood, values):
    terms = likelihood.constraints.expected(likelihood.space.pack(values)) if len(likelihood.constraints) else ()
    return likelihood.prepare({"counts": likelihood.predictor(values), "auxiliary": np.asarray(terms)})


@pytest.mark.parametrize("name", DENSITIES)
def test_score_has_mean_zero_and_its_variance_is_the_expected_curvature(name):
    likelihood = member(name)
    theta = point(likelihood, np.random.default_rng(7))
    values, n = likelihood.space.unpack(theta), 4000
    keys = jax.random.split(jax.random.key(11), n)
    data = jax.jit(jax.vmap(lambda key: likelihood.simulate(key, values)))(keys)
    many = jax.jit(jax.vmap(lambda d: quadratic(likelihood, jnp.asarray(theta), d, "observed")))(data)
    free = likelihood.space.free_mask
    score = np.asarray(many.gradient)[:, free]
    # 4.5 standard errors: one wrong verdict in 1e4 for each of about ten numbers
    assert (np.abs(score.mean(0)) < 4.5 * score.std(0) / np.sqrt(n)).all()
    fisher = compiled(name)(theta, jax.tree.map(lambda x: x[0], data))["fisher"][np.ix_(free, free)]
    curvature = np.asarray(many.hessian)[:, free][:, :, free]
    error = curvature.std(0) / np.sqrt(n)
    assert (np.abs(curvature.mean(0) - fisher) <= 4.5 * error + 1e-9 * np.abs(fisher).max()).all()
    spread = np.cov(score, rowvar=False)
    width = np.sqrt(np.diag(fisher))
    # entries of a sample covariance scatter by at most sqrt(2/n)
    assert np.abs((spread - fisher) / np.outer(width, width)).max() < 5 * np.sqrt(2 / n)


@pytest.mark.parametrize("name", ["poisson, constrained", "conway, nominal", "poisson, scaled", "joint"])
def test_equal_keys_make_equal_data_and_other_keys_others(name):
    likelihood = member(name)
    values = likelihood.space.unpack(likelihood.space.starts)
    draw = jax.jit(lambda key: likelihood.simulate(key, values))
    one, same, other = (jax.tree.leaves(draw(jax.random.key(seed))) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert jax.tree.structure(draw(jax.random.key(1))) == jax.tree.structure(likelihood.expected(values))
