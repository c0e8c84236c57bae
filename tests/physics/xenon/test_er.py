import csv
from functools import cache

import jax
import numpy as np
import pytest

from tests.physics.xenon import oracle
from wilks.data.events import Events
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.source import compiled_expected, compiled_log_rate

ENERGIES, RATES = np.linspace(0.0, 10.0, 1000), np.ones(1000)
FAR = [
    {},
    {"elife": 100e3},
    {"g2": 30.0, "extraction_eff": 1.0},
    {"er_pel_a": 10.0, "er_pel_c": 25.0, "elife": 5e6},
    {"min_photons": 6.0},
]


@cache
def pairs(at):
    return oracle.electronic_pairs(at, ENERGIES, RATES)


def some(events, number):
    """A few events over the whole range of signals."""
    order = np.argsort(np.asarray(events["s1"]) * 100 + np.asarray(events["s2"]))
    return events.where(order[np.linspace(0, len(order) - 1, number).astype(int)])


@pytest.mark.parametrize("values", FAR)
def test_rates_are_the_exact_sums(er, er_events, values):
    at = oracle.Point(**values)
    events = some(er_events, 6)
    rows = zip(*(np.asarray(events[c]) for c in ("s1", "s2", "z")), strict=True)
    expected = np.array([oracle.rate(at, pairs(at), *row) for row in rows])
    found = er.rate(values, events)
    # 1e-6 is the stated accuracy on average; one event may be worse by a few times
    assert found == pytest.approx(expected, rel=1e-5)
    exact = np.exp(compiled_log_rate(ERSource(accuracy="exact"), values, er.prepare(events)))
    assert exact == pytest.approx(expected, rel=1e-9)  # two orders of summation of 1e6 terms


@pytest.mark.parametrize("values", [*FAR[:4], {"elife": 100e3, "s2_min": 200.0}])
def test_expected_events_are_the_exact_sums(er, values):
    at = oracle.Point(**values)
    found = float(compiled_expected(er, values))
    assert found == pytest.approx(
        oracle.expected(at, pairs(at)), rel=3e-6
    )  # 24 nodes in depth give 2e-6 in the last case


def test_expected_events_of_the_default_source_are_the_published_number(er):
    assert float(compiled_expected(er, None)) == pytest.approx(848.254, abs=0.01)
    assert float(er.mu_before_efficiencies()) == 1000.0


@pytest.mark.shared
def test_rates_of_the_visible_events_are_those_of_the_file(er, shared_data):
    with open(shared_data / "xenon" / "er_events.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    expected = columns.pop("exact_rate_p0")
    # the file has 10 digits; its own sums and ours are exact
    assert er.rate({}, Events(columns)) == pytest.approx(expected, rel=1e-5)


def test_rates_do_not_depend_on_where_the_source_was_made(er, er_events):
    far = ERSource(elife=100e3, g2=25.0)
    at = {"elife": 452e3, "g2": 20.0}
    assert far.rate(at, er_events) == pytest.approx(er.rate(None, er_events), rel=1e-12)
    there = {"elife": 100e3, "g2": 25.0}
    assert er.rate(there, er_events) == pytest.approx(far.rate(None, er_events), rel=1e-12)
    assert (er.rate({"elife": 100e3}, er_events) > 0).all()


def test_absurd_lifetimes_give_finite_rates(er, er_events):
    log_rates = compiled_log_rate(er, {"elife": 20e3}, er.prepare(er_events))
    assert np.isfinite(log_rates).all()
    assert log_rates.min() < -700  # below the smallest number


def test_presets_differ_in_their_cuts_only(er_events):
    inside = er_events.where((np.asarray(er_events["s2"]) > 210) & (np.asarray(er_events["s2"]) < 4900))
    sharp = {"reconstruction_smear_s1_simulate": 0.0, "reconstruction_smear_s2_simulate": 0.0}
    plain = ERSource(**sharp).rate(None, inside)
    for preset, edges in {"1.4": (200.0, 6000.0), "tutorial": (200.0, 5000.0)}.items():
        source = ERSource(preset=preset)
        assert (source.space["s2_min"].start, source.space["s2_max"].start) == edges
        assert source.rate(None, inside) == pytest.approx(plain, rel=1e-12)
        at = oracle.Point(s2_min=edges[0], s2_max=edges[1])
        # the oracle smears by 3e-3 PE, which moves 1e-9 of the events over the edges
        assert float(compiled_expected(source, None)) == pytest.approx(oracle.expected(at, pairs(at)), rel=1e-6)


def test_drift_velocity_is_that_of_the_tutorial(er):
    assert 452e3 * er.drift_velocity == 60.342


def test_a_fixed_gradient_is_that_of_finite_differences(er, er_events):
    names = ("elife", "g2", "er_pel_b")
    start = np.array([er.space[name].start for name in names])
    columns = er.prepare(some(er_events, 20))
    windows = jax.jit(lambda: er.windows(None, columns))()

    def total(scale, windows):
        values = dict(zip(names, start * (1 + scale), strict=True))
        return er.log_rate(values, columns, windows).sum()

    for ranges, tolerance in (
        (windows, 1e-6),
        (None, 1e-4),
    ):  # ranges that follow make jumps of about 1e-7 in 20 events
        gradient = jax.jit(jax.grad(lambda x, r=ranges: total(x, r)))(np.zeros(len(names)))
        value = jax.jit(lambda x, r=ranges: total(x, r))
        step = 1e-4 if ranges is None else 1e-5
        for i in range(len(names)):
            move = step * np.eye(len(names))[i]
            difference = (value(move) - value(-move)) / (2 * step)
            assert float(gradient[i]) == pytest.approx(float(difference), rel=tolerance, abs=20 * tolerance)


def test_the_second_derivative_is_that_of_finite_differences(er, er_events):
    columns = er.prepare(some(er_events, 10))
    held = er.staged(("elife", "g2"))
    windows = jax.jit(lambda: held.windows(None, columns))()

    def total(x):
        values = {"g2": 20.0 * x[0], "elife": 452e3 * x[1]}
        return held.log_rate(values, columns, windows).sum() - held.expected_events(values)

    ones, step = np.ones(2), 1e-4
    hessian = np.asarray(jax.jit(jax.hessian(total))(ones))
    gradient = jax.jit(jax.grad(total))
    for i in range(2):
        move = step * np.eye(2)[i]
        difference = np.asarray(gradient(ones + move) - gradient(ones - move)) / (2 * step)
        # entries are of order 100; the third derivative and strides that change in the expected number move 1e-4
        assert hessian[i] == pytest.approx(difference, rel=5e-4, abs=0.05)


def test_expected_events_have_the_gradient_of_finite_differences(er):
    def expected(x):
        values = {"elife": 452e3 * x[0], "g2": 20.0 * x[1], "er_pel_c": 32.5 * x[2], "s2_min": 100.0 * x[3]}
        return er.expected_events(values)

    value, gradient = jax.jit(expected), jax.jit(jax.grad(expected))(np.ones(4))
    for i in range(4):
        move = 1e-5 * np.eye(4)[i]
        difference = (value(1 + move) - value(1 - move)) / 2e-5
        # differences of 848 within its rounding of 1e-13; strides of the sums change at steps of 1e-7 of it
        assert float(gradient[i]) == pytest.approx(float(difference), rel=1e-4, abs=2e-2)
