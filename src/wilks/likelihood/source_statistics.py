"""Finite simulation with one scale per source and bin, profiled by one root per bin.

With y_s the content of a source, a_s its effective number of simulated events (sumw^2/sumw2) times its auxiliary datum
u_s (1 in data, Poisson(a_s)/a_s in toys), p_s = y_s/a_s the data events per simulated one, and c what is known exactly,

    f = P(c + sum_s p_s A_s; n) + sum_s [A_s - a_s + a_s ln(a_s/A_s)],     P the Poisson excess,

is least at A_s = a_s/(1 + p_s t) with t = 1 - n/mu. In mu that is mu = C + sum_s k_s/(mu - e_s), with
e_s = n p_s/(1 + p_s), k_s = a_s e_s^2/n and C = c + sum_s p_s a_s/(1 + p_s). The difference of both sides is concave
and increasing right of all e_s, so Newton's method climbs to the root from any point left of it; the roots with one k_s
alone are such points. Where the source with the largest p_s has no event there may be no root: then mu = e_s,
t = -1/p_s, and that source has the events that are missing. With b_s = A_s/a_s(nominal),

    F = c t + sum_s a_s ln(1 + p_s t) + n ln(1 - t),     dF/dc = t,     dF/dy_s = t b_s.
"""

from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.draws import poisson_quantile
from wilks._base.errors import InvalidModel
from wilks._base.typing import LogProb, Values
from wilks.model.predictor import AbstractSourcePredictor, AbstractTemplatePredictor

from .cells import EDGE, poisson
from .constraints import saturated_poisson
from .finite_simulation import AbstractTemplateStatistics
from .interface import Cells

_STEPS = 20  # of Newton; up to a hundred sources whose weights span fourteen orders of magnitude have needed eight
_LEAST_WEIGHT = -0.999  # p beyond which the excess is not continued to negative norms

Bins = Float[Array, " cells"]
Sources = Float[Array, "sources cells"]
Terms = Float[Array, "terms cells"]


class SourceStatistics(AbstractTemplateStatistics):
    """One scale per source and bin; the error follows the norms.

    Args:
        events: effective number of simulated events, 0 where a source is exact or empty.

    References:
        R. Barlow and C. Beeston, Comput. Phys. Commun. 77 (1993) 219.
    """

    events: Float[np.ndarray, "sources cells"]
    model: Literal["full"] = eqx.field(static=True, default="full")
    errors: Literal["scaled"] = eqx.field(static=True, default="scaled")

    @property
    def scales(self) -> int:
        """One per source and bin, source after source."""
        return self.events.size

    def terms(self, predictor: AbstractTemplatePredictor, values: Values) -> Terms:
        """Exact content, then that of each source."""
        if not isinstance(predictor, AbstractSourcePredictor):
            raise InvalidModel(f"{type(predictor).__name__} does not tell its sources apart")
        parts = predictor.sources(values)
        return jnp.concatenate([parts.exact[None], parts.simulated])

    def judge(self, terms: Terms, n: Bins, u: Float[Array, " scales"]) -> Cells:
        """Profiled excess with its derivatives in c and y_s."""
        best = self._profiled(terms, n, u)
        total = jnp.sum(terms, axis=0)
        plain, usable = poisson(total, n), total > EDGE * n
        sides = jnp.concatenate([jnp.ones_like(total)[None], best.b])
        excess = best.c * best.t + jnp.sum(best.a * jnp.log(best.factor), axis=0)
        excess = excess + jnp.where(n > 0, n * jnp.log(jnp.where(n > 0, 1.0 - best.t, 1.0)), 0.0)
        weight = 1.0 / (jnp.maximum(best.mu, 1e-3) + jnp.sum(best.p * best.b * terms[1:], axis=0))
        inside = plain.inside & (best.mu >= 0) & jnp.all(self._weights(terms) >= _LEAST_WEIGHT, axis=0)
        return Cells(
            jnp.where(usable, excess, plain.excess),
            jnp.where(usable[None], best.t[None] * sides, plain.slope),
            jnp.where(usable[None, None], weight[None, None] * sides[:, None] * sides[None], plain.expected),
            jnp.where(usable[None, None], self._observed(best, n, u), plain.observed),
            inside,
        )

    def _observed(self, best: "_Best", n: Bins, u: Float[Array, " scales"]) -> Float[Array, "terms terms cells"]:
        """Second derivatives: dt by each term times d(t b)/dt, and what t b changes with p at fixed t."""
        mu, t, p, empty = best.mu, best.t, best.p, best.empty
        per, exact = _inverse(jnp.asarray(self.events)), jnp.zeros_like(mu)[None]
        rest = jnp.sum(p**2 * best.a / best.factor**2, axis=0)
        steep = n / _positive(mu) ** 2  # dt/dmu
        bends = jnp.where(empty, 0.0, u.reshape(p.shape) / best.factor**2)  # d(t b)/dt
        bends = jnp.concatenate([exact + 1.0, bends])
        moved = jnp.where(jnp.any(empty, axis=0), 0.0, steep / (1.0 + steep * rest))
        one = jnp.where(empty, p, 1.0)
        turned = jnp.concatenate([exact, jnp.where(empty, per / one**2, 0.0)])  # dt by the empty source: t = -1/p
        bound = (2 * best.missing / one**3 - (mu**2 / _positive(n) + rest)[None] / one**4) * per**2
        free = -(t[None] ** 2) * bends[1:] * per
        diagonal = jnp.concatenate([exact, jnp.where(empty, bound, free)])
        mixed = bends[:, None] * turned[None]
        both = moved[None, None] * bends[:, None] * bends[None] + mixed + jnp.swapaxes(mixed, 0, 1)
        return both + jnp.eye(len(bends))[..., None] * diagonal[None]

    def scale(self, terms: Terms, n: Bins, u: Float[Array, " scales"]) -> Float[Array, " scales"]:
        """Best scales A_s/a_s."""
        return self._profiled(terms, n, u).b.ravel()

    def mean(self, terms: Terms, scale: Float[Array, " scales"]) -> Bins:
        """Expected counts c + sum of y_s times its scale."""
        return terms[0] + jnp.sum(terms[1:] * scale.reshape(self.events.shape), axis=0)

    def draw(
        self, uniform: Float[Array, " scales"], terms: Terms, scale: Float[Array, " scales"]
    ) -> Float[Array, " scales"]:
        """Poisson counts of simulated events, by their nominal number."""
        events = jnp.asarray(self.events).ravel()
        return jnp.where(events > 0, poisson_quantile(uniform, events * scale) / _positive(events), 1.0)

    def saturated(self, u: Float[Array, " scales"]) -> LogProb:
        """Log density of the simulated events at their own maximum."""
        return saturated_poisson(jnp.asarray(self.events).ravel() * u)

    def _weights(self, terms: Terms) -> Sources:
        return terms[1:] * _inverse(jnp.asarray(self.events))

    def _profiled(self, terms: Terms, n: Bins, u: Float[Array, " scales"]) -> "_Best":
        """Everything at the best scales."""
        each = u.reshape(self.events.shape)
        c, p, a = terms[0], jnp.maximum(self._weights(terms), _LEAST_WEIGHT), jnp.asarray(self.events) * each
        mu, t, empty = _root(c, p, a, n)
        factor = jnp.where(empty, 1.0, 1.0 + p * t[None])
        missing = jnp.where(empty, (mu - c - jnp.sum(p * a / factor, axis=0))[None], 0.0)
        filled = missing / jnp.where(empty, p, 1.0) * _inverse(jnp.asarray(self.events))
        return _Best(c, p, a, mu, t, empty, factor, missing, jnp.where(empty, filled, each / factor))


class _Best(NamedTuple):
    """A bin's best scales and what goes with them, in the terms of the file's head.

    Args:
        c: exact content.
        p: data events per simulated one.
        a: simulated events.
        mu: expected counts.
        t: 1 - n/mu, or -1/p of a source at its bound.
        empty: which source stands at its bound, without events that it should have.
        factor: 1 + p t; 1 for a source at its bound.
        missing: what the others leave of mu to a source at its bound.
        b: best events over the nominal number of simulated ones.
    """

    c: Bins
    p: Sources
    a: Sources
    mu: Bins
    t: Bins
    empty: Bool[Array, "sources cells"]
    factor: Sources
    missing: Sources
    b: Sources


def _root(c: Bins, p: Sources, a: Sources, n: Bins) -> tuple[Bins, Bins, Bool[Array, "sources cells"]]:
    """mu, t with its first derivatives, and which source stands at its bound."""
    c0, p0, a0, n0 = (jax.lax.stop_gradient(x) for x in (c, p, a, n))
    pole, total = n0[None] * p0 / (1 + p0), c0 + jnp.sum(p0 * a0 / (1 + p0), axis=0)
    k = n0[None] * a0 * (p0 / (1 + p0)) ** 2
    start = jnp.max(0.5 * (total[None] + pole) + jnp.sqrt(0.25 * (total[None] - pole) ** 2 + k), axis=0)

    def climb(_: Any, mu: Bins) -> Bins:
        away = jnp.where(k > 0, mu[None] - pole, 1.0)
        value = mu - total - jnp.sum(k / away, axis=0)
        return jnp.maximum(mu - value / (1.0 + jnp.sum(k / away**2, axis=0)), start)

    mu = jax.lax.fori_loop(0, _STEPS, climb, start)
    t0 = jnp.where(n0 > 0, 1.0 - n0 / _positive(mu), 1.0)
    first = jnp.arange(len(p0))[:, None] == jnp.argmax(p0, axis=0)[None]
    short = mu - total - jnp.sum(jnp.where(k > 0, k / jnp.where(k > 0, mu[None] - pole, 1.0), 0.0), axis=0)
    empty = first & (a0 == 0) & (p0 > 0) & ((short > 1e-12 * mu) & (n0 > 0))[None] & (mu[None] <= pole * (1 + 1e-14))
    safe = jnp.where(empty, 1.0, 1.0 + p * t0[None])
    bow = jnp.sum(p0**2 * a0 / safe**2, axis=0) + n0 / _positive(1.0 - t0) ** 2
    gradient = c + jnp.sum(p * a / safe, axis=0) - jnp.where(n > 0, mu, 0.0)
    free = jnp.where(
        n0 > 0, t0 + (gradient - jax.lax.stop_gradient(gradient)) / jax.lax.stop_gradient(_positive(bow)), 1.0
    )
    bound = -jnp.sum(jnp.where(empty, 1.0 / jnp.where(empty, p, 1.0), 0.0), axis=0)
    return mu, jnp.where(jnp.any(empty, axis=0), bound, free), empty


def _inverse(x: Array) -> Array:
    return jnp.where(x > 0, 1.0 / jnp.where(x > 0, x, 1.0), 0.0)


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1.0)
