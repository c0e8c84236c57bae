"""Rows about first uses: an import with its memory, and the first call of a task in a new process."""

import os
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .environments import ROOT
from .programs import spent
from .rows import Measured, Row, Target
from .sides import OURS, SideFailed, Sides, Task


class Used(NamedTuple):
    """What a process took: CPU seconds and its largest resident memory in 10^6 bytes."""

    cpu: float
    megabytes: float


def import_time(name: str, what: str, ours: str, peer: tuple[str, str], target: Target) -> Row:
    """CPU seconds of a module of ours against a module of a peer, each a whole process.

    Args:
        name: as for `Row`.
        what: as for `Row`.
        ours: our module.
        peer: side and module of the peer.
        target: as for `Row`.
    """

    def measure(sides: Sides, rounds: int) -> Measured:
        mine, theirs = _both(sides, ours, peer, rounds)
        return _measured(
            [x.cpu for x in mine], [x.cpu for x in theirs], peer[0],
            f"peak memory {mine[0].megabytes:.0f} MB against {theirs[0].megabytes:.0f} MB",
        )  # fmt: skip

    return Row(name, what, measure, target)


def import_memory(name: str, what: str, ours: str, peer: tuple[str, str], target: Target) -> Row:
    """The same for peak memory; the ratio is that of 10^6 bytes."""

    def measure(sides: Sides, rounds: int) -> Measured:
        mine, theirs = _both(sides, ours, peer, 1)
        note = f"{mine[0].megabytes:.0f} MB against {theirs[0].megabytes:.0f} MB (the columns of times show seconds)"
        return _measured([mine[0].megabytes], [theirs[0].megabytes], peer[0], note)

    return Row(name, what, measure, target)


def first_call(name: str, what: str, ours: Task, peer: Task, target: Target, *, unit: str = "") -> Row:
    """First calls in new processes, with an empty compile cache; imports are done and not counted."""

    def measure(sides: Sides, rounds: int) -> Measured:
        mine, theirs = sides.run(ours), sides.run(peer)
        return _measured([mine.per_item], [theirs.per_item], peer.label or peer.side, "", unit)

    return Row(name, what, measure, target)


def process_against_call(name: str, what: str, script: str, peer: Task, target: Target, *, second: bool) -> Row:
    """A whole process of ours, from its start, against one success of the peer, which is imported already.

    Args:
        name: as for `Row`.
        what: as for `Row`.
        script: our module.
        peer: the peer's task.
        target: as for `Row`.
        second: measure the second process, which finds its programs in the compile cache.
    """

    def measure(sides: Sides, rounds: int) -> Measured:
        theirs = [sides.run(peer).per_item for _ in range(rounds)]
        mine = []
        for _ in range(max(rounds // 2, 1)):
            with tempfile.TemporaryDirectory(prefix="wilks-cache-") as cache:
                variables = {**sides.variables(), "WILKS_CACHE": cache}
                command = [sides.python(OURS), "-W", "ignore", "-m", script]
                runs = [spent(command, variables) for _ in range(2 if second else 1)]
                mine.append(runs[-1])
        return _measured(mine, theirs, peer.label or peer.side, "imports of our process are counted")

    return Row(name, what, measure, target)


def process_against_process(name: str, what: str, ours: str, peer: tuple[str, str], target: Target) -> Row:
    """A whole process of ours, with an empty compile cache, against one of the peer; imports are counted.

    Args:
        name: as for `Row`.
        what: as for `Row`.
        ours: our module.
        peer: side and module of the peer.
        target: as for `Row`.
    """

    def measure(sides: Sides, rounds: int) -> Measured:
        side, module = peer
        repeats = max(rounds // 2, 1)
        mine = []
        for _ in range(repeats + 1):  # the first one writes the bytecode
            with tempfile.TemporaryDirectory(prefix="wilks-cache-") as cache:
                command = [sides.python(OURS), "-W", "ignore", "-m", ours]
                mine.append(spent(command, {**sides.variables(), "WILKS_CACHE": cache}))
        theirs = [spent([sides.python(side), "-m", module], sides.variables(side)) for _ in range(repeats)]
        return _measured(mine[1:], theirs, side, "")

    return Row(name, what, measure, target)


def _measured(mine: Sequence[float], theirs: Sequence[float], label: str, note: str, unit: str = "") -> Measured:
    return Measured(
        statistics.median(mine), statistics.median(theirs), None, None, label, unit, note=note,
        ours_least=min(mine), peer_least=min(theirs),
    )  # fmt: skip


def _both(sides: Sides, ours: str, peer: tuple[str, str], rounds: int) -> tuple[list[Used], list[Used]]:
    side, module = peer
    mine = [_used([sides.python(OURS), "-W", "ignore", "-m", ours], sides.variables()) for _ in range(rounds + 1)]
    theirs = [_used([sides.python(side), "-W", "ignore", "-m", module], sides.variables(side)) for _ in range(rounds)]
    return mine[1:], theirs  # the first of ours writes the bytecode


def _used(command: Sequence[str], environment: Mapping[str, str]) -> Used:
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SideFailed(f"{' '.join(command)} ended with {process.returncode}")
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)
