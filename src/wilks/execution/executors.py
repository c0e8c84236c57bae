"""Running chunks on whatever there is, with the same bytes as result whoever ran them, in whatever order."""

import concurrent.futures as futures
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from wilks._base.errors import ChunksMissing

from .chunks import Chunk
from .interrupts import sigterm_interrupts
from .pools import AbstractPool, open_pool
from .progress import Progress, ThrottledProgress
from .shipping import Arrays, ChunkFunction, Failure, compute

_IN_FLIGHT_PER_WORKER = 3  # enough that no worker waits for the parent, few enough that an interrupt loses little

FailureCount = Callable[[Arrays], int]


def run_chunks(
    function: ChunkFunction,
    payload: Any,
    chunks: Sequence[Chunk],
    *,
    executor: Any = None,
    progress: Progress | None = None,
    count_failed: FailureCount | None = None,
    retries: int = 3,
) -> list[Arrays]:
    """Run a pure function on each chunk; the results stand in the order of the chunks.

    Args:
        function: ``function(payload, chunk)`` returns arrays by name; it depends on nothing else, and takes its
            randomness from the chunk's number (:func:`wilks.execution.keys.chunk_key`). With processes it must stand
            at the top level of a module, unless cloudpickle is installed.
        payload: what all chunks share (likelihood, data, settings); sent once to each worker.
        chunks: see :func:`wilks.execution.chunks.plan`.
        executor: None for this process; a number of processes, spawned here and shut down at the end; any
            ``concurrent.futures.Executor``; or a ``dask.distributed.Client``.
        progress: called with (done, total, failed, seconds), counted in items, at most 10 times a second.
        count_failed: number of failed items in a chunk's arrays, for ``progress``; none when absent.
        retries: how often a chunk is tried again after its worker died.

    Raises:
        InvalidOption: if the executor is of no allowed kind, forks, or cannot be sent the work.
        ChunksMissing: if a chunk's worker died at each try; ``result`` maps the numbers of finished chunks to arrays.
        Exception: whatever ``function`` itself raises.
    """
    chunks = tuple(chunks)
    report = ThrottledProgress(progress, sum(chunk.size for chunk in chunks))
    run = _Run(chunks, report, count_failed, retries)
    with sigterm_interrupts():
        if executor is None:
            run.here(function, payload)
        else:
            run.on(open_pool(function, payload, executor, len(chunks)))
    return [run.results[position] for position in range(len(chunks))]


class _Run:
    """One run: what is still to do, what is on its way, what is finished."""

    def __init__(
        self,
        chunks: tuple[Chunk, ...],
        report: ThrottledProgress,
        count_failed: FailureCount | None,
        retries: int,
    ) -> None:
        self.results: dict[int, Arrays] = {}
        self._chunks, self._report, self._count_failed, self._retries = chunks, report, count_failed, retries
        self._waiting = deque(range(len(chunks)))
        self._suspects: deque[int] = deque()  # lost with a worker; rerun one by one, so that the culprit is found
        self._losses = [0] * len(chunks)
        self._running: dict[futures.Future, int] = {}
        self._broken = False

    def here(self, function: ChunkFunction, payload: Any) -> None:
        for position, chunk in enumerate(self._chunks):
            self._keep(position, compute(function, payload, chunk))

    def on(self, pool: AbstractPool) -> None:
        finished = False
        try:
            while self._waiting or self._suspects or self._running:
                self._step(pool)
            finished = True
        finally:  # also after an interrupt or an error of the function: nothing goes on behind the user's back
            for future in self._running:
                future.cancel()
            pool.close(at_once=not finished)

    def _step(self, pool: AbstractPool) -> None:
        if self._broken and not self._running:  # a broken pool first gives back all that it had
            pool.rebuild()
            self._broken = False
        lost: list[int] = []
        cause = self._submit(pool, lost)
        done = futures.wait(self._running, return_when=futures.FIRST_COMPLETED).done if self._running else ()
        for future in done:
            position = self._running.pop(future)
            try:
                arrays = future.result()
            except pool.lost as error:
                lost.append(position)
                cause = error
            else:
                if isinstance(arrays, Failure):
                    raise arrays.error
                self._keep(position, arrays)
        if cause is not None:
            self._recover(sorted(lost), cause)

    def _submit(self, pool: AbstractPool, lost: list[int]) -> BaseException | None:
        """Fill the pool; returns why it took no more, if it is broken."""
        queue = self._suspects or self._waiting
        room = 1 if self._suspects else _IN_FLIGHT_PER_WORKER * pool.workers
        while queue and len(self._running) < room:
            position = queue.popleft()
            try:
                self._running[pool.submit(self._chunks[position])] = position
            except futures.BrokenExecutor as error:
                lost.append(position)
                return error
        return None

    def _recover(self, lost: list[int], cause: BaseException) -> None:
        self._broken = True
        for position in lost:
            self._losses[position] += 1
        given_up = [position for position in lost if self._losses[position] > self._retries]
        if given_up:
            raise ChunksMissing(self._missing(given_up, cause), dict(self.results)) from cause
        self._suspects.extend(lost)

    def _missing(self, given_up: list[int], cause: BaseException) -> str:
        lost = ", ".join(str(self._chunks[position]) for position in given_up)
        open_chunks = [chunk.index for position, chunk in enumerate(self._chunks) if position not in self.results]
        numbers = ", ".join(str(index) for index in open_chunks[:20]) + (", ..." if len(open_chunks) > 20 else "")
        return (
            f"{lost} ended {self._retries + 1} times with the death of the worker ({type(cause).__name__}: {cause}); "
            f"{len(self.results)} of {len(self._chunks)} chunks are finished, missing are {numbers}. Is there memory "
            "enough for all workers, and does the script start its work under `if __name__ == '__main__':`?"
        )

    def _keep(self, position: int, arrays: Arrays) -> None:
        self.results[position] = arrays
        self._report.add(self._chunks[position].size, self._count_failed(arrays) if self._count_failed else 0)
