"""What is computed once per likelihood: likelihoods never change, so one has one digest and one list of constraints."""

import functools
from collections.abc import Callable
from typing import TypeVar

from wilks.likelihood.interface import AbstractLikelihood

Found = TypeVar("Found")

_KEPT = 8  # likelihoods remembered by each function


class _Same:
    """A likelihood compared by identity, not by its arrays."""

    def __init__(self, likelihood: AbstractLikelihood) -> None:
        self.likelihood = likelihood

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.likelihood is other.likelihood

    def __hash__(self) -> int:
        return id(self.likelihood)


def once_per_likelihood(function: Callable[[AbstractLikelihood], Found]) -> Callable[[AbstractLikelihood], Found]:
    """The function, remembering its results for the likelihoods asked for last."""

    @functools.lru_cache(maxsize=_KEPT)
    def remembered(same: _Same) -> Found:
        return function(same.likelihood)

    @functools.wraps(function)
    def asked(likelihood: AbstractLikelihood) -> Found:
        return remembered(_Same(likelihood))

    return asked
