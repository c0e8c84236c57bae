"""A histogram as a density of events: looked up or interpolated, and drawn from."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel
from wilks.data.events import Events

from .checks import check_finite


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """A density of events in some of their columns, constant in bins, or linear between their centres.

    An interpolated template is constant between the outermost centres and edges, and scaled such that it holds the same
    number of events.

    Args:
        rate: expected events per unit of the columns, one number per bin.
        edges: of the bins, ascending, one array per column.
        names: the columns.
        interpolated: whether the density is linear between the centres of bins.

    Raises:
        InvalidModel: for shapes that do not fit, edges that do not ascend, or a content that is negative or not finite.
    """

    rate: Float[np.ndarray, "..."]
    edges: tuple[Float[np.ndarray, "_"], ...]
    names: tuple[str, ...]
    interpolated: bool = False

    def __post_init__(self) -> None:
        if len(self.names) != len(self.edges) or not self.names or len(set(self.names)) != len(self.names):
            raise InvalidModel(
                f"template: {len(self.edges)} axes and the names {self.names}; every axis needs the name of a column "
                "of its own: give names=(...)"
            )
        shape = tuple(len(edges) - 1 for edges in self.edges)
        if self.rate.shape != shape:
            raise InvalidModel(f"template: contents of shape {self.rate.shape} do not fit bins of shape {shape}")
        for name, edges in zip(self.names, self.edges, strict=True):
            if len(edges) < 2 or not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
                raise InvalidModel(f"template: edges of {name!r} must ascend and be finite; they are {edges}")
        bad = np.argwhere(~(np.isfinite(self.rate) & (self.rate >= 0)))
        if len(bad):
            place = tuple(int(i) for i in bad[0])
            raise InvalidModel(f"template: the content of bin {place} is {self.rate[place]:g}; expected at least 0")

    @property
    def total(self) -> float:
        """Expected events."""
        return float(np.sum(self.rate * bin_products([np.diff(edges) for edges in self.edges])))

    def density(self, events: Events) -> Float[np.ndarray, " events"]:
        """Expected events per unit of the columns at every event; 0 outside the bins.

        Raises:
            InvalidData: if a column is missing or not finite.
        """
        columns = [_column(events, name) for name in self.names]
        inside = np.ones(len(events), dtype=bool)
        bins = []
        for column, edges in zip(columns, self.edges, strict=True):
            inside &= (column >= edges[0]) & (column <= edges[-1])
            bins.append(np.clip(np.searchsorted(edges, column, side="right") - 1, 0, len(edges) - 2))
        found = self._between(columns) if self.interpolated else self.rate[tuple(bins)]
        return np.where(inside, found, 0.0)

    def draw(self, generator: np.random.Generator, n: int) -> dict[str, Float[np.ndarray, " events"]]:
        """Columns of n events that follow the density."""
        weights = np.cumsum((self._node_counts if self.interpolated else self._bin_counts).ravel())
        if n and not weights[-1] > 0:
            raise InvalidModel("template: all its contents are 0, no events can be drawn from it")
        cell = np.searchsorted(weights, generator.random(n) * weights[-1] if n else np.zeros(0), side="right")
        cells = np.unravel_index(np.minimum(cell, len(weights) - 1), self.rate.shape)
        place = _from_hat if self.interpolated else _from_bin
        columns = zip(self.names, self.edges, cells, strict=True)
        return {name: place(generator, edges, index) for name, edges, index in columns}

    @property
    def _bin_counts(self) -> Float[np.ndarray, "..."]:
        return self.rate * bin_products([np.diff(edges) for edges in self.edges])

    @property
    def _node_counts(self) -> Float[np.ndarray, "..."]:
        """Integral of what each centre adds to the interpolation."""
        return self.rate * bin_products([np.sum(_hat_areas(edges), axis=0) for edges in self.edges])

    def _between(self, columns: Sequence[np.ndarray]) -> Float[np.ndarray, " events"]:
        lows, shares = [], []
        for column, edges in zip(columns, self.edges, strict=True):
            centres = (edges[1:] + edges[:-1]) / 2
            low = np.clip(np.searchsorted(centres, column, side="right") - 1, 0, max(len(centres) - 2, 0))
            step = centres[low + 1] - centres[low] if len(centres) > 1 else np.ones(len(column))
            lows.append(low)
            shares.append(np.clip((column - centres[low]) / step, 0.0, 1.0))
        found = np.zeros(len(columns[0]))
        for corner in np.ndindex(*(2,) * len(lows)):
            at = tuple(np.minimum(low + c, n - 1) for low, c, n in zip(lows, corner, self.rate.shape, strict=True))
            weight = np.prod([s if c else 1 - s for s, c in zip(shares, corner, strict=True)], axis=0)
            found = found + weight * self.rate[at]
        held = float(np.sum(self._node_counts))
        return found * (self.total / held) if held > 0 else found


def bin_products(factors: Sequence[np.ndarray]) -> Any:
    """Outer product of one factor per axis."""
    return np.prod(np.stack(np.meshgrid(*factors, indexing="ij")), axis=0)


def _hat_areas(edges: np.ndarray) -> Float[np.ndarray, "2 bins"]:
    """Areas below and above each centre of the function that is 1 there and 0 at the neighbours, flat at the ends."""
    centres = (edges[1:] + edges[:-1]) / 2
    halves = np.diff(centres) / 2
    return np.stack([np.append(centres[0] - edges[0], halves), np.append(halves, edges[-1] - centres[-1])])


def _from_bin(generator: np.random.Generator, edges: np.ndarray, index: np.ndarray) -> np.ndarray:
    return edges[index] + (edges[index + 1] - edges[index]) * generator.random(len(index))


def _from_hat(generator: np.random.Generator, edges: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Points that follow the hat function of a centre: a triangle to each side, a rectangle at the ends."""
    centres = (edges[1:] + edges[:-1]) / 2
    below, above = (area[index] for area in _hat_areas(edges))
    left = generator.random(len(index)) * (below + above) < below
    flat = np.where(left, index == 0, index == len(centres) - 1)
    u = generator.random(len(index))
    reach = np.where(left, below, above) * np.where(flat, 1.0, 2.0)
    distance = reach * np.where(flat, u, 1 - np.sqrt(1 - u))
    return centres[index] + np.where(left, -distance, distance)


def _column(events: Events, name: str) -> Float[np.ndarray, " events"]:
    if name not in events:
        raise InvalidData(f"{events.source}: no column {name!r}, which an axis of a template needs")
    return check_finite(events, name)
