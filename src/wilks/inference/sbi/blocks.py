"""Data as named blocks of numbers: how the sets of a simulator and a user's observed data are brought to one form."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base import runtime  # noqa: F401  64 bit before any array exists
from wilks._base.errors import InvalidData

Blocks: TypeAlias = Mapping[str, Any]
"""Arrays by block name."""

Layout: TypeAlias = dict[str, tuple[int, ...]]
"""Shape of each block of one set of data."""

ONLY = "x"
"""Name of the block of data that are one array."""


class PaddedEvents(eqx.Module):
    """A list of events padded to a fixed length, as simulators of events return it.

    Args:
        values: features of each event; those of padding do not matter.
        mask: True for an event, False for padding.
    """

    values: Float[Array | np.ndarray, "*sets events features"]
    mask: Bool[Array | np.ndarray, "*sets events"]


def blocks_of(data: Any) -> dict[str, Any]:
    """The arrays of one or more sets of data by name, sorted; an array alone is called ``x``, empty ones are left out.

    Args:
        data: an array, a mapping of arrays, a tree of both, or what a likelihood simulates.
    """
    if isinstance(data, (list, tuple)) and not any(isinstance(x, (Mapping, eqx.Module)) for x in data):
        data = np.asarray(data)
    paths, _ = jax.tree_util.tree_flatten_with_path(data)
    named = {jax.tree_util.keystr(path, simple=True, separator=".") or ONLY: leaf for path, leaf in paths}
    arrays = {name: leaf if isinstance(leaf, jax.Array) else np.asarray(leaf) for name, leaf in sorted(named.items())}
    return {name: array for name, array in arrays.items() if array.size}


def layout_of(blocks: Blocks) -> Layout:
    """Shapes of the blocks of one set of data."""
    return {name: tuple(np.shape(array)) for name, array in blocks.items()}


def observed_blocks(data: Any, layout: Layout) -> dict[str, np.ndarray]:
    """Observed data in the form of a layout, in double precision.

    A block may be named by the beginning of its name where that is unambiguous (``"near"`` for ``"near.counts"``).

    Raises:
        InvalidData: for a missing or unknown block, another shape, or a value that is not finite.
    """
    given = blocks_of(data)
    found = {name: _pick(name, given, layout) for name in layout}
    if unknown := sorted(set(given) - set(found.values())):
        raise InvalidData(f"observed data: unknown block {unknown[0]!r}; expected {', '.join(map(repr, layout))}")
    return {name: _checked(name, given[found[name]], shape) for name, shape in layout.items()}


def _pick(name: str, given: Blocks, layout: Layout) -> str:
    if name in given:
        return name
    if len(layout) == 1 and len(given) == 1:
        return next(iter(given))
    heads = [other for other in given if name.startswith(f"{other}.")]
    tails = [other for other in layout if heads and other.startswith(f"{heads[0]}.")]
    if len(heads) == 1 and len(tails) == 1:
        return heads[0]
    raise InvalidData(f"observed data: block {name!r} is missing; found {', '.join(map(repr, given)) or 'nothing'}")


def _checked(name: str, array: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(array)
    if array.shape[1:] == shape and array.ndim:
        raise InvalidData(
            f"observed data: block {name!r} has shape {array.shape}; the network was trained on {shape}; for many sets "
            "of data take `sample_many`"
        )
    if array.shape != shape:
        raise InvalidData(f"observed data: block {name!r} has shape {array.shape}; the network was trained on {shape}")
    if array.dtype.kind not in "fiub":
        raise InvalidData(f"observed data: block {name!r} holds {array.dtype}; expected numbers")
    array = array.astype(float)
    if not np.all(np.isfinite(array)):
        where = int(np.flatnonzero(~np.isfinite(array.ravel()))[0])
        raise InvalidData(
            f"observed data: block {name!r} is {array.ravel()[where]} at entry {where}; give finite values"
        )
    return array
