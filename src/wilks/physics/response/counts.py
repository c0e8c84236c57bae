"""Counted simulated events in reco bins, truth bins and both: what a response matrix is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidData
from wilks._base.notices import notice
from wilks.data.binning import AbstractBinning, BinContents, fill_all
from wilks.data.product import Product
from wilks.data.response_matrices import ResponseMatrices

_ROUNDING = 1e-9  # weight by which reconstructed events may exceed the true ones before it is an error


@dataclass(frozen=True, init=False, eq=False)
class ResponseCounts:
    """Contents of reco bins, of truth bins, and of their product, filled with the same simulated events.

    Args:
        reco: bins of reconstructed quantities.
        truth: bins of true quantities.
        nuisance: data indices of truth bins without meaningful truth, whose efficiency is 1 by definition.
        impossible: data indices of reco bins that cannot be filled, whose probability is 0 by definition.
        contents: contents of ``reco``, ``truth`` and their product; empty when absent.

    Raises:
        InvalidData: if an index is no bin, or more is reconstructed in a truth bin than is true.
    """

    reco: BinContents
    truth: BinContents
    joint: BinContents
    nuisance: tuple[int, ...]
    impossible: tuple[int, ...]

    def __init__(
        self,
        reco: AbstractBinning,
        truth: AbstractBinning,
        nuisance: Sequence[int] = (),
        impossible: Sequence[int] = (),
        *,
        contents: tuple[BinContents, BinContents, BinContents] | None = None,
    ) -> None:
        in_reco, in_truth, joint = contents or (reco.empty(), truth.empty(), Product((reco, truth)).empty())
        for name, content in (("reco", in_reco), ("truth", in_truth), ("joint", joint)):
            object.__setattr__(self, name, content)
        object.__setattr__(self, "nuisance", _indices("nuisance", nuisance, truth.size))
        object.__setattr__(self, "impossible", _indices("impossible", impossible, reco.size))
        object.__setattr__(self, "truth", _consistent(in_truth, self.values, self.entries))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of reco bins and of truth bins."""
        return len(self.reco), len(self.truth)

    @property
    def values(self) -> Float[np.ndarray, "reco truth"]:
        """Sum of weights of reconstructed events."""
        return self.joint.values.reshape(self.shape)

    @property
    def entries(self) -> Int[np.ndarray, "reco truth"]:
        """Number of reconstructed events."""
        return self.joint.entries.reshape(self.shape)

    @property
    def sumw2(self) -> Float[np.ndarray, "reco truth"]:
        """Sum of squared weights of reconstructed events."""
        return self.joint.sumw2.reshape(self.shape)

    @property
    def filled(self) -> Int[np.ndarray, " columns"]:
        """Data indices of the truth bins with simulated events."""
        return np.flatnonzero(self.truth.entries > 0)

    def fill(self, events: Any, **options: Any) -> "ResponseCounts":
        """The counts with more reconstructed events.

        Args:
            events: table with reconstructed and true quantities.
            options: weight, rename, ... as in :func:`wilks.data.binned_filling.bin_sums`.

        Raises:
            InvalidData: if an event lacks a column it needs, or the total weight of a truth bin turns negative.
        """
        new = fill_all([self.reco.binning, self.truth.binning, self.joint.binning], events, **options)
        return self._with(self.reco + new[0], self.truth + new[1], self.joint + new[2])

    def fill_up_truth(self, events: Any, **options: Any) -> "ResponseCounts":
        """The counts with the truth of all generated events, so that lost ones lower the efficiency.

        Truth bins where the generated events are fewer or weigh less than those filled stay as they are. This is right
        if, bin by bin, the reconstructed events are among the generated ones, or the reverse.

        Args:
            events: table of all generated events, or their contents in the truth binning.
            options: weight, rename, ... as in :func:`wilks.data.binned_filling.bin_sums`.

        Raises:
            InvalidData: if the weight in a bin is negative, or contents have another binning.
        """
        full = events if isinstance(events, BinContents) else self.truth.binning.fill(events, **options)
        return self._with(self.reco, _filled_up(self.truth, full), self.joint)

    def __add__(self, other: "ResponseCounts") -> "ResponseCounts":
        """Counts of both; the binnings and the nuisance and impossible bins must be equal."""
        for name in ("nuisance", "impossible"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise InvalidData(f"counts with {name} bins {list(mine)} and {list(theirs)} cannot be added")
        return self._with(self.reco + other.reco, self.truth + other.truth, self.joint + other.joint)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResponseCounts):
            return NotImplemented
        same_lists = (self.nuisance, self.impossible) == (other.nuisance, other.impossible)
        return same_lists and (self.reco, self.truth, self.joint) == (other.reco, other.truth, other.joint)

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    def __repr__(self) -> str:
        reco, truth = self.shape
        return f"ResponseCounts({reco} reco x {truth} truth bins, {self.truth.entries.sum()} true events)"

    def raw(self) -> Float[np.ndarray, "reco truth"]:
        """Plain ratio of reconstructed to true weight; 0 without true weight, columns above 1 scaled down to 1."""
        true = self.truth.values
        return normalised_columns(np.divide(self.values, true, out=np.zeros(self.shape), where=true > 0))

    def raw_matrices(self) -> ResponseMatrices:
        """The plain ratio as a response matrix without statistical uncertainty."""
        return self.as_matrices(self.raw()[None])

    def as_matrices(
        self, matrices: Float[np.ndarray, "variations reco truth"], columns: Sequence[int] | None = None
    ) -> ResponseMatrices:
        """Matrices of these bins with the columns of filled truth bins only."""
        filled = self.filled if columns is None else np.asarray(columns, dtype=np.int64)
        return ResponseMatrices(
            np.ascontiguousarray(matrices[:, :, filled]), filled, self.truth.entries.copy(), np.ones(len(matrices))
        )

    def _with(self, reco: BinContents, truth: BinContents, joint: BinContents) -> "ResponseCounts":
        return ResponseCounts(
            reco.binning, truth.binning, self.nuisance, self.impossible, contents=(reco, truth, joint)
        )


def normalised_columns(matrix: Float[np.ndarray, "*many reco truth"]) -> Float[np.ndarray, "*many reco truth"]:
    """The matrix with columns whose sum exceeds 1 divided by their sum."""
    return matrix / np.maximum(matrix.sum(axis=-2, keepdims=True), 1.0)


def check_same_bins(first: ResponseCounts, second: ResponseCounts) -> None:
    """Refuse to compare counts with different bins.

    Raises:
        InvalidData: if binnings, nuisance or impossible bins differ.
    """
    pairs: Mapping[str, tuple[Any, Any]] = {
        "reco binnings": (first.reco.binning, second.reco.binning),
        "truth binnings": (first.truth.binning, second.truth.binning),
        "nuisance bins": (first.nuisance, second.nuisance),
        "impossible bins": (first.impossible, second.impossible),
    }
    for what, (one, other) in pairs.items():
        if one != other:
            raise InvalidData(f"two response matrices with different {what} cannot be compared")


def _indices(what: str, given: Sequence[int], size: int) -> tuple[int, ...]:
    indices = tuple(sorted({int(i) for i in given}))
    wrong = [i for i in indices if not 0 <= i < size]
    if wrong:
        raise InvalidData(f"{what} bin {wrong[0]} does not exist; there are bins 0 to {size - 1}")
    return indices


def _filled_up(truth: BinContents, full: BinContents) -> BinContents:
    if full.binning != truth.binning:
        raise InvalidData("the contents to fill up with have another binning than the truth")
    if (full.values < 0).any():
        bins = np.flatnonzero(full.values < 0).tolist()
        raise InvalidData(f"generated events have negative weight in truth bins {bins[:10]}; efficiencies need a total")
    given = full.values > 0
    smaller = given & ((full.values < truth.values - _ROUNDING) | (full.entries < truth.entries))
    if smaller.any():
        notice(
            f"generated events are fewer or weigh less than those filled before in {smaller.sum()} truth bins, which "
            "stay as they are (normal when weights push an efficiency above 1)"
        )
    taken = given & (full.values >= truth.values) & (full.entries >= truth.entries)
    return BinContents(
        truth.binning,
        np.where(taken, full.values, truth.values),
        np.where(taken, full.entries, truth.entries),
        np.where(taken, full.sumw2, truth.sumw2),
        truth.report + full.report,
    )


def _consistent(truth: BinContents, values: np.ndarray, entries: np.ndarray) -> BinContents:
    """The truth, with rounding errors of sums of weights removed."""
    seen, counted = values.sum(axis=0), entries.sum(axis=0)
    negative = np.flatnonzero((seen < 0) | (truth.values < 0)).tolist()
    if negative:
        raise InvalidData(f"the total weight in truth bins {negative[:10]} is negative; no efficiency follows from it")
    excess = np.flatnonzero((seen > truth.values + _ROUNDING) | (counted > truth.entries)).tolist()
    if excess:
        worst = excess[0]
        raise InvalidData(
            f"more is reconstructed than true in truth bins {excess[:10]} (bin {worst}: weight {seen[worst]:g} of "
            f"{truth.values[worst]:g}, {counted[worst]} of {truth.entries[worst]} events); fill the reconstructed "
            "events first, then fill up the truth"
        )
    if not (seen > truth.values).any():
        return truth
    return BinContents(truth.binning, np.maximum(truth.values, seen), truth.entries, truth.sumw2, truth.report)
