"""``wilks run dayabay``: theta_13 and Dm2_32 from the full data of Daya Bay."""

import importlib
from pathlib import Path

import click

from .delivery import Delivery
from .options import delivery_options, toy_options
from .study import deliver_study, effort_of


@click.command()
@click.option(
    "--statistic",
    type=click.Choice(["cnp", "iterative", "unbiased", "neyman", "pearson", "poisson"]),
    default="cnp",
    show_default=True,
    help="Cost of the counts; 'poisson' makes parameters of all uncertain inputs, which takes a minute.",
)
@click.option("--ordering", type=click.Choice(["normal", "inverted"]), default="normal", show_default=True)
@click.option(
    "--data",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder npz/ of the release; by default that of the package dayabay-data-official.",
)
@click.option("--contours/--no-contours", default=True, show_default=True, help="Joint regions of both parameters.")
@click.option(
    "--compare/--no-compare", default=True, show_default=True, help="Fit with other costs and treatments, last."
)
@toy_options(0, meaning="Toys for the goodness of fit; 0 for none.", seed=1)
@delivery_options
def dayabay(
    delivery: Delivery,
    statistic: str,
    ordering: str,
    folder: Path | None,
    contours: bool,
    compare: bool,
    toys: int,
    seed: int,
    workers: int,
) -> None:
    """Measure sin^2 2theta_13 and Dm2_32 with all 3158 days of Daya Bay.

    The data come from the package dayabay-data-official (pip install 'wilks[data]'). 546 bins, a free spectrum, 1,057
    uncertain inputs. Results appear as they are found; --output DIR also writes a report with figures.
    """
    study = importlib.import_module("wilks.studies.dayabay.analysis")
    settings = {
        "statistic": statistic,
        "ordering": ordering,
        "contours": contours,
        "compare": compare,
    }
    with effort_of(toys, seed, workers, delivery, what="toys" if toys else "ways to fit") as effort:
        report = study.dayabay(folder=folder, effort=effort, **settings)
    deliver_study(report, delivery)
