"""Tables of the Huber-Mueller flux: those of the Daya Bay release where it is installed, else typed polynomials."""

import importlib.util
from pathlib import Path

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidFile, MissingExtra

from .readers.archives import Archives

_ISOTOPES = ("U235", "U238", "Pu239", "Pu241")
_FILE, _ROWS = "reactor_antineutrino_spectra_hm.npz", 226

# a_0 .. a_5 of exp(sum a_k E^k), E in MeV: U235, Pu239, Pu241 Huber, arXiv:1106.0687; U238 Mueller et al., 1101.2663
_POLYNOMIALS = (
    (4.367, -4.577, 2.100, -0.5294, 0.06186, -0.002777),
    (0.4833, 0.1927, -0.1283, -0.006762, 0.002233, -0.0001536),
    (4.757, -5.392, 2.563, -0.6596, 0.07820, -0.003536),
    (2.990, -2.882, 1.278, -0.3343, 0.03905, -0.001754),
)

Spectra = Float[np.ndarray, "4 energies"]


def polynomial_spectra() -> tuple[Float[np.ndarray, " energies"], Spectra]:
    """Energies in MeV, 1.8 to 9 in steps of 10 keV, and the spectra of the polynomials there."""
    energies = np.linspace(1.8, 9.0, 721)
    return energies, np.exp(np.stack([np.polynomial.polynomial.polyval(energies, row) for row in _POLYNOMIALS]))


def read_release_spectra() -> tuple[Float[np.ndarray, " energies"], Spectra, str, str] | None:
    """Energies in MeV, spectra, path and digest of the tables in dayabay-data-official; None if it is not installed.

    Raises:
        InvalidFile: naming file, key, found and expected shape, if the file is not as in version 1.
    """
    try:
        archives = Archives(release_folder())
    except MissingExtra:
        return None
    tables = [archives.record(_FILE, isotope, _ROWS, ("E_MeV", "N_density")) for isotope in _ISOTOPES]
    energies = np.array(tables[0]["E_MeV"])
    for isotope, table in zip(_ISOTOPES, tables, strict=True):
        if not np.array_equal(table["E_MeV"], energies):
            raise InvalidFile(f"{archives.folder / _FILE}: key {isotope!r} has other energies than {_ISOTOPES[0]!r}")
    spectra = np.stack([table["N_density"] for table in tables])
    return energies, spectra, str(archives.folder / _FILE), archives.digest()


def release_folder() -> Path:
    """Folder ``npz`` of the Daya Bay release, found without loading the package that holds it.

    Raises:
        MissingExtra: if the package is not installed.
    """
    package = importlib.util.find_spec("dayabay_data_official")
    if package is None or not package.submodule_search_locations:
        raise MissingExtra("dayabay-data-official", "data")
    return Path(package.submodule_search_locations[0]) / "data" / "npz"
