"""A stand-in for a pool of processes: scripts that make one run on as they are, in one process."""

from collections.abc import Callable, Iterable
from typing import Any


class Pool:
    """Accepts what ``multiprocess.Pool`` accepts and works in the calling process: fits are batched already.

    Args:
        args: number of processes and whatever follows; without effect.
        kwargs: the same.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = (args, kwargs)

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        """The function of each item, in order."""
        return [function(item) for item in items]

    def close(self) -> None:
        """Nothing to close."""

    def terminate(self) -> None:
        """Nothing to end."""

    def join(self) -> None:
        """Nothing to wait for."""

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *error: object) -> None:
        self.terminate()
