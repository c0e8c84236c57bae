"""Batches of fits under stored templates in numpy: the ends of compiled fits, and what is left to them."""

import jax.numpy as jnp
import numpy as np
import pytest

from wilks import fit_many, profile
from wilks.inference.lanes import Settings, evaluate_lanes, fit_lanes, saturated_lanes, take_lanes
from wilks.inference.newton import CONVERGED
from wilks.inference.quadratic import excess
from wilks.inference.template_newton import fit_templates
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.results.status import Status

SIGNAL = np.array([0.2, 1.0, 5.0, 8.0, 4.0, 1.0, 0.2, 0.1])
BACKGROUND = np.array([12.0, 10.0, 8.0, 6.0, 5.0, 4.0, 3.0, 2.0])
SETTINGS = Settings("observed", 1e-10)
LANES = 300


def likelihood_of(model=None, lower=0.0):
    parameters = {"s": Parameter("s", 1.0, lower=lower, upper=4.0), "b": Parameter("b", 1.0, lower=0.0)}
    templates = {"s": SIGNAL, "b": BACKGROUND}
    variances = {"s": 0.2 * SIGNAL, "b": 0.5 * BACKGROUND} if model else None
    predictor = LinearTemplates.of(templates, variances=variances, parameters=parameters)
    return PoissonCounts(predictor, template_statistics=model)


def toys_of(model=None, seed=2):
    """Toys with much signal, little, and none."""
    random = np.random.default_rng(seed)
    strength = np.repeat([2.0, 0.3, 0.0], LANES // 3)[:, None]
    counts = random.poisson(strength * SIGNAL + BACKGROUND).astype(float)
    simulation = 1.0 + 0.1 * random.standard_normal(counts.shape) if model else np.ones((LANES, 0))
    return CountsData(counts, np.zeros((LANES, 0)), simulation)


def starts(held=False):
    free = np.ones((LANES, 2), dtype=bool)
    start = np.ones((LANES, 2))
    if held:
        free[:, 0] = False
        start[:, 0] = np.linspace(0.0, 3.0, LANES)
    return start, free


@pytest.mark.parametrize(("model", "held"), [(None, False), (None, True), ("conway", False), ("poisson", False)])
def test_lanes_end_where_compiled_ones_do(model, held):
    likelihood, data, (start, free) = likelihood_of(model), toys_of(model), starts(held)
    found = fit_templates(likelihood, data, start, free, likelihood.space, SETTINGS)
    known = fit_lanes(likelihood, data, start, free, likelihood.space, SETTINGS)
    assert (found.code == CONVERGED).all()
    assert (found.edm < SETTINGS.tolerance).all()
    # either end is right to sqrt(2 EDM) of its errors, here below 1; a value to its EDM
    np.testing.assert_allclose(found.theta, known.theta, atol=3e-5)
    np.testing.assert_allclose(found.value, known.value, rtol=1e-12, atol=3e-10)
    assert (found.theta[free] == known.theta[free])[known.theta[free] == 0.0].all()
    if not held:
        assert (found.theta[:, 0] == 0.0).sum() > 20  # bounds are reached exactly
        # gradients: at bounds of order 1, elsewhere what an EDM of 1e-10 leaves under curvatures up to 50
        np.testing.assert_allclose(found.gradient, known.gradient, rtol=1e-3, atol=2e-4)


def test_a_lane_has_the_same_bits_in_any_company():
    likelihood, data, (start, free) = likelihood_of(), toys_of(), starts()
    whole = fit_templates(likelihood, data, start, free, likelihood.space, SETTINGS)
    for some in (np.array([5]), np.array([250, 3]), np.arange(17, 280)):
        few = fit_templates(likelihood, take_lanes(data, some), start[some], free[some], likelihood.space, SETTINGS)
        for one, other in zip(whole, few, strict=True):
            np.testing.assert_array_equal(one[some], other)


def test_starts_far_away_end_in_the_same_place():
    likelihood, data, (start, free) = likelihood_of(), toys_of(), starts()
    near = fit_templates(likelihood, data, start, free, likelihood.space, SETTINGS)
    for far in ([4.0, 300.0], [0.0, 1e-3], [4.0, 0.0]):
        ends = fit_templates(likelihood, data, np.tile(far, (LANES, 1)), free, likelihood.space, SETTINGS)
        assert (ends.code == CONVERGED).all()
        np.testing.assert_allclose(ends.theta, near.theta, atol=3e-5)  # as above


def test_lanes_that_leave_the_physical_domain_are_finished_by_compiled_fits():
    likelihood, data = likelihood_of(lower=-4.0), toys_of()
    counts = data.counts.copy()
    counts[:10, 2:5] = 0.0  # the signal wants to be negative there, further than the expectation allows
    data = CountsData(counts, data.auxiliary, data.simulation)
    start, free = starts()
    ends = fit_templates(likelihood, data, start, free, likelihood.space, SETTINGS)
    assert 0 < (ends.code != CONVERGED).sum() <= 10
    table = fit_many(likelihood, data)
    known = fit_lanes(likelihood, data, start, free, likelihood.space, Settings("observed", 1e-6))
    assert table.status.max() <= Status.AT_BOUND.code
    np.testing.assert_allclose(table.theta, known.theta, atol=3e-3)  # the tolerance of tables: 1.4e-3 of an error


def test_lanes_with_numbers_that_are_none_do_not_disturb_others():
    likelihood, data = likelihood_of(), toys_of()
    counts = data.counts.copy()
    counts[7] = np.nan
    table = fit_many(likelihood, CountsData(counts, data.auxiliary, data.simulation))
    rest = np.arange(LANES) != 7
    assert table.status[7] == Status.FAILED.code
    np.testing.assert_array_equal(table.theta[rest], fit_many(likelihood, data).theta[rest])


def test_evaluations_agree_with_the_likelihood():
    likelihood, data = likelihood_of("conway"), toys_of("conway")
    theta = np.random.default_rng(3).uniform(0.5, 2.0, (LANES, 2))
    value, saturated = evaluate_lanes(likelihood, data, theta), saturated_lanes(likelihood, data)
    theta[1] = [1.0, -0.5]  # where the cost is continued
    value[1] = evaluate_lanes(likelihood, data, theta)[1]
    known = excess(likelihood, jnp.asarray(theta[1]), CountsData(data.counts[1], np.zeros(0), data.simulation[1]))
    np.testing.assert_allclose(value[1], float(known), rtol=1e-12)
    for lane in (0, 150, 299):
        one = CountsData(data.counts[lane], np.zeros(0), data.simulation[lane])
        log_prob = likelihood.log_prob(likelihood.space.unpack(theta[lane]), one)
        np.testing.assert_allclose(saturated[lane] - value[lane], float(log_prob), rtol=1e-12)  # rounding


def test_profiles_follow_the_minimum_along_the_grid():
    likelihood, data = likelihood_of(), toys_of()
    scan = profile(likelihood, data.counts[0], "s", np.linspace(0.0, 4.0, 9))
    for value, theta in zip(scan.grid[0], scan.theta, strict=True):
        slope = BACKGROUND.sum() - (data.counts[0] / (value * SIGNAL + theta[1] * BACKGROUND)) @ BACKGROUND
        assert abs(slope) < 1e-3  # an EDM of 1e-10 under a curvature of 50 leaves 1e-4
