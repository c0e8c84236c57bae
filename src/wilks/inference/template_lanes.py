"""Sets of counts under stored templates judged in plain numpy, block by block: what needs no compiled program."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.stored_templates import Counted, StoredTemplates

from .identity import once_per_likelihood

_CELLS = 2**16  # of one block: its arrays stay in the cache
_LANES = 2040  # of one block at most, and at least a hundredth; no power of two, whose columns would share cache lines

Lanes = Float[np.ndarray, " lanes"]
Block = tuple[slice | Int[np.ndarray, " twice"], Counted]


@once_per_likelihood
def _stored(likelihood: AbstractLikelihood) -> StoredTemplates | None:
    return StoredTemplates.of(likelihood)


def stored_templates(likelihood: AbstractLikelihood, data: Any) -> StoredTemplates | None:
    """The templates of a likelihood; None if it has none, or if stacked data hold counts where nothing is expected."""
    stored = _stored(likelihood)
    if stored is None or stored.seen.all():
        return stored
    return None if np.any(np.asarray(data.counts)[:, ~stored.seen]) else stored


def blocks(stored: StoredTemplates, data: Any) -> Iterator[Block]:
    """Stacked data in blocks of lanes: where they are, the last one twice if it is alone, and their counts."""
    counts, simulation = np.asarray(data.counts), np.asarray(data.simulation)
    lanes = len(counts)
    width = max(min(_CELLS // len(stored.seen), _LANES), _LANES // 100)
    for first in range(0, lanes, width):
        where = slice(first, first + width) if lanes - first > 1 else np.array([first, first])
        yield where, stored.counted(counts[where], simulation[where])


def template_excess(
    likelihood: AbstractLikelihood, data: Any, theta: Float[np.ndarray, "lanes parameters"]
) -> tuple[Lanes, Bool[np.ndarray, " lanes"]] | None:
    """Excess of every lane at its own point, and where it is not continued; None if by other means."""
    stored = stored_templates(likelihood, data)
    if stored is None:
        return None
    found, inside = np.empty(len(theta)), np.empty(len(theta), dtype=bool)
    for where, given in blocks(stored, data):
        found[where], inside[where] = stored.excess(np.ascontiguousarray(theta[where].T), given)
    return found, inside


def template_pearson(
    likelihood: AbstractLikelihood, data: Any, theta: Float[np.ndarray, "lanes parameters"]
) -> Lanes | None:
    """Pearson's chi-square of every lane at its own point; None if it is to be found by other means."""
    stored = stored_templates(likelihood, data)
    if stored is None:
        return None
    found = np.empty(len(theta))
    for where, given in blocks(stored, data):
        found[where] = stored.pearson(np.ascontiguousarray(theta[where].T), given)
    return found


def template_saturated(likelihood: AbstractLikelihood, data: Any) -> Lanes | None:
    """Log density of the saturated model in every lane; None if it is to be found by other means."""
    stored = stored_templates(likelihood, data)
    if stored is None:
        return None
    found = np.empty(len(data.counts))
    for where, given in blocks(stored, data):
        found[where] = stored.saturated(given)
    return found
