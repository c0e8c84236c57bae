"""An encoder and a density trained together, the loss that trains them, and the standardisation before them."""

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.typing import Key

from .blocks import Layout
from .density import AbstractConditionalDensity
from .embeddings import AbstractEncoder, AbstractEncoderFamily, Identity, Scaled
from .networks import Perceptron, perceptron, subkeys
from .scaling import BlockScaling
from .summaries import AbstractSummary

_NARROWEST = -9.0  # ln of the smallest standard deviation that the standardisation may claim


class Estimator(eqx.Module):
    """Encoder and density: q(y | encoder(x))."""

    encoder: AbstractEncoder
    density: AbstractConditionalDensity


class EstimatorLoss(eqx.Module):
    """Mean loss over rows ``{"y": ..., "x": {block: ...}}``, weighted by ``"w"`` where the rows have it."""

    def __call__(self, network: Estimator, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Training loss of a batch."""
        encode_key, loss_key = jax.random.split(key)
        keys = jax.random.split(encode_key, len(rows["y"]))
        context = jax.vmap(network.encoder)(rows["x"], keys)
        return _mean(network.density.losses(rows["y"], context, loss_key), rows)


class HeldOutLoss(eqx.Module):
    """The same with fixed noise and without dropout."""

    def __call__(self, network: Estimator, rows: Mapping[str, Any]) -> Float32[Array, ""]:
        """Loss over the held-out rows."""
        context = jax.vmap(network.encoder)(rows["x"])
        return _mean(network.density.held_out_losses(rows["y"], context), rows)


class Standardiser(eqx.Module):
    """A small network for mean and spread of the coordinates given the data: y = (z - m(x))/s(x)."""

    encoder: AbstractEncoder
    network: Perceptron

    def __call__(self, blocks: Scaled) -> tuple[Float32[Array, " size"], Float32[Array, " size"]]:
        """m and ln s for ONE set of scaled data."""
        mean, log_spread = jnp.split(self.network(self.encoder(blocks)), 2)
        return mean, jnp.maximum(log_spread, np.float32(_NARROWEST))


class StandardiserLoss(eqx.Module):
    """Gaussian likelihood: sum over coordinates of (z-m)^2/(2 s^2) + ln s."""

    def __call__(self, network: Standardiser, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Mean over a batch of rows ``{"y": ..., "x": ...}``."""
        mean, log_spread = jax.vmap(network)(rows["x"])
        residual = (rows["y"] - mean) * jnp.exp(-log_spread)
        return _mean(jnp.sum(np.float32(0.5) * residual**2 + log_spread, axis=1), rows)


def standardiser(key: Key, family: AbstractEncoderFamily, layout: Layout, size: int) -> Standardiser:
    """A standardiser with fresh weights that starts at mean 0 and spread 1."""
    one, two = subkeys(key, 2)
    encoder = family.build(one, layout, size)
    return Standardiser(encoder, perceptron(two, encoder.features, (64, 64), 2 * size, head=0.01))


def linear_standardiser(
    blocks: Mapping[str, np.ndarray], z: Float32[np.ndarray, "rows size"], layout: Layout
) -> Standardiser:
    """The standardiser of least squares: m(x) linear in the scaled data, the same spread for all data.

    Exact for linear Gaussian models, where it leaves networks nothing of the data to learn. As many data as rows are
    held by a ridge of the size of one row.
    """
    x = np.concatenate([np.asarray(blocks[name], float).reshape(len(z), -1) for name in sorted(blocks)], axis=1)
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    ridge = np.diag([*np.ones(x.shape[1]), 0.0])
    found = np.linalg.solve(design.T @ design + ridge, design.T @ z)
    spread = np.maximum(np.std(z - design @ found, axis=0), math.exp(_NARROWEST))
    weight = np.concatenate([found[:-1], np.zeros_like(found[:-1])], axis=1).astype(np.float32)
    bias = np.concatenate([found[-1], np.log(spread)]).astype(np.float32)
    encoder = Identity().build(jax.random.key(0), layout, z.shape[1])
    return Standardiser(encoder, Perceptron((jnp.asarray(weight),), (jnp.asarray(bias),)))


class Preparation(eqx.Module):
    """What happens to data before any network: a fixed summary where there is one, then scaling.

    Args:
        summary: of the data, or None.
        scalings: scaling of each block after it.
        beside: blocks that stand beside the summary as they are: the alternatives of switches.
    """

    summary: AbstractSummary | None
    scalings: dict[str, BlockScaling]
    beside: tuple[str, ...] = eqx.field(static=True, default=())

    def __call__(self, blocks: Mapping[str, Any]) -> dict[str, Array]:
        """Scaled blocks of ONE set of data, in single precision; blocks that are absent stay absent."""
        summarised = self.summarised(blocks)
        return {name: scale(summarised[name]) for name, scale in self.scalings.items() if name in summarised}

    def summarised(self, blocks: Mapping[str, Any]) -> Mapping[str, Any]:
        """Blocks after the summary."""
        if self.summary is None:
            return blocks
        return {"summary": self.summary(blocks), **{name: blocks[name] for name in self.beside if name in blocks}}

    def beyond(self, blocks: Mapping[str, Any]) -> list[str]:
        """Names of the blocks that lie far outside of what training has seen."""
        summarised = self.summarised(blocks)
        return [n for n, scale in self.scalings.items() if n in summarised and scale.beyond(summarised[n])]


@eqx.filter_jit
def prepare_rows(preparation: Preparation, blocks: Mapping[str, Any]) -> dict[str, Array]:
    """Scaled blocks of many sets of data."""
    return jax.vmap(preparation)(blocks)


@eqx.filter_jit
def standardise_rows(
    standard: Standardiser, x: Mapping[str, Any], z: Float32[Array, "rows size"]
) -> Float32[Array, "rows size"]:
    """(z - m(x))/s(x) of many rows."""
    mean, log_spread = jax.vmap(standard)(x)
    return (z - mean) * jnp.exp(-log_spread)


def _mean(losses: Float32[Array, " rows"], rows: Mapping[str, Any]) -> Float32[Array, ""]:
    return jnp.mean(losses * rows["w"]) if "w" in rows else jnp.mean(losses)
