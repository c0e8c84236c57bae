import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.data.events import Events
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.simulation import _lines

COLUMNS = [
    "r",
    "theta",
    "z",
    "x",
    "y",
    "drift_time",
    "event_time",
    "energy",
    "p_accepted",
    "quanta_produced",
    "p_el_mean",
    "p_el_fluct",
    "p_el_actual",
    "electrons_produced",
    "photons_produced",
    "photons_detected",
    "photoelectrons_detected",
    "s1_raw",
    "s1",
    "electrons_detected",
    "s2_raw",
    "s2",
]


class AcceptAll(ERSource):
    photon_acceptance = 1.0
    s1_acceptance = 1.0
    s2_acceptance = 1.0


def test_columns_have_the_order_of_flamedisx(er, nr):
    assert list(er.draw(1, 20).columns) == COLUMNS
    assert list(nr.draw(1, 20).columns) == COLUMNS
    assert er.draw(1, 20).unit("s1") == "PE"


def test_the_same_key_gives_the_same_events_alone_or_among_others(er):
    keys = list(jax.random.split(jax.random.key(3), 4))
    few = ERSource(rates_vs_energy=np.full(1000, 0.025))
    together = few.simulate(keys)
    alone = few.simulate(keys[2:3])[0]
    assert len(alone) > 0
    for name in COLUMNS:
        assert np.array_equal(together[2][name], alone[name])
    assert not np.array_equal(together[0]["s1"][:5], together[1]["s1"][:5])
    assert few.simulate([]) == ()


def test_numbers_of_simulated_events_are_poisson_distributed():
    few = ERSource(rates_vs_energy=np.full(1000, 0.025))
    counts = np.array([len(events) for events in few.simulate(list(jax.random.split(jax.random.key(5), 400)))])
    mean = float(few.expected_events())
    assert abs(counts.mean() - mean) < 4 * np.sqrt(mean / 400)  # one fixed draw
    assert abs(counts.var() / mean - 1) < 4 * np.sqrt(2 / 400)


def test_stages_have_the_means_and_widths_of_the_model(er):
    events = er.draw(7, 60_000, fix={"energy": 5.0, "x": 1.0, "y": 2.0, "z": -30.0})
    assert set(np.asarray(events["quanta_produced"])) == {np.floor(5.0 / 13.7e-3)}
    assert np.asarray(events["p_el_mean"])[0] == pytest.approx(float(ERSource.p_electron(364.0)), rel=1e-12)
    n, alive = len(events), 0.96 * np.exp(-30.0 / 1.335e-4 / 452e3)

    def agrees(column, mean, width):
        return abs(np.mean(column) - mean) < 5 * width / np.sqrt(n)  # one fixed draw

    electrons, photons = np.asarray(events["electrons_produced"]), np.asarray(events["photons_produced"])
    assert np.array_equal(electrons + photons, events["quanta_produced"])
    detected = np.asarray(events["photons_detected"])
    assert agrees(detected - 0.1 * photons, 0.0, 5.0)
    assert agrees(np.asarray(events["photoelectrons_detected"]) - 1.219 * detected, 0.0, 2.5)
    assert agrees(np.asarray(events["electrons_detected"]) - alive * electrons, 0.0, 6.0)
    gain = np.asarray(events["s2_raw"]) - 20 * np.asarray(events["electrons_detected"])
    assert np.std(gain / np.sqrt(np.asarray(events["electrons_detected"]))) == pytest.approx(5.0, rel=0.02)
    assert np.std(np.asarray(events["s1"]) - np.asarray(events["s1_raw"])) == pytest.approx(0.01, rel=0.02)
    assert np.std(np.asarray(events["p_el_actual"])) == pytest.approx(0.041 * (1 - np.exp(-364 / 123)), rel=0.02)


def test_positions_and_times_are_uniform():
    events = AcceptAll().draw(9, 20_000)
    assert len(events) == 20_000
    for name, low, high in (("z", -97.6, 0.0), ("theta", 0.0, 2 * np.pi), ("event_time", 1567326480e9, 1598948880e9)):
        share = (np.asarray(events[name]) - low) / (high - low)
        assert 0 <= share.min() < 0.01
        assert 0.99 < share.max() <= 1
        assert abs(share.mean() - 0.5) < 5 / np.sqrt(12 * 20_000)
    assert abs(np.mean((np.asarray(events["r"]) / 47.9) ** 2) - 0.5) < 5 / np.sqrt(12 * 20_000)
    assert np.asarray(events["drift_time"]) == pytest.approx(-np.asarray(events["z"]) / 1.335e-4)
    assert np.hypot(events["x"], events["y"]) == pytest.approx(np.asarray(events["r"]))


def test_energies_lie_on_the_comb_in_proportion_to_their_rates():
    source = AcceptAll(energies=np.array([1.0, 2.0, 4.0]), rates_vs_energy=np.array([1.0, 0.0, 3.0]))
    energies = np.asarray(source.draw(1, 4000)["energy"])
    assert set(energies) == {1.0, 4.0}
    assert abs(np.mean(energies == 4.0) - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 4000)


def test_positions_follow_the_factor_of_the_spectrum():
    source = AcceptAll(energy_spectrum_rate_multiplier=lambda z, slope=1.0: 1.0 + slope * (z + 97.6) / 97.6)
    share = 1 + np.asarray(source.draw(4, 20_000)["z"]) / 97.6
    assert abs(share.mean() - (1 / 2 + 1 / 3) / 1.5) < 5 * 0.29 / np.sqrt(20_000)
    assert float(source.mu_before_efficiencies()) == pytest.approx(1500.0)
    assert float(source.mu_before_efficiencies({"slope": 0.0})) == pytest.approx(1000.0)


def test_truth_can_be_fixed(er):
    drawn = er.draw(1, 50)
    place = drawn.where(slice(0, 1))
    same = er.draw(2, 50, fix=place)
    for name in ("x", "y", "z", "r", "theta", "drift_time", "event_time"):
        assert set(np.asarray(same[name])) == {float(place[name][0])}
    assert len(set(np.asarray(same["energy"]))) > 10
    polar = er.draw(2, 50, fix={"z": -10.0, "r": 3.0, "theta": np.pi, "event_time": 1.57e18})
    assert np.asarray(polar["x"]) == pytest.approx(-3.0)
    assert np.asarray(polar["drift_time"]) == pytest.approx(10 / 1.335e-4)


@pytest.mark.parametrize(
    ("fix", "error", "message"),
    [
        ({"z": -3.0}, InvalidOption, "z with x and y"),
        ({"x": 1.0, "y": 2.0}, InvalidOption, "z with x and y"),
        ({}, InvalidOption, "nothing to fix"),
        ({"s1": 3.0}, UnknownName, "'s1' cannot be fixed"),
        ({"energy": -1.0}, InvalidOption, "negative"),
        ({"energy": np.nan}, InvalidData, "fixed energy is nan"),
        (Events({"x": np.zeros(2)}), InvalidData, "must hold one event"),
    ],
)
def test_what_cannot_be_fixed_is_refused(er, fix, error, message):
    with pytest.raises(error, match=message):
        er.draw(1, 5, fix=fix)


@pytest.mark.parametrize("n", [-1, 2.5, "3", None, True])
def test_a_number_of_trials_is_whole_and_not_negative(er, n):
    with pytest.raises((InvalidOption, TypeError), match="whole number"):
        er.draw(1, n)


def test_no_trials_give_an_empty_table_with_all_columns(er, caplog):
    assert list(er.draw(1, 0).columns) == COLUMNS
    assert len(er.draw(1, 0)) == 0
    assert caplog.text == ""


def test_nothing_left_is_said_with_the_expected_number(er, caplog):
    events = er.draw(1, 5, fix={"energy": 0.01})
    assert len(events) == 0
    assert list(events.columns) == COLUMNS
    assert "none of 5 trials survives the cuts; the source expects 848" in caplog.text


def test_extra_columns_are_there_before_the_acceptances():
    class Corrected(ERSource):
        @staticmethod
        def add_extra_columns(events):
            z = np.asarray(events["z"])
            return {"cs1": np.asarray(events["s1"]) / (1 - z / 200)} if "s1" in events else {}

        @staticmethod
        def s1_acceptance(cs1, low=10.0):
            return 1.0 * (cs1 > low) * (cs1 < 60.0)

    events = Corrected().draw(3, 500)
    assert list(events.columns) == [*COLUMNS, "cs1"]
    assert np.asarray(events["cs1"]).min() > 10
    # 24 nodes in depth see the edge of the cut move with depth; simulated to 0.5 %
    mean, error = Corrected().estimate_mu(4, 40_000)
    assert abs(float(Corrected().expected_events()) - mean) < 4 * error


def test_columns_derived_from_the_place_are_there_for_gains_and_efficiencies():
    class Mapped(ERSource):
        @staticmethod
        def add_extra_columns(events):
            return {"gain_map": 1 + np.asarray(events["z"]) / 200}

        @staticmethod
        def electron_gain_mean(gain_map, *, g2=20.0):
            return g2 * gain_map

    events = Mapped().draw(3, 4000)
    gain = np.asarray(events["s2"]) / np.asarray(events["electrons_detected"])
    expected = 20 * (1 + np.asarray(events["z"]) / 200)
    # one electron spreads by 5 of 20 PE, so that the mean ratio of 3000 events of many electrons is right to 0.2 %
    assert np.mean(gain / expected) == pytest.approx(1.0, abs=5e-3)
    mean, error = Mapped().estimate_mu(4, 40_000)
    assert abs(float(Mapped().expected_events()) - mean) < 4 * error


def test_lines_are_those_of_a_search_among_the_sums_of_rates():
    generator = np.random.default_rng(4)
    for size in (1, 2, 1000):
        rates = generator.random(size) ** 3 * (generator.random(size) < 0.7)
        rates[size // 2] = 0.5  # one at least
        uniform = np.append(generator.random(5000), [0.0, np.nextafter(1.0, 0.0)])
        expected = np.searchsorted(np.cumsum(rates) / np.sum(rates), uniform, side="right")
        assert np.array_equal(_lines(rates, uniform)[:-1], expected[:-1])
        assert rates[_lines(rates, uniform)].min() > 0
