"""Fits from many starts: the lowest minimum, all others, their images, and starts that lead nowhere."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.models import OBSERVED, double_well, line, peak, plane, systematics
from wilks._base.errors import FitFailed, InvalidModel, InvalidOption
from wilks.inference import multistart
from wilks.inference.clusters import cluster, images, metric, wrapped_difference
from wilks.inference.fitting import fit, minimise
from wilks.inference.minimisers import Minuit
from wilks.inference.multistart import Multistart, draw_starts
from wilks.inference.problem import pose
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.interface import AbstractLikelihood, AbstractNamedTerms
from wilks.likelihood.joint import Joint
from wilks.model.predictor import AbstractPredictor
from wilks.model.user_functions.function import UserFunction, user_function
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status
from wilks.results.store import load

SQUARE = ParameterSpace((Parameter("x", 0.3, -5.0, 5.0), Parameter("y", 0.1, -5.0, 5.0)))


def himmelblau(values):
    """Four minima, tilted so that the lowest lies at (-3.79, -3.30)."""
    x, y = values["x"], values["y"]
    return 0.01 * ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2 + x + y)


def well(values):
    return double_well(values)


@pytest.fixture(scope="module")
def found():
    return minimise(himmelblau, SQUARE, start=Multistart(64, key=1))


# --- minima


def test_all_four_minima_are_found_lowest_first(found):
    assert len(found.minima) == 4
    assert found.minima.hits.sum() == found.minima.starts == 64
    assert (np.diff(found.minima.nll) > 0).all()
    assert found.minima.outcomes == {"ok": 64}
    assert found.minima.unseen == np.mean(found.minima.hits == 1)
    for minimum in found.minima:
        gradient = jax.grad(lambda theta: himmelblau(SQUARE.unpack(theta)))(SQUARE.pack(minimum.values))
        np.testing.assert_allclose(gradient, 0.0, atol=1e-7)  # EDM 1e-13 with a curvature of order 1
        assert minimum.nll == pytest.approx(float(himmelblau(minimum.values)), abs=1e-12)


def test_the_result_is_the_lowest_minimum_with_the_errors_of_a_single_fit(found):
    alone = minimise(himmelblau, SQUARE, start={"x": -3.8, "y": -3.3})
    assert found.values == found.minima.values() == pytest.approx(alone.values, abs=1e-5)  # EDM 1e-10
    assert found.errors == pytest.approx(alone.errors, rel=1e-5)
    assert found.nll == found.minima.nll[0]
    assert found.status is Status.OK
    assert found.flags == {}
    assert "the lowest of 4 distinct minima from 64 starts" in str(found)


def test_a_single_fit_has_no_minima():
    assert minimise(well, line(0.9)).minima is None


def test_equal_keys_give_equal_answers_and_others_the_same_minima(found):
    again = minimise(himmelblau, SQUARE, start=Multistart(64, key=jax.random.key(1)))
    np.testing.assert_array_equal(again.minima.theta, found.minima.theta)
    np.testing.assert_array_equal(again.minima.hits, found.minima.hits)
    other = minimise(himmelblau, SQUARE, start=Multistart(64, key=2))
    np.testing.assert_allclose(other.minima.theta, found.minima.theta, atol=1e-6)
    assert not np.array_equal(other.minima.hits, found.minima.hits)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_answer_does_not_depend_on_the_batch(found, batch, monkeypatch):
    monkeypatch.setattr(multistart, "SMALL_BATCH", batch)
    other = minimise(himmelblau, SQUARE, start=Multistart(64, key=1))
    np.testing.assert_array_equal(other.minima.hits, found.minima.hits)
    np.testing.assert_allclose(other.minima.theta, found.minima.theta, atol=1e-6)  # EDM 1e-13


def test_minima_save_and_load_alone_and_inside_their_fit(found, tmp_path):
    back = load(found.save(tmp_path / "fit.npz"))
    assert str(back) == str(found)
    np.testing.assert_array_equal(back.minima.theta, found.minima.theta)
    assert str(load(found.minima.save(tmp_path / "minima.json"))) == str(found.minima)


def test_a_lowest_minimum_hit_once_is_flagged():
    narrow = minimise(
        lambda v: 0.5 * v["x"] ** 2 - 30.0 * jnp.exp(-0.5 * ((v["x"] - 4.0) / 0.02) ** 2),
        line(0.0, lower=-5.0, upper=5.0),
        start=Multistart(3, key=1, draw=lambda key, space, n: np.array([[0.5], [-3.0], [4.005]])),
    )
    assert narrow.values["x"] == pytest.approx(4.0, abs=1e-3)
    assert narrow.minima.hits.tolist() == [1, 2]
    assert narrow.minima.unseen == pytest.approx(1 / 3)
    assert "only 1 of 3 starts led to the lowest minimum" in narrow.flags["best_minimum_hit_once"]
    assert narrow.flags == narrow.minima.flags


def test_a_likelihood_of_cells_is_fitted_from_many_starts():
    many, one = fit(peak(), OBSERVED, start=Multistart(32, key=3)), fit(peak(), OBSERVED)
    assert many.values == pytest.approx(one.values, abs=1e-4 * one.errors["s"])
    assert many.nll == pytest.approx(one.nll, abs=1e-9)
    assert many.minima.hits.tolist() == [32]
    assert many.minima.nll[0] == pytest.approx(many.nll, abs=1e-12)


def test_minima_on_bounds_are_told_apart():
    found = minimise(
        lambda v: -0.5 * v["x"] ** 2 - 0.1 * v["x"], line(0.3, lower=-1.0, upper=1.0), start=Multistart(16, 1)
    )
    assert found.minima.theta.tolist() == [[1.0], [-1.0]]
    assert [m.status for m in found.minima] == [Status.AT_BOUND] * 2
    assert found.at_upper == ("x",)


def test_angles_are_one_minimum_across_the_cut():
    cycle = ParameterSpace((Parameter("phi", 0.0, period=2 * np.pi),))
    found = minimise(lambda v: 5 * (1 + jnp.cos(v["phi"])), cycle, start=Multistart(16, key=1))
    assert len(found.minima) == 1
    assert abs(found.values["phi"]) == pytest.approx(np.pi, abs=1e-6)


def test_a_flat_valley_is_reported_as_such():
    valley = minimise(lambda v: (v["x"] + v["y"] - 1) ** 2, plane(), start=Multistart(8, key=1), throw=False)
    assert valley.status is Status.NOT_PD
    assert valley.minima.outcomes == {"not_pd": 8}


# --- starts


def test_starts_follow_priors_bounds_and_auxiliary_measurements():
    space = ParameterSpace(
        (
            Parameter("normal", 0.0, prior=Normal(2.0, 0.5)),
            Parameter("cut", 3.0, 2.0, 4.0, prior=Normal(2.0, 0.5)),
            Parameter("flat", 0.0, -1.0, 3.0),
            Parameter("above", 1.0, lower=0.5),
            Parameter("below", -7.0, upper=-5.0),
            Parameter("anywhere", 10.0),
            Parameter("angle", 1.0, period=6.0),
            Parameter("held", 4.0, fixed=True),
        )
    )
    problem = pose(_Sum(space), np.zeros(1))
    starts = draw_starts(problem, Multistart(1000, key=5))
    normal, cut, flat, above, below, anywhere, angle, held = starts.T
    # one start per stratum: means are right to the spread over 1000 strata, here 0.1 % of the widths
    assert (np.mean(normal), np.std(normal)) == pytest.approx((2.0, 0.5), abs=5e-3)
    assert np.mean(cut) == pytest.approx(2.0 + 0.5 * np.sqrt(2 / np.pi), abs=5e-3)
    assert (cut.min() >= 2.0, cut.max() <= 4.0) == (True, True)
    np.testing.assert_allclose(np.sort(flat), np.linspace(-1, 3, 1001)[:-1] + 0.002, atol=0.0021)
    assert np.median(above) == pytest.approx(1.0, abs=5e-3)
    assert np.median(below) == pytest.approx(-7.0, abs=1e-2)
    assert (np.mean(anywhere), np.std(anywhere)) == pytest.approx((10.0, 10.0), abs=0.1)
    assert (angle.min(), angle.max()) == pytest.approx((-2.0, 4.0), abs=0.01)
    assert (held == 4.0).all()
    nuisances = draw_starts(pose(systematics(), OBSERVED), Multistart(10, key=5))
    assert (nuisances[:, systematics().space.index("tilt")] == 0.0).all()


def test_own_starts_are_used_as_given():
    def draw(key, space, n):
        assert jax.random.uniform(key).shape == ()
        return jnp.linspace(-2.0, 2.0, n)[:, None]

    starts = draw_starts(pose(_Sum(line()), np.zeros(1)), Multistart(5, key=1, draw=draw))
    assert starts.ravel().tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda key, space, n: np.zeros((n, 2)), r"an array of shape \(4, 2\); expected \(4, 1\)"),
        (lambda key, space, n: np.full((n, 1), np.nan), "'x' is nan in start 0; expected a number in"),
        (lambda key, space, n: np.full((n, 1), 3.0), r"'x' is 3.0 in start 0; expected a number in \[-1.0, 1.0\]"),
    ],
)
def test_bad_starts_are_refused(draw, message):
    with pytest.raises(InvalidOption, match=message):
        minimise(well, line(0.0, lower=-1.0, upper=1.0), start=Multistart(4, key=1, draw=draw))


def test_many_starts_are_not_for_minuit():
    with pytest.raises(InvalidOption, match=r"leave minimiser=Minuit\(\) out"):
        fit(peak(), OBSERVED, start=Multistart(4, key=1), minimiser=Minuit())


def test_at_least_one_start_is_needed():
    with pytest.raises(InvalidOption, match="0 starts; give at least 1"):
        Multistart(0, key=1)


class _Sum(AbstractLikelihood):
    space: ParameterSpace

    def log_prob(self, values, data):
        return -0.5 * jnp.sum(values.theta**2) + 0.0 * jnp.sum(data)


# --- failures


def test_fits_that_lead_nowhere_are_counted():
    hole = minimise(
        lambda v: jnp.where(jnp.abs(v["x"]) > 1.0, jnp.nan, (v["x"] - 0.5) ** 2),
        line(0.0, lower=-4.0, upper=4.0),
        start=Multistart(32, key=1),
    )
    assert hole.minima.outcomes == {"ok": 8, "nonfinite": 24}
    assert hole.values["x"] == pytest.approx(0.5, abs=1e-6)


def test_no_start_that_leads_anywhere_is_a_failed_fit():
    with pytest.raises(FitFailed, match="the likelihood is not finite"):
        minimise(lambda v: jnp.nan * v["x"], line(), start=Multistart(3, key=1))


class Curve(AbstractPredictor):
    space: ParameterSpace
    function: UserFunction

    def __call__(self, values):
        return self.function(values)


def only_above(limit):
    def branching(p):
        if p["x"] < limit:
            raise ArithmeticError("x is too small")
        return np.array([p["x"] ** 2, p["y"]])

    return branching


POSITIVE = ParameterSpace((Parameter("x", 0.3, -5.0, 5.0), Parameter("y", 0.5, 0.1, 5.0)))


def measured(limit):
    return PoissonCounts(Curve(POSITIVE, user_function(only_above(limit), POSITIVE)))


def test_a_function_called_point_by_point_is_fitted_like_any_other():
    likelihood = measured(-6.0)
    found = fit(likelihood, np.array([4, 1]), start=Multistart(16, key=1))
    assert found.minima.hits.sum() == 16
    np.testing.assert_allclose(np.sort(found.minima.theta[:, 0]), [-2.0, 2.0], atol=1e-4)
    assert found.errors["x"] == pytest.approx(0.5, rel=1e-4)  # second derivatives by differences
    assert found.errors["y"] == pytest.approx(1.0, rel=1e-4)


def test_starts_at_which_a_function_raises_are_lost_and_counted():
    found = fit(measured(0.0), np.array([4, 1]), start=Multistart(16, key=1))
    assert found.values["x"] == pytest.approx(2.0, abs=1e-4)
    assert found.minima.outcomes["nonfinite"] == 8
    assert len(found.minima) == 1


def test_if_all_starts_fail_the_first_exception_is_raised_with_its_point():
    def draw(key, space, n):
        return np.stack([np.linspace(-5, -4, n), np.ones(n)], axis=1)

    likelihood = measured(0.0)
    with pytest.raises(ArithmeticError, match="x is too small") as caught:
        fit(likelihood, np.array([4, 1]), start=Multistart(4, key=1, draw=draw))
    assert "at x = -5.0, y = 1.0" in caught.value.__notes__[0]
    with pytest.raises(ArithmeticError, match="x is too small"):
        fit(likelihood, np.array([4, 1]), start={"x": -5.0})
    result = fit(likelihood, np.array([4, 1]), start=Multistart(4, key=1, draw=draw), throw=False)
    assert result.status is Status.FAILED
    assert "ArithmeticError: x is too small; raised by the function 'branching' at x = -5.0" in result.cause
    assert result.minima is None


def by_numpy(values):
    matrix = np.array([[values["x"], 1.0], [1.0, values["y"]]], dtype=float)
    return np.sum((matrix @ matrix.T - 2 * np.eye(2)) ** 2)


def by_cases(values):
    return (values["x"] - 1.0) ** 2 if values["x"] > 0 else 1.0 + values["x"] ** 2


def test_plain_functions_are_minimised():
    compiled = minimise(by_numpy, SQUARE, start=Multistart(16, key=1))
    assert [list(m.values.values()) for m in compiled.minima] == [pytest.approx([1, -1]), pytest.approx([-1, 1])]
    assert minimise(by_cases, line(0.4)).values["x"] == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(TypeError, match="unsupported operand") as caught:
        minimise(lambda v: v["x"] + "1", line())
    assert "at x = " in caught.value.__notes__[0]


FACTOR = 1.0


def scaled(p):
    return np.array([FACTOR * p["x"], p["y"]])


def test_a_fit_notices_that_a_function_has_changed(monkeypatch):
    likelihood = PoissonCounts(Curve(POSITIVE, user_function(scaled, POSITIVE)))
    assert fit(likelihood, np.array([2, 1])).values["x"] == pytest.approx(2.0, abs=1e-4)
    monkeypatch.setitem(scaled.__globals__, "FACTOR", 2.0)
    with pytest.raises(InvalidModel, match="'scaled' reads from its module has changed"):
        fit(likelihood, np.array([2, 1]))


# --- clusters and images


def test_ends_join_by_height_and_distance():
    theta = np.array([[0.0], [0.05], [0.2], [0.0], [1.0]])
    nll = np.array([0.0, 5e-4, 5e-4, 2e-3, 0.0])
    groups = cluster(theta, nll, lambda lane: np.eye(1), line())
    assert groups == [[0, 1], [4], [2], [3]]


def test_the_metric_is_the_curvature_where_it_is_positive():
    theta, free = np.array([3.0, 0.5]), np.array([True, True])
    hessian = np.array([[4.0, 1.0], [1.0, 2.0]])
    np.testing.assert_array_equal(metric(hessian, theta, free), hessian)
    np.testing.assert_allclose(metric(-hessian, theta, free), np.diag([1 / 9, 1.0]))
    np.testing.assert_allclose(metric(hessian, theta, np.array([True, False])), np.diag([4.0, 1.0]))


def test_differences_of_angles_are_wrapped():
    away = wrapped_difference(np.array([6.2, 6.2, -3.5]), np.array([6.28, np.inf, 6.28]))
    np.testing.assert_allclose(away, [-0.08, 6.2, 2.78])


class Squares(AbstractPredictor):
    space: ParameterSpace

    def __call__(self, values):
        return jnp.stack([values["x"] ** 2, values["y"], jnp.nan * values["y"]])


def test_minima_that_predict_the_same_are_images():
    found = minimise(
        lambda v: (v["x"] ** 2 - 1) ** 2 + (v["y"] ** 2 - 1) ** 2 + 0.1 * v["y"], SQUARE, start=Multistart(32, key=1)
    )
    assert len(found.minima) == 4
    groups = images(found.minima, Squares(SQUARE))
    assert groups == ((0, 1), (2, 3))
    assert images(found.minima, found.minima.theta) == ((0,), (1,), (2,), (3,))
    assert images(found.minima, np.zeros((4, 1))) == ((0, 1, 2, 3),)


# --- contributions


class Terms(AbstractNamedTerms):
    space: ParameterSpace
    names: tuple[str, ...] = eqx.field(static=True)

    def contributions(self, values, data):
        return {name: (values["x"] - data[i]) ** 2 for i, name in enumerate(self.names)}

    def log_prob(self, values, data):
        return -0.5 * sum(self.contributions(values, data).values())


def test_named_terms_are_the_contributions_in_their_order():
    terms = Terms(line(), ("zeta", "alpha", "mid"))
    found = fit(terms, np.array([1.0, 2.0, 6.0]))
    assert list(found.contributions) == ["zeta", "alpha", "mid"]
    assert list(found.contributions.values()) == pytest.approx([4.0, 1.0, 9.0], abs=1e-4)
    assert sum(found.contributions.values()) == pytest.approx(found.twice_nll, abs=1e-9)


def test_parts_of_a_joint_contribute_as_a_whole():
    joint = Joint({"peak": peak(), "terms": Terms(line(), ("b", "a"))})
    found = fit(joint, {"peak": OBSERVED, "terms": np.array([1.0, 2.0])})
    alone = fit(peak(), OBSERVED)
    assert found.contributions == pytest.approx({"peak": 2 * alone.excess, "terms": 0.5}, abs=1e-6)
    assert found.contributions["peak"] + found.contributions["terms"] == pytest.approx(2 * found.excess, abs=1e-9)


def test_a_result_without_minima_can_be_given_some(found):
    assert dataclasses.replace(minimise(well, line(0.9)), minima=found.minima).minima.starts == 64


def test_long_fits_far_above_the_lowest_end_are_left_unfinished():
    def slow(values):  # a well, and beyond x = 1 a slope down which each of Newton's steps is 1 long
        x = values["x"]
        return jnp.where(x < 1.0, 4.0 * x**2, 2000.0 + jnp.exp(x))

    starts = np.array([[0.5], [-0.7], [80.0], [90.0]])
    space = ParameterSpace((Parameter("x", 0.5),))
    found = minimise(slow, space, start=Multistart(4, key=1, draw=lambda key, space, n: starts)).minima
    assert found.outcomes == {"ok": 2, "max_iter": 2}
    assert found.hits.tolist() == [2]
