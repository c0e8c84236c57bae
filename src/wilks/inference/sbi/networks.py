"""Networks of neural estimation: the residual trunk, whose blocks are scanned, and the multilayer perceptron."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key

_AT_ONCE = 5  # blocks that are compiled one by one, a fifth faster than as a loop
_HEAD = 0.01  # part of He's initial weights at which the output layer starts, so that a field starts near zero


class Residual(eqx.Module):
    """Settings of a residual trunk.

    Args:
        width: units per block; None for 128, or 192 from 100,000 pairs on.
        depth: number of blocks.
        dropout: part of the units that each block drops while training.
        norm: normalise the units at the entry of each block.
        reinject: give the context to every block, not to the first layer alone.

    Raises:
        InvalidOption: for settings out of range.
    """

    width: int | None = eqx.field(static=True, default=None)
    depth: int = eqx.field(static=True, default=5)
    dropout: float = eqx.field(static=True, default=0.0)
    norm: bool = eqx.field(static=True, default=False)
    reinject: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        if (self.width is not None and self.width < 1) or self.depth < 0 or not 0.0 <= self.dropout < 1.0:
            raise InvalidOption(
                f"network of width {self.width}, depth {self.depth}, dropout {self.dropout}: width is at least 1, "
                "depth at least 0, dropout in [0, 1)"
            )

    def build(self, key: Key, inputs: int, context: int, outputs: int) -> "Trunk":
        """A trunk with fresh weights.

        Args:
            key: random key of the weights.
            inputs: numbers that change with every evaluation.
            context: numbers that are fixed for many evaluations (encoded data); may be 0.
            outputs: numbers that come out.
        """
        width = 128 if self.width is None else self.width
        keys = subkeys(key, 5)
        fan_in = inputs + context
        reinjected = (self.depth, context, width) if self.reinject else (self.depth, 0, width)
        return Trunk(
            enter=he_normal(keys[0], (inputs, width), fan_in),
            context=he_normal(keys[1], (context, width), fan_in),
            bias=jnp.zeros(width, dtype=jnp.float32),
            weights=he_normal(keys[2], (self.depth, width, width), width, gain=0.5),
            biases=jnp.zeros((self.depth, width), dtype=jnp.float32),
            contexts=he_normal(keys[3], reinjected, max(context, 1), gain=0.5),
            head=he_normal(keys[4], (width, outputs), width, gain=_HEAD),
            head_bias=jnp.zeros(outputs, dtype=jnp.float32),
            settings=self,
        )


class Prepared(eqx.Module):
    """What a trunk has computed from the context alone, once for all evaluations at one set of data."""

    first: Float32[Array, " width"]
    blocks: Float32[Array, "depth width"] | None


class Trunk(eqx.Module):
    """Residual network y <- y + GELU(W y + b) for ONE input; its blocks are stacked and compile as one.

    Evaluate it as ``trunk(inputs, trunk.prepare(context))``.
    """

    enter: Float32[Array, "inputs width"]
    context: Float32[Array, "context width"]
    bias: Float32[Array, " width"]
    weights: Float32[Array, "depth width width"]
    biases: Float32[Array, "depth width"]
    contexts: Float32[Array, "depth reinjected width"]
    head: Float32[Array, "width outputs"]
    head_bias: Float32[Array, " outputs"]
    settings: Residual = eqx.field(static=True)

    def prepare(self, context: Float32[Array, " context"]) -> Prepared:
        """The context's share of the first layer, and of every block where it is given to all."""
        first = context @ self.context + self.bias
        return Prepared(first, context @ self.contexts if self.settings.reinject else None)

    def __call__(
        self, inputs: Float32[Array, " inputs"], prepared: Prepared, key: Key | None = None
    ) -> Float32[Array, " outputs"]:
        """Outputs at one input.

        Args:
            inputs: numbers that change with every evaluation.
            prepared: see `prepare`.
            key: random key of the dropout while training; None evaluates without dropout.
        """
        y = inputs @ self.enter + prepared.first
        extra = self.biases if prepared.blocks is None else self.biases + prepared.blocks
        drops = key is not None and self.settings.dropout > 0.0
        kept = self._kept(key) if drops and key is not None else None
        at_once = min(self.settings.depth, _AT_ONCE)
        y, _ = jax.lax.scan(lambda *carried: self._block(*carried), y, (self.weights, extra, kept), unroll=at_once)
        return y @ self.head + self.head_bias

    def _block(self, y: Float32[Array, " width"], layer: tuple) -> tuple[Float32[Array, " width"], None]:
        weight, bias, kept = layer
        step = jax.nn.gelu((normalised(y) if self.settings.norm else y) @ weight + bias, approximate=False)
        return y + (step if kept is None else step * kept), None

    def _kept(self, key: Key) -> Float32[Array, "depth width"]:
        keep = 1.0 - self.settings.dropout
        mask = jax.random.uniform(key, self.biases.shape, dtype=jnp.float32) < np.float32(keep)
        return mask.astype(jnp.float32) / np.float32(keep)


class Perceptron(eqx.Module):
    """Layers with GELU between them, for ONE input: see `perceptron`."""

    weights: tuple[Float32[Array, "_ _"], ...]
    biases: tuple[Float32[Array, " _"], ...]

    def __call__(self, inputs: Float32[Array, " inputs"]) -> Float32[Array, " outputs"]:
        """Outputs at one input."""
        y = inputs
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            y = jax.nn.gelu(y @ weight + bias, approximate=False)
        return y @ self.weights[-1] + self.biases[-1]


def perceptron(key: Key, inputs: int, hidden: Sequence[int], outputs: int, *, head: float = 1.0) -> Perceptron:
    """A perceptron with fresh weights.

    Args:
        key: random key of the weights.
        inputs: numbers that go in.
        hidden: units of each hidden layer.
        outputs: numbers that come out.
        head: part of He's initial weights at which the last layer starts.
    """
    sizes = (inputs, *hidden, outputs)
    keys = subkeys(key, len(sizes) - 1)
    gains = [1.0] * (len(sizes) - 2) + [head]
    return Perceptron(
        tuple(he_normal(k, (a, b), a, gain=g) for k, a, b, g in zip(keys, sizes[:-1], sizes[1:], gains, strict=True)),
        tuple(jnp.zeros(size, dtype=jnp.float32) for size in sizes[1:]),
    )


def he_normal(key: Key, shape: tuple[int, ...], fan_in: int, *, gain: float = 1.0) -> Float32[Array, "..."]:
    """Normal weights of variance 2 gain^2/fan_in, arXiv:1502.01852 eq. (10)."""
    generator = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())  # on the host: nothing to compile
    weights = gain * math.sqrt(2.0 / max(fan_in, 1)) * generator.standard_normal(shape)
    return jnp.asarray(weights.astype(np.float32))


def subkeys(key: Key, n: int) -> list[Key]:
    """Keys made from one, for work on the host; no number of them needs a program of its own."""
    return [jax.random.fold_in(key, i) for i in range(n)]


def normalised(y: Float32[Array, " width"]) -> Float32[Array, " width"]:
    """Units with mean 0 and variance 1."""
    centred = y - jnp.mean(y)
    return centred * jax.lax.rsqrt(jnp.mean(centred**2) + np.float32(1e-6))


def waves(phase: Float32[Array, ""], frequencies: int) -> Float32[Array, " waves"]:
    """cos(k phase) and sin(k phase) for k = 1 to the number of frequencies."""
    angles = phase * jnp.arange(1, frequencies + 1, dtype=jnp.float32)
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)])
