"""``wilks run reactors``: rates of reactor antineutrinos under five flux models."""

import importlib
from pathlib import Path

import click

from .delivery import Delivery
from .options import delivery_options, plane_options, toy_options
from .study import deliver_study, effort_of


@click.command()
@click.option(
    "--flux",
    type=click.Choice(["HM", "HKSS", "EF", "KI", "HKSS-KI"]),
    default="HM",
    show_default=True,
    help="Flux model to look at closely; averages are given for all.",
)
@click.option(
    "--rates",
    "selection",
    type=click.Choice(["all", "short-baseline", "modern"]),
    default="all",
    show_default=True,
    help="Which rates: all 40, those at less than 100 m, or those of the years after 2010.",
)
@click.option(
    "--data",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder fluxes/ of GLoBESfit with the spectra of HKSS and EF; by default those of HM stand in.",
)
@plane_options
@toy_options(1000, meaning="Toys per node; 0 for none.", seed=1)
@delivery_options
def reactors(
    delivery: Delivery,
    flux: str,
    selection: str,
    folder: Path | None,
    exact: bool,
    nodes: int,
    toys: int,
    seed: int,
    workers: int,
) -> None:
    """Compare measured rates of reactor antineutrinos with those expected from models of the flux.

    Needs no files: 24 rates and the fuel evolution of Daya Bay and RENO ship with Wilks. Averages and best fits are
    given under every flux model, the region in the plane of a sterile neutrino under one. Results appear as they are
    found; --output DIR also writes a report with figures.
    """
    study = importlib.import_module("wilks.studies.reactors")
    with effort_of(toys, seed, workers, delivery) as effort:
        report = study.reactors(flux=flux, selection=selection, folder=folder, exact=exact, nodes=nodes, effort=effort)
    deliver_study(report, delivery)
