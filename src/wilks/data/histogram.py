"""Histograms that never lose their variances: sums of weights and of squared weights, flow bins and NaN counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, UnknownName, near_names

from .axes import Axis, Category, ContinuousAxis, Numbers, axis_from_edges, same_bins
from .bin_tables import BinTable, bin_names
from .filling import filled_sums, with_flow


@dataclass(frozen=True, eq=False)
class Histogram:
    """Sums of weights and of squared weights in bins; it is itself a UHI ``PlottableHistogram``.

    Most histograms come from :meth:`from_counts`, :meth:`from_weights`, :meth:`empty` and :meth:`filled`.

    Args:
        axes: one axis per dimension.
        flow_values: sum of weights per bin, flow bins included; shape = extents of the axes.
        flow_variances: sum of squared weights per bin, same shape.
        nan_count: entries that had no bin because their value was NaN.
        entries: number of entries, if known.
        label: name shown in prints, plots and errors.

    Raises:
        InvalidData: for a wrong shape, a value that is not finite, or a negative variance; names the bin.

    >>> from wilks.data.axes import Regular
    >>> h = Histogram.from_counts(Regular(2, 0.0, 2.0, name="m"), [3.0, 5.0], label="data")
    >>> float(h.values().sum()), h.n_eff
    (8.0, 8.0)
    """

    axes: tuple[Axis, ...]
    flow_values: Float[np.ndarray, "..."]
    flow_variances: Float[np.ndarray, "..."]
    nan_count: int = 0
    entries: int | None = None
    label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        extents = tuple(axis.extent for axis in self.axes)
        for name in ("flow_values", "flow_variances"):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != extents:
                raise InvalidData(
                    f"histogram {self.label!r}: {name} of shape {array.shape} do not fit axes with flow bins {extents}"
                )
            self._check_finite(name, array)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if (self.flow_variances < 0).any():
            place = self._first(self.flow_variances < 0)
            raise InvalidData(
                f"histogram {self.label!r}: variance {self.flow_variances[place]} in storage bin {place} is negative; "
                "variances are sums of squared weights"
            )

    @classmethod
    def empty(cls, *axes: Axis, label: str = "") -> "Histogram":
        """Histogram without entries.

        Args:
            axes: one axis per dimension.
            label: name for prints and errors.
        """
        zeros = np.zeros(tuple(axis.extent for axis in axes))
        return cls(axes, zeros, zeros, entries=0, label=label)

    @classmethod
    def from_counts(cls, axes: Axis | Sequence[Axis], counts: Any, *, label: str = "") -> "Histogram":
        """Histogram of unweighted entries: each variance equals its count.

        Args:
            axes: the axis, or one per dimension.
            counts: entries per bin, at least 0, with or without flow bins.
            label: name for prints and errors.

        Raises:
            InvalidData: for a negative count or a wrong shape.
        """
        array = np.asarray(counts, dtype=np.float64)
        if (array < 0).any():
            raise InvalidData(
                f"histogram {label!r}: count {array.min():g} is negative; give variances if it is weighted"
            )
        whole = bool(np.all(array == np.round(array)))
        made = cls.from_weights(axes, array, array, label=label)
        return replace(made, entries=int(array.sum())) if whole and np.isfinite(array).all() else made

    @classmethod
    def from_weights(cls, axes: Axis | Sequence[Axis], values: Any, variances: Any, *, label: str = "") -> "Histogram":
        """Histogram of weighted entries.

        Args:
            axes: the axis, or one per dimension.
            values: sum of weights per bin, with or without flow bins.
            variances: sum of squared weights per bin, same shape.
            label: name for prints and errors.

        Raises:
            InvalidData: for missing or negative variances or a wrong shape.
        """
        axes = (axes,) if isinstance(axes, Axis) else tuple(axes)
        if variances is None:
            raise InvalidData(
                f"histogram {label!r}: weighted values need variances (sums of squared weights); "
                "use from_counts if every entry has weight 1"
            )
        who = f"histogram {label!r}"
        return cls(axes, with_flow(axes, values, who=who), with_flow(axes, variances, who=who), label=label)

    def filled(self, *columns: Any, weights: Any = None) -> "Histogram":
        """The same histogram with more entries.

        Args:
            columns: one array of values (or labels, for a category axis) per axis, all of one length.
            weights: weight of each entry; 1 when absent.

        Raises:
            InvalidData: for unequal lengths or a weight that is not finite.
        """
        new = filled_sums(self.axes, columns, weights, who=f"histogram {self.label!r}")
        return replace(
            self,
            flow_values=self.flow_values + new.sumw,
            flow_variances=self.flow_variances + new.sumw2,
            nan_count=self.nan_count + new.nans,
            entries=None if self.entries is None else self.entries + new.entries,
        )

    @property
    def kind(self) -> str:
        """Kind of histogram in the UHI protocol: sums of weights, not means."""
        return "COUNT"

    @property
    def axis(self) -> ContinuousAxis:
        """The axis of a histogram with one axis of intervals.

        Raises:
            InvalidData: if there are several axes, or it is a category axis.
        """
        if len(self.axes) != 1 or isinstance(self.axes[0], Category):
            raise InvalidData(f"histogram {self.label!r} has not exactly one axis with edges")
        return self.axes[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins along each axis, without flow."""
        return tuple(len(axis) for axis in self.axes)

    def values(self, flow: bool = False) -> Float[np.ndarray, "..."]:
        """Sum of weights per bin; with flow bins on request."""
        return self.flow_values if flow else self.flow_values[self._inside]

    def variances(self, flow: bool = False) -> Float[np.ndarray, "..."]:
        """Sum of squared weights per bin; with flow bins on request."""
        return self.flow_variances if flow else self.flow_variances[self._inside]

    def counts(self, flow: bool = False) -> Float[np.ndarray, "..."]:
        """Effective number of entries per bin, sumw^2/sumw2; 0 where there is none."""
        values, variances = self.values(flow), self.variances(flow)
        return np.divide(values**2, variances, out=np.zeros_like(values), where=variances > 0)

    def errors(self, flow: bool = False) -> Float[np.ndarray, "..."]:
        """Square root of the variance of each bin."""
        return np.sqrt(self.variances(flow))

    @property
    def n_eff(self) -> float:
        """Effective number of entries of the whole histogram without flow, sumw^2/sumw2."""
        variance = float(self.variances().sum())
        return float(self.values().sum()) ** 2 / variance if variance > 0 else 0.0

    @property
    def is_unweighted(self) -> bool:
        """Whether it looks like plain counts: whole numbers, each equal to its variance."""
        whole = np.array_equal(self.flow_values, np.round(self.flow_values))
        return whole and np.array_equal(self.flow_values, self.flow_variances)

    def scale(self, factor: float | int) -> "Histogram":
        """Histogram with values times the factor and variances times its square.

        Args:
            factor: any finite number.
        """
        return replace(self, flow_values=self.flow_values * factor, flow_variances=self.flow_variances * factor**2)

    def add(self, other: "Histogram") -> "Histogram":
        """Sum of two histograms of independent entries: values and variances add.

        Raises:
            InvalidData: if the bins differ.
        """
        same = len(self.axes) == len(other.axes) and all(map(same_bins, self.axes, other.axes))
        if not same:
            raise InvalidData(f"histograms {self.label!r} and {other.label!r} have different bins and cannot be added")
        known = self.entries is not None and other.entries is not None
        return replace(
            self,
            flow_values=self.flow_values + other.flow_values,
            flow_variances=self.flow_variances + other.flow_variances,
            nan_count=self.nan_count + other.nan_count,
            entries=(self.entries or 0) + (other.entries or 0) if known else None,
        )

    def rebin(self, edges: Numbers, *, axis: int = 0) -> "Histogram":
        """Histogram on fewer edges; bins outside the new range go to the flow bins.

        Args:
            edges: subset of the present edges, ascending.
            axis: number of the axis.

        Raises:
            InvalidData: naming the first new edge that is not an edge now.
        """
        old = self.axes[axis]
        if isinstance(old, Category):
            raise InvalidData(f"histogram {self.label!r}: axis {old.name!r} has labels, not edges")
        places = [old.nearest_edge(float(edge)) for edge in edges]
        for edge, place in zip(edges, places, strict=True):
            if place is None:
                raise InvalidData(
                    f"histogram {self.label!r}: new edge {edge:g} is no edge of axis {old.name!r} "
                    f"({', '.join(f'{e:g}' for e in old.edges)}); bins can only be merged"
                )
        kept = list(dict.fromkeys(place for place in places if place is not None))
        low, high = kept[0] > 0 or old.underflow, kept[-1] < len(old) or old.overflow
        new = axis_from_edges(
            old.edges[kept], name=old.name, unit=old.unit, label=old.label, underflow=low, overflow=high,
            circular=old.circular and (kept[0], kept[-1]) == (0, len(old)),
        )  # fmt: skip
        starts = ([0] if low else []) + [place + old.underflow for place in kept[:-1]]
        starts += [kept[-1] + old.underflow] if high else []
        return self._merged(axis, new, starts)

    def merge(self, groups: int | Sequence[int], *, axis: int = 0) -> "Histogram":
        """Histogram with neighbouring bins merged.

        Args:
            groups: number of bins to merge into one, or the sizes of all groups in order.
            axis: number of the axis.

        Raises:
            InvalidData: if the groups do not add up to the bins of the axis.
        """
        old = self.axes[axis]
        bins = len(old)
        sizes = [groups] * (bins // groups) if isinstance(groups, int) and groups > 0 else groups
        if isinstance(old, Category) or isinstance(sizes, int) or sum(sizes) != bins or min(sizes) < 1:
            raise InvalidData(
                f"histogram {self.label!r}: {bins} bins of axis {axis} cannot be merged in groups of {groups}"
            )
        return self.rebin(old.edges[np.cumsum([0, *sizes])], axis=axis)

    def crop(self, lower: float | int, upper: float | int, *, axis: int = 0) -> "Histogram":
        """Histogram of the bins between two edges; the rest goes to the flow bins.

        Args:
            lower: new first edge, an edge of the axis.
            upper: new last edge, an edge of the axis.
            axis: number of the axis.

        Raises:
            InvalidData: if one of them is no edge.
        """
        old = self.axes[axis]
        inner = () if isinstance(old, Category) else old.edges[(old.edges > lower) & (old.edges < upper)]
        return self.rebin([lower, *inner, upper], axis=axis)

    def select(self, name: str, label: str) -> "Histogram":
        """Histogram of one label of a category axis, without that axis.

        Args:
            name: name of the category axis.
            label: one of its labels.

        Raises:
            UnknownName: for an unknown axis or label.
        """
        names = [axis.name for axis in self.axes]
        if name not in names:
            raise UnknownName(f"histogram {self.label!r} has no axis {name!r}; {near_names(name, names)}")
        number = names.index(name)
        category = self.axes[number]
        if not isinstance(category, Category):
            raise UnknownName(f"histogram {self.label!r}: axis {name!r} has edges, not labels")
        place = category.position(label)
        return Histogram(
            tuple(axis for axis in self.axes if axis is not category),
            np.take(self.flow_values, place, axis=number),
            np.take(self.flow_variances, place, axis=number),
            label=label,
        )

    def relabelled(self, label: str) -> "Histogram":
        """The same histogram under another name."""
        return replace(self, label=label)

    def __mul__(self, factor: float | int) -> "Histogram":
        return self.scale(factor)

    def __rmul__(self, factor: float | int) -> "Histogram":
        return self.scale(factor)

    def __add__(self, other: "Histogram") -> "Histogram":
        return self.add(other)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        scalars = (self.axes, self.nan_count, self.entries, self.label)
        if scalars != (other.axes, other.nan_count, other.entries, other.label):
            return False
        same_values = np.array_equal(self.flow_values, other.flow_values)
        return same_values and np.array_equal(self.flow_variances, other.flow_variances)

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    def __repr__(self) -> str:
        return self._table.text()

    def _repr_html_(self) -> str:
        return self._table.html()

    @property
    def _inside(self) -> tuple[slice, ...]:
        return tuple(slice(int(axis.underflow), int(axis.underflow) + len(axis)) for axis in self.axes)

    @property
    def _table(self) -> BinTable:
        total, error = self.values().sum(), np.sqrt(self.variances().sum())
        where = " x ".join(f"{axis.title or 'axis'} ({len(axis)} bins)" for axis in self.axes)
        heading = f"Histogram {self.label!r}: {where}, sum {total:.6g} ± {error:.3g}"
        outside = self.flow_values.sum() - total
        heading += f", outside {outside:.4g}" if abs(outside) > 1e-12 * abs(total) else ""
        heading += f", NaN {self.nan_count}" if self.nan_count else ""
        return BinTable(heading, bin_names(self.axes), self.values().reshape(-1), self.errors().reshape(-1))

    def _merged(self, axis: int, new: Axis, starts: Sequence[int]) -> "Histogram":
        axes = tuple(new if number == axis else old for number, old in enumerate(self.axes))
        return replace(
            self,
            axes=axes,
            flow_values=np.add.reduceat(self.flow_values, starts, axis=axis),
            flow_variances=np.add.reduceat(self.flow_variances, starts, axis=axis),
        )

    def _check_finite(self, name: str, array: np.ndarray) -> None:
        if not np.isfinite(array).all():
            place = self._first(~np.isfinite(array))
            raise InvalidData(f"histogram {self.label!r}: {name}{list(place)} is {array[place]}; it must be finite")

    @staticmethod
    def _first(mask: np.ndarray) -> tuple[int, ...]:
        return tuple(int(i) for i in np.argwhere(mask)[0])


def total(histograms: Mapping[str, Histogram] | Sequence[Histogram], *, label: str = "total") -> Histogram:
    """Sum of histograms with equal bins.

    Args:
        histograms: at least one histogram.
        label: name of the sum.

    Raises:
        InvalidData: if there is none, or bins differ.
    """
    parts = list(histograms.values() if isinstance(histograms, Mapping) else histograms)
    if not parts:
        raise InvalidData("no histogram to add up")
    result = parts[0]
    for part in parts[1:]:
        result = result.add(part)
    return result.relabelled(label)
