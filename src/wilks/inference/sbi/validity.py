"""Probability that a simulation is valid, learned from which ones failed: P(valid | theta) as a small network."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32

from wilks._base.typing import Key

from .budget import Budget
from .networks import Perceptron, perceptron
from .training import train

_HIDDEN = (64, 64)


class ValidityLoss(eqx.Module):
    """Cross entropy of valid against failed simulations: smallest for the log odds of being valid."""

    def __call__(self, network: Perceptron, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Mean loss of a batch."""
        logits = jax.vmap(network)(rows["y"])[:, 0]
        return jnp.mean(jax.nn.softplus(logits) - rows["valid"] * logits)


def train_validity(
    key: Key, z: Float32[np.ndarray, "pairs size"], valid: Bool[np.ndarray, " pairs"], budget: Budget
) -> Perceptron:
    """A network of the log odds that the simulation at a point is valid.

    Args:
        key: random key of weights and training.
        z: network coordinates of all simulations, failed ones too.
        valid: which of them gave data.
        budget: length of the training.
    """
    one, two = jax.random.split(key)
    fresh = perceptron(one, z.shape[1], _HIDDEN, 1, head=0.01)
    return train(two, ValidityLoss(), fresh, {"y": z, "valid": valid.astype(np.float32)}, budget=budget).network
