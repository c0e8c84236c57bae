"""Switches between alternatives in simulations: how they are drawn, and the blocks of data that tell them."""

import itertools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.special import chdtrc

from wilks._base.errors import InvalidData, InvalidParameter
from wilks._base.typing import Key
from wilks.parameters.choices import Choice
from wilks.parameters.space import ParameterSpace

_TASK = 0x5317  # folded into a key, so that draws of other parameters do not depend on switches
_OTHER_SHARES = 1e-6  # p-value below which alternatives cannot have the declared probabilities

Alternatives = tuple[tuple[str, ...], ...]
"""All combinations of the alternatives of several switches."""


def choice_of(space: ParameterSpace, name: str) -> Choice:
    """The prior of a switch."""
    prior = space[name].prior
    assert isinstance(prior, Choice)
    return prior


def draw_switches(
    key: Key, space: ParameterSpace, theta: Float[Array | np.ndarray, "points parameters"]
) -> Float[Array | np.ndarray, "points parameters"]:
    """Rows of all parameters with every switch drawn by its probabilities; may be called in compiled code."""
    for name in space.switches:
        where = space.index(name)
        shares = jax.random.uniform(jax.random.fold_in(key, _TASK + where), (len(theta),), float)
        theta = jnp.asarray(theta).at[:, where].set(jax.vmap(choice_of(space, name).quantile)(shares))
    return theta


def switch_blocks(
    space: ParameterSpace, theta: Float[Array | np.ndarray, "points parameters"]
) -> dict[str, Float[Array, "points alternatives"]]:
    """One block of data per switch: a one at the alternative of each row, zeros elsewhere."""
    rows = jnp.asarray(theta)
    return {
        name: jax.nn.one_hot(rows[:, space.index(name)].astype(int), len(choice_of(space, name).names), dtype=float)
        for name in space.switches
    }


def alternatives_of(space: ParameterSpace) -> Alternatives:
    """Every combination of alternatives, the last switch changing first."""
    return tuple(itertools.product(*(choice_of(space, name).names for name in space.switches)))


def log_shares(space: ParameterSpace) -> Float[np.ndarray, " combinations"]:
    """Logarithm of the prior probability of every combination."""
    found = np.zeros(1)
    for name in space.switches:
        found = np.add.outer(found, np.log(choice_of(space, name).probabilities)).ravel()
    return found


def combinations(space: ParameterSpace, blocks: Mapping[str, Any]) -> Int[np.ndarray, " points"]:
    """Number of each row's combination, from its blocks."""
    found = np.zeros(len(next(iter(blocks.values()))), dtype=int)
    for name in space.switches:
        found = found * len(choice_of(space, name).names) + np.argmax(blocks[name], axis=1)
    return found


def given_switches(space: ParameterSpace, blocks: Mapping[str, Any], *, of_prior: bool) -> dict[str, np.ndarray]:
    """Blocks of given pairs with those of switches, which may be names or numbers of alternatives, in the usual form.

    Args:
        space: parameters.
        blocks: arrays with a leading axis of pairs.
        of_prior: whether the alternatives must have the probabilities of the prior.

    Raises:
        InvalidData: for an absent block, unknown alternatives, or other probabilities than the declared ones.
    """
    found = {name: np.asarray(array) for name, array in blocks.items()}
    for name in space.switches:
        choice = choice_of(space, name)
        if name not in found:
            raise InvalidData(f"pairs: give the alternatives of the switch {name!r} as a block of the data")
        found[name] = _one_hot(name, choice, found[name])
        if of_prior:
            _refuse_other_shares(name, choice, found[name])
    return found


def refuse_same_names(space: ParameterSpace, layout: Mapping[str, Any]) -> None:
    """Refuse data with a block that has the name of a switch.

    Raises:
        InvalidData: naming it.
    """
    for name in space.switches:
        if name in layout:
            raise InvalidData(f"the simulator's data have a block {name!r}, the name of a switch; rename one of them")


def refuse_switches(space: ParameterSpace, procedure: str) -> None:
    """Refuse a space with switches where a procedure has no use for them.

    Raises:
        InvalidParameter: saying how to fix them.
    """
    if space.switches:
        name = space.switches[0]
        first = choice_of(space, name).names[0]
        raise InvalidParameter(
            f"{procedure} takes one alternative of {name!r} at a time: fix it by space.choose({name}={first!r})"
        )


def refuse_unchosen(space: ParameterSpace, given: Mapping[str, Any]) -> None:
    """Refuse observed data that do not say which alternative of a switch is meant.

    Raises:
        InvalidData: saying how to choose, or to average.
    """
    for name in space.switches:
        if name not in given:
            first = choice_of(space, name).names[0]
            raise InvalidData(
                f"{name!r} is a switch, and the data do not say which alternative is meant: take "
                f"choose(posterior, {name}={first!r}), or average(posterior, odds, data), of "
                "wilks.inference.sbi.operations"
            )


def _one_hot(name: str, choice: Choice, given: np.ndarray) -> np.ndarray:
    count = len(choice.names)
    if given.dtype.kind in "US" and given.ndim == 1:
        unknown = sorted(set(given.tolist()) - set(choice.names))
        if unknown:
            raise InvalidData(f"pairs: {unknown[0]!r} is no alternative of {name!r}: {', '.join(choice.names)}")
        given = np.array([choice.names.index(one) for one in given.tolist()])
    if given.ndim == 1 and given.dtype.kind in "iuf" and np.isin(given, np.arange(count)).all():
        return np.eye(count)[given.astype(int)]
    if given.ndim == 2 and given.shape[1] == count and np.isin(given, (0, 1)).all() and (given.sum(axis=1) == 1).all():
        return given.astype(float)
    raise InvalidData(
        f"pairs: block {name!r} of shape {given.shape} and type {given.dtype}; expected names or numbers of the "
        f"alternatives {', '.join(choice.names)}, or rows with a one at theirs"
    )


def _refuse_other_shares(name: str, choice: Choice, rows: np.ndarray) -> None:
    expected = len(rows) * np.array(choice.probabilities)
    square = float((((rows.sum(axis=0) - expected) ** 2) / expected).sum())
    p_value = float(chdtrc(len(expected) - 1, square))
    if p_value < _OTHER_SHARES:
        raise InvalidData(
            f"pairs: the alternatives of {name!r} do not have their probabilities {choice.probabilities} (chi-square "
            f"p = {p_value:.1g}); declare those that they were drawn with"
        )
