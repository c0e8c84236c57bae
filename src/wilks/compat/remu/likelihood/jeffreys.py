"""A prior that does not depend on how the parameters are chosen."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidParameter


class JeffreysPrior:
    """ln sqrt(det F) of the Fisher information of the expected counts, for one response matrix or several.

    F_ab = sum_i (d mu_i / d a) (d mu_i / d b) / mu_i, bins without expectation left out.

    Args:
        response_matrix: one matrix (reco, truth), or an array of them.
        translation_function: from arrays of parameter vectors to arrays of events in truth bins.
        parameter_limits: (lower, upper) of each parameter, None where there is none.
        default_values: sensible values.
        dx: steps of the central differences, 1e-3 by default.
        total_truth_limit: largest sum of true events that is allowed.

    References:
        H. Jeffreys, Proc. R. Soc. Lond. A 186 (1946) 453.
    """

    def __init__(
        self,
        response_matrix: Any,
        translation_function: Callable[[Any], Any],
        parameter_limits: Sequence[Any],
        default_values: Any,
        dx: Any = None,
        total_truth_limit: Any = None,
    ) -> None:
        matrices = np.asarray(response_matrix, dtype=float)
        self.response_matrix = matrices.reshape(-1, *matrices.shape[-2:])
        self.translate = translation_function
        self.lower_limits = np.array([-np.inf if low is None else low for low, _ in parameter_limits], dtype=float)
        self.upper_limits = np.array([np.inf if high is None else high for _, high in parameter_limits], dtype=float)
        self.default_values = np.array(default_values, dtype=float)
        self.dx = np.broadcast_to(1e-3 if dx is None else np.asarray(dx, dtype=float), self.lower_limits.shape)
        self.total_truth_limit = np.inf if total_truth_limit is None else float(total_truth_limit)
        if self.default_values.shape != self.lower_limits.shape:
            raise InvalidParameter(f"{self.default_values.size} default values and {self.lower_limits.size} limits")

    def fisher_matrix(self, parameters: Any, toy_index: int = 0) -> Float[np.ndarray, "parameters parameters"]:
        """Fisher information at a vector.

        Args:
            parameters: the vector.
            toy_index: number of the response matrix.
        """
        at, steps = np.asarray(parameters, dtype=float), np.diag(self.dx)
        points = np.concatenate([at[None], at + steps, at - steps])
        mean = np.asarray(self.translate(points), dtype=float) @ self.response_matrix[toy_index].T
        size = len(at)
        slopes = (mean[1 : size + 1] - mean[size + 1 :]) / (2.0 * self.dx)[:, None]
        weighted = np.divide(slopes, mean[0], out=np.zeros_like(slopes), where=mean[0] > 0)
        return weighted @ slopes.T

    def __call__(self, value: Any, toy_index: int = 0) -> float:
        """Logarithm of the prior; -inf outside the limits, or where a parameter has no effect."""
        at = np.asarray(value, dtype=float)
        if (at < self.lower_limits).any() or (at > self.upper_limits).any():
            return -np.inf
        if float(np.sum(self.translate(at))) > self.total_truth_limit:
            return -np.inf
        sign, log_det = np.linalg.slogdet(self.fisher_matrix(at, toy_index))
        return float(0.5 * log_det) if sign > 0 else -np.inf
