"""Reads the 2016 spectra of the three Daya Bay halls and of NEOS, digitised by the authors of arXiv:2201.05108."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData
from wilks._base.notices import notice

from .files import asymmetry, positive_definite, read_numbers, require_files, sha256

CITATION_HALLS = "Daya Bay, Phys. Rev. D 95 (2017) 072006, arXiv:1610.04802; files of arXiv:2201.05108"
CITATION_NEOS = "NEOS, Phys. Rev. Lett. 118 (2017) 121802, arXiv:1610.05134; files of arXiv:2201.05108"
FINE_BINS, HALL_BINS, NEOS_BINS = 240, 35, 60
NEOS_DAYS = 134.0  # arXiv:1610.05134, table I: data taking with the reactor on
HALLS = ("EH1", "EH2", "EH3")

_WHAT = "the Daya Bay and NEOS files of 2016 (arXiv:2201.05108)"


@dataclass(frozen=True, eq=False)
class HallSpectra:
    """Spectra of the three halls.

    Args:
        folder: folder that was read.
        digest: SHA-256 over the files used.
        edges: edges of the prompt energy bins in MeV.
        observed: counts per hall and bin.
        background: expected background per hall and bin.
        response: probability of a reconstructed bin (row) for a true bin (column), 50 keV each.
    """

    folder: Path
    digest: str
    edges: Float[np.ndarray, " edges"]
    observed: Float[np.ndarray, "3 bins"]
    background: Float[np.ndarray, "3 bins"]
    response: Float[np.ndarray, "reconstructed true"]


@dataclass(frozen=True, eq=False)
class NeosSpectra:
    """Spectrum of NEOS and its ratio to the one expected from Daya Bay.

    Args:
        folder: folder that was read.
        digest: SHA-256 over the files used.
        observed: counts per bin of 100 keV over the whole data taking.
        background: expected background per bin, the same way.
        ratio: measured ratio to the expectation without a sterile neutrino.
        covariance: covariance of the ratio.
        asymmetry: how far the digitised covariance was from symmetric, in units of its largest entry.
        response: probability of a reconstructed bin (row) for a true bin (column), 50 keV each.
    """

    folder: Path
    digest: str
    observed: Float[np.ndarray, " bins"]
    background: Float[np.ndarray, " bins"]
    ratio: Float[np.ndarray, " bins"]
    covariance: Float[np.ndarray, "bins bins"]
    asymmetry: float
    response: Float[np.ndarray, "reconstructed true"]


def read_halls(folder: str | Path) -> HallSpectra:
    """Read ``DataEH1.dat`` to ``DataEH3.dat`` and ``ReconstructMatrix.dat``.

    Args:
        folder: folder with the files.

    Raises:
        InvalidFile: listing missing files, or naming file and line.
        InvalidData: if the three halls have different bins.
    """
    folder = Path(folder)
    names = [f"Data{hall}.dat" for hall in HALLS] + ["ReconstructMatrix.dat"]
    require_files(folder, names, _WHAT)
    tables = np.stack([read_numbers(folder / name, (HALL_BINS, 12)) for name in names[:3]])
    if not (tables[:, :, :2] == tables[0, :, :2]).all():
        raise InvalidData(f"{folder}: the three halls have different energy bins")
    edges = np.append(tables[0, :, 0], tables[0, -1, 1])
    response = read_numbers(folder / names[3], (FINE_BINS, FINE_BINS))
    digest = sha256(folder / name for name in names)
    return HallSpectra(folder, digest, edges, tables[:, :, 3], tables[:, :, 6], response)


def read_neos_2016(folder: str | Path) -> NeosSpectra:
    """Read ``neos/AllData.dat``, ``neos/NeutrinoCovMatrix.dat`` and ``neos/ReconstructMatrix.dat``.

    Args:
        folder: folder that holds the folder ``neos``.

    Raises:
        InvalidFile: listing missing files, or naming file and line.
        InvalidData: if the symmetrised covariance is not positive definite.
    """
    folder = Path(folder)
    names = ["neos/AllData.dat", "neos/NeutrinoCovMatrix.dat", "neos/ReconstructMatrix.dat"]
    require_files(folder, names, _WHAT)
    table = read_numbers(folder / names[0], (NEOS_BINS + 1, 7))[:NEOS_BINS]  # the last row, 7 to 10 MeV, is not used
    matrix = read_numbers(folder / names[1], (NEOS_BINS, NEOS_BINS))
    size = asymmetry(matrix)
    if size > 1e-6:
        notice(f"{folder / names[1]}: the digitised covariance is asymmetric by {size:.2g}; it was symmetrised")
    covariance = positive_definite(str(folder / names[1]), 0.5 * (matrix + matrix.T), what="covariance")
    response = read_numbers(folder / names[2], (FINE_BINS, FINE_BINS))
    return NeosSpectra(
        folder,
        sha256(folder / name for name in names),
        table[:, 0] * NEOS_DAYS,
        table[:, 3] * NEOS_DAYS,
        table[:, 4],
        covariance,
        size,
        response,
    )
