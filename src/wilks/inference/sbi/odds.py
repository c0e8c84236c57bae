"""Posterior odds of alternatives: a network with a softmax head that tells which alternative made the data."""

import dataclasses
from pathlib import Path
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidParameter
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .blocks import Layout, observed_blocks
from .budget import Budget
from .checkpoints import Checkpoints, digest_of_pairs, identity_of
from .embeddings import AbstractEncoder, Scaled
from .estimator import Preparation
from .networks import Perceptron, perceptron
from .pairs import Pairs
from .records import record
from .summaries import AbstractSummary
from .switches import Alternatives, alternatives_of, combinations, log_shares
from .training import train
from .training_inputs import Encoder, gather_pairs, prepare_data
from .training_record import TrainingRecord

_HIDDEN = (64, 64)
_STEPS = 6_000


class OddsNetwork(eqx.Module):
    """ln q(c|x): the prior's logarithms and what an encoder and a perceptron add to them, normalised."""

    encoder: AbstractEncoder
    head: Perceptron
    log_prior: Float32[Array, " combinations"]

    def __call__(self, x: Scaled, key: Key | None = None) -> Float32[Array, " combinations"]:
        """Logarithm of the probability of every combination for ONE set of scaled data."""
        fixed = jax.lax.stop_gradient(self.log_prior)
        return jax.nn.log_softmax(fixed + self.head(self.encoder(x, key)))


@final
class NeuralOdds(eqx.Module):
    """Posterior probabilities q(c|x) of alternatives, other parameters averaged over their priors; see `train_odds`.

    Args:
        space: all parameters of the simulator, the switches among them.
        network: encoder and head.
        preparation: what happens to data before the network.
        layout: shapes of the data's blocks.
        record: how the training went.
        flags: name -> sentence.
        provenance: versions, seed, digests, time.
    """

    space: ParameterSpace = eqx.field(static=True)
    network: OddsNetwork
    preparation: Preparation
    layout: Layout = eqx.field(static=True)
    record: TrainingRecord = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)

    @property
    def alternatives(self) -> Alternatives:
        """Every combination of alternatives, one name per switch in the order of the space."""
        return alternatives_of(self.space)

    def log_probabilities(self, data: Any) -> Float[np.ndarray, " combinations"]:
        """Logarithm of the posterior probability of every combination, in the order of ``alternatives``.

        Args:
            data: observed data in the form that the simulator gives.

        Raises:
            InvalidData: for data of another shape or with values that are not finite.
        """
        found = _evaluate(self.network, self.preparation, observed_blocks(data, self.layout))
        return np.asarray(found, dtype=float)

    def probabilities(self, data: Any, switch: str | None = None) -> dict[str, float]:
        """Posterior probability of each alternative of one switch, summed over those of all others.

        Args:
            data: observed data in the form that the simulator gives.
            switch: its name; not needed where there is but one.

        Raises:
            InvalidParameter: if there are several switches and none is named.
        """
        names = self.space.switches
        if switch is None and len(names) > 1:
            raise InvalidParameter(f"probabilities of which switch? There are {', '.join(names)}")
        where = 0 if switch is None else names.index(self.space[switch].name)
        found: dict[str, float] = {}
        for combination, log_q in zip(self.alternatives, self.log_probabilities(data), strict=True):
            found[combination[where]] = found.get(combination[where], 0.0) + float(np.exp(log_q))
        return found

    def log_bayes_factors(self, data: Any) -> Float[np.ndarray, " combinations"]:
        """ln q(c|x) - ln p(c), which differs from the logarithm of the evidence of each combination by one constant."""
        return self.log_probabilities(data) - log_shares(self.space)

    def __repr__(self) -> str:
        names = "; ".join(", ".join(one) for one in self.alternatives)
        return f"NeuralOdds({', '.join(self.space.switches)}: {names}; {self.record.done} steps)"


class OddsLoss(eqx.Module):
    """Mean of -ln q(c|x) over rows ``{"x": ..., "c": ...}``."""

    def __call__(self, network: OddsNetwork, rows: dict[str, Any], key: Key) -> Float32[Array, ""]:
        """Training loss of a batch."""
        keys = jax.random.split(key, len(rows["c"]))
        return _loss(jax.vmap(network)(rows["x"], keys), rows["c"])


class HeldOutOddsLoss(eqx.Module):
    """The same without hidden blocks."""

    def __call__(self, network: OddsNetwork, rows: dict[str, Any]) -> Float32[Array, ""]:
        """Loss over the held-out rows."""
        return _loss(jax.vmap(network)(rows["x"]), rows["c"])


def train_odds(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    pairs: int | Pairs | str | Path = 100_000,
    encoder: Encoder = "auto",
    budget: Budget | None = None,
    scale: str = "auto",
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> NeuralOdds:
    """Learn the posterior odds of alternatives: E[-ln q(c|x)] is least where q is the posterior of c.

    The odds hold for the priors of all other parameters, as evidences do: wider priors lower an alternative's odds.

    Args:
        key: random key or seed of simulations, weights and training.
        simulator: makes one set of data per point; a switch's value is the number of its alternative.
        space: its parameters; those with the prior `Choice` are the switches.
        pairs: number of simulations, `Pairs`, or the folder of saved ones; drawn from the prior.
        encoder: ``"auto"``, settings of an encoder, or a fixed summary.
        budget: length and pace of the training; 6,000 steps by default.
        scale: scaling of the data, see `wilks.inference.sbi.scaling.fit_scaling`.
        executor: where simulations run: None, a number of processes, an executor, or a Dask client.
        store: folder for pairs and checkpoints, found again when the same call is repeated.
        progress: called with (done, total, failed, seconds).

    Raises:
        InvalidParameter: for a space without a switch.
        InvalidData: for fewer than 100 valid pairs, or pairs that do not say which alternative each is of.
        TrainingDiverged: if the loss stays infinite.
    """
    clock = Clock.start()
    if not space.switches:
        raise InvalidParameter("no parameter is a switch: give one the prior Choice(('...', '...'))")
    seed = jax.random.key(as_seed(key))
    made = gather_pairs(
        jax.random.fold_in(seed, 0), simulator, space, pairs, executor=executor, store=store, progress=progress
    )
    labels, bare = _parted(made, space)
    x, preparation, family, _ = prepare_data(bare, encoder, scale)
    build, head, fit = jax.random.split(jax.random.fold_in(seed, 1), 3)
    size = len(alternatives_of(space))
    encoding = family.build(build, {name: tuple(array.shape[1:]) for name, array in x.items()}, size)
    fresh = OddsNetwork(
        encoding,
        perceptron(head, encoding.features, _HIDDEN, size, head=0.01),
        jnp.asarray(log_shares(space), jnp.float32),
    )
    length = budget or Budget(steps=_STEPS)
    points = None
    if store is not None:
        summary = digest(encoder) if isinstance(encoder, AbstractSummary) else ""
        identity = identity_of(
            "odds", seed, digest_of_pairs(made), encoder=encoder, budget=length, scale=scale, summary=summary
        )
        points = Checkpoints(Path(store) / "odds", identity)
    trained = train(
        fit, OddsLoss(), fresh, {"x": x, "c": labels}, budget=length, held_out=HeldOutOddsLoss(),
        checkpoints=points, progress=progress,
    )  # fmt: skip
    return NeuralOdds(
        space=space,
        network=trained.network,
        preparation=preparation,
        layout=bare.layout,
        record=trained.record,
        flags={**made.flags, **trained.record.flags},
        provenance=record(clock, "train_odds", key=key, pairs=len(made), budget=repr(length)),
    )


def _parted(pairs: Pairs, space: ParameterSpace) -> tuple[np.ndarray, Pairs]:
    """Numbers of the valid pairs' combinations, and all pairs without the blocks that tell them."""
    missing = [name for name in space.switches if name not in pairs.data]
    if missing:
        raise InvalidData(f"pairs do not say which alternative of {missing[0]!r} each is of; simulate them anew")
    labels = combinations(space, pairs.valid.data).astype(np.int32)
    data = {name: array for name, array in pairs.data.items() if name not in space.switches}
    return labels, dataclasses.replace(pairs, data=data)


def _loss(log_q: Float32[Array, "rows combinations"], labels: Any) -> Float32[Array, ""]:
    return -jnp.mean(jnp.take_along_axis(log_q, labels[:, None], axis=1))


@eqx.filter_jit
def _evaluate(network, preparation, blocks):
    return network(preparation(blocks))
