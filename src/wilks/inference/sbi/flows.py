"""Normalising flows under a condition: monotone transforms of normal noise, layer by layer.

z = T(e; h) with e ~ N(0, I) and ln q(z|h) = ln N(T^-1(z)) + ln|det dT^-1|. Each layer permutes the numbers and bends
some of them by splines (or scales and shifts them) whose knots a small network reads from the others and the context.
Layers are stacked and scanned, so that compile time does not grow with their number.

References:
    C. Durkan, A. Bekasov, I. Murray, G. Papamakarios, arXiv:1906.04032 (splines);
    L. Dinh, J. Sohl-Dickstein, S. Bengio, arXiv:1605.08803 (coupling layers);
    G. Papamakarios, T. Pavlakou, I. Murray, arXiv:1705.07057 (autoregressive layers).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from wilks._base.errors import InvalidOption, check_option
from wilks._base.typing import Key, Scalar

from .density import AbstractConditionalDensity, AbstractDensityFamily, Contexts, Drawn, Keys, PerRow, Rows
from .networks import he_normal, subkeys
from .splines import bend, knots_from, numbers_per_spline, unbend

Point = Float[Array, " size"]
Condition = Float[Array, " context"]

KINDS = ("coupling", "autoregressive", "affine")

_LOG_TWO_PI = math.log(2.0 * math.pi)
_HEAD = 0.01  # part of the usual initial weights at which the last layer starts: every transform begins near identity
_LARGEST_LOG_SCALE = 5.0
_GAIN = 0.4  # part of He's initial weights inside: networks that begin nearly linear overfit later


class SplineFlow(AbstractDensityFamily):
    """Settings of a flow: many densities and draws in one pass each.

    Args:
        layers: number of transforms.
        bins: bins per spline.
        width: units per hidden layer of the network of a transform.
        depth: hidden layers of it.
        bound: splines bend within [-bound, bound].
        kind: ``"coupling"`` (half of the numbers bend the other half: densities and draws in one pass),
            ``"autoregressive"`` (each number is bent by those before it: more flexible, draws take as many passes as
            there are numbers), or ``"affine"`` (coupling by scales and shifts instead of splines).

    Raises:
        InvalidOption: for a setting out of range.
    """

    layers: int = eqx.field(static=True, default=5)
    bins: int = eqx.field(static=True, default=10)
    width: int = eqx.field(static=True, default=64)
    depth: int = eqx.field(static=True, default=2)
    bound: float = eqx.field(static=True, default=5.0)
    kind: str = eqx.field(static=True, default="coupling")

    def __check_init__(self) -> None:
        check_option("kind of flow", self.kind, KINDS)
        least = {"layers": 1, "bins": 2, "width": 1, "depth": 1}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise InvalidOption(f"{name} {getattr(self, name)} of a flow; expected at least {lowest}")
        if self.bins > 500 or not self.bound > 0.0:
            raise InvalidOption(f"bins {self.bins}, bound {self.bound} of a flow; expected at most 500, and above 0")

    def build(self, key: Key, size: int, context: int, pairs: int) -> "Flow":
        """A flow with fresh weights.

        Args:
            key: random key of weights and permutations.
            size: numbers whose density it is.
            context: numbers of the condition.
            pairs: number of training pairs; the settings do not depend on it.
        """
        own, shuffle = jax.random.split(key)
        passed = _passed(size, self.kind)
        outputs = numbers_per_spline(self.bins) if self.kind != "affine" else 2
        masks = _masks(size, self) if self.kind == "autoregressive" else None
        each = [_network(k, passed, context, self, (size - passed) * outputs) for k in subkeys(own, self.layers)]
        networks = jax.tree.map(lambda *layers: jnp.stack(layers), *each)
        return Flow(
            networks=networks,
            order=_permutations(shuffle, self.layers, size),
            masks=masks,
            size=size,
            shape=self,
        )


class LayerWeights(eqx.Module):
    """Perceptron of one transform: numbers that pass unchanged, and the context, to the numbers of the transforms."""

    enter: Float[Array, "*layers passed width"]
    context: Float[Array, "*layers context width"]
    bias: Float[Array, "*layers width"]
    weights: Float[Array, "*layers deeper width width"]
    biases: Float[Array, "*layers deeper width"]
    head: Float[Array, "*layers width outputs"]
    head_bias: Float[Array, "*layers outputs"]
    straight: Float[Array, "*layers context outputs"]


class LayerMasks(eqx.Module):
    """Which weights of an autoregressive network there are."""

    enter: Bool[Array, "inputs width"]
    inner: Bool[Array, "width width"]
    head: Bool[Array, "width outputs"]


class Flow(AbstractConditionalDensity):
    """A flow with weights; see `SplineFlow`. Methods for one point work in single and double precision."""

    networks: LayerWeights
    order: Int[Array, "layers size"]
    masks: LayerMasks | None
    size: int = eqx.field(static=True)
    shape: SplineFlow = eqx.field(static=True)

    def losses(self, y: Rows, context: Contexts, key: Key) -> PerRow:
        """-ln q of each row; there is no noise."""
        return -self.log_prob(y, context)

    def held_out_losses(self, y: Rows, context: Contexts) -> PerRow:
        """-ln q of each row."""
        return -self.log_prob(y, context)

    def draw(self, keys: Keys, context: Contexts) -> Rows:
        """One draw for each context."""
        return self.draw_with_density(keys, context).points

    def draw_with_density(self, keys: Keys, context: Contexts) -> Drawn:
        """One draw for each context with its log density."""
        noise = jax.vmap(lambda k: jax.random.normal(k, (self.size,), jnp.float32))(keys)
        points, log_slope = jax.vmap(self.from_noise)(noise, context)
        return Drawn(points, jax.vmap(log_normal)(noise) - log_slope)

    def log_prob(self, y: Rows, context: Contexts) -> PerRow:
        """Log density of each row."""
        return jax.vmap(self.log_prob_at)(y, context)

    @property
    def density_is_free(self) -> bool:
        """True: both come from one pass."""
        return True

    def log_prob_at(self, z: Point, context: Condition) -> Scalar:
        """Log density at one point."""
        noise, log_slope = self.to_noise(z, context)
        return log_normal(noise) + log_slope

    def to_noise(self, z: Point, context: Condition) -> tuple[Point, Scalar]:
        """Noise that becomes a point, and ln|det d noise/d z|."""

        def layer(carry: Any, own: Any) -> tuple[Any, None]:
            z, total = carry
            network, order = own
            z, log_slope = self._forward(network, z[order], context)
            return (z, total + log_slope), None

        start = (z, jnp.zeros((), z.dtype))
        return jax.lax.scan(layer, start, (self.networks, self.order))[0]

    def from_noise(self, noise: Point, context: Condition) -> tuple[Point, Scalar]:
        """Point that noise becomes, and ln|det d z/d noise|."""

        def layer(carry: Any, own: Any) -> tuple[Any, None]:
            z, total = carry
            network, order = own
            z, log_slope = self._backward(network, z, context)
            return (z[jnp.argsort(order)], total + log_slope), None

        start = (noise, jnp.zeros((), noise.dtype))
        return jax.lax.scan(layer, start, (self.networks, self.order), reverse=True)[0]

    def _forward(self, network: LayerWeights, z: Point, context: Condition) -> tuple[Point, Scalar]:
        if self.masks is not None:
            return self._bent(self._numbers(network, z, context), z, inverse=False)
        passed = _passed(self.size, self.shape.kind)
        kept, moved = z[:passed], z[passed:]
        moved, log_slope = self._bent(self._numbers(network, kept, context), moved, inverse=False)
        return jnp.concatenate([kept, moved]), log_slope

    def _backward(self, network: LayerWeights, z: Point, context: Condition) -> tuple[Point, Scalar]:
        if self.masks is not None:
            return self._one_by_one(network, z, context)
        passed = _passed(self.size, self.shape.kind)
        kept, moved = z[:passed], z[passed:]
        moved, log_slope = self._bent(self._numbers(network, kept, context), moved, inverse=True)
        return jnp.concatenate([kept, moved]), log_slope

    def _one_by_one(self, network: LayerWeights, z: Point, context: Condition) -> tuple[Point, Scalar]:
        """Each pass settles one more number, as those before it are known."""

        def settle(_: Any, found: Point) -> Point:
            return self._bent(self._numbers(network, found, context), z, inverse=True)[0]

        found = jax.lax.fori_loop(0, self.size - 1, settle, jnp.zeros_like(z))
        return self._bent(self._numbers(network, found, context), z, inverse=True)

    def _numbers(self, network: LayerWeights, inputs: Point, context: Condition) -> Float[Array, "moved numbers"]:
        """Numbers of the transforms, one row for each number that moves."""
        masks = self.masks
        enter = network.enter if masks is None else network.enter * masks.enter.astype(network.enter.dtype)
        y = jax.nn.silu(inputs @ enter + (context @ network.context + network.bias))
        for i in range(self.shape.depth - 1):
            weight = network.weights[i]
            y = jax.nn.silu(
                y @ (weight if masks is None else weight * masks.inner.astype(weight.dtype)) + network.biases[i]
            )
        head = network.head if masks is None else network.head * masks.head.astype(network.head.dtype)
        moved = self.size - _passed(self.size, self.shape.kind)
        return (y @ head + context @ network.straight + network.head_bias).reshape(moved, -1)

    def _bent(self, numbers: Float[Array, "moved numbers"], z: Point, *, inverse: bool) -> tuple[Point, Scalar]:
        """Numbers through their transforms (or back), and the sum of ln slope."""
        if self.shape.kind == "affine":
            log_scale = _LARGEST_LOG_SCALE * jnp.tanh(numbers[:, 0] / _LARGEST_LOG_SCALE)
            if inverse:
                return (z - numbers[:, 1]) * jnp.exp(-log_scale), -jnp.sum(log_scale)
            return z * jnp.exp(log_scale) + numbers[:, 1], jnp.sum(log_scale)
        transform = unbend if inverse else bend
        knots = jax.vmap(lambda raw: knots_from(raw, self.shape.bins, self.shape.bound))(numbers)
        moved, log_slope = jax.vmap(transform)(knots, z)
        return moved, jnp.sum(log_slope)


def log_normal(z: Point) -> Scalar:
    """Log density of independent standard normal numbers."""
    return -0.5 * jnp.sum(z * z) - 0.5 * _LOG_TWO_PI * z.shape[0]


def _passed(size: int, kind: str) -> int:
    """How many numbers a layer reads and leaves unchanged; an autoregressive one reads and bends all."""
    return 0 if kind == "autoregressive" else size // 2


def _network(key: Key, passed: int, context: int, shape: SplineFlow, outputs: int) -> LayerWeights:
    keys = subkeys(key, 4)
    inputs = outputs // numbers_per_spline(shape.bins) if shape.kind == "autoregressive" else passed
    fan_in = max(inputs + context, 1)
    return LayerWeights(
        he_normal(keys[0], (inputs, shape.width), fan_in, gain=_GAIN),
        he_normal(keys[1], (context, shape.width), fan_in, gain=_GAIN),
        jnp.zeros(shape.width, jnp.float32),
        he_normal(keys[2], (shape.depth - 1, shape.width, shape.width), shape.width, gain=_GAIN),
        jnp.zeros((shape.depth - 1, shape.width), jnp.float32),
        he_normal(keys[3], (shape.width, outputs), shape.width, gain=_HEAD),
        jnp.zeros(outputs, jnp.float32),
        jnp.zeros((context, outputs), jnp.float32),
    )


def _masks(size: int, shape: SplineFlow) -> LayerMasks:
    """Masks of arXiv:1502.03509, eqs. 12 and 13: a unit sees inputs up to its degree, an output units below its own."""
    degree = np.arange(shape.width) % max(size - 1, 1) + 1
    first = np.arange(1, size + 1)
    per_number = numbers_per_spline(shape.bins)
    return LayerMasks(
        enter=jnp.asarray(degree[None, :] >= first[:, None]),
        inner=jnp.asarray(degree[None, :] >= degree[:, None]),
        head=jnp.asarray(np.repeat(first, per_number)[None, :] > degree[:, None]),
    )


def _permutations(key: Key, layers: int, size: int) -> Int[Array, "layers size"]:
    """Order in which each layer takes what the last one gave: the given one, then by turns exchanged and shuffled.

    A coupling layer bends the second half. After an exchange those that the last layer kept are bent, so that every
    number is bent by every second layer at least; shuffles mix the halves.
    """
    kept, orders = size // 2, [np.arange(size)]
    for i in range(1, layers):
        generator = np.random.default_rng(np.asarray(jax.random.key_data(jax.random.fold_in(key, i))))
        exchanged = np.roll(np.arange(size), -kept)
        orders.append(exchanged if i % 2 or size <= 2 else generator.permutation(size))
    return jnp.asarray(np.stack(orders), dtype=jnp.int32)
