"""Posteriors of independent data sets joined by their scores: one diffusion that draws from the product at once."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key
from wilks.inference.sbi.coordinates import PriorNormal, to_network
from wilks.inference.sbi.drawing import blocked
from wilks.inference.sbi.networks import Prepared
from wilks.inference.sbi.posterior import NeuralPosterior, observe
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import draws_of, independent_draws, random_key
from wilks.inference.sbi.schedules import SCHEDULES
from wilks.inference.sbi.score_paths import ScoreField
from wilks.inference.sbi.solvers import density_along, draw_along, flow, noise
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples

from .shared_spaces import space_of_all

_SEED = 20_240_305  # any fixed number: the same data always give the same density
_FEWEST = 100
_STEPS = 80  # twice those of one posterior, as a product is narrower

Vector = Float[Array, " size"]


class Seen:
    """Common scores of data that were seen, with their flags: never more than a call would compute again."""

    def __init__(self) -> None:
        self.common: dict[str, tuple[CommonScore, dict[str, str]]] = {}


class ScoreProduct(AbstractPosterior):
    """q(theta | x_1 .. x_n) by the scores of its parts, the prior counted once; made by ``combine(by="score")``.

    Exact where all posteriors are normal in coordinates that make the prior normal, whatever their overlap: no draw of
    a part need lie where the product does. Elsewhere the scores of large noise are approximate.

    Args:
        space: parameters with priors, the same in all parts.
        parts: neural posteriors of score matching by name of data set.
        candidates: draws by which the covariance of each part is found.
    """

    space: ParameterSpace
    parts: dict[str, NeuralPosterior]
    candidates: int = eqx.field(static=True)
    seen: Seen = eqx.field(static=True, default_factory=Seen)

    def __check_init__(self) -> None:
        for name, part in self.parts.items():
            _refuse_other_kinds(name, part)
        kinds = {part.estimator.density.settings.noise for part in self.parts.values()}  # type: ignore[attr-defined]
        if len(kinds) > 1:
            raise InvalidOption(f"the parts have the noises {', '.join(sorted(kinds))}; train all with one")

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Draws along the common flow.

        Args:
            key: random key or seed.
            data: data of each part by its name.
            n: number of draws.
            density: also compute the log density of each, which costs as many times a draw as there are parameters.

        Raises:
            InvalidData: where the product of the parts has no covariance.
        """
        if n < 1:
            raise InvalidOption(f"{n} draws asked for; ask for at least 1")
        common, flags = self._common(data)
        words = np.asarray(jax.random.key_data(random_key(key)))
        theta, log_q = blocked(lambda i: _draw(common, words, density, i), np.arange(n))
        rows = np.tile(self.space.starts, (n, 1))
        rows[:, list(self.space.indices(self._targets.names))] = theta
        samples = independent_draws(self.space, rows, log_q, "ScoreProduct", n * len(self.parts))
        return dataclasses.replace(samples, flags=flags)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """Log density by following the common flow back to noise: normalised by itself."""
        columns = np.broadcast_arrays(*(np.asarray(values[name], float) for name in self._targets.names))
        theta = np.stack(columns, axis=-1)
        common, _ = self._common(data)
        found = blocked(lambda rows: _log_density(common, rows), np.atleast_2d(theta))
        return jnp.asarray(found.reshape(theta.shape[:-1]))

    @property
    def _targets(self) -> ParameterSpace:
        return next(iter(self.parts.values())).coordinate.space

    def _common(self, data: Any) -> "tuple[CommonScore, dict[str, str]]":
        if not isinstance(data, Mapping) or set(data) != set(self.parts):
            given = ", ".join(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
            raise InvalidData(f"data of {given}; expected those of {', '.join(self.parts)}, by name")
        name_of_data = digest(data)
        if name_of_data in self.seen.common:
            return self.seen.common[name_of_data]
        fields, prepared, precisions, flags = [], [], [], {}
        for name, part in self.parts.items():
            field = part.estimator.density
            assert isinstance(field, ScoreField)
            _, observed, own = observe(part, data[name])
            flags |= {f"{flag}_{name}": sentence for flag, sentence in {**part.flags, **own}.items()}
            fields.append(field)
            prepared.append(field.trunk.prepare(jnp.asarray(observed.context[0])))
            precisions.append(self._precision(part, data[name]))
        coordinate = next(iter(self.parts.values())).coordinate
        common = CommonScore(tuple(fields), tuple(prepared), jnp.asarray(np.stack(precisions), jnp.float32), coordinate)
        common.refuse_indefinite()
        self.seen.common[name_of_data] = common, flags
        return common, flags

    def _precision(self, part: NeuralPosterior, data: Any) -> Float[np.ndarray, "size size"]:
        """Inverse covariance of a part in coordinates where the prior is normal."""
        drawn = draws_of(part.sample(_SEED, data, self.candidates))
        columns = jnp.asarray(drawn[:, list(part.space.indices(part.targets))])
        z = np.asarray(to_network(part.coordinate, columns))
        return np.linalg.inv(np.atleast_2d(np.cov(z, rowvar=False)))


class CommonScore(eqx.Module):
    """The score of a product under noise, from those of its parts.

    Args:
        fields: denoiser of each part.
        prepared: what each knows of its data.
        precisions: inverse covariance of each part.
        coordinate: in which the prior is normal.
    """

    fields: tuple[ScoreField, ...]
    prepared: tuple[Prepared, ...]
    precisions: Float32[Array, "parts size size"]
    coordinate: Any

    def score(self, z: Float32[Array, " size"], tau: Float32[Array, ""]) -> Float32[Array, " size"]:
        """Gradient of the log density at ONE point and time."""
        parts = [field.score(z, tau, known) for field, known in zip(self.fields, self.prepared, strict=True)]
        return product_score(jnp.stack(parts), self.precisions, z, self.schedule.mean(tau), self.schedule.spread(tau))

    def velocity(self, z: Float32[Array, " size"], tau: Float32[Array, ""], _: Any) -> Float32[Array, " size"]:
        """dz/dtau = f - g^2 S/2."""
        return self.schedule.drift(tau) * z - np.float32(0.5) * self.schedule.diffusion(tau) * self.score(z, tau)

    def denoised(self, z: Float32[Array, " size"], tau: Float32[Array, ""]) -> Float32[Array, " size"]:
        """(z + s^2 S)/m: mean of the clean point."""
        return (z + self.schedule.spread(tau) ** 2 * self.score(z, tau)) / self.schedule.mean(tau)

    @property
    def schedule(self) -> Any:
        """Mean and spread of the noise by time."""
        return SCHEDULES[self.fields[0].settings.noise]

    @property
    def times(self) -> Float32[Array, " times"]:
        """Grid from noise to draws, the finest of the parts' own."""
        steps = [f.settings.fewest_steps for f in self.fields if f.settings.sampler == "ode"]
        return self.schedule.grid(max([_STEPS, *steps]) - 1)

    @property
    def scale(self) -> float:
        """Spread of the noise at which the flow begins."""
        with jax.ensure_compile_time_eval():
            first = self.times[0]
            return float(jnp.hypot(self.schedule.mean(first), self.schedule.spread(first)))

    def refuse_indefinite(self) -> None:
        """Refuse parts whose product has no covariance.

        Raises:
            InvalidData: if Lambda is not positive at some noise.
        """
        first = self.times[0]
        ratio = float((self.schedule.mean(first) / self.schedule.spread(first)) ** 2)  # smallest where the noise begins
        total = np.asarray(self.precisions, float).sum(axis=0) - (len(self.fields) - 1) * np.eye(
            self.precisions.shape[1]
        )
        smallest = float(np.linalg.eigvalsh(total).min()) + ratio
        if not smallest > 0.0:
            raise InvalidData(
                f"the precisions of the {len(self.fields)} posteriors less those of the prior have the eigenvalue "
                f"{smallest:.3g}: Lambda is not positive, as some posterior is wider than the prior; take by='density'"
            )


def product_score(
    scores: Float[Array, "parts size"],
    precisions: Float[Array, "parts size size"],
    z: Vector,
    m: Float[Array, ""],
    s: Float[Array, ""],
) -> Vector:
    """Lambda^-1 [sum P_i S_i + (1 - n) P_0 S_0] with Lambda = sum P_i + (1 - n) P_0.

    P_i = C_i^-1 + (m^2/s^2) I and P_0 = (1 + m^2/s^2) I are precisions of the clean point given the noisy one, for
    covariances C_i of the parts and 1 of the prior; S_0 = -z/(m^2 + s^2). All are multiplied by s^2/m^2 against
    overflow where the noise ends.

    Args:
        scores: S_i of the parts at z.
        precisions: C_i^-1 of each part.
        z: noisy point.
        m: by which clean points shrink.
        s: standard deviation of the noise.

    References:
        J. Linhart, G. Victorino Cardoso, A. Gramfort, S. Le Corff, P. L. C. Rodrigues, arXiv:2404.07593, section 3.
    """
    ratio, others = (s / m) ** 2, len(scores) - 1
    one = jnp.eye(z.shape[0], dtype=z.dtype)
    each = jnp.sum(ratio * jnp.einsum("pij,pj->pi", precisions, scores) + scores, axis=0)
    prior = (1 + ratio) * z / (m**2 + s**2)
    total = ratio * (jnp.sum(precisions, axis=0) - others * one) + one
    return jnp.linalg.solve(total, each + others * prior)


def score_product(posteriors: Mapping[str, Any], draws: int) -> ScoreProduct:
    """The posterior of several independent data sets by the scores of each.

    Args:
        posteriors: neural posteriors of score matching, trained with ``coordinate="normal", standardise="none"``.
        draws: of each part, by which its covariance is found.

    Raises:
        InvalidOption: for any other posterior, naming it.
        InvalidParameter: naming a parameter whose bounds or priors differ.
    """
    for name, part in posteriors.items():
        _refuse_other_kinds(name, part)
    return ScoreProduct(space_of_all(posteriors.values()), dict(posteriors), max(draws, _FEWEST))


def _refuse_other_kinds(name: str, part: Any) -> None:
    fits = (
        isinstance(part, NeuralPosterior)
        and isinstance(part.estimator.density, ScoreField)
        and isinstance(part.coordinate, PriorNormal)
        and part.standard is None
        and part.region is None
    )
    if not fits:
        raise InvalidOption(
            f"posterior {name!r} has no score where the prior is normal; train it with path=ScoreMatching(), "
            "coordinate='normal', standardise='none' and one round, or take by='density'"
        )


@eqx.filter_jit
def _draw(common, words, density, numbers):
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.wrap_key_data(words), i))(jnp.asarray(numbers))
    start = np.float32(common.scale) * noise(keys, common.precisions.shape[1])
    nothing, times = jnp.zeros(len(keys)), common.times
    if density:
        z, log_q = draw_along(common.velocity, start, common.scale, nothing, times, "heun")
    else:
        last = flow(common.velocity, start, nothing, times, "heun")
        z = jax.vmap(lambda at: common.denoised(at, times[-1]))(last)
        log_q = jnp.full(len(keys), jnp.nan)
    theta = jax.vmap(common.coordinate.to_physical)(z)
    return theta, log_q.astype(float) + jax.vmap(common.coordinate.log_jacobian)(theta)


@eqx.filter_jit
def _log_density(common, theta):
    theta = jnp.asarray(theta)
    jacobian = jax.vmap(common.coordinate.log_jacobian)(theta)
    inside = jnp.isfinite(jacobian)
    safe = jnp.where(inside[:, None], theta, common.coordinate.to_physical(jnp.zeros(theta.shape[1])))
    z = jax.vmap(common.coordinate.to_network)(safe).astype(jnp.float32)
    found = density_along(common.velocity, z, common.scale, jnp.zeros(len(z)), common.times, "heun")
    return jnp.where(inside, found.astype(float) + jacobian, -jnp.inf)
