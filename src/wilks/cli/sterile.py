"""``wilks run sterile``: the plane of 3+1 neutrinos by neural posteriors beside exact answers, or the latter alone."""

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .delivery import Delivery
from .options import delivery_options, toy_options
from .study import deliver_study, effort_of

_TOYS = 1000
_TRAINING = (
    ("--pairs", 100_000, 200, "Pseudo-experiments per network."),
    ("--steps", 5_000, 10, "Training steps per network."),
    ("--rounds", 3, 1, "Truncated rounds of score matching."),
    ("--checks", 200, 20, "Pseudo-experiments of each check of calibration."),
    ("--draws", 20_000, 1_000, "Posterior draws at the data."),
)


def _training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How much is simulated and trained, gathered into one argument ``training``."""
    names = [name.removeprefix("--") for name, *_ in _TRAINING]

    @functools.wraps(command)
    def wrapped(**options: Any) -> Any:
        return command(training={name: options.pop(name) for name in names}, **options)

    for name, default, least, text in reversed(_TRAINING):
        kind = click.IntRange(min=least)
        wrapped = click.option(name, type=kind, default=default, show_default=True, help=text)(wrapped)
    return wrapped


@click.command()
@click.option(
    "--data",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder with globesfit/ and prospect/; without it rates and gallium, whose figures ship with Wilks.",
)
@click.option("--exact", is_flag=True, help="Exact answers alone: regions by Feldman and Cousins, each experiment.")
@click.option(
    "--nodes",
    type=click.IntRange(min=10),
    help="Nodes per axis of the plane.  [default: 30; with --exact 40]",
)
@click.option(
    "--flux",
    type=click.Choice(["HM", "HKSS", "EF", "KI", "HKSS-KI"]),
    default="HM",
    show_default=True,
    help="Flux model of the integrated rates.",
)
@click.option(
    "--cross-section",
    type=click.Choice(["bahcall", "ground_state", "haxton", "frekers", "kostensalo", "semenov"]),
    default="bahcall",
    show_default=True,
    help="Absorption cross section of gallium.",
)
@click.option(
    "--compare/--no-compare",
    default=True,
    show_default=True,
    help="With --exact: compare with published numbers first.",
)
@_training_options
@toy_options(_TOYS, meaning="Toys per node; 0 for none.", seed=1)
@delivery_options
def sterile(
    delivery: Delivery,
    folder: Path | None,
    exact: bool,
    flux: str,
    cross_section: str,
    compare: bool,
    nodes: int | None,
    training: dict[str, int],
    toys: int,
    seed: int,
    workers: int,
) -> None:
    """Where a sterile neutrino may be: electron-neutrino disappearance of reactors and gallium sources.

    PROSPECT, DANSS and Bugey-3 are read from DIR and learned by networks: flow matching, score matching in truncated
    rounds, splines and a likelihood ratio. Posteriors, evidences and regions stand beside the exact ones, with checks
    of calibration, the anomalies of rates and gallium, and their tension. Without DIR the integrated rates are
    learned, which need no files. A check that fails ends with exit code 4; everything is written all the same.

    --exact trains nothing: published numbers are reproduced, then each experiment has its region by Feldman and
    Cousins. Results appear as they are found; --output DIR also writes a report with figures.
    """
    study = importlib.import_module("wilks.studies.sterile")
    shared: dict[str, Any] = {"folder": folder, "flux": flux, "cross_section": cross_section}
    shared |= {} if nodes is None else {"nodes": nodes}
    with effort_of(toys, seed, workers, delivery, what="toys" if exact else "simulations, steps, toys") as effort:
        if exact:
            report = study.sterile(exact=True, compare=compare, effort=effort, **shared)
        else:
            report = study.neural(training=study.Training(**training), effort=effort, **shared)
    deliver_study(report, delivery)
