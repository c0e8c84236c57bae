"""Sets of experimental data as FlavorPy has them: a chi-square function per observable, by tables or by the user."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks.physics.flavor.datasets import ALIASES, GaussianTable
from wilks.physics.flavor.folded_terms import FoldedTerms
from wilks.physics.flavor.nufit_terms import nufit
from wilks.physics.flavor.splittings import AVERAGED

from .figures_table import COLUMNS, FiguresTable
from .points import Point

Chi2Function = Callable[[Any], Any]


@dataclass(frozen=True)
class GaussianChi2:
    """((value - best)/sigma)^2."""

    best: float
    sigma: float

    def __call__(self, value: Any) -> Any:
        """Chi-square of a value or of many."""
        return ((value - self.best) / self.sigma) ** 2


@dataclass(frozen=True)
class ProfileChi2:
    """FlavorPy's chi-square of one observable of one NuFIT release; its table is read at the first call."""

    release: str
    ordering: str
    observable: str

    def __call__(self, value: Any) -> Any:
        """Chi-square of a value or of many."""
        found = self.terms.term(self.observable, value)
        return found if isinstance(found, float) or np.ndim(found) else float(found)

    @property
    def terms(self) -> FoldedTerms:
        """The terms of the release."""
        found = nufit(self.release, self.ordering, interpolation="flavorpy")
        if not isinstance(found, FoldedTerms):
            raise InvalidData(f"NuFIT {self.release} has no terms of FlavorPy")
        return found


class ExperimentalData:
    """A set of experimental data.

    Args:
        name: text for prints.
        data_table: observable -> {"best": ..., "1sig_min": ..., "1sig_max": ...}, as dictionaries or a DataFrame;
            judged by ((value - best)/sigma)^2 with sigma = |max - min|/2, each entry against its own best value.
        data: observable -> chi-square as a function of its value.

    Raises:
        InvalidData: if both are empty, a key stands in both, or a table entry is incomplete or contradicts itself.
    """

    def __init__(
        self,
        name: str = "ExpData",
        data_table: Mapping[str, Any] | Any | None = None,
        data: Mapping[str, Chi2Function] | None = None,
    ) -> None:
        self.name = name
        self.ordering: str | None = None
        self.data_table: Any = {} if data_table is None else data_table
        self.data: dict[str, Chi2Function] = dict(data or {})
        table = {str(key): dict(self.data_table[key]) for key in self.data_table}
        if not table and not self.data:
            raise InvalidData(f"{name}: no data; give data_table, data, or both")
        if both := [key for key in table if key in self.data]:
            raise InvalidData(f"{name}: {', '.join(both)} in data_table and in data; take them out of one")
        if table:
            self.data |= _functions(GaussianTable(table, name))
        self._targets = tuple(table[key]["best"] if key in table else None for key in ("m21^2", "m3l^2"))

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "ExperimentalData":
        """A deep copy."""
        return copy.deepcopy(self)

    def function(self, observable: str) -> Chi2Function:
        """Chi-square function of an observable; ``l`` and ``lambda`` are one.

        Raises:
            UnknownName: if there are no data on it.
        """
        if observable in self.data:
            return self.data[observable]
        for name in (ALIASES.get(observable), *(k for k, v in ALIASES.items() if v == observable)):
            if name in self.data:
                return self.data[name]
        raise UnknownName(f"{self.name}: no data on {observable!r}; {near_names(observable, self.data)}")

    def get_chisq(self, values: Point, considered_obs: str | Sequence[str] = "auto") -> Any:
        """Sum of the chi-squares of a point's observables; arrays of values give arrays.

        Args:
            values: observables by name.
            considered_obs: names of those that count; ``"auto"`` for all of ``values``.
        """
        total = self.get_chisq_list(values, considered_obs).sum(axis=0)
        return total if np.ndim(total) else float(total)

    def get_chisq_list(
        self, values: Point, considered_obs: str | Sequence[str] = "auto"
    ) -> Float[np.ndarray, "observables *points"]:
        """Chi-square of each observable, without sign.

        Raises:
            UnknownName: for an observable without data.
        """
        names = list(values.keys()) if isinstance(considered_obs, str) else list(considered_obs)
        functions = [self.function(name) for name in names]
        return np.abs(np.array([evaluated(f, values[n]) for f, n in zip(functions, names, strict=True)], dtype=float))

    def splitting_targets(self, ordering: str) -> tuple[float, float]:
        """Best m21^2 and m3l^2 in eV^2 for the average scale: those of the table, or FlavorPy's own."""
        pairs = zip(self._targets, AVERAGED[ordering], strict=True)
        m21, m3l = (default if own is None else own for own, default in pairs)
        return float(m21), float(m3l)


def profiles(release: str, ordering: str, name: str) -> ExperimentalData:
    """The set of one release by its one-dimensional tables."""
    data = {observable: ProfileChi2(release, ordering, observable) for observable in COLUMNS}
    made = ExperimentalData(name, data=data)
    made.ordering, made.data_table = ordering, FiguresTable(release, ordering)
    return made


def gaussians(release: str, ordering: str, name: str) -> ExperimentalData:
    """The set of one release by its figures."""
    table = FiguresTable(release, ordering)
    made = ExperimentalData(name, data_table=table.rows())
    made.ordering, made.data_table = ordering, table
    return made


def evaluated(function: Chi2Function, value: Any) -> Any:
    """A chi-square function at a value, or at many: a user's function is called for one at a time."""
    if isinstance(value, float) or isinstance(function, (GaussianChi2, ProfileChi2)) or np.ndim(value) == 0:
        return function(value)
    return np.array([float(function(float(x))) for x in np.asarray(value)])


def _functions(table: GaussianTable) -> dict[str, Chi2Function]:
    found: dict[str, Chi2Function] = {}
    for name, row in table.rows.items():
        low, high = table.limits(name)
        found[name] = GaussianChi2(float(row["best"]), 0.5 * (high - low))
    return found
