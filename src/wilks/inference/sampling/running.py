"""Runs independent chains, each a chunk of work, here with progress or wherever an executor takes them."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import numpy as np

from wilks._base.typing import Key
from wilks.execution.chunks import Chunk
from wilks.execution.executors import run_chunks
from wilks.execution.interrupts import sigterm_interrupts
from wilks.execution.keys import chunk_key, task_words
from wilks.execution.progress import Progress, ThrottledProgress

Report: TypeAlias = Callable[[int], None]
"""Called with the number of steps that have just been made."""


@runtime_checkable
class ChainFunction(Protocol):
    """A pure function that runs one chain and returns arrays by name."""

    def __call__(self, work: Any, chunk: Chunk, report: Report = ...) -> Mapping[str, Any]:
        """Run the chain of a chunk."""
        ...


def silent(done: int) -> None:
    """Report to nobody, as in another process."""


def run_chains(
    function: ChainFunction,
    work: Any,
    chains: Sequence[Chunk],
    *,
    executor: Any = None,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Run one chain per chunk; arrays of all chains, stacked along a new first axis in the order of the chunks.

    Args:
        function: runs one chain; executors call it without a report.
        work: what all chains share.
        chains: one chunk per chain; its size is the number of steps, for ``progress``.
        executor: as for `wilks.execution.executors.run_chunks`.
        progress: called with (done, total, failed, seconds), counted in steps.
    """
    if executor is not None:
        found: list[Any] = run_chunks(function, work, chains, executor=executor, progress=progress)
    else:
        report = ThrottledProgress(progress, sum(chunk.size for chunk in chains), time.monotonic)
        with sigterm_interrupts():
            found = [function(work, chunk, report.add) for chunk in chains]
    return {name: np.stack([np.asarray(arrays[name]) for arrays in found]) for name in found[0]}


def chain_keys(seed: int, algorithm: str, chain: int) -> tuple[Key, np.random.Generator]:
    """Key of a chain's moves and generator of its starts, from seed, algorithm and the chain's number only."""
    key = chunk_key(seed, task_words({"task": "sample", "algorithm": algorithm}), chain)
    words = np.asarray(jax.random.key_data(jax.random.fold_in(key, 0)))
    return jax.random.fold_in(key, 1), np.random.default_rng(words)
