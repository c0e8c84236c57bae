"""The tables of the experiment from a folder in the layout of ReMU's tutorial (subfolders 00 to 06)."""

from pathlib import Path

import numpy as np

from wilks._base.errors import InvalidFile
from wilks.data.binning import AbstractBinning
from wilks.data.grid import Grid
from wilks.data.tables import read_csv
from wilks.interchange.remu import read_binning, read_matrices

from .experiment import Bins, Table, Tables, beam

_TRUTH = {"A": "00/modelA_truth", "B": "00/modelB_truth", "background": "05/bg_truth"}
_SEEN = {"A": "00/modelA_data", "B": "00/modelB_data", "background": "05/nominal_bg_data"}
_VARIED = {"A": "03/modelA_data", "B": "03/modelB_data", "background": "05/bg_data"}
_STORED = {"03": "01/optimised-truth-binning.yml", "05": "05/truth-binning.yml"}


def read_tables(folder: str | Path, *, seed: int = 1) -> Tables:
    """Tables and binnings of a folder; response matrices that are stored there are taken as they are.

    Args:
        folder: holds ``00`` to ``06`` with csv tables (plain or gzipped), YAML binnings and, if they were made before,
            ``03/response_matrix.npz`` and ``05/response_matrix.npz``.
        seed: of the throws of the flux, which no file holds.

    Raises:
        InvalidFile: naming what is missing or cannot be read.
    """
    root = Path(folder)
    stored = {name: root / name / "response_matrix.npz" for name in _STORED}
    known = {name: read_matrices(path) for name, path in stored.items() if path.is_file()}
    needed = len(known) < len(stored)
    return Tables(
        source=f"read from files in {root.name or root}",
        bins=Bins(
            plane=_grid(root / "00" / "reco-binning.yml"),
            reco=_grid(root / "01" / "reco-binning.yml"),
            coarse=_grid(root / "01" / "coarse-truth-binning.yml"),
            fine=_grid(root / "01" / "fine-truth-binning.yml"),
            flux=_grid(root / "06" / "flux-binning.yml"),
        ),
        truth={name: _table(root, path) for name, path in _TRUTH.items()},
        seen={name: _table(root, path) for name, path in _SEEN.items()},
        varied={name: _table(root, path) for name, path in _VARIED.items()} if needed else {},
        noise=_table(root, "05/noise_data"),
        data=_table(root, "00/real_data"),
        full_data=_table(root, "05/real_data"),
        energies=beam(np.random.default_rng([seed, 106])),
        stored=known,
        truth_bins={name: _binning(root / _STORED[name]) for name in known},
    )


def _table(root: Path, name: str) -> Table:
    """A csv table under the first of its usual names."""
    for ending in (".csv.gz", ".csv", ".txt", ".txt.gz"):
        path = root / f"{name}{ending}"
        if path.is_file():
            return dict(read_csv(path).columns)  # type: ignore[arg-type]  # csv columns are flat
    raise InvalidFile(f"{root / name}: no such table; expected it with the ending .csv.gz, .csv or .txt")


def _binning(path: Path) -> AbstractBinning:
    return read_binning(path)


def _grid(path: Path) -> Grid:
    binning = read_binning(path)
    if not isinstance(binning, Grid):
        raise InvalidFile(f"{path}: a {type(binning).__name__}; expected a rectilinear binning")
    return binning
