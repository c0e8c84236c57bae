"""Tables of the Huber-Mueller flux: those of the Daya Bay release where it is installed, else typed polynomials."""

import importlib.util
from pathlib import Path

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidFile, MissingExtra

from .readers.files import sha256

_ISOTOPES = ("U235", "U238", "Pu239", "Pu241")
_ROWS = 226

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
    if importlib.util.find_spec("dayabay_data_official") is None:
        return None
    path = release_folder() / "reactor_antineutrino_spectra_hm.npz"
    try:
        with np.load(path, allow_pickle=False) as content:
            tables = [_record(path, content, isotope) for isotope in _ISOTOPES]
    except OSError as error:
        raise InvalidFile(f"{path}: cannot be read: {error}") from error
    energies = tables[0]["E_MeV"]
    for isotope, table in zip(_ISOTOPES, tables, strict=True):
        if not np.array_equal(table["E_MeV"], energies):
            raise InvalidFile(f"{path}: key {isotope!r} has other energies than {_ISOTOPES[0]!r}")
    return np.array(energies), np.stack([table["N_density"] for table in tables]), str(path), sha256([path])


def release_folder() -> Path:
    """Folder ``npz`` of the Daya Bay release.

    Raises:
        MissingExtra: if the package is not installed.
    """
    try:
        from dayabay_data_official import get_path_data
    except ImportError as error:
        raise MissingExtra("dayabay-data-official", "data") from error
    return Path(get_path_data("npz"))


def _record(path: Path, content: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    if key not in content.files:
        raise InvalidFile(f"{path}: no key {key!r}; keys are {', '.join(content.files)}")
    try:
        table = content[key]
    except ValueError as error:
        raise InvalidFile(f"{path}: key {key!r} holds objects instead of numbers and is not read") from error
    if table.shape != (_ROWS,) or table.dtype.names != ("E_MeV", "N_density"):
        raise InvalidFile(
            f"{path}: key {key!r} has shape {table.shape} and columns {table.dtype.names}; expected ({_ROWS},) and "
            "E_MeV, N_density"
        )
    return table
