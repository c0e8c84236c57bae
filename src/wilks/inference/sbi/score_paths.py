"""Score matching: a denoiser that turns noise of any size into the posterior, step by step or as a flow."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.errors import InvalidOption, check_option
from wilks._base.typing import Key

from .density import AbstractConditionalDensity, AbstractDensityFamily, Contexts, Drawn, Keys, PerRow, Rows
from .networks import Prepared, Residual, Trunk, waves
from .paths import check_steps, hutchinson, widened
from .schedules import SCHEDULES, AbstractSchedule
from .solvers import METHODS, density_along, draw_along, flow, noise, wander

WEIGHTS = ("denoising", "variance", "likelihood", "one")
SAMPLERS = ("ode", "sde")

_HELD_OUT_TIMES = 16
_STEADIED = 0.3  # noise below which the control variate helps
_FLOW_STEPS, _DIFFUSION_STEPS = 40, 500


class ScoreMatching(AbstractDensityFamily):
    """Score matching for posteriors with one denoiser D(z, s, h) for every noise schedule.

    A noisy z_tau = m z + s eps is the data plus noise of size s/m, scaled by m; so the score of each schedule is
    S = (m D(z_tau/m, s/m) - z_tau)/s^2, with the preconditioning of arXiv:2206.00364 for a prior of variance 1.

    Args:
        noise: ``"edm"`` (the default, fewest steps), ``"ve"``, ``"vp"`` or ``"subvp"``.
        weight: of the squared error of the score by noise: ``"denoising"`` (s^2 + m^2)/m^2 times s^2, which makes the
            network's own task equally hard everywhere; ``"variance"`` s^2; ``"likelihood"`` g^2; ``"one"`` 1.
        network: residual trunk.
        frequencies: waves by which the network sees the noise.
        steps: steps from noise to draw; None for 40 along the flow, 500 for the stochastic sampler. ``"auto"``, for the
            flow, begins with 40 after training and doubles them as for `FlowMatching`.
        solver: ``"heun"``, ``"rk4"``, or for reference ``"dopri5"`` as for `FlowMatching`; for the flow.
        sampler: ``"ode"`` (the flow, for which there is a density) or ``"sde"``.
        eta: noise that the stochastic sampler puts back; 0 is the flow, 1 the reversed diffusion.
        probes: as for `FlowMatching`.
        corrector: Langevin steps z + e S + sqrt(2e) xi after each step of the stochastic sampler, which draw points
            back to the law of their time.
        corrector_step: e in units of s^2, the variance of the noise at each time, 0 to 1: the score's largest curvature
            is 1/s^2.
        control_variate: whether losses of ``"ve"``, ``"vp"`` and ``"subvp"`` are told what they know of their noise
            below s = 0.3, which costs a second evaluation and makes gradients steadier; see `known_of_noise`.

    References:
        Y. Song et al., arXiv:2011.13456; T. Karras et al., arXiv:2206.00364; posteriors: L. Sharrock et al.,
        arXiv:2210.04872.
    """

    noise: str = eqx.field(static=True, default="edm")
    weight: str = eqx.field(static=True, default="denoising")
    network: Residual = eqx.field(static=True, default=Residual())
    frequencies: int = eqx.field(static=True, default=8)
    steps: int | str | None = eqx.field(static=True, default=None)
    solver: str = eqx.field(static=True, default="heun")
    sampler: str = eqx.field(static=True, default="ode")
    eta: float = eqx.field(static=True, default=1.0)
    probes: int | None = eqx.field(static=True, default=None)
    corrector: int = eqx.field(static=True, default=0)
    corrector_step: float = eqx.field(static=True, default=0.1)
    control_variate: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        check_option("noise", self.noise, SCHEDULES)
        check_option("weight", self.weight, WEIGHTS)
        check_option("solver", self.solver, METHODS)
        check_option("sampler", self.sampler, SAMPLERS)
        if self.steps is not None:
            check_steps("score matching", self.steps, 2)
        if self.steps == "auto" and self.sampler == "sde":
            raise InvalidOption(
                "score matching: steps 'auto' compare draws of the flow from equal noise; the stochastic sampler takes "
                "a number of steps"
            )
        if self.frequencies < 1 or not 0.0 <= self.eta <= 3.0:
            raise InvalidOption(
                f"score matching: frequencies {self.frequencies} must be at least 1, eta {self.eta} in [0, 3]"
            )

        if self.corrector < 0 or not 0.0 < self.corrector_step <= 1.0:
            raise InvalidOption(
                f"score matching: corrector {self.corrector} must be a number of steps, 0 or more, and corrector_step "
                f"{self.corrector_step} lie in (0, 1], in units of s^2"
            )
        if self.corrector and self.sampler == "ode":
            raise InvalidOption(
                "score matching: a corrector puts noise back, which the flow has not; take sampler='sde' with it"
            )

    @property
    def fewest_steps(self) -> int:
        """Steps of the solver, those with which ``"auto"`` begins included."""
        if isinstance(self.steps, int):
            return self.steps
        return _FLOW_STEPS if self.sampler == "ode" else _DIFFUSION_STEPS

    def build(self, key: Key, size: int, context: int, pairs: int) -> "ScoreField":
        """A denoiser with fresh weights."""
        trunk = widened(self.network, pairs).build(key, size + 2 * self.frequencies, context, size)
        return ScoreField(trunk=trunk, size=size, settings=self)


class ScoreField(AbstractConditionalDensity):
    """A trained or fresh denoiser, and the flow and diffusion that it drives."""

    trunk: Trunk
    size: int = eqx.field(static=True)
    settings: ScoreMatching = eqx.field(static=True)

    def denoised(
        self, z: Float32[Array, " size"], s: Float32[Array, ""], prepared: Prepared, key: Key | None = None
    ) -> Float32[Array, " size"]:
        """D = z/(s^2+1) + s/sqrt(s^2+1) F(z/sqrt(s^2+1), s, h): mean of the clean point given one with noise s."""
        return z / (s**2 + 1) + s / jnp.sqrt(s**2 + 1) * self._raw(z, s, prepared, key)

    def score(self, z: Float32[Array, " size"], tau: Float32[Array, ""], prepared: Prepared) -> Float32[Array, " size"]:
        """Gradient of the log density of noisy points at ONE point and time."""
        m, s = self._schedule.mean(tau), self._schedule.spread(tau)
        return (m * self.denoised(z / m, s / m, prepared) - z) / s**2

    def velocity(
        self, z: Float32[Array, " size"], tau: Float32[Array, ""], prepared: Prepared
    ) -> Float32[Array, " size"]:
        """dz/dtau = f - g^2 S/2 of the flow with the same densities (arXiv:2011.13456, eq. 13)."""
        drift, g2 = self._schedule.drift(tau), self._schedule.diffusion(tau)
        return drift * z - np.float32(0.5) * g2 * self.score(z, tau, prepared)

    def losses(self, y: Rows, context: Contexts, key: Key) -> PerRow:
        """Weighted error of the score at one random time and noise per row."""
        time_key, noise_key, drop_key = jax.random.split(key, 3)
        u = jax.random.uniform(time_key, (len(y),), dtype=jnp.float32, minval=np.float32(1e-6))
        eps = jax.random.normal(noise_key, y.shape, dtype=jnp.float32)
        return self._misfit(y, context, self._schedule.time_at(u), eps, jax.random.split(drop_key, len(y)))

    def held_out_losses(self, y: Rows, context: Contexts) -> PerRow:
        """The same at 16 fixed quantiles of the time law with fixed noise."""
        middles = (jnp.arange(_HELD_OUT_TIMES, dtype=jnp.float32) + np.float32(0.5)) / np.float32(_HELD_OUT_TIMES)
        times = self._schedule.time_at(middles)

        def at(number: Any) -> PerRow:
            eps = jax.random.normal(jax.random.fold_in(jax.random.key(0), number), y.shape, dtype=jnp.float32)
            return self._misfit(y, context, jnp.full(len(y), times[number]), eps, None)

        return jnp.mean(jax.lax.map(at, jnp.arange(_HELD_OUT_TIMES)), axis=0)

    def draw(self, keys: Keys, context: Contexts) -> Rows:
        """Noise carried to the posterior by the flow or the reversed diffusion; the last step ends at no noise."""
        prepared, start = self._prepared(context), self._start(keys)
        if self.settings.sampler == "ode":
            last = flow(self.velocity, start, prepared, self._times, self.settings.solver)
        else:
            correct = self._correct if self.settings.corrector else None
            last = wander(self._reverse, start, keys, prepared, self._times, correct)
        m, s = self._schedule.mean(self._times[-1]), self._schedule.spread(self._times[-1])
        return jax.vmap(lambda z, p: self.denoised(z / m, s / m, p))(last, prepared)

    def draw_with_density(self, keys: Keys, context: Contexts) -> Drawn:
        """Draws along the flow down to the smallest noise, with their log density there."""
        probes = hutchinson(keys, self.size, self.settings.probes)
        prepared, start = self._prepared(context), self._start(keys)
        return draw_along(self.velocity, start, self._scale, prepared, self._times, self.settings.solver, probes)

    def log_prob(self, y: Rows, context: Contexts) -> PerRow:
        """Log density at the smallest noise, by following the flow up to the largest."""
        probes = hutchinson(jax.random.split(jax.random.key(0), len(y)), self.size, self.settings.probes)
        prepared = self._prepared(context)
        return density_along(self.velocity, y, self._scale, prepared, self._times, self.settings.solver, probes)

    @property
    def density_is_free(self) -> bool:
        """False: a density costs as many products with the network as there are parameters."""
        return False

    @property
    def _schedule(self) -> AbstractSchedule:
        return SCHEDULES[self.settings.noise]

    @property
    def _times(self) -> Float32[Array, " times"]:
        return self._schedule.grid(self.settings.fewest_steps - 1)

    @property
    def _scale(self) -> float:
        with jax.ensure_compile_time_eval():
            first = self._times[0]
            return math.hypot(float(self._schedule.mean(first)), float(self._schedule.spread(first)))

    def _start(self, keys: Keys) -> Rows:
        return np.float32(self._scale) * noise(keys, self.size)

    def _reverse(
        self, z: Float32[Array, " size"], tau: Float32[Array, ""], prepared: Prepared
    ) -> tuple[Float32[Array, " size"], Float32[Array, ""]]:
        """Drift f - (1 + eta^2)/2 g^2 S and noise eta g of the reversed diffusion."""
        g2, eta = self._schedule.diffusion(tau), np.float32(self.settings.eta)
        drift = self._schedule.drift(tau) * z - np.float32(0.5) * (1 + eta**2) * g2 * self.score(z, tau, prepared)
        return drift, eta * jnp.sqrt(g2)

    def _correct(
        self, z: Float32[Array, " size"], tau: Float32[Array, ""], prepared: Prepared, key: Key
    ) -> Float32[Array, " size"]:
        """Langevin steps z + e S + sqrt(2e) xi at one time."""
        e = np.float32(self.settings.corrector_step) * self._schedule.spread(tau) ** 2

        def step(z: Float32[Array, " size"], number: Any) -> tuple[Float32[Array, " size"], None]:
            xi = jax.random.normal(jax.random.fold_in(key, number), z.shape, dtype=jnp.float32)
            return z + e * self.score(z, tau, prepared) + jnp.sqrt(2 * e) * xi, None

        return jax.lax.scan(step, z, jnp.arange(self.settings.corrector))[0]

    def _raw(
        self, z: Float32[Array, " size"], s: Float32[Array, ""], prepared: Prepared, key: Key | None
    ) -> Float32[Array, " size"]:
        log_s = jnp.log(s)
        phase = np.float32(math.pi / 16.0) * log_s
        inputs = jnp.concatenate([z / jnp.sqrt(s**2 + 1), waves(phase, self.settings.frequencies)])
        return self.trunk(inputs, prepared, key)

    def _misfit(self, y: Rows, context: Contexts, tau: PerRow, eps: Rows, keys: Keys | None) -> PerRow:
        m, s = self._schedule.mean(tau), self._schedule.spread(tau)
        ratio = s / m
        noisy = y + ratio[:, None] * eps
        prepared = self._prepared(context)
        raw = jax.vmap(self._raw, in_axes=(0, 0, 0, None if keys is None else 0))(noisy, ratio, prepared, keys)
        root = jnp.sqrt(ratio**2 + 1)[:, None]
        target = (y - noisy / root**2) * root / ratio[:, None]  # D = y where F is this
        weight = self._weight(tau, m, s)
        loss = weight * jnp.mean((raw - target) ** 2, axis=1)
        if self.settings.noise == "edm" or not self.settings.control_variate:
            return loss
        clean = jax.vmap(self._raw, in_axes=(0, 0, 0, None if keys is None else 0))(y, ratio, prepared, keys)
        score = clean / (s[:, None] * root) - y / (m[:, None] * root**2)  # S(m y), from D(y, s/m)
        of_score = weight * s**2 * (s**2 + m**2) / m**2  # lambda
        known = of_score * jax.vmap(known_of_noise)(eps, s, score) / np.float32(self.size)
        return loss + jnp.where(s < _STEADIED, known, 0)

    def _weight(self, tau: PerRow, m: PerRow, s: PerRow) -> PerRow:
        """Weight of errors of F that gives errors of S the chosen one: |dS|^2 = m^2/(s^2 (s^2 + m^2)) |dF|^2."""
        if self.settings.weight == "denoising":
            return jnp.ones_like(s)
        of_score = {"variance": s**2, "likelihood": self._schedule.diffusion(tau), "one": jnp.ones_like(s)}
        return of_score[self.settings.weight] * m**2 / (s**2 * (s**2 + m**2))

    def _prepared(self, context: Contexts) -> Prepared:
        return jax.vmap(self.trunk.prepare)(context)


def known_of_noise(eps: Float[Array, " size"], s: Float[Array, ""], score: Float[Array, " size"]) -> Float[Array, ""]:
    """d/s^2 - |eps|^2/s^2 - (2/s) eps . S, a control variate of |S(m z + s eps) + eps/s|^2 for ONE point.

    Its mean over the noise is zero; near s = 0 it takes out what makes gradients of the loss grow as 1/s.

    Args:
        eps: standard normal noise.
        s: its size.
        score: S(m z) at the clean point, which does not depend on eps.
    """
    return (eps.shape[0] - jnp.sum(eps**2)) / s**2 - 2 / s * jnp.sum(eps * score)
