import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel
from wilks.inference.fitting import fit
from wilks.inference.quadratic import quadratic
from wilks.likelihood.curves import split_normal_curve, tabulated_curve
from wilks.likelihood.grids import Grid, lowest_point
from wilks.likelihood.surfaces import Surface, positive_curvature
from wilks.likelihood.tabulated import TabulatedProfiles
from wilks.model.linear import LinearTemplates

X, Y = np.linspace(-2.0, 3.0, 41), np.linspace(0.0, 6.0, 37)
ANGLE = np.linspace(-np.pi, np.pi, 49)
BOWL = 7.0 + 4.0 * (X[:, None] - 0.52) ** 2 + 2.0 * (Y[None] - 3.1) ** 2 + 2.5 * (X[:, None] - 0.52) * (Y[None] - 3.1)
VALLEY = BOWL[..., None] + 6.0 * (1 - np.cos(ANGLE - 0.4 - 0.1 * X[:, None, None]))


def surface(dimensions=2):
    if dimensions == 2:
        return Surface.of([X, Y], BOWL)
    return Surface.of([X, Y, ANGLE], VALLEY, periods=[None, None, 2 * np.pi])


def likelihood():
    """A curve, a surface of two quantities and one of three, of linear predictions."""
    design = np.random.default_rng(5).normal(size=(3, 6)) * [0.3, 0.3, 0.5, 0.3, 0.5, 0.4]
    predictor = LinearTemplates.of(dict(zip("abc", design, strict=True)))
    return TabulatedProfiles(predictor, [split_normal_curve(0.4, 0.3, 0.5), surface(2), surface(3)])


LIKELIHOOD = likelihood()
POINT = {"a": 0.6, "b": 0.4, "c": 0.9}


def test_a_surface_is_its_table_minus_its_minimum():
    two = surface(2)
    np.testing.assert_allclose(two.best, [0.52, 3.1], atol=1e-4)  # mirrored ends bend the spline by 1e-5 far inside
    for i, j in ((5, 30), (20, 18), (33, 6)):
        assert float(two.evaluate(jnp.array([X[i], Y[j]])).value) == pytest.approx(BOWL[i, j] - 7.0, abs=1e-4)
    three = surface(3)
    here, there = (three.evaluate(jnp.array([0.9, 2.0, angle])) for angle in (2.0, 2.0 - 4 * np.pi))
    assert float(here.value) == pytest.approx(float(there.value), abs=1e-9)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_derivatives_of_surfaces_inside_and_outside_their_box(dimensions):
    member = surface(dimensions)
    evaluate = jax.jit(lambda u: member.evaluate(u))
    generator = np.random.default_rng(1)
    for u in generator.uniform([-4.0, -2.0, -9.0][:dimensions], [5.0, 8.0, 9.0][:dimensions], (12, dimensions)):
        here = evaluate(jnp.asarray(u))
        assert float(here.value) >= 0
        assert np.linalg.eigvalsh(here.weight).min() > -1e-9
        for i in range(dimensions):
            step = 1e-5 * np.eye(dimensions)[i]
            ahead, behind = evaluate(jnp.asarray(u + step)), evaluate(jnp.asarray(u - step))
            # central differences: third derivatives of 1e2 times step^2, rounding 1e-13 / step
            slope = float(ahead.value - behind.value) / 2e-5
            assert slope == pytest.approx(float(here.gradient[i]), rel=1e-5, abs=1e-5)
            np.testing.assert_allclose((ahead.gradient - behind.gradient) / 2e-5, here.hessian[i], rtol=1e-4, atol=1e-2)


def test_an_indefinite_curvature_is_raised_and_a_definite_one_kept():
    good = np.array([[2.0, 1.0], [1.0, 3.0]])
    np.testing.assert_array_equal(positive_curvature(jnp.asarray(good)), good)
    raised = positive_curvature(jnp.asarray([[1.0, 5.0], [5.0, -2.0]]))
    assert np.linalg.eigvalsh(raised).min() >= -1e-12  # rounding of a dominated matrix


def test_the_lowest_point_of_a_grid_is_found_without_compiling():
    grid = Grid.of([X, Y], BOWL)
    point, value = lowest_point(grid, [X, Y], BOWL)
    np.testing.assert_allclose(point, [0.52, 3.1], atol=1e-4)
    assert value == pytest.approx(7.0, abs=1e-6)


def test_slope_and_curvature_are_derivatives_of_the_excess():
    data = LIKELIHOOD.best + 0.1

    def total(theta):
        return LIKELIHOOD.excess(LIKELIHOOD.space.unpack(theta), data)

    theta = LIKELIHOOD.space.pack(POINT)
    here = jax.jit(lambda at: quadratic(LIKELIHOOD, at, data, "observed"))(theta)  # exact, as the prediction is linear
    np.testing.assert_allclose(here.gradient, jax.jit(jax.grad(total))(theta), rtol=1e-8)
    np.testing.assert_allclose(here.hessian, jax.jit(jax.hessian(total))(theta), rtol=1e-7, atol=1e-8)


def test_a_fit_of_its_own_expectation_finds_the_truth():
    data = LIKELIHOOD.expected(POINT)
    result = fit(LIKELIHOOD, data, start={"a": 0.4, "b": 0.5, "c": 0.7})
    assert result.excess == pytest.approx(0.0, abs=1e-10)
    np.testing.assert_allclose(result.theta, list(POINT.values()), atol=1e-5)  # EDM 1e-8


def test_the_score_of_drawn_data_has_mean_zero():
    n = 6000
    theta = LIKELIHOOD.space.pack(POINT)

    def score(key):
        data = LIKELIHOOD.simulate(key, POINT)
        return quadratic(LIKELIHOOD, theta, data, "observed").gradient

    scores = np.asarray(jax.jit(jax.vmap(score))(jax.random.split(jax.random.key(2), n)))
    # 4 standard errors, three numbers
    assert (np.abs(scores.mean(0)) < 4 * scores.std(0) / np.sqrt(n)).all()


def test_log_prob_integrates_to_one_over_the_data():
    curve = tabulated_curve(X, 3 * (X - 0.3) ** 2 + (X - 0.3) ** 4)
    one = TabulatedProfiles(LinearTemplates.of({"x": [1.0]}), [curve])
    grid = np.linspace(-6.0, 8.0, 4001)
    density = np.exp(jax.vmap(lambda d: one.log_prob({"x": 0.7}, d[None]))(grid))
    assert float(density.sum() * (grid[1] - grid[0])) == pytest.approx(1.0, abs=1e-4)  # 1024-step normalisation


def test_bad_input_is_refused():
    with pytest.raises(InvalidModel, match="the profiles take 2 quantities"):
        TabulatedProfiles(LinearTemplates.of({"x": [1.0]}), [surface(2)])
    with pytest.raises(InvalidData, match="expected 6 finite numbers"):
        LIKELIHOOD.prepare([1.0, 2.0])
    with pytest.raises(InvalidData, match="not evenly spaced"):
        Surface.of([X**3, Y], BOWL)
    with pytest.raises(InvalidData, match=r"entry \(3, 4\) is not finite"):
        Surface.of([X, Y], np.where((np.arange(41)[:, None] == 3) & (np.arange(37) == 4), np.nan, BOWL))
    with pytest.raises(InvalidData, match="stays below 1"):
        Surface.of([X, Y], 0.0 * BOWL)
    with pytest.raises(InvalidData, match="not one cycle"):
        Grid.of([X, Y], BOWL, periods=[None, 7.0])
