import numpy as np
import pytest

from tests.physics.xenon import oracle
from wilks.physics.xenon.nr import NRSource
from wilks.physics.xenon.source import compiled_expected

ENERGIES = np.linspace(0.7, 12.0, 12)  # few quanta, so that the oracle stays small
MOST = 260


@pytest.fixture(scope="module")
def few():
    return NRSource(energies=ENERGIES, rates_vs_energy=np.full(12, 3.0))


@pytest.fixture(scope="module")
def pairs():
    return oracle.nuclear_pairs(oracle.Point(), ENERGIES, np.full(12, 3.0), MOST)


@pytest.mark.parametrize("values", [{}, {"elife": 100e3}, {"g2": 30.0, "extraction_eff": 1.0}])
def test_rates_are_the_exact_sums(few, pairs, values):
    events = few.draw(3, 200)
    events = events.where(np.argsort(np.asarray(events["s2"]))[:: max(len(events) // 8, 1)])
    rows = zip(*(np.asarray(events[c]) for c in ("s1", "s2", "z")), strict=True)
    expected = np.array([oracle.rate(oracle.Point(**values), pairs, *row) for row in rows])
    assert few.rate(values, events) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("values", [{}, {"elife": 100e3}])
def test_expected_events_are_the_exact_sums(few, pairs, values):
    found = float(compiled_expected(few, values))
    assert found == pytest.approx(oracle.expected(oracle.Point(**values), pairs), rel=3e-6)


def test_the_default_source_agrees_with_its_simulation(nr):
    mean, error = nr.estimate_mu(5, 40_000)
    assert abs(mean - float(compiled_expected(nr, None))) < 4 * error  # one fixed draw
    assert float(nr.mu_before_efficiencies()) == 100.0


def test_fast_rates_agree_with_full_sums_over_larger_tables(nr, nr_events):
    found = nr.check_accuracy({"elife": 300e3}, nr_events.where(slice(0, 8)))
    assert found.worst < 1e-5
    assert abs(found.expected_error) < 1e-5 * found.expected
    assert "worst event" in repr(found)
