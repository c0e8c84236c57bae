"""Make the tables of NuFIT 5.2 and 5.3 that the package ships, from the official release files.

    python tools/make_nufit_tables.py [FOLDER]

FOLDER holds v52.release-SKyes-NO.txt and its three companions, at any depth. Without it the files of an installed
flavorpy 0.2.0 are taken; it is found by its metadata and never imported. The files are checked by SHA-256, and the
tables come out the same byte for byte; curves through them may differ by rounding.
"""

import importlib.metadata
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from wilks.physics.flavor.nufit_files import Release, read_release
from wilks.physics.flavor.nufit_terms import curve_of

RELEASES = {
    ("52", "NO"): "c3b97fc60ca8f9bef0b3c015ae5f04e1e6b7be067ce38259ca11771dffbaf527",
    ("52", "IO"): "3fd1e8b149a66b475b93ffafbc8561966718949e66da75f63a12a73f518a48ba",
    ("53", "NO"): "bf2fb99741560217e8eca7638194f1ebb532dc7e720adab3ee4feeb9e4727ce3",
    ("53", "IO"): "fc191600f2fb09dc6e067e4e876b804c7627e32977dc10e9bb15cd75f4c6677e",
}
BOX = 50.0  # largest Delta chi-square that the box of a two- or three-dimensional table must hold
STEP = 0.004  # unit of the stored Delta chi-square: an error of 0.002
WITH_THREE_DIMENSIONS = ("53",)
TARGET = Path(__file__).resolve().parents[1] / "src" / "wilks" / "physics" / "flavor" / "tables"
EPOCH = (1980, 1, 1, 0, 0, 0)  # date of every member of the archives


def main(arguments: list[str]) -> None:
    """Write one archive per release and ordering."""
    folder = Path(arguments[0]) if arguments else installed_folder()
    TARGET.mkdir(exist_ok=True)
    for (release, ordering), digest in RELEASES.items():
        name = f"v{release}.release-SKyes-{ordering}.txt"
        path = next(iter(sorted(folder.rglob(name))), None)
        if path is None:
            sys.exit(f"{folder}: no {name} in it; install flavorpy==0.2.0 or name the folder of the release files")
        tables = read_release(path, cache=False)
        if tables.digest != digest:
            sys.exit(f"{path}: SHA-256 {tables.digest}; expected {digest}")
        write(TARGET / f"nufit{release}_{ordering}.npz", shipped(tables, release in WITH_THREE_DIMENSIONS))


def installed_folder() -> Path:
    """Folder of an installed flavorpy 0.2.0."""
    try:
        distribution = importlib.metadata.distribution("flavorpy")
    except importlib.metadata.PackageNotFoundError:
        sys.exit("flavorpy is not installed; install flavorpy==0.2.0 or name the folder of the release files")
    if distribution.version != "0.2.0":
        sys.exit(f"flavorpy {distribution.version} is installed; the release files are those of 0.2.0")
    return Path(str(distribution.locate_file("flavorpy")))


def shipped(release: Release, with_three_dimensions: bool) -> dict[str, np.ndarray]:
    """Arrays of one archive: one-dimensional tables whole and as curves, the others cut to a box and rounded."""
    minimum = min(float(table.chi2.min()) for table in release.tables.values())
    arrays = {"digest": np.array(release.digest), "offset": np.array(minimum), "step": np.array(STEP)}
    for names, table in release.tables.items():
        key = "|".join(names)
        if len(names) == 1:
            arrays[key] = np.stack([table.axes[0], table.chi2], axis=1)
            arrays[f"{key}#curve"] = curve_of(key, table).as_rows()
        elif len(names) == 2 or with_three_dimensions:
            above = table.chi2 - table.chi2.min()
            box = tuple(_reach(above <= BOX, axis) for axis in range(len(names)))
            arrays[key] = np.round(above[box] / STEP).astype("<u2")
            arrays[f"{key}#box"] = np.array([(cut.start, cut.stop) for cut in box], dtype="<u2")
    return arrays


def _reach(inside: np.ndarray, axis: int) -> slice:
    """Indices along one axis between which anything is inside."""
    others = tuple(other for other in range(inside.ndim) if other != axis)
    where = np.flatnonzero(inside.any(axis=others))
    return slice(int(where[0]), int(where[-1]) + 1)


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An uncompressed npz archive whose bytes depend on the arrays alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array), version=(1, 0), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            member.create_system = 3  # whatever the machine is
            archive.writestr(member, buffer.getvalue())


if __name__ == "__main__":
    main(sys.argv[1:])
