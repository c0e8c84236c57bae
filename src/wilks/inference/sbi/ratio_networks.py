"""The network of a likelihood ratio: a function of parameters and encoded data, one number per pair."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.typing import Key

from .blocks import Layout
from .embeddings import AbstractEncoder, AbstractEncoderFamily
from .networks import Residual, Trunk, waves

_FREQUENCIES = 8  # waves over the prior by which a product sees each parameter, as it has no data to help it
_HALF_PERIOD = np.float32(math.pi / (2.0 * math.sqrt(3.0)))  # of the first wave: the width of a box


class AbstractRatioFunction(eqx.Module):
    """Any function f(theta, x) of coordinates and encoded data that a loss can judge, and its comparison of points."""

    @abc.abstractmethod
    def scores(self, z: Float32[Array, "rows size"], x: Float32[Array, "rows features"]) -> Float32[Array, " rows"]:
        """f of each row."""

    @abc.abstractmethod
    def pair_scores(
        self, one: Float32[Array, "rows size"], two: Float32[Array, "rows size"], x: Float32[Array, "rows features"]
    ) -> Float32[Array, " rows"]:
        """ln p(x|one)/p(x|two) of each row."""


class RatioNetwork(AbstractRatioFunction):
    """f(theta, x): an encoder of the data and a residual trunk with one output.

    Args:
        encoder: of scaled data.
        trunk: takes coordinates of one point, or of two where ``paired``.
        paired: whether the trunk compares two points; f is then the comparison with the prior's median.
        product: whether the trunk sees the parameters alone and f = g(theta) . h(x) + b(theta).
    """

    encoder: AbstractEncoder
    trunk: Trunk
    paired: bool = eqx.field(static=True)
    product: bool = eqx.field(static=True, default=False)

    def score(self, z: Float32[Array, " size"], context: Float32[Array, " features"]) -> Float32[Array, ""]:
        """f at ONE point for encoded data."""
        if self.paired:
            return self.pair_score(z, jnp.zeros_like(z), context)
        if self.product:
            out = self.trunk(_with_waves(z), self.trunk.prepare(jnp.zeros(0, jnp.float32)))
            return out[1:] @ context + out[0]
        return self.trunk(z, self.trunk.prepare(context))[0]

    def pair_score(
        self, one: Float32[Array, " size"], two: Float32[Array, " size"], context: Float32[Array, " features"]
    ) -> Float32[Array, ""]:
        """a(x, theta, theta') - a(x, theta', theta)."""
        prepared = self.trunk.prepare(context)
        forth = self.trunk(jnp.concatenate([one, two]), prepared)[0]
        return forth - self.trunk(jnp.concatenate([two, one]), prepared)[0]

    def scores(self, z: Float32[Array, "rows size"], x: Float32[Array, "rows features"]) -> Float32[Array, " rows"]:
        """f of each row."""
        return jax.vmap(self.score)(z, x)

    def pair_scores(
        self, one: Float32[Array, "rows size"], two: Float32[Array, "rows size"], x: Float32[Array, "rows features"]
    ) -> Float32[Array, " rows"]:
        """The comparison of two points in each row."""
        return jax.vmap(self.pair_score)(one, two, x)


def build_ratio(
    key: Key,
    family: AbstractEncoderFamily,
    layout: Layout,
    size: int,
    network: Residual,
    *,
    paired: bool,
    product: bool = False,
) -> RatioNetwork:
    """A network with fresh weights.

    Args:
        key: random key of the weights.
        family: settings of the encoder.
        layout: shapes of the scaled blocks.
        size: number of parameters.
        network: settings of the trunk.
        paired: whether it compares two points.
        product: whether parameters and data meet in an inner product alone.
    """
    one, two = jax.random.split(key)
    encoder = family.build(one, layout, size)
    if product:
        trunk = network.build(two, size * (1 + 2 * _FREQUENCIES), 0, 1 + encoder.features)
        return RatioNetwork(encoder, trunk, paired=False, product=True)
    trunk = network.build(two, 2 * size if paired else size, encoder.features, 1)
    return RatioNetwork(encoder, trunk, paired)


def _with_waves(z: Float32[Array, " size"]) -> Float32[Array, " inputs"]:
    """Coordinates, and waves of each of them."""
    return jnp.concatenate([z, *(waves(_HALF_PERIOD * z[i], _FREQUENCIES) for i in range(z.shape[0]))])
