"""Global fits of neutrino oscillations: terms of one NuFIT release from shipped tables, figures or official files."""

import functools
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption, check_option
from wilks.likelihood.curves import Curve, tabulated_curve

from .chi2_terms import ChiSquareTerms, Term
from .datasets import CHARGED_LEPTONS
from .folded_terms import FoldedTerms, folded_terms
from .joint_tables import QUANTITIES, JointTables
from .nufit_figures import FIGURES, figures, quoted_terms
from .nufit_files import Release, ReleaseTable, read_release

RELEASES = {"5.2": "NuFIT 5.2 (2022)", "5.3": "NuFIT 5.3 (2024)", "6.0": "NuFIT 6.0 (2024)", "6.1": "NuFIT 6.1 (2025)"}
"""Releases in the package and their names."""

CITATIONS = {
    "5.2": "I. Esteban et al., JHEP 09 (2020) 178, arXiv:2007.14792; NuFIT 5.2 (2022), www.nu-fit.org",
    "5.3": "I. Esteban et al., JHEP 09 (2020) 178, arXiv:2007.14792; NuFIT 5.3 (2024), www.nu-fit.org",
    "6.0": "I. Esteban et al., JHEP 12 (2024) 216, arXiv:2410.05380; NuFIT 6.0 (2024), www.nu-fit.org",
    "6.1": "I. Esteban et al., JHEP 12 (2024) 216, arXiv:2410.05380; NuFIT 6.1 (2025), www.nu-fit.org",
}
"""What to cite; NuFIT asks for it."""

_TABLES = resources.files("wilks.physics.flavor") / "tables"
_SHIPPED = ("5.2", "5.3")
_NAMES = {
    "s12^2": "s12^2",
    "s13^2": "s13^2",
    "s23^2": "s23^2",
    "delta": "d/pi",
    "log10 m21^2": "m21^2",
    "m3l^2": "m3l^2",
}
_SCALES = {"delta": 1 / 180, "m3l^2": 1e-3}
_FULL = (("s12^2", "log10 m21^2"), ("s23^2", "m3l^2", "delta"), ("s13^2", "s23^2"), ("s13^2", "m3l^2"))
_CYCLE = 360.0


@functools.lru_cache(maxsize=16)
def nufit(
    release: str = "5.3", ordering: str = "NO", correlations: str = "1d", interpolation: str = "wilks"
) -> ChiSquareTerms | FoldedTerms:
    """Chi-square terms of a NuFIT release, with Super-Kamiokande atmospheric data (6.x: IceCube too).

    Args:
        release: ``"5.2"`` and ``"5.3"`` by their tables; ``"6.0"`` and ``"6.1"`` by their published figures (6.1 for NO
            alone). `read_nufit` takes the official files of any release.
        ordering: ``"NO"`` or ``"IO"``.
        correlations: ``"1d"`` for independent curves, or ``"full"`` for the joint chi-square (release 5.3 alone).
        interpolation: ``"wilks"``, or ``"flavorpy"`` for the objective of FlavorPy 0.2.0 with its folds and jumps.

    Raises:
        InvalidOption: for anything else, listing what there is.
    """
    check_option("correlations", correlations, ("1d", "full"))
    check_option("interpolation", interpolation, ("wilks", "flavorpy"))
    if release not in RELEASES or (release, ordering) not in {
        *FIGURES,
        *((r, o) for r in _SHIPPED for o in ("NO", "IO")),
    }:
        shipped = "5.2, 5.3, 6.0 with NO and IO, 6.1 with NO"
        raise InvalidOption(
            f"NuFIT {release!r} with ordering {ordering!r} is not in the package, which has {shipped}; "
            "read_nufit(path) takes the official files of other releases"
        )
    if interpolation == "flavorpy":
        return _folded(release, ordering)
    if release in _SHIPPED:
        return _of_release(shipped_release(release, ordering), release, correlations)
    if correlations == "full":
        raise InvalidOption(
            f"NuFIT {release} is in the package by its figures alone; correlations='full' has 5.3, or any official "
            "file through read_nufit(path, correlations='full')"
        )
    return _with_ratio(quoted_terms(release, ordering, RELEASES[release], CITATIONS[release]), release, ordering)


def read_nufit(path: str | Path, *, correlations: str = "1d", cache: bool = True) -> ChiSquareTerms:
    """The same from an official release file (.txt, .gz or .xz).

    Args:
        path: the file, e.g. ``v60.release-TByes-NO.txt.xz`` from www.nu-fit.org.
        correlations: as for `nufit`.
        cache: keep what was read in the user's cache folder; reading 47 MB of text takes seconds.

    Raises:
        InvalidFile: naming line and block if the file is not what it should be.
        InvalidOption: if it has no tables for full correlations.
    """
    check_option("correlations", correlations, ("1d", "full"))
    tables = read_release(path, cache=cache)
    name = Path(path).name
    return _terms(tables, f"NuFIT, {name}, {tables.ordering}", f"NuFIT, www.nu-fit.org, {name}", correlations)


@functools.lru_cache(maxsize=4)
def shipped_release(release: str, ordering: str) -> Release:
    """Tables of 5.2 or 5.3 as shipped: one-dimensional ones whole, the others within Delta chi-square 50 or more.

    The curves through the former are shipped, too, since the library that makes them takes longer to load than a fit.

    Raises:
        InvalidOption: for a release that the package has no tables of.
    """
    check_option("release with tables", release, _SHIPPED)
    check_option("ordering", ordering, ("NO", "IO"))
    with (_TABLES / f"nufit{release.replace('.', '')}_{ordering}.npz").open("rb") as file:
        arrays = dict(np.load(file, allow_pickle=False))
    step = float(arrays["step"])
    digest = str(arrays["digest"])
    single = {key: array for key, array in arrays.items() if key in _NAMES}
    tables = {(key,): ReleaseTable((array[:, 0].copy(),), array[:, 1].copy()) for key, array in single.items()}
    for key, box in ((key[:-4], box) for key, box in arrays.items() if key.endswith("#box")):
        names = tuple(key.split("|"))
        axes = tuple(tables[(name,)].axes[0][first:last] for name, (first, last) in zip(names, box, strict=True))
        tables[names] = ReleaseTable(axes, arrays[key] * step + float(arrays["offset"]))
    curves = {column: Curve.from_rows(arrays[f"{column}#curve"]) for column in single}
    return Release(ordering, tables, digest, curves)


def _of_release(tables: Release, release: str, correlations: str) -> ChiSquareTerms:
    source = f"{RELEASES[release]}, {tables.ordering}"
    return _with_ratio(_terms(tables, source, CITATIONS[release], correlations), release, tables.ordering)


def _with_ratio(terms: ChiSquareTerms, release: str, ordering: str) -> ChiSquareTerms:
    """The terms with r = m21^2/m3l^2 by its figures, for fits that ask for it instead of both splittings."""
    ratio = figures(release, ordering).terms()["r"]
    return terms.with_term("r", ratio.curve)


def _terms(tables: Release, source: str, citation: str, correlations: str) -> ChiSquareTerms:
    missing = [name for name in _NAMES if (name,) not in tables.tables]
    if missing:
        raise InvalidFile(f"{source}: no one-dimensional table of {', '.join(missing)}")
    entries = dict(CHARGED_LEPTONS.terms().entries)
    for column, name in _NAMES.items():
        curve = tables.curves.get(column) or curve_of(column, tables.tables[(column,)])
        scale = "log10" if column.startswith("log10") else "linear"
        entries[name] = Term(curve.moved(_SCALES.get(column, 1.0)), scale)
    offset = min(float(table.chi2.min()) for names, table in tables.tables.items() if len(names) == 1)
    joint = None
    if correlations == "full":
        if absent := [names for names in _FULL if names not in tables.tables]:
            raise InvalidOption(
                f"{source} has no table of {', '.join(map(' x '.join, absent))}, which correlations='full' needs; "
                "NuFIT 5.3 in the package has all, or take read_nufit(path, correlations='full') of an official file"
            )
        joint = JointTables(tables.tables, tuple(entries[name].curve.sigma for name in QUANTITIES))
    return ChiSquareTerms(entries, source, citation, tables.ordering, offset, correlated=joint, digest=tables.digest)


def curve_of(column: str, table: ReleaseTable) -> Curve:
    """Curve through a one-dimensional table of a release, in the units of its column."""
    axis, chi2 = table.axes[0], table.chi2
    if column != "delta":
        return tabulated_curve(axis, chi2)
    return tabulated_curve(*_one_cycle(axis, chi2), period=_CYCLE)


def _one_cycle(axis: np.ndarray, chi2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first full cycle of a table of angles; older releases repeat a part of it."""
    keep = axis <= axis[0] + _CYCLE
    axis, chi2 = axis[keep], chi2[keep]
    if not math.isclose(axis[-1] - axis[0], _CYCLE):
        raise InvalidData(f"the table of delta covers {axis[0]:g} to {axis[-1]:g} degrees; expected a full cycle")
    return axis, chi2


def _folded(release: str, ordering: str) -> FoldedTerms:
    if release not in _SHIPPED:
        raise InvalidOption(
            f"FlavorPy 0.2.0 has NuFIT 5.2 and 5.3; interpolation='flavorpy' does not go with {release}"
        )
    columns: Mapping[str, ReleaseTable] = {
        name: shipped_release(release, ordering).tables[(column,)] for column, name in _NAMES.items()
    }
    return folded_terms(release, ordering, columns, figures(release, ordering))
