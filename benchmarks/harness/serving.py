"""The loop of a side: it reads commands as lines of JSON, runs tasks, and answers with CPU seconds and results.

A task is posed once (data, model) and then run as often as asked; the first run is the cold one. Later a short task is
repeated until it is warm, since the other side's work has emptied the processor's caches meanwhile, and its quickest
run counts. Only the standard library is used here, since every environment imports this file.
"""

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Answer = dict[str, Any]
"""``items``: how many things were done; ``values`` and ``scale``: numbers that both sides must agree on."""

Work = Callable[[], Answer]
Tasks = Mapping[str, Callable[..., Work]]

_REPEATED = 0.1  # seconds for which a warm task is repeated, if it is shorter


def serve(tasks: Tasks) -> None:
    """Answer commands until standard input ends."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print must not disturb the protocol
    posed: dict[str, Work] = {}
    for line in sys.stdin:
        command = json.loads(line)
        try:
            reply = _obey(tasks, posed, command)
        except Exception:
            reply = {"error": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")


def _obey(tasks: Tasks, posed: dict[str, Work], command: dict[str, Any]) -> dict[str, Any]:
    name = json.dumps([command["task"], command["options"]], sort_keys=True)
    if cold := name not in posed:
        posed[name] = tasks[command["task"]](**command["options"])
    runs = [_run(posed[name])]
    while not cold and sum(run["wall"] for run in runs) < _REPEATED:
        runs.append(_run(posed[name]))
    return min(runs, key=lambda run: run["cpu"])


def _run(work: Work) -> dict[str, Any]:
    spent, wall = _cpu_seconds(), time.perf_counter()
    answer = work()
    return {"cpu": _cpu_seconds() - spent, "wall": time.perf_counter() - wall, "answer": answer}


def _cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
