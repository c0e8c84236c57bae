import dataclasses
import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from tests.likelihood.event_sources import Decay, Peak
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, InvalidParameter, UnknownName
from wilks.data.events import Events
from wilks.likelihood.components import SUFFIX
from wilks.likelihood.event_padding import bucket_of
from wilks.likelihood.joint import Joint
from wilks.likelihood.unbinned import Unbinned
from wilks.model.predictor import Auxiliary
from wilks.model.sources import AbstractEventSource
from wilks.model.staging import AbstractStagedSource

POINT = {"sig" + SUFFIX: 1.3, "bkg" + SUFFIX: 0.8, "m": 5.2, "s": 0.6}
EMPTY = Events({"x": np.zeros(0)})


@functools.cache
def mixture(**more) -> Unbinned:
    """A peak on an exponential background, both rates and the peak's shape free."""
    sources = {"sig": Peak(20.0, 5.0, 0.5), "bkg": Decay(60.0)}
    return Unbinned(sources, free_rates=["sig", "bkg"], free={"m": (3, 7), "s": (0.1, 2)}, **more)


def measured(**more) -> Unbinned:
    """The same with a measured peak position."""
    return mixture(constraints=(Auxiliary("m", "gaussian", 0.2, 5.1),), **more)


def some(n: int = 41, seed: int = 5) -> Events:
    return Events({"x": np.random.default_rng(seed).uniform(0.0, 10.0, n)})


def by_hand(values, x) -> float:
    """Extended ln L of the mixture, written out in numpy."""

    m, s, a, b = values["m"], values["s"], values["sig" + SUFFIX], values["bkg" + SUFFIX]
    peak = 20 * norm.pdf(x, m, s)
    decay = 60 * np.exp(-x / 4) / 4 / (1 - np.exp(-10 / 4))
    mu = a * 20 * (norm.cdf(10, m, s) - norm.cdf(0, m, s)) + b * 60
    return float(np.sum(np.log(a * peak + b * decay)) - mu)


@eqx.filter_jit
def expand(likelihood, theta, data):
    return likelihood.expand(theta, data)


@eqx.filter_jit
def excess(likelihood, theta, data):
    return likelihood.excess(theta, data)


@eqx.filter_jit
def slope(likelihood, theta, data):
    return jax.grad(likelihood.excess)(theta, data)


@eqx.filter_jit
def curvature(likelihood, theta, data):
    return jax.hessian(likelihood.excess)(theta, data)


def log_prob(likelihood, values, data) -> float:
    return -float(excess(likelihood, likelihood.space.pack(values), data))


def test_the_log_density_is_the_sum_written_out():
    events = some()
    likelihood = mixture()
    value = log_prob(likelihood, POINT, likelihood.prepare(events))
    assert value == pytest.approx(by_hand(POINT, events["x"]), rel=1e-13)  # rounding of 41 terms


@pytest.mark.parametrize("likelihood", [mixture(), measured()], ids=["plain", "constrained"])
def test_expansion_gives_value_gradient_and_the_products_of_scores(likelihood):
    data = likelihood.prepare(some())
    theta = likelihood.space.pack(POINT)
    found = expand(likelihood, theta, data)
    assert float(found.value) == pytest.approx(-log_prob(likelihood, POINT, data), rel=1e-14)
    assert np.asarray(found.gradient) == pytest.approx(
        np.asarray(slope(likelihood, theta, data)), rel=1e-10
    )  # same sums in another order
    empty = slope(mixture(), theta, mixture().prepare(EMPTY))
    singles = [mixture().prepare(some().where(slice(i, i + 1))) for i in range(41)]
    scores = np.array([empty - slope(mixture(), theta, one) for one in singles])
    products = scores.T @ scores
    if len(likelihood.constraints):
        products[2, 2] += 1 / 0.2**2
    assert np.asarray(found.curvature) == pytest.approx(products, rel=1e-9, abs=1e-9)


@settings(max_examples=15)
@given(st.floats(0.05, 4.0), st.floats(0.05, 4.0), st.floats(3.2, 6.8), st.floats(0.15, 1.9), st.integers(0, 60))
def test_gradients_agree_with_finite_differences(a, b, m, s, n):
    likelihood = measured()
    data = likelihood.prepare(some(n))
    theta = np.array([a, b, m, s])
    gradient = np.asarray(expand(likelihood, theta, data).gradient)
    for i in range(4):
        step = 1e-5 * np.eye(4)[i]
        up, down = (float(excess(likelihood, theta + sign * step, data)) for sign in (1, -1))
        # truncation: step^2/6 times the third derivative (up to 1e5 for a narrow peak), rounding 1e-13/step
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=2e-5, abs=2e-5)


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 48, 49, 100])
def test_padding_adds_exactly_nothing(n):
    likelihood = measured()
    alone = likelihood.prepare(some(n))
    padded = jax.tree.map(lambda x: x[0], likelihood.stack([some(n), some(200)]))
    assert alone.tables[0].weights.shape == (bucket_of(n),)
    assert padded.tables[0].weights.shape == (bucket_of(200),)
    theta = likelihood.space.pack(POINT)
    one, two = expand(likelihood, theta, alone), expand(likelihood, theta, padded)
    assert float(one.value) == pytest.approx(float(two.value), rel=1e-13)  # sums associate differently
    assert np.asarray(one.gradient) == pytest.approx(np.asarray(two.gradient), rel=1e-12, abs=1e-12)
    assert np.asarray(one.curvature) == pytest.approx(np.asarray(two.curvature), rel=1e-12, abs=1e-12)
    assert np.isfinite(curvature(likelihood, theta, padded)).all()


def test_long_lists_summed_in_blocks_give_the_same():
    events = some(1000)
    whole, parts = measured(), measured(events_per_block=64)
    theta = whole.space.pack(POINT)
    for function in (expand, curvature):
        found = [jax.tree.leaves(function(m, theta, m.prepare(events))) for m in (whole, parts)]
        for one, two in zip(*found, strict=True):
            assert np.asarray(one) == pytest.approx(np.asarray(two), rel=1e-11, abs=1e-9)  # other order of 1000 terms


def test_without_events_the_log_density_is_minus_the_expected_number_and_the_constraint():
    likelihood = measured()
    value = log_prob(likelihood, POINT, likelihood.prepare(EMPTY))
    mu = sum(float(v) for v in likelihood.expected_events(POINT).values())
    constraint = -0.5 * ((5.2 - 5.1) / 0.2) ** 2 - np.log(0.2 * np.sqrt(2 * np.pi))
    assert value == pytest.approx(-mu + constraint, rel=1e-14)


def test_constraints_are_added_once_whatever_the_number_of_events_and_blocks():
    for n in (0, 25, 200):
        for block in (64, 2048):
            plain, constrained = mixture(events_per_block=block), measured(events_per_block=block)
            data = some(n)
            gap = log_prob(constrained, POINT, constrained.prepare(data)) - log_prob(plain, POINT, plain.prepare(data))
            expected = -0.5 * ((5.2 - 5.1) / 0.2) ** 2 - np.log(0.2 * np.sqrt(2 * np.pi))
            assert gap == pytest.approx(expected, abs=1e-10)  # difference of numbers near 1e3


def test_a_function_of_the_parameters_is_added_once():
    def log_constraint(values):
        return -0.5 * ((values["s"] - 0.5) / 0.1) ** 2

    likelihood = mixture(constraints=(log_constraint,))
    data = likelihood.prepare(some())
    gap = log_prob(likelihood, POINT, data) - log_prob(mixture(), POINT, data)
    assert gap == pytest.approx(-0.5, abs=1e-10)
    theta = likelihood.space.pack(POINT)
    more = expand(likelihood, theta, data).gradient - expand(mixture(), theta, data).gradient
    assert np.asarray(more) == pytest.approx([0, 0, 0, 10.0], abs=1e-10)


def test_rates_that_never_change_are_kept_as_numbers():
    likelihood = Unbinned({"sig": Peak(), "bkg": Decay()}, free_rates=["sig"], free={"m": (3, 7)})
    held = [component.held for component in likelihood.components]
    assert held == [False, True]
    data = likelihood.prepare(some(7))
    rates = np.asarray(data.tables[0].prepared[1])[:7]
    x = some(7)["x"]
    assert rates == pytest.approx(np.log(100) - x / 4 - np.log(4 * (1 - np.exp(-2.5))), rel=1e-13)


def test_an_event_outside_of_a_source_has_no_rate_under_it_and_one_outside_of_all_is_named():
    likelihood = Unbinned({"sig": Peak(top=6.0), "bkg": Decay(top=8.0)}, free_rates=["sig", "bkg"])
    inside = Events({"x": np.array([1.0, 7.0])})
    assert np.isfinite(
        float(likelihood.log_prob({"sig" + SUFFIX: 1.0, "bkg" + SUFFIX: 1.0}, likelihood.prepare(inside)))
    )
    outside = likelihood.prepare(Events({"x": np.array([1.0, 9.0, 7.0])}))
    values = {"sig" + SUFFIX: 1.0, "bkg" + SUFFIX: 1.0}
    assert float(likelihood.log_prob(values, outside)) == -np.inf
    assert likelihood.unexplained(values, outside)["events"].tolist() == [1]
    off = {"sig" + SUFFIX: 1.0, "bkg" + SUFFIX: 0.0}
    assert likelihood.unexplained(off, outside)["events"].tolist() == [1, 2]
    log_rate = np.log(100) - 7.0 / 4 - np.log(4 * (1 - np.exp(-2.0)))  # of event 2, under the decay alone
    on = {"sig" + SUFFIX: 0.0, "bkg" + SUFFIX: 1.0}
    below, above = (np.exp(log_rate) * factor for factor in (1 - 1e-9, 1 + 1e-9))
    assert likelihood.unexplained(on, outside, below)["events"].tolist() == [1]
    assert likelihood.unexplained(on, outside, above)["events"].tolist() == [1, 2]
    with pytest.raises(InvalidOption, match="threshold"):
        likelihood.unexplained(on, outside, -1.0)


def test_scores_of_simulated_data_have_mean_zero():
    likelihood = measured()
    n = 400
    data = likelihood.simulate_many(jax.random.split(jax.random.key(11), n), POINT)
    theta = likelihood.space.pack(POINT)
    found = jax.lax.map(lambda one: likelihood.expand(theta, one), jax.tree.map(jnp.asarray, data))
    slopes, curvature = np.asarray(found.gradient), np.asarray(found.curvature).mean(axis=0)
    pull = slopes.mean(axis=0) / (slopes.std(axis=0) / np.sqrt(n))
    assert np.abs(pull).max() < 3.5  # four numbers: p = 0.002
    spread = np.cov(slopes.T)
    # the covariance of the score is the mean curvature; each entry of 400 toys is known to sqrt(2/400) = 7 %
    scale = np.sqrt(np.outer(np.diag(curvature), np.diag(curvature)))
    assert np.abs((spread - curvature) / scale).max() < 0.3


def test_equal_keys_give_equal_sets_whoever_stands_beside_them():
    likelihood = measured()
    keys = jax.random.split(jax.random.key(2), 5)
    many, few = likelihood.simulate_many(keys, POINT), likelihood.simulate_many(keys[3:4], POINT)
    assert np.array_equal(many.auxiliary[3], few.auxiliary[0])
    for table, alone in zip(many.tables, few.tables, strict=True):
        n = int(alone.weights.sum())
        assert int(table.weights[3].sum()) == n
        assert np.array_equal(np.asarray(table.prepared[0])[3, :n], np.asarray(alone.prepared[0])[0, :n])


def test_the_events_at_a_smaller_rate_are_among_those_at_a_larger_one():
    likelihood = mixture()
    key = jax.random.key(4)
    sets = [
        set(likelihood.simulate_events(key, {**POINT, "sig" + SUFFIX: rate})["events"]["x"].tolist())
        for rate in (0.0, 0.4, 1.0, 2.7)
    ]
    for smaller, larger in itertools.pairwise(sets):
        assert smaller < larger


@pytest.mark.parametrize("rate", [0.03, 1.0, 3.4])
def test_numbers_are_poisson_at_any_rate(rate):
    likelihood = Unbinned({"bkg": Decay(50.0)}, free_rates=["bkg"])
    n = 600
    data = likelihood.simulate_many(jax.random.split(jax.random.key(8), n), {"bkg" + SUFFIX: rate})
    counts = data.tables[0].weights.sum(axis=-1)
    mu = 50 * rate
    assert abs(counts.mean() - mu) < 4 * np.sqrt(mu / n)  # p = 6e-5
    assert counts.var() == pytest.approx(mu, rel=5 * np.sqrt((2 + 1 / mu) / n))  # five errors of a Poisson variance


def test_sources_are_told_apart_in_simulated_tables():
    events = mixture().simulate_events(jax.random.key(1), POINT)["events"]
    assert set(events["source"].tolist()) == {"sig", "bkg"}
    order = np.flatnonzero(events["source"] == "sig")
    assert order.max() - order.min() + 1 > len(order)  # shuffled, not one source after the other


def test_toys_redraw_the_auxiliary_data():
    data = measured().simulate_many(jax.random.split(jax.random.key(3), 500), POINT)
    drawn = data.auxiliary[:, 0]
    assert abs(drawn.mean() - 5.2) < 4 * 0.2 / np.sqrt(500)
    assert drawn.std() == pytest.approx(0.2, rel=5 / np.sqrt(1000))  # five errors of a standard deviation


def test_asimov_data_stand_for_their_expectation():
    likelihood = measured()
    data = likelihood.expected(POINT)
    mu = sum(float(v) for v in likelihood.expected_events(POINT).values())
    assert float(np.sum(data.tables[0].weights)) == pytest.approx(mu, rel=4 / np.sqrt(100 * mu))
    assert np.asarray(data.auxiliary) == pytest.approx([5.2])
    again = likelihood.expected(POINT)
    assert np.array_equal(data.tables[0].weights, again.tables[0].weights)


def test_data_sets_share_parameters_and_add_up():
    likelihood = Unbinned(
        {"one": {"sig1": Peak(20.0), "bkg1": Decay(60.0)}, "two": {"sig2": Peak(5.0)}},
        free_rates=["sig1", "bkg1"],
        free={"m": (3, 7)},
    )
    assert likelihood.space.names == ("sig1" + SUFFIX, "bkg1" + SUFFIX, "m")
    values = {"sig1" + SUFFIX: 1.1, "bkg1" + SUFFIX: 0.9, "m": 5.3}
    first = Unbinned({"sig1": Peak(20.0), "bkg1": Decay(60.0)}, free_rates=["sig1", "bkg1"], free={"m": (3, 7)})
    second = Unbinned({"sig2": Peak(5.0)}, free={"m": (3, 7)})
    joint = Joint({"one": first, "two": second})
    data = {"one": some(12), "two": some(3, 1)}
    together = log_prob(likelihood, values, likelihood.prepare(data))
    ready = joint.prepare(data)
    apart = sum(log_prob(joint.parts[n], joint.values_of(n, values), ready[n]) for n in data)
    assert together == pytest.approx(apart, rel=1e-13)


def test_free_rates_start_at_one_event_each_and_the_first_takes_what_is_left():
    likelihood = mixture()
    space = likelihood.space
    start = likelihood.count_starts(likelihood.prepare(some(30)), space.starts, space.free_mask)
    totals = {
        name: float(v)
        for name, v in likelihood.expected_events({**dict.fromkeys(POINT, 1.0), "m": 5.0, "s": 0.5}).items()
    }
    assert start[0] == pytest.approx(29 / totals["sig"])  # one event, and 30 - 2 more
    assert start[1] == pytest.approx(1 / totals["bkg"])
    few = likelihood.count_starts(likelihood.prepare(EMPTY), space.starts, space.free_mask)
    assert few[0] == pytest.approx(1 / totals["sig"])


def test_a_source_may_stage_what_never_changes():
    likelihood = Unbinned({"bkg": Staged(Decay().space, Decay())}, free_rates=["bkg"], free={"tau": (1, 10)})
    assert isinstance(likelihood.components[0].source, Decay)


class Staged(AbstractStagedSource):
    """A source that has something to stage."""

    space: object
    inner: Decay

    def staged(self, free: tuple[str, ...]) -> AbstractEventSource:
        assert free == ("tau",)
        return self.inner

    def prepare(self, events):
        return self.inner.prepare(events)

    def log_rate(self, values, prepared):
        return jnp.full(prepared.shape, jnp.nan)

    def expected_events(self, values):
        return self.inner.expected_events(values)

    def simulate(self, keys, values):
        return self.inner.simulate(keys, values)


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: Unbinned({}), InvalidModel, "at least one source"),
        (lambda: Unbinned({"a": Peak}), InvalidModel, "'a' is a"),
        (lambda: Unbinned({"x": {"a": Peak()}, "y": {"a": Peak()}}), InvalidModel, "'x' and 'y'"),
        (lambda: Unbinned({"x": {}}), InvalidModel, "'x' has no source"),
        (lambda: Unbinned({"sig": Peak()}, free_rates=["sgi"]), UnknownName, "did you mean 'sig'"),
        (lambda: Unbinned({"sig": Peak()}, free={"tau": (1, 2)}), UnknownName, "no source has a parameter 'tau'"),
        (lambda: Unbinned({"sig": Peak()}, free={"m": (7, 3)}), InvalidParameter, "leave no room"),
        (lambda: Unbinned({"sig": Peak()}, free={"m": (6, 7)}), InvalidParameter, "start value 5.0 lies outside"),
        (lambda: Unbinned({"a": Decay(), "b": Decay(tau=3.0)}), InvalidParameter, "source 'a' and 3 in source 'b'"),
        (lambda: Unbinned({"sig": Peak()}, constraints=["m"]), InvalidModel, "neither an Auxiliary nor a function"),
        (lambda: Unbinned({"sig": Peak()}, events_per_block=0), InvalidOption, "at least 1"),
        (lambda: mixture().prepare(np.zeros(3)), InvalidData, "expected Events"),
        (lambda: mixture().prepare({"evnets": EMPTY}), UnknownName, "did you mean 'events'"),
        (lambda: mixture().prepare({"events": [1.0]}), InvalidData, "expected Events"),
        (lambda: mixture().prepare(Events({"x": np.array([1.0, np.nan])})), InvalidData, "event 1"),
        (lambda: measured().prepare({"events": EMPTY, "auxiliary": {"s": 1.0}}), UnknownName, "no auxiliary"),
        (lambda: measured().prepare({"events": EMPTY, "auxiliary": {"m": np.inf}}), InvalidData, "not finite"),
        (
            lambda: mixture().simulate(jax.random.key(1), {**POINT, "sig" + SUFFIX: -1.0}),
            InvalidOption,
            "cannot be drawn",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(build, error, words):
    with pytest.raises(error, match=words.replace("(", "\\(")):
        build()


def test_auxiliary_data_can_be_given():
    data = measured().prepare({"events": EMPTY, "auxiliary": {"m": 4.9}})
    assert np.asarray(data.auxiliary) == pytest.approx([4.9])


def test_parameters_with_their_bounds_come_in_order():
    space = mixture().space
    assert space.names == ("sig" + SUFFIX, "bkg" + SUFFIX, "m", "s")
    assert space["m"].lower == 3.0
    assert space["s"].upper == 2.0
    assert space["sig" + SUFFIX].lower == 0.0
    kept = Unbinned({"sig": Peak()}, free={"s": None}).space["s"]
    assert kept == dataclasses.replace(Peak().space["s"], fixed=False)


def test_buckets_hold_their_events_and_waste_at_most_half_or_a_quarter():
    for n in (*range(1, 5000, 7), *range(8193, 40_000, 101)):
        bucket = bucket_of(n)
        assert n <= bucket
        assert bucket <= max((1.5 if n <= 8192 else 1.25) * n, 32) + 1
    assert len({bucket_of(n) for n in range(33, 8193)}) == 16  # two per octave
    assert len({bucket_of(n) for n in range(8193, 65_537)}) == 12  # four per octave
