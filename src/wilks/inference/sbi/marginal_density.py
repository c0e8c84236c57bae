"""Density of data over the prior: a flow without a condition, trained on simulations, that says how usual data are."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32

from wilks._base.typing import Key

from .budget import Budget
from .density import AbstractConditionalDensity, AbstractDensityFamily
from .drawing import blocked
from .training import train

_STEPS = 2_000


class _MarginalLoss(eqx.Module):
    """-E ln p(x)."""

    def __call__(
        self, network: AbstractConditionalDensity, rows: Mapping[str, Any], key: Key
    ) -> Float32[jax.Array, ""]:
        """Mean loss of a batch."""
        return jnp.mean(network.losses(rows["x"], _no_context(rows["x"]), key))


class _MarginalHeldOut(eqx.Module):
    """The same with fixed noise."""

    def __call__(self, network: AbstractConditionalDensity, rows: Mapping[str, Any]) -> Float32[jax.Array, ""]:
        """Loss over the held-out rows."""
        return jnp.mean(network.held_out_losses(rows["x"], _no_context(rows["x"])))


def marginal_log_density(
    key: Key,
    family: AbstractDensityFamily,
    reference: Float[np.ndarray, "rows features"],
    at: Float[np.ndarray, "points features"],
    budget: Budget | None = None,
) -> Float[np.ndarray, " points"]:
    """ln p(x) at points, by a density trained on a reference sample.

    Args:
        key: random key of weights and training.
        family: settings of the density, e.g. `SplineFlow`.
        reference: standardised features of at least 100 simulations.
        at: standardised features at which the density is asked for.
        budget: length and pace of the training; 2,000 steps by default.
    """
    build, fit = jax.random.split(key)
    fresh = family.build(build, reference.shape[1], 1, len(reference))
    rows = {"x": np.asarray(reference, np.float32)}
    trained = train(fit, _MarginalLoss(), fresh, rows, budget=budget or Budget(_STEPS), held_out=_MarginalHeldOut())
    return np.asarray(blocked(lambda x: _log_prob(trained.network, x), np.asarray(at, np.float32)), float)


def _no_context(x: Any) -> Float32[jax.Array, "rows 1"]:
    return jnp.zeros((len(x), 1), jnp.float32)


@eqx.filter_jit
def _log_prob(network, x):
    x = jnp.asarray(x)
    return network.log_prob(x, _no_context(x))
