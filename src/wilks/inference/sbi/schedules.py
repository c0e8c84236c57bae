"""Noise schedules of score matching: how z becomes m z + s eps along the noise time tau from 0 (data) to 1 (noise)."""

import abc
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float32

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

Time = Float32[Array, "*rows"]


class AbstractSchedule(eqx.Module):
    """One way to add noise; all functions take times in any shape and return single precision."""

    @abc.abstractmethod
    def mean(self, tau: Time) -> Time:
        """m(tau), by which the data shrink."""

    @abc.abstractmethod
    def spread(self, tau: Time) -> Time:
        """s(tau), the standard deviation of the noise."""

    @abc.abstractmethod
    def drift(self, tau: Time) -> Time:
        """f(tau)/z of dz = f dtau + g dW."""

    @abc.abstractmethod
    def diffusion(self, tau: Time) -> Time:
        """g(tau)^2."""

    @abc.abstractmethod
    def time_at(self, u: Time) -> Time:
        """Time below which a share u of the training times lies."""

    @abc.abstractmethod
    def grid(self, steps: int) -> Float32[Array, " times"]:
        """Times from noise to data, one more than there are steps."""


class VarianceExploding(AbstractSchedule):
    """m = 1, s = s_min (s_max/s_min)^tau (arXiv:2011.13456, eq. 9)."""

    s_min: float = eqx.field(static=True, default=1e-4)
    s_max: float = eqx.field(static=True, default=10.0)
    first: float = eqx.field(static=True, default=1e-3)

    def mean(self, tau: Time) -> Time:
        """One."""
        return jnp.ones_like(tau)

    def spread(self, tau: Time) -> Time:
        """s_min (s_max/s_min)^tau."""
        return np.float32(self.s_min) * jnp.exp(np.float32(self._log_ratio) * tau)

    def drift(self, tau: Time) -> Time:
        """Zero."""
        return jnp.zeros_like(tau)

    def diffusion(self, tau: Time) -> Time:
        """2 s^2 ln(s_max/s_min)."""
        return np.float32(2.0 * self._log_ratio) * self.spread(tau) ** 2

    def time_at(self, u: Time) -> Time:
        """Uniform times."""
        return np.float32(self.first) + np.float32(1.0 - self.first) * u

    def grid(self, steps: int) -> Float32[Array, " times"]:
        """Even steps of tau, which are even steps of ln s."""
        return jnp.linspace(1.0, self.first, steps + 1, dtype=jnp.float32)

    @property
    def _log_ratio(self) -> float:
        return math.log(self.s_max / self.s_min)


class VariancePreserving(AbstractSchedule):
    """m = exp(-B/2) with B = b0 tau + (b1-b0) tau^2/2, s = sqrt(1 - m^2), or 1 - m^2 where ``below`` (same paper)."""

    below: bool = eqx.field(static=True, default=False)
    b0: float = eqx.field(static=True, default=0.01)
    b1: float = eqx.field(static=True, default=10.0)
    first: float = eqx.field(static=True, default=1e-3)

    def mean(self, tau: Time) -> Time:
        """exp(-B/2)."""
        return jnp.exp(np.float32(-0.5) * self._integral(tau))

    def spread(self, tau: Time) -> Time:
        """sqrt(1 - e^-B), or 1 - e^-B."""
        variance = -jnp.expm1(-self._integral(tau))
        return variance if self.below else jnp.sqrt(variance)

    def drift(self, tau: Time) -> Time:
        """-beta/2."""
        return np.float32(-0.5) * self._rate(tau)

    def diffusion(self, tau: Time) -> Time:
        """Beta, times 1 - e^(-2B) where ``below``."""
        beta = self._rate(tau)
        return beta * -jnp.expm1(np.float32(-2.0) * self._integral(tau)) if self.below else beta

    def time_at(self, u: Time) -> Time:
        """Uniform times."""
        return np.float32(self.first) + np.float32(1.0 - self.first) * u

    def grid(self, steps: int) -> Float32[Array, " times"]:
        """Even steps of sqrt(tau): short where the noise ends."""
        return jnp.linspace(1.0, math.sqrt(self.first), steps + 1, dtype=jnp.float32) ** 2

    def _rate(self, tau: Time) -> Time:
        return np.float32(self.b0) + np.float32(self.b1 - self.b0) * tau

    def _integral(self, tau: Time) -> Time:
        return np.float32(self.b0) * tau + np.float32(0.5 * (self.b1 - self.b0)) * tau**2


class Edm(AbstractSchedule):
    """m = 1 and s itself is the time; ln s ~ N(centre, width^2) in training (arXiv:2206.00364, table 1)."""

    centre: float = eqx.field(static=True, default=-1.2)
    width: float = eqx.field(static=True, default=1.2)
    s_min: float = eqx.field(static=True, default=1e-3)
    s_max: float = eqx.field(static=True, default=10.0)

    def mean(self, tau: Time) -> Time:
        """One."""
        return jnp.ones_like(tau)

    def spread(self, tau: Time) -> Time:
        """The time itself."""
        return tau

    def drift(self, tau: Time) -> Time:
        """Zero."""
        return jnp.zeros_like(tau)

    def diffusion(self, tau: Time) -> Time:
        """2 s."""
        return 2 * tau

    def time_at(self, u: Time) -> Time:
        """Log-normal, cut to [s_min, s_max]."""
        log = np.float32(self.centre) + np.float32(self.width) * ndtri(u)
        return jnp.exp(jnp.clip(log, np.float32(math.log(self.s_min)), np.float32(math.log(self.s_max))))

    def grid(self, steps: int) -> Float32[Array, " times"]:
        """Even steps of s^(1/7) (arXiv:2206.00364, eq. 5)."""
        high, low = self.s_max ** (1 / 7), self.s_min ** (1 / 7)
        return jnp.linspace(high, low, steps + 1, dtype=jnp.float32) ** 7


SCHEDULES: dict[str, AbstractSchedule] = {
    "edm": Edm(),
    "ve": VarianceExploding(),
    "vp": VariancePreserving(),
    "subvp": VariancePreserving(below=True, first=1e-2),
}
"""Name -> schedule."""
