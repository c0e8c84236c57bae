"""``wilks run gallium``: radioactive sources in gallium under six absorption cross sections."""

import importlib

import click

from .delivery import Delivery
from .options import delivery_options, plane_options, toy_options
from .study import deliver_study, effort_of

_EXPOSURES = ("GALLEX-1", "GALLEX-2", "SAGE-Cr", "SAGE-Ar", "BEST-inner", "BEST-outer")


@click.command()
@click.option(
    "--cross-section",
    type=click.Choice(["bahcall", "ground_state", "haxton", "frekers", "kostensalo", "semenov"]),
    default="bahcall",
    show_default=True,
    help="Cross section to look at closely; averages are given for all.",
)
@click.option(
    "--exposure",
    "exposures",
    type=click.Choice(_EXPOSURES),
    multiple=True,
    default=_EXPOSURES,
    help="Measurement to use; may be given several times. All six by default.",
)
@plane_options
@toy_options(1000, meaning="Toys per node; 0 for none.", seed=1)
@delivery_options
def gallium(
    delivery: Delivery,
    cross_section: str,
    exposures: tuple[str, ...],
    exact: bool,
    nodes: int,
    toys: int,
    seed: int,
    workers: int,
) -> None:
    """Compare germanium made by sources of 51Cr and 37Ar in gallium with what cross sections predict.

    Needs no files: the results of GALLEX, SAGE and BEST ship with Wilks. Averages and best fits are given under every
    cross section, the region in the plane of a sterile neutrino under one. Results appear as they are found; --output
    DIR also writes a report with figures.
    """
    study = importlib.import_module("wilks.studies.gallium")
    with effort_of(toys, seed, workers, delivery) as effort:
        report = study.gallium(
            cross_section=cross_section, exposures=exposures, exact=exact, nodes=nodes, effort=effort
        )
    deliver_study(report, delivery)
