"""Switches between alternatives, such as two models of a flux: parameters that take whole numbers by chance."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from wilks._base.errors import InvalidParameter, UnknownName, near_names
from wilks._base.typing import LogProb, Scalar

from .priors import AbstractPrior, Number

_SUM = 1e-9  # distance from 1 that rounding may give a sum of probabilities


class Choice(AbstractPrior):
    """One of several alternatives, by the probability of each; the value is the number of the alternative, from 0.

    A parameter with this prior is a switch. Fits and samplers hold it at its start; simulation-based inference draws
    it, shows the networks which alternative was simulated, and learns the odds of the alternatives.

    Args:
        names: the alternatives, at least two.
        probabilities: of each, positive, with sum 1; equal unless given.

    >>> flux = Choice(("HM", "HKSS"), (0.25, 0.75))
    >>> float(flux.quantile(0.2)), float(flux.quantile(0.3))
    (0.0, 1.0)
    """

    names: tuple[str, ...] = eqx.field(static=True)
    probabilities: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, names: Sequence[str], probabilities: Sequence[float] | None = None) -> None:
        self.names = (names,) if isinstance(names, str) else tuple(names)
        equal = (1.0 / max(len(self.names), 1),) * len(self.names)
        self.probabilities = equal if probabilities is None else tuple(float(p) for p in probabilities)

    def __check_init__(self) -> None:
        _check(self.names, self.probabilities)

    def index(self, name: str) -> int:
        """Number of an alternative.

        Raises:
            UnknownName: with the nearest names.
        """
        if name not in self.names:
            raise UnknownName(f"no alternative {name!r}; {near_names(name, self.names)}")
        return self.names.index(name)

    def log_prob(self, value: Number) -> LogProb:
        """Logarithm of the probability of an alternative; -inf between the whole numbers."""
        x = jnp.asarray(value, dtype=float)
        numbers = np.arange(len(self.names), dtype=float)
        hit = jnp.where(x == numbers, np.log(self.probabilities), -jnp.inf)
        return jnp.max(hit)

    def cdf(self, value: Number) -> Scalar:
        """Probability of the alternatives up to a value, that of the value included."""
        return self._sum(jnp.asarray(value, dtype=float) >= np.arange(len(self.names)))

    def survival(self, value: Number) -> Scalar:
        """Probability of the alternatives above a value."""
        return self._sum(jnp.asarray(value, dtype=float) < np.arange(len(self.names)))

    def quantile(self, probability: Number) -> Scalar:
        """First alternative up to which the probabilities add up to the given one."""
        ends = np.cumsum(self.probabilities)[:-1]
        return jnp.sum(jnp.asarray(probability, dtype=float) > ends).astype(float)

    def _sum(self, which: Bool[Array, " alternatives"]) -> Scalar:
        return jnp.sum(jnp.where(which, np.asarray(self.probabilities), 0.0))


def _check(names: tuple[str, ...], probabilities: tuple[float, ...]) -> None:
    if len(names) < 2 or len(set(names)) < len(names):
        raise InvalidParameter(f"Choice prior: alternatives {names}; name at least two, each once")
    if not all(isinstance(name, str) and name.isprintable() and name for name in names):
        raise InvalidParameter(f"Choice prior: alternatives {names}; names must be printable and not empty")
    positive = all(math.isfinite(p) and p > 0.0 for p in probabilities)
    if len(probabilities) != len(names) or not positive or abs(sum(probabilities) - 1.0) > _SUM:
        raise InvalidParameter(
            f"Choice prior: probabilities {probabilities} of {len(names)} alternatives must be positive, one each, "
            "with sum 1"
        )
