"""Progress on standard error: lines where there is no terminal, with what is told beside the state."""

from wilks.cli import progress as shown
from wilks.cli.study import _Bars
from wilks.execution.progress import NotedProgress


def test_lines_tell_the_state_the_note_and_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(shown, "_SECONDS_BETWEEN_LINES", 0.0)
    bars = _Bars(False, "steps")
    assert isinstance(bars, NotedProgress)
    bars.note("loss 1.25")
    bars(100, 400, 2, 30.0)
    bars(400, 400, 2, 120.0)
    bars(1, 10, 0, 1.0)  # other work, which has no loss
    bars.close()
    assert capsys.readouterr().err.splitlines() == [
        "steps: 100 of 400, 2 failed, loss 1.25, 30 s, about 90 s left",
        "steps: 400 of 400, 2 failed, loss 1.25, 120 s, about 0 s left",
        "steps: 1 of 10, 0 failed, 1 s, about 9 s left",
    ]


def test_a_bar_shows_failures_and_the_note():
    with shown._bar() as bar:
        on_bar = shown._OnBar("steps", bar)
        on_bar.note("loss 0.5")
        on_bar(1, 2, 3, 0.1)
        (task,) = bar.tasks
        assert (task.description, task.completed, task.total) == ("steps (3 failed, loss 0.5)", 1, 2)
        on_bar.note("")
        on_bar(2, 2, 0, 0.2)
        assert task.description == "steps"


def test_nothing_is_shown_when_asked_to_be_quiet(capsys):
    bars = _Bars(True, "steps")
    bars.note("loss 1")
    bars(1, 2, 0, 1.0)
    assert capsys.readouterr().err == ""
