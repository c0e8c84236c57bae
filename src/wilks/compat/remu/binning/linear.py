"""Binnings of one variable."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from wilks.data.grid import Grid
from wilks.data.intervals import Intervals

from .bins import AbstractBin, RectangularBin
from .boxes import Binning
from .holder import AbstractFilledBinning
from .phase_space import PhaseSpace


@Binning.register
class LinearBinning(AbstractFilledBinning):
    """Intervals between increasing edges.

    Args:
        variable: name.
        bin_edges: edges.
        include_upper: whether upper edges belong to the bins, instead of lower ones.
        kwargs: as for `AbstractFilledBinning`.

    Raises:
        InvalidData: if edges do not increase.
    """

    def __init__(self, variable: str, bin_edges: Any, include_upper: bool = False, **kwargs: Any) -> None:
        self.variable, self.include_upper = variable, bool(include_upper)
        self.axis = Intervals(variable, bin_edges, closed="right" if self.include_upper else "left")
        self.bin_edges = self.axis.edge_array
        kwargs["phasespace"] = kwargs.get("phasespace") or PhaseSpace([variable])
        AbstractFilledBinning.__init__(self, Grid((self.axis,)), **kwargs)

    def structure(self) -> dict[str, Any]:
        """Variable and edges."""
        return {"variable": self.variable, "bin_edges": list(self.axis.edges), "include_upper": self.include_upper}

    def bin_at(self, index: int, arrays: dict[str, Any]) -> AbstractBin:
        """One interval."""
        edges, upper = [(self.bin_edges[index], self.bin_edges[index + 1])], self.include_upper
        return RectangularBin([self.variable], edges, include_lower=not upper, include_upper=upper, **arrays)

    def slice(self, start: int | None, stop: int | None, step: int | None = 1) -> "LinearBinning":
        """Some of the bins: their lower edges and the last upper one; subbinnings are dropped."""
        return self._changed(self.native.slicing({self.variable: (start, stop, step)}))

    def remove_bin_edges(self, bin_edge_indices: Iterable[int]) -> "LinearBinning":
        """Without some edges: an inner one merges two bins, an outer one drops a bin; subbinnings are dropped."""
        return self._changed(self.native.edge_removal({self.variable: bin_edge_indices}))

    def _changed(self, step: Any) -> "LinearBinning":
        grid, where = step
        return LinearBinning(
            self.variable, np.array(grid.axes[0].edges), self.include_upper, **self._mapped(where.apply)
        )
