"""Likelihoods of measured values with Gaussian, correlated, two-sided or long-tailed errors.

What to use when:

===========================================  ==========================================================================
``GaussianResiduals(..., errors=...)``       independent measurements
``GaussianResiduals(..., covariance=...)``   correlated ones
``GaussianResiduals(..., errors=(m, p))``    measurements quoted as value -m +p
``GaussianResiduals(..., loss="soft_l1")``   a few measurements may lie far off: tails fall as exp(-|z|)
`VaryingResiduals`                           the covariance depends on the parameters
===========================================  ==========================================================================
"""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.draws import normal_quantile, uniforms
from wilks._base.errors import InvalidData, InvalidModel, check_option
from wilks._base.normals import lower_product, standard_normals
from wilks._base.typing import Key, LogProb, Values
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from .interface import AbstractCellLikelihood, AbstractLikelihood, AbstractSimulator, Cells

Measured = Float[Array | np.ndarray, "*lanes values"]
"""Measured values."""

Errors = Float[np.ndarray, " values"] | tuple[Float[np.ndarray, " values"], Float[np.ndarray, " values"]]

_LOG_TWO_PI = float(np.log(2 * np.pi))
_LONGEST_RESIDUAL = 40.0  # exp(-40) is nothing: end of the tabulated soft_l1 distribution


class GaussianResiduals(AbstractCellLikelihood[Measured], AbstractSimulator[Measured]):
    """Measured values y around predicted means m: residuals z of unit width.

    Independent errors: z = (m - y)/sigma, or (m - y)/plus where the prediction lies above the measured value and
    (m - y)/minus below, as a result quoted y -minus +plus is meant. Correlated errors: z = L^-1 (m - y) with the
    covariance C = L L^T. excess = sum z^2/2, or sum [sqrt(1 + z^2) - 1] with ``loss="soft_l1"``; both are normalised
    densities of y.

    Args:
        predictor: predicted means as a vector.
        errors: standard deviations, or a pair (minus, plus).
        covariance: instead of errors, a symmetric positive definite matrix.
        loss: ``"gaussian"`` or ``"soft_l1"``.

    Raises:
        InvalidModel: if errors or covariance do not fit the prediction, or are not positive.

    >>> from wilks.model.linear import LinearTemplates
    >>> likelihood = GaussianResiduals(LinearTemplates.of({"x": [1.0, 2.0]}), errors=np.array([0.5, 1.0]))
    >>> float(likelihood.excess({"x": 1.0}, likelihood.prepare([2.0, 2.0])))
    2.0
    """

    space: ParameterSpace
    predictor: AbstractPredictor[Float[Array, " values"]]
    minus: Float[np.ndarray, " values"]  # ones for correlated errors
    plus: Float[np.ndarray, " values"]
    factor: Float[np.ndarray, "values values"] | None  # L
    whiten: Float[np.ndarray, "values values"] | None  # L^-1
    loss: str = eqx.field(static=True)

    def __init__(
        self,
        predictor: AbstractPredictor[Float[Array, " values"]],
        *,
        errors: Errors | None = None,
        covariance: Float[np.ndarray, "values values"] | None = None,
        loss: str = "gaussian",
    ) -> None:
        check_option("loss", loss, ("gaussian", "soft_l1"))
        if (errors is None) == (covariance is None):
            raise InvalidModel("give either errors or a covariance")
        self.space, self.predictor, self.loss = predictor.space, predictor, loss
        (*shape,) = jax.eval_shape(lambda at: predictor(predictor.space.unpack(at)), predictor.space.starts).shape
        if len(shape) != 1:
            raise InvalidModel(f"the predictor gives shape {tuple(shape)}; expected a vector")
        if covariance is not None:
            self.factor = _factor(np.asarray(covariance, dtype=float), *shape)
            self.whiten = np.linalg.inv(self.factor)
            self.minus = self.plus = np.ones(shape)
            return
        minus, plus = errors if isinstance(errors, tuple) else (errors, errors)
        self.factor = self.whiten = None
        self.minus, self.plus = _checked_errors(minus, *shape), _checked_errors(plus, *shape)

    def mean(self, values: Values) -> Float[Array, "terms cells"]:
        """Predicted means, whitened where errors are correlated."""
        return self._turned(self.predictor(values))[None]

    def judge(self, mean: Float[Array, "terms cells"], data: Measured) -> Cells:
        """Half the squared residuals (or their soft form) and derivatives."""
        pull = mean[0] - self._turned(jnp.asarray(data))
        precision = jnp.where(pull > 0, jnp.asarray(self.plus), jnp.asarray(self.minus)) ** -1.0
        z = pull * precision
        if self.loss == "gaussian":
            excess, slope, curve, information = 0.5 * z**2, z, jnp.ones_like(z), 1.0
        else:
            root = jnp.sqrt(1.0 + z**2)
            excess, slope, curve, information = z**2 / (1.0 + root), z / root, root**-3.0, _soft_information()
        expected = information * precision**2
        return Cells(
            excess, (slope * precision)[None], expected[None, None], (curve * precision**2)[None, None], jnp.isfinite(z)
        )

    def saturated(self, data: Measured) -> LogProb:
        """Log density at a prediction equal to the measurement."""
        log_width = jnp.sum(jnp.log(0.5 * (jnp.asarray(self.minus) + jnp.asarray(self.plus))))
        if self.whiten is not None:  # lower triangular: the inverse of a Cholesky factor
            log_width = -jnp.sum(jnp.log(jnp.diagonal(jnp.asarray(self.whiten))))
        each = 0.5 * _LOG_TWO_PI if self.loss == "gaussian" else np.log(_soft_norm())
        return jnp.asarray(-log_width - each * len(self.minus))

    @property
    def covariance(self) -> Float[np.ndarray, "values values"]:
        """Covariance of the measured values; two-sided errors count with their mean."""
        if self.factor is None:
            return np.diag((0.5 * (self.minus + self.plus)) ** 2)
        return self.factor @ self.factor.T

    def prepare(self, data: Any) -> Measured:
        """Measured values, checked.

        Raises:
            InvalidData: if they are not one finite number per predicted mean.
        """
        return _checked_values(data, len(self.minus))

    def simulate(self, key: Key, values: Values) -> Measured:
        """Values drawn around the prediction."""
        predicted = self.predictor(values)
        if self.factor is not None:
            n = len(self.minus)
            deviates = standard_normals(key, n) if self.loss == "gaussian" else self._deviate(uniforms(key, n))
            return predicted + lower_product(self.factor, deviates)
        uniform = uniforms(key, len(self.minus))
        share = jnp.asarray(self.plus / (self.minus + self.plus))  # of predictions above the measured value
        above = uniform < share
        inner = jnp.where(above, uniform / share, (uniform - share) / (1.0 - share))
        size = jnp.abs(self._deviate(0.5 + 0.5 * inner))
        return predicted - jnp.where(above, size * self.plus, -size * self.minus)

    def expected(self, values: Values) -> Measured:
        """Values equal to the prediction."""
        return self.predictor(values)

    def _turned(self, vector: Float[Array, " values"]) -> Float[Array, " values"]:
        return vector if self.whiten is None else jnp.asarray(self.whiten) @ vector

    def _deviate(self, uniform: Float[Array, " values"]) -> Float[Array, " values"]:
        if self.loss == "gaussian":
            return normal_quantile(uniform)
        points, cumulative = _soft_distribution()
        return jnp.interp(uniform, jnp.asarray(cumulative), jnp.asarray(points))


class VaryingResiduals(AbstractLikelihood[Measured], AbstractSimulator[Measured]):
    """Measured values with a covariance that depends on the parameters; its determinant is kept in the density.

    Args:
        predictor: predicted means as a vector.
        covariance: from named values to a symmetric positive definite matrix, written with ``jax.numpy``.
    """

    space: ParameterSpace
    predictor: AbstractPredictor[Float[Array, " values"]]
    covariance: Callable[[Values], Float[Array, "values values"]] = eqx.field(static=True)

    def __init__(
        self,
        predictor: AbstractPredictor[Float[Array, " values"]],
        covariance: Callable[[Values], Float[Array, "values values"]],
    ) -> None:
        self.space, self.predictor, self.covariance = predictor.space, predictor, covariance

    def log_prob(self, values: Values, data: Measured) -> LogProb:
        """-z^T z/2 - ln det(2 pi C)/2; -inf where C is not positive definite."""
        factor = jnp.linalg.cholesky(self.covariance(values))
        z = jax.scipy.linalg.solve_triangular(factor, self.predictor(values) - jnp.asarray(data), lower=True)
        log_prob = -0.5 * jnp.sum(z**2) - jnp.sum(jnp.log(jnp.diagonal(factor))) - 0.5 * _LOG_TWO_PI * z.shape[0]
        return jnp.where(jnp.isfinite(log_prob), log_prob, -jnp.inf)

    def simulate(self, key: Key, values: Values) -> Measured:
        """Values drawn around the prediction."""
        predicted = self.predictor(values)
        factor = jnp.linalg.cholesky(self.covariance(values))
        return predicted + lower_product(factor, standard_normals(key, predicted.shape[0]))

    def expected(self, values: Values) -> Measured:
        """Values equal to the prediction."""
        return self.predictor(values)


def _factor(covariance: np.ndarray, size: int) -> Float[np.ndarray, "values values"]:
    if covariance.shape != (size, size):
        raise InvalidModel(f"covariance of shape {covariance.shape} for a prediction of {size} values")
    if not np.allclose(covariance, covariance.T, rtol=1e-10, atol=0.0):
        raise InvalidModel("the covariance is not symmetric; take (C + C^T)/2 if its halves differ by rounding")
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        known = np.linalg.eigvalsh(covariance)
        rank = int(np.sum(np.abs(known) > size * np.finfo(float).eps * np.abs(known).max()))
        raise InvalidModel(
            f"the covariance is not positive definite: its lowest eigenvalue is {known[0]:g}, its rank {rank} of {size}"
        ) from error


def _checked_errors(errors: Any, size: int) -> Float[np.ndarray, " values"]:
    array = np.asarray(errors, dtype=float)
    if array.shape != (size,) or not (np.isfinite(array) & (array > 0)).all():
        raise InvalidModel(f"errors {array.tolist()}; expected {size} positive finite numbers")
    return array


def _checked_values(data: Any, size: int) -> Float[np.ndarray, " values"]:
    array = np.asarray(data, dtype=float)
    if array.shape != (size,):
        raise InvalidData(f"measured values of shape {array.shape}; expected ({size},), one per predicted mean")
    if not np.isfinite(array).all():
        where = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InvalidData(f"measured value {array[where]} at position {where} is not finite")
    return array


def _soft_density(z: float | np.ndarray) -> Any:
    return np.exp(1.0 - np.sqrt(1.0 + np.asarray(z) ** 2))


@functools.cache
def _soft_norm() -> float:
    """Integral of exp(1 - sqrt(1 + z^2)): the hyperbolic distribution, 2 e K_1(1)."""
    return _soft_integral(0.0)


@functools.cache
def _soft_information() -> float:
    """Expectation of the second derivative, (1 + z^2)^(-3/2)."""
    return _soft_integral(-3.0) / _soft_norm()


def _soft_integral(power: float) -> float:
    """Integral of exp(1 - s) s^power with s = sqrt(1 + z^2) = cosh t, by the trapezoidal rule in t.

    The rule converges exponentially for functions that vanish so fast at both ends.
    """
    t, step = np.linspace(-6.0, 6.0, 481, retstep=True)
    return float(np.sum(np.exp(1.0 - np.cosh(t)) * np.cosh(t) ** (power + 1)) * step)


@functools.cache
def _soft_distribution() -> tuple[np.ndarray, np.ndarray]:
    points = np.sinh(np.linspace(-1, 1, 4001) * np.arcsinh(_LONGEST_RESIDUAL))
    middles, widths = 0.5 * (points[1:] + points[:-1]), np.diff(points)
    mass = widths * (_soft_density(points[1:]) + 4 * _soft_density(middles) + _soft_density(points[:-1])) / 6
    cumulative = np.concatenate([[0.0], np.cumsum(mass)])
    return points, cumulative / cumulative[-1]
