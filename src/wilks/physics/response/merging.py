"""Merging of truth bins with too few simulated events, where the response changes least."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from wilks._base.errors import InvalidData
from wilks.data.bin_maps import BinMap
from wilks.data.binning import AbstractBinning, BinContents
from wilks.data.grid import Grid
from wilks.data.product import Product
from wilks.data.refinement import Refined

from .counts import ResponseCounts
from .posterior import MatrixPosterior
from .quality import squared_distances


@dataclass(frozen=True, eq=False)
class Merger:
    """One way to merge a slice of truth bins with its neighbour.

    Args:
        first: data indices of the lower slice.
        second: data indices of the upper slice, each to be merged with the one at the same place in ``first``.
        binning: truth binning afterwards.
        where: new data index of each old one.
    """

    first: Int[np.ndarray, " slice"]
    second: Int[np.ndarray, " slice"]
    binning: AbstractBinning
    where: BinMap


def merge_sparse_bins(counts: ResponseCounts, minimum: int) -> ResponseCounts:
    """Counts with truth bins merged until each holds enough simulated events; the same result in every run.

    While a truth bin has fewer events, its slice is merged with the neighbouring slice, along whichever variable and
    side, whose response is most alike: the smallest sum of squared Mahalanobis distances of the paired bins. Inside a
    refined bin only the bins of its child change.

    Args:
        counts: simulated events.
        minimum: events that each truth bin must have.

    Raises:
        InvalidData: if a bin with too few events has no neighbour to merge with.
    """
    while int(counts.truth.entries.min()) < minimum:
        counts = merge_once(counts, int(np.argmin(counts.truth.entries)))
    return counts


def merge_once(counts: ResponseCounts, index: int | None = None) -> ResponseCounts:
    """Counts with the slice of one truth bin merged with its most similar neighbour.

    Args:
        counts: simulated events.
        index: data index of the truth bin; the first with the fewest events when absent.

    Raises:
        InvalidData: if it has no neighbour to merge with.
    """
    index = int(np.argmin(counts.truth.entries)) if index is None else index
    candidates = list(mergers(counts.truth.binning, index))
    if not candidates:
        raise InvalidData(
            f"truth bin {index} with {counts.truth.entries[index]} events has no neighbour to merge with; ask for "
            "fewer events or simulate more"
        )
    return merged(counts, candidates[int(np.argmin(_scores(counts, candidates)))])


def mergers(binning: AbstractBinning, index: int) -> Iterator[Merger]:
    """All mergers for one truth bin: for each variable in order with the lower, then with the upper slice.

    Raises:
        InvalidData: if the binning is no grid, or the bin stands beside refined bins.
    """
    if isinstance(binning, Refined):
        yield from _mergers_of_child(binning, index)
    elif isinstance(binning, Grid):
        yield from _mergers_of_grid(binning, index)
    else:
        raise InvalidData(f"bins of {type(binning).__name__} have no slices to merge; only grids have")


def merged(counts: ResponseCounts, merger: Merger) -> ResponseCounts:
    """Counts after one merger: values, entries and squared weights add, nuisance and impossible bins are kept."""
    truth = _regrouped(counts.truth, merger.binning, merger.where)
    rows = np.arange(counts.shape[0])[:, None] * len(truth)
    joint = _regrouped(
        counts.joint,
        Product((counts.reco.binning, merger.binning)),
        BinMap((rows + merger.where.targets).reshape(-1), counts.shape[0] * len(truth)),
    )
    nuisance = merger.where.targets[list(counts.nuisance)].tolist()
    return ResponseCounts(
        counts.reco.binning, merger.binning, nuisance, counts.impossible, contents=(counts.reco, truth, joint)
    )


def _mergers_of_grid(grid: Grid, index: int) -> Iterator[Merger]:
    place, bins = grid.unravel(index), np.arange(grid.size).reshape(grid.shape)
    for number, (position, axis) in enumerate(zip(place, grid.axes, strict=True)):
        for edge in (position, position + 1):
            if 0 < edge < len(axis):
                lower, upper = (np.take(bins, i, axis=number).reshape(-1) for i in (edge - 1, edge))
                yield Merger(lower, upper, *grid.edge_removal({axis.name: [edge]}))


def _mergers_of_child(binning: Refined, index: int) -> Iterator[Merger]:
    position = binning.bin_index(index)
    if position not in binning.children:
        raise InvalidData(
            f"truth bin {index} has too few events and stands beside refined bins; it cannot be merged with them"
        )
    start, child = binning.data_index(position), binning.child(position)
    for inner in mergers(child, index - start):
        bare = binning.coarse([position])
        new = bare if inner.binning.size == 1 else bare.refined({position: inner.binning})
        after = start + child.size
        shifted = np.arange(after, binning.size) - (child.size - inner.binning.size)
        targets = np.concatenate([np.arange(start), start + inner.where.targets, shifted])
        yield Merger(start + inner.first, start + inner.second, new, BinMap(targets, new.size))


def _scores(counts: ResponseCounts, candidates: list[Merger]) -> list[float]:
    """Sum of squared distances of each candidate's pairs; all pairs of all candidates at once."""
    posterior = MatrixPosterior(counts)
    first = np.concatenate([candidate.first for candidate in candidates])
    second = np.concatenate([candidate.second for candidate in candidates])
    mean, covariance = posterior.mean().T, posterior.covariance()
    distances = squared_distances(mean[first] - mean[second], covariance[first] + covariance[second])
    ends = np.cumsum([len(candidate.first) for candidate in candidates])
    return [float(part.sum()) for part in np.split(distances, ends[:-1])]


def _regrouped(contents: BinContents, binning: AbstractBinning, where: BinMap) -> BinContents:
    values, entries, sumw2 = (where.apply(a) for a in (contents.values, contents.entries, contents.sumw2))
    return BinContents(binning, values, entries, sumw2, contents.report)
