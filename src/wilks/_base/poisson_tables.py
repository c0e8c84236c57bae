"""Poisson counts at common means in plain numpy: their distributions as tables, inverted for many draws at once."""

import functools
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

TABLE_UP_TO = 400.0
"""Largest mean whose distribution is tabulated; above, an expansion inverts it."""

REACH = 9.5
"""Standard deviations to each side of the mean that a table covers."""

Uniforms: TypeAlias = Float[np.ndarray, "draws cells"]


class PoissonTables(NamedTuple):
    """Distributions of counts in rows of cells.

    Args:
        means: expected counts, not negative.
        first: the first count of each table.
        below: P(n <= count) from there on; ends at 1.
    """

    means: Float[np.ndarray, "rows cells"]
    first: Float[np.ndarray, "rows cells"]
    below: Float[np.ndarray, "rows cells length"]


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
    """Counts at the given probabilities, each set of draws at the means of its own row.

    A count is the smallest k with P(n <= k) above its probability; it depends on nothing else in the call.
    """
    low = tables.first[row] + _places(tables.below, uniform, row)
    mean = tables.means[row]
    if (mean <= TABLE_UP_TO).all():
        return low
    expanded = np.ceil(cornish_fisher(ndtri(uniform), np.maximum(mean, TABLE_UP_TO)))
    return np.where(mean <= TABLE_UP_TO, low, expanded)


@functools.lru_cache(maxsize=1)
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
    return PoissonTables(given, first, below)


def _places(
    below: Float[np.ndarray, "rows cells length"], uniform: Uniforms, row: Int[np.ndarray, " draws"]
) -> Int[np.ndarray, "draws cells"]:
    """First place of each table above its uniform number, by halving: touches only the entries that it compares."""
    _, cells, length = below.shape
    flat = below.ravel()
    start = (row[:, None] * cells + np.arange(cells)) * length
    low, high = np.zeros(uniform.shape, dtype=np.int64), np.full(uniform.shape, length - 1)
    for _ in range(int(length).bit_length()):
        middle = (low + high) // 2
        above = flat[start + middle] > uniform
        low, high = np.where(above, low, np.minimum(middle + 1, high)), np.where(above, middle, high)
    return low
