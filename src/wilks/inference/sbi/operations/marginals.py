"""A posterior of some of its parameters: the other columns of its draws are dropped."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import RegularGridInterpolator

from wilks._base.digests import digest
from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.inference.sbi.points import Points, log_priors, prior_quantiles
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import draws_of, independent_draws, random_key
from wilks.parameters.space import ParameterSpace
from wilks.results.densities import density, density_2d
from wilks.results.samples import Samples

_DRAWS = 20_000
_SEED = 20_240_303  # any fixed number: the same data always give the same density
_UNIT = (0.0, 1.0)


class Kernels:
    """Smooth densities of data that were asked for: never more than a call would compute again."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}


class MarginalPosterior(AbstractPosterior):
    """q(some | x), all others integrated out; made by `marginal`.

    Its density is a kernel estimate in prior probability, for one or two parameters; a network trained with
    ``targets=`` has an exact one.

    Args:
        space: the parameters that are kept.
        posterior: of all of them.
    """

    space: ParameterSpace
    posterior: Any
    kernels: Kernels = eqx.field(static=True, default_factory=Kernels)

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Draws of the posterior, other columns dropped.

        Args:
            key: random key or seed.
            data: observed data.
            n: number of draws.
            density: also estimate the density of each.
        """
        theta = self._kept(key, data, n)
        values = {name: theta[:, i] for i, name in enumerate(self.space.names)}
        log_prob = np.asarray(self.log_prob(values, data), float) if density else np.full(n, np.nan)
        return independent_draws(self.space, theta, log_prob, "marginal", n)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """Kernel estimate from 20,000 draws, reflected at the ends of the prior.

        Raises:
            InvalidOption: for more than two parameters.
        """
        if len(self.space.free) > 2:
            raise InvalidOption(
                f"a kernel estimate of {len(self.space.free)} parameters is no good; train a posterior with "
                f"targets={self.space.free}"
            )
        columns = np.broadcast_arrays(*(np.asarray(values.get(p.name, p.start), float) for p in self.space.parameters))
        theta = np.stack(columns, axis=-1)
        rows = np.atleast_2d(theta)
        height = self._kernel(data)(prior_quantiles(self.space, rows))
        with np.errstate(divide="ignore"):
            found = np.log(np.maximum(height, 0.0)) + log_priors(self.space, rows)
        return jnp.asarray(found.reshape(theta.shape[:-1]))

    def _kept(self, key: Key | int, data: Any, n: int) -> Points:
        theta = draws_of(self.posterior.sample(random_key(key), data, n))
        return theta[:, list(self.posterior.space.indices(self.space.names))]

    def _kernel(self, data: Any) -> RegularGridInterpolator:
        """Density in prior quantiles."""
        name = digest(data)
        if name not in self.kernels.found:
            shares = prior_quantiles(self.space, self._kept(_SEED, data, _DRAWS))
            *axes, height = (
                density(shares[:, 0], _UNIT)
                if shares.shape[1] == 1
                else density_2d(shares[:, 0], shares[:, 1], (_UNIT, _UNIT))
            )
            ends = tuple(_to_the_edges(axis) for axis in axes)
            # beyond the grid there are no draws within several widths of the kernel
            self.kernels.found[name] = RegularGridInterpolator(
                ends, np.pad(height, 1, mode="edge"), bounds_error=False, fill_value=0.0
            )
        return self.kernels.found[name]


def marginal(posterior: Any, names: Sequence[str]) -> MarginalPosterior:
    """The posterior of some parameters.

    Args:
        posterior: of these and others.
        names: parameters to keep, at least one.

    Raises:
        UnknownName: for a name that the posterior does not have.
        InvalidOption: if no free parameter is kept.
    """
    kept = posterior.space.part(dict.fromkeys(names))
    if not kept.free:
        raise InvalidOption("no free parameter is kept; name at least one")
    return MarginalPosterior(kept, posterior)


def _to_the_edges(centres: Float[np.ndarray, " grid"]) -> Float[np.ndarray, " ends"]:
    """Centres of cells, and the outer edges of the first and the last."""
    half = 0.5 * (centres[1] - centres[0])
    return np.concatenate([centres[:1] - half, centres, centres[-1:] + half])
