"""Tables of a release for all oscillation parameters together, as they are; `correlated` makes a chi-square of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from .nufit_files import ReleaseTable

QUANTITIES = ("s12^2", "m21^2", "s13^2", "s23^2", "m3l^2", "d/pi")
"""Order of the six; m21^2 enters by its log10, m3l^2 in eV^2, delta in units of pi."""


@dataclass(frozen=True, eq=False)
class JointTables:
    """What the joint chi-square of a release is put together from.

    Args:
        tables: at least the pairs and the triple that the formula needs, and the one-dimensional tables.
        sigmas: 1-sigma widths of `QUANTITIES` in their coordinates.
    """

    tables: Mapping[tuple[str, ...], ReleaseTable]
    sigmas: tuple[float, ...]
