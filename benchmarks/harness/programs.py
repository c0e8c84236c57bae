"""Rows about whole programs: CPU time of a process from its start to its end."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .environments import ROOT
from .rows import Measured, Row, Target
from .sides import OURS, SideFailed, Sides

_WILKS = "from wilks.cli.main import run; run()"  # what the command `wilks` does
_WARM_UPS = 1  # that bring the files into the page cache and compile the bytecode


def spent(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """CPU seconds of a command and the processes it waited for.

    Raises:
        SideFailed: if it does not end with success.
    """
    before = _of_children()
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    after = _of_children()
    if done.returncode != 0:
        raise SideFailed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return after - before


def printed(sides: Sides, module: str, *arguments: str, cache: Path | None = None) -> float:
    """The number that a module of ours prints as a process.

    Args:
        sides: give its environment.
        module: of the benchmarks.
        arguments: of the command line.
        cache: folder of compiled programs; that of the row by default.

    Raises:
        SideFailed: if it does not end with success.
    """
    variables = sides.variables() if cache is None else {**sides.variables(), "WILKS_CACHE": str(cache)}
    command = [sides.python(OURS), "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise SideFailed(done.stderr)
    return float(done.stdout)


def _of_children() -> float:
    """CPU seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_up(name: str, what: str, arguments: Sequence[str], peer_code: str, target: Target) -> Row:
    """A command of Wilks against a line of Python."""

    def measure(sides: Sides, rounds: int) -> Measured:
        ours = [sides.python(OURS), "-c", _WILKS, *arguments]
        peer = [sys.executable, "-c", peer_code]
        for _ in range(_WARM_UPS):
            spent(ours, sides.variables())
            spent(peer, sides.variables())
        pairs = [(spent(ours, sides.variables()), spent(peer, sides.variables())) for _ in range(2 * rounds)]
        return Measured(
            statistics.median(a for a, _ in pairs),
            statistics.median(b for _, b in pairs),
            None, None, f"python -c {peer_code!r}", "process",
        )  # fmt: skip

    return Row(name, what, measure, target, "inverse")


def second_process(name: str, what: str, script: str, target: Target) -> Row:
    """A script run in two processes that share a compile cache: the first against the second."""

    def measure(sides: Sides, rounds: int) -> Measured:
        pairs = [_first_and_second(sides, script) for _ in range(rounds)]
        return Measured(
            statistics.median(second for _, second in pairs),
            statistics.median(first for first, _ in pairs),
            None, None, "first process, empty compile cache", "process",
        )  # fmt: skip

    return Row(name, what, measure, target)


def warm_process(name: str, what: str, script: str, target: Target) -> Row:
    """CPU seconds of a script whose compiled programs are in the cache."""

    def measure(sides: Sides, rounds: int) -> Measured:
        pairs = [_first_and_second(sides, script) for _ in range(max(rounds // 2, 1))]
        first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
        return Measured(second, None, first, None, "", "process")

    return Row(name, what, measure, target, "seconds")


def first_result(name: str, what: str, arguments: Sequence[str], mark: str, target: Target) -> Row:
    """CPU seconds of a command until the first line that holds a mark; empty compile cache, then the second run."""

    def measure(sides: Sides, rounds: int) -> Measured:
        pairs = []
        for _ in range(max(rounds // 2, 1)):
            with tempfile.TemporaryDirectory(prefix="wilks-cache-") as cache:
                variables = {**sides.variables(), "WILKS_CACHE": cache, "PYTHONUNBUFFERED": "1"}
                command = [sides.python(OURS), "-c", _WILKS, *arguments]
                pairs.append((_until(mark, command, variables), _until(mark, command, variables)))
        first, second = (tuple(map(statistics.median, zip(*runs, strict=True))) for runs in zip(*pairs, strict=True))
        note = f"whole run: {first[1]:.3g} s of CPU the first time, {second[1]:.3g} s the second"
        return Measured(second[0], None, first[0], None, "", "", note=note)

    return Row(name, what, measure, target, "seconds")


def whole_run(name: str, what: str, arguments: Sequence[str], target: Target) -> Row:
    """CPU seconds of a whole command with an empty compile cache; ``OUTPUT`` among the arguments is a new folder."""

    def measure(sides: Sides, rounds: int) -> Measured:
        runs = []
        for _ in range(max(rounds // 2, 1)):
            with tempfile.TemporaryDirectory(prefix="wilks-run-") as folder:
                given = [f"{folder}/output" if x == "OUTPUT" else x for x in arguments]
                variables = {**sides.variables(), "WILKS_CACHE": f"{folder}/compiled"}
                runs.append(spent([sides.python(OURS), "-c", _WILKS, *given], variables))
        return Measured(statistics.median(runs), None, None, None, "", "")

    return Row(name, what, measure, target, "seconds")


def _until(mark: str, command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """CPU seconds until a line that holds the mark, and until the end."""
    before, reached = _of_children(), None
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if reached is None and mark in line:
                reached = _of_process(process.pid)
    if process.returncode != 0 or reached is None:
        raise SideFailed(
            f"{' '.join(command)} ended with {process.returncode}; its output holds {mark!r}: {bool(reached)}"
        )
    return reached, _of_children() - before


def _of_process(pid: int) -> float:
    """CPU seconds of a running process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _first_and_second(sides: Sides, script: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="wilks-cache-") as cache:
        variables = {**sides.variables(), "WILKS_CACHE": cache}
        command = [sides.python(OURS), "-m", script]
        return spent(command, variables), spent(command, variables)
