"""Plotters of products: maps of pairs of parts, with projections on top and on the right."""

import abc
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from wilks._base.typing import Key
from wilks.compat.remu.randomness import generator

from .plotter import AbstractContentsPlotter, band_of, coarse_stack, finite_edges, relative_widths

_CELL = 0.1  # inches per bin before scaling
_SMALLEST = 4.0  # inches of the shorter side of the maps
_MARGIN = 1.5  # inches of the projections


class AbstractGridPlotter(AbstractContentsPlotter):
    """Draws the contents of a product; subbinnings are summed up.

    Args:
        binning: drop-in product or grid.
        x_axis_binnings: numbers of the parts along x; the first half by default.
        y_axis_binnings: numbers of the parts along y; the rest by default.
        figax: as for `AbstractPlotter`.
    """

    def __init__(
        self,
        binning: Any,
        x_axis_binnings: Sequence[Any] | None,
        y_axis_binnings: Sequence[Any] | None,
        figax: tuple[Any, Any] | None,
    ) -> None:
        AbstractContentsPlotter.__init__(self, binning, figax)
        parts = len(binning.binnings)
        half = math.ceil(parts / 2)
        x = range(half) if x_axis_binnings is None else x_axis_binnings
        y = range(half, parts) if y_axis_binnings is None else y_axis_binnings
        self.x_axis_binnings = [binning.part_number(part) for part in x]
        self.y_axis_binnings = [binning.part_number(part) for part in y]

    @abc.abstractmethod
    def edges(self, part: int) -> Float[np.ndarray, " edges"]:
        """Finite edges of a part."""

    @abc.abstractmethod
    def get_axis_label(self, j_binning: int) -> str:
        """Label of the axis of a part."""

    def plot_array(
        self,
        array: Any = None,
        density: bool | Sequence[int] = True,
        stack_function: Any = np.mean,
        margin_function: Any = np.sum,
        scatter: int = -1,
        key: Key | int | None = None,
        **kwargs: Any,
    ) -> None:
        """Draw an array, or a stack of arrays.

        Args:
            array: one array, or a stack of them; the contents of the binning when absent.
            density: divide by the relative widths of the bins: of all parts, none, or the listed ones.
            stack_function: see :func:`wilks.compat.remu.plotting.plotter.band_of`; maps show its upper end.
            margin_function: what becomes of bins that a projection hides; takes an ``axis``.
            scatter: draw maps as so many random points, if not negative.
            key: random key of the points; by default drawn from numpy's global state.
            kwargs: look and label of the projections, for ``Axes.stairs``.
        """
        stack = coarse_stack(self.binning, array)
        stack = stack.reshape(len(stack), *self.binning.bins_shape)
        _, axes = self._axes()
        options = self.style(kwargs)
        divided = [i in density if isinstance(density, Sequence) else bool(density) for i in range(stack.ndim - 1)]
        band, random = band_of(stack_function), generator(key) if scatter >= 0 else None
        for column, i in enumerate(self.x_axis_binnings):
            for row, j in enumerate(self.y_axis_binnings):
                cells = np.asarray(band[1](_projected(stack, (i, j), margin_function), axis=0), dtype=float)
                cells = cells.T if i < j else cells
                ax = axes[-1 - row, column]
                if random is None:
                    widths = [
                        relative_widths(self.edges(k)) if divided[k] else np.ones(stack.shape[1 + k]) for k in (i, j)
                    ]
                    cells = cells / widths[0][None, :] / widths[1][:, None]
                    ax.pcolormesh(self.edges(i), self.edges(j), cells)
                else:
                    x, y = _points(random, cells, self.edges(i), self.edges(j), scatter)
                    ax.scatter(x, y, 1, color=options["edgecolor"], marker="s", linewidths=0)
        for column, i in enumerate(self.x_axis_binnings):
            self._project(axes[0, column], stack, i, divided[i], band, margin_function, "vertical", options)
            axes[-1, column].set_xlabel(self.get_axis_label(i))
        for row, j in enumerate(self.y_axis_binnings):
            self._project(axes[-1 - row, -1], stack, j, divided[j], band, margin_function, "horizontal", options)
            axes[-1 - row, 0].set_ylabel(self.get_axis_label(j))
        axes[0, -1].set_axis_off()

    def legend(self, **kwargs: Any) -> None:
        """A legend in the corner beside the projections."""
        if self.figax is not None:
            handles, labels = self.figax[1][0, 0].get_legend_handles_labels()
            options = {"loc": "center", "borderaxespad": 0.0, "frameon": False, **kwargs}
            self.figax[1][0, -1].legend(handles, labels, **options)

    def _axes(self) -> tuple[Any, Any]:
        shape = self.binning.bins_shape
        widths = [_CELL * shape[i] for i in self.x_axis_binnings]
        heights = [_CELL * shape[j] for j in reversed(self.y_axis_binnings)]
        scale = _SMALLEST / min(max(sum(widths), sum(heights)), _SMALLEST)
        widths, heights = [scale * w for w in widths], [scale * h for h in heights]
        widths.append(_MARGIN)
        heights.insert(0, _MARGIN if heights else _SMALLEST)
        return self.subplots(
            (sum(widths), sum(heights)),
            nrows=len(heights),
            ncols=len(widths),
            sharex="col",
            sharey="row",
            gridspec_kw={"width_ratios": widths, "height_ratios": heights, "wspace": 0.05, "hspace": 0.05},
        )

    def _project(
        self, ax: Any, stack: np.ndarray, part: int, divide: bool, band: Any, margin: Any, way: str, options: Any
    ) -> None:
        """One projection with its band."""
        cells, edges = _projected(stack, (part,), margin), self.edges(part)
        low, high = (np.asarray(end(cells, axis=0), dtype=float) for end in band)
        if divide:
            low, high = low / relative_widths(edges), high / relative_widths(edges)
        ax.stairs(high, edges, baseline=low, orientation=way, fill=True, **options)
        ax.autoscale_view()
        (ax.xaxis if way == "vertical" else ax.yaxis).set_major_locator(MaxNLocator(integer=True))


class CartesianProductBinningPlotter(AbstractGridPlotter):
    """Draws a product over the numbers of the bins of its parts.

    Args:
        binning: drop-in product.
        x_axis_binnings: numbers of the parts along x; the first half by default.
        y_axis_binnings: numbers of the parts along y; the rest by default.
        figax: as for `AbstractPlotter`.
        names: what the parts are called, by number.
    """

    def __init__(
        self,
        binning: Any,
        x_axis_binnings: Sequence[Any] | None = None,
        y_axis_binnings: Sequence[Any] | None = None,
        figax: tuple[Any, Any] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        AbstractGridPlotter.__init__(self, binning, x_axis_binnings, y_axis_binnings, figax)
        self.names = tuple(names)

    def edges(self, part: int) -> Float[np.ndarray, " edges"]:
        """Bins are numbered."""
        return np.arange(self.binning.bins_shape[part] + 1) - 0.5

    def get_axis_label(self, j_binning: int) -> str:
        """Name of the part, and number of the bin."""
        name = self.names[j_binning] if j_binning < len(self.names) else f"Binning {j_binning}"
        return f"{name} Bin #"


class RectilinearBinningPlotter(AbstractGridPlotter):
    """Draws a grid over its variables.

    Args:
        binning: drop-in grid.
        x_axis_binnings: variables along x, by name or number; the first half by default.
        y_axis_binnings: variables along y; the rest by default.
        figax: as for `AbstractPlotter`.
    """

    def __init__(
        self,
        binning: Any,
        x_axis_binnings: Sequence[Any] | None = None,
        y_axis_binnings: Sequence[Any] | None = None,
        figax: tuple[Any, Any] | None = None,
    ) -> None:
        AbstractGridPlotter.__init__(self, binning, x_axis_binnings, y_axis_binnings, figax)

    def edges(self, part: int) -> Float[np.ndarray, " edges"]:
        """Edges of the variable, infinite ones moved in."""
        return finite_edges(self.binning.bin_edges[part])

    def get_axis_label(self, j_binning: int) -> str:
        """Name of the variable."""
        return self.binning.variables[j_binning]


def _projected(stack: np.ndarray, kept: tuple[int, ...], margin: Any) -> np.ndarray:
    """The stack with all other parts reduced."""
    gone = tuple(i + 1 for i in range(stack.ndim - 1) if i not in kept)
    return np.asarray(margin(stack, axis=gone), dtype=float) if gone else stack


def _points(
    random: np.random.Generator, cells: np.ndarray, x_edges: np.ndarray, y_edges: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random points with the distribution of the cells (rows along y), uniform inside each."""
    content = np.maximum(cells, 0.0).reshape(-1)
    if not content.sum() > 0:
        return np.empty(0), np.empty(0)
    row, column = np.divmod(random.choice(content.size, size=count, p=content / content.sum()), cells.shape[1])
    x = random.uniform(x_edges[column], x_edges[column + 1])
    return x, random.uniform(y_edges[row], y_edges[row + 1])
