"""The distinct minima that many starts have found, with how often each was hit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int, Int8

from .numbers import fixed, number, percent
from .result import AbstractResult
from .status import Status
from .text import Summary

_SHOWN_PARAMETERS = 8
_SHOWN_MINIMA = 12


@final
@dataclass(frozen=True)
class Minimum:
    """One minimum.

    Args:
        values: by name.
        nll: -ln L there.
        excess: nll above the saturated model.
        hits: number of starts that led to it.
        status: how its best fit ended.
    """

    values: dict[str, float]
    nll: float
    excess: float
    hits: int
    status: Status


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Minima(AbstractResult):
    """Distinct minima, the lowest first: ``len``, iteration and ``minima[0]`` give them one by one.

    Args:
        names: parameters in order.
        theta: values of each minimum.
        nll: -ln L of each.
        excess: nll above the saturated model (-ln L itself where there is none).
        hits: number of starts that led to each.
        status: code of the `Status` of each.
        starts: number of starts.
        outcomes: status in words -> number of starts that ended so.
        unseen: estimate of the share of starts that would lead to minima not seen yet: minima hit once over starts.

    References:
        I. J. Good, Biometrika 40 (1953) 237, eq. 9 (the share that is unseen).
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, "minima parameters"]
    nll: Float[np.ndarray, " minima"]
    excess: Float[np.ndarray, " minima"]
    hits: Int[np.ndarray, " minima"]
    status: Int8[np.ndarray, " minima"]
    starts: int
    outcomes: dict[str, int]
    unseen: float

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, index: int) -> Minimum:
        return Minimum(
            self.values(index),
            float(self.nll[index]),
            float(self.excess[index]),
            int(self.hits[index]),
            Status.from_code(int(self.status[index])),
        )

    def __iter__(self) -> Iterator[Minimum]:
        return (self[i] for i in range(len(self)))

    def values(self, index: int = 0) -> dict[str, float]:
        """Values of one minimum by name; by default of the lowest."""
        return dict(zip(self.names, self.theta[index].tolist(), strict=True))

    def summary(self) -> Summary:
        """How the starts ended, and one row for each of the lowest minima."""
        shown = self.names[:_SHOWN_PARAMETERS]
        columns = ("minimum", "2 excess", "above lowest", "hits", *shown, "status")
        rows = tuple(self._row(i, len(shown)) for i in range(min(len(self), _SHOWN_MINIMA)))
        left = len(self.names) - len(shown)
        ends = ", ".join(f"{count} {word}" for word, count in self.outcomes.items())
        sentences = (
            f"starts by outcome: {ends}",
            f"share of starts that would lead to minima not seen yet: about {percent(self.unseen)}",
            f"{left} more parameters stand in .theta" if left else "",
            self._higher(),
            self.how,
        )
        title = f"{len(self)} distinct {'minimum' if len(self) == 1 else 'minima'} from {self.starts} starts"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))

    def _higher(self) -> str:
        """What is known of the minima that the table leaves out."""
        left = len(self) - _SHOWN_MINIMA
        if left <= 0:
            return ""
        above, hits = 2.0 * float(self.nll[_SHOWN_MINIMA] - self.nll[0]), int(self.hits[_SHOWN_MINIMA:].sum())
        unbound = int((self.status[_SHOWN_MINIMA:] == Status.NOT_PD.code).sum())
        return (
            f"the {_SHOWN_MINIMA} lowest are shown; {left} more are {number(above, 4)} or more above, met by "
            f"{hits} start{'s' if hits > 1 else ''}; {unbound} of them have no positive definite curvature"
        )

    def _row(self, i: int, shown: int) -> tuple[str, ...]:
        return (
            str(i),
            fixed(2.0 * float(self.excess[i])),
            fixed(2.0 * float(self.nll[i] - self.nll[0])),
            str(int(self.hits[i])),
            *(number(float(x)) for x in self.theta[i, :shown]),
            Status.from_code(int(self.status[i])).word,
        )
