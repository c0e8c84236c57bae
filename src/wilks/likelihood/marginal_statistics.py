"""Finite simulation averaged over: the density of a count when its mean is known from weighted events alone.

Per bin, m is the prediction and V the variance that its simulation leaves. The mean of the count has the density
Gamma(A, R) with A = m^2/V + 1 and R = m/V, which peaks at m, so that

    ln L = A ln R - (n + A) ln(1 + R) + ln Gamma(n + A) - ln Gamma(A) - ln Gamma(n + 1),

a negative binomial law with mean M = A/R = m + V/m and variance M (1 + V/m). Nothing is fitted, and nothing scaled.
The excess is taken above the Poisson density at mu = n, as it is without template statistics: that depends on the data
alone, is never exceeded by an average of Poisson densities, and makes the excess Poisson's where V = 0.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from wilks._base.typing import Key, LogProb, Values
from wilks.model.predictor import AbstractTemplatePredictor

from .cells import EDGE, poisson
from .finite_simulation import AbstractTemplateStatistics
from .interface import Cells

_RAISED = 9  # steps of the recurrence after which Stirling's series is right to rounding
_SMALLEST_SHARE = 1e-14  # V/m^2 below which the average differs from Poisson's density by less than rounding
_SMALLEST_MEAN = 1e-30  # below this, powers of m and V may leave the range of numbers

Bins = Float[Array, " cells"]
Terms = Float[Array, "terms cells"]


class MarginalStatistics(AbstractTemplateStatistics):
    """The average over the true mean of each bin, given its simulation; its error follows the norms.

    A count's density is normalised, with nothing profiled in it. Twice the excess follows no chi-square law.

    References:
        C. A. Arguelles, A. Schneider, T. Yuan, JHEP 06 (2019) 030, arXiv:1901.04645, eqs. 3.15 and 3.16.
    """

    model: Literal["marginal"] = eqx.field(static=True, default="marginal")
    errors: Literal["scaled"] = eqx.field(static=True, default="scaled")

    @property
    def scales(self) -> int:
        """None: nothing is scaled."""
        return 0

    def terms(self, predictor: AbstractTemplatePredictor, values: Values) -> Terms:
        """Prediction m and its variance V."""
        parts = predictor.parts(values)
        return jnp.stack([parts.exact + parts.simulated, parts.variance])

    def judge(self, terms: Terms, n: Bins, u: Float[Array, " scales"]) -> Cells:
        """Excess above Poisson's saturated model, with its derivatives in m and V.

        The expected second derivative is exact for the mean, and of leading order in 1/A for A, which is independent of
        it. Below m = 1e-6 n the excess is Poisson's, continued, so that a solver finds its way back.
        """
        plain, known = poisson(terms[0], n), _known(terms, n)
        m, v = jnp.where(known, terms[0], 1.0), jnp.where(known, terms[1], 1.0)
        slope, observed = _derivatives(m, v, n)
        beside = jnp.stack([plain.slope[0], _slope_at_zero(terms[0], n)])
        corner = jnp.array([[1.0, 0.0], [0.0, 0.0]])[..., None]
        return Cells(
            jnp.where(known, _excess(m, v, n), plain.excess),
            jnp.where(known[None], slope, beside),
            jnp.where(known[None, None], _information(m, v), corner * plain.expected),
            jnp.where(known[None, None], observed, corner * plain.observed),
            plain.inside,
        )

    def scale(self, terms: Terms, n: Bins, u: Float[Array, " scales"]) -> Float[Array, " scales"]:
        """Empty."""
        return u

    def mean(self, terms: Terms, scale: Float[Array, " scales"]) -> Bins:
        """Expected counts m + V/m."""
        known = _known(terms, jnp.zeros_like(terms[0]))
        return terms[0] + jnp.where(known, terms[1] / jnp.where(known, terms[0], 1.0), 0.0)

    def draw(
        self, uniform: Float[Array, " scales"], terms: Terms, scale: Float[Array, " scales"]
    ) -> Float[Array, " scales"]:
        """Empty."""
        return uniform

    def draw_means(self, key: Key, terms: Terms) -> Bins:
        """Means of the counts of one toy, from Gamma(A, R); m where simulation is exact."""
        known = _known(terms, jnp.zeros_like(terms[0]))
        m, v = jnp.where(known, terms[0], 1.0), jnp.where(known, terms[1], 1.0)
        return jnp.where(known, jax.random.gamma(key, m**2 / v + 1.0) * v / m, terms[0])

    def saturated(self, u: Float[Array, " scales"]) -> LogProb:
        """Zero: there are no auxiliary data."""
        return jnp.zeros(())


def _known(terms: Terms, n: Bins) -> Bool[Array, " cells"]:
    """Where the formulas apply: a prediction with an error, not far below the count."""
    m, v = terms
    return (m > EDGE * n) & (m > _SMALLEST_MEAN) & (v > _SMALLEST_SHARE * m**2)


def _excess(m: Bins, v: Bins, n: Bins) -> Bins:
    """n ln n - n - ln Gamma(n + 1) - ln L, with the large terms cancelled by hand."""
    a = m**2 / v + 1.0
    x = a + _RAISED
    stirling = _series(x + n) - _series(x)
    recurrence = jnp.sum(jnp.log1p(n[None] / _steps(a)), axis=0)
    peak = (m**2 + v * (1.0 + _RAISED + n)) / (m + v)  # (x + n)/(1 + R), near m
    counted = n > 0
    apart = jnp.where(counted, n * jnp.log(jnp.where(counted, n, 1.0) / peak), 0.0)
    return apart + a * jnp.log1p(v / m) - (x - 0.5) * jnp.log1p(n / x) - stirling + recurrence


def _derivatives(m: Bins, v: Bins, n: Bins) -> tuple[Float[Array, "2 cells"], Float[Array, "2 2 cells"]]:
    """First and second derivatives of -ln L in (m, V), by those in A and R."""
    a, r = m**2 / v + 1.0, m / v
    first, second = _gamma_differences(a, n)
    l_a, l_r = first - jnp.log1p(v / m), (a - n * r) / (r * (1 + r))
    l_aa, l_ar = second, 1 / (r * (1 + r))
    l_rr = (n - a * (1 + 2 * r) / r**2) / (1 + r) ** 2
    a_m, a_v, r_m, r_v = 2 * r, -(r**2), 1 / v, -r / v
    slope = jnp.stack([l_a * a_m + l_r * r_m, l_a * a_v + l_r * r_v])
    bend_mm = l_aa * a_m**2 + 2 * l_ar * a_m * r_m + l_rr * r_m**2 + 2 * l_a / v
    bend_mv = l_aa * a_m * a_v + l_ar * (a_m * r_v + a_v * r_m) + l_rr * r_m * r_v - (2 * r * l_a + l_r / v) / v
    bend_vv = l_aa * a_v**2 + 2 * l_ar * a_v * r_v + l_rr * r_v**2 + 2 * r * (r * l_a + l_r / v) / v
    return -slope, -jnp.stack([jnp.stack([bend_mm, bend_mv]), jnp.stack([bend_mv, bend_vv])])


def _slope_at_zero(m: Bins, n: Bins) -> Bins:
    """Derivative of the excess in V at V = 0: of the second order in what opens the variance there."""
    usable = (m > EDGE * n) & (m > _SMALLEST_MEAN)
    safe = jnp.where(usable, m, 1.0)
    return jnp.where(usable, (n - 2.0 * (n - m) - (n - m) ** 2) / (2.0 * safe**2), 0.0)


def _information(m: Bins, v: Bins) -> Float[Array, "2 2 cells"]:
    """g g^T/variance + k k^T I_A with g the gradient of the mean, k that of A, and I_A = M^2 / (2 A^2 (A + M)^2)."""
    a, r = m**2 / v + 1.0, m / v
    mean = m + v / m
    width, share = jnp.sqrt(mean * (1.0 + v / m)), mean / (a * (a + mean) * jnp.sqrt(2.0))
    g = jnp.stack([(1.0 - v / m**2) / width, 1.0 / (m * width)])
    k = jnp.stack([2.0 * r * share, -(r**2) * share])
    return g[:, None] * g[None] + k[:, None] * k[None]


def _gamma_differences(a: Bins, n: Bins) -> tuple[Bins, Bins]:
    """psi(A + n) - psi(A) and psi'(A + n) - psi'(A), right for small and for large A.

    References:
        NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov/, eqs. 5.5.2 and 5.11.2.
    """
    x, low = a + _RAISED, _steps(a)
    y, high, each = x + n, low + n[None], n[None]
    below, above = _series_derivatives(x), _series_derivatives(y)
    first = jnp.log1p(n / x) + 0.5 * n / (x * y) + (above[0] - below[0]) + jnp.sum(each / (low * high), axis=0)
    of_sum = jnp.sum(each * (low + high) / (low * high) ** 2, axis=0)
    second = -n / (x * y) - 0.5 * n * (x + y) / (x * y) ** 2 + (above[1] - below[1]) - of_sum
    return first, second


def _steps(a: Bins) -> Float[Array, "steps cells"]:
    """A, A + 1, ... below the raised argument."""
    return a[None] + jnp.arange(float(_RAISED))[:, None]


def _series(x: Bins) -> Bins:
    """Stirling's series of ln Gamma beyond (x - 1/2) ln x - x + ln(2 pi)/2, by DLMF 5.11.1."""
    r = 1.0 / (x * x)
    return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / x


def _series_derivatives(x: Bins) -> tuple[Bins, Bins]:
    """First and second derivatives of `_series`."""
    r = 1.0 / (x * x)
    first = -r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * 691 / 32760)))))
    second = (1 / 6 - r * (1 / 30 - r * (1 / 42 - r * (1 / 30 - r * (5 / 66 - r * 691 / 2730))))) * r / x
    return first, second
