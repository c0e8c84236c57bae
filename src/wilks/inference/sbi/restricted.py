"""The prior restricted to where simulations succeed: a classifier of failed simulations, and draws where it says yes.

For a posterior this costs nothing: p(theta | x) of a valid x is proportional to p(x, valid | theta) p(theta), which is
zero wherever simulations fail anyway, so that leaving those parameters out changes no posterior. What a threshold cuts
away besides them is measured: the share of valid simulations outside is the posterior mass that valid data lose, on
average.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid
from jaxtyping import Array, Bool, Float

from wilks._base.errors import InvalidData, InvalidOption, InvalidParameter, RegionTooSmall
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.parameters.space import ParameterSpace
from wilks.results.numbers import number, percent, with_error

from .budget import Budget
from .coordinates import AbstractCoordinate, Box, inferred_space, to_network
from .networks import Perceptron
from .pairs import VALID, Pairs
from .points import Points, in_blocks, prior_draws
from .posterior_interface import AbstractRegion
from .training import FEWEST_PAIRS
from .validity import train_validity

_STEPS = 2_000  # of a small network with one output
_FEWEST = 10  # valid and failed simulations each, below which no boundary can be learned
_BATCH = 20_000  # candidates tried at a time
_SMALLEST = 1e-6  # part of the prior
_MOST_TRIED = 4_000_000  # candidates after which a region of that size would have been met, but for 2 per cent
_ENOUGH = 2_000  # accepted candidates that know the acceptance to a fortieth


class Attempts(NamedTuple):
    """Candidates drawn from the prior.

    Args:
        tried: how many there were.
        accepted: how many of them lay inside.
    """

    tried: int
    accepted: int

    @property
    def share(self) -> float:
        """Accepted part: the part of the prior that lies inside."""
        return self.accepted / self.tried

    @property
    def error(self) -> float:
        """Its binomial error."""
        return math.sqrt(self.share * (1.0 - self.share) / self.tried)


@final
class Restricted(AbstractRegion):
    """Part of the prior where a simulation is valid with some probability at least; made by `restrict`.

    Args:
        space: inferred parameters with bounds and priors.
        coordinate: how the network sees them.
        network: log odds that a simulation is valid.
        threshold: smallest P(valid | theta) inside.
        attempts: prior draws by which its part of the prior is known.
        lost: share of the known valid simulations that lie outside.
        known: number of the valid simulations that it was learned from.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: Perceptron
    threshold: float = eqx.field(static=True)
    attempts: Attempts = eqx.field(static=True)
    lost: float = eqx.field(static=True)
    known: int = eqx.field(static=True)

    def contains(self, theta: Float[np.ndarray, "points parameters"]) -> Bool[np.ndarray, " points"]:
        """Which points lie inside: those of P(valid | theta) at or above the threshold."""
        return self._log_odds(theta) >= np.float32(_log_odds(self.threshold))

    def probability(self, values: Mapping[str, Any]) -> Float[np.ndarray, "*points"]:
        """P(valid | theta) at numbers, or arrays of one length, by name."""
        theta = np.stack(np.broadcast_arrays(*(np.asarray(values[n], float) for n in self.space.names)), axis=-1)
        odds = self._log_odds(theta.reshape(-1, len(self.space)))
        return np.asarray(sigmoid(odds), dtype=float).reshape(theta.shape[:-1])

    def draw(self, key: Key | int, n: int) -> tuple[Points, Attempts]:
        """Draws of the prior inside, and how many were tried; more draws begin with the fewer ones.

        Args:
            key: random key or seed.
            n: number of draws.

        Raises:
            RegionTooSmall: if fewer than a millionth of the prior's draws lie inside.
        """
        seed, found, tried, good = jax.random.key(as_seed(key)), [], 0, 0
        while good < n:
            candidates = prior_draws(jax.random.fold_in(seed, len(found)), self.space, _BATCH)
            inside = candidates[self.contains(candidates)]
            found.append(inside)
            tried, good = tried + _BATCH, good + len(inside)
            refuse_tiny(Attempts(tried, good), self.threshold)
        return np.concatenate(found)[:n], Attempts(tried, good)

    @property
    def name(self) -> str:
        """What draws come from, for prints."""
        return (
            f"prior restricted to P(valid) >= {number(self.threshold, 3)}, "
            f"{with_error(self.attempts.share, self.attempts.error)} of the prior"
        )

    def __repr__(self) -> str:
        error = math.sqrt(max(self.lost, 1.0 / self.known) / self.known)
        return (
            f"Restricted({', '.join(self.space.names)}; {self.name}; leaves out {percent(self.lost)} of "
            f"{self.known} valid simulations, known to {percent(error)})"
        )

    def _log_odds(self, theta: Float[np.ndarray, "points parameters"]) -> Float[np.ndarray, " points"]:
        rows = np.asarray(theta, dtype=float)
        return in_blocks(lambda some: _odds(self.network, self.coordinate, some), rows, _BATCH)


def restrict(
    key: Key | int,
    pairs: Pairs,
    space: ParameterSpace,
    *,
    threshold: float | None = None,
    lost: float = 1e-3,
    budget: Budget | None = None,
) -> Restricted:
    """Learn where simulations fail, to simulate no more there.

    The result is a proposal: ``simulate_pairs(..., proposal=restricted)`` draws the prior inside, and
    ``train_posterior(..., proposal=restricted)`` confines the posterior to it as well.

    Args:
        key: random key or seed of the training.
        pairs: simulations of the prior, failed ones among them (``simulate_pairs(..., allow_invalid=True)``).
        space: their parameters.
        threshold: smallest P(valid | theta) inside, between 0 and 1; by default the largest that leaves out no more
            than ``lost`` of the valid simulations.
        lost: that share, from 0 to 0.5.
        budget: length of the training; 2,000 steps unless given.

    Raises:
        InvalidData: for fewer than 100 pairs, or if all of them, or nearly all, are valid or failed.
        InvalidOption: for a threshold or share out of range.
        RegionTooSmall: if less than a millionth of the prior lies inside.
    """
    if threshold is not None and not 0.0 < threshold < 1.0:
        raise InvalidOption(f"threshold {threshold} of P(valid) must lie between 0 and 1")
    if not 0.0 <= lost < 0.5:
        raise InvalidOption(f"lost {lost} of the valid simulations must lie in [0, 0.5)")
    valid = pairs.status == VALID
    _refuse_one_sided(valid)
    inferred = inferred_space(space)
    coordinate, theta = Box(inferred), pairs.columns(inferred.names)
    z = np.asarray(to_network(coordinate, jnp.asarray(theta)), np.float32)
    seed = jax.random.key(as_seed(key))
    network = train_validity(jax.random.fold_in(seed, 0), z, valid, budget or Budget(_STEPS))
    odds = in_blocks(lambda some: _odds(network, coordinate, some), theta, _BATCH)
    if threshold is None:  # just below that of a simulation, so that rounding keeps it inside
        threshold = float(sigmoid(float(np.quantile(odds[valid], lost, method="lower")) - 1e-4))
    outside = float(np.mean(odds[valid] < np.float32(_log_odds(threshold))))
    fresh = Restricted(inferred, coordinate, network, threshold, Attempts(1, 1), outside, int(valid.sum()))
    _, attempts = fresh.draw(jax.random.fold_in(seed, 1), _ENOUGH)
    return Restricted(inferred, coordinate, network, threshold, attempts, outside, int(valid.sum()))


def refuse_tiny(attempts: Attempts, threshold: float) -> None:
    """Refuse a region that holds less than a millionth of the prior.

    Raises:
        RegionTooSmall: with the numbers.
    """
    if attempts.tried >= _MOST_TRIED and attempts.share < _SMALLEST:
        raise RegionTooSmall(
            f"{attempts.accepted} of {attempts.tried} prior draws have P(valid) >= {threshold:.6g}, less than "
            f"{_SMALLEST:g}: lower the threshold, or narrow the priors to where simulations succeed"
        )


def refuse_other_space(restricted: Restricted, space: ParameterSpace) -> None:
    """Refuse a region of other parameters, bounds or priors.

    Raises:
        InvalidParameter: naming those that differ.
    """
    own, other = {p.name: p for p in restricted.space.parameters}, {p.name: p for p in inferred_space(space).parameters}
    differing = sorted(name for name in own.keys() | other.keys() if own.get(name) != other.get(name))
    if differing:
        raise InvalidParameter(
            f"the proposal was restricted in a space whose parameters {', '.join(differing)} differ in name, bounds "
            "or prior; call restrict() with pairs of this space"
        )


def _refuse_one_sided(valid: Bool[np.ndarray, " pairs"]) -> None:
    good, bad = int(valid.sum()), int((~valid).sum())
    if len(valid) < FEWEST_PAIRS:
        raise InvalidData(f"{len(valid)} pairs say little of where simulations fail; give at least {FEWEST_PAIRS}")
    if bad < _FEWEST:
        raise InvalidData(
            f"{bad} of {len(valid)} simulations failed: there is nothing to learn from fewer than {_FEWEST}; draw from "
            "the whole prior"
        )
    if good < _FEWEST:
        raise InvalidData(
            f"{good} of {len(valid)} simulations are valid: where they succeed cannot be learned from fewer than "
            f"{_FEWEST}; mend the simulator, narrow the priors, or simulate more"
        )


def _log_odds(probability: float) -> float:
    return math.log(probability) - math.log1p(-probability)


@eqx.filter_jit
def _odds(
    network: Perceptron, coordinate: AbstractCoordinate, theta: Float[Array | np.ndarray, "points parameters"]
) -> Float[Array, " points"]:
    z = jax.vmap(coordinate.to_network)(jnp.asarray(theta)).astype(jnp.float32)
    return jax.vmap(network)(z)[:, 0]
