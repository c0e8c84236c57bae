"""Where chunks run: an own pool of spawned processes, a user's executor, or the workers of a Dask client."""

import abc
import concurrent.futures as futures
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from wilks._base.errors import InvalidOption

from .chunks import Chunk
from .shipping import ChunkFunction, compute, pack, run_packed

_UNKNOWN_WORKERS = 16  # an executor does not say how many workers it has; keep at least so many busy


class AbstractPool(abc.ABC):
    """A place that takes chunks and promises their results."""

    workers: int
    lost: tuple[type[BaseException], ...]  # what a future raises when its worker died, not its function

    @abc.abstractmethod
    def submit(self, chunk: Chunk) -> futures.Future:
        """Start one chunk."""

    @abc.abstractmethod
    def rebuild(self) -> None:
        """Make the pool usable again after a worker was lost, as far as that is possible."""

    @abc.abstractmethod
    def close(self, *, at_once: bool) -> None:
        """Give back what the pool took; ``at_once`` also abandons chunks that are running."""


class OwnPool(AbstractPool):
    """Spawned processes of our own; function and payload travel once per worker, and no worker outlives its parent."""

    lost = (futures.BrokenExecutor,)

    def __init__(self, function: ChunkFunction, payload: Any, workers: int) -> None:
        self.workers = workers
        self._packed = pack(function, payload)
        self._context = multiprocessing.get_context("spawn")  # fork breaks JAX's threads
        self._open()

    def _open(self) -> None:
        # Workers hold the reading end of this pipe and exit when it closes: on `close`, or when the parent dies.
        lifeline, self._lifeline = self._context.Pipe(duplex=False)
        self._reading_end = lifeline
        self._pool = futures.ProcessPoolExecutor(
            self.workers, mp_context=self._context, initializer=_start_worker, initargs=(self._packed, lifeline)
        )

    def submit(self, chunk: Chunk) -> futures.Future:
        """Start one chunk in one of the processes."""
        return self._pool.submit(_run_in_own_worker, chunk)

    def rebuild(self) -> None:
        """Replace the processes."""
        self.close(at_once=True)
        self._open()

    def close(self, *, at_once: bool) -> None:
        """Shut the processes down, in the middle of a chunk if ``at_once``."""
        if at_once:
            self._lifeline.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._lifeline.close()
        self._reading_end.close()


_shipped: list[bytes] = []  # in a worker of an own pool: the packed work it was started with


def _start_worker(packed: bytes, lifeline: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    _shipped.append(packed)
    threading.Thread(target=_exit_with, args=(lifeline,), daemon=True).start()


def _exit_with(lifeline: Connection) -> None:
    try:
        lifeline.poll(None)  # nothing is ever sent: this returns when the other end is closed
    finally:
        os._exit(1)


def _run_in_own_worker(chunk: Chunk) -> Any:
    return run_packed(_shipped[0], chunk)


class ThreadPool(AbstractPool):
    """A user's threads: function and payload are shared, not sent."""

    lost = (futures.BrokenExecutor,)

    def __init__(self, function: ChunkFunction, payload: Any, executor: futures.ThreadPoolExecutor) -> None:
        self.workers = max(_UNKNOWN_WORKERS, os.cpu_count() or 1)
        self._function, self._payload, self._executor = function, payload, executor

    def submit(self, chunk: Chunk) -> futures.Future:
        """Start one chunk in one of the threads."""
        return self._executor.submit(compute, self._function, self._payload, chunk)

    def rebuild(self) -> None:
        """Nothing: the threads are the user's."""

    def close(self, *, at_once: bool) -> None:
        """Nothing: the threads are the user's."""


class UserPool(AbstractPool):
    """A user's executor, of which only ``submit`` is used."""

    lost = (futures.BrokenExecutor, futures.CancelledError)

    def __init__(self, function: ChunkFunction, payload: Any, executor: futures.Executor) -> None:
        _refuse_fork(executor)
        self.workers = max(_UNKNOWN_WORKERS, os.cpu_count() or 1)
        self._packed = pack(function, payload)
        self._executor = executor

    def submit(self, chunk: Chunk) -> futures.Future:
        """Start one chunk wherever the executor likes."""
        return self._executor.submit(run_packed, self._packed, chunk)

    def rebuild(self) -> None:
        """Nothing: the executor is the user's; a broken one refuses the next chunk."""

    def close(self, *, at_once: bool) -> None:
        """Nothing: the executor is the user's."""


def _refuse_fork(executor: futures.Executor) -> None:
    if not isinstance(executor, futures.ProcessPoolExecutor):
        return
    method = executor._mp_context.get_start_method()  # type: ignore[attr-defined]  no public name tells it
    if method == "fork":
        raise InvalidOption(
            "executor: this ProcessPoolExecutor forks its workers, and a forked process that uses JAX can hang for "
            "ever, since the threads of JAX do not survive a fork; make it with "
            "mp_context=multiprocessing.get_context('spawn'), or give the number of processes instead"
        )


class DaskPool(AbstractPool):
    """The workers of a ``dask.distributed.Client``; function and payload are scattered to them once."""

    def __init__(self, function: ChunkFunction, payload: Any, client: Any) -> None:
        distributed = sys.modules["distributed"]
        self.lost = (distributed.scheduler.KilledWorker, futures.CancelledError)
        self.workers = max(1, sum(client.nthreads().values()))
        self._packed = pack(function, payload)
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._scatter()

    def _scatter(self) -> None:
        self._scattered = self._client.scatter(self._packed, broadcast=True, hash=False)

    def submit(self, chunk: Chunk) -> futures.Future:
        """Start one chunk on one of the workers."""
        return self._executor.submit(run_packed, self._scattered, chunk)

    def rebuild(self) -> None:
        """Scatter the work again, for its copies may be lost with their workers."""
        self._scatter()

    def close(self, *, at_once: bool) -> None:
        """Forget the scattered work; the client stays open."""
        self._executor.shutdown(wait=not at_once)
        del self._scattered


def is_dask_client(executor: object) -> bool:
    """Whether this is a Dask client, found out without importing Dask (a client's existence means it is loaded)."""
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(executor, distributed.Client)


def open_pool(function: ChunkFunction, payload: Any, executor: object, chunks: int) -> AbstractPool:
    """The pool for what a user gave as ``executor``.

    Raises:
        InvalidOption: if it is none of the allowed kinds.
    """
    if isinstance(executor, int) and not isinstance(executor, bool) and executor >= 1:
        return OwnPool(function, payload, max(1, min(executor, chunks)))
    if isinstance(executor, futures.ThreadPoolExecutor):
        return ThreadPool(function, payload, executor)
    if isinstance(executor, futures.Executor):
        return UserPool(function, payload, executor)
    if is_dask_client(executor):
        return DaskPool(function, payload, executor)
    raise InvalidOption(
        f"executor {executor!r} cannot run work; give None (this process), a number of processes (1 or more), "
        "any concurrent.futures.Executor, or a dask.distributed.Client"
    )
