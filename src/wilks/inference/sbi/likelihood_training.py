"""Training of neural likelihoods: from a simulator to a normalised density of its data, in one round or several."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .budget import USUAL_BATCH, Budget
from .checkpoints import Checkpoints, digest_of_pairs, identity_of
from .coordinates import COORDINATES, AbstractCoordinate, inferred_space, to_network, with_held
from .density import AbstractDensityFamily
from .flows import SplineFlow
from .likelihood_rounds import train_at_data
from .networks import perceptron
from .neural_likelihood import DataScaling, LikelihoodNetwork, NeuralLikelihood
from .online import fresh_pairs, judging_pairs_without_failures, online_ledger, seen_by
from .pairs import VALID, Pairs
from .ratio_rounds import Boxes, Ledger
from .records import record
from .rounds import counts_of_rounds
from .solver_steps import SETS, settle_steps
from .switches import refuse_switches
from .training import FEWEST_PAIRS, Trained, train
from .training_inputs import gather_pairs
from .truncation import Truncation
from .validity import train_validity

_CONTEXT = 32  # features of the parameters that the density sees
_HIDDEN = (64, 64)


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
    rounds: int = 1,
    data: Any = None,
    truncation: Truncation | None = None,
    pairs: int | tuple[int, ...] | Pairs | str | Path = 100_000,
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
        rounds: 1, or more with ``data``: every later round simulates at draws of the posterior that the last likelihood
            gives there. No correction is needed, and the likelihood holds for any data, though best near these.
        data: observed data for which later rounds simulate.
        truncation: prior ``draws`` by which that posterior is found, mass ``eps`` that may be missed, ``margin``.
        pairs: number of simulations over all rounds (a tuple: in each), `Pairs`, or the folder of saved ones. Or
            ``"online"``: fresh ones inside every training step, for simulators that compile and never fail.
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
    refuse_switches(space, "train_likelihood")
    online = pairs == "online"
    if rounds < 1:
        raise InvalidOption(f"{rounds} rounds asked for; ask for at least 1")
    if rounds > 1 and (data is None or online):
        raise InvalidOption("rounds simulate where the posterior lies: give data= and a number of pairs, or rounds=1")
    seed = jax.random.key(as_seed(key))
    made = None
    if online:
        made = judging_pairs_without_failures(jax.random.fold_in(seed, 0), simulator, space)
    elif rounds == 1 or isinstance(pairs, (Pairs, str, Path)):
        given = counts_of_rounds(pairs, None, 1)[0] if isinstance(pairs, tuple) else pairs
        made = gather_pairs(
            jax.random.fold_in(seed, 0), simulator, space, given, executor=executor, store=store, progress=progress,
            allow_invalid=allow_invalid,
        )  # fmt: skip
    coordinate = COORDINATES["box"](inferred_space(space))
    settings = _Settings(
        density or SplineFlow(), coordinate, space, budget or Budget(), store, progress, throw,
        simulator if online else None,
    )  # fmt: skip
    if made is not None and rounds == 1:
        return _train_one(seed, made, settings, "likelihood")
    counts = counts_of_rounds(pairs, made, rounds)
    plan = Boxes(as_seed(key), simulator, space, data, counts, truncation or Truncation(), executor, allow_invalid)

    def fit(number: int, every: Pairs, ledger: Ledger) -> NeuralLikelihood:
        own = jax.random.fold_in(seed, 100 + number)
        return dataclasses.replace(_train_one(own, every, settings, f"likelihood-round-{number + 1}"), ledger=ledger)

    return train_at_data(plan, coordinate.space, fit, made)


class _Settings(NamedTuple):
    """What the networks of all rounds share."""

    family: AbstractDensityFamily
    coordinate: AbstractCoordinate
    space: ParameterSpace
    budget: Budget
    store: Any
    progress: Any
    throw: bool
    online: AbstractSimulator | None


class _FreshRows(eqx.Module):
    """A source of batches: parameters from the prior, and scaled data at them."""

    simulator: AbstractSimulator
    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    scaling: DataScaling
    batch: int = eqx.field(static=True)

    def __call__(self, key: Key) -> dict[str, Any]:
        """One batch of rows ``{"y": coordinates, "x": scaled data}``."""
        theta, data = fresh_pairs(key, self.simulator, self.space, self.batch)
        x = jax.vmap(self.scaling.scaled)(data).astype(jnp.float32)
        return {"y": seen_by(self.coordinate, self.space, theta), "x": x}


def _train_one(seed: Key, pairs: Pairs, settings: _Settings, stage: str) -> NeuralLikelihood:
    clock = Clock.start()
    coordinate, space = settings.coordinate, settings.space
    scaling, rows = _rows(pairs, coordinate)
    source = None
    if (simulator := settings.online) is not None:
        batch = settings.budget.batch or USUAL_BATCH
        settings = settings._replace(budget=dataclasses.replace(settings.budget, batch=batch))
        source = _FreshRows(simulator, space, coordinate, scaling, batch)
    trained = _train_density(seed, rows, settings, source, _checkpoints(seed, pairs, settings, stage))
    contexts = jax.vmap(trained.network.context)(jnp.asarray(rows.z[rows.valid][:SETS]))
    settled = settle_steps(trained.network.density, contexts)
    validity = None
    if not rows.valid.all():
        validity = train_validity(jax.random.fold_in(seed, 2), rows.z, rows.valid, settings.budget)
    return NeuralLikelihood(
        space=with_held(coordinate.space, space),
        coordinate=coordinate,
        network=eqx.tree_at(lambda n: n.density, trained.network, settled.density),
        scaling=scaling,
        validity=validity,
        record=trained.record,
        flags={**pairs.flags, **trained.record.flags, **settled.flags},
        provenance=record(
            clock, "train_likelihood", key=seed, density=repr(settings.family), pairs=len(pairs),
            budget=repr(settings.budget),
        ),
        ledger=() if source is None else online_ledger(pairs, trained.record),
    )  # fmt: skip


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


def _train_density(seed: Key, rows: _Rows, settings: _Settings, source: Any, points: Any) -> Trained:
    keys = jax.random.split(jax.random.fold_in(seed, 1), 3)
    size, count = rows.x.shape[1], len(rows.x)
    features = perceptron(keys[0], rows.z.shape[1], _HIDDEN, _CONTEXT)
    fresh = LikelihoodNetwork(features, settings.family.build(keys[1], size, _CONTEXT, count))
    pairs = {"y": rows.z[rows.valid], "x": rows.x}
    return train(
        keys[2],
        _DensityLoss(),
        fresh,
        pairs,
        budget=settings.budget,
        held_out=_DensityHeldOut(),
        source=source,
        checkpoints=points,
        progress=settings.progress,
        throw=settings.throw,
    )


def _checkpoints(seed: Key, pairs: Pairs, settings: _Settings, stage: str) -> Checkpoints | None:
    if settings.store is None:
        return None
    identity = identity_of(
        stage, seed, digest_of_pairs(pairs), density=settings.family, budget=settings.budget,
        online=settings.online is not None,
    )  # fmt: skip
    return Checkpoints(Path(settings.store) / stage, identity)
