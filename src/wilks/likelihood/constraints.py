"""Auxiliary measurements of single parameters: Gaussian and Poisson constraint terms."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.draws import normal_quantile, poisson_quantile
from wilks._base.errors import InvalidModel
from wilks._base.numerics import log_factorial
from wilks._base.typing import LogProb, Theta
from wilks.model.predictor import Auxiliary
from wilks.parameters.space import ParameterSpace

from . import cells
from .interface import Cells


class Constraints(eqx.Module):
    """Auxiliary measurements, Gaussian ones first; a measurement is data and is fluctuated in toys.

    Gaussian: observed ~ Normal(theta, sigma). Poisson: observed ~ Poisson(tau theta).
    """

    parameters: tuple[str, ...] = eqx.field(static=True)
    gaussians: int = eqx.field(static=True)
    indices: tuple[int, ...] = eqx.field(static=True)
    widths: Float[np.ndarray, " constraints"]
    observed: Float[np.ndarray, " constraints"]

    @classmethod
    def of(cls, terms: Sequence[Auxiliary], space: ParameterSpace) -> "Constraints":
        """Constraint terms on the parameters of a space.

        Raises:
            InvalidModel: for an unknown kind, a width that is not positive, or a parameter measured twice.
        """
        ordered = [t for t in terms if t.kind == "gaussian"] + [t for t in terms if t.kind == "poisson"]
        if len(ordered) != len(terms):
            wrong = next(t for t in terms if t.kind not in ("gaussian", "poisson"))
            raise InvalidModel(f"constraint of {wrong.parameter!r}: kind {wrong.kind!r} is not gaussian or poisson")
        names = [t.parameter for t in ordered]
        for term in ordered:
            if not (np.isfinite(term.width) and term.width > 0):
                raise InvalidModel(
                    f"constraint of {term.parameter!r}: width {term.width} must be positive and finite; "
                    "fix the parameter instead of constraining it with zero width"
                )
            if names.count(term.parameter) > 1:
                raise InvalidModel(f"parameter {term.parameter!r} has two constraints; merge them into one")
        return cls(
            tuple(names),
            sum(t.kind == "gaussian" for t in ordered),
            space.indices(names),
            np.array([t.width for t in ordered], dtype=float),
            np.array([t.observed for t in ordered], dtype=float),
        )

    def __len__(self) -> int:
        return len(self.parameters)

    def mean(self, theta: Theta) -> Float[Array, " constraints"]:
        """The constrained parameters."""
        return theta[np.array(self.indices, dtype=int)]

    def judge(self, mean: Float[Array, " constraints"], observed: Float[Array, " constraints"]) -> Cells:
        """Excess and derivatives in the parameters, one cell per term."""
        k = self.gaussians
        precision = jnp.asarray(1.0 / self.widths[:k] ** 2)
        pull = mean[:k] - observed[:k]
        gaussian = Cells(
            0.5 * precision * pull**2,
            (precision * pull)[None],
            precision[None, None],
            precision[None, None],
            jnp.isfinite(mean[:k]),
        )
        tau = jnp.asarray(self.widths[k:])
        counted = cells.poisson(tau * mean[k:], observed[k:])
        poisson = Cells(
            counted.excess,
            (tau * counted.slope[0])[None],
            (tau**2 * counted.expected[0, 0])[None, None],
            (tau**2 * counted.observed[0, 0])[None, None],
            counted.inside,
        )
        return jax.tree.map(lambda x, y: jnp.concatenate([x, y], axis=-1), gaussian, poisson)

    def saturated(self, observed: Float[Array, " constraints"]) -> LogProb:
        """Log density of the terms at their own maximum."""
        k = self.gaussians
        gaussian = -jnp.sum(jnp.log(self.widths[:k] * np.sqrt(2 * np.pi)))
        return gaussian + saturated_poisson(observed[k:])

    def draw(self, uniform: Float[Array, " constraints"], theta: Theta) -> Float[Array, " constraints"]:
        """Auxiliary data at the parameters, one uniform number each; Poisson terms give whole counts."""
        k = self.gaussians
        at = self.mean(theta)
        gaussian = at[:k] + self.widths[:k] * normal_quantile(uniform[:k])
        if k == len(self):  # a draw of nothing would still be compiled
            return gaussian
        return jnp.concatenate([gaussian, poisson_quantile(uniform[k:], jnp.asarray(self.widths[k:]) * at[k:])])

    def expected(self, theta: Theta) -> Float[Array, " constraints"]:
        """Auxiliary data equal to their expectation."""
        at = self.mean(theta)
        return jnp.concatenate([at[: self.gaussians], self.widths[self.gaussians :] * at[self.gaussians :]])

    def starts(self, observed: Float[np.ndarray, "*lanes constraints"]) -> Float[np.ndarray, "*lanes constraints"]:
        """Parameter values at which each term alone is best: where fits of constrained parameters start."""
        scale = np.ones(len(self))
        scale[self.gaussians :] = self.widths[self.gaussians :]
        return np.asarray(observed) / scale

    def prefit_errors(self) -> Float[np.ndarray, " constraints"]:
        """Error of each parameter from its term alone: sigma, or tau^-1/2."""
        errors = self.widths.copy()
        errors[self.gaussians :] = self.widths[self.gaussians :] ** -0.5
        return errors


def saturated_poisson(n: Float[Array, " cells"]) -> LogProb:
    """Log density of counts at mu = n (real-valued counts through the Gamma function)."""
    positive = n > 0
    safe = jnp.where(positive, n, 1.0)
    return jnp.sum(jnp.where(positive, safe * jnp.log(safe) - safe, 0.0) - log_factorial(n))
