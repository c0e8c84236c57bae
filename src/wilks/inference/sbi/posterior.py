"""The neural posterior: two methods, draws and density, for any observed data."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidOption, NotAmortised, UnknownName, near_names
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance
from wilks.results.samples import Samples
from wilks.results.text import as_text

from .blocks import Blocks, Layout, blocks_of, observed_blocks
from .coordinates import AbstractCoordinate
from .drawing import Draws, Observed, along_the_flow, draw_accepted, encode_scaled, log_densities
from .embeddings import FusedBlocks
from .estimator import Estimator, Preparation, Standardiser
from .ledgers import ledger_summary
from .points import log_priors, prior_draws
from .posterior_interface import AbstractPosterior, AbstractRegion
from .proposals import independent_draws
from .solver_steps import finds_its_steps, lost_text
from .switches import refuse_unchosen
from .training_record import TrainingRecord

_MASS_DRAWS = 10_000  # draws by which the probability inside the support is measured
_MASS_SEED = 20_240_229  # any fixed number: the same data always give the same density


class Memory:
    """What a posterior has computed for data it has seen: never more than a call would compute again."""

    def __init__(self) -> None:
        self.observed: dict[str, Observed] = {}
        self.mass: dict[str, float] = {}


@final
class NeuralPosterior(AbstractPosterior):
    """A trained posterior q(theta | x); made by `train_posterior`.

    Args:
        space: parameters: the inferred ones with their bounds and priors, and held ones at their values.
        coordinate: how the networks see the inferred ones.
        estimator: encoder and density.
        standard: conditional standardisation, where there is one.
        preparation: what happens to data before the networks.
        layout: shapes of the data's blocks.
        record: how the training went.
        ledger: what was simulated, round by round.
        region: where truncated rounds have confined it; None for the whole prior.
        only_for: digest of the data for which alone it holds; empty where it serves any data.
        settings: settings of the training, as JSON values.
        flags: name -> sentence.
        provenance: versions, seed, digests, time.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    estimator: Estimator
    standard: Standardiser | None
    preparation: Preparation
    layout: Layout = eqx.field(static=True)
    record: TrainingRecord = eqx.field(static=True)
    ledger: tuple[dict[str, Any], ...] = eqx.field(static=True)
    region: AbstractRegion | None
    only_for: str = eqx.field(static=True)
    settings: dict[str, Any] = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)
    memory: Memory = eqx.field(static=True, default_factory=Memory)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the inferred parameters."""
        return self.coordinate.space.names

    @property
    def amortised(self) -> bool:
        """Whether it serves any data of the right shape."""
        return not self.only_for

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Independent draws at the observed data; those for many sets of data are `sample_many`'s.

        Args:
            key: random key, or a whole number; equal keys give equal draws.
            data: in the form that the simulator gives; a network of hidden blocks takes any subset of its blocks.
            n: number of draws; more draws begin with the fewer ones.
            density: also compute each draw's log density where that is not free (fields: it costs 1 + d times a draw).

        Raises:
            InvalidData: for data of another shape or with values that are not finite.
            NotAmortised: for other data than those of its truncated rounds.
        """
        if n < 1:
            raise InvalidOption(f"{n} draws asked for; ask for at least 1")
        with_density = density or self.estimator.density.density_is_free
        if not _seen_blocks(self, data):
            return _of_prior(self, key, n)
        name, observed, flags = observe(self, data)
        draws = draw_observed(self, _alone(key), observed, n, with_density=with_density)
        return as_samples(self, draws, 0, log_mass(self, name, observed) if with_density else None, flags)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """Log density per declared unit of the inferred parameters, normalised over the support; -inf outside.

        Args:
            values: numbers, or arrays of one length, by name; held parameters may be left out.
            data: as for `sample`.

        Raises:
            UnknownName: if an inferred parameter has no value, or a name is unknown.
        """
        theta = _points(self, values)
        with jax.ensure_compile_time_eval():
            name, observed, _ = observe(self, data)
            share = log_mass(self, name, observed)
        rows = jnp.atleast_2d(theta)
        found = jnp.asarray(log_densities(self.estimator.density, self.coordinate, rows, observed)) - share
        if self.region is not None:
            found = jnp.where(self.region.contains(np.asarray(rows)), found, -jnp.inf)
        return found.reshape(theta.shape[:-1])

    def completed(self, theta: Float[np.ndarray, "draws targets"]) -> Float[np.ndarray, "draws parameters"]:
        """Rows of all parameters of the space, held ones at their values."""
        rows = np.tile(self.space.starts, (len(theta), 1))
        rows[:, list(self.space.indices(self.targets))] = theta
        return rows

    def __repr__(self) -> str:
        scope = "any data" if self.amortised else "the data of its truncated rounds"
        return f"NeuralPosterior({', '.join(self.targets)}; for {scope}; {self.record.done} steps)"

    def __str__(self) -> str:
        return as_text(ledger_summary(repr(self), self.ledger, self.flags))


def draw_many(
    posterior: NeuralPosterior, key: Key | int, data: Any, n: int
) -> Float[np.ndarray, "sets draws parameters"]:
    """Draws for many sets of data at once; set i gets those of ``sample(fold_in(key, i), data[i], n)``.

    Args:
        posterior: trained for any data.
        key: random key, or a whole number.
        data: arrays (or one array) with a leading axis of sets.
        n: draws per set.
    """
    observed = encoded_sets(posterior, data)
    sets = len(observed.context)
    draws = draw_observed(posterior, keys_of(key, sets), observed, n, with_density=False)
    return np.stack([posterior.completed(theta) for theta in draws.theta])


def encoded_sets(posterior: NeuralPosterior, data: Any) -> Observed:
    """Encoded form of many sets of data: arrays (or one array) with a leading axis of sets.

    Raises:
        NotAmortised: for a posterior of one set of data.
        InvalidData: for data of another shape.
    """
    if not posterior.amortised:
        raise NotAmortised("this posterior was trained in truncated rounds for one set of data; give it no others")
    blocks = {name: np.asarray(array) for name, array in blocks_of(data).items()}
    for name, shape in posterior.layout.items():
        if name not in blocks or blocks[name].shape[1:] != shape:
            raise InvalidData(f"block {name!r}: expected shape (sets, {', '.join(map(str, shape))})")
    return _observed(posterior, blocks)


def draw_observed(posterior: NeuralPosterior, keys: Any, observed: Observed, n: int, *, with_density: bool) -> Draws:
    """Accepted draws for encoded data, one key per set; densities are not yet normalised to the support."""
    density, coordinate = posterior.estimator.density, posterior.coordinate
    return draw_accepted(density, coordinate, posterior.region, keys, observed, n, with_density=with_density)


def as_samples(
    posterior: NeuralPosterior, draws: Draws, which: int, log_mass: float | None, flags: Mapping[str, str]
) -> Samples:
    """Draws of one set of data as a result.

    Args:
        posterior: that made them.
        draws: of one or more sets.
        which: number of the set.
        log_mass: ln of the probability inside the support, by which densities are divided; None without densities.
        flags: of these data.
    """
    theta, n, thrown = posterior.completed(draws.theta[which]), draws.theta.shape[1], int(draws.thrown[which])
    log_prob = draws.log_density[which] - (log_mass or 0.0)
    samples = independent_draws(posterior.space, theta, log_prob, "NeuralPosterior", n)
    facts, flags = {"accepted": float(draws.accepted[which]), "thrown": float(thrown)}, dict(flags)
    if thrown and finds_its_steps(posterior.estimator.density):
        flags["stiff_field"] = lost_text(thrown, thrown + n)
    if log_mass is not None:
        share = math.exp(log_mass)
        facts |= {"inside": share, "inside_error": math.sqrt(share * (1.0 - share) / _MASS_DRAWS)}
    flags = {**posterior.flags, **flags}
    return dataclasses.replace(samples, facts=facts, flags=flags, provenance=posterior.provenance)


def keys_of(key: Key | int, sets: int) -> Any:
    """``fold_in(key, i)`` for each set of data."""
    key = jax.random.key(as_seed(key)) if not isinstance(key, jax.Array) else key
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(sets))


def _alone(key: Key | int) -> Any:
    return (jax.random.key(as_seed(key)) if not isinstance(key, jax.Array) else key)[None]


def observe(posterior: NeuralPosterior, data: Any) -> tuple[str, Observed, dict[str, str]]:
    """Digest, encoded form and flags of one set of data."""
    blocks = _seen_blocks(posterior, data)
    name = digest(blocks)
    if posterior.only_for and name != posterior.only_for:
        raise NotAmortised(
            "this posterior was trained in truncated rounds for one set of data and holds for no other; train one for "
            "these data, or one with rounds=1 for any data"
        )
    if name not in posterior.memory.observed:
        posterior.memory.observed[name] = _observed(posterior, {n: b[None] for n, b in blocks.items()})
    return name, posterior.memory.observed[name], _flags_of(posterior, blocks)


def observe_many(posterior: NeuralPosterior, sets: Sequence[Any]) -> tuple[list[str], Observed, list[dict[str, str]]]:
    """The same of many sets of data with equal blocks, each of which is encoded once.

    Raises:
        InvalidData: naming the set, as for one; or if there is no block of data.
    """
    rows = [_numbered(posterior, i, one) for i, one in enumerate(sets)]
    if not rows[0]:
        raise InvalidData("no block of data was given, so that all posteriors are the prior; draw from that")
    observed = _observed(posterior, {n: np.stack([row[n] for row in rows]) for n in rows[0]})
    return [digest(row) for row in rows], observed, [_flags_of(posterior, row) for row in rows]


def _numbered(posterior: NeuralPosterior, number: int, data: Any) -> Blocks:
    try:
        return _seen_blocks(posterior, data)
    except InvalidData as error:
        raise InvalidData(f"set {number}: {error}") from None


def _observed(posterior: NeuralPosterior, blocks: Blocks) -> Observed:
    """Encoded form of stacked sets of data."""
    encoder, standard = posterior.estimator.encoder, posterior.standard
    rows = _encoded(encoder, standard, posterior.preparation, blocks, len(posterior.targets))
    return Observed(*(np.asarray(a) for a in rows))


def _flags_of(posterior: NeuralPosterior, blocks: Blocks) -> dict[str, str]:
    if beyond := posterior.preparation.beyond(blocks):
        text = (
            f"the data of block {', '.join(beyond)} lie far outside of all simulations; see the misspecification check"
        )
        return {"outside_training": text}
    return {}


def _of_prior(posterior: NeuralPosterior, key: Key | int, n: int) -> Samples:
    """Draws of the prior: what no data at all leave of a posterior."""
    theta = prior_draws(_alone(key)[0], posterior.space, n)
    samples = independent_draws(posterior.space, theta, log_priors(posterior.space, theta), "prior")
    flags = {**posterior.flags, "no_data": "no block of data was given: these are draws of the prior"}
    return dataclasses.replace(samples, flags=flags, provenance=posterior.provenance)


def _seen_blocks(posterior: NeuralPosterior, data: Any) -> Blocks:
    """Observed blocks, checked; fewer than all where the network has learned to do without."""
    encoder = posterior.estimator.encoder
    layout = posterior.layout
    given = blocks_of(data)
    if isinstance(encoder, FusedBlocks) and encoder.drop_blocks > 0.0:
        layout = {n: s for n, s in layout.items() if n in given or any(n.startswith(f"{g}.") for g in given)}
    else:
        refuse_unchosen(posterior.space, given)
    return observed_blocks(data, layout)


def log_mass(posterior: NeuralPosterior, name: str, observed: Observed) -> float:
    """ln of the probability that the network puts inside support and region, from 10,000 draws."""
    if not posterior.coordinate.leaks and posterior.region is None:
        return 0.0
    if name not in posterior.memory.mass:
        quiet, keys = along_the_flow(posterior), _alone(_MASS_SEED)  # the law whose density is divided
        draws = draw_observed(quiet, keys, observed, _MASS_DRAWS, with_density=False)
        posterior.memory.mass[name] = float(np.log(draws.accepted[0]))
    return posterior.memory.mass[name]


def _points(posterior: NeuralPosterior, values: Mapping[str, Any]) -> Float[Array, "*points targets"]:
    unknown = [name for name in values if name not in posterior.space]
    missing = [name for name in posterior.targets if name not in values]
    if unknown:
        raise UnknownName(f"no parameter {unknown[0]!r}; {near_names(unknown[0], posterior.space.names)}")
    if missing:
        raise UnknownName(f"no value of {', '.join(map(repr, missing))}; a density needs all inferred parameters")
    columns = jnp.broadcast_arrays(*(jnp.asarray(values[name], dtype=float) for name in posterior.targets))
    return jnp.stack(columns, axis=-1)


@eqx.filter_jit
def _encoded(encoder, standard, preparation, blocks, size):
    return encode_scaled(encoder, standard, jax.vmap(preparation)(blocks), size)
