"""``wilks run xenon``: flamedisx's tutorial, on simulated events or on a table of them."""

import importlib
from pathlib import Path

import click

from .delivery import Delivery
from .options import delivery_options, toy_options
from .study import deliver_study, effort_of


@click.command()
@click.option(
    "--data",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Csv table of events: s1, s2, x, y, z, r, drift_time, event_time; simulated by default.",
)
@click.option(
    "--preset",
    type=click.Choice(["2.1.0", "1.4", "tutorial"]),
    default="2.1.0",
    show_default=True,
    help="Selection of events: of flamedisx 2.1.0, of the version behind the tutorial, or as the tutorial says.",
)
@click.option(
    "--trials", type=click.IntRange(min=1), default=25, show_default=True, help="Events to simulate, cut ones included."
)
@click.option("--yields/--no-yields", default=True, show_default=True, help="Also fit six parameters.")
@toy_options(0, meaning="For goodness of fit and coverage, e.g. 200; 0 for none.", seed=1)
@delivery_options
def xenon(
    delivery: Delivery, file: Path | None, preset: str, trials: int, yields: bool, toys: int, seed: int, workers: int
) -> None:
    """Fit events of a dual-phase xenon detector one by one.

    Without options: 25 electronic recoils are simulated; rates, electron lifetime, an absorption length, six
    parameters of the yields, position dependence, and a limit on WIMPs follow. Results appear as they are found;
    --output DIR also writes a report with figures.
    """
    study = importlib.import_module("wilks.studies.xenon.analysis")
    with effort_of(toys, seed, workers, delivery) as effort:
        report = study.xenon(file=file, preset=preset, trials=trials, yields=yields, effort=effort)
    deliver_study(report, delivery)
