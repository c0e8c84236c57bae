"""Flow matching: a velocity field that carries normal noise to the posterior along straight paths."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.errors import InvalidOption, check_option
from wilks._base.typing import Key

from .density import AbstractConditionalDensity, AbstractDensityFamily, Contexts, Drawn, Keys, PerRow, Rows
from .networks import Prepared, Residual, Trunk, waves
from .solvers import METHODS, density_along, draw_along, flow, noise, signs, wander

_HELD_OUT_TIMES = 16
_MANY = 100_000  # pairs from which networks are wider
_FEWEST_STEPS = 20
_FINER = 2  # steps of a density for each of a draw: errors of the divergence add up along the way
_SHORTER = 25  # steps of a draw with noise for each of one without, whose error falls with their fourth power
_MOST_NOISE = 10.0
_MOST_EXACT = 32  # parameters up to which the divergence is an exact trace


class FlowMatching(AbstractDensityFamily):
    """Flow matching for posteriors: z_t = (1-(1-sigma_min) t) z0 + t z1 from noise z0 to the posterior z1.

    The field learns u = z1 - (1-sigma_min) z0 at times of density (1+a) t^a; its optimum does not depend on a.

    Args:
        sigma_min: width that a point keeps at t = 1.
        time_power: a; 0 for uniform times, larger ones look more at the end, where narrow posteriors are decided.
        baseline: ``"gaussian"`` adds the exact field of a standard normal posterior, ``"none"`` nothing.
        network: residual trunk.
        frequencies: waves by which the network sees the time.
        steps: steps of the solver from noise to draw; densities take twice as many. ``"auto"`` begins with 20 after
            training and doubles them until draws stay within 1 % of a standard deviation, up to 400.
        solver: ``"rk4"``, ``"heun"``, or for reference ``"dopri5"`` (Dormand-Prince 5(4)), which finds its own steps
            for an error of 1e-5 each, beginning with one in ``steps``; up to 1,000, then ``stiff_field`` is flagged.
            Its densities have no gradient in reverse mode.
        eta: noise that is put back on the way to a draw, 0 to 10: dz = [v + eta (t v - z)] dt + sqrt(2 eta a) dW with
            a = 1-(1-sigma_min) t, which has the same law at each time whatever eta and corrects errors of earlier
            steps; 0 is the flow. Such draws take 25 short steps for each of ``steps``. Densities, and draws that come
            with theirs, are always those of the flow.
        probes: None for the exact divergence (the default up to 32 parameters), else the number of random vectors of
            Hutchinson's estimate, which is biased after the exponential and refused by `reweight`.

    References:
        M. Dax et al., arXiv:2305.17161; Y. Lipman et al., arXiv:2210.02747, eq. (23).
    """

    sigma_min: float = eqx.field(static=True, default=1e-4)
    time_power: float = eqx.field(static=True, default=1.0)
    baseline: str = eqx.field(static=True, default="none")
    network: Residual = eqx.field(static=True, default=Residual())
    frequencies: int = eqx.field(static=True, default=8)
    steps: int | str = eqx.field(static=True, default=_FEWEST_STEPS)
    solver: str = eqx.field(static=True, default="rk4")
    probes: int | None = eqx.field(static=True, default=None)
    eta: float = eqx.field(static=True, default=0.0)

    def __check_init__(self) -> None:
        check_option("baseline", self.baseline, ("none", "gaussian"))
        check_option("solver", self.solver, METHODS)
        if not 0.0 <= self.sigma_min < 0.5 or not -0.9 <= self.time_power <= 20.0:
            raise InvalidOption(
                f"flow matching: sigma_min {self.sigma_min} must lie in [0, 0.5), time_power {self.time_power} in "
                "[-0.9, 20]"
            )
        check_steps("flow matching", self.steps)
        if not 0.0 <= self.eta <= _MOST_NOISE:
            raise InvalidOption(
                f"flow matching: eta {self.eta} must be a number in [0, {_MOST_NOISE:g}]; 0 draws along the flow"
            )
        if self.steps == "auto" and self.eta > 0.0:
            raise InvalidOption(
                "flow matching: steps 'auto' compare draws of the flow from equal noise; with eta > 0 give a number of "
                "steps"
            )
        if self.frequencies < 1 or (self.probes is not None and self.probes < 1):
            raise InvalidOption(
                f"flow matching: frequencies {self.frequencies} and probes {self.probes} must be at least 1"
            )

    @property
    def fewest_steps(self) -> int:
        """Steps of the solver, those with which ``"auto"`` begins included."""
        return _FEWEST_STEPS if isinstance(self.steps, str) else self.steps

    def build(self, key: Key, size: int, context: int, pairs: int) -> "VelocityField":
        """A field with fresh weights."""
        trunk = widened(self.network, pairs).build(key, size + 2 * self.frequencies, context, size)
        return VelocityField(trunk=trunk, size=size, settings=self)


class VelocityField(AbstractConditionalDensity):
    """A trained or fresh field v(z, t, h) of flow matching."""

    trunk: Trunk
    size: int = eqx.field(static=True)
    settings: FlowMatching = eqx.field(static=True)

    def velocity(
        self, z: Float32[Array, " size"], t: Float32[Array, ""], prepared: Prepared, key: Key | None = None
    ) -> Float32[Array, " size"]:
        """v at ONE point and time (0 noise, 1 posterior)."""
        inputs = jnp.concatenate([z, waves(np.float32(2.0 * math.pi) * t, self.settings.frequencies)])
        v = self.trunk(inputs, prepared, key)
        if self.settings.baseline == "gaussian":
            v = v + (2 * t - 1) / (t**2 + (1 - t) ** 2) * z
        return v

    def losses(self, y: Rows, context: Contexts, key: Key) -> PerRow:
        """|v(z_t, t, h) - u|^2/d at one random time and noise per row."""
        time_key, noise_key, drop_key = jax.random.split(key, 3)
        u = jax.random.uniform(time_key, (len(y),), dtype=jnp.float32)
        z0 = jax.random.normal(noise_key, y.shape, dtype=jnp.float32)
        return self._misfit(y, context, self._time(u), z0, jax.random.split(drop_key, len(y)))

    def held_out_losses(self, y: Rows, context: Contexts) -> PerRow:
        """The same at 16 fixed quantiles of the time law with fixed noise."""
        middles = (jnp.arange(_HELD_OUT_TIMES, dtype=jnp.float32) + np.float32(0.5)) / np.float32(_HELD_OUT_TIMES)

        def at(number: Any) -> PerRow:
            z0 = jax.random.normal(jax.random.fold_in(jax.random.key(0), number), y.shape, dtype=jnp.float32)
            return self._misfit(y, context, self._time(jnp.full(len(y), middles[number])), z0, None)

        return jnp.mean(jax.lax.map(at, jnp.arange(_HELD_OUT_TIMES)), axis=0)

    def draw(self, keys: Keys, context: Contexts) -> Rows:
        """Noise carried along the field from t = 0 to 1, with fresh noise on the way where eta > 0."""
        start, prepared, steps = noise(keys, self.size), self._prepared(context), self.settings.fewest_steps
        if self.settings.eta > 0.0:
            return wander(self._reverse, start, keys, prepared, self._times(_SHORTER * steps)[::-1])
        return flow(self.velocity, start, prepared, self._times(steps), self.settings.solver)

    def draw_with_density(self, keys: Keys, context: Contexts) -> Drawn:
        """The same draws, from shorter steps, with ln q(z1) = ln N(z0; 0, I) - int div v dt."""
        start, probes = noise(keys, self.size), self._probes(keys)
        prepared, times = self._prepared(context), self._times(_FINER * self.settings.fewest_steps)
        return draw_along(self.velocity, start, 1.0, prepared, times, self.settings.solver, probes)

    def log_prob(self, y: Rows, context: Contexts) -> PerRow:
        """ln q(z1), by following z1 back to the noise."""
        probes = self._probes(jax.random.split(jax.random.key(0), len(y)))
        prepared, times = self._prepared(context), self._times(_FINER * self.settings.fewest_steps)
        return density_along(self.velocity, y, 1.0, prepared, times, self.settings.solver, probes)

    @property
    def density_is_free(self) -> bool:
        """False: a density costs as many products with the field as there are parameters."""
        return False

    def _reverse(
        self, z: Float32[Array, " size"], tau: Float32[Array, ""], prepared: Prepared
    ) -> tuple[Float32[Array, " size"], Float32[Array, ""]]:
        """Drift and noise in tau = 1 - t: g^2 = 2 eta a, and the score is (t v - z)/a."""
        t, eta = 1 - tau, np.float32(self.settings.eta)
        v = self.velocity(z, t, prepared)
        a = 1 - np.float32(1.0 - self.settings.sigma_min) * t
        return -(v + eta * (t * v - z)), jnp.sqrt(2 * eta * a)

    def _times(self, steps: int) -> Float32[Array, " times"]:
        return jnp.linspace(0.0, 1.0, steps + 1, dtype=jnp.float32)

    def _time(self, u: PerRow) -> PerRow:
        return u ** np.float32(1.0 / (1.0 + self.settings.time_power))

    def _misfit(self, y: Rows, context: Contexts, t: PerRow, z0: Rows, keys: Keys | None) -> PerRow:
        shrink = np.float32(1.0 - self.settings.sigma_min)
        zt = (1 - shrink * t)[:, None] * z0 + t[:, None] * y
        v = jax.vmap(self.velocity, in_axes=(0, 0, 0, None if keys is None else 0))(
            zt, t, self._prepared(context), keys
        )
        return jnp.mean((v - (y - shrink * z0)) ** 2, axis=1)

    def _prepared(self, context: Contexts) -> Prepared:
        return jax.vmap(self.trunk.prepare)(context)

    def _probes(self, keys: Keys) -> Any:
        return hutchinson(keys, self.size, self.settings.probes)


def check_steps(path: str, steps: int | str, least: int = 1) -> None:
    """Refuse steps of a solver that are neither a number in range nor ``"auto"``.

    Raises:
        InvalidOption: naming the path and what it was given.
    """
    if steps != "auto" and (isinstance(steps, str) or steps < least):
        raise InvalidOption(f"{path}: steps {steps!r} must be at least {least}, or 'auto'")


def widened(network: Residual, pairs: int) -> Residual:
    """The network with its width chosen by the number of pairs, where the user left that open."""
    if network.width is not None:
        return network
    width = 192 if pairs >= 0.9 * _MANY else 128
    return Residual(width, network.depth, network.dropout, network.norm, network.reinject)


def hutchinson(keys: Keys, size: int, probes: int | None) -> Any:
    """Probes of a stochastic divergence; None where the trace is exact."""
    if probes is None and size <= _MOST_EXACT:
        return None
    return signs(jax.vmap(lambda k: jax.random.fold_in(k, 1))(keys), size, probes or 1)
