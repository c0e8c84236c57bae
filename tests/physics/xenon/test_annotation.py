import numpy as np
import pytest

from wilks.data.events import Events
from wilks.physics.xenon.er import ERSource


def test_estimates_and_ranges_are_those_of_the_formulas(er):
    event = {"s1": 24.38, "s2": 2000.0, "z": -30.0, "drift_time": 30 / 1.335e-4}
    found = er.annotate(Events({name: np.array([x]) for name, x in event.items()}))
    at = {name: float(np.asarray(found[name])[0]) for name in found.columns}
    alive = 0.96 * np.exp(-event["drift_time"] / 452e3)
    assert at["s1_raw_mle"] == 24.38
    assert at["s1_raw_max"] - at["s1_raw_mle"] == pytest.approx(2 * np.sqrt(24.38) * 0.01)
    assert at["photoelectrons_detected_min"] == np.floor(24.38 - 3 * np.sqrt(24.38) * 0.5)
    assert at["photons_detected_mle"] == pytest.approx(20.0)
    assert at["photons_produced_mle"] == pytest.approx(200.0)
    q = 9.0
    width = (q + np.sqrt(q**2 + 4 * 200 * q)) / 2
    assert at["photons_produced_max"] == np.ceil(200 + 3 * width)
    assert at["photons_produced_min"] == np.floor(200 - 3 * width)
    assert at["electrons_detected_mle"] == 100.0
    assert at["electrons_detected_max"] == np.ceil(100 + 3 * 10 * 0.25)
    assert at["electrons_produced_mle"] == pytest.approx(100 / alive)
    assert at["quanta_produced_mle"] == pytest.approx(200 + 100 / alive)
    assert at["e_light_vis"] == pytest.approx(13.7e-3 * 200)
    assert at["e_vis"] == pytest.approx(at["e_light_vis"] + at["e_charge_vis"])


def test_ranges_end_at_zero_and_quanta_at_one():
    tiny = Events({"s1": np.array([0.1]), "s2": np.array([-3.0]), "z": np.array([-1.0]), "drift_time": np.array([7e3])})
    found = ERSource().annotate(tiny)
    assert np.asarray(found["s2_raw_mle"])[0] == 0
    assert np.asarray(found["photons_produced_min"])[0] == 0
    assert np.asarray(found["quanta_produced_min"])[0] == 1


def test_drawn_events_can_be_annotated_at_once(er):
    events = er.draw(2, 30, annotate=True)
    assert "e_charge_vis" in events
    resolution = np.asarray(events["e_vis"]) / np.asarray(events["energy"])
    assert 0.5 < np.median(resolution) < 1.5


def test_draws_are_annotated_at_their_own_values():
    source, at = ERSource(), {"elife": 150e3, "g2": 25.0}
    events = source.draw(3, 30, at, annotate=True)
    moved = ERSource(**at).annotate(events)
    np.testing.assert_allclose(events["electrons_produced_mle"], moved["electrons_produced_mle"], rtol=1e-12)
    assert not np.allclose(events["electrons_produced_mle"], source.annotate(events)["electrons_produced_mle"])
