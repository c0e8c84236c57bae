"""Neural likelihoods: normalised densities of data given parameters, trained on simulations, for any procedure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.errors import InvalidData, InvalidModel
from wilks._base.typing import Key, LogProb, Values
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .blocks import Layout, blocks_of
from .budget import Budget
from .checkpoints import Checkpoints, digest_of_pairs, identity_of
from .coordinates import COORDINATES, AbstractCoordinate, inferred_space, to_network
from .density import AbstractConditionalDensity, AbstractDensityFamily
from .flows import SplineFlow
from .networks import Perceptron, perceptron
from .pairs import VALID, Pairs
from .records import record
from .solver_steps import SETS, settle_steps
from .switches import refuse_switches
from .training import FEWEST_PAIRS, Trained, train
from .training_inputs import gather_pairs
from .training_record import TrainingRecord
from .validity import train_validity

_CONTEXT = 32  # features of the parameters that the density sees
_HIDDEN = (64, 64)


class DataScaling(eqx.Module):
    """Numbers of the data with mean 0 and standard deviation 1, all blocks in one row, and its Jacobian.

    Args:
        names: blocks in the order in which they are joined.
        layout: shape of each block.
        mean: mean of each number over the training pairs.
        spread: its standard deviation.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    layout: Layout = eqx.field(static=True)
    mean: Float[Array, " data"]
    spread: Float[Array, " data"]

    @classmethod
    def of(cls, data: Mapping[str, np.ndarray]) -> "DataScaling":
        """The scaling of training data.

        Raises:
            InvalidData: for a number that never varies: its density would be infinite.
        """
        names = tuple(sorted(data))
        rows = np.concatenate([np.asarray(data[n], float).reshape(len(data[n]), -1) for n in names], axis=1)
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        constant = spread <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
        if constant.any():
            raise InvalidData(
                f"number {int(np.argmax(constant))} of the data never varies, so that its density is infinite; leave "
                "it out of the simulator's output"
            )
        layout = {n: tuple(np.shape(data[n])[1:]) for n in names}
        return cls(names, layout, jnp.asarray(mean), jnp.asarray(spread))

    def scaled(self, blocks: Mapping[str, Any]) -> Float[Array, " data"]:
        """Scaled numbers of ONE set of data."""
        row = jnp.concatenate([jnp.ravel(jnp.asarray(blocks[n])).astype(float) for n in self.names])
        return (row - self.mean) / self.spread

    def unscaled(self, row: Float[Array, " data"]) -> Any:
        """One set of data in the simulator's form: an array, or arrays by block name."""
        return nested(self.blocks(row))

    def blocks(self, row: Float[Array, " data"]) -> dict[str, Array]:
        """One set of data by block."""
        physical = row * self.spread + self.mean
        ends = np.cumsum([int(np.prod(self.layout[n], dtype=int)) for n in self.names])
        pieces = jnp.split(physical, ends[:-1])
        return {n: piece.reshape(self.layout[n]) for n, piece in zip(self.names, pieces, strict=True)}

    def scaled_rows(self, data: Mapping[str, np.ndarray]) -> Float[Array, "rows data"]:
        """Scaled numbers of many sets of data."""
        return _scaled(self, dict(data))


class LikelihoodNetwork(eqx.Module):
    """Features of the parameters, and a density of scaled data given them."""

    features: Perceptron
    density: AbstractConditionalDensity

    def context(self, z: Float32[Array, " size"]) -> Float32[Array, " features"]:
        """Features of ONE point."""
        return jax.nn.gelu(self.features(z), approximate=False)


@final
class NeuralLikelihood(AbstractLikelihood[Any], AbstractSimulator[Any]):
    """A trained density q(x | theta), normalised over the data; made by `train_likelihood`.

    Args:
        space: parameters with bounds and priors, and held ones.
        coordinate: how the network sees them.
        network: the density.
        scaling: of the data.
        validity: network of the log odds that a simulation is valid; None if all were.
        record: how the training went.
        flags: name -> sentence.
        provenance: versions, seed, digests, time.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: LikelihoodNetwork
    scaling: DataScaling
    validity: Perceptron | None
    record: TrainingRecord = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)

    def log_prob(self, values: Values, data: Any) -> LogProb:
        """ln q(x|theta) + ln P(valid|theta)."""
        z = self._coordinates(values)
        y = self.scaling.scaled(blocks_of(data)).astype(jnp.float32)
        density = self.network.density.log_prob(y[None], self.network.context(z)[None])[0].astype(float)
        total = density - jnp.sum(jnp.log(self.scaling.spread))
        if self.validity is None:
            return total
        return total + jax.nn.log_sigmoid(self.validity(z)[0]).astype(float)

    def simulate(self, key: Key, values: Values) -> Any:
        """One set of data drawn from q."""
        context = self.network.context(self._coordinates(values))
        y = self.network.density.draw(key[None], context[None])[0]
        return self.scaling.unscaled(y.astype(float))

    def expected(self, values: Values) -> Any:
        """Mean of many draws, as no closed form exists."""
        context = self.network.context(self._coordinates(values))
        keys = jax.random.split(jax.random.key(0), 4096)
        rows = self.network.density.draw(keys, jnp.broadcast_to(context, (4096, context.shape[0])))
        return self.scaling.unscaled(jnp.mean(rows.astype(float), axis=0))

    def __repr__(self) -> str:
        return f"NeuralLikelihood({', '.join(self.coordinate.space.names)}; {self.record.done} steps)"

    def _coordinates(self, values: Values) -> Float32[Array, " size"]:
        own = self.space.pack(values)[jnp.asarray(self.space.indices(self.coordinate.space.names))]
        return self.coordinate.to_network(own).astype(jnp.float32)


class _DensityLoss(eqx.Module):
    """-E ln q(x|theta): any law of the parameters is allowed."""

    def __call__(self, network: LikelihoodNetwork, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Mean loss of a batch."""
        return jnp.mean(network.density.losses(rows["x"], jax.vmap(network.context)(rows["y"]), key))


class _DensityHeldOut(eqx.Module):
    """The same with fixed noise."""

    def __call__(self, network: LikelihoodNetwork, rows: Mapping[str, Any]) -> Float32[Array, ""]:
        """Loss over the held-out rows."""
        return jnp.mean(network.density.held_out_losses(rows["x"], jax.vmap(network.context)(rows["y"])))


class _Rows(NamedTuple):
    """Pairs as the networks see them; parameters of failed simulations too."""

    z: Float32[np.ndarray, "pairs size"]
    x: Float32[np.ndarray, "valid data"]
    valid: np.ndarray


def train_likelihood(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    density: AbstractDensityFamily | None = None,
    pairs: int | Pairs | str | Path = 100_000,
    budget: Budget | None = None,
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    allow_invalid: bool = False,
    throw: bool = True,
) -> NeuralLikelihood:
    """Train a normalised density of the data given the parameters.

    Pairs may come from any law of the parameters. Where simulations fail, ln P(valid|theta) is learned from all of them
    and added. Counts of few events need `PoissonSynthetic`, as a density of continuous numbers does not describe them.

    Args:
        key: random key or seed of simulations, weights and training.
        simulator: makes one set of data per point.
        space: parameters with priors.
        density: `SplineFlow` unless given, `MixtureDensity`, `GaussianSynthetic`, or a field.
        pairs: number of simulations, `Pairs`, or the folder of saved ones.
        budget: length and pace of the training.
        executor: where simulations run: None, a number of processes, an executor, or a Dask client.
        store: folder for pairs and checkpoints, found again when the same call is repeated.
        progress: called with (done, total, failed, seconds).
        allow_invalid: accept more than 1 % of failed simulations.
        throw: raise when training diverges; else return the last good network with a flag.

    Raises:
        InvalidData: for fewer than 100 valid pairs, or data that never vary.
        TrainingDiverged: if ten steps in a row give no finite loss.

    References:
        G. Papamakarios, D. Sterratt, I. Murray, arXiv:1805.07226.
    """
    clock = Clock.start()
    refuse_switches(space, "train_likelihood")
    seed = jax.random.key(as_seed(key))
    made = gather_pairs(
        jax.random.fold_in(seed, 0), simulator, space, pairs, executor=executor, store=store, progress=progress,
        allow_invalid=allow_invalid,
    )  # fmt: skip
    coordinate = COORDINATES["box"](inferred_space(space))
    scaling, rows = _rows(made, coordinate)
    family, budget = density or SplineFlow(), budget or Budget()
    points = _checkpoints(store, seed, made, family, budget)
    trained = _train_density(seed, family, rows, budget, points, progress, throw)
    contexts = jax.vmap(trained.network.context)(jnp.asarray(rows.z[rows.valid][:SETS]))
    settled = settle_steps(trained.network.density, contexts)
    validity = None
    if not rows.valid.all():
        validity = train_validity(jax.random.fold_in(seed, 2), rows.z, rows.valid, budget)
    held = tuple(p for p in space.parameters if not p.is_free)
    return NeuralLikelihood(
        space=ParameterSpace((*coordinate.space.parameters, *held)),
        coordinate=coordinate,
        network=eqx.tree_at(lambda n: n.density, trained.network, settled.density),
        scaling=scaling,
        validity=validity,
        record=trained.record,
        flags={**made.flags, **trained.record.flags, **settled.flags},
        provenance=record(
            clock, "train_likelihood", key=key, density=repr(family), pairs=len(made), budget=repr(budget)
        ),
    )


def _rows(pairs: Pairs, coordinate: AbstractCoordinate) -> tuple[DataScaling, _Rows]:
    valid = pairs.valid
    if len(valid) < FEWEST_PAIRS:
        raise InvalidData(
            f"{len(valid)} valid pairs of {len(pairs)}; at least {FEWEST_PAIRS} are needed, 10,000 are usual"
        )
    scaling = DataScaling.of(valid.data)
    z = np.asarray(to_network(coordinate, jnp.asarray(pairs.columns(coordinate.space.names))), np.float32)
    x = np.asarray(scaling.scaled_rows(valid.data), np.float32)
    return scaling, _Rows(z, x, pairs.status == VALID)


def _train_density(
    seed: Key, family: AbstractDensityFamily, rows: _Rows, budget: Budget, points: Any, progress: Any, throw: bool
) -> Trained:
    keys = jax.random.split(jax.random.fold_in(seed, 1), 3)
    size, count = rows.x.shape[1], len(rows.x)
    features = perceptron(keys[0], rows.z.shape[1], _HIDDEN, _CONTEXT)
    fresh = LikelihoodNetwork(features, family.build(keys[1], size, _CONTEXT, count))
    pairs = {"y": rows.z[rows.valid], "x": rows.x}
    return train(
        keys[2],
        _DensityLoss(),
        fresh,
        pairs,
        budget=budget,
        held_out=_DensityHeldOut(),
        checkpoints=points,
        progress=progress,
        throw=throw,
    )


def _checkpoints(
    store: Any, seed: Key, pairs: Pairs, family: AbstractDensityFamily, budget: Budget
) -> Checkpoints | None:
    if store is None:
        return None
    identity = identity_of("likelihood", seed, digest_of_pairs(pairs), density=family, budget=budget)
    return Checkpoints(Path(store) / "likelihood", identity)


def nested(blocks: dict[str, Any]) -> Any:
    """Arrays by name as the simulator gave them: one alone by itself, dotted names as mappings in mappings."""
    if set(blocks) == {"x"}:
        return blocks["x"]
    tree: dict[str, Any] = {}
    for name, array in blocks.items():
        *outer, last = name.split(".")
        inner = tree
        for part in outer:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise InvalidModel(f"block names {', '.join(blocks)} contradict each other")
        inner[last] = array
    return tree


@eqx.filter_jit
def _scaled(scaling, blocks):
    return jax.vmap(scaling.scaled)(blocks)
