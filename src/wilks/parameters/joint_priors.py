"""A prior of several parameters at once: the multivariate normal, with what follows from it when some are held."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float, Int

from wilks._base.errors import InvalidParameter, UnknownName, near_names
from wilks._base.typing import Key, LogProb

from .normal_priors import Normal

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_EDGE = 2.0**-53  # shares keep this distance from 0 and 1, whose scores are infinite
_ASYMMETRY = 1e-10  # relative difference of mirrored covariances that counts as rounding


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class MultivariateNormal:
    """Normal density of several parameters with their covariances; `ParameterSpace.with_prior` puts it into a space.

    Where some of its parameters are held, the others have the density that is left at those values.

    Args:
        names: parameters, each once.
        mean: of each.
        covariance: symmetric and positive definite, in products of the parameters' units.

    Raises:
        InvalidParameter: saying what is wrong with names, numbers or covariance.

    >>> prior = MultivariateNormal(("a", "b"), (1.0, 2.0), ((1.0, 0.5), (0.5, 1.0)))
    >>> prior.given({"a": 3.0}).mean, prior.given({"a": 3.0}).covariance
    ((3.0,), ((0.75,),))
    """

    names: Sequence[str]
    mean: Sequence[float | int] | Float[np.ndarray, " n"]
    covariance: Sequence[Sequence[float | int]] | Float[np.ndarray, "n n"]

    def __post_init__(self) -> None:
        names = (self.names,) if isinstance(self.names, str) else tuple(self.names)
        mean, covariance = np.asarray(self.mean, dtype=float), np.asarray(self.covariance, dtype=float)
        if len(set(names)) != len(names) or not names:
            raise InvalidParameter(f"MultivariateNormal prior: parameters {names}; name each once")
        who = f"MultivariateNormal prior of {', '.join(names)}"
        if mean.shape != (len(names),) or covariance.shape != (len(names), len(names)):
            raise InvalidParameter(
                f"{who}: mean of shape {mean.shape} and covariance of shape {covariance.shape}; expected "
                f"{(len(names),)} and {(len(names), len(names))}"
            )
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise InvalidParameter(f"{who}: mean {mean.tolist()} and covariance {covariance.tolist()} must be finite")
        _check_positive(who, covariance)
        covariance = 0.5 * (covariance + covariance.T)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "mean", tuple(mean.tolist()))
        object.__setattr__(self, "covariance", tuple(map(tuple, covariance.tolist())))

    @functools.cached_property
    def cholesky(self) -> Float[np.ndarray, "n n"]:
        """Lower triangle L with covariance L L^T."""
        return np.linalg.cholesky(np.array(self.covariance))

    @property
    def marginals(self) -> dict[str, Normal]:
        """Prior of each parameter alone."""
        sigma = np.sqrt(np.diagonal(np.array(self.covariance))).tolist()
        return {name: Normal(m, s) for name, m, s in zip(self.names, self.mean, sigma, strict=True)}

    def log_prob(self, x: Float[Array | np.ndarray, "*points n"]) -> Float[Array, "*points"]:
        """Natural logarithm of the density at values in the order of the names."""
        z = self.scores(x)
        log_sizes = np.sum(np.log(np.diagonal(self.cholesky))) + len(self.names) * _LOG_SQRT_2PI
        return jnp.asarray(-0.5 * jnp.sum(z**2, axis=-1) - log_sizes)

    def scores(self, x: Float[Array | np.ndarray, "*points n"]) -> Float[Array, "*points n"]:
        """z = L^-1 (x - mean), independent standard normal numbers under the prior (Rosenblatt's map)."""
        away = jnp.asarray(x) - jnp.broadcast_to(np.array(self.mean), jnp.shape(x))
        return jnp.asarray(away @ np.linalg.inv(self.cholesky).T)

    def values(self, z: Float[Array | np.ndarray, "*points n"]) -> Float[Array, "*points n"]:
        """Values at scores; the inverse of `scores`."""
        return jnp.broadcast_to(np.array(self.mean), jnp.shape(z)) + jnp.asarray(z) @ self.cholesky.T

    def sample(self, key: Key, n: int) -> Float[Array, "n parameters"]:
        """Independent draws."""
        return self.values(jax.random.normal(key, (n, len(self.names)), float))

    def only(self, names: Sequence[str]) -> "MultivariateNormal":
        """The prior of some of the parameters, the others left open.

        Raises:
            UnknownName: for a name that is not among them.
        """
        where = self._places(names)
        covariance = np.array(self.covariance)[np.ix_(where, where)]
        return MultivariateNormal(tuple(names), [self.mean[i] for i in where], covariance)

    def given(self, values: Mapping[str, float]) -> "MultivariateNormal":
        """The prior of the others where some, but not all, have these values.

        Raises:
            UnknownName: for a name that is not among them.
        """
        held = self._places(tuple(values))
        rest = [i for i in range(len(self.names)) if i not in held]
        covariance, mean = np.array(self.covariance), np.array(self.mean)
        gain = np.linalg.solve(covariance[np.ix_(held, held)], covariance[np.ix_(held, rest)]).T
        away = np.array([float(v) for v in values.values()]) - mean[held]
        return MultivariateNormal(
            [self.names[i] for i in rest],
            mean[rest] + gain @ away,
            covariance[np.ix_(rest, rest)] - gain @ covariance[np.ix_(held, rest)],
        )

    def _places(self, names: Sequence[str]) -> list[int]:
        for name in names:
            if name not in self.names:
                raise UnknownName(f"no parameter {name!r} in this prior; {near_names(name, self.names)}")
        return [list(self.names).index(name) for name in names]

    def __str__(self) -> str:
        terms = ", ".join(f"{name} {prior.mean:g} +- {prior.sigma:g}" for name, prior in self.marginals.items())
        return f"MultivariateNormal({terms})"


class Block(NamedTuple):
    """Free parameters of a space with one joint prior.

    Args:
        law: their prior, given those that are held.
        where: their places in the space.
        among_free: their places among its free parameters.
    """

    law: MultivariateNormal
    where: Int[np.ndarray, " n"]
    among_free: Int[np.ndarray, " n"]


def joined_values(blocks: Sequence[Block], values: Any, shares: Any) -> Array:
    """Values of free parameters, those of joint priors put in at the scores with these shares below them."""
    values, inside = jnp.asarray(values), jnp.clip(jnp.asarray(shares), _EDGE, 1.0 - _EDGE)
    for law, _, where in blocks:
        values = values.at[..., where].set(law.values(ndtri(inside[..., where])))
    return values


def joined_shares(blocks: Sequence[Block], shares: Any, values: Any) -> Array:
    """Shares of free parameters, those of joint priors put in from their scores; the inverse of `joined_values`."""
    shares = jnp.asarray(shares)
    for law, _, where in blocks:
        shares = shares.at[..., where].set(ndtr(law.scores(jnp.asarray(values)[..., where])))
    return shares


def log_priors_of(blocks: Sequence[Block], theta: Any) -> LogProb:
    """Sum of the logarithms of joint priors at a vector of all parameters."""
    return sum((law.log_prob(theta[where]) for law, where, _ in blocks), jnp.zeros(()))


def _check_positive(who: str, covariance: Float[np.ndarray, "n n"]) -> None:
    if np.abs(covariance - covariance.T).max() > _ASYMMETRY * np.abs(covariance).max():
        raise InvalidParameter(f"{who}: the covariance {covariance.tolist()} is not symmetric")
    smallest = float(np.linalg.eigvalsh(0.5 * (covariance + covariance.T)).min())
    if not smallest > 0.0:
        raise InvalidParameter(
            f"{who}: the covariance is not positive definite, its smallest eigenvalue is {smallest:.3g}; drop a "
            "parameter that the others determine"
        )
