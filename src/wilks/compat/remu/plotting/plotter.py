"""What all plotters share: a figure, a cycle of colours, stacks of arrays reduced to a band or a line."""

import abc
from collections.abc import Callable
from itertools import cycle
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData

Reduction: TypeAlias = Callable[..., Any]
Band: TypeAlias = tuple[Reduction, Reduction]


class AbstractPlotter(abc.ABC):
    """Draws arrays over bins, one over the other.

    Args:
        figax: figure and array of axes to draw on; made at the first plot when absent.
    """

    def __init__(self, figax: tuple[Any, Any] | None = None) -> None:
        self.figax = figax
        self.color = cycle(f"C{number}" for number in range(10))
        self.hatch = cycle(["//", "\\\\", "O", "*"])

    @abc.abstractmethod
    def plot_array(self, array: Any = None, **kwargs: Any) -> None:
        """Draw an array, or a stack of arrays."""

    @abc.abstractmethod
    def legend(self, **kwargs: Any) -> None:
        """Draw a legend."""

    def subplots(self, figsize: tuple[float, float], **kwargs: Any) -> tuple[Any, Any]:
        """Figure and two-dimensional array of axes, made at the first call."""
        if self.figax is None:
            figure = Figure(figsize=figsize)
            self.figax = figure, figure.subplots(squeeze=False, **kwargs)
        return self.figax

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """Write the figure; arguments as for ``Figure.savefig``."""
        if self.figax is None:
            raise InvalidData("nothing was drawn yet; call plot_array or plot_values first")
        self.figax[0].savefig(*args, **{"bbox_inches": "tight", **kwargs})

    def style(self, options: dict[str, Any]) -> dict[str, Any]:
        """Look of an outline: the next colour and hatch of the cycles, unless they are given."""
        colour, hatch = next(self.color), next(self.hatch)
        given = dict(options)
        colour = given.pop("color", None) or colour
        return {"edgecolor": colour, "facecolor": "none", "hatch": hatch, **given}


class AbstractContentsPlotter(AbstractPlotter):
    """Draws the contents of a binning.

    Args:
        binning: drop-in binning.
        figax: as for `AbstractPlotter`.
    """

    def __init__(self, binning: Any, figax: tuple[Any, Any] | None = None) -> None:
        AbstractPlotter.__init__(self, figax)
        self.binning = binning

    def plot_values(self, binning: Any = None, **kwargs: Any) -> None:
        """Draw sums of weights, of another binning with the same bins if one is given."""
        self.plot_array((binning or self.binning).value_array, **kwargs)

    def plot_entries(self, binning: Any = None, **kwargs: Any) -> None:
        """Draw numbers of events."""
        self.plot_array((binning or self.binning).entries_array, **kwargs)

    def plot_sumw2(self, binning: Any = None, **kwargs: Any) -> None:
        """Draw sums of squared weights."""
        self.plot_array((binning or self.binning).sumw2_array, **kwargs)


def coarse_stack(binning: Any, array: Any) -> Float[np.ndarray, "stack bins"]:
    """A stack of arrays over the bins of a binning, subbinnings summed up.

    Args:
        binning: drop-in binning.
        array: one array or a stack of them over data indices or bins; the contents of the binning when absent.
    """
    given = np.asarray(binning.value_array if array is None else array, dtype=float)
    stack = stack_of(given, (binning.data_size, binning.nbins))
    if stack.shape[1] == binning.nbins:
        return stack
    return np.stack([binning.marginalize_subbinnings_on_ndarray(one) for one in stack])


def stack_of(array: Any, sizes: tuple[int, ...]) -> Float[np.ndarray, "stack bins"]:
    """One array or several as a stack.

    Raises:
        InvalidData: if their length is none of the sizes.
    """
    given = np.asarray(array, dtype=float)
    flat = given.reshape(1, -1) if given.size in sizes and given.ndim != 2 else given
    flat = given.reshape(1, -1) if flat.ndim == 2 and flat.shape[1] not in sizes and given.size in sizes else flat
    if flat.ndim != 2 or flat.shape[1] not in sizes:
        raise InvalidData(f"an array of shape {given.shape} does not fit {sizes[0]} bins")
    return flat


def band_of(stack_function: Any) -> Band:
    """Functions for the lower and the upper end of what is drawn.

    Args:
        stack_function: a number q for the quantiles (1 - q)/2 and (1 + q)/2, one function for a line from zero, or a
            pair of functions.
    """
    if isinstance(stack_function, int | float):
        low = (1.0 - stack_function) / 2.0
        return (
            lambda stack, axis=0: np.quantile(stack, low, axis=axis),
            lambda stack, axis=0: np.quantile(stack, 1.0 - low, axis=axis),
        )
    if callable(stack_function):
        return lambda stack, axis=0: np.zeros(np.delete(stack.shape, axis)), stack_function
    lower, upper = stack_function
    return lower, upper


def finite_edges(edges: Any) -> Float[np.ndarray, " edges"]:
    """Edges with infinite ones moved in: the outermost bin is as wide as its neighbour, or 1 if there is none."""
    found = np.array(edges, dtype=float)
    low, high = not np.isfinite(found[0]), not np.isfinite(found[-1])
    inner = found[1:-1]
    if low and high and not len(inner):
        return np.array([-0.5, 0.5])
    if low:
        found[0] = found[1] - (found[2] - found[1] if len(found) > 2 and np.isfinite(found[2]) else 1.0)
    if high:
        found[-1] = found[-2] + (found[-2] - found[-3] if len(found) > 2 else 1.0)
    return found


def relative_widths(edges: Float[np.ndarray, " edges"]) -> Float[np.ndarray, " bins"]:
    """Width of each bin as a part of the whole range."""
    return np.diff(edges) / (edges[-1] - edges[0])
