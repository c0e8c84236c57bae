"""Which experiments there are: those whose figures ship with Wilks, and those whose files the user has."""

from dataclasses import dataclass, field
from pathlib import Path

from wilks._base.errors import InvalidFile
from wilks.physics.oscillation.build import near_far
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.gallium import gallium
from wilks.physics.oscillation.join import join
from wilks.physics.oscillation.rate_table import SHORT_BASELINE
from wilks.physics.oscillation.rates import reactor_rates
from wilks.physics.oscillation.releases import prospect

SOURCES = {
    "PROSPECT": "folder prospect/, ancillary files of arXiv:2006.11210",
    "DANSS": "file globesfit/numbers.npz, values of github.com/JMBerryman/GLoBESfit (arXiv:2005.01756)",
    "Bugey-3": "file globesfit/numbers.npz, values of github.com/JMBerryman/GLoBESfit (arXiv:2005.01756)",
}
"""What the experiments that are read from files need."""

RATES, GALLIUM = "rates", "gallium"


@dataclass(frozen=True)
class Experiments:
    """Experiments of one run.

    Args:
        studies: by name, in print order; no two of them share recorded events.
        missing: name -> which file is missing, and where it is from.
    """

    studies: dict[str, Study]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def reactors(self) -> dict[str, Study]:
        """All but gallium."""
        return {name: study for name, study in self.studies.items() if name != GALLIUM}

    @property
    def all(self) -> Study:
        """All of them as one study."""
        return join(self.studies, name="sterile")


def load(folder: Path | None, *, flux: str = "HM", cross_section: str = "bahcall") -> Experiments:
    """The experiments that can be loaded; rates leave out Bugey-3 where its spectra are there.

    Args:
        folder: folder with ``globesfit/`` and ``prospect/``; None for those whose figures ship with Wilks.
        flux: flux model of the rates.
        cross_section: absorption cross section of gallium.
    """
    studies: dict[str, Study] = {}
    missing: dict[str, str] = {}
    for name, source in SOURCES.items():
        if folder is None:
            missing[name] = f"needs the {source}; give the folder that holds it"
            continue
        try:
            studies[name] = _read(name, folder)
        except InvalidFile as error:
            missing[name] = f"needs the {source}: {error}"
    blocks = [name for name in SHORT_BASELINE if name not in studies]
    tables = folder / "globesfit" / "fluxes" if folder is not None else None
    there = tables if tables is not None and tables.is_dir() else None
    studies[RATES] = reactor_rates(flux, blocks=blocks, folder=there)
    studies[GALLIUM] = gallium(cross_section)
    return Experiments(studies, missing)


def _read(name: str, folder: Path) -> Study:
    if name == "PROSPECT":
        return prospect(folder / "prospect")
    return near_far(name, folder / "globesfit" / "numbers.npz")
