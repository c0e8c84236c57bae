"""The command line that all benchmark scripts share."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .environments import default_directory, versions
from .rows import Outcome, Row
from .sides import SideFailed, Sides
from .tables import markdown, write_json

_PACKAGES = ("wilks", "jax", "numpy", "scipy", "iminuit", "pyhf", "numba", "uproot", "awkward", "vector")


def main(title: str, rows_of: Callable[[bool], Sequence[Row]], arguments: Sequence[str] | None = None) -> None:
    """Measure the chosen rows and print the table.

    Args:
        title: of the table.
        rows_of: from "quick" to the rows.
        arguments: of the command line, ``sys.argv`` by default.
    """
    options = _options(title, arguments)
    rows = rows_of(options.quick)
    chosen = options.rows.split(",") if options.rows else [row.name for row in rows]
    unknown = sorted(set(chosen) - {row.name for row in rows})
    if unknown:
        sys.exit(f"no row {unknown[0]!r}; there are {', '.join(row.name for row in rows)}")
    outcomes = [_measure(row, options) for row in rows if row.name in chosen]
    setting = _setting(options.rounds)
    print(f"# {title}\n")
    print("; ".join(f"{name}: {value}" for name, value in setting.items()) + "\n")
    print(markdown(outcomes))
    if options.json:
        write_json(options.json, outcomes, setting)


def _measure(row: Row, options: argparse.Namespace) -> Outcome:
    """One row in fresh processes, so that its first calls are cold."""
    print(f"{row.name} ...", file=sys.stderr, flush=True)
    with Sides(options.environments) as sides:
        try:
            return Outcome(row, row.measure(sides, options.rounds))
        except SideFailed as error:
            print(error, file=sys.stderr)
            return Outcome(row, None, str(error).strip().splitlines()[-1])


def _options(title: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=f"{title}: ratios of CPU time, both sides warm, alternated in one run."
    )
    parser.add_argument("--quick", action="store_true", help="small sizes; shows that everything runs, not how fast")
    parser.add_argument("--rows", metavar="NAME,..", help="only these")
    parser.add_argument("--rounds", type=int, default=None, help="how often the two sides alternate (5; quick: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument(
        "--environments", type=Path, metavar="DIR", default=default_directory(),
        help="where the peers' virtual environments are made and kept",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def _setting(rounds: int) -> dict[str, object]:
    ours = ", ".join(f"{name} {version}" for name, version in versions(sys.executable, _PACKAGES).items())
    return {
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "our environment": ours,
        "rounds": rounds,
        "times": "CPU, one thread, medians",
    }
