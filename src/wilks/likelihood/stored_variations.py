"""Counts under stored variations around one point: the formulas of `EnsembleCounts` in numpy, nothing to compile."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wilks.model.ensembles import LinearEnsemble

from .cells import EDGE
from .ensemble_counts import EnsembleCounts

Matrix = Float[np.ndarray, "parameters parameters"]


class Surroundings(NamedTuple):
    """The excess around one point.

    Args:
        value: -ln L above the saturated model.
        gradient: its first derivatives.
        hessian: its second derivatives.
        convex: average curvature of the variations, posterior shares held: never negative, never below the Hessian.
    """

    value: float
    gradient: Float[np.ndarray, " parameters"]
    hessian: Matrix
    convex: Matrix


class StoredVariations(NamedTuple):
    """Expectations of all variations, mu_s = M_s x + c_s, laid out for products of matrices.

    Args:
        matrices: M.
        rows: M with variations and bins in one axis.
        columns: its transpose.
        constants: c.
        shares: share of each variation before the data; None if the best one counts.
    """

    matrices: Float[np.ndarray, "variations bins parameters"]
    rows: Float[np.ndarray, "cells parameters"]
    columns: Float[np.ndarray, "parameters cells"]
    constants: Float[np.ndarray, "variations bins"]
    shares: Float[np.ndarray, " variations"] | None

    @classmethod
    def of(cls, likelihood: EnsembleCounts) -> "StoredVariations | None":
        """The variations of a likelihood; None if they are not stored, or not linear."""
        ensemble = likelihood.predictor
        if not isinstance(ensemble, LinearEnsemble):
            return None
        size, parameters = len(ensemble.weights), len(ensemble.space)
        matrices = np.zeros((size, ensemble.outputs, parameters))
        matrices[:, :, ensemble.columns] = ensemble.matrices
        rows = matrices.reshape(-1, parameters)
        constants = np.broadcast_to(ensemble.constants, (size, ensemble.outputs))
        marginal = likelihood.systematics == "marginal"
        shares = ensemble.weights / ensemble.weights.sum() if marginal else None
        return cls(matrices, rows, np.ascontiguousarray(rows.T), constants, shares)

    def around(
        self, theta: Float[np.ndarray, " parameters"], counts: Float[np.ndarray, " bins"]
    ) -> Surroundings | None:
        """The excess with its derivatives; None where an expectation is so small that its cost is continued.

        With p_s the posterior share of variation s, g_s its gradient and H_s its curvature:
        G = sum p_s g_s and H = sum p_s H_s - sum p_s g_s g_s^T + G G^T.
        """
        mean = (self.rows @ theta).reshape(self.constants.shape) + self.constants
        if not mean.min() > max(EDGE * counts.max(), 0.0):
            return None
        over = counts - mean
        relative = over / mean
        logs = np.log1p(relative if counts.min() > 0 else np.where(counts > 0, relative, 0.0))
        each = logs @ counts - over.sum(axis=1)  # E = n ln(n/mu) - n + mu
        if self.shares is None:
            return self._of_best(int(each.argmin()), each, relative, mean)
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
        return Surroundings(float(lowest - np.log(total)), gradient, convex - spread, convex)

    def _of_best(self, best: int, each: np.ndarray, relative: np.ndarray, mean: np.ndarray) -> Surroundings:
        matrix = self.matrices[best]
        curvature = (matrix.T * ((relative[best] + 1.0) / mean[best])) @ matrix
        return Surroundings(float(each[best]), -(relative[best] @ matrix), curvature, curvature)
