"""What the data say of expected counts: Poisson probabilities."""

from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

from wilks._base.errors import InvalidData, InvalidModel
from wilks._base.typing import Key
from wilks.compat.remu.randomness import generator

_ROUNDING = 1e-12  # negative expectations of at most this part of the total are zero


class PoissonData:
    """Observed counts; called with expected counts it gives their log likelihood.

    Args:
        data_vector: whole numbers, not negative; the last axis are the bins, others are sets of data.

    Raises:
        InvalidData: naming the first count that is not allowed.

    >>> float(PoissonData([2, 1])([1.0, 1.0]).round(4))
    -2.6931
    """

    def __init__(self, data_vector: Any) -> None:
        self.data_vector: Int[np.ndarray, "*sets bins"] = whole_counts(data_vector)

    @cached_property
    def counts(self) -> Float[np.ndarray, "sets bins"]:
        """The data as floats, one row per set."""
        return self.data_vector.reshape(-1, self.data_vector.shape[-1]).astype(float)

    def log_likelihood(self, reco_vector: Any) -> Any:
        """Log likelihood of expected counts.

        Args:
            reco_vector: expected counts, bins last; for data of shape (a, bins) and expectations of shape (b, bins)
                the result has shape (a, b).

        Raises:
            InvalidModel: naming bin and variation of an expectation that is negative or not a number.
        """
        given = np.asarray(reco_vector, dtype=float)
        if given.shape[-1:] != self.data_vector.shape[-1:]:
            raise InvalidData(f"{self.data_vector.shape[-1]} bins of data and expectations of shape {given.shape}")
        mean = checked_means(given).reshape(-1, given.shape[-1])
        empty = mean == 0
        safe = np.where(empty, 1.0, mean) if empty.any() else mean
        value = self.counts @ np.log(safe).T - mean.sum(axis=1) - self._constants
        if safe is not mean:
            value = np.where((self.counts > 0).astype(float) @ empty.T > 0, -np.inf, value)
        return value.reshape((*self.data_vector.shape[:-1], *given.shape[:-1]))[()]

    def __call__(self, reco_vector: Any) -> Any:
        """The same as `log_likelihood`."""
        return self.log_likelihood(reco_vector)

    @cached_property
    def _constants(self) -> Float[np.ndarray, "sets 1"]:
        return gammaln(self.counts + 1.0).sum(axis=1, keepdims=True)

    @classmethod
    def generate_toy_data(cls, reco_vector: Any, size: Any = None, *, key: Key | int | None = None) -> Any:
        """Random counts.

        Args:
            reco_vector: expected counts.
            size: sets of data; the result has shape ``(*size, *shape of reco_vector)``.
            key: random key; by default drawn from numpy's global state.
        """
        mean = np.asarray(reco_vector, dtype=float)
        sets = () if size is None else tuple(np.atleast_1d(size).tolist())
        return generator(key).poisson(mean, size=(*sets, *mean.shape))

    @classmethod
    def generate_toy_data_model(cls, *args: Any, **kwargs: Any) -> "PoissonData":
        """The same as data to judge with."""
        return cls(cls.generate_toy_data(*args, **kwargs))


def whole_counts(data: Any) -> Int[np.ndarray, "*sets bins"]:
    """Counts as whole numbers.

    Raises:
        InvalidData: for negative or fractional counts, NaN, or no bins.
    """
    array = np.asarray(data)
    if array.ndim == 0 or array.size == 0 or array.dtype.kind not in "biuf":
        raise InvalidData(f"data of shape {array.shape} and type {array.dtype} are no counts; give whole numbers")
    wrong = ~(np.isfinite(array) & (array >= 0) & (array == np.floor(array)))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InvalidData(
            f"data: {array[where]} at {where} is no count; expected whole numbers, not negative (round them yourself)"
        )
    return array.astype(np.int64)


def checked_means(mean: Float[np.ndarray, "*many bins"]) -> Float[np.ndarray, "*many bins"]:
    """Expected counts without rounding errors below zero.

    Raises:
        InvalidModel: naming bin and variation of one that is negative or not a number.
    """
    if mean.size == 0 or mean.min() >= 0:  # NaN fails the comparison
        return mean
    bad = ~(mean >= -_ROUNDING * np.abs(mean).sum(axis=-1, keepdims=True))
    if bad.any():
        *before, bins = (int(i) for i in np.argwhere(bad)[0])
        variation = f" of variation {before[-1]}" if before else ""
        raise InvalidModel(
            f"the prediction in bin {bins}{variation} is {mean[(*before, bins)]}; it must not be negative"
        )
    return np.maximum(mean, 0.0)
