"""Reads ``numbers.npz``: spectral ratios, inverse covariances, fission fractions and path tables of GLoBESfit."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidFile, UnknownName, near_names
from wilks._base.notices import notice

from .files import asymmetry, positive_definite, read_numbers, sha256

CITATION = "J. M. Berryman and P. Huber, JHEP 01 (2021) 167, arXiv:2005.01756 (GLoBESfit)"
ISOTOPES = ("U235", "U238", "Pu239", "Pu241")
FLUX_SUFFIXES = {"HM": "", "EF": "_SM", "HKSS": "_HKSS"}

_ROUNDING = 1e-6  # asymmetry that only rounding explains


@dataclass(frozen=True, eq=False)
class GlobesfitNumbers:
    """The arrays of one ``numbers.npz``, checked when they are asked for.

    Args:
        path: file that was read.
        digest: SHA-256 of its content.
        arrays: arrays by key.
    """

    path: Path
    digest: str
    arrays: dict[str, np.ndarray]

    def array(self, key: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """An array of the given shape; None stands for any length.

        Raises:
            InvalidFile: if the key is missing, or the array has another shape or a value that is not finite.
        """
        if key not in self.arrays:
            raise InvalidFile(f"{self.path}: no key {key!r}; {near_names(key, self.arrays)}")
        array = self.arrays[key]
        fits = array.ndim == len(shape) and all(want in (None, n) for want, n in zip(shape, array.shape, strict=True))
        if not fits:
            expected = tuple("any" if want is None else want for want in shape)
            raise InvalidFile(f"{self.path}: key {key!r} has shape {array.shape}; expected {expected}")
        if not np.isfinite(array).all():
            raise InvalidFile(f"{self.path}: key {key!r} holds a value that is not finite")
        return array

    def inverse_covariance(self, key: str, size: int) -> Float[np.ndarray, "values values"]:
        """An inverse covariance W of measured ratios, symmetric and positive definite.

        Raises:
            InvalidData: if it looks like a covariance, or is not positive definite.
        """
        matrix = self.array(key, (size, size))
        if np.diag(matrix).min() < 1.0:  # errors of ratios are far below 1
            raise InvalidData(
                f"{self.path}: key {key!r} looks like a covariance (diagonal down to {np.diag(matrix).min():.3g}); "
                "the key holds an inverse"
            )
        if (size_of := asymmetry(matrix)) > _ROUNDING:
            notice(f"{self.path}: the matrix {key!r} is asymmetric by {size_of:.2g} of its largest entry; symmetrised")
        return positive_definite(f"{self.path}, key {key!r}", 0.5 * (matrix + matrix.T), what="inverse covariance")

    def fractions(self, key: str) -> Float[np.ndarray, "4"]:
        """Fission fractions of U235, U238, Pu239, Pu241.

        Raises:
            InvalidData: if they are negative or do not add up to 1 within 2 %.
        """
        fractions = self.array(key, (4,))
        if (fractions < 0).any() or abs(fractions.sum() - 1.0) > 0.02:
            raise InvalidData(f"{self.path}: fission fractions {key!r} are {fractions.tolist()}; they must add up to 1")
        return fractions

    def path_table(self, key: str) -> Float[np.ndarray, "points 2"]:
        """log10 q and <sin^2 qL>, with q = 1.267 dm2/E [GeV] and L in km, on equal steps of log10 q.

        Raises:
            InvalidData: if the steps are not equal, or an average lies outside [0, 1].
        """
        table = self.array(key, (None, 2))
        steps = np.diff(table[:, 0])
        if not np.allclose(steps, steps.mean(), rtol=1e-6) or steps.mean() <= 0:
            raise InvalidData(f"{self.path}: the first column of {key!r} must rise in equal steps")
        if table[:, 1].min() < 0 or table[:, 1].max() > 1:
            raise InvalidData(f"{self.path}: {key!r} holds an average of sin^2 outside [0, 1]")
        return table


def read_globesfit(path: str | Path) -> GlobesfitNumbers:
    """Read ``numbers.npz``; arrays of objects are refused and nothing is ever unpickled.

    Args:
        path: the file.

    Raises:
        InvalidFile: if the path is a folder, no file, or not such a file; naming the key that cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        raise InvalidFile(f"{path} is a folder; expected the file numbers.npz inside it")
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {key: _plain(path, key, content) for key in content.files}
    except (OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise InvalidFile(f"{path}: cannot be read as a .npz file: {error}") from error
    except ValueError as error:
        raise InvalidFile(f"{path}: is no .npz file of numbers: {error}") from error
    return GlobesfitNumbers(path, sha256([path]), arrays)


def read_flux_tables(
    folder: str | Path, model: str
) -> tuple[Float[np.ndarray, " energies"], Float[np.ndarray, "4 energies"]]:
    """Energies in MeV and antineutrinos per fission per MeV of the four isotopes, from ``Pure_*.dat``.

    Args:
        folder: folder ``fluxes`` of GLoBESfit.
        model: ``"HM"``, ``"EF"`` or ``"HKSS"``.

    Raises:
        UnknownName: for another model.
        InvalidFile: naming file and line.
    """
    if model not in FLUX_SUFFIXES:
        raise UnknownName(f"no flux table {model!r} in GLoBESfit; {near_names(model, FLUX_SUFFIXES)}")
    tables = [read_numbers(Path(folder) / f"Pure_{i}{FLUX_SUFFIXES[model]}.dat", (None, 7)) for i in ISOTOPES]
    energies = max((t[:, 0] for t in tables), key=len) * 1e3  # GeV to MeV; some tables lack the last row
    spectra = [np.interp(energies, 1e3 * t[:, 0], t[:, 4], right=0.0) for t in tables]  # column 5: antineutrino nu_e
    return energies, np.stack(spectra)


def _plain(path: Path, key: str, content: np.lib.npyio.NpzFile) -> np.ndarray:
    try:
        return np.asarray(content[key], dtype=np.float64)
    except ValueError as error:
        raise InvalidFile(f"{path}: key {key!r} holds objects instead of numbers and is not read") from error
