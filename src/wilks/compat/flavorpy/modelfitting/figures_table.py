"""Published figures as frames that are made when they are first looked at."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wilks._base.errors import MissingExtra
from wilks.physics.flavor.datasets import ROWS
from wilks.physics.flavor.nufit_figures import figures

COLUMNS = ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "r", "d/pi", "m21^2", "m3l^2")
"""Observables of the tables of leptons."""


def pandas() -> Any:
    """The package pandas.

    Raises:
        MissingExtra: if it is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra("pandas", "io") from None
    return pd


@dataclass(frozen=True)
class FiguresTable(Mapping[str, Any]):
    """Best values and limits of one NuFIT release: columns are observables, rows best and limits at 1 and 3 sigma.

    It is read like a DataFrame, ``table["s12^2"]["best"]``, and every attribute of a DataFrame works; `frame` is one.

    Args:
        release: ``"5.2"`` or ``"5.3"``.
        ordering: ``"NO"`` or ``"IO"``.
    """

    release: str
    ordering: str

    @functools.cached_property
    def frame(self) -> Any:
        """The table as a DataFrame.

        Raises:
            MissingExtra: if pandas is not installed.
        """
        return pandas().DataFrame(self.rows(), index=list(ROWS), columns=list(COLUMNS))

    def rows(self) -> dict[str, dict[str, float]]:
        """The same as dictionaries: observable -> row -> figure."""
        table = figures(self.release, self.ordering)
        return {name: {row: float(table.rows[name][row]) for row in ROWS} for name in COLUMNS}

    def __getitem__(self, name: str) -> Any:
        return self.frame[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMNS)

    def __len__(self) -> int:
        return len(COLUMNS)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "frame":
            raise AttributeError(name)
        return getattr(self.frame, name)

    def __repr__(self) -> str:
        return repr(self.frame)
