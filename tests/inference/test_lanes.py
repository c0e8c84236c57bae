"""Lanes never mix: the bits of one do not depend on its neighbours, their order, or their number."""

import jax
import numpy as np
import pytest

from tests.inference.models import BACKGROUND, SIGNAL, closed_and_open, peak, readme, systematics
from wilks.inference.fitting import climb_from, fit_many
from wilks.inference.lanes import (
    SMALL_BATCH,
    count_lanes,
    evaluate_lanes,
    hessian_lanes,
    large_batch,
    saturated_lanes,
    stack_lanes,
    take_lanes,
    take_one,
)
from wilks.inference.minimisers import Newton
from wilks.inference.problem import judged
from wilks.inference.statistics import Discovery, Distance, ProfileRatio
from wilks.inference.toys import draw
from wilks.likelihood.counts import PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.results.status import Status

MODELS = {"linear": peak, "systematics": systematics, "one by one": lambda: closed_and_open()[1]}


def drawn(likelihood, n, seed=3):
    return draw(likelihood, jax.random.key(seed), likelihood.space.starts, n)


def same(one, two):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, two, strict=True))


def fits(likelihood, data, batch=SMALL_BATCH):
    problem = judged(likelihood, data)._replace(batch=batch)
    return problem, climb_from(problem, likelihood.space.starts, count_lanes(data))


@pytest.mark.parametrize("name", MODELS)
def test_lanes_give_the_same_bytes_alone_in_another_order_and_among_others(name):
    likelihood = MODELS[name]()
    lanes = 12 if name == "one by one" else 100
    data = drawn(likelihood, lanes)
    _, ends = fits(likelihood, data)
    order = np.random.default_rng(1).permutation(lanes)
    _, shuffled = fits(likelihood, take_lanes(data, order))
    assert same([a[order] for a in ends], shuffled)
    _, few = fits(likelihood, take_lanes(data, np.arange(5)))
    assert same([a[:5] for a in ends], few)
    _, alone = fits(likelihood, take_lanes(data, np.array([7])))
    assert same([a[7:8] for a in ends], alone)


@pytest.mark.parametrize("statistic", [ProfileRatio(held={"s": 1.0}), Discovery("s", 0.0), Distance("saturated")])
def test_statistics_of_a_study_give_the_same_bytes_whatever_their_number(statistic):
    data = drawn(peak(), 150)
    problem, ends = fits(peak(), data, batch=128)
    many = statistic.measure(problem, ends)
    for n in (1, 2, 70):
        share = problem._replace(data=take_lanes(data, np.arange(n)))
        few = statistic.measure(share, type(ends)(*(a[:n] for a in ends)))
        np.testing.assert_array_equal(few, many[:n])


@pytest.mark.parametrize("name", ["linear", "systematics"])
def test_a_lane_without_numbers_fails_alone(name):
    likelihood = MODELS[name]()
    data = drawn(likelihood, 40)
    table = fit_many(likelihood, data)
    broken = type(data)(data.counts.copy(), data.auxiliary, data.simulation)
    broken.counts[17, 3] = np.nan
    other = fit_many(likelihood, broken)
    assert other.statuses[17] is Status.FAILED
    assert other.failed == 1 + table.failed
    keep = np.arange(40) != 17
    for field in ("theta", "nll", "excess", "status", "rung", "edm", "iterations"):
        np.testing.assert_array_equal(getattr(other, field)[keep], getattr(table, field)[keep])


def test_rescued_lanes_do_not_see_each_other():
    # one iteration is too few: every lane climbs the ladder
    likelihood, data = peak(), drawn(peak(), 20)
    problem = judged(likelihood, data, minimiser=Newton(curvature="fisher", max_iterations=2))
    start = np.array([8.0, 0.1])
    ends = climb_from(problem, start, 20)
    assert (ends.rung > 0).any()
    rescued = np.flatnonzero(ends.rung > 0)[-1]
    alone = problem._replace(data=take_lanes(data, np.array([rescued])))
    assert same([a[rescued : rescued + 1] for a in ends], climb_from(alone, start, 1))


def test_auxiliary_data_that_are_no_number_fail_too():
    data = drawn(readme(), 4)
    auxiliary = data.auxiliary.copy()
    auxiliary[2, 0] = np.inf
    table = fit_many(readme(), type(data)(data.counts, auxiliary, data.simulation))
    assert [s is Status.FAILED for s in table.statuses] == [False, False, True, False]


def test_batches_grow_with_the_cache_and_shrink_with_the_problem():
    sizes = [large_batch(2, cells) for cells in (1, 10, 100, 10_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 4 * SMALL_BATCH
    assert sizes[-1] == large_batch(50, 10) == SMALL_BATCH
    assert all(size & (size - 1) == 0 for size in sizes)  # powers of two, which vectorise without remainder


def test_stacking_and_taking_are_inverse():
    data = drawn(systematics(), 5)
    assert count_lanes(data) == 5
    one = take_one(data, 3)
    again = take_one(stack_lanes(one, 4), 2)
    assert same(jax.tree.leaves(one), jax.tree.leaves(again))


def test_values_hessians_and_saturated_terms_of_lanes_are_those_of_single_calls():
    likelihood = PoissonCounts(LinearTemplates.of({"s": SIGNAL, "b": BACKGROUND}))
    data = drawn(likelihood, 3)
    theta = np.array([[1.0, 1.0], [0.5, 1.2], [2.0, 0.9]])
    value, hessian, full = (
        evaluate_lanes(likelihood, data, theta),
        hessian_lanes(likelihood, data, theta),
        saturated_lanes(likelihood, data),
    )
    templates = np.stack([SIGNAL, BACKGROUND], axis=1)
    for lane in range(3):
        one, values = take_one(data, lane), likelihood.space.unpack(theta[lane])
        assert value[lane] == pytest.approx(float(likelihood.excess(values, one)), rel=1e-12)
        assert full[lane] == pytest.approx(float(likelihood.saturated(one)), rel=1e-12)
        weight = one.counts / (templates @ theta[lane]) ** 2
        np.testing.assert_allclose(hessian[lane], templates.T @ (templates * weight[:, None]), rtol=1e-10)
