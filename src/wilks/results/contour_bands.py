"""Contours that data of one truth would give: the median one and the bands of their scatter, on a plane."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from .numbers import number, percent
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ContourBands(AbstractResult):
    """How often the credible region of toys at one truth holds each point of a plane.

    The median contour is where half of the regions end; between shares of 16 and 84 % (2.5 and 97.5 %) lies the band
    that holds 68 % (95 %) of the contours at any place.

    Args:
        names: the two parameters.
        units: unit per parameter, empty for none.
        level: credibility of the regions.
        x: points of the first parameter.
        y: points of the second parameter.
        share: part of the toys whose region holds each point.
        truth: the two values at which the toys were made.
        toys: number of toys with a region.
        failed: toys without data.
    """

    names: tuple[str, str]
    units: tuple[str, str]
    level: float
    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    share: Float[np.ndarray, "columns rows"]
    truth: tuple[float, float]
    toys: int
    failed: int

    def bounds(self, name: str, share: float = 0.5) -> tuple[float, float] | None:
        """Smallest and largest value of one parameter that this share of the regions holds; None if there is none."""
        axis = self.names.index(name)
        held = (self.share >= share).any(axis=1 - axis)
        values = (self.x, self.y)[axis][held]
        return (float(values[0]), float(values[-1])) if held.any() else None

    def summary(self) -> Summary:
        """Extent of the median contour and of the wide band, per parameter."""
        rows = tuple(self._row(i) for i in range(2))
        sentences = (f"{self.toys} toys, {self.failed} failed", self.how)
        columns = ("parameter", "truth", "97.5 % of regions", "half of regions", "2.5 % of regions")
        title = f"Contours at {percent(self.level)} of {self.names[0]} and {self.names[1]}"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))

    def _row(self, i: int) -> tuple[str, ...]:
        ends = [self.bounds(self.names[i], share) for share in (0.975, 0.5, 0.025)]
        texts = ["-" if e is None else f"{number(e[0], 4)} to {number(e[1], 4)}" for e in ends]
        name = f"{self.names[i]} [{self.units[i]}]" if self.units[i] else self.names[i]
        return (name, number(self.truth[i], 4), *texts)
