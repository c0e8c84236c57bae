"""Neural likelihoods of data that are partly categories: ln q(x|theta) = ln q(c|theta) + ln q(y|c, theta)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float32, Int

from wilks._base.errors import InvalidData, UnknownName, near_names
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
from .coordinates import COORDINATES, AbstractCoordinate, inferred_space, to_network, with_held
from .density import AbstractDensityFamily
from .flows import SplineFlow
from .networks import Perceptron, perceptron
from .neural_likelihood import DataScaling, LikelihoodNetwork, nested
from .pairs import VALID, Pairs
from .records import record
from .solver_steps import SETS, settle_steps
from .switches import refuse_switches
from .training import FEWEST_PAIRS, train
from .training_inputs import gather_pairs
from .training_record import TrainingRecord
from .validity import train_validity

_CONTEXT = 32  # features of parameters and category that the density sees
_HIDDEN = (64, 64)
_MOST = 256  # categories


class MixedNetwork(eqx.Module):
    """Log probabilities of the categories, and a density of the other data given parameters and category."""

    head: Perceptron
    rest: LikelihoodNetwork

    def log_shares(self, z: Float32[Array, " size"]) -> Float32[Array, " categories"]:
        """ln q(c|theta) of all categories."""
        return jax.nn.log_softmax(self.head(z))

    def context(self, z: Float32[Array, " size"], category: Int[Array, ""]) -> Float32[Array, " features"]:
        """Features of ONE point and category."""
        told = jax.nn.one_hot(category, self.head.biases[-1].shape[0], dtype=jnp.float32)
        return self.rest.context(jnp.concatenate([z, told]))


@final
class MixedLikelihood(AbstractLikelihood[Any], AbstractSimulator[Any]):
    """A trained density of data with categories, normalised over both; made by `train_mixed_likelihood`.

    Args:
        space: parameters with bounds and priors, and held ones.
        coordinate: how the network sees them.
        network: probabilities and density.
        categories: numbers of the discrete blocks, one row per category.
        discrete: shapes of these blocks.
        scaling: of all other data.
        validity: network of the log odds that a simulation is valid; None if all were.
        record: how the training went.
        flags: name -> sentence.
        provenance: versions, seed, digests, time.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: MixedNetwork
    categories: Float[Array, "categories numbers"]
    discrete: Layout = eqx.field(static=True)
    scaling: DataScaling
    validity: Perceptron | None
    record: TrainingRecord = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)

    def log_prob(self, values: Values, data: Any) -> LogProb:
        """ln q(c|theta) + ln q(y|c, theta) + ln P(valid|theta); -inf for a category that no simulation gave."""
        z, blocks = self._coordinates(values), blocks_of(data)
        told = jnp.concatenate([jnp.ravel(jnp.asarray(blocks[n])).astype(float) for n in sorted(self.discrete)])
        same = jnp.all(self.categories == told[None], axis=1)
        category = jnp.argmax(same)
        y = self.scaling.scaled(blocks).astype(jnp.float32)
        context = self.network.context(z, category)
        density = self.network.rest.density.log_prob(y[None], context[None])[0].astype(float)
        total = self.network.log_shares(z)[category] + density - jnp.sum(jnp.log(self.scaling.spread))
        if self.validity is not None:
            total = total + jax.nn.log_sigmoid(self.validity(z)[0]).astype(float)
        return jnp.where(jnp.any(same), total, -jnp.inf)

    def simulate(self, key: Key, values: Values) -> Any:
        """One set of data drawn from q."""
        one, two = jax.random.split(key)
        z = self._coordinates(values)
        category = jax.random.categorical(one, self.network.log_shares(z))
        y = self.network.rest.density.draw(two[None], self.network.context(z, category)[None])[0]
        return nested({**self.scaling.blocks(y.astype(float)), **self._told(self.categories[category])})

    def expected(self, values: Values) -> Any:
        """Mean of many draws, as no closed form exists; of categories the mean of their numbers."""
        drawn = jax.vmap(lambda key: self.simulate(key, values))(jax.random.split(jax.random.key(0), 4096))
        return jax.tree.map(lambda rows: jnp.mean(rows, axis=0), drawn)

    def __repr__(self) -> str:
        names = ", ".join(self.coordinate.space.names)
        return f"MixedLikelihood({names}; {len(self.categories)} categories; {self.record.done} steps)"

    def _told(self, row: Float[Array, " numbers"]) -> dict[str, Array]:
        names = sorted(self.discrete)
        ends = np.cumsum([int(np.prod(self.discrete[n], dtype=int)) for n in names])
        pieces = jnp.split(row, ends[:-1])
        return {n: piece.reshape(self.discrete[n]) for n, piece in zip(names, pieces, strict=True)}

    def _coordinates(self, values: Values) -> Float32[Array, " size"]:
        own = self.space.pack(values)[jnp.asarray(self.space.indices(self.coordinate.space.names))]
        return self.coordinate.to_network(own).astype(jnp.float32)


class _MixedLoss(eqx.Module):
    """-E [ln q(c|theta) + ln q(y|c, theta)]: any law of the parameters is allowed."""

    def __call__(self, network: MixedNetwork, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Mean loss of a batch."""
        context = jax.vmap(network.context)(rows["y"], rows["c"])
        return _surprise(network, rows) + jnp.mean(network.rest.density.losses(rows["x"], context, key))


class _MixedHeldOut(eqx.Module):
    """The same with fixed noise."""

    def __call__(self, network: MixedNetwork, rows: Mapping[str, Any]) -> Float32[Array, ""]:
        """Loss over the held-out rows."""
        context = jax.vmap(network.context)(rows["y"], rows["c"])
        return _surprise(network, rows) + jnp.mean(network.rest.density.held_out_losses(rows["x"], context))


class _Ready(NamedTuple):
    """Pairs as the networks see them; ``z`` and ``valid`` are of failed simulations too."""

    coordinate: AbstractCoordinate
    scaling: DataScaling
    categories: Float[np.ndarray, "categories numbers"]
    z: Float32[np.ndarray, "pairs size"]
    valid: Bool[np.ndarray, " pairs"]
    rows: dict[str, np.ndarray]


def train_mixed_likelihood(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    discrete: tuple[str, ...],
    density: AbstractDensityFamily | None = None,
    pairs: int | Pairs | str | Path = 100_000,
    budget: Budget | None = None,
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    allow_invalid: bool = False,
) -> MixedLikelihood:
    """Train a normalised density of data of which some blocks are categories, such as a channel or a few counts.

    Args:
        key: random key or seed of simulations, weights and training.
        simulator: makes one set of data per point, arrays by block name.
        space: parameters with priors.
        discrete: names of the blocks that hold categories: every combination of their numbers is one.
        density: of all other blocks; `SplineFlow` unless given, `MixtureDensity`, `GaussianSynthetic`, or a field.
        pairs: number of simulations, `Pairs`, or the folder of saved ones, from any law of the parameters.
        budget: length and pace of the training.
        executor: where simulations run: None, a number of processes, an executor, or a Dask client.
        store: folder for pairs and checkpoints, found again when the same call is repeated.
        progress: called with (done, total, failed, seconds).
        allow_invalid: accept more than 1 % of failed simulations.

    Raises:
        UnknownName: for a block that the data do not have.
        InvalidData: for fewer than 100 valid pairs, more than 256 categories, or data without any other block.

    References:
        J. Boelts, J.-M. Lueckmann, R. Gao, J. Macke, eLife 11 (2022) e77220.
    """
    clock = Clock.start()
    refuse_switches(space, "train_mixed_likelihood")
    seed, family, budget = jax.random.key(as_seed(key)), density or SplineFlow(), budget or Budget()
    made = gather_pairs(
        jax.random.fold_in(seed, 0), simulator, space, pairs, executor=executor, store=store, progress=progress,
        allow_invalid=allow_invalid,
    )  # fmt: skip
    ready = _ready(made, inferred_space(space), discrete)
    points = None
    if store is not None:
        identity = identity_of(
            "mixed likelihood", seed, digest_of_pairs(made), density=family, budget=budget, discrete=list(discrete)
        )
        points = Checkpoints(Path(store) / "mixed-likelihood", identity)
    network, training, flags = _train(jax.random.fold_in(seed, 1), family, ready, budget, points, progress)
    some_failed = not ready.valid.all()
    return MixedLikelihood(
        space=with_held(ready.coordinate.space, space),
        coordinate=ready.coordinate,
        network=network,
        categories=jnp.asarray(ready.categories),
        discrete={name: tuple(made.layout[name]) for name in discrete},
        scaling=ready.scaling,
        validity=train_validity(jax.random.fold_in(seed, 2), ready.z, ready.valid, budget) if some_failed else None,
        record=training,
        flags={**made.flags, **flags},
        provenance=record(
            clock, "train_mixed_likelihood", key=key, density=repr(family), pairs=len(made), budget=repr(budget)
        ),
    )


def _ready(pairs: Pairs, inferred: ParameterSpace, discrete: tuple[str, ...]) -> _Ready:
    valid = pairs.valid
    if len(valid) < FEWEST_PAIRS:
        raise InvalidData(f"{len(valid)} valid pairs of {len(pairs)}; at least {FEWEST_PAIRS} are needed")
    categories, which, others = _parted(valid, discrete)
    coordinate, scaling, good = COORDINATES["box"](inferred), DataScaling.of(others), pairs.status == VALID
    z = np.asarray(to_network(coordinate, jnp.asarray(pairs.columns(inferred.names))), np.float32)
    rows = {"y": z[good], "c": which.astype(np.int32), "x": np.asarray(scaling.scaled_rows(others), np.float32)}
    return _Ready(coordinate, scaling, categories, z, good, rows)


def _train(
    key: Key, family: AbstractDensityFamily, ready: _Ready, budget: Budget, points: Any, progress: Any
) -> tuple[MixedNetwork, TrainingRecord, dict[str, str]]:
    """The trained network with the steps of its solver settled, how it went, and flags."""
    keys = jax.random.split(key, 4)
    rows, size, count = ready.rows, ready.z.shape[1], len(ready.categories)
    density = family.build(keys[2], rows["x"].shape[1], _CONTEXT, len(rows["x"]))
    features = perceptron(keys[1], size + count, _HIDDEN, _CONTEXT)
    fresh = MixedNetwork(perceptron(keys[0], size, _HIDDEN, count, head=0.01), LikelihoodNetwork(features, density))
    trained = train(
        keys[3], _MixedLoss(), fresh, rows, budget=budget, held_out=_MixedHeldOut(), checkpoints=points,
        progress=progress,
    )  # fmt: skip
    network = trained.network
    contexts = jax.vmap(network.context)(jnp.asarray(rows["y"][:SETS]), jnp.asarray(rows["c"][:SETS]))
    settled = settle_steps(network.rest.density, contexts)
    network = eqx.tree_at(lambda n: n.rest.density, network, settled.density)
    return network, trained.record, {**trained.record.flags, **settled.flags}


def _parted(
    pairs: Pairs, discrete: tuple[str, ...]
) -> tuple[Float[np.ndarray, "categories numbers"], Int[np.ndarray, " pairs"], dict[str, np.ndarray]]:
    """All categories, that of each pair, and the other blocks."""
    for name in discrete:
        if name not in pairs.data:
            raise UnknownName(f"the data have no block {name!r}; {near_names(name, pairs.data)}")
    others = {name: block for name, block in pairs.data.items() if name not in discrete}
    if not discrete or not others:
        raise InvalidData(
            f"discrete blocks {', '.join(discrete) or 'none'} of {', '.join(pairs.data)}; name some, and leave at "
            "least one block of continuous numbers"
        )
    told = np.concatenate([np.asarray(pairs.data[n], float).reshape(len(pairs), -1) for n in sorted(discrete)], axis=1)
    categories, which = np.unique(told, axis=0, return_inverse=True)
    if len(categories) > _MOST:
        raise InvalidData(
            f"{', '.join(discrete)}: {len(categories)} categories in {len(pairs)} pairs, at most {_MOST} can be "
            "learned; leave blocks of many different numbers to the density"
        )
    return categories, which.ravel(), others


def _surprise(network: MixedNetwork, rows: Mapping[str, Any]) -> Float32[Array, ""]:
    shares = jax.vmap(network.log_shares)(rows["y"])
    return -jnp.mean(jnp.take_along_axis(shares, rows["c"][:, None], axis=1))
