"""Templates from arrays and from the histograms of other packages."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from wilks._base.errors import InvalidModel

from .template import Template, bin_products


@runtime_checkable
class Binned(Protocol):
    """A histogram of Wilks, hist, boost-histogram or uproot: axes that list their bins, and values without flow."""

    @property
    def axes(self) -> Any:
        """Axes; each lists its bins as pairs of edges."""
        ...

    def values(self) -> np.ndarray:
        """Content of every bin."""
        ...


@runtime_checkable
class Multihist(Protocol):
    """A histogram of the package multihist."""

    histogram: np.ndarray
    bin_edges: Any
    axis_names: Any


def as_template(
    source: Any,
    edges: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    *,
    events_per_bin: bool = False,
    interpolate: bool = False,
) -> Template:
    """A template from a histogram of any kind, or from an array with edges and names.

    Args:
        source: a `Template`, a histogram of Wilks, hist, boost-histogram, uproot or multihist, or an array of contents.
        edges: of an array, one list per axis.
        names: the columns; those of the histogram's axes by default.
        events_per_bin: whether contents are events per bin; else they are events per unit of the columns.
        interpolate: whether the density is linear between the centres of bins.

    Raises:
        InvalidModel: for an array without edges, axes without names, and contents that make no sense.
    """
    if isinstance(source, Template):
        return source
    values, found, named = _read(source, edges)
    columns = tuple(names) if names is not None else named
    if not all(columns):
        raise InvalidModel(f"template: axes are named {columns}; give names=(...), the columns of the events")
    arrays = tuple(np.array(axis, dtype=float) for axis in found)
    rate = np.array(values, dtype=float)
    if events_per_bin and rate.shape == tuple(len(axis) - 1 for axis in arrays):
        widths = bin_products([np.diff(axis) for axis in arrays])
        rate = np.divide(rate, widths, out=np.full(rate.shape, np.nan), where=widths > 0)
    return Template(rate, arrays, columns, interpolate)


def _read(source: Any, edges: Sequence[Any] | None) -> tuple[Any, list[Any], tuple[str, ...]]:
    """Contents, edges and names of axes."""
    if edges is not None:
        return source, [np.asarray(axis) for axis in edges], ("",) * len(edges)
    if isinstance(source, Multihist):
        named = source.axis_names or ("",) * len(source.bin_edges)
        return source.histogram, list(source.bin_edges), tuple(str(name or "") for name in named)
    if not isinstance(source, Binned):
        raise InvalidModel(
            f"template: a {type(source).__name__} without edges; give a histogram, or edges=[...], one list per axis"
        )
    named = tuple(str(getattr(axis, "name", None) or "") for axis in source.axes)  # optional in the protocol
    return source.values(), [_edges(axis) for axis in source.axes], named


def _edges(axis: Any) -> list[float]:
    pairs = [np.atleast_1d(pair) for pair in axis]
    if any(len(pair) != 2 for pair in pairs):
        raise InvalidModel(f"template: the axis {axis!r} has categories; a template needs axes with edges")
    return [float(pairs[0][0]), *(float(pair[1]) for pair in pairs)]
