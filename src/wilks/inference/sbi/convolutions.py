"""Encoders by convolutions: for spectra, whose neighbouring bins belong together, and for pictures."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key

from .blocks import Layout
from .embeddings import AbstractEncoder, AbstractEncoderFamily, Scaled, flatten
from .networks import Perceptron, he_normal, perceptron, subkeys

_STRIDE = 2  # each layer halves the resolution


class Histogram1d(AbstractEncoderFamily):
    """Convolutions along the bins of a spectrum, each at half the resolution of the one before, then a perceptron.

    Bins that never vary are left out before; those around them then count as neighbours.

    Args:
        block: name of the block of bins; empty for the only one of one dimension. Other blocks join the perceptron.
        channels: features per place after each layer.
        window: neighbouring places that a layer sees, odd.
        hidden: units of each hidden layer of the perceptron.
        out: features that come out; None for 16 per inferred parameter.
    """

    block: str = eqx.field(static=True, default="")
    channels: tuple[int, ...] = eqx.field(static=True, default=(16, 32))
    window: int = eqx.field(static=True, default=5)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(128,))
    out: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        _check(type(self).__name__, self.channels, self.window)

    def build(self, key: Key, layout: Layout, targets: int) -> "Convolved":
        """Convolutions with fresh weights."""
        name = _block_of(type(self).__name__, self.block, layout, 1)
        return _convolved(key, layout, name, (1, *self.channels), (self.window,), self.hidden, self.out or 16 * targets)


class Image2d(AbstractEncoderFamily):
    """The same for a picture: an array of rows by columns.

    Args:
        block: name of the block of the picture; empty for the only one of two dimensions.
        channels: features per place after each layer.
        window: neighbouring places that a layer sees in each direction, odd.
        hidden: units of each hidden layer of the perceptron.
        out: features that come out; None for 16 per inferred parameter.
    """

    block: str = eqx.field(static=True, default="")
    channels: tuple[int, ...] = eqx.field(static=True, default=(8, 16, 32))
    window: int = eqx.field(static=True, default=3)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(128,))
    out: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        _check(type(self).__name__, self.channels, self.window)

    def build(self, key: Key, layout: Layout, targets: int) -> "Convolved":
        """Convolutions with fresh weights."""
        name, windows = _block_of(type(self).__name__, self.block, layout, 2), (self.window, self.window)
        return _convolved(key, layout, name, (1, *self.channels), windows, self.hidden, self.out or 16 * targets)


class Convolved(AbstractEncoder):
    """Convolutions of one block, and a perceptron over what they see and the numbers of all other blocks."""

    kernels: tuple[Float32[Array, "..."], ...]
    biases: tuple[Float32[Array, " _"], ...]
    after: Perceptron
    features: int = eqx.field(static=True)
    block: str = eqx.field(static=True)

    def __call__(self, blocks: Scaled, key: Key | None = None) -> Float32[Array, " features"]:
        """Features of ONE set of data."""
        y = jnp.asarray(blocks[self.block], dtype=jnp.float32)[None]
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            y = jax.nn.gelu(convolved(y, kernel, bias), approximate=False)
        rest = {name: block for name, block in blocks.items() if name != self.block}
        return self.after(jnp.concatenate([jnp.ravel(y), *([flatten(rest)] if rest else [])]))


def convolved(
    y: Float32[Array, "into *space"], kernel: Float32[Array, "out into *window"], bias: Float32[Array, " out"]
) -> Float32[Array, "out *halved"]:
    """Sums over windows around every second place, zeros beyond the edges."""
    strides = (_STRIDE,) * (y.ndim - 1)
    sums = jax.lax.conv_general_dilated(y[None], kernel, strides, [(w // 2, w // 2) for w in kernel.shape[2:]])[0]
    return sums + bias.reshape(-1, *(1 for _ in strides))


def _convolved(
    key: Key,
    layout: Layout,
    name: str,
    channels: tuple[int, ...],
    window: tuple[int, ...],
    hidden: tuple[int, ...],
    out: int,
) -> Convolved:
    keys = subkeys(key, len(channels))
    steps = list(pairwise(channels))
    kernels = [he_normal(k, (b, a, *window), a * int(np.prod(window))) for k, (a, b) in zip(keys, steps, strict=False)]
    places = int(np.prod([-(-n // _STRIDE ** len(steps)) for n in layout[name]], dtype=int))
    rest = sum(int(np.prod(shape, dtype=int)) for other, shape in layout.items() if other != name)
    after = perceptron(keys[-1], channels[-1] * places + rest, hidden, out)
    zeros = tuple(jnp.zeros(b, dtype=jnp.float32) for _, b in steps)
    return Convolved(kernels=tuple(kernels), biases=zeros, after=after, features=out, block=name)


def _block_of(encoder: str, block: str, layout: Layout, dimensions: int) -> str:
    fitting = [name for name, shape in layout.items() if len(shape) == dimensions]
    name = block or (fitting[0] if len(fitting) == 1 else "")
    if name not in fitting:
        raise InvalidOption(
            f"{encoder}: block {block!r} must be an array of {dimensions} dimension{'s' * (dimensions > 1)}; the data "
            f"have {layout}; name the block"
        )
    return name


def _check(encoder: str, channels: tuple[int, ...], window: int) -> None:
    if not channels or min(channels) < 1 or window < 1 or window % 2 == 0:
        raise InvalidOption(
            f"{encoder}: channels {channels} must be one or more whole numbers from 1 on, window {window} odd"
        )
