"""Where each bin of a binning goes when bins are merged or dropped; applied to any array along its first axis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Integer, Shaped

from wilks._base.errors import InvalidData

Reduction: TypeAlias = Callable[..., Any]
"""A function such as ``numpy.sum``, ``numpy.median`` or ``numpy.max`` that takes an ``axis``."""


@dataclass(frozen=True, eq=False)
class BinMap:
    """New bin of each old bin.

    Args:
        targets: new index per old bin, -1 if its content is dropped.
        size: number of new bins.
    """

    targets: Integer[np.ndarray, " old"]
    size: int

    def apply(self, array: Shaped[np.ndarray, "old ..."], reduction: Reduction = np.sum) -> Shaped[np.ndarray, "..."]:
        """The array in new bins.

        Args:
            array: one entry per old bin along the first axis.
            reduction: what becomes of the contents of merged bins.

        Raises:
            InvalidData: if the array does not have one entry per old bin.
        """
        if len(array) != len(self.targets):
            raise InvalidData(f"an array of length {len(array)} was given for a binning of {len(self.targets)} bins")
        return self._summed(array) if reduction is np.sum else self._reduced(array, reduction)

    def then(self, later: "BinMap") -> "BinMap":
        """This map followed by another one."""
        onward = np.append(later.targets, -1)
        return BinMap(onward[self.targets], later.size)

    def _summed(self, array: np.ndarray) -> np.ndarray:
        summed = np.zeros((self.size, *array.shape[1:]), dtype=array.dtype)
        kept = self.targets >= 0
        np.add.at(summed, self.targets[kept], array[kept])
        return summed

    def _reduced(self, array: np.ndarray, reduction: Reduction) -> np.ndarray:
        return np.stack([reduction(array[self.targets == new], axis=0) for new in range(self.size)])
