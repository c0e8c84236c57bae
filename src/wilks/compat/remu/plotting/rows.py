"""Plotters of bins in a row, or in several rows under each other."""

import abc
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from .plotter import (
    AbstractContentsPlotter,
    AbstractPlotter,
    band_of,
    coarse_stack,
    finite_edges,
    relative_widths,
    stack_of,
)


class AbstractRowPlotter(AbstractPlotter):
    """Draws outlines over bins in rows."""

    bins_per_row: int
    density: bool

    @abc.abstractmethod
    def stack(self, array: Any) -> Float[np.ndarray, "stack bins"]:
        """A stack of arrays, one entry per bin."""

    @abc.abstractmethod
    def edges(self, bins: int) -> Float[np.ndarray, " edges"]:
        """Finite edges of all bins."""

    @abc.abstractmethod
    def get_axis_label(self) -> str:
        """Label of the horizontal axis."""

    def plot_array(
        self,
        array: Any = None,
        density: bool | None = None,
        stack_function: Any = np.mean,
        margin_function: Any = None,
        scatter: int = -1,
        **kwargs: Any,
    ) -> None:
        """Draw an array, or a stack of arrays as a band.

        Args:
            array: one array, or a stack of them; the plotter's own when absent.
            density: divide by the relative widths of the bins.
            stack_function: see :func:`wilks.compat.remu.plotting.plotter.band_of`.
            margin_function: without effect, no bins are hidden here.
            scatter: without effect, points need two dimensions.
            kwargs: look and label, for ``Axes.stairs``.
        """
        stack, options = self.stack(array), self.style(kwargs)
        low, high = (np.asarray(end(stack, axis=0), dtype=float) for end in band_of(stack_function))
        edges = self.edges(len(high))
        if self.density if density is None else density:
            widths = relative_widths(edges)
            low, high = low / widths, high / widths
        per_row = self.bins_per_row if self.bins_per_row >= 1 else len(high)
        count = -(-len(high) // per_row)
        _, axes = self.subplots((6.4, max(2.4 * count, 4.8)), nrows=count, sharey=True)
        for row, ax in enumerate(axes[:, 0]):
            part = slice(row * per_row, min((row + 1) * per_row, len(high)))
            ax.stairs(high[part], edges[part.start : part.stop + 1], baseline=low[part], fill=True, **options)
            ax.autoscale_view()
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[-1, 0].set_xlabel(self.get_axis_label())

    def legend(self, **kwargs: Any) -> None:
        """A legend in the first row."""
        if self.figax is not None:
            self.figax[1][0, 0].legend(**{"loc": "best", **kwargs})


class ArrayPlotter(AbstractRowPlotter):
    """Draws plain arrays.

    Args:
        array: the first one.
        bins_per_row: length of a row; all in one if it is below 1.
        figax: as for `AbstractPlotter`.
    """

    def __init__(self, array: Any, bins_per_row: int = 25, figax: tuple[Any, Any] | None = None) -> None:
        AbstractPlotter.__init__(self, figax)
        self.array, self.bins_per_row, self.density = np.asarray(array), bins_per_row, False

    def stack(self, array: Any) -> Float[np.ndarray, "stack bins"]:
        """The arrays as they are."""
        return stack_of(self.array if array is None else array, (self.array.shape[-1],))

    def edges(self, bins: int) -> Float[np.ndarray, " edges"]:
        """Bins are numbered."""
        return np.arange(bins + 1) - 0.5

    def get_axis_label(self) -> str:
        """Number of the bin."""
        return "Bin #"


class BinningPlotter(AbstractContentsPlotter, AbstractRowPlotter):
    """Draws the contents of any binning over the numbers of its bins.

    Args:
        binning: drop-in binning.
        marginalize_subbinnings: sum up subbinnings first.
        bins_per_row: as for `ArrayPlotter`.
        figax: as for `AbstractPlotter`.
    """

    def __init__(
        self,
        binning: Any,
        marginalize_subbinnings: bool = False,
        bins_per_row: int = 25,
        figax: tuple[Any, Any] | None = None,
    ) -> None:
        AbstractContentsPlotter.__init__(self, binning, figax)
        self.marginalize_subbinnings, self.bins_per_row, self.density = marginalize_subbinnings, bins_per_row, False

    def stack(self, array: Any) -> Float[np.ndarray, "stack bins"]:
        """The arrays, subbinnings summed up if asked for."""
        if self.marginalize_subbinnings:
            return coarse_stack(self.binning, array)
        return stack_of(self.binning.value_array if array is None else array, (self.binning.data_size,))

    def edges(self, bins: int) -> Float[np.ndarray, " edges"]:
        """Bins are numbered."""
        return np.arange(bins + 1) - 0.5

    def get_axis_label(self) -> str:
        """Number of the bin."""
        return "Bin #"


class LinearBinningPlotter(AbstractContentsPlotter, AbstractRowPlotter):
    """Draws the contents of a binning of one variable, as densities unless told otherwise.

    Args:
        binning: drop-in binning of one variable; subbinnings are summed up.
        bins_per_row: as for `ArrayPlotter`.
        figax: as for `AbstractPlotter`.
    """

    def __init__(self, binning: Any, bins_per_row: int = -1, figax: tuple[Any, Any] | None = None) -> None:
        AbstractContentsPlotter.__init__(self, binning, figax)
        self.bins_per_row, self.density = bins_per_row, True

    def stack(self, array: Any) -> Float[np.ndarray, "stack bins"]:
        """The arrays, subbinnings summed up."""
        return coarse_stack(self.binning, array)

    def edges(self, bins: int) -> Float[np.ndarray, " edges"]:
        """Edges of the variable, infinite ones moved in."""
        return finite_edges(self.binning.bin_edges)

    def get_axis_label(self) -> str:
        """Name of the variable."""
        return self.binning.variable
