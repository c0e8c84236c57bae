"""Result of integrating a posterior over cells of a grid: exact masses, evidence, regions of highest density."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidOption, UnknownName, near_names

from .numbers import fixed, number, percent, with_unit
from .result import AbstractResult
from .text import Summary

_SHOWN = (0.6827, 0.9, 0.9545)


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class GridPosterior(AbstractResult):
    """Posterior mass of every cell of a grid over one to three parameters, all others integrated out or held.

    Heights are densities per unit of prior probability: they do not depend on the scale of a parameter, and are the
    likelihood up to a constant.

    Args:
        names: parameters of the axes.
        units: unit per parameter, empty for none.
        edges: increasing edges of the cells, per axis.
        centres: value inside each cell at which the likelihood was taken, per axis.
        mass: posterior probability of each cell; all add up to 1.
        prior_mass: prior probability of each cell.
        log_evidence: ln Z.
        log_null: ln L without signal; NaN where that is not among the hypotheses.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    edges: tuple[Float[np.ndarray, " _"], ...]
    centres: tuple[Float[np.ndarray, " _"], ...]
    mass: Float[np.ndarray, "*cells"]
    prior_mass: Float[np.ndarray, "*cells"]
    log_evidence: float
    log_null: float = math.nan

    @property
    def density(self) -> Float[np.ndarray, "*cells"]:
        """Posterior over prior probability of each cell, 0 outside the prior."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.prior_mass > 0, self.mass / self.prior_mass, 0.0)

    @property
    def log_likelihood(self) -> Float[np.ndarray, "*cells"]:
        """ln L of each cell; -inf where it is too small for a double, or outside the prior."""
        with np.errstate(divide="ignore"):
            return np.log(self.density) + self.log_evidence

    @property
    def log_bayes_factor(self) -> float:
        """ln of the evidence over the likelihood without signal."""
        return self.log_evidence - self.log_null

    @property
    def best(self) -> dict[str, float]:
        """Centre of the cell of largest posterior density per unit of prior, as a start of fits."""
        place = np.unravel_index(int(np.argmax(self.density)), self.mass.shape)
        return {n: float(axis[i]) for n, axis, i in zip(self.names, self.centres, place, strict=True)}

    def threshold(self, level: float) -> float:
        """Density above which cells hold a probability, in (0, 1).

        Raises:
            InvalidOption: for a level outside (0, 1).
        """
        if not 0.0 < level < 1.0:
            raise InvalidOption(f"level {level} lies outside (0, 1); give a probability such as 0.6827")
        heights = self.density.ravel()
        order = np.argsort(-heights)
        inside = np.cumsum(self.mass.ravel()[order])
        return float(heights[order[min(int(np.searchsorted(inside, level)), len(order) - 1)]])

    def highest(self, level: float) -> Bool[np.ndarray, "*cells"]:
        """Cells of the region of highest density that holds a probability."""
        return self.density >= self.threshold(level)

    def prior_area(self, level: float) -> float:
        """Share of the prior inside the region of highest density that holds a probability."""
        return float(np.sum(self.prior_mass[self.highest(level)]))

    def marginal(self, name: str) -> Float[np.ndarray, " cells"]:
        """Posterior mass along one axis.

        Raises:
            UnknownName: for a parameter that has no axis.
        """
        axis = self._axis(name)
        return np.asarray(self.mass.sum(axis=tuple(i for i in range(len(self.names)) if i != axis)))

    def mean(self, name: str) -> float:
        """Posterior mean of one parameter."""
        return float(np.sum(self.marginal(name) * self.centres[self._axis(name)]))

    def std(self, name: str) -> float:
        """Posterior standard deviation of one parameter."""
        offsets = self.centres[self._axis(name)] - self.mean(name)
        return math.sqrt(float(np.sum(self.marginal(name) * offsets**2)))

    def summary(self) -> Summary:
        """Evidence, Bayes factor, size of the regions, and one row per parameter."""
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
        factor = f"Bayes factor against no signal exp({fixed(self.log_bayes_factor, 2)})"
        areas = ", ".join(f"{percent(p)} in {percent(self.prior_area(p))} of the prior" for p in _SHOWN)
        sentences = (factor if math.isfinite(self.log_null) else "", areas, self.how)
        columns = ("parameter", "cells", "best", "mean", "sd")
        title = f"Posterior on a grid: ln Z = {fixed(self.log_evidence, 3)}"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))

    def _axis(self, name: str) -> int:
        if name not in self.names:
            raise UnknownName(f"no parameter {name!r} on this grid; {near_names(name, self.names)}")
        return self.names.index(name)
