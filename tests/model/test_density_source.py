"""Sources from plain densities: their norm, what they refuse, what they draw, and fits of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from wilks import Parameter, ParameterSpace, Unbinned, fit
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.data.events import Events
from wilks.model.density_source import DensitySource
from wilks.model.sources import AbstractEventSource

SPACE = ParameterSpace(
    (
        Parameter("f", 0.3, lower=0.0, upper=1.0),
        Parameter("m", 4.7, lower=3.0, upper=7.0),
        Parameter("s", 0.7, lower=0.1, upper=2.0),
    )
)
TRUTH = {"f": 0.2, "m": 5.0, "s": 0.5}


def shape(x, p):
    """A peak on a falling background, of no particular norm."""
    z = (x - p["m"]) / p["s"]
    return 3.0 * p["f"] * jnp.exp(-0.5 * z**2) / p["s"] + (1 - p["f"]) * jnp.exp(-x / 4)


def source(**options):
    return DensitySource(shape, SPACE, **{"limits": (0.0, 10.0), "events": 1000.0, **options})


@pytest.fixture(scope="module")
def data():
    (events,) = source().simulate([jax.random.key(3)], TRUTH)
    return events


def test_rates_integrate_to_the_expected_number():
    made = source()
    for values in ({"f": 0.3, "m": 4.7, "s": 0.7}, TRUTH):
        rate = jax.jit(functools.partial(made.log_rate, values))

        def height(x, rate=rate):
            return float(jnp.exp(rate(np.array([x])))[0])

        total, _ = quad(height, 0.0, 10.0, points=[values["m"]], epsabs=1e-9)
        assert total == pytest.approx(1000.0, rel=1e-8)  # eight nodes in each of 64 panels
    assert float(made.expected_events(TRUTH)) == 1000.0


def test_events_outside_have_no_rate_and_a_fault_stays_visible():
    rates = np.asarray(source().log_rate(TRUTH, np.array([-0.1, 0.0, 10.0, 10.1])))
    assert np.isneginf(rates[[0, 3]]).all()
    assert np.isfinite(rates[1:3]).all()
    assert np.isnan(source().log_rate({**TRUTH, "s": np.nan}, np.array([5.0]))).all()


def test_draws_follow_the_density_and_depend_on_their_key_alone():
    keys = list(jax.random.split(jax.random.key(1), 3))
    made = source(events=5000.0)
    several, alone = made.simulate(keys, TRUTH), made.simulate(keys[1:2], TRUTH)
    np.testing.assert_array_equal(several[1]["x"], alone[0]["x"])
    grid = np.linspace(0.0, 10.0, 20_001)
    heights = np.asarray(shape(grid, TRUTH))
    reached = np.concatenate([[0.0], np.cumsum(heights[1:] + heights[:-1])])
    x = np.concatenate([np.asarray(events["x"]) for events in several])
    assert abs(len(x) - 15_000) < 5 * 15_000**0.5
    assert stats.kstest(x, lambda at: np.interp(at, grid, reached / reached[-1])).pvalue > 1e-3


def test_a_fit_of_the_shape_is_that_of_scipy(data):
    likelihood = Unbinned({"all": source()}, free={"f": None, "m": None, "s": None})
    result = fit(likelihood, data)
    x = np.asarray(data["x"])
    area = 3.0 * np.sqrt(2 * np.pi)

    def nll(theta):
        f, m, s = theta
        inside = np.diff(stats.norm.cdf([0.0, 10.0], m, s))[0]
        norm = area * f * inside + (1 - f) * 4 * (1 - np.exp(-2.5))
        z = (x - m) / s
        return -np.sum(np.log((3 * f * np.exp(-0.5 * z**2) / s + (1 - f) * np.exp(-x / 4)) / norm))

    # the stated minimum is one of another function, to the precision of the fit: a ten-thousandth of an error
    for name, step in (("f", 1e-4), ("m", 1e-4), ("s", 1e-4)):
        best = np.array([result.values[n] for n in SPACE.names])
        moved = best.copy()
        moved[SPACE.names.index(name)] += step
        back = 2 * best - moved
        slope = (nll(moved) - nll(back)) / (2 * step)
        assert abs(slope) * result.errors[name] < 1e-3
    assert all(abs(result.values[n] - TRUTH[n]) < 5 * result.errors[n] for n in SPACE.names)


def test_the_number_of_events_is_judged_where_the_rate_is_free(data):
    likelihood = Unbinned({"all": source()}, free_rates=["all"], free={"f": None, "m": None, "s": None})
    free, held = fit(likelihood, data), fit(Unbinned({"all": source()}, free=dict.fromkeys(SPACE.names)), data)
    assert free.values["all_rate_multiplier"] == pytest.approx(len(data) / 1000.0, rel=1e-6)
    for name in SPACE.names:  # both end where the EDM is below 1e-8: within 1e-4 of an error
        assert free.values[name] == pytest.approx(held.values[name], abs=1e-3 * held.errors[name])


def test_gradients_are_those_of_differences(data):
    likelihood = Unbinned({"all": source()}, free=dict.fromkeys(SPACE.names))
    ready, theta = likelihood.prepare(data), np.array([0.25, 4.9, 0.6])
    found = likelihood.expand(jnp.asarray(theta), ready)
    for i in range(3):
        step = 1e-5 * np.eye(3)[i]
        up, down = (float(likelihood.expand(jnp.asarray(theta + way * step), ready).value) for way in (1, -1))
        assert float(found.gradient[i]) == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-4)
    values = dict(zip(SPACE.names, theta, strict=True))
    assert float(found.value) == pytest.approx(-float(likelihood.log_prob(values, ready)), rel=1e-12)


class Logarithmic(AbstractEventSource):
    """The same source without its plain rates."""

    plain: DensitySource
    space: ParameterSpace

    def prepare(self, events):
        return self.plain.prepare(events)

    def log_rate(self, values, prepared):
        return self.plain.log_rate(values, prepared)

    def expected_events(self, values):
        return self.plain.expected_events(values)

    def simulate(self, keys, values):
        return self.plain.simulate(keys, values)


def falling(x, p):
    return jnp.exp(-x / p["tau"])


@pytest.mark.parametrize("pad", [False, True])
def test_plain_rates_and_logarithms_judge_alike(data, pad):
    """A mixture with free rates, of a moving and a held source, event by event with and without padding rows."""
    decay = DensitySource(
        falling, ParameterSpace((Parameter("tau", 4.0, lower=0.1),)), limits=(0.0, 10.0), events=500.0
    )
    made = {"all": source(), "more": decay}
    options = {"free_rates": ["all", "more"], "free": {"m": None, "s": None}}
    plain = Unbinned(made, **options)
    other = Unbinned({name: Logarithmic(one, one.space) for name, one in made.items()}, **options)
    events = data if pad else Events({"x": np.asarray(data["x"])[:64]})
    theta = jnp.array([0.7, 0.4, 4.9, 0.6])
    here, there = (each.expand(theta, each.prepare(events)) for each in (plain, other))
    np.testing.assert_allclose(here.value, there.value, rtol=1e-13)
    np.testing.assert_allclose(here.gradient, there.gradient, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(here.curvature, there.curvature, rtol=1e-10, atol=1e-9)
    off = theta.at[0].set(0.0)  # a source switched off keeps the derivative in its rate
    np.testing.assert_allclose(
        plain.expand(off, plain.prepare(events)).gradient, other.expand(off, other.prepare(events)).gradient, rtol=1e-10
    )


def test_an_event_without_a_rate_makes_a_point_impossible_and_a_padding_row_does_not(data):
    likelihood = Unbinned({"all": source()}, free=dict.fromkeys(SPACE.names))
    theta, x = jnp.array([0.25, 4.9, 0.6]), np.asarray(data["x"])[:40]
    possible = likelihood.expand(theta, likelihood.prepare(Events({"x": x})))
    outside = likelihood.expand(theta, likelihood.prepare(Events({"x": np.append(x, 11.0)})))
    assert np.isposinf(outside.value)
    assert np.isfinite(outside.gradient).all()
    stacked = likelihood.stack([Events({"x": np.insert(x, 0, 11.0)}), Events({"x": x})])  # its first event pads both
    padded = likelihood.expand(theta, jax.tree.map(lambda leaf: leaf[1], stacked))
    np.testing.assert_allclose(padded.value, possible.value, rtol=1e-14)
    np.testing.assert_allclose(padded.gradient, possible.gradient, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: source(limits=(3.0, 3.0)), InvalidOption, r"limits \(3, 3\) of 'x' are no range"),
        (lambda: source(events=0.0), InvalidOption, "events = 0"),
        (lambda: source(panels=0), InvalidOption, "panels = 0"),
        (lambda: source(panels=1), InvalidModel, "too narrow for 1 panels"),
        (lambda: DensitySource(lambda x, p: x - 5.0, SPACE, limits=(0.0, 10.0)), InvalidModel, "is -4.9.* at 0.0"),
        (lambda: DensitySource(lambda x, p: 0.0 * x, SPACE, limits=(0.0, 1.0)), InvalidModel, "zero all over"),
        (lambda: DensitySource(lambda x, p: p["f"], SPACE, limits=(0.0, 1.0)), InvalidModel, r"gives shape \(\)"),
        (
            lambda: DensitySource(lambda x, p: np.exp(-np.asarray(x) * p["f"]), SPACE, limits=(0.0, 1.0)),
            InvalidModel,
            "cannot be compiled: it asks for the value",
        ),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_columns_are_checked():
    with pytest.raises(InvalidData, match="no column 'x'"):
        source().prepare(Events({"y": np.ones(2)}))
    with pytest.raises(InvalidData, match="column 'x' is nan at event 1"):
        source().prepare(Events({"x": np.array([1.0, np.nan])}))
