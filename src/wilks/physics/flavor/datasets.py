"""Data typed as figures: best values with errors, for quarks, charged leptons, oscillations and absolute masses."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks.likelihood.curves import gaussian_curve, split_normal_curve

from .chi2_terms import ChiSquareTerms, Term

ROWS = ("best", "1sig_min", "1sig_max", "3sig_min", "3sig_max")
"""Rows of a table of figures; the last two may be missing."""

ALIASES = {"l": "lambda"}
"""Other names by which an observable may be called."""


@dataclass(frozen=True, eq=False)
class GaussianTable:
    """Best values and limits of observables, judged by ((x - best)/sigma)^2 with sigma = |max - min|/2.

    Args:
        rows: observable -> {"best": ..., "1sig_min": ..., "1sig_max": ...}, and "3sig_min", "3sig_max" if known. Limits
            may stand in either order, as those of negative values often do.
        name: what the figures are.
        ordering: ordering of neutrino masses that they assume, or None.
        scheme: scale and scheme of running quantities.
        citation: publication.
        asymmetric: judge each side by its own error.
        offset: chi-square of the best point above that of the other ordering.

    Raises:
        InvalidData: naming observable and values if an entry is missing, not finite, without width, or its best value
            lies outside its limits.

    >>> table = GaussianTable({"mu/mc": {"best": 1.9e-3, "1sig_min": 1.6e-3, "1sig_max": 2.2e-3}})
    >>> float(table.terms().chi2({"mu/mc": 2.2e-3})["mu/mc"])
    1.0...
    """

    rows: Mapping[str, Mapping[str, float]]
    name: str = "table"
    ordering: str | None = None
    scheme: str = ""
    citation: str = ""
    asymmetric: bool = False
    offset: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not self.rows:
            raise InvalidData(f"{self.name}: no observable in it")
        for observable, row in self.rows.items():
            _check_row(self.name, observable, row)

    def terms(self) -> ChiSquareTerms:
        """The table as terms of a chi-square."""
        entries = {observable: Term(self._curve(row)) for observable, row in self.rows.items()}
        return ChiSquareTerms(entries, self.name, self.citation, self.ordering, self.offset, self.scheme)

    def limits(self, observable: str, sigmas: int = 1) -> tuple[float, float]:
        """Lower and upper limit of an observable at 1 or 3 standard deviations.

        Raises:
            UnknownName: if the table does not have it.
        """
        keys = f"{sigmas}sig_min", f"{sigmas}sig_max"
        if observable not in self.rows:
            raise UnknownName(f"{self.name}: no observable {observable!r}; {near_names(observable, self.rows)}")
        row = self.rows[observable]
        if any(key not in row for key in keys):
            raise UnknownName(f"{self.name}: {observable!r} has no limits at {sigmas} sigma; it has {', '.join(row)}")
        low, high = sorted(float(row[key]) for key in keys)
        return low, high

    def _curve(self, row: Mapping[str, float]):
        best = float(row["best"])
        low, high = sorted((float(row["1sig_min"]), float(row["1sig_max"])))
        if self.asymmetric:
            return split_normal_curve(best, best - low, high - best)
        return gaussian_curve(best, 0.5 * (high - low))


def _check_row(name: str, observable: str, row: Mapping[str, float]) -> None:
    if missing := [key for key in ROWS[:3] if key not in row]:
        raise InvalidData(f"{name}: {observable!r} lacks {', '.join(missing)}; it has {', '.join(row)}")
    numbers = [float(row[key]) for key in ROWS[:3]]
    best, (low, high) = numbers[0], sorted(numbers[1:])
    if not all(map(math.isfinite, numbers)):
        raise InvalidData(f"{name}: {observable!r} has best {best} and limits {numbers[1:]}; expected finite numbers")
    if low == high:
        raise InvalidData(f"{name}: {observable!r} has no width: both limits are {low}")
    if not low <= best <= high:
        raise InvalidData(f"{name}: best value {best} of {observable!r} lies outside its limits {low} to {high}")


def _rows(figures: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Rows of named figures from sequences in the order of `ROWS`."""
    return {name: dict(zip(ROWS, numbers, strict=False)) for name, numbers in figures.items()}


def _symmetric(figures: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    return _rows({name: (best, best - error, best + error) for name, (best, error) in figures.items()})


def _quoted(figures: Mapping[str, tuple[float, float, float]]) -> dict[str, dict[str, float]]:
    """Rows from best values with errors -minus +plus."""
    return _rows({name: (best, best - minus, best + plus) for name, (best, minus, plus) in figures.items()})


CHARGED_LEPTONS = GaussianTable(
    _rows({"me/mu": (0.0048, 0.0046, 0.0050, 0.0042, 0.0054), "mu/mt": (0.0565, 0.0520, 0.0610, 0.0430, 0.0700)}),
    "charged leptons of arXiv:1706.08749",
    citation="arXiv:1706.08749",
)
"""Mass ratios of charged leptons at a high scale, generous errors."""

_GUT_SCHEME = "GUT scale, M_SUSY = 10 TeV, tan beta = 10"

CHARGED_LEPTONS_GUT = GaussianTable(
    _symmetric({"me/mu": (4.737e-3, 0.04e-3), "mu/mt": (0.05857, 0.00047)}),
    "charged leptons at the GUT scale",
    scheme=_GUT_SCHEME,
    citation="arXiv:2103.16311",
)
"""Mass ratios of charged leptons in the scheme of `QUARKS_GUT`."""

QUARKS_GUT = GaussianTable(
    _rows(
        {
            "mu/mc": (1.9286e-3, 1.6278e-3, 2.2295e-3),
            "mc/mt": (2.8213e-3, 2.7616e-3, 2.8811e-3),
            "md/ms": (5.0523e-2, 4.7428e-2, 5.3619e-2),
            "ms/mb": (1.8241e-2, 1.7739e-2, 1.8744e-2),
            "t12": (13.0268, 13.0059, 13.0477),
            "t13": (0.199962, 0.196238, 0.203686),
            "t23": (2.30043, 2.28210, 2.31877),
            "dq": (69.2133, 67.6560, 70.7706),
        }
    ),
    "quarks at the GUT scale",
    scheme=_GUT_SCHEME,
    citation="arXiv:2103.16311",
)
"""Quark mass ratios and mixing angles (degrees) at the GUT scale."""

WOLFENSTEIN_2020 = GaussianTable(
    _quoted(
        {
            "lambda": (0.22650, 0.00048, 0.00048),
            "A": (0.790, 0.012, 0.017),
            "rhobar": (0.141, 0.017, 0.016),
            "etabar": (0.357, 0.011, 0.011),
        }
    ),
    "Wolfenstein parameters, PDG 2020",
    scheme="low energy",
    citation="P. A. Zyla et al. (Particle Data Group), PTEP 2020 (2020) 083C01",
    asymmetric=True,
)
"""Wolfenstein parameters at low energy."""

WOLFENSTEIN_2024 = GaussianTable(
    _quoted(
        {
            "lambda": (0.22501, 0.00068, 0.00068),
            "A": (0.826, 0.015, 0.016),
            "rhobar": (0.1591, 0.0094, 0.0094),
            "etabar": (0.3523, 0.0071, 0.0073),
        }
    ),
    "Wolfenstein parameters, PDG 2024",
    scheme="low energy",
    citation="S. Navas et al. (Particle Data Group), Phys. Rev. D 110 (2024) 030001",
    asymmetric=True,
)
"""Wolfenstein parameters at low energy."""
