"""Synthetic likelihoods: one Gaussian per point, and expected counts, whose means and widths a network predicts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.errors import InvalidData
from wilks._base.typing import Key, Values
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractSimulator
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from .budget import Budget
from .coordinates import COORDINATES, AbstractCoordinate, inferred_space, to_network, with_held
from .density import AbstractDensityFamily
from .mixture_density import ConditionalMixture, MixtureDensity
from .networks import Perceptron, perceptron
from .pairs import Pairs
from .switches import refuse_switches
from .training import train
from .training_inputs import gather_pairs
from .training_record import TrainingRecord


class GaussianSynthetic(AbstractDensityFamily):
    """One Gaussian with full covariance whose mean and Cholesky factor depend on the parameters: -E ln N.

    Args:
        width: units per hidden layer.
        depth: hidden layers.

    References:
        S. Wood, Nature 466 (2010) 1102, on synthetic likelihoods.
    """

    width: int = eqx.field(static=True, default=64)
    depth: int = eqx.field(static=True, default=2)

    def build(self, key: Key, size: int, context: int, pairs: int) -> ConditionalMixture:
        """A mixture of one component with fresh weights."""
        return MixtureDensity(1, self.width, self.depth).build(key, size, context, pairs)


class NeuralPredictor(AbstractPredictor[Float[Array, " bins"]]):
    """Expected counts per bin, smooth in the parameters; made by `train_predictor`.

    Args:
        space: parameters with bounds and priors, and held ones.
        coordinate: how the network sees them.
        network: logarithms of the counts over their mean.
        scale: mean count of each bin over the training pairs.
        record: how the training went.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: Perceptron
    scale: Float[Array, " bins"]
    record: TrainingRecord = eqx.field(static=True)

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """Counts at the named values."""
        own = self.space.pack(values)[jnp.asarray(self.space.indices(self.coordinate.space.names))]
        z = self.coordinate.to_network(own).astype(jnp.float32)
        return self.scale * _rate(self.network(z)).astype(float)


class _PoissonLoss(eqx.Module):
    """E[mu - n ln mu] per bin, relative to the mean count."""

    scale: Float32[Array, " bins"]

    def __call__(self, network: Perceptron, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Mean loss of a batch."""
        rate = _rate(jax.vmap(network)(rows["y"]))
        return jnp.mean(self.scale[None] * rate - rows["n"] * jnp.log(rate))


def train_predictor(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    pairs: int | Pairs | str | Path = 100_000,
    hidden: tuple[int, ...] = (128, 128),
    budget: Budget | None = None,
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> NeuralPredictor:
    """Learn expected counts from simulated ones (`PoissonSynthetic`): a predictor for `PoissonCounts`.

    The loss E[mu - n ln mu] is smallest for the exact mean of n at each point, whatever the law of n.

    Args:
        key: random key or seed of simulations, weights and training.
        simulator: makes counts, one array (or one block).
        space: parameters with priors.
        pairs: number of simulations, `Pairs`, or the folder of saved ones.
        hidden: units of each hidden layer.
        budget: length and pace of the training.
        executor: where simulations run: None, a number of processes, an executor, or a Dask client.
        store: folder for pairs, found again when the same call is repeated.
        progress: called with (done, total, failed, seconds).

    Raises:
        InvalidData: for data of several blocks or with negative numbers.
    """
    refuse_switches(space, "a predictor")
    seed = jax.random.key(as_seed(key))
    made = gather_pairs(
        jax.random.fold_in(seed, 0), simulator, space, pairs, executor=executor, store=store, progress=progress
    ).valid
    coordinate = COORDINATES["box"](inferred_space(space))
    counts = _counts(made)
    scale = np.maximum(counts.mean(axis=0), 1e-3)
    z = np.asarray(to_network(coordinate, jnp.asarray(made.columns(coordinate.space.names))), np.float32)
    build, fit = jax.random.split(jax.random.fold_in(seed, 1))
    fresh = perceptron(build, z.shape[1], hidden, counts.shape[1], head=0.01)
    loss = _PoissonLoss(jnp.asarray(scale, jnp.float32))
    rows = {"y": z, "n": counts.astype(np.float32)}
    trained = train(fit, loss, fresh, rows, budget=budget or Budget(), progress=progress)
    return NeuralPredictor(
        space=with_held(coordinate.space, space),
        coordinate=coordinate,
        network=trained.network,
        scale=jnp.asarray(scale),
        record=trained.record,
    )


def _rate(raw: Float32[Array, "... bins"]) -> Float32[Array, "... bins"]:
    """Softplus that is 1 at 0."""
    return jax.nn.softplus(raw + np.float32(0.5413249)) + np.float32(1e-6)  # ln(e - 1) = 0.5413249


def _counts(pairs: Pairs) -> Float[np.ndarray, "pairs bins"]:
    names = [name for name in pairs.data if not name.endswith("auxiliary")]
    if len(names) != 1:
        raise InvalidData(f"the data have the blocks {', '.join(pairs.data)}; a predictor learns the counts of one")
    counts = np.asarray(pairs.data[names[0]], dtype=float).reshape(len(pairs), -1)
    if (counts < 0).any():
        raise InvalidData(f"block {names[0]!r} holds negative numbers; counts are expected")
    return counts
