"""Result of integrating a posterior over cells of a grid: exact masses, evidence, best cell."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from .numbers import fixed, number, with_unit
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class GridPosterior(AbstractResult):
    """Posterior mass of every cell of a grid over one to three parameters.

    Args:
        names: parameters of the axes.
        units: unit per parameter, empty for none.
        edges: increasing edges of the cells, per axis.
        centres: value inside each cell, per axis.
        mass: posterior probability of each cell; all add up to 1.
        prior_mass: prior probability of each cell.
        log_evidence: ln Z.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    edges: tuple[Float[np.ndarray, " _"], ...]
    centres: tuple[Float[np.ndarray, " _"], ...]
    mass: Float[np.ndarray, "*cells"]
    prior_mass: Float[np.ndarray, "*cells"]
    log_evidence: float

    @property
    def best(self) -> dict[str, float]:
        """Centre of the cell of largest posterior density per unit of prior."""
        with np.errstate(divide="ignore", invalid="ignore"):
            height = np.where(self.prior_mass > 0, self.mass / self.prior_mass, 0.0)
        place = np.unravel_index(int(np.argmax(height)), self.mass.shape)
        return {n: float(axis[i]) for n, axis, i in zip(self.names, self.centres, place, strict=True)}

    def marginal(self, name: str) -> Float[np.ndarray, " cells"]:
        """Posterior mass along one axis."""
        others = tuple(i for i, other in enumerate(self.names) if other != name)
        return np.asarray(self.mass.sum(axis=others))

    def mean(self, name: str) -> float:
        """Posterior mean of one parameter."""
        return float(np.sum(self.marginal(name) * self.centres[self.names.index(name)]))

    def std(self, name: str) -> float:
        """Posterior standard deviation of one parameter."""
        centres = self.centres[self.names.index(name)]
        return math.sqrt(float(np.sum(self.marginal(name) * (centres - self.mean(name)) ** 2)))

    def prior_area(self, level: float) -> float:
        """Share of the prior inside the region of highest posterior density per unit of prior that holds ``level``."""
        with np.errstate(divide="ignore", invalid="ignore"):
            height = np.where(self.prior_mass > 0, self.mass / self.prior_mass, 0.0).ravel()
        order = np.argsort(-height)
        inside = np.cumsum(self.mass.ravel()[order])
        last = int(np.searchsorted(inside, level))
        return float(np.sum(self.prior_mass.ravel()[order][: last + 1]))

    def summary(self) -> Summary:
        """Evidence, and one row per parameter."""
        best = self.best
        rows = tuple(
            (
                name,
                str(len(self.centres[i])),
                with_unit(number(best[name], 5), self.units[i]),
                number(self.mean(name), 5),
                number(self.std(name), 3),
            )
            for i, name in enumerate(self.names)
        )
        columns = ("parameter", "cells", "best", "mean", "sd")
        title = f"Posterior on a grid: ln Z = {fixed(self.log_evidence, 3)}"
        return Summary(title, (self.how,), columns, rows, tuple(self.flags.items()))
