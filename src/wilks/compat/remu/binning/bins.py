"""Single bins: edges or indices of a product, with value, entries and squared weights that a binning may own."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption

from .phase_space import PhaseSpace

ARRAYS = {"value_array": float, "entries_array": int, "sumw2_array": float}
"""Names and types of the arrays behind bins and binnings."""


class AbstractBin(abc.ABC):
    """A bin with contents.

    Args:
        phasespace: its variables.
        value: sum of weights.
        entries: number of events.
        sumw2: sum of squared weights, ``value**2`` by default.
        dummy: without contents.
        arrays: ``value_array``, ``entries_array``, ``sumw2_array``: arrays of length 1 that hold the contents, views of
            those of a binning.
    """

    __hash__ = None  # type: ignore[assignment]  # contents change
    value_array: Any
    entries_array: Any
    sumw2_array: Any

    def __init__(
        self,
        phasespace: PhaseSpace,
        value: float | int = 0.0,
        entries: int = 0,
        sumw2: float | int | None = None,
        dummy: bool = False,
        **arrays: Any,
    ) -> None:
        unknown = sorted(set(arrays) - set(ARRAYS))
        if unknown:
            raise InvalidOption(f"a bin has no argument {unknown[0]!r}")
        self.phasespace = phasespace
        own = {"value_array": value, "entries_array": entries, "sumw2_array": value**2 if sumw2 is None else sumw2}
        for name, kind in ARRAYS.items():
            given = arrays.get(name)
            made = np.array([own[name]], dtype=kind) if given is None else given
            setattr(self, name, None if dummy else made)

    @abc.abstractmethod
    def event_in_bin(self, event: Mapping[str, Any]) -> bool:
        """Whether an event lies in the bin."""

    @abc.abstractmethod
    def structure(self) -> dict[str, Any]:
        """Arguments that make the same bin, without contents."""

    @property
    def value(self) -> float:
        """Sum of weights."""
        return float(self.value_array[0])

    @value.setter
    def value(self, number: float) -> None:
        self.value_array[0] = number

    @property
    def entries(self) -> int:
        """Number of events."""
        return int(self.entries_array[0])

    @entries.setter
    def entries(self, number: int) -> None:
        self.entries_array[0] = number

    @property
    def sumw2(self) -> float:
        """Sum of squared weights."""
        return float(self.sumw2_array[0])

    @sumw2.setter
    def sumw2(self, number: float) -> None:
        self.sumw2_array[0] = number

    def fill(self, weight: Any = 1.0) -> None:
        """Add one event, or several.

        Args:
            weight: weight of the event, or one weight per event.
        """
        weights = np.atleast_1d(np.asarray(weight, dtype=float))
        self.value += weights.sum()
        self.entries += len(weights)
        self.sumw2 += np.sum(weights**2)

    def link(self, arrays: Mapping[str, Any]) -> None:
        """Hold contents in other arrays, views of those of a binning."""
        for name in ARRAYS:
            setattr(self, name, arrays[name])

    def is_dummy(self) -> bool:
        """Whether there are no contents."""
        return self.value_array is None

    def clone(self, **changes: Any) -> "AbstractBin":
        """A copy with contents of its own, and with other arguments."""
        bare = self.is_dummy() or changes.get("dummy", False)
        contents = {"dummy": True} if bare else {name: getattr(self, name).copy() for name in ARRAYS}
        return type(self)(**{**self.structure(), **contents, **changes})

    def __contains__(self, event: Mapping[str, Any]) -> bool:
        return self.event_in_bin(event)

    def __eq__(self, other: object) -> bool:
        """Equal structure, and equal contents where both have them."""
        if not isinstance(other, AbstractBin) or type(self) is not type(other):
            return False
        return self.structure() == other.structure() and same_contents(self, other)

    def __add__(self, other: "AbstractBin") -> "AbstractBin":
        return self._with(self.value + other.value, self.sumw2 + other.sumw2, other)

    def __sub__(self, other: "AbstractBin") -> "AbstractBin":
        return self._with(self.value - other.value, self.sumw2 + other.sumw2, other)

    def __mul__(self, other: "AbstractBin") -> "AbstractBin":
        sumw2 = self.sumw2 * other.value**2 + other.sumw2 * self.value**2
        return self._with(self.value * other.value, sumw2, other)

    def __truediv__(self, other: "AbstractBin") -> "AbstractBin":
        ratio = self.value / other.value if other.value else np.nan
        sumw2 = (self.sumw2 + ratio**2 * other.sumw2) / other.value**2 if other.value else np.nan
        return self._with(ratio, sumw2, other)

    def __repr__(self) -> str:
        contents = "" if self.is_dummy() else f", value={self.value!r}, entries={self.entries!r}"
        fields = ", ".join(f"{name}={field!r}" for name, field in self.structure().items())
        return f"{type(self).__name__}({fields}{contents})"

    def _with(self, value: float, sumw2: float, other: "AbstractBin") -> "AbstractBin":
        """A copy with other contents; errors of both are uncorrelated."""
        if self.structure() != other.structure():
            raise InvalidData("two different bins cannot be combined; their variables or edges differ")
        new = self.clone()
        new.value, new.entries, new.sumw2 = value, self.entries + other.entries, sumw2
        return new


class Bin(AbstractBin):
    """A bin that has variables but no edges."""

    def event_in_bin(self, event: Mapping[str, Any]) -> bool:
        """Nothing says which events it holds.

        Raises:
            InvalidOption: always.
        """
        raise InvalidOption("a bin without edges cannot tell which events it holds; use a RectangularBin")

    def structure(self) -> dict[str, Any]:
        """Its variables."""
        return {"phasespace": self.phasespace}


@Bin.register
class RectangularBin(AbstractBin):
    """A box.

    Args:
        variables: names.
        edges: (lower, upper) of each variable.
        include_lower: whether the lower edges belong to it.
        include_upper: whether the upper edges belong to it.
        kwargs: as for `AbstractBin`.

    Raises:
        InvalidData: if edges are NaN or do not increase.
    """

    def __init__(
        self,
        variables: Iterable[str],
        edges: Sequence[Any],
        include_lower: bool = True,
        include_upper: bool = False,
        **kwargs: Any,
    ) -> None:
        self.variables = tuple(variables)
        self.edges = tuple((low, high) for low, high in edges)
        self.include_lower, self.include_upper = bool(include_lower), bool(include_upper)
        if len(self.edges) != len(self.variables):
            raise InvalidData(f"{len(self.edges)} pairs of edges for {len(self.variables)} variables; give one each")
        for name, (low, high) in zip(self.variables, self.edges, strict=True):
            if not low < high:
                raise InvalidData(f"edges {low} and {high} of {name!r} must increase")
        space = kwargs.pop("phasespace", None)
        AbstractBin.__init__(self, PhaseSpace(self.variables) if space is None else space, **kwargs)

    def event_in_bin(self, event: Mapping[str, Any]) -> bool:
        """Whether all variables lie between the edges; NaN lies nowhere."""
        for name, (low, high) in zip(self.variables, self.edges, strict=True):
            above = event[name] >= low if self.include_lower else event[name] > low
            below = event[name] <= high if self.include_upper else event[name] < high
            if not (above and below):
                return False
        return True

    def get_center(self) -> Float[np.ndarray, " variables"]:
        """Middle of the box."""
        return np.asarray(self.edges, dtype=float).mean(axis=1)

    def structure(self) -> dict[str, Any]:
        """Variables and edges."""
        return {
            "variables": list(self.variables),
            "edges": [[float(low), float(high)] for low, high in self.edges],
            "include_lower": self.include_lower,
            "include_upper": self.include_upper,
        }


@Bin.register
class CartesianProductBin(AbstractBin):
    """A bin of a product: a data index in each of several binnings.

    Args:
        binnings: the factors.
        data_indices: one per factor.
        kwargs: as for `AbstractBin`.
    """

    def __init__(self, binnings: Iterable[Any], data_indices: Iterable[int], **kwargs: Any) -> None:
        self.binnings = tuple(binnings)
        self.data_indices = tuple(int(index) for index in data_indices)
        space = kwargs.pop("phasespace", None)
        if space is None:
            space = PhaseSpace(name for binning in self.binnings for name in binning.phasespace.variables)
        AbstractBin.__init__(self, space, **kwargs)

    def event_in_bin(self, event: Mapping[str, Any]) -> bool:
        """Whether the event has these data indices."""
        pairs = zip(self.binnings, self.data_indices, strict=True)
        return all(binning.get_event_data_index(event) == index for binning, index in pairs)

    def get_marginal_bins(self) -> tuple[AbstractBin, ...]:
        """The bin of each factor."""
        pairs = zip(self.binnings, self.data_indices, strict=True)
        return tuple(binning.bins[binning.get_data_bin_index(index)] for binning, index in pairs)

    def get_marginal_subbins(self) -> tuple[tuple[AbstractBin, ...], ...]:
        """The bin, the bin of its subbinning, and so on, of each factor."""
        pairs = zip(self.binnings, self.data_indices, strict=True)
        return tuple(binning.get_subbins(index) for binning, index in pairs)

    def structure(self) -> dict[str, Any]:
        """Factors and indices."""
        bare = [binning.clone(dummy=True) for binning in self.binnings]
        return {"binnings": bare, "data_indices": list(self.data_indices)}


def same_contents(one: Any, other: Any) -> bool:
    """Whether two bins or binnings have equal contents; one without any is equal to all."""
    if one.is_dummy() or other.is_dummy():
        return True
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)
