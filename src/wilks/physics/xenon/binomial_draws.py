"""Binomial numbers of many trials: numpy's, or by a table of distributions where one probability belongs to all."""

import functools
import math

import numpy as np
from jaxtyping import Float, Int

from .binomials import log_factorials

_SHARES = 256  # equal parts of the unit interval for which a table says where to begin
_ROUND = 64
_BEYOND = 40.0  # exponent of the probability that is left out: far below the spacing of uniform numbers

Numbers = Float[np.ndarray, " trials"]
Tables = tuple[Float[np.ndarray, "numbers outcomes"], Int[np.ndarray, "numbers shares"]]


def binomial_numbers(generator: np.random.Generator, number: Numbers, probability: Numbers) -> Numbers:
    """Successes in ``number`` attempts, for every trial.

    Args:
        generator: of random numbers.
        number: of attempts, whole and at least 0.
        probability: of success in one attempt, in [0, 1].
    """
    attempts = number.astype(np.int64)
    if len(number) and 0 < probability[0] < 1 and np.all(probability == probability[0]):
        p, size = float(probability[0]), _ROUND * (int(attempts.max()) // _ROUND + 1)
        if size * _outcomes(size, p) <= len(number):  # else the table costs more than it saves
            return _inverted(_distributions(size, p), attempts, generator.random(len(number)))
    return generator.binomial(attempts, probability).astype(float)


def _inverted(tables: Tables, number: Int[np.ndarray, " trials"], uniform: Numbers) -> Numbers:
    """The first outcome by which a uniform number is exceeded, from a start that a table says."""
    reached, begin = tables
    outcome = begin[number, (uniform * _SHARES).astype(np.int64)]
    behind = np.flatnonzero(reached[number, outcome] <= uniform)
    while len(behind):
        outcome[behind] += 1
        behind = behind[reached[number[behind], outcome[behind]] <= uniform[behind]]
    return outcome.astype(float)


def _outcomes(size: int, p: float) -> int:
    """Outcomes of up to ``size`` attempts that ever happen (S. Bernstein's bound on larger ones)."""
    spread = math.sqrt(2 * _BEYOND * size * p * (1 - p) + (_BEYOND / 3) ** 2)
    return min(size, math.ceil(size * p + spread + _BEYOND / 3) + 1)


@functools.lru_cache(maxsize=8)
def _distributions(size: int, p: float) -> Tables:
    """P(at most k successes) for 0, 1, ... size - 1 attempts, and for parts of [0, 1] the first k to be asked."""
    n, k = np.arange(size)[:, None], np.arange(_outcomes(size, p))[None]
    left = np.maximum(n - k, 0)
    table = log_factorials(size)
    logs = table[n] - table[k] - table[left] + k * math.log(p) + left * math.log1p(-p)
    reached = np.minimum(np.cumsum(np.where(k <= n, np.exp(logs), 0.0), axis=1), 1.0)
    reached[(k >= n) | (k == k[0, -1])] = 1.0
    part = n * (_SHARES + 1) + np.ceil(reached * _SHARES).astype(np.int64)
    counts = np.bincount(part.ravel(), minlength=size * (_SHARES + 1)).reshape(size, _SHARES + 1)
    return reached, np.cumsum(counts[:, :-1], axis=1, dtype=np.int32)
