"""``wilks run flavor``: a model of mass matrices fitted to neutrino oscillation data of the package."""

import importlib
from typing import Any

import click

from .delivery import Delivery
from .options import delivery_options, toy_options
from .study import deliver_study, effort_of


@click.command()
@click.option(
    "--model",
    type=click.Choice(["seed", "a4", "s4"]),
    default="seed",
    show_default=True,
    help="seed: three real couplings; a4: modular A4; s4: the Weinberg operator under S4'.",
)
@click.option("--release", default="5.3", show_default=True, help="Of NuFIT: 5.2, 5.3, 6.0 or 6.1.")
@click.option("--ordering", type=click.Choice(["NO", "IO"]), help="Of the neutrino masses; the model's own by default.")
@click.option(
    "--correlations",
    type=click.Choice(["1d", "full"]),
    default="1d",
    show_default=True,
    help="full: the joint chi2 (release 5.3).",
)
@click.option("--starts", type=click.IntRange(min=1), default=512, show_default=True, help="Fits per ordering.")
@click.option("--steps", type=click.IntRange(min=40), default=4000, show_default=True, help="Steps of the walkers.")
@toy_options(200, meaning="For the goodness of fit; 0 for none.", seed=1)
@delivery_options
def flavor(delivery: Delivery, starts: int, steps: int, toys: int, seed: int, workers: int, **choices: Any) -> None:
    """Fit mass matrices to neutrino masses and mixing.

    Without options: the simple example of FlavorPy's documentation against NuFIT 5.3, normal ordering. Results appear
    as they are found; --output DIR also writes a report with figures.
    """
    study = importlib.import_module("wilks.studies.flavor.analysis")
    with effort_of(toys, seed, workers, delivery) as effort:
        report = study.flavor(**choices, depth=study.Depth(starts, steps), effort=effort)
    deliver_study(report, delivery)
