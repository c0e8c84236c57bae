"""Counts under stored templates or variations of them around one point, in plain numpy: nothing to compile."""

from typing import NamedTuple

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Bool, Float

from wilks.model.ensembles import LinearEnsemble
from wilks.model.linear import LinearTemplates

from .cells import EDGE
from .counts import PoissonCounts
from .ensemble_counts import EnsembleCounts

Matrix = Float[np.ndarray, "parameters parameters"]


class Surroundings(NamedTuple):
    """The excess around one point.

    Args:
        value: -ln L above the saturated model.
        gradient: its first derivatives.
        hessian: its second derivatives.
        convex: average curvature of the variations, posterior shares held: never negative, never below the Hessian.
        cells: excess per bin where there is a single variation, or the best one counts.
        shares: part of the likelihood that each variation carries; None where the best one counts.
    """

    value: float
    gradient: Float[np.ndarray, " parameters"]
    hessian: Matrix
    convex: Matrix
    cells: Float[np.ndarray, " bins"] | None = None
    shares: Float[np.ndarray, " variations"] | None = None


class StoredVariations(NamedTuple):
    """Expectations of all variations, mu_s = M_s x + c_s, laid out for products of matrices.

    Args:
        matrices: M.
        rows: M with variations and bins in one axis.
        columns: its transpose.
        constants: c.
        shares: share of each variation before the data; None if the best one counts.
        seen: bins in which anything is expected at all; the others are left out of the arrays.
        ones: one for each bin that is seen: a product with it is a faster sum.
    """

    matrices: Float[np.ndarray, "variations bins parameters"]
    rows: Float[np.ndarray, "cells parameters"]
    columns: Float[np.ndarray, "parameters cells"]
    constants: Float[np.ndarray, "variations bins"]
    shares: Float[np.ndarray, " variations"] | None
    seen: Bool[np.ndarray, " all_bins"]
    ones: Float[np.ndarray, " bins"]

    @classmethod
    def of(cls, likelihood: EnsembleCounts | PoissonCounts) -> "StoredVariations | None":
        """The variations of a likelihood; None if they are not stored, not linear, or not all that it judges."""
        model = likelihood.predictor
        if isinstance(likelihood, PoissonCounts):
            alone = likelihood.statistics is None and not len(likelihood.constraints)
            if not alone or not isinstance(model, LinearTemplates):
                return None
            return cls._laid_out(model.templates[None], np.zeros((1, len(model.templates))), None)
        if not isinstance(model, LinearEnsemble):
            return None
        matrices = np.zeros((len(model.weights), model.outputs, len(model.space)))
        matrices[:, :, model.columns] = model.matrices
        marginal = likelihood.systematics == "marginal"
        return cls._laid_out(matrices, model.constants, model.weights / model.weights.sum() if marginal else None)

    @classmethod
    def _laid_out(cls, matrices: np.ndarray, constants: np.ndarray, shares: np.ndarray | None) -> "StoredVariations":
        constants = np.broadcast_to(constants, matrices.shape[:2])
        seen = (matrices != 0).any(axis=(0, 2)) | (constants != 0).any(axis=0)
        matrices = np.ascontiguousarray(matrices[:, seen])
        rows = matrices.reshape(-1, matrices.shape[2])
        columns = np.ascontiguousarray(rows.T)
        return cls(matrices, rows, columns, constants[:, seen], shares, seen, np.ones(int(seen.sum())))

    def around(
        self, theta: Float[np.ndarray, " parameters"], counts: Float[np.ndarray, " all_bins"]
    ) -> Surroundings | None:
        """The excess with its derivatives; None where an expectation is so small that its cost is continued.

        With p_s the posterior share of variation s, g_s its gradient and H_s its curvature:
        G = sum p_s g_s and H = sum p_s H_s - sum p_s g_s g_s^T + G G^T.
        """
        counts = counts if len(counts) == self.matrices.shape[1] else counts[self.seen]
        mean = (self.rows @ theta).reshape(self.constants.shape) + self.constants
        if not mean.min() > max(EDGE * counts.max(), 0.0):
            return None
        over = counts - mean
        relative = over / mean
        logs = np.log1p(relative if counts.min() > 0 else np.where(counts > 0, relative, 0.0))
        each = logs @ counts - over @ self.ones  # E = n ln(n/mu) - n + mu
        if self.shares is None:
            best = int(each.argmin())
            cells = np.zeros(len(self.seen))
            cells[self.seen] = counts * logs[best] - over[best]
            return self._of_best(best, float(each[best]), relative[best], mean[best], cells)
        lowest = each.min()
        share = self.shares * np.exp(lowest - each)
        total = share.sum()
        if not total > 0:
            return None
        share /= total
        slopes = (relative[:, None, :] @ self.matrices)[:, 0]
        gradient = -(share @ slopes)
        weight = share[:, None] * (relative + 1.0) / mean
        convex = (self.columns * weight.ravel()) @ self.rows
        spread = (slopes.T * share) @ slopes - np.multiply.outer(gradient, gradient)
        return Surroundings(float(lowest - np.log(total)), gradient, convex - spread, convex, shares=share)

    def _of_best(
        self, best: int, value: float, relative: np.ndarray, mean: np.ndarray, cells: np.ndarray
    ) -> Surroundings:
        matrix = self.matrices[best]
        curvature = (matrix.T * ((relative + 1.0) / mean)) @ matrix
        return Surroundings(value, -(relative @ matrix), curvature, curvature, cells)


def saturated_counts(counts: Float[np.ndarray, " bins"]) -> float:
    """Log density of counts at mu = n."""
    positive = counts[counts > 0]
    return float(np.sum(positive * np.log(positive) - positive) - scipy.special.gammaln(counts + 1.0).sum())
