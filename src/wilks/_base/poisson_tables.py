"""Poisson counts at common means in plain numpy: their distributions as tables, inverted for many draws at once."""

import functools
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Float, Int, Int32

TABLE_UP_TO = 400.0
"""Largest mean whose distribution is tabulated; above, an expansion inverts it."""

REACH = 9.5
"""Standard deviations to each side of the mean that a table covers."""

_GUIDES = 128  # parts of [0, 1), a power of two so that a uniform number falls into its part exactly

Uniforms: TypeAlias = Float[np.ndarray, "draws cells"]


class PoissonTables(NamedTuple):
    """Distributions of counts in rows of cells.

    Args:
        means: expected counts, not negative.
        first: the first count of each table.
        below: P(n <= count) from there on; ends at 1.
        guide: for each of equal parts of [0, 1) the first place of the table above its lower end.
    """

    means: Float[np.ndarray, "rows cells"]
    first: Float[np.ndarray, "rows cells"]
    below: Float[np.ndarray, "rows cells length"]
    guide: Int32[np.ndarray, "rows cells guides"]


def cornish_fisher(z: Any, mean: Any) -> Any:
    """Where the Poisson distribution, made smooth, has the probability of the normal deviate z; arrays of any kind.

    References:
        E. A. Cornish and R. A. Fisher, Rev. Inst. Int. Stat. 5 (1938) 307; the variance is that of a lattice,
        mean - 1/12.
    """
    skewness = mean**-0.5
    shifted = z + (z**2 - 1) * skewness / 6 + ((z**3 - 3 * z) / 24 - (2 * z**3 - 5 * z) / 36) * skewness**2
    return mean + (mean - 1 / 12) ** 0.5 * shifted - 0.5


def poisson_tables(means: Float[np.ndarray, "rows cells"]) -> PoissonTables:
    """Tables of means that are finite; those asked for last are kept, since studies ask for the same many times."""
    means = np.ascontiguousarray(np.maximum(means, 0.0))
    return _remembered(means.tobytes(), means.shape)


def counts_at(tables: PoissonTables, uniform: Uniforms, row: Int[np.ndarray, " draws"]) -> Uniforms:
    """Counts at the given probabilities, each set of draws at the means of its own row; a single row serves all.

    A count is the smallest k with P(n <= k) above its probability; it depends on nothing else in the call.
    """
    row = row if len(tables.means) > 1 else row[:1]
    low = tables.first[row] + _places(tables, uniform, row)
    mean = tables.means[row]
    if (mean <= TABLE_UP_TO).all():
        return low
    expanded = np.ceil(cornish_fisher(scipy.special.ndtri(uniform), np.maximum(mean, TABLE_UP_TO)))
    return np.where(mean <= TABLE_UP_TO, low, expanded)


@functools.lru_cache(maxsize=4)
def _remembered(means: bytes, shape: tuple[int, int]) -> PoissonTables:
    given = np.frombuffer(means).reshape(shape)
    mean = np.minimum(given, TABLE_UP_TO)
    half = REACH * np.sqrt(mean) + 5.0
    first = np.maximum(np.floor(mean - half), 0.0)
    length = int(np.max(np.ceil(mean + half) - first, initial=0.0)) + 1
    count = first[..., None] + np.arange(length)
    terms = mean[..., None] / np.maximum(count, 1.0)  # P(k) / P(k - 1)
    terms[..., 0] = 1.0
    below = np.cumsum(np.cumprod(terms, axis=-1, out=terms), axis=-1, out=terms)
    below /= below[..., -1:].copy()
    parts = np.arange(_GUIDES) / _GUIDES
    guide = [np.searchsorted(table, parts, side="right") for table in below.reshape(-1, length)]
    return PoissonTables(given, first, below, np.array(guide, dtype=np.int32).reshape(*given.shape, _GUIDES))


def _places(
    tables: PoissonTables, uniform: Uniforms, row: Int[np.ndarray, " #draws"]
) -> Int[np.ndarray, "draws cells"]:
    """First place of each table above its uniform number: from the guide on, mostly at once, else step by step.

    References:
        H.-C. Chen and Y. Asau, AIIE Trans. 6 (1974) 163 (guide tables).
    """
    _, cells, length = tables.below.shape
    table = row[:, None] * cells + np.arange(cells)
    guided = tables.guide.ravel()[table * _GUIDES + (uniform * _GUIDES).astype(np.int64)]
    place = (table * length + guided).ravel()
    flat, wanted = tables.below.ravel(), uniform.ravel()
    short = np.flatnonzero(flat[place] <= wanted)
    while short.size:
        place[short] += 1
        short = short[flat[place[short]] <= wanted[short]]
    return place.reshape(uniform.shape) - table * length
