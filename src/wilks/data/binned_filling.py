"""Filling of binnings: sums of weights, entries and squared weights per bin, several binnings in one pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Integer

from wilks._base.errors import InvalidData, check_option

from .batches import AbstractLookup, Batch, Cut, Weight, batches

_WEIGHTS = "weights of the events"  # name of the column that carries them through the blocks


@dataclass(frozen=True)
class FillReport:
    """What became of the events of a filling.

    Args:
        events: number of events offered.
        outside: those in no bin, among them all whose value is NaN.
        outside_weight: sum of their weights.
    """

    events: int = 0
    outside: int = 0
    outside_weight: float = 0.0

    def __add__(self, other: "FillReport") -> "FillReport":
        return FillReport(
            self.events + other.events, self.outside + other.outside, self.outside_weight + other.outside_weight
        )

    def __str__(self) -> str:
        return f"{self.events} events, {self.outside} of them outside (weight {self.outside_weight:g})"


@dataclass(frozen=True, eq=False)
class BinSums:
    """What one filling adds to the contents of a binning.

    Args:
        values: sum of weights per bin.
        entries: number of events per bin.
        sumw2: sum of squared weights per bin.
        report: events inside and outside.
    """

    values: Float[np.ndarray, " bins"]
    entries: Int[np.ndarray, " bins"]
    sumw2: Float[np.ndarray, " bins"]
    report: FillReport

    def __add__(self, other: "BinSums") -> "BinSums":
        return BinSums(
            self.values + other.values,
            self.entries + other.entries,
            self.sumw2 + other.sumw2,
            self.report + other.report,
        )


def bin_sums(
    lookups: Sequence[AbstractLookup],
    events: Any,
    *,
    weight: Weight = 1.0,
    scale: float | int = 1.0,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, float | int] | None = None,
    cut: Cut | None = None,
    outside: str = "count",
) -> list[BinSums]:
    """Sums per bin of several binnings, each event read once and each variable looked up once per set of edges.

    Args:
        lookups: binnings.
        events: anything that :func:`wilks.data.batches.batches` takes.
        weight: one number, the name of a column, or one number per event.
        scale: factor on all weights.
        rename: new name by present name of columns; the caller's table is not changed.
        constants: columns of one value to add.
        cut: function of the renamed table that returns the table to fill.
        outside: ``"count"`` events in no bin, or raise an ``"error"`` at the first.

    Raises:
        InvalidData: for a column missing that some event needs, a weight that is not finite, or an event outside.
    """
    check_option("treatment of events outside", outside, ("count", "error"))
    needed = [name for lookup in lookups for name in lookup.variables]
    sums: list[BinSums] = []
    original = {new: old for old, new in (rename or {}).items()}
    names = [original.get(name, name) for name in [*needed, *([weight] if isinstance(weight, str) else [])]]
    for table in batches(events, None if cut else list(dict.fromkeys(names))):
        ready = _weighted(table.prepared(rename, constants, cut), weight, float(scale))
        for block in ready.blocks([*needed, _WEIGHTS]):
            squares = block.columns[_WEIGHTS] ** 2
            found = [_block_sums(lookup, block, squares, outside) for lookup in lookups]
            sums = [old + new for old, new in zip(sums, found, strict=True)] if sums else found
    return sums or [_no_sums(lookup) for lookup in lookups]


def _weighted(batch: Batch, weight: Weight, scale: float) -> Batch:
    """The batch with the weight of each event, or one for all, as a column; finite numbers only."""
    weights = batch.column(weight, "the weight") if isinstance(weight, str) else np.asarray(weight, dtype=np.float64)
    if weights.ndim > 1 or (weights.ndim == 1 and len(weights) != batch.size):
        raise InvalidData(
            f"{batch.source}: weights of shape {weights.shape} for {batch.size} events; give one per event, one number "
            "for all, or the name of a column (which survives cuts and chunks)"
        )
    if not np.isfinite(weights).all():
        row = int(np.argmin(np.isfinite(weights)))
        raise InvalidData(f"{batch.source}: weight {weights.flat[row]} of event {batch.first + row} is not finite")
    return replace(batch, columns={**batch.columns, _WEIGHTS: weights * scale}, _known={})


def _block_sums(
    lookup: AbstractLookup, block: Batch, squares: Float[np.ndarray, "..."] | float, outside: str
) -> BinSums:
    """Sums of one block; ``squares`` are those of its weights."""
    index = block.index_of(lookup) + 1  # outside comes first
    counts = np.bincount(index, minlength=lookup.size + 1)
    if counts[0] and outside == "error":
        _refuse_outside(lookup, block, index)
    weights = block.columns[_WEIGHTS]
    if np.ndim(weights) == 0:
        sumw, sumw2 = weights * counts, squares * counts
    else:
        sumw = np.bincount(index, weights, minlength=lookup.size + 1)
        sumw2 = np.bincount(index, squares, minlength=lookup.size + 1)
    report = FillReport(block.size, int(counts[0]), float(sumw[0]))
    return BinSums(sumw[1:].astype(np.float64), counts[1:].astype(np.int64), sumw2[1:].astype(np.float64), report)


def _refuse_outside(lookup: AbstractLookup, block: Batch, index: Integer[np.ndarray, " events"]) -> None:
    row = int(np.argmin(index))
    one = block.where(slice(row, row + 1))
    found = ", ".join(f"{name} = {one.column(name)[0]:g}" for name in lookup.variables if name in one.columns)
    raise InvalidData(f"{block.source}: event {block.first + row} lies in no bin ({found}); widen the bins or cut it")


def _no_sums(lookup: AbstractLookup) -> BinSums:
    zeros = np.zeros(lookup.size)
    return BinSums(zeros, np.zeros(lookup.size, dtype=np.int64), zeros, FillReport())
