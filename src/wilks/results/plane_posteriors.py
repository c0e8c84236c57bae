"""Posterior of two parameters on the nodes of a plane, with its evidence."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidOption, UnknownName, near_names

from .numbers import fixed, number, percent
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class PlanePosterior(AbstractResult):
    """Posterior of two parameters, normalised on a plane, all others integrated out.

    Args:
        names: the two parameters.
        x: nodes of the first parameter.
        y: nodes of the second parameter.
        density: posterior density per unit of the logarithm of positive axes, of the value of others.
        weights: area of each node in the same coordinates; density times weights adds up to 1.
        log_likelihood: ln L at each node, other parameters integrated out.
        log_prior: logarithm of the prior density per unit of both parameters.
        log_evidence: ln of the integral of L over the prior.
        log_null: ln L without signal; NaN where that is not among the hypotheses.
    """

    names: tuple[str, str]
    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    density: Float[np.ndarray, "columns rows"]
    weights: Float[np.ndarray, "columns rows"]
    log_likelihood: Float[np.ndarray, "columns rows"]
    log_prior: Float[np.ndarray, "columns rows"]
    log_evidence: float
    log_null: float

    @property
    def log_bayes_factor(self) -> float:
        """ln of the evidence of the signal over that of its absence."""
        return self.log_evidence - self.log_null

    @property
    def map(self) -> dict[str, float]:
        """Node of largest density, as a start of fits."""
        i, k = np.unravel_index(int(np.argmax(self.density)), self.density.shape)
        return {self.names[0]: float(self.x[i]), self.names[1]: float(self.y[k])}

    def threshold(self, level: float) -> float:
        """Density above which the posterior holds a probability, in (0, 1).

        Raises:
            InvalidOption: for a level outside (0, 1).
        """
        if not 0.0 < level < 1.0:
            raise InvalidOption(f"level {level} lies outside (0, 1); give a probability such as 0.6827")
        heights, masses = self.density.ravel(), (self.density * self.weights).ravel()
        order = np.argsort(-heights)
        return float(heights[order[int(np.searchsorted(np.cumsum(masses[order]), level))]])

    def highest(self, level: float) -> Bool[np.ndarray, "columns rows"]:
        """Nodes of the region of highest density that holds a probability."""
        return self.density >= self.threshold(level)

    def marginal(self, name: str) -> Float[np.ndarray, " nodes"]:
        """Probability at each node of one parameter, the other summed over.

        Raises:
            UnknownName: for a parameter that is not of this plane.
        """
        if name not in self.names:
            raise UnknownName(f"no parameter {name!r}; {near_names(name, self.names)}")
        return np.sum(self.density * self.weights, axis=1 - self.names.index(name))

    def mean(self, name: str) -> float:
        """Posterior mean of one parameter."""
        axis = (self.x, self.y)[self.names.index(name)] if name in self.names else self.x
        return float(np.sum(self.marginal(name) * axis))

    def summary(self) -> Summary:
        """Evidence, Bayes factor, and where the probability lies."""
        factor = f", Bayes factor against no signal exp({fixed(self.log_bayes_factor, 2)})"
        best = self.map
        rows = tuple((n, number(best[n], 4), number(self.mean(n), 4)) for n in self.names)
        sentences = (
            f"ln Z = {fixed(self.log_evidence, 3)}" + (factor if np.isfinite(self.log_null) else ""),
            ", ".join(f"{percent(p)} in {int(self.highest(p).sum())}" for p in (0.6827, 0.9, 0.9545))
            + f" of {self.density.size} nodes",
            self.how,
        )
        columns = ("parameter", "highest density", "mean")
        return Summary(f"Posterior of {' and '.join(self.names)}", sentences, columns, rows, tuple(self.flags.items()))
