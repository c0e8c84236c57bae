"""Counts under stored templates, many sets at once, in plain numpy: nothing to compile.

Bins are the first axis of all arrays and lanes the last one, so that sums over bins add up whole rows of lanes: each
lane gives the same bits whatever its neighbours are, as long as there are two, and rows are contiguous.
"""

import functools
from typing import NamedTuple

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Bool, Float, Int

from wilks.model.linear import LinearTemplates

from .cells import EDGE
from .counts import PoissonCounts
from .interface import AbstractLikelihood
from .template_statistics import TemplateStatistics

_TINY = 1e-300  # stands for zero, by which nothing can be divided
_LONGEST_TABLE = 2**16  # counts whose constants are tabulated

Cells = Float[np.ndarray, "bins lanes"]
Lanes = Float[np.ndarray, " lanes"]
Points = Float[np.ndarray, "parameters lanes"]


class Counted(NamedTuple):
    """Sets of counts, one per lane.

    Args:
        counts: observed counts n.
        simulation: auxiliary datum u of the finite simulation; None without template statistics.
    """

    counts: Cells
    simulation: Cells | None

    def smallest(self) -> Lanes:
        """The smallest count other than zero, at most 1."""
        return np.where(self.counts > 0, self.counts, 1.0).min(axis=0, initial=1.0)

    def taken(self, where: Int[np.ndarray, " some"]) -> "Counted":
        """Some of the lanes."""
        simulation = None if self.simulation is None else self.simulation.take(where, axis=1)
        return Counted(self.counts.take(where, axis=1), simulation)


class Slopes(NamedTuple):
    """Derivatives of the excess.

    Args:
        gradient: first derivatives.
        curvature: second derivatives, the upper triangle row by row.
        mean: expected counts before the simulation is scaled, not below a tiny positive number.
    """

    gradient: Points
    curvature: Float[np.ndarray, "pairs lanes"]
    mean: Cells


class StoredTemplates(NamedTuple):
    """Expected counts mu = T x, with the scales of `wilks.likelihood.template_statistics` where all is simulated.

    With a = T x the simulated counts, d the relative error of their simulation and u its auxiliary datum, the best
    scale b of a bin is

        conway:  b = [u - a d^2 + sqrt((u - a d^2)^2 + 4 n d^2)] / 2,    db/da = -b^2 d^2 / (n d^2 + b^2),
        poisson: b = (n d^2 + u) / (a d^2 + 1),                          db/da = -b d^2 / (a d^2 + 1),

    and the profiled excess has the derivatives F' = b - n/a and F'' = n/a^2 + db/da; without statistics b = 1.

    Args:
        templates: T in bins where anything is expected at all.
        products: products of the columns of T, the upper triangle row by row.
        seen: these bins among all.
        model: ``"none"``, ``"conway"`` or ``"poisson"``.
        variance: d^2; zero in bins with exact simulation.
    """

    templates: Float[np.ndarray, "bins parameters"]
    products: Float[np.ndarray, "bins pairs"]
    seen: Bool[np.ndarray, " all_bins"]
    model: str
    variance: Float[np.ndarray, "bins 1"]

    @classmethod
    def of(cls, likelihood: AbstractLikelihood) -> "StoredTemplates | None":
        """The templates of a likelihood; None if it has none, or if its cost is more than theirs.

        That is so for other means than sums of templates, constraint terms, exact templates beside simulated ones, and
        errors of the simulation that follow the norms.
        """
        if not isinstance(likelihood, PoissonCounts) or not isinstance(likelihood.predictor, LinearTemplates):
            return None
        statistics, model = likelihood.statistics, likelihood.predictor
        if len(likelihood.constraints) or likelihood.statistics_follow_norms:
            return None
        if not isinstance(statistics, TemplateStatistics | None):
            return None
        if statistics is not None and not (model.variances > 0).any(axis=0).all():
            return None
        seen = (model.templates != 0).any(axis=1)
        templates = np.ascontiguousarray(model.templates[seen])
        pairs = np.triu_indices(templates.shape[1])
        error = np.zeros(len(seen)) if statistics is None else np.asarray(statistics.relative_error)
        return cls(
            templates,
            templates[:, pairs[0]] * templates[:, pairs[1]],
            seen,
            "none" if statistics is None else statistics.model,
            error[seen, None] ** 2,
        )

    def counted(
        self, counts: Float[np.ndarray, "lanes all_bins"], simulation: Float[np.ndarray, "lanes simulated"]
    ) -> Counted:
        """Sets of counts turned so that lanes come last."""
        every = self.seen.all()
        turned = np.ascontiguousarray(counts.T if every else counts.T[self.seen], dtype=float)
        if self.model == "none":
            return Counted(turned, None)
        auxiliary = np.ascontiguousarray(simulation.T if every else simulation.T[self.seen], dtype=float)
        exact = self.variance[:, 0] == 0
        if exact.any():
            auxiliary[exact] = 1.0
        return Counted(turned, auxiliary)

    def means(self, theta: Points) -> Cells:
        """Expected counts before the simulation is scaled."""
        return np.einsum("bp,pl->bl", self.templates, theta)

    @np.errstate(all="ignore")
    def slopes(self, theta: Points, given: Counted, *, expected: bool = False) -> Slopes:
        """Gradient and curvature of the excess, or the expected curvature, right where the means are positive."""
        mean = self.means(theta)
        np.maximum(mean, _TINY, out=mean)
        ratio, scale, root = given.counts / mean, 1.0, 1.0
        if given.simulation is not None:
            scale, root = self._scale(mean, given.counts, given.simulation)
        gradient = np.einsum("bp,bl->pl", self.templates, scale - ratio)
        bend = np.divide(1.0 / (1.0 + self.variance * mean) if expected else ratio, mean, out=ratio)
        if given.simulation is not None and not expected:
            bend -= scale / np.maximum(root, _TINY) * self.variance
        return Slopes(gradient, np.einsum("bk,bl->kl", self.products, bend), mean)

    @np.errstate(all="ignore")
    def excess(self, theta: Points, given: Counted) -> tuple[Lanes, Bool[np.ndarray, " lanes"]]:
        """-ln L above the saturated model, and in which lanes all means lie in the physical domain."""
        n, (fitted, _, penalty) = given.counts, self.fitted(theta, given)
        return _excess(n, fitted, _over(n, fitted), penalty)

    @np.errstate(all="ignore")
    def excess_and_gradient(self, theta: Points, given: Counted) -> tuple[Lanes, Points, Bool[np.ndarray, " lanes"]]:
        """`excess` with its gradient in the middle."""
        n, (fitted, scale, penalty) = given.counts, self.fitted(theta, given)
        relative = _over(n, fitted)
        slope = scale * np.where(n > 0, relative, -1.0)  # b (1 - n / fitted) = -b relative
        value, inside = _excess(n, fitted, relative, penalty)
        return value, -np.einsum("bp,bl->pl", self.templates, slope), inside

    @np.errstate(all="ignore")
    def pearson(self, theta: Points, given: Counted) -> Lanes:
        """Sum of (n - mu)^2 / mu; infinite where something is observed that cannot be."""
        n, (fitted, _, _) = given.counts, self.fitted(theta, given)
        each = (n - fitted) ** 2
        each /= fitted
        possible = fitted > 0
        if not possible.all():
            each = np.where(possible, each, np.where(n > 0, np.inf, 0.0))
        return each.sum(axis=0)

    def fitted(self, theta: Points, given: Counted) -> tuple[Cells, Cells | float, Cells | None]:
        """Expected counts with the simulation at its best scale, this scale, and what it costs."""
        mean, u = self.means(theta), given.simulation
        if u is None:
            return mean, 1.0, None
        scale, _ = self._scale(mean, given.counts, u)
        weight = np.divide(1.0, self.variance, out=np.zeros_like(self.variance), where=self.variance > 0)
        away = u - scale
        if self.model == "conway":
            return mean * scale, scale, 0.5 * weight * away**2
        return mean * scale, scale, weight * (u * np.log1p(away / scale) - away)

    @np.errstate(all="ignore")
    def saturated(self, given: Counted) -> Lanes:
        """Log density of the counts and of the simulation's auxiliary data, each at its own maximum."""
        found = _saturated(given.counts).sum(axis=0)
        known = self.variance[:, 0] > 0
        if given.simulation is None or not known.any():
            return found
        variance = self.variance[known]
        if self.model == "conway":
            return found - 0.5 * float(np.log(2 * np.pi * variance).sum())
        return found + _saturated(given.simulation[known] / variance).sum(axis=0)

    def _scale(self, a: Cells, n: Cells, u: Cells) -> tuple[Cells, Cells]:
        """The best scale b of each bin, and the r in its derivative db/da = -d^2 b/r."""
        d2 = self.variance
        if self.model == "poisson":
            room = a * d2 + 1.0
            return (n * d2 + u) / room, room
        room = u - a * d2
        root = room * room
        root += n * (4.0 * d2)
        np.sqrt(root, out=root)
        scale = room + root
        scale *= 0.5
        if room.min(initial=0.0) < 0:
            scale = np.where(room < 0, n * (2.0 * d2) / (root - room), scale)
        return scale, root


def _over(n: Cells, fitted: Cells) -> Cells:
    """n/mu - 1 in bins with counts, 0 in others."""
    return np.divide(n - fitted, fitted, out=np.zeros_like(fitted), where=n > 0)


def _excess(n: Cells, fitted: Cells, over: Cells, penalty: Cells | None) -> tuple[Lanes, Bool[np.ndarray, " lanes"]]:
    """Sum over bins of n ln(n/mu) - n + mu and of the penalties, and whether all means lie in the physical domain."""
    each = np.log1p(over)
    each *= n
    each -= n - fitted
    if penalty is not None:
        each += penalty
    inside = (fitted > EDGE * n) | ((fitted == 0) & (n == 0))
    return each.sum(axis=0), inside.all(axis=0)


def _saturated(n: np.ndarray) -> np.ndarray:
    """n ln n - n - ln Gamma(n + 1), from a table where all counts are whole and of moderate size."""
    places = n.astype(np.int64)
    if n.size and (places == n).all() and places.min() >= 0 and places.max() < _LONGEST_TABLE:
        return _table(1 << int(places.max()).bit_length())[places]
    return _saturated_at(n)


@functools.lru_cache(maxsize=4)
def _table(length: int) -> Float[np.ndarray, " counts"]:
    return _saturated_at(np.arange(length, dtype=float))


def _saturated_at(n: np.ndarray) -> np.ndarray:
    return scipy.special.xlogy(n, n) - n - scipy.special.gammaln(n + 1.0)
