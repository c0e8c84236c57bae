"""``wilks run higgs4l``: the Higgs boson in four leptons, from tables of the package or from ROOT files."""

import importlib
from pathlib import Path
from typing import Any

import click

from wilks._base.errors import InvalidOption

from .delivery import Delivery
from .options import delivery_options, toy_options
from .study import deliver_study, effort_of

_PACKAGE = "wilks.studies.higgs4l"
_MODES = {
    "official": ("official_tables", "official"),
    "tutorial": ("tutorial_report", "tutorial_study"),
    "events": ("event_files", "events"),
    "cms": ("cms_tables", "cms"),
    "joint": ("joint_fit", "joint"),
}
_TOYS = 2000


@click.command()
@click.option(
    "--mode",
    type=click.Choice(list(_MODES)),
    help="official: ATLAS tables (default); tutorial: each number of the tutorial beside the right one; "
    "events: from ROOT files (default with --events); cms: CMS tables; joint: ATLAS and CMS share the strength.",
)
@click.option(
    "--events",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the 4lep ROOT files, or with Data/ and MC/ inside.",
)
@click.option(
    "--selection",
    type=click.Choice(["official", "tutorial"]),
    help="Cuts on events; official by default.",
)
@click.option(
    "--cost", type=click.Choice(["poisson", "pearson", "neyman", "cnp"]), default="poisson", show_default=True
)
@click.option(
    "--template-statistics",
    type=click.Choice(["conway", "poisson", "marginal", "full", "none"]),
    default="conway",
    show_default=True,
    help="How the statistical error of the simulation enters; with marginal, goodness of fit needs toys.",
)
@click.option("--luminosity", type=float, help="In fb^-1; 10, or 10.064 with --normalisation release.")
@click.option(
    "--normalisation",
    type=click.Choice(["tutorial", "release"]),
    default="tutorial",
    show_default=True,
    help="release scales some cross sections for what is not simulated (gg to ZZ).",
)
@click.option("--allow-missing", is_flag=True, help="Go on without samples whose files are missing.")
@toy_options(_TOYS, meaning="Toys per procedure; 0 for none.", seed=1)
@delivery_options
def higgs4l(delivery: Delivery, mode: str | None, toys: int, seed: int, workers: int, **choices: Any) -> None:
    """Measure the Higgs signal strength in four leptons.

    Without options: ATLAS open data of 13 TeV from the tables of the package. Results appear as they are found;
    --output DIR also writes a report with figures.
    """
    mode = mode or ("events" if choices["folder"] else "official")
    options = _options(mode, choices)
    module, name = _MODES[mode]
    function = getattr(importlib.import_module(f"{_PACKAGE}.{module}"), name)
    with effort_of(toys, seed, workers, delivery) as effort:
        report = function(**options, effort=effort)
    deliver_study(report, delivery)


def _options(mode: str, choices: dict[str, Any]) -> dict[str, Any]:
    """What the function of a mode takes; an option that means nothing there is refused."""
    takes: tuple[str, ...] = {
        "official": ("cost", "template_statistics", "luminosity", "normalisation"),
        "tutorial": ("folder", "allow_missing"),
        "events": (
            "folder", "selection", "cost", "template_statistics", "luminosity", "normalisation", "allow_missing",
        ),
        "cms": ("cost", "template_statistics"),
        "joint": ("template_statistics", "luminosity", "normalisation"),
    }[mode]  # fmt: skip
    for name, idle in _IDLE.items():
        if name not in takes and choices[name] != idle:
            option = "--events" if name == "folder" else f"--{name.replace('_', '-')}"
            raise InvalidOption(f"{option} means nothing with --mode {mode}; leave it out, or choose another mode")
    if mode == "events" and not choices["folder"]:
        raise InvalidOption("--mode events needs --events DIR, the folder of the 4lep ROOT files")
    renamed = {"luminosity": "luminosity_fb"}
    return {renamed.get(name, name): choices[name] for name in takes if choices[name] is not None}


_IDLE = {
    "folder": None,
    "selection": None,
    "cost": "poisson",
    "template_statistics": "conway",
    "luminosity": None,
    "normalisation": "tutorial",
    "allow_missing": False,
}
"""Each option's value when it is not given."""
