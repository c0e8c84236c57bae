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
            task = bar.add_task(what, total=None)

            def advance(done: int, total: int, failed: int, seconds: float) -> None:
                text = what if not failed else f"{what} ({failed} failed)"
                bar.update(task, completed=done, total=total, description=text)

            yield advance
    else:
        yield _Lines(what)


class _Lines:
    """A line now and then."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._last = time.monotonic()

    def __call__(self, done: int, total: int, failed: int, seconds: float) -> None:
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            print(f"{self._what}: {done} of {total}, {failed} failed, {seconds:.0f} s", file=sys.stderr, flush=True)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
