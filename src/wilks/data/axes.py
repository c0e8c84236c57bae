"""Axes of histograms: equal bins, bins with given edges, and categories; immutable, hashable, numpy only."""

import abc
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidData, UnknownName, near_names

Numbers: TypeAlias = Sequence[float | int] | np.ndarray
"""Anything that lists numbers."""


@dataclass(frozen=True)
class Traits:
    """What a plotter must know of an axis (the ``traits`` of the UHI protocol)."""

    circular: bool = False
    discrete: bool = False


def _titled(name: str, unit: str, label: str) -> str:
    text = label or name
    return f"{text} [{unit}]" if unit and not label else text


class AbstractContinuousAxis(abc.ABC):
    """An axis of adjacent bins ``[low, high)``; a value on the last edge is overflow."""

    name: str
    unit: str
    label: str
    underflow: bool
    overflow: bool
    circular: bool

    @property
    @abc.abstractmethod
    def edges(self) -> Float[np.ndarray, " edges"]:
        """Bin edges in ascending order, one more than there are bins."""

    @property
    def title(self) -> str:
        """Text for plots and prints: the label, or name and unit."""
        return _titled(self.name, self.unit, self.label)

    @property
    def centers(self) -> Float[np.ndarray, " bins"]:
        """Middle of each bin."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    @property
    def widths(self) -> Float[np.ndarray, " bins"]:
        """Width of each bin."""
        return np.diff(self.edges)

    @property
    def traits(self) -> Traits:
        """Whether the axis wraps around; its bins are intervals."""
        return Traits(circular=self.circular)

    @property
    def extent(self) -> int:
        """Number of bins in storage: bins, underflow and overflow."""
        return len(self) + self.underflow + self.overflow

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __getitem__(self, index: int) -> tuple[float, float]:
        inside = range(len(self))[index]
        return float(self.edges[inside]), float(self.edges[inside + 1])

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return (self[i] for i in range(len(self)))

    def index(self, values: Numbers) -> Int[np.ndarray, " entries"]:
        """Storage index of each value; -1 for NaN and for values whose flow bin the axis does not have."""
        x = np.asarray(values, dtype=np.float64)
        if self.circular:
            x = self.edges[0] + np.mod(x - self.edges[0], self.edges[-1] - self.edges[0])
            x = np.where(x >= self.edges[-1], self.edges[0], x)  # a tiny negative rest rounds up to a full turn
        bins = np.searchsorted(self.edges, x, side="right") - 1  # [low, high)
        lost = np.isnan(x)
        if not self.underflow:
            lost |= bins < 0
        if not self.overflow:
            lost |= bins >= len(self)
        return np.where(lost, -1, bins + self.underflow)

    def nearest_edge(self, value: float | int) -> int | None:
        """Position of the edge that equals the value up to rounding (1e-9 of the narrowest bin), or None."""
        position = int(np.argmin(np.abs(self.edges - value)))
        tolerance = 1e-9 * float(self.widths.min())
        return position if abs(float(self.edges[position]) - value) <= tolerance else None


@dataclass(frozen=True)
class Regular(AbstractContinuousAxis):
    """Bins of equal width.

    Args:
        bins: number of bins, at least 1.
        lower: lower edge of the first bin, in ``unit``.
        upper: upper edge of the last bin, in ``unit``.
        name: name of the quantity.
        unit: unit of the edges.
        label: text for plots; name and unit when empty.
        underflow: whether storage has a bin for values below ``lower``.
        overflow: whether storage has a bin for values from ``upper`` on.
        circular: whether the axis wraps around (angles).

    Raises:
        InvalidData: if the edges do not ascend or are not finite.

    >>> Regular(34, 80.0, 250.0, name="m4l", unit="GeV")[0]
    (80.0, 85.0)
    """

    bins: int
    lower: float | int
    upper: float | int
    name: str = ""
    unit: str = ""
    label: str = ""
    underflow: bool = True
    overflow: bool = True
    circular: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", float(self.lower))
        object.__setattr__(self, "upper", float(self.upper))
        if self.bins < 1:
            raise InvalidData(f"axis {self.name!r}: {self.bins} bins; an axis needs at least 1")
        if not (math.isfinite(self.lower) and math.isfinite(self.upper) and self.lower < self.upper):
            raise InvalidData(
                f"axis {self.name!r}: edges {self.lower} and {self.upper} must be finite numbers in ascending order"
            )
        if not np.all(np.diff(self.edges) > 0):
            raise InvalidData(f"axis {self.name!r}: {self.bins} bins do not fit between {self.lower} and {self.upper}")

    @cached_property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """Bin edges, the same numbers as ``numpy.linspace(lower, upper, bins + 1)``."""
        return _frozen(np.linspace(self.lower, self.upper, self.bins + 1))


@dataclass(frozen=True)
class Variable(AbstractContinuousAxis):
    """Bins with given edges.

    Args:
        boundaries: ascending finite edges, at least two, in ``unit``.
        name: name of the quantity.
        unit: unit of the edges.
        label: text for plots; name and unit when empty.
        underflow: whether storage has a bin for values below the first edge.
        overflow: whether storage has a bin for values from the last edge on.
        circular: whether the axis wraps around.

    Raises:
        InvalidData: naming the edges that are unsorted, equal, NaN or too few.

    >>> len(Variable((80, 120, 130, 250), name="m4l", unit="GeV"))
    3
    """

    boundaries: tuple[float | int, ...]
    name: str = ""
    unit: str = ""
    label: str = ""
    underflow: bool = True
    overflow: bool = True
    circular: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "boundaries", tuple(float(edge) for edge in self.boundaries))
        if len(self.boundaries) < 2:
            raise InvalidData(f"axis {self.name!r}: edges {list(self.boundaries)}; at least 2 are needed")
        for position, edge in enumerate(self.boundaries):
            if not math.isfinite(edge):
                raise InvalidData(f"axis {self.name!r}: edge {position} is {edge}; edges must be finite")
        for low, high in zip(self.boundaries, self.boundaries[1:], strict=False):
            if not low < high:
                raise InvalidData(f"axis {self.name!r}: edge {high} follows {low}; edges must ascend strictly")

    @cached_property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """Bin edges."""
        return _frozen(np.array(self.boundaries))


@dataclass(frozen=True)
class Category:
    """Named bins.

    Args:
        labels: different names, in order.
        name: name of the quantity.
        unit: unit, usually none.
        label: text for plots; the name when empty.
        overflow: whether storage has a last bin for all other labels; without it an unknown label is an error.

    Raises:
        InvalidData: if a label occurs twice.

    >>> Category(("4e", "4mu", "2e2mu"), name="channel")[1]
    '4mu'
    """

    labels: tuple[str, ...]
    name: str = ""
    unit: str = ""
    label: str = ""
    overflow: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(str(label) for label in self.labels))
        twice = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if twice:
            raise InvalidData(f"axis {self.name!r}: label {twice[0]!r} occurs twice; labels must differ")

    @property
    def underflow(self) -> bool:
        """Categories have no underflow."""
        return False

    @property
    def title(self) -> str:
        """Text for plots and prints: the label, or the name."""
        return _titled(self.name, self.unit, self.label)

    @property
    def traits(self) -> Traits:
        """Bins are discrete."""
        return Traits(discrete=True)

    @property
    def extent(self) -> int:
        """Number of bins in storage."""
        return len(self.labels) + self.overflow

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> str:
        return self.labels[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def position(self, label: str) -> int:
        """Position of a label.

        Raises:
            UnknownName: if the axis has no such label.
        """
        if label not in self.labels:
            raise UnknownName(f"axis {self.name!r} has no label {label!r}; {near_names(label, self.labels)}")
        return self.labels.index(label)

    def index(self, values: Sequence[str] | np.ndarray) -> Int[np.ndarray, " entries"]:
        """Storage index of each label.

        Raises:
            UnknownName: for an unknown label if the axis has no overflow bin.
        """
        known, where = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        places = [
            len(self.labels) if self.overflow and str(k) not in self.labels else self.position(str(k)) for k in known
        ]
        return np.array(places, dtype=np.int64)[where.reshape(-1)]


Axis: TypeAlias = Regular | Variable | Category
"""Any axis of a histogram."""

ContinuousAxis: TypeAlias = Regular | Variable
"""An axis with edges."""


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def axis_from_edges(
    edges: Numbers,
    *,
    name: str = "",
    unit: str = "",
    label: str = "",
    underflow: bool = True,
    overflow: bool = True,
    circular: bool = False,
) -> ContinuousAxis:
    """Axis with the given edges: ``Regular`` if they are equally spaced up to rounding, else ``Variable``.

    Args:
        edges: ascending finite edges, at least two.
        name: name of the quantity.
        unit: unit of the edges.
        label: text for plots.
        underflow: whether storage has an underflow bin.
        overflow: whether storage has an overflow bin.
        circular: whether the axis wraps around.

    Raises:
        InvalidData: if the edges are not valid.
    """
    flow = (underflow, overflow, circular)
    variable = Variable(tuple(float(edge) for edge in edges), name, unit, label, *flow)
    lower, upper, bins = variable.boundaries[0], variable.boundaries[-1], len(variable)
    step = (upper - lower) / bins
    even = np.abs(variable.edges - np.linspace(lower, upper, bins + 1)).max() <= 1e-12 * max(
        step, abs(lower), abs(upper)
    )
    return Regular(bins, lower, upper, name, unit, label, *flow) if even else variable


def same_bins(first: Axis, second: Axis) -> bool:
    """Whether two axes have the same bins and flow bins, whatever their names (edges up to 1e-9 of a bin)."""
    if first.extent != second.extent or (first.underflow, first.overflow) != (second.underflow, second.overflow):
        return False
    if isinstance(first, Category) or isinstance(second, Category):
        return isinstance(first, Category) and isinstance(second, Category) and first.labels == second.labels
    tolerance = 1e-9 * float(first.widths.min())
    return first.circular == second.circular and bool(np.all(np.abs(first.edges - second.edges) <= tolerance))
