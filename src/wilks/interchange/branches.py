"""Units and types of the branches of event files, and their conversion to columns and back."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wilks._base.errors import InvalidData
from wilks.data.events import Column, Events, Ragged

_TO_COLUMN: Mapping[str, tuple[str, float]] = {"MeV": ("GeV", 1e3)}
"""Unit in files -> unit in columns, and how many of the first make one of the second."""

_LOOKED_AT = 100_000
"""So many momenta at the start of a file show whether its unit is right."""


@dataclass(frozen=True)
class Schema:
    """Units of branches in a file; a branch that no pattern names keeps its numbers and has no known unit.

    Args:
        units: unit by shell-style pattern of branch names; the first match counts.
        momentum: branch of lepton momenta, whose median shows whether its unit is right.
        plausible_gev: range in GeV outside which that median is refused.

    >>> ATLAS_2020.unit("lep_pt"), ATLAS_2020.unit("mcWeight")
    ('MeV', None)
    """

    units: Mapping[str, str]
    momentum: str = "lep_pt"
    plausible_gev: tuple[float, float] = (1.0, 1000.0)

    def unit(self, branch: str) -> str | None:
        """Unit of a branch in the file, ``None`` if not known."""
        return next((unit for pattern, unit in self.units.items() if fnmatch.fnmatchcase(branch, pattern)), None)

    def read(self, branches: Mapping[str, Any], source: str, first: int) -> Events:
        """Events from the awkward arrays of one chunk, energies and momenta in GeV.

        Args:
            branches: arrays by branch name.
            source: file they come from.
            first: number of the first event in that file.

        Raises:
            InvalidData: if columns do not fit together, or momenta are not in the declared unit.
        """
        columns, units = {}, {}
        for name, array in branches.items():
            unit, factor = _TO_COLUMN.get(self.unit(name) or "", (self.unit(name), 1.0))
            columns[name] = _scaled(_column(array), 1 / factor) if factor != 1 else _column(array)
            units[name] = unit
        events = Events(columns, units, source=source, first=first)
        self._check_momenta(events)
        return events

    def written(self, events: Events) -> dict[str, Column]:
        """Columns with the numbers and types that a file holds; floats become single precision.

        Args:
            events: events with energies and momenta in GeV.
        """
        return {name: _stored(column, self._factor(name)) for name, column in events.columns.items()}

    def _factor(self, branch: str) -> float:
        return _TO_COLUMN.get(self.unit(branch) or "", ("", 1.0))[1]

    def _check_momenta(self, events: Events) -> None:
        if events.first or self.momentum not in events or self.unit(self.momentum) != "MeV":
            return
        momenta = events[self.momentum].values[:_LOOKED_AT]
        low, high = self.plausible_gev
        median = float(np.median(momenta)) if len(momenta) else low
        if not low <= median <= high:
            guess = "GeV" if low <= median * 1e3 <= high else "another unit"
            raise InvalidData(
                f"{events.source}: {self.momentum} looks like {guess}, declared MeV (median {median:.3g} GeV, expected "
                f"{low:g} to {high:g}); read with a schema that states the right unit"
            )


ATLAS_2020 = Schema(
    units={
        "*_pt": "MeV",
        "*_pt_syst": "MeV",
        "*_E": "MeV",
        "*_m": "MeV",
        "*_ptcone30": "MeV",
        "*_etcone20": "MeV",
        "met_et*": "MeV",
        "*_phi": "rad",
        "lep_z0": "mm",
        "lep_trackd0pvunbiased": "mm",
        "lep_tracksigd0pvunbiased": "mm",
        "XSection": "pb",
    }
)
"""The 2020 release of ATLAS open data at 13 TeV (tree ``mini``)."""


def _column(array: Any) -> Column:
    layout = array.layout
    if layout.purelist_depth == 1:
        return _native(np.asarray(array))
    return Ragged(*_flattened(array))


def _flattened(array: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values and offsets of a jagged array; vectors, C-style arrays and fixed arrays give the same."""
    layout = array.layout.to_ListOffsetArray64(True)
    offsets = np.asarray(layout.offsets.data)
    values = np.asarray(layout.content.to_backend_array())[: offsets[-1]]
    return _native(values), offsets


def _native(values: np.ndarray) -> np.ndarray:
    """The same numbers in the byte order of this machine."""
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _scaled(column: Column, factor: float) -> Column:
    if isinstance(column, Ragged):
        return column.like(column.values * np.float64(factor))
    return column * np.float64(factor)


def _stored(column: Column, factor: float) -> Column:
    values = column.values if isinstance(column, Ragged) else column
    if values.dtype.kind == "f":
        values = (values * factor).astype(np.float32)
    return column.like(values) if isinstance(column, Ragged) else values
