"""``wilks run sterile``: the plane of 3+1 neutrinos from reactors and gallium, with exact regions."""

import importlib
from pathlib import Path

import click

from .delivery import Delivery
from .options import delivery_options, plane_options, toy_options
from .study import deliver_study, effort_of

_TOYS = 1000


@click.command()
@click.option(
    "--data",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder with globesfit/ and prospect/; without it rates and gallium, whose figures ship with Wilks.",
)
@plane_options
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
@click.option("--compare/--no-compare", default=True, show_default=True, help="Compare with published numbers first.")
@toy_options(_TOYS, meaning="Toys per node; 0 for none.", seed=1)
@delivery_options
def sterile(
    delivery: Delivery,
    folder: Path | None,
    exact: bool,
    flux: str,
    cross_section: str,
    compare: bool,
    nodes: int,
    toys: int,
    seed: int,
    workers: int,
) -> None:
    """Where a sterile neutrino may be: electron-neutrino disappearance of reactors and gallium sources.

    PROSPECT, DANSS and Bugey-3 are read from DIR; integrated rates and gallium need no files. Published numbers are
    reproduced first. Results appear as they are found; --output DIR also writes a report with figures.
    """
    study = importlib.import_module("wilks.studies.sterile.analysis")
    settings = {
        "exact": exact,
        "nodes": nodes,
        "flux": flux,
        "cross_section": cross_section,
        "compare": compare,
    }
    with effort_of(toys, seed, workers, delivery) as effort:
        report = study.sterile(folder=folder, effort=effort, **settings)
    deliver_study(report, delivery)
