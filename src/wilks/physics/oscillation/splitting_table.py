"""Averages of sin^2 over lengths and energies as functions of the splitting alone, tabulated once and interpolated."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import solve_banded


class SplittingTable(eqx.Module):
    """<sin^2(kappa dm2 L/E)> of several outputs, an output being a mean over lengths and energies.

    A cubic spline in log10 of dm2 times a scale of each output, such as its mean length; quadratic in dm2 below the
    table and 1/2 above it. The two derivatives of a fit are continuous inside, and the cost of an evaluation does not
    depend on how many lengths and energies went into the mean.

    Args:
        start: first log10 of scaled splitting.
        step: step of it.
        scales: scale of each output.
        coefficients: of uniform cubic B-splines, one row per output.
    """

    start: Float[np.ndarray, ""]
    step: Float[np.ndarray, ""]
    scales: Float[np.ndarray, " outputs"]
    coefficients: Float[np.ndarray, "outputs knots"]

    @classmethod
    def of(
        cls,
        mean_sine2: Callable[[Float[np.ndarray, " points"]], Float[np.ndarray, "outputs points"]],
        scales: Float[np.ndarray, " outputs"],
        bounds: tuple[float, float],
        step: float,
    ) -> "SplittingTable":
        """Tabulate means.

        Args:
            mean_sine2: from scaled splittings, that is dm2 in eV^2 times the scale of each output, to the means.
            scales: scale of each output.
            bounds: first and last scaled splitting; the mean is quadratic below and 1/2 above.
            step: of log10 of the scaled splitting.
        """
        points = np.arange(np.log10(bounds[0]), np.log10(bounds[1]) + step, step)
        means = np.asarray(mean_sine2(10.0**points))
        return cls(np.array(points[0]), np.array(step), scales, _spline_coefficients(means))

    def __call__(self, splitting: Float[Array, " terms"]) -> Float[Array, "terms outputs"]:
        """Means at splittings in eV^2 of any sign."""
        floor = 10.0 ** jnp.asarray(self.start)
        scaled = jnp.abs(splitting)[:, None] * jnp.asarray(self.scales)[None]
        inside = jnp.maximum(scaled, floor)
        place = (jnp.log10(inside) - self.start) / self.step
        last = self.coefficients.shape[1] - 3
        knot = jnp.clip(jnp.floor(place).astype(int), 0, last - 1)
        t = place - knot
        weights = (
            (1.0 - t) ** 3 / 6.0,
            (3.0 * t**3 - 6.0 * t**2 + 4.0) / 6.0,
            (-3.0 * t**3 + 3.0 * t**2 + 3.0 * t + 1.0) / 6.0,
            t**3 / 6.0,
        )
        rows = jnp.arange(self.coefficients.shape[0])[None]
        table = jnp.asarray(self.coefficients)
        value = sum(w * table[rows, knot + k] for k, w in enumerate(weights))
        return jnp.where(place >= last, 0.5, value) * (jnp.minimum(scaled, floor) / floor) ** 2


def _spline_coefficients(values: Float[np.ndarray, "outputs points"]) -> Float[np.ndarray, "outputs knots"]:
    """Coefficients of the natural cubic spline through the points: (c_k-1 + 4 c_k + c_k+1)/6 = value."""
    bands = np.tile([[1 / 6], [4 / 6], [1 / 6]], values.shape[1])
    bands[1, [0, -1]] = 1.0  # no curvature at the ends: the coefficient is the value
    bands[0, 1] = bands[2, -2] = 0.0
    inner = solve_banded((1, 1), bands, values.T).T
    left, right = 2.0 * inner[:, :1] - inner[:, 1:2], 2.0 * inner[:, -1:] - inner[:, -2:-1]
    return np.concatenate([left, inner, right], axis=1)
