"""The chi-square of FlavorPy 0.2.0 with its folds and jumps, for its face and for comparison; numpy, never compiled.

It differs from the native terms on purpose: splines keep their small negative dips and are folded by abs(); outside of
windows a Gaussian with a constant takes over, with a jump; delta is not periodic. Fit the native terms and polish on
these if numbers must agree.
"""

import bisect
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Float

from wilks._base.errors import UnknownName, near_names

from .datasets import GaussianTable
from .nufit_files import ReleaseTable

# Window inside which the spline holds, and what is added to the Gaussian outside of it.
_WINDOWS: Mapping[tuple[str, str], Mapping[str, tuple[float, float, float]]] = {
    ("5.3", "NO"): {
        "s12^2": (0.17, 0.48, 0.0),
        "s13^2": (0.0085, 0.04, 0.0),
        "s23^2": (0.35, 0.7, 43.0),
        "m21^2": (1.2e-5, 1e-4, 0.0),
        "m3l^2": (2e-4, 4e-3, 0.0),
    },
    ("5.3", "IO"): {
        "s12^2": (0.17, 0.48, 0.0),
        "s13^2": (0.0085, 0.04, 100.0),
        "s23^2": (0.27, 0.7, 100.0),
        "m21^2": (1.2e-5, 1e-4, 0.0),
        "m3l^2": (-4e-3, -2e-4, 0.0),
    },
    ("5.2", "NO"): {
        "s12^2": (0.17, 0.8, 0.0),
        "s13^2": (-np.inf, 0.07, 0.0),
        "s23^2": (0.25, 0.7, 0.0),
        "m21^2": (1e-6, 1e-2, 0.0),
        "m3l^2": (2e-4, 7e-3, 0.0),
    },
    ("5.2", "IO"): {
        "s12^2": (0.17, 0.8, 0.0),
        "s13^2": (-np.inf, 0.07, 0.0),
        "s23^2": (0.25, 0.7, 0.0),
        "m21^2": (1e-6, 1e-2, 0.0),
        "m3l^2": (-7e-3, -2e-4, 0.0),
    },
}

Points = Float[np.ndarray, "*points"]


class _Pieces(NamedTuple):
    """A cubic spline in plain numbers, for one point at a time."""

    knots: list[float]
    coefficients: list[list[float]]  # of each piece, highest power first

    def at(self, x: float) -> float:
        piece = min(max(bisect.bisect_right(self.knots, x) - 1, 0), len(self.coefficients) - 1)
        a, b, c, d = self.coefficients[piece]
        t = x - self.knots[piece]
        return ((a * t + b) * t + c) * t + d


@dataclass(frozen=True, eq=False)
class FoldedTerms:
    """FlavorPy's chi-square of the observables of one release.

    Args:
        splines: observable -> spline; m21^2 in eV^2, delta in units of pi on [0, 2).
        windows: observable -> (lower, upper, constant outside).
        table: figures of the Gaussians outside the windows, and of r and the charged leptons everywhere.
    """

    splines: Mapping[str, "scipy.interpolate.CubicSpline"]
    windows: Mapping[str, tuple[float, float, float]]
    table: GaussianTable

    @property
    def ordering(self) -> str | None:
        """Ordering that the data assume."""
        return self.table.ordering

    @property
    def names(self) -> tuple[str, ...]:
        """Observables with data, r among them."""
        return tuple(self.table.rows)

    def term(self, name: str, value: Points | float) -> Points | float:
        """Chi-square of one observable at any values.

        Raises:
            UnknownName: if there are no data on it.
        """
        if name not in self.table.rows:
            raise UnknownName(f"{self.table.name}: no data on {name!r}; {near_names(name, self.names)}")
        best, sigma = self._gaussians[name]
        lower, upper, constant = self.windows.get(name, (-np.inf, np.inf, 0.0))
        if isinstance(value, float):  # plain Python: a call of numpy for each number would cost several times more
            if name in self.splines and lower <= value <= upper:
                return abs(self._pieces[name].at(value))
            return abs(((value - best) / sigma) ** 2 + (constant if name in self.splines else 0.0))
        x = np.asarray(value, dtype=float)
        gaussian = ((x - best) / sigma) ** 2
        if name not in self.splines:
            return np.asarray(gaussian)
        return np.where((x >= lower) & (x <= upper), np.abs(self.splines[name](x)), np.abs(gaussian + constant))

    @functools.cached_property
    def _gaussians(self) -> dict[str, tuple[float, float]]:
        """Best value and standard deviation of each observable."""
        limits = {name: self.table.limits(name) for name in self.table.rows}
        return {
            name: (float(row["best"]), 0.5 * (limits[name][1] - limits[name][0]))
            for name, row in self.table.rows.items()
        }

    @functools.cached_property
    def _pieces(self) -> dict[str, "_Pieces"]:
        return {name: _Pieces(spline.x.tolist(), spline.c.T.tolist()) for name, spline in self.splines.items()}

    def chi2(
        self, values: Mapping[str, Points | float], names: tuple[str, ...] | None = None
    ) -> dict[str, Points | float]:
        """Chi-square of each observable of a point or of many, by name."""
        chosen = names if names is not None else tuple(n for n in self.names if n in values and n != "r")
        return {name: self.term(name, values[name]) for name in chosen}


def folded_terms(release: str, ordering: str, columns: Mapping[str, ReleaseTable], table: GaussianTable) -> FoldedTerms:
    """FlavorPy's objective from the one-dimensional tables of a release.

    Args:
        release: ``"5.2"`` or ``"5.3"``.
        ordering: ``"NO"`` or ``"IO"``.
        columns: observable -> table as released.
        table: figures of the release.
    """
    splines = {}
    for name, column in columns.items():
        x, chi2 = column.axes[0], column.chi2 - (column.chi2.min() if ordering == "IO" else 0.0)
        if name == "m21^2":
            x = 10.0**x
        elif name == "m3l^2":
            x = 1e-3 * x
        elif name == "d/pi":
            x, keep = np.unique(np.mod(x / 180.0, 2.0), return_index=True)  # one of the two at +-180 degrees
            chi2 = chi2[keep]
        splines[name] = scipy.interpolate.CubicSpline(x, chi2)
    return FoldedTerms(splines, _WINDOWS[release, ordering], table)
