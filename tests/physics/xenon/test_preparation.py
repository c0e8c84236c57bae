import numpy as np
import pytest

from wilks._base.errors import InvalidData
from wilks.data.events import Events
from wilks.physics.xenon.er import ERSource


def table(**changes):
    columns = {"s1": [10.0, 20.0], "s2": [900.0, 1500.0], "z": [-10.0, -20.0]}
    columns["drift_time"] = [10 / 1.335e-4, 20 / 1.335e-4]
    return Events({name: np.array(x) for name, x in {**columns, **changes}.items() if x is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"z": None}, "no column 'z', which model function 'electron_gain_mean' needs"),
        ({"s1": None}, "no column 's1', which model function 's1_acceptance' needs"),
        ({"s2": [900.0, np.nan]}, r"column 's2' is not finite in 1 rows \(1\)"),
        ({"s1": [np.inf, np.inf]}, r"column 's1' is not finite in 2 rows \(0, 1\)"),
        ({"s1": ["a", "b"]}, "column 's1' holds <U1; expected numbers"),
        ({"s1": [10.0, 80.0]}, "1 events have s1_acceptance = 0, the first is event 1, with s1 = 80"),
        ({"s2": [-5.0, 1500.0]}, "1 events have s2_acceptance = 0, the first is event 0, with s2 = -5"),
        ({"drift_time": [1e3, 1e12]}, "electron_detection_eff is 0 for event 1"),
    ],
)
def test_events_that_cannot_be_judged_are_named(er, changes, message):
    with pytest.raises(InvalidData, match=message):
        er.prepare(table(**changes))


def test_events_outside_the_cuts_can_be_kept_with_no_rate():
    lenient = ERSource(check_acceptances=False, check_efficiencies=False)
    rates = lenient.rate(None, table(s1=[10.0, 80.0]))
    assert rates[0] > 0
    assert rates[1] == 0
    assert lenient.rate(None, table(drift_time=[1e3, 1e12]))[1] == 0


def test_drift_times_that_contradict_depths_are_said(er, caplog):
    er.prepare(table(drift_time=[10 / 1.335e-4, 5 / 1.335e-4]))
    assert "1 of 2 events have a drift_time that differs by more than 1 %" in caplog.text


def test_no_events_are_legal(er):
    empty = table().where(slice(0, 0))
    assert er.rate(None, empty).shape == (0,)
    assert len(er.prepare(empty)["s1"]) == 0


def test_times_outside_the_live_time_are_an_error_where_time_matters():
    timed = ERSource(electron_detection_eff=lambda drift_time, event_time, elife=4e5: 0.9 + 0 * drift_time * event_time)
    with pytest.raises(InvalidData, match="event_time of 1 events lies more than a day outside"):
        timed.prepare(table(event_time=[1.57e18, 1.7e18]))


def test_padding_and_order_do_not_change_rates(er, er_events):
    rates = er.rate(None, er_events)
    order = np.random.default_rng(1).permutation(len(er_events))
    assert er.rate(None, er_events.where(order)) == pytest.approx(rates[order], rel=1e-12)
    assert er.rate(None, er_events.where(slice(0, 3))) == pytest.approx(rates[:3], rel=1e-12)
    many = er_events.where(np.resize(np.arange(len(er_events)), 150))  # three blocks
    assert er.rate(None, many) == pytest.approx(np.resize(rates, 150), rel=1e-12)
