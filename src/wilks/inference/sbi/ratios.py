"""Neural ratios: likelihoods up to a term of the data alone, trained on simulations, used like any likelihood."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidOption, check_option
from wilks._base.typing import Key, LogProb, Values
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.likelihood.unnormalised import AbstractUnnormalised
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance
from wilks.results.text import as_text

from .blocks import Layout, blocks_of, observed_blocks
from .budget import USUAL_BATCH, Budget
from .checkpoints import Checkpoints, digest_of_pairs, identity_of
from .coordinates import COORDINATES, AbstractCoordinate, inferred_space, with_held
from .estimator import Preparation
from .ledgers import ledger_summary
from .networks import Residual
from .online import OnlinePairs, judging_pairs_without_failures, online_ledger
from .pairs import Pairs
from .ratio_losses import AbstractRatioLoss, BinaryRatio, DirectRatio, RatioTraining
from .ratio_networks import RatioNetwork, build_ratio
from .ratio_rounds import Boxes, Fit, train_in_boxes
from .records import record
from .rounds import counts_of_rounds
from .summaries import AbstractSummary
from .switches import refuse_switches
from .training import train
from .training_inputs import Encoder, Inputs, gather_pairs, prepare_inputs
from .training_record import TrainingRecord
from .truncation import Truncation

_FAR = 5.0  # standard normal coordinate beyond which nobody has seen the network


@final
class NeuralRatio(AbstractUnnormalised[Any]):
    """ln p(x|theta) up to a term of x alone, from a network; made by `train_ratio`.

    It plugs into fits, profiles, contours, samplers and joints. Its normalisation is unknown: evidences and goodness
    of fit refuse it.

    Args:
        space: inferred parameters with bounds and priors, and held ones.
        coordinate: how the network sees them.
        network: f(theta, x).
        preparation: what happens to data before the network.
        layout: shapes of the data's blocks.
        record: how the training went.
        flags: name -> sentence.
        provenance: versions, seed, digests, time.
        ledger: what was simulated, round by round, where there were several.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: RatioNetwork
    preparation: Preparation
    layout: Layout = eqx.field(static=True)
    record: TrainingRecord = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)
    ledger: tuple[dict[str, Any], ...] = eqx.field(static=True, default=())

    @property
    def normalised(self) -> bool:
        """False: a term of the data is missing."""
        return False

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the parameters that the network sees."""
        return self.coordinate.space.names

    def log_prob(self, values: Values, data: Any) -> LogProb:
        """f(theta, x)."""
        return self.score(self.space.pack(values), self.context(data))

    def context(self, data: Any) -> Float32[Array, " features"]:
        """Encoded data, which a search over parameters needs once."""
        blocks = blocks_of(data)
        if len(blocks) == len(self.layout) == 1:  # one block needs no name
            blocks = dict(zip(self.layout, blocks.values(), strict=True))
        return self.network.encoder(self.preparation(blocks))

    def score(self, theta: Float[Array, " parameters"], context: Float32[Array, " features"]) -> LogProb:
        """f at ONE point for encoded data; a point on a bound of the prior is taken as near to it as searches go."""
        own = theta[jnp.asarray(self.space.indices(self.targets))]
        z = jnp.clip(self.coordinate.to_network(own), -self.reach, self.reach).astype(jnp.float32)
        return self.network.score(z, context).astype(float)

    @property
    def reach(self) -> float:
        """Largest coordinate: the end of the box, or far out in the tails of a normal prior, which has none."""
        return math.sqrt(3.0) if isinstance(self.coordinate, COORDINATES["box"]) else _FAR

    def checked(self, data: Any) -> Mapping[str, np.ndarray]:
        """Observed data by block.

        Raises:
            InvalidData: for missing or unknown blocks, other shapes, or values that are not finite.
        """
        return observed_blocks(data, self.layout)

    def __repr__(self) -> str:
        return f"NeuralRatio({', '.join(self.targets)}; {self.record.done} steps)"

    def __str__(self) -> str:
        return as_text(ledger_summary(repr(self), self.ledger, self.flags))


@final
class BlockRatio(AbstractUnnormalised[Any]):
    """Sum of ratios of independent blocks of the data, one network each: information of experiments adds up.

    Args:
        space: parameters of all.
        ratios: block (the first part of its name) -> its ratio.
    """

    space: ParameterSpace = eqx.field(static=True)
    ratios: dict[str, NeuralRatio]

    @property
    def normalised(self) -> bool:
        """False: a term of the data is missing."""
        return False

    def log_prob(self, values: Values, data: Any) -> LogProb:
        """Sum of f over the blocks."""
        blocks = blocks_of(data)
        return jnp.sum(jnp.stack([r.log_prob(values, _of_block(blocks, name)) for name, r in self.ratios.items()]))


def train_ratio(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    loss: AbstractRatioLoss | None = None,
    rounds: int = 1,
    data: Any = None,
    truncation: Truncation | None = None,
    pairs: int | tuple[int, ...] | Pairs | str | Path = 100_000,
    targets: tuple[str, ...] | None = None,
    encoder: Encoder = "auto",
    network: Residual | None = None,
    product: bool = False,
    budget: Budget | None = None,
    coordinate: str = "box",
    scale: str = "auto",
    blocks: str = "together",
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    allow_invalid: bool = False,
    throw: bool = True,
) -> NeuralRatio | BlockRatio:
    """Train a likelihood ratio for any simulator and priors.

    Contrasting parameters are drawn from the prior, not from the pairs, so that failed simulations do not bend the
    ratio.

    Args:
        key: random key or seed of simulations, weights and training.
        simulator: makes one set of data per point.
        space: parameters with priors.
        loss: `BinaryRatio` unless given.
        rounds: 1, or more with ``data``: every later round cuts the prior of the targets to a box around their
            posterior, and simulates inside; the ratio then has the bounds of the box.
        data: observed data for which later rounds are cut.
        truncation: posterior mass ``eps`` that each box may lose, prior ``draws`` by which it is found, ``margin``.
        pairs: number of simulations over all rounds (a tuple: in each), `Pairs`, or the folder of saved ones; drawn
            from the prior. Or ``"online"``: fresh ones inside every training step, for simulators that compile.
        targets: parameters that the ratio depends on; the others are averaged over their priors.
        encoder: ``"auto"``, settings of an encoder, or a fixed summary.
        network: residual trunk.
        product: f = g(theta) . h(x) + b(theta), the exact form where h(x) is sufficient for Gaussian data of fixed
            covariance (`SufficientStatistic`, ``scale="none"``) or any exponential family; searches over parameters
            then cost least.
        budget: length and pace of the training.
        coordinate: ``"box"`` or ``"normal"``.
        scale: scaling of the data, see `wilks.inference.sbi.scaling.fit_scaling`.
        blocks: ``"together"``, or ``"each"`` for one network per block of independent data, whose ratios add.
        executor: where simulations run: None, a number of processes, an executor, or a Dask client.
        store: folder for pairs and checkpoints, found again when the same call is repeated.
        progress: called with (done, total, failed, seconds).
        allow_invalid: accept more than 1 % of failed simulations.
        throw: raise when training diverges; else return the last good network with a flag.

    Raises:
        InvalidParameter: for a free parameter without a proper prior.
        InvalidData: for fewer than 100 valid pairs, or pairs that were not drawn from the prior or a part of it.
        TrainingDiverged: if ten steps in a row give no finite loss.
    """
    check_option("coordinate of a ratio", coordinate, ("box", "normal"))
    check_option("blocks", blocks, ("together", "each"))
    refuse_switches(space, "train_ratio")
    _check_rounds(rounds, data, blocks)
    online = pairs == "online"
    _check_online(online, rounds, blocks)
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
        made.refuse_other_law()
    chosen = COORDINATES[coordinate](inferred_space(space, targets))
    if product and isinstance(loss, DirectRatio) and loss.form == "pair":
        raise InvalidOption("product=True and DirectRatio(form='pair') do not go together; take form='difference'")
    settings = _Settings(
        loss or BinaryRatio(), chosen, space, encoder, network or Residual(), product, budget or Budget(), scale,
        store, progress, throw, simulator if online else None,
    )  # fmt: skip
    if made is None or rounds > 1:
        counts = counts_of_rounds(pairs, made, rounds)
        plan = Boxes(as_seed(key), simulator, space, data, counts, truncation or Truncation(), executor, allow_invalid)
        return train_in_boxes(plan, chosen.space, _in_box(seed, settings), made)
    if blocks == "together":
        return _train_one(seed, made, settings, "ratio")
    names = sorted({name.partition(".")[0] for name in made.data})
    if len(names) < 2:
        raise InvalidData(f"the data have the single block {names[0]!r}; train it with blocks='together'")
    ratios = {
        name: _train_one(jax.random.fold_in(seed, 10 + i), _pairs_of_block(made, name), settings, f"ratio-{name}")
        for i, name in enumerate(names)
    }
    return BlockRatio(next(iter(ratios.values())).space, ratios)


class _Settings(NamedTuple):
    """What all networks of one call share."""

    loss: AbstractRatioLoss
    coordinate: AbstractCoordinate
    space: ParameterSpace
    encoder: Any
    network: Residual
    product: bool
    budget: Budget
    scale: str
    store: Any
    progress: Any
    throw: bool
    online: AbstractSimulator | None = None


def _check_online(online: bool, rounds: int, blocks: str) -> None:
    if online and rounds > 1:
        raise InvalidOption("online pairs and rounds do not go together; give a number of pairs")
    if online and blocks == "each":
        raise InvalidOption("online pairs and blocks='each' do not go together; take blocks='together'")


def _check_rounds(rounds: int, data: Any, blocks: str) -> None:
    if rounds < 1:
        raise InvalidOption(f"{rounds} rounds asked for; ask for at least 1")
    if rounds > 1 and data is None:
        raise InvalidOption("rounds cut the prior around observed data: give data=, or take rounds=1")
    if rounds > 1 and blocks == "each":
        raise InvalidOption("rounds and blocks='each' do not go together; take blocks='together', or one round")


def _in_box(seed: Key, settings: _Settings) -> Fit[NeuralRatio]:
    """How each round is trained: a key of its own, and coordinates of its box, where its prior is uniform again."""
    kind = type(settings.coordinate)

    def fit(number: int, pairs: Pairs, box: ParameterSpace, ledger: tuple[dict[str, Any], ...]) -> NeuralRatio:
        own = settings._replace(coordinate=kind(box))
        found = _train_one(jax.random.fold_in(seed, 100 + number), pairs, own, f"ratio-round-{number + 1}")
        return dataclasses.replace(found, ledger=ledger)

    return fit


def _train_one(seed: Key, pairs: Pairs, settings: _Settings, stage: str) -> NeuralRatio:
    clock = Clock.start()
    inputs = prepare_inputs(pairs, settings.coordinate, settings.encoder, settings.scale)
    build_key, train_key = jax.random.split(jax.random.fold_in(seed, 1))
    paired = isinstance(settings.loss, DirectRatio) and settings.loss.form == "pair"
    size = inputs.y.shape[1]
    fresh = build_ratio(
        build_key, inputs.family, inputs.scaled_layout, size, settings.network, paired=paired, product=settings.product
    )
    uniform = isinstance(settings.coordinate, COORDINATES["box"])
    source, budget = None, settings.budget
    if settings.online is not None:
        batch = budget.batch or USUAL_BATCH
        budget = dataclasses.replace(budget, batch=batch)
        source = OnlinePairs(settings.online, settings.space, settings.coordinate, None, inputs.preparation, batch)
    trained = train(
        train_key,
        RatioTraining(settings.loss, uniform),
        fresh,
        {"y": inputs.y, "x": inputs.x},
        budget=budget,
        source=source,
        checkpoints=_checkpoints(settings, seed, pairs, stage),
        progress=settings.progress,
        throw=settings.throw,
    )
    found = _described(clock, seed, pairs, settings, inputs, trained.network, trained.record)
    return found if source is None else dataclasses.replace(found, ledger=online_ledger(pairs, trained.record))


def _described(
    clock: Clock,
    seed: Key,
    pairs: Pairs,
    settings: _Settings,
    inputs: Inputs,
    network: RatioNetwork,
    training: TrainingRecord,
) -> NeuralRatio:
    return NeuralRatio(
        space=with_held(settings.coordinate.space, settings.space),
        coordinate=settings.coordinate,
        network=network,
        preparation=inputs.preparation,
        layout=inputs.layout,
        record=training,
        flags={**inputs.flags, **training.flags},
        provenance=record(
            clock, "train_ratio", key=seed, loss=repr(settings.loss), pairs=len(pairs), budget=repr(settings.budget)
        ),
    )


def _checkpoints(settings: _Settings, seed: Key, pairs: Pairs, stage: str) -> Checkpoints | None:
    if settings.store is None:
        return None
    encoder, space = settings.encoder, settings.coordinate.space
    identity = identity_of(
        stage, seed, digest_of_pairs(pairs), loss=settings.loss, network=settings.network, product=settings.product,
        encoder=encoder, budget=settings.budget, online=settings.online is not None,
        targets=list(space.names), scale=settings.scale,
        coordinate=type(settings.coordinate).__name__, bounds=[*space.lowers.tolist(), *space.uppers.tolist()],
        summary=digest(encoder) if isinstance(encoder, AbstractSummary) else "",
    )  # fmt: skip
    return Checkpoints(Path(settings.store) / stage, identity)


def _of_block(blocks: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {full: array for full, array in blocks.items() if full.partition(".")[0] == name}


def _pairs_of_block(pairs: Pairs, name: str) -> Pairs:
    fields = {f: getattr(pairs, f) for f in pairs.__dataclass_fields__}
    return Pairs(**{**fields, "data": _of_block(pairs.data, name)})
