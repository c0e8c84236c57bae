"""Functions of chunks that workers of the tests run; a module of their own, so that other processes can import them."""

import os
import time
from pathlib import Path

import jax
import numpy as np

from wilks.execution.keys import chunk_key


def draw(payload, chunk):
    """Normal numbers of one chunk, from its key alone."""
    key = chunk_key(payload["seed"], (1, 2), chunk.index)
    return {"x": jax.random.normal(key, (chunk.size,)) * payload["scale"], "index": np.arange(chunk.size) + chunk.start}


def draw_late_first(payload, chunk):
    """The same, but earlier chunks take longer: they arrive in reverse order."""
    time.sleep(0.05 * max(0, 4 - chunk.index))
    return draw(payload, chunk)


def process_of(payload, chunk):
    """Number of the process, and the settings it works with."""
    return {
        "process": np.array(os.getpid()),
        "bits": np.array(jax.numpy.zeros(()).dtype.itemsize * 8),
        "one_thread": np.array("intra_op_parallelism_threads=1" in os.environ.get("XLA_FLAGS", "")),
    }


def die_once(payload, chunk):
    """Kill the worker at the first try of chunk 1."""
    marker = Path(payload["marker"])
    if chunk.index == 1 and not marker.exists():
        marker.touch()
        os._exit(1)
    return draw(payload, chunk)


def die_always(payload, chunk):
    """Kill the worker at each try of chunk 2."""
    if chunk.index == 2:
        os._exit(1)
    return draw(payload, chunk)


class StubbornError(Exception):
    """An exception that cannot be made again from its own arguments."""

    def __init__(self, point, reason):
        super().__init__(f"no value at {point}: {reason}")


def fail(payload, chunk):
    """Raise an error of the asked kind in chunk 3."""
    if chunk.index == 3:
        raise ZeroDivisionError("chunk 3") if payload == "plain" else StubbornError(3, "stubborn")
    return {"x": np.zeros(chunk.size)}


def objects(payload, chunk):
    """Return what is no array of numbers."""
    return {"x": np.array([None])}


def wait_long(payload, chunk):
    """Say which process runs, then wait longer than any test."""
    (Path(payload) / str(os.getpid())).touch()
    time.sleep(600)
    return {}
