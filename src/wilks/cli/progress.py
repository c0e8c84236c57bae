"""Progress of long work on standard error: a bar on a terminal, a line every half minute elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wilks.execution.progress import Progress as Callback

_SECONDS_BETWEEN_LINES = 30.0


@contextlib.contextmanager
def progress_of(what: str, *, quiet: bool = False) -> Iterator[Callback | None]:
    """A progress callback for one piece of work; None when nothing is to be shown."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield _OnBar(what, bar)
    else:
        yield _Lines(what)


class _OnBar:
    """A task of a bar, which knows the time left by itself."""

    def __init__(self, what: str, bar: Progress) -> None:
        self._what, self._bar, self._note = what, bar, ""
        self._task = bar.add_task(what, total=None)

    def __call__(self, done: int, total: int, failed: int, seconds: float) -> None:
        remarks = ", ".join([f"{failed} failed"] * (failed > 0) + [self._note] * bool(self._note))
        text = f"{self._what} ({remarks})" if remarks else self._what
        self._bar.update(self._task, completed=done, total=total, description=text)

    def note(self, text: str) -> None:
        self._note = text


class _Lines:
    """A line now and then."""

    def __init__(self, what: str) -> None:
        self._what, self._note = what, ""
        self._last = time.monotonic()

    def __call__(self, done: int, total: int, failed: int, seconds: float) -> None:
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            parts = [f"{done} of {total}", f"{failed} failed", *[self._note] * bool(self._note), f"{seconds:.0f} s"]
            left = [f"about {seconds * (total - done) / done:.0f} s left"] if done else []
            print(f"{self._what}: {', '.join([*parts, *left])}", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        self._note = text


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
