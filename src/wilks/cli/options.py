"""Options that commands share, as decorators."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .delivery import Delivery

Command = Callable[..., Any]


def delivery_options(command: Command) -> Command:
    """``--json``, ``--output``, ``--quiet``, ``--strict``, gathered into one argument ``delivery``."""

    @click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON document.")
    @click.option(
        "--output",
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for results.json, report.html and figures/.",
    )
    @click.option("--quiet", is_flag=True, help="No notices and no progress.")
    @click.option("--strict", is_flag=True, help="Flags become failures (exit code 5).")
    @functools.wraps(command)
    def wrapped(*, as_json: bool, output: Path | None, quiet: bool, strict: bool, **rest: Any) -> Any:
        return command(delivery=Delivery(as_json, output, quiet, strict), **rest)

    return wrapped


def toy_options(default: int, *, meaning: str = "Number of toys.", seed: int = 0) -> Callable[[Command], Command]:
    """``--toys``, ``--seed``, ``--workers``.

    Args:
        default: number of toys.
        meaning: what they are for.
        seed: default of the seed.
    """

    def decorate(command: Command) -> Command:
        for option in (
            click.option(
                "--workers",
                type=click.IntRange(min=1),
                default=1,
                show_default=True,
                help="Processes; results do not depend on their number.",
            ),
            click.option(
                "--seed",
                type=click.IntRange(min=0),
                default=seed,
                show_default=True,
                help="Seed of all random numbers.",
            ),
            click.option("--toys", type=click.IntRange(min=0), default=default, show_default=True, help=meaning),
        ):
            command = option(command)
        return command

    return decorate


def plane_options(command: Command) -> Command:
    """``--exact`` and ``--nodes`` of studies that draw a region of two parameters."""
    for option in (
        click.option(
            "--nodes", type=click.IntRange(min=10), default=40, show_default=True, help="Nodes per axis of the plane."
        ),
        click.option("--exact", is_flag=True, help="Regions by Feldman and Cousins instead of asymptotic ones."),
    ):
        command = option(command)
    return command


def executor_of(workers: int) -> int | None:
    """Argument ``executor=`` for a number of processes: one runs in this process."""
    return None if workers == 1 else workers
