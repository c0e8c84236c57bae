"""Encoders: networks that turn scaled blocks of data into the context of a density."""

import abc
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key

from .blocks import Layout
from .networks import Perceptron, perceptron, subkeys

Scaled = Mapping[str, Array]
"""Scaled arrays by block name, of ONE set of data."""

_SMALL = 40  # numbers up to which the data enter a network as they are


class AbstractEncoder(eqx.Module):
    """A network for the context h of ONE set of scaled data. To write one: also a small class of settings, below."""

    features: eqx.AbstractVar[int]

    @abc.abstractmethod
    def __call__(self, blocks: Scaled, key: Key | None = None) -> Float32[Array, " features"]:
        """The context; a key is given only while training."""


class AbstractEncoderFamily(eqx.Module):
    """Settings of an encoder: what users pass as ``encoder``."""

    @abc.abstractmethod
    def build(self, key: Key, layout: Layout, targets: int) -> AbstractEncoder:
        """An encoder with fresh weights.

        Args:
            key: random key of the weights.
            layout: shapes of the scaled blocks.
            targets: number of inferred parameters.
        """


class Identity(AbstractEncoderFamily):
    """All numbers as they are, block after block in the order of their names."""

    def build(self, key: Key, layout: Layout, targets: int) -> "Flat":
        """No weights."""
        return Flat(sum(_size(shape) for shape in layout.values()))


class Flat(AbstractEncoder):
    """All numbers of all blocks in one row."""

    features: int = eqx.field(static=True)

    def __call__(self, blocks: Scaled, key: Key | None = None) -> Float32[Array, " features"]:
        """Blocks in the order of their names."""
        return flatten(blocks)


class Mlp(AbstractEncoderFamily):
    """A multilayer perceptron over all numbers.

    Args:
        hidden: units of each hidden layer.
        out: features that come out; None for 16 per inferred parameter.
    """

    hidden: tuple[int, ...] = eqx.field(static=True, default=(256, 256))
    out: int | None = eqx.field(static=True, default=None)

    def build(self, key: Key, layout: Layout, targets: int) -> "MlpEncoder":
        """A perceptron with fresh weights."""
        out = self.out or 16 * targets
        inputs = sum(_size(shape) for shape in layout.values())
        return MlpEncoder(network=perceptron(key, inputs, self.hidden, out), features=out)


class MlpEncoder(AbstractEncoder):
    """A perceptron over all numbers of all blocks."""

    network: Perceptron
    features: int = eqx.field(static=True)

    def __call__(self, blocks: Scaled, key: Key | None = None) -> Float32[Array, " features"]:
        """The perceptron's output."""
        return self.network(flatten(blocks))


class BlockEncoder(AbstractEncoderFamily):
    """One perceptron per named block, fused by one layer; blocks may be hidden.

    Args:
        hidden: units of each hidden layer of a block's perceptron.
        features: features per block.
        out: features that come out; None for 16 per inferred parameter.
        drop_blocks: probability with which each block is hidden while training; the network then answers for any
            subset of the blocks (see `NeuralPosterior.sample`).
    """

    hidden: tuple[int, ...] = eqx.field(static=True, default=(128, 128))
    features: int = eqx.field(static=True, default=32)
    out: int | None = eqx.field(static=True, default=None)
    drop_blocks: float = eqx.field(static=True, default=0.0)

    def __check_init__(self) -> None:
        if not 0.0 <= self.drop_blocks < 1.0:
            raise InvalidOption(f"drop_blocks {self.drop_blocks} must lie in [0, 1)")

    def build(self, key: Key, layout: Layout, targets: int) -> "FusedBlocks":
        """Perceptrons with fresh weights."""
        keys = subkeys(key, len(layout) + 1)
        names = tuple(sorted(layout))
        out = self.out or 16 * targets
        parts = {
            n: perceptron(k, _size(layout[n]), self.hidden, self.features) for k, n in zip(keys, names, strict=False)
        }
        fuse = perceptron(keys[-1], len(names) * (self.features + 1), (), out)
        return FusedBlocks(parts=parts, fuse=fuse, features=out, names=names, drop_blocks=self.drop_blocks)


class FusedBlocks(AbstractEncoder):
    """Features of each block and a bit for its presence, fused by one layer."""

    parts: dict[str, Perceptron]
    fuse: Perceptron
    features: int = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    drop_blocks: float = eqx.field(static=True)

    def __call__(self, blocks: Scaled, key: Key | None = None) -> Float32[Array, " features"]:
        """The fused features; a block that is absent from the mapping counts as hidden."""
        present = jnp.asarray([float(name in blocks) for name in self.names], dtype=jnp.float32)
        if key is not None and self.drop_blocks > 0.0:
            seen = jax.random.uniform(key, (len(self.names),), dtype=jnp.float32) >= np.float32(self.drop_blocks)
            present = present * seen.astype(jnp.float32)
        return self.fused(blocks, present)

    def fused(self, blocks: Scaled, present: Float32[Array, " blocks"]) -> Float32[Array, " features"]:
        """Features with the given presence bits."""
        rows = []
        for i, name in enumerate(self.names):
            width = self.parts[name].biases[-1].shape[0]
            part = self.parts[name](jnp.ravel(blocks[name])) if name in blocks else jnp.zeros(width, jnp.float32)
            rows.append(jnp.concatenate([present[i] * jax.nn.gelu(part, approximate=False), present[i : i + 1]]))
        return self.fuse(jnp.concatenate(rows))


class SetEncoder(AbstractEncoderFamily):
    """Events or repeated measurements: invariant under their order and under padding.

    Args:
        block: name of the block of `PaddedEvents`, or of an array (events, features) without padding.
        hidden: units of each hidden layer.
        out: features that come out; None for 16 per inferred parameter.
    """

    block: str = eqx.field(static=True, default="")
    hidden: tuple[int, ...] = eqx.field(static=True, default=(128, 128))
    out: int | None = eqx.field(static=True, default=None)

    def build(self, key: Key, layout: Layout, targets: int) -> "Pooled":
        """Perceptrons with fresh weights."""
        head = f"{self.block}." if self.block else ""
        padded = f"{head}values" in layout and f"{head}mask" in layout
        values = f"{head}values" if padded else self.block or next(iter(layout))
        if values not in layout or len(layout[values]) != 2:
            raise InvalidOption(
                f"SetEncoder: block {values!r} must be events by features; the data have {layout}; name the block"
            )
        mask = f"{head}mask" if padded else ""
        rest = {n: s for n, s in layout.items() if n not in (values, mask)}
        one, two = subkeys(key, 2)
        out, width = self.out or 16 * targets, self.hidden[-1]
        each = perceptron(one, layout[values][1], self.hidden[:-1], width)
        after = perceptron(two, 2 * width + 1 + sum(map(_size, rest.values())), self.hidden, out)
        return Pooled(each=each, after=after, features=out, values=values, mask=mask)


class Pooled(AbstractEncoder):
    """Masked mean and maximum of the events' features, ln(1 + count), and the numbers of other blocks."""

    each: Perceptron
    after: Perceptron
    features: int = eqx.field(static=True)
    values: str = eqx.field(static=True)
    mask: str = eqx.field(static=True)

    def __call__(self, blocks: Scaled, key: Key | None = None) -> Float32[Array, " features"]:
        """Features of the whole set."""
        values = blocks[self.values]
        mask = blocks[self.mask] > 0 if self.mask else jnp.ones(len(values), dtype=bool)
        rows = jax.vmap(self.each)(jnp.where(mask[:, None], values, 0))
        count = jnp.sum(mask.astype(jnp.float32))
        mean = jnp.sum(jnp.where(mask[:, None], rows, 0), axis=0) / jnp.maximum(count, 1)
        most = jnp.max(jnp.where(mask[:, None], rows, -jnp.inf), axis=0)
        most = jnp.where(jnp.isfinite(most), most, 0)
        rest = {n: b for n, b in blocks.items() if n not in (self.values, self.mask)}
        tail = [flatten(rest)] if rest else []
        return self.after(jnp.concatenate([mean, most, jnp.log1p(count)[None], *tail]))


def flatten(blocks: Scaled) -> Float32[Array, " numbers"]:
    """All numbers in one row, blocks in the order of their names."""
    return jnp.concatenate([jnp.ravel(blocks[name]).astype(jnp.float32) for name in sorted(blocks)])


def automatic(layout: Layout) -> AbstractEncoderFamily:
    """The encoder for data of a layout: events by sets, several blocks by block, few numbers as they are."""
    masks = [name for name in layout if name == "mask" or name.endswith(".mask")]
    if masks:
        return SetEncoder(masks[0].removesuffix("mask").removesuffix("."))
    numbers = sum(_size(shape) for shape in layout.values())
    if numbers <= _SMALL:
        return Identity()
    return BlockEncoder() if len(layout) > 1 else Mlp()


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=int))


def scaled_layout(blocks: Mapping[str, Any]) -> Layout:
    """Shapes of the blocks of one scaled set, from rows of many."""
    return {name: tuple(array.shape[1:]) for name, array in blocks.items()}
