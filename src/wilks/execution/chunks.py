"""Chunks: the units into which long work is cut, the same cut on every machine."""

from dataclasses import dataclass

from wilks._base.errors import InvalidOption


@dataclass(frozen=True)
class Chunk:
    """One piece of a long task; its number, never its worker or its turn, decides its random keys.

    Args:
        task: name of the task it belongs to, e.g. ``"toys"``.
        index: number of the chunk within the task, from 0.
        start: number of its first item (toy, grid point, chain).
        size: how many items it holds.
    """

    task: str
    index: int
    start: int
    size: int

    def __str__(self) -> str:
        name = f"{self.task} " if self.task else ""
        return f"{name}chunk {self.index} (items {self.start} to {self.start + self.size - 1})"


def plan(n: int, chunk_size: int, *, task: str = "") -> tuple[Chunk, ...]:
    """Cut ``n`` items into chunks of ``chunk_size``; the last one takes what is left.

    >>> [chunk.size for chunk in plan(10, 4)]
    [4, 4, 2]

    Raises:
        InvalidOption: for a negative number of items or a chunk size below 1.
    """
    if n < 0:
        raise InvalidOption(f"number of items {n} is negative; give 0 or more")
    if chunk_size < 1:
        raise InvalidOption(f"chunk size {chunk_size} is below 1; a chunk holds at least one item")
    starts = range(0, n, chunk_size)
    return tuple(Chunk(task, index, start, min(chunk_size, n - start)) for index, start in enumerate(starts))
