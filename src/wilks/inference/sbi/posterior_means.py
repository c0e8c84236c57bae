"""Posterior means in one evaluation of a field, which knows them at its start, and how well it agrees with itself."""

import dataclasses
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption, MissingRole
from wilks._base.typing import Key
from wilks.results.numbers import number
from wilks.results.text import Summary, as_text

from .blocks import blocks_of
from .coordinates import is_affine
from .paths import VelocityField
from .posterior import NeuralPosterior, observe
from .proposals import random_key


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PosteriorMean:
    """Means of the inferred parameters, and by how much they depend on the noise they are read from.

    Args:
        names: inferred parameters.
        units: of each.
        mean: posterior means, averaged over the noise.
        spread: standard deviation over the noise, which is zero for a field that has learned everything.
        share: the same in units of the coordinates, which are standard deviations of the prior.
        noises: vectors of noise.
        flags: name -> sentence.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    mean: Float[np.ndarray, " targets"]
    spread: Float[np.ndarray, " targets"]
    share: Float[np.ndarray, " targets"]
    noises: int
    flags: dict[str, str]

    def __getitem__(self, name: str) -> float:
        """Mean of one parameter."""
        return float(self.mean[self.names.index(name)])

    def __str__(self) -> str:
        rows = tuple(
            (name, unit, number(mean), number(spread, 2), number(share, 2))
            for name, unit, mean, spread, share in zip(
                self.names, self.units, self.mean, self.spread, self.share, strict=True
            )
        )
        sentence = f"from a field at its start, {self.noises} vectors of noise; no spread over them would be perfect"
        columns = ("parameter", "unit", "mean", "spread over noise", "of prior sd")
        return as_text(Summary("Posterior means", (sentence,), columns, rows, tuple(self.flags.items())))

    def __repr__(self) -> str:
        return str(self)


def posterior_mean(posterior: NeuralPosterior, data: Any, *, noises: int = 64, key: Key | int = 0) -> PosteriorMean:
    """Means of the inferred parameters at the observed data, without any draw.

    A field of flow matching gives E[z1|x] = v(z0, 0, h) + (1-sigma_min) z0 for ANY noise z0; its spread over z0 is a
    test of the training. Coordinates that are linear in the parameters carry the mean over.

    Args:
        posterior: trained with `FlowMatching` in coordinates that are linear in the parameters: ``"affine"``, ``"box"``
            with uniform priors, or ``"normal"`` with normal priors; not in rounds.
        data: as for its `sample`.
        noises: vectors of noise.
        key: random key or seed of the noise.

    Raises:
        MissingRole: for a posterior without such a field.
        InvalidOption: for coordinates that are not linear, or a posterior that rounds have cut.
        InvalidData: for no data at all.
        NotAmortised: as `sample`.

    References:
        Y. Lipman et al., arXiv:2210.02747, eq. (23), at t = 0.
    """
    field = _field(posterior)
    if noises < 2:
        raise InvalidOption(f"{noises} vectors of noise show no spread; ask for at least 2")
    if not blocks_of(data):
        raise InvalidData("no block of data was given, so that the posterior is the prior; take the prior's mean")
    _, observed, flags = observe(posterior, data)
    z0 = jax.random.normal(random_key(key), (noises, field.size), dtype=jnp.float32)
    y = np.asarray(_ends(field, z0, jnp.asarray(observed.context[0])), dtype=float)
    z = observed.mean[0] + np.exp(observed.log_spread[0].astype(float)) * y
    origin, one = (np.asarray(posterior.coordinate.to_physical(jnp.full(field.size, at))) for at in (0.0, 1.0))
    mean, share = z.mean(axis=0), z.std(axis=0, ddof=1)
    if posterior.coordinate.leaks:
        flags["beyond_bounds"] = (
            "this mean counts what the network puts beyond the priors' bounds, which draws leave out; for a posterior "
            "near an edge draw samples"
        )
    return PosteriorMean(
        names=posterior.targets,
        units=tuple(p.unit for p in posterior.coordinate.space.parameters),
        mean=origin + (one - origin) * mean,
        spread=(one - origin) * share,
        share=share,
        noises=noises,
        flags={**posterior.flags, **flags},
    )


def _field(posterior: Any) -> VelocityField:
    if not isinstance(posterior, NeuralPosterior) or not isinstance(posterior.estimator.density, VelocityField):
        raise MissingRole(
            f"{type(posterior).__name__}: only a posterior trained with FlowMatching knows its mean without draws; "
            "draw samples and average them"
        )
    if not is_affine(posterior.coordinate):
        raise InvalidOption(
            f"the coordinates {type(posterior.coordinate).__name__} of this posterior are not linear in the "
            "parameters, so that their mean is not that of the parameters; draw samples and average them"
        )
    if posterior.region is not None:
        raise InvalidOption(
            "truncated rounds have cut this posterior, and the mean of the network counts what was cut off; draw "
            "samples and average them"
        )
    return posterior.estimator.density


@eqx.filter_jit
def _ends(field, z0, context):
    """v(z0, 0, h) + (1-sigma_min) z0 for each z0."""
    prepared, start = field.trunk.prepare(context), jnp.zeros((), dtype=jnp.float32)
    v = jax.vmap(lambda z: field.velocity(z, start, prepared))(z0)
    return v + np.float32(1.0 - field.settings.sigma_min) * z0
