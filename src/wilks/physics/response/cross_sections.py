"""Tables of cross sections: a user's function of the edges of a bin, evaluated in all bins."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel
from wilks._base.notices import notice
from wilks.data.binning import AbstractBinning

_CHECKED = 5  # bins in which a function of arrays must agree with itself bin by bin


def cross_section_table(function: Callable[..., Any], binning: AbstractBinning) -> Float[np.ndarray, " bins"]:
    """Cross section of each bin.

    The function is called with the edges of the bin by name, ``<variable>_min`` and ``<variable>_max`` for each
    variable, infinite ones included. If it is written for arrays, all bins are computed in one call.

    Args:
        function: for example ``f(E_min, E_max, true_x_min, true_x_max)``, the number of events per unit of exposure.
        binning: bins of the table, such as ``Product((truth, flux))``.

    Raises:
        InvalidModel: naming the edges of the bin where the function is negative or not finite, or for a wrong shape.
    """
    edges = {}
    for name, (lower, upper) in binning.limits().items():
        edges |= {f"{name}_min": lower, f"{name}_max": upper}
    table = _at_once(function, edges, binning.size)
    if table is None:
        who = getattr(function, "__name__", "the function")
        notice(f"{who} does not work on arrays of edges; it is called bin by bin, which is slower and as exact")
        table = np.array([_one(function, edges, i) for i in range(binning.size)])
    bad = np.flatnonzero(~(np.isfinite(table) & (table >= 0)))
    if len(bad):
        raise InvalidModel(
            f"cross section {table[bad[0]]} in the bin {_where(edges, int(bad[0]))}; it must be finite and not negative"
        )
    return table


def _at_once(function: Callable[..., Any], edges: dict[str, np.ndarray], size: int) -> np.ndarray | None:
    """All bins in one call, or ``None`` if the function is written for one bin."""
    try:
        with np.errstate(all="ignore"):
            table = np.asarray(function(**edges), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if table.shape != (size,):
        return None
    chosen = np.unique(np.linspace(0, size - 1, _CHECKED).astype(int))
    try:
        singly = np.array([_one(function, edges, int(i)) for i in chosen])
    except (TypeError, ValueError, IndexError):
        return table  # a function of arrays only
    return table if np.allclose(table[chosen], singly, rtol=1e-9, atol=0.0, equal_nan=True) else None


def _one(function: Callable[..., Any], edges: dict[str, np.ndarray], index: int) -> float:
    value = np.asarray(function(**{name: float(array[index]) for name, array in edges.items()}), dtype=np.float64)
    if value.shape != ():
        raise InvalidModel(
            f"a cross section of shape {value.shape} in the bin {_where(edges, index)}; expected a number"
        )
    return float(value)


def _where(edges: dict[str, np.ndarray], index: int) -> str:
    return ", ".join(f"{name} = {array[index]:g}" for name, array in edges.items())
