"""What data say of flavour observables: one delta chi-square curve per name, with where it comes from."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks._base.notices import notice
from wilks.likelihood.curves import Curve

from .joint_tables import JointTables

Coordinate = Literal["linear", "log10"]


@dataclass(frozen=True, eq=False)
class Term:
    """Delta chi-square of one observable.

    Args:
        curve: in the coordinate, in the observable's own unit (eV^2, units of pi, degrees).
        coordinate: ``"log10"`` if the curve is one of the logarithm.
    """

    curve: Curve
    coordinate: Coordinate = "linear"

    @property
    def best(self) -> float:
        """Best value of the observable; periodic ones within [0, period)."""
        inner = self.curve.best
        if math.isfinite(self.curve.period):
            inner %= self.curve.period
        return float(self.outward(inner))

    def interval(self, delta_chi2: float = 1.0) -> list[tuple[float, float]]:
        """Values with at most this Delta chi-square, in pieces; those of a periodic observable begin in [0, period)."""
        pieces = self.curve.interval(delta_chi2)
        if math.isfinite(self.curve.period):
            turns = [math.floor(low / self.curve.period) * self.curve.period for low, _ in pieces]
            pieces = [(low - turn, high - turn) for (low, high), turn in zip(pieces, turns, strict=True)]
        return [(float(self.outward(low)), float(self.outward(high))) for low, high in pieces]

    def chi2(self, value: Float[np.ndarray, "*points"] | float) -> Float[np.ndarray, "*points"]:
        """Delta chi-square at values of the observable."""
        return self.curve(self.inward(value))

    def inward(self, value: Float[np.ndarray, "*points"] | float) -> Float[np.ndarray, "*points"]:
        """The coordinate of a value."""
        return np.asarray(np.log10(value) if self.coordinate == "log10" else value, dtype=float)

    def outward(self, coordinate: Float[np.ndarray, "*points"] | float) -> Float[np.ndarray, "*points"]:
        """The value of a coordinate."""
        value = 10.0 ** np.asarray(coordinate) if self.coordinate == "log10" else coordinate
        return np.asarray(value, dtype=float)

    @property
    def scale(self) -> tuple[float, float]:
        """Best value and 1-sigma width in the observable's unit, for a Gaussian first guess."""
        best = self.best
        return best, self.curve.sigma * (abs(best) * math.log(10) if self.coordinate == "log10" else 1.0)


@dataclass(frozen=True, eq=False)
class ChiSquareTerms:
    """Data on flavour observables, as terms of one chi-square.

    Args:
        entries: observable -> term.
        source: what they are, in words, e.g. ``"NuFIT 5.3 (2024), NO"``.
        citation: publication to cite.
        ordering: ordering of neutrino masses that the data assume, ``"NO"`` or ``"IO"``; None if it does not matter.
        offset: chi-square of the best point above that of the other ordering.
        scheme: scale and scheme of running quantities; empty if that does not matter.
        correlated: tables of the oscillation parameters together; they replace the entries in a fit.
        digest: SHA-256 of the file that the tables come from.
    """

    entries: Mapping[str, Term]
    source: str
    citation: str = ""
    ordering: str | None = None
    offset: float = 0.0
    scheme: str = ""
    correlated: JointTables | None = None
    digest: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Observables with data."""
        return tuple(self.entries)

    def __getitem__(self, name: str) -> Term:
        if name not in self.entries:
            raise UnknownName(f"{self.source}: no data on {name!r}; {near_names(name, self.entries)}")
        return self.entries[name]

    def __or__(self, other: "ChiSquareTerms") -> "ChiSquareTerms":
        """The data of both, e.g. of leptons and of quarks.

        Raises:
            InvalidData: if both have data on one observable, or assume different orderings.
        """
        if shared := [name for name in self.entries if name in other.entries]:
            raise InvalidData(
                f"both {self.source} and {other.source} hold {', '.join(shared)}; drop them from one with .without(...)"
            )
        if self.ordering and other.ordering and self.ordering != other.ordering:
            raise InvalidData(f"{self.source} assumes {self.ordering}, {other.source} {other.ordering}")
        schemes = {terms.scheme for terms in (self, other) if terms.scheme}
        if len(schemes) > 1:
            notice(f"data at different scales in one fit: {' and '.join(sorted(schemes))}; run them to one scale")
        return ChiSquareTerms(
            {**self.entries, **other.entries},
            f"{self.source}; {other.source}",
            "; ".join(text for text in (self.citation, other.citation) if text),
            self.ordering or other.ordering,
            self.offset + other.offset,
            " and ".join(sorted(schemes)),
            self.correlated or other.correlated,
            "+".join(text for text in (self.digest, other.digest) if text),
        )

    def without(self, *names: str) -> "ChiSquareTerms":
        """The same without some observables."""
        for name in names:
            self[name]
        kept = {name: term for name, term in self.entries.items() if name not in names}
        return dataclasses.replace(self, entries=kept)

    def with_term(self, name: str, curve: Curve, coordinate: Coordinate = "linear") -> "ChiSquareTerms":
        """The same with another curve for one observable, or with a new one."""
        return dataclasses.replace(self, entries={**self.entries, name: Term(curve, coordinate)})

    def without_offset(self) -> "ChiSquareTerms":
        """The same with its own best point at zero, whatever the other ordering has."""
        return dataclasses.replace(self, offset=0.0)

    def chi2(self, values: Mapping[str, float], names: Iterable[str] | None = None) -> dict[str, float]:
        """Delta chi-square of each observable of a point, by name; correlations are left out.

        Args:
            values: observables of a point.
            names: those to judge; by default all that have data, both splittings but not their ratio.
        """
        chosen = tuple(names) if names is not None else tuple(n for n in self.entries if n in values and n != "r")
        return {name: float(self[name].chi2(values[name])) for name in chosen}

    def __repr__(self) -> str:
        lines = [f"  {name}: {_quoted(term)}" for name, term in self.entries.items()]
        head = f"ChiSquareTerms({self.source}, correlations={'full' if self.correlated else '1d'}"
        return "\n".join([head + (f", offset={self.offset:g}" if self.offset else ""), *lines]) + ")"


def _quoted(term: Term) -> str:
    pieces = " u ".join(f"[{low:.5g}, {high:.5g}]" for low, high in term.interval(1.0))
    return f"{term.best:.5g} in {pieces}"
