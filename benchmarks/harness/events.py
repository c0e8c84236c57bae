"""Rows about passes over files of events, which our side writes once per run."""

import statistics
import subprocess

from .environments import ROOT
from .rows import Measured, Row, Target, side_by_side
from .sides import OURS, SideFailed, Sides, Task


def events_row(name: str, n: int, target: Target) -> Row:
    """Selection and histogram of ``n`` events against the tutorial's pass."""

    def measure(sides: Sides, rounds: int) -> Measured:
        path = _write(sides, n)
        scale = sides.run(Task(OURS, "event_weight", {})).answer["values"][0]
        ours = Task(OURS, "histogram", {"path": path, "n": n})
        peer = Task("awkward", "histogram", {"path": path, "n": n, "normalisation": scale}, "uproot 5, awkward, vector")
        found = side_by_side("", "", ours, (peer,), target, unit="event").measure(sides, rounds)
        rates = [f"{1e-6 / x:.3g} M events per CPU second" for x in (found.ours, found.peer) if x is not None]
        return found._replace(note=" against ".join(rates))

    return Row(name, f"selection and histogram of {n:,} synthetic events", measure, target)


def events_memory(name: str, sizes: tuple[int, ...], target: Target) -> Row:
    """Peak memory of our pass above imports, for the largest of several files; the others show that it is flat."""

    def measure(sides: Sides, rounds: int) -> Measured:
        paths = [_write(sides, n) for n in sizes]
        peaks = [statistics.median(_peak_mb(sides, path) for _ in range(max(rounds // 2, 1))) for path in paths]
        flat = ", ".join(f"{n:,} events {peak:.0f} MB" for n, peak in zip(sizes, peaks, strict=True))
        return Measured(peaks[-1], None, None, None, "", "", note=flat)

    return Row(name, "the same: peak memory above imports, largest file", measure, target, "megabytes")


def _write(sides: Sides, n: int) -> str:
    path = str(sides.folder / f"events_{n}.root")
    sides.run(Task(OURS, "write_events", {"path": path, "n": n}))
    return path


def _peak_mb(sides: Sides, path: str) -> float:
    command = [sides.python(OURS), "-m", "ours.events_memory", path]
    done = subprocess.run(command, env=sides.variables(), cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise SideFailed(done.stderr)
    return float(done.stdout)
