"""Long-lived processes that run one side's tasks on command, each in its own environment."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, Self

from .environments import ONE_THREAD, ROOT, interpreter

OURS = "wilks"
_MODULES = {
    OURS: "ours.server",
    "pyhf": "peers.pyhf_server",
    "iminuit": "peers.iminuit_server",
    "tutorial": "peers.tutorial_server",
    "awkward": "peers.awkward_server",
    "flavorpy": "peers.flavorpy_server",
    "remu": "peers.remu_server",
    "flamedisx": "peers.flamedisx_server",
    "dayabay": "peers.dayabay_server",
    "sbi": "peers.sbi_server",
}
_ENVIRONMENTS = {"tutorial": "iminuit"}  # the tutorial's loops need numpy alone


class Task(NamedTuple):
    """Something that a side can do."""

    side: str
    name: str
    options: dict[str, Any]
    label: str = ""


class Run(NamedTuple):
    """One run of a task."""

    cpu: float
    wall: float
    answer: dict[str, Any]

    @property
    def per_item(self) -> float:
        """CPU seconds for one thing done."""
        return self.cpu / self.answer["items"]


class SideFailed(Exception):
    """A side could not do what it was asked."""


class Sides:
    """All sides of one row; a process starts when its first task is run, with an empty compile cache."""

    def __init__(self, environments: Path) -> None:
        self.environments = environments
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._temporary = tempfile.TemporaryDirectory(prefix="wilks-benchmark-")
        self.folder = Path(self._temporary.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
        self._temporary.cleanup()

    def python(self, side: str) -> str:
        """Interpreter of a side."""
        return sys.executable if side == OURS else str(interpreter(_ENVIRONMENTS.get(side, side), self.environments))

    def variables(self, side: str = OURS) -> dict[str, str]:
        """Environment variables of a side: one thread, which Wilks tells XLA by itself, and bytecode as installed."""
        told = {**os.environ, **ONE_THREAD, "WILKS_CACHE": str(self.folder / "compiled")}
        told.pop("PYTHONDONTWRITEBYTECODE", None)
        if side == OURS:
            del told["XLA_FLAGS"]
        return told

    def run(self, task: Task) -> Run:
        """Run a task once; the first run poses it and is cold.

        Raises:
            SideFailed: with the traceback of the other process.
        """
        process = self._processes.get(task.side) or self._start(task.side)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"task": task.name, "options": task.options}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        reply = json.loads(line) if line else {"error": f"the process of {task.side} has ended"}
        if "error" in reply:
            raise SideFailed(f"{task.side}, {task.name}: {reply['error']}")
        return Run(reply["cpu"], reply["wall"], reply["answer"])

    def _start(self, side: str) -> subprocess.Popen[str]:
        command = [self.python(side), "-W", "ignore", "-m", _MODULES[side]]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=self.variables(side)
        )
        self._processes[side] = process
        return process
