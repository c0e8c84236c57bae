"""Finite simulation: one scale per bin for the simulated part, profiled in closed form so that it costs no parameter.

What to use when:

==========  ==============  ===================================================================================
``model``   ``errors``      meaning
==========  ==============  ===================================================================================
conway      nominal         Barlow-Beeston-lite, HistFactory's Gaussian staterror
conway      scaled          the same with an error that follows the fitted mixture (arXiv:1103.0354)
poisson     nominal         HistFactory's shapesys: a Poisson count of tau = 1/delta^2 simulated events
poisson     scaled          effective simulated events at the fitted mixture (arXiv:2206.12346)
==========  ==============  ===================================================================================

Per bin, with c the exactly known part, a the simulated part, n the observed count and u the auxiliary datum (1 in data,
fluctuated in toys),

    f(a, c, beta) = P(a beta + c; n) + w h(beta, u),      F(a, c) = min over beta of f,

P the Poisson excess, w = 1/delta^2 (nominal) or a^2/V (scaled), h = (beta - u)^2/2 (conway) or
beta - u + u ln(u/beta) (poisson). Derivatives of F follow from those of f at the minimum: F_x = f_x (envelope theorem)
and F_xy = f_xy - f_xb f_yb / f_bb (Schur complement).
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.draws import normal_quantile, poisson_quantile
from wilks._base.errors import check_option
from wilks._base.typing import LogProb, Values
from wilks.model.predictor import AbstractTemplatePredictor

from .cells import poisson
from .constraints import saturated_poisson
from .finite_simulation import AbstractTemplateStatistics
from .interface import Cells

MODELS = ("conway", "poisson")
ERRORS = ("nominal", "scaled")

Bins = Float[Array, " cells"]


class TemplateStatistics(AbstractTemplateStatistics):
    """One scale per bin for all of its simulated content.

    Args:
        model: distribution of the auxiliary datum, ``"conway"`` (Gaussian) or ``"poisson"``.
        errors: ``"nominal"`` keeps the relative error of the nominal prediction, ``"scaled"`` lets it follow the
            norms.
        relative_error: delta per bin at the nominal parameters; 0 where simulation is exact.
    """

    model: str = eqx.field(static=True)
    errors: str = eqx.field(static=True)
    relative_error: Float[Array | np.ndarray, " cells"]

    def __check_init__(self) -> None:
        check_option("template statistics", self.model, MODELS)
        check_option("template errors", self.errors, ERRORS)

    @property
    def scales(self) -> int:
        """One per bin."""
        return len(self.relative_error)

    def terms(self, predictor: AbstractTemplatePredictor, values: Values) -> Float[Array, "terms cells"]:
        """Means per bin that ``judge`` takes: (c, a), and V where errors follow the norms."""
        parts = predictor.parts(values)
        chosen = (parts.exact, parts.simulated)
        return jnp.stack(chosen if self.errors == "nominal" else (*chosen, parts.variance))

    def mean(self, terms: Float[Array, "terms cells"], scale: Bins) -> Bins:
        """Expected counts c + a beta."""
        return terms[0] + terms[1] * scale

    def draw(self, uniform: Bins, terms: Float[Array, "terms cells"], scale: Bins) -> Bins:
        """Auxiliary data of the scales; 1 where simulation is exact."""
        known, weight = jnp.asarray(self.relative_error) > 0, self._weights(terms)[2]
        if self.model == "conway":
            drawn = scale + normal_quantile(uniform) / jnp.sqrt(weight)
        else:
            drawn = poisson_quantile(uniform, weight * scale) / weight
        return jnp.where(known, drawn, 1.0)

    def saturated(self, u: Bins) -> LogProb:
        """Log density of the auxiliary data at its own maximum, at the nominal errors."""
        known = self.relative_error > 0
        delta = jnp.where(known, self.relative_error, 1.0)
        if self.model == "conway":
            return -jnp.sum(jnp.where(known, jnp.log(delta * np.sqrt(2 * np.pi)), 0.0))
        return saturated_poisson(jnp.where(known, u / delta**2, 0.0))

    def scale(self, terms: Float[Array, "terms cells"], n: Bins, u: Bins) -> Bins:
        """Best scale beta >= 0 of the simulated part per bin."""
        c, a, w, _ = self._weights(terms)
        return jnp.where(a > 0, self._root(a, c, w, n, u), u)

    def judge(self, terms: Float[Array, "terms cells"], n: Bins, u: Bins) -> Cells:
        """Profiled excess F with its derivatives in (c, a[, V])."""
        c, a, w, w_slopes = self._weights(terms)
        movable = a > 0
        beta = jnp.where(movable, self._root(a, c, w, n, u), u)
        v = a * beta + c
        counts = poisson(v, n)
        r, q = counts.slope[0], counts.observed[0, 0]
        h, h_b, h_bb = self._penalty(beta, u)
        observed = _schur(_second_derivatives(a, beta, r, q, w, w_slopes, h, h_b, h_bb), movable & (beta > 0))
        at_expectation = self._penalty(beta, beta)  # data equal to their expectation: n = v, u = beta
        zero = jnp.zeros_like(r)
        expected = _schur(
            _second_derivatives(a, beta, zero, counts.expected[0, 0], w, w_slopes, zero, zero, at_expectation[2]),
            movable & (beta > 0),
        )
        slope = [r, beta * r]
        if w_slopes is not None:
            w_a, w_v = w_slopes[:2]
            slope = [slope[0], slope[1] + w_a * h, w_v * h]
        return Cells(counts.excess + w * h, jnp.stack(slope), expected, observed, counts.inside)

    def _weights(self, terms):
        """(c, a, w, derivatives of w in a and V); bins without simulation error have all content in c."""
        known = self.relative_error > 0
        c = jnp.where(known, terms[0], terms[0] + terms[1])
        a = jnp.where(known, terms[1], 0.0)
        if self.errors == "nominal":
            return c, a, 1.0 / jnp.where(known, self.relative_error, 1.0) ** 2, None
        usable = known & (terms[2] > 0)
        c, a = jnp.where(usable, c, terms[0] + terms[1]), jnp.where(usable, a, 0.0)
        variance = jnp.where(usable, terms[2], 1.0)
        w = jnp.where(usable, a**2 / variance, 1.0)
        slopes = (2 * a / variance, -w / variance, 2 / variance, -2 * a / variance**2, 2 * w / variance**2)
        return c, a, w, tuple(jnp.where(usable, s, 0.0) for s in slopes)

    def _penalty(self, beta: Bins, u: Bins) -> tuple[Bins, Bins, Bins]:
        """h(beta, u) with its first and second derivative in beta."""
        if self.model == "conway":
            return 0.5 * (beta - u) ** 2, beta - u, jnp.ones_like(beta)
        positive = beta > 0
        safe, over = jnp.where(positive, beta, 1.0), jnp.where(positive, u - beta, 0.0)
        value = jnp.where(positive, u * jnp.log1p(over / safe) - over, -u)
        return value, 1 - u / safe, u / safe**2

    def _root(self, a: Bins, c: Bins, w: Bins, n: Bins, u: Bins) -> Bins:
        """Larger root of the quadratic that df/dbeta = 0 becomes, not below 0."""
        a = jnp.where(a > 0, a, 1.0)
        if self.model == "conway":
            quadratic, linear, constant = a * w, a * a + w * c - w * u * a, a * c - a * n - w * u * c
        else:
            quadratic, linear, constant = a * a + w * a, a * (c - n) + w * c - w * u * a, -w * u * c
        root = jnp.sqrt(jnp.maximum(linear**2 - 4 * quadratic * constant, 0.0))
        stable = jnp.where(
            linear > 0, -2 * constant / jnp.where(linear > 0, linear + root, 1.0), (root - linear) / (2 * quadratic)
        )
        return jnp.maximum(stable, 0.0)


def _second_derivatives(a, beta, r, q, w, w_slopes, h, h_b, h_bb):
    """Second derivatives of f in (c, a[, V]) and beta: (block, mixed, f_bb)."""
    block = [[q, q * beta], [q * beta, q * beta**2]]
    mixed = [q * a, r + q * a * beta]
    if w_slopes is not None:
        w_a, w_v, w_aa, w_av, w_vv = w_slopes
        zero = jnp.zeros_like(q)
        block = [
            [block[0][0], block[0][1], zero],
            [block[1][0], block[1][1] + w_aa * h, w_av * h],
            [zero, w_av * h, w_vv * h],
        ]
        mixed = [mixed[0], mixed[1] + w_a * h_b, w_v * h_b]
    return block, mixed, q * a**2 + w * h_bb


def _schur(derivatives, movable: Array) -> Float[Array, "terms terms cells"]:
    """F_xy = f_xy - f_xb f_yb / f_bb where beta moves, f_xy where it does not."""
    block, mixed, f_bb = derivatives
    inverse = jnp.where(movable & (f_bb > 0), 1.0 / jnp.where(f_bb > 0, f_bb, 1.0), 0.0)
    size = range(len(block))
    return jnp.stack([jnp.stack([block[i][j] - mixed[i] * mixed[j] * inverse for j in size]) for i in size])
