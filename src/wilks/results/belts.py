"""Belts of one parameter: for each of its values, which outcomes are accepted."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption

from .numbers import number, percent
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Belt(AbstractResult):
    """Outcomes accepted at each value of a parameter; those values that accept the observed one are its interval.

    Args:
        name: the parameter.
        observable: what is observed.
        level: least probability of the accepted outcomes, in (0, 1).
        ordering: which outcomes are accepted first.
        values: values of the parameter, increasing.
        lower: smallest accepted outcome at each.
        upper: largest accepted outcome at each.
        discrete: whether outcomes are counts.
    """

    name: str
    observable: str
    level: float
    ordering: str
    values: Float[np.ndarray, " values"]
    lower: Float[np.ndarray, " values"]
    upper: Float[np.ndarray, " values"]
    discrete: bool

    def interval(self, outcome: float | int) -> tuple[float, float]:
        """Smallest and largest tabulated value that accepts an outcome.

        Raises:
            InvalidOption: if none does.
        """
        accepting = self.values[(self.lower <= outcome) & (outcome <= self.upper)]
        if not accepting.size:
            raise InvalidOption(f"no tabulated value of {self.name} accepts {self.observable} = {outcome}")
        return float(accepting[0]), float(accepting[-1])

    def summary(self) -> Summary:
        """Level, ordering, and the acceptance at some values."""
        chosen = np.unique(np.linspace(0, len(self.values) - 1, 11).astype(int))
        rows = tuple(
            (number(float(self.values[i]), 4), number(float(self.lower[i]), 4), number(float(self.upper[i]), 4))
            for i in chosen
        )
        sentences = (f"{percent(self.level)} belt, ordering {self.ordering}, {len(self.values)} values", self.how)
        columns = (self.name, f"{self.observable} from", "to")
        return Summary(f"Belt of {self.name}", sentences, columns, rows, tuple(self.flags.items()))
