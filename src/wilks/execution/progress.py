"""Progress of long work: what a callback receives, and the throttle that keeps a slow one from slowing the run."""

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

_SHORTEST_PAUSE_S = 0.1  # at most 10 calls a second
_REST = 9  # a callback that took t seconds rests for 9 t: it never costs more than a tenth of the run


@runtime_checkable
class Progress(Protocol):
    """Anything that can be called with the state of a run."""

    def __call__(self, done: int, total: int, failed: int, seconds: float) -> None:
        """Show that ``done`` of ``total`` items are finished, ``failed`` of them without result, after ``seconds``."""


@runtime_checkable
class NotedProgress(Progress, Protocol):
    """Progress that also shows how a run stands, such as the loss of a training."""

    def note(self, text: str) -> None:
        """Show a few words beside the next states; empty for none."""


class ThrottledProgress:
    """Counts finished items and passes them on at most 10 times a second; the last state is always passed on.

    Args:
        callback: receives (done, total, failed, seconds); None counts silently.
        total: number of items of the run.
        clock: seconds on any scale that only grows.
    """

    def __init__(self, callback: Progress | None, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._callback, self._total, self._clock = callback, total, clock
        self._began = clock()
        self._next_call = self._began
        self._done = self._failed = 0

    def add(self, done: int, failed: int = 0) -> None:
        """Count items that have just finished, ``failed`` of them without a result."""
        self._done += done
        self._failed += failed
        before = self._clock()
        if self._callback is None or (before < self._next_call and self._done < self._total):
            return
        self._callback(self._done, self._total, self._failed, before - self._began)
        after = self._clock()
        self._next_call = after + max(_SHORTEST_PAUSE_S, _REST * (after - before))
