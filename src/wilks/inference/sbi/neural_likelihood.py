"""Neural likelihoods: normalised densities of data given parameters, trained on simulations, for any procedure."""

from collections.abc import Mapping
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.errors import InvalidData, InvalidModel
from wilks._base.typing import Key, LogProb, Values
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance
from wilks.results.text import as_text

from .blocks import Layout, blocks_of
from .coordinates import AbstractCoordinate
from .density import AbstractConditionalDensity
from .ledgers import ledger_summary
from .networks import Perceptron
from .training_record import TrainingRecord


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
        ledger: what was simulated, round by round, where there were several or pairs were made inside the steps.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: LikelihoodNetwork
    scaling: DataScaling
    validity: Perceptron | None
    record: TrainingRecord = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)
    ledger: tuple[dict[str, Any], ...] = eqx.field(static=True, default=())

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

    def __str__(self) -> str:
        return as_text(ledger_summary(repr(self), self.ledger, self.flags))

    def _coordinates(self, values: Values) -> Float32[Array, " size"]:
        own = self.space.pack(values)[jnp.asarray(self.space.indices(self.coordinate.space.names))]
        return self.coordinate.to_network(own).astype(jnp.float32)


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
