"""Sums of weights and squared weights per bin in storage order, flow bins included."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData

from .axes import Axis, Category


@dataclass(frozen=True)
class FilledSums:
    """What one filling adds to a histogram.

    Args:
        sumw: sum of weights per storage bin.
        sumw2: sum of squared weights per storage bin.
        entries: entries that found a bin.
        nans: entries whose value was NaN.
    """

    sumw: Float[np.ndarray, "..."]
    sumw2: Float[np.ndarray, "..."]
    entries: int
    nans: int


def filled_sums(axes: Sequence[Axis], columns: Sequence[Any], weights: Any, *, who: str) -> FilledSums:
    """Sums per storage bin of one batch of entries.

    Args:
        axes: one axis per column.
        columns: values (or labels, for a category axis), all of one length.
        weights: weight of each entry, or ``None`` for 1.
        who: subject of error messages.

    Raises:
        InvalidData: for unequal lengths or a weight that is not finite.
    """
    if len(columns) != len(axes):
        raise InvalidData(f"{who}: {len(columns)} columns given, {len(axes)} axes to fill")
    places = [axis.index(column) for axis, column in zip(axes, columns, strict=True)]
    w = np.ones(len(places[0])) if weights is None else np.asarray(weights, dtype=np.float64)
    lengths = [len(place) for place in places]
    if set(lengths) != {len(w)}:
        raise InvalidData(f"{who}: columns of lengths {lengths} and {len(w)} weights do not match")
    if not np.isfinite(w).all():
        bad = int(np.argmin(np.isfinite(w)))
        raise InvalidData(f"{who}: weight {w[bad]} of entry {bad} is not finite")
    inside = np.all([place >= 0 for place in places], axis=0)
    extents = tuple(axis.extent for axis in axes)
    flat = np.ravel_multi_index(tuple(place[inside] for place in places), extents)
    size, w = int(np.prod(extents)), w[inside]
    sumw, sumw2 = (np.bincount(flat, weights=x, minlength=size).astype(np.float64) for x in (w, w * w))
    return FilledSums(
        sumw=sumw.reshape(extents),
        sumw2=sumw2.reshape(extents),
        entries=int(inside.sum()),
        nans=_count_nans(axes, columns),
    )


def with_flow(axes: Sequence[Axis], array: Any, *, who: str) -> Float[np.ndarray, "..."]:
    """Array per storage bin from one with or without flow bins; missing flow bins are 0.

    Args:
        axes: axes of the histogram.
        array: numbers per bin.
        who: subject of error messages.

    Raises:
        InvalidData: for any other shape.
    """
    numbers = np.asarray(array, dtype=np.float64)
    if numbers.shape == tuple(axis.extent for axis in axes):
        return numbers
    bins = tuple(len(axis) for axis in axes)
    if numbers.shape != bins:
        raise InvalidData(f"{who}: {numbers.shape} values given, the axes have {bins} bins")
    return np.pad(numbers, [(int(axis.underflow), axis.extent - len(axis) - axis.underflow) for axis in axes])


def _count_nans(axes: Sequence[Axis], columns: Sequence[Any]) -> int:
    pairs = zip(axes, columns, strict=True)
    numbers = [np.asarray(c, dtype=np.float64) for axis, c in pairs if not isinstance(axis, Category)]
    return int(np.any([np.isnan(column) for column in numbers], axis=0).sum()) if numbers else 0
