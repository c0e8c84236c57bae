"""Progress reaches a callback seldom enough not to slow the run, and never without its last state."""

import itertools

import pytest

from wilks.execution.progress import ThrottledProgress


class Clock:
    """Seconds that pass only when told."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(("step_s", "most_calls"), [(0.001, 12), (0.05, 52), (1.0, 101)])
def test_at_most_ten_calls_a_second_and_the_last_state_always(step_s, most_calls):
    clock, calls = Clock(), []
    report = ThrottledProgress(lambda *state: calls.append(state), 100, clock)
    for _ in range(100):
        clock.now += step_s
        report.add(1)
    assert 2 <= len(calls) <= most_calls
    assert calls[-1] == (100, 100, 0, pytest.approx(100 * step_s))
    # rounding of the sum of many steps is far below a microsecond
    assert all(later[3] - earlier[3] >= 0.1 - 1e-6 for earlier, later in itertools.pairwise(calls[:-1]))


def test_a_slow_callback_takes_at_most_a_tenth_of_the_run():
    clock, spent = Clock(), []

    def slow(done, total, failed, seconds):
        clock.now += 1.0
        spent.append(1.0)

    report = ThrottledProgress(slow, 1000, clock)
    began = clock.now
    for _ in range(1000):
        clock.now += 0.1
        report.add(1)
    # 100 s of work; a call at the start and one at the end come on top of the tenth
    assert len(spent) >= 3
    assert sum(spent) <= (clock.now - began) / 10 + 2


def test_failures_are_counted_and_silence_is_allowed():
    calls = []
    report = ThrottledProgress(lambda *state: calls.append(state[:3]), 4)
    report.add(2, 1)
    report.add(2, 2)
    assert calls[-1] == (4, 4, 3)
    ThrottledProgress(None, 1).add(1)
