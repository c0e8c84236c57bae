"""How many steps the solver of a field takes where that is left open, and whether one that finds its own arrives."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .adaptive_steps import MOST_TRIES
from .density import AbstractConditionalDensity, Contexts
from .paths import VelocityField
from .score_paths import ScoreField

MOST_STEPS = 400
"""Steps that are never exceeded; a field that needs more is called stiff."""

SETS = 8
"""Sets of data that are looked at."""

_DRAWS = 32  # at each of them, whose own spread is the measure: 256 in all
_TOLERANCE = 0.01  # of a posterior's standard deviation


class Settled(NamedTuple):
    """A density whose solver takes a fixed number of steps, and what a careful reader must see.

    Args:
        density: the density.
        flags: name -> sentence; ``stiff_field`` where 400 steps are not enough, or 1,000 of a solver's own.
    """

    density: AbstractConditionalDensity
    flags: dict[str, str]


def settle_steps(density: AbstractConditionalDensity, context: Contexts) -> Settled:
    """Fix the steps of a field that was trained with ``steps="auto"``; any other density stays as it is.

    256 draws are made with n and with 2n steps from the same noise, and n is doubled until their root mean square
    difference is below 1 % of the standard deviation of the posterior that each belongs to. A solver that finds its own
    steps is only watched, with any setting: whether 256 draws arrive.

    Args:
        density: a trained density.
        context: encoded sets of data, of which the first eight are looked at.
    """
    if not isinstance(density, (VelocityField, ScoreField)):
        return Settled(density, {})
    rows = jnp.repeat(context[:SETS], _DRAWS, axis=0)
    steps, error = density.settings.fewest_steps, np.inf
    if finds_its_steps(density):
        lost = int(np.isnan(_drawn(_with_steps(density, steps), rows)).any(axis=1).sum())
        settled = _with_steps(density, steps) if density.settings.steps == "auto" else density
        return Settled(settled, {"stiff_field": lost_text(lost, len(rows))} if lost else {})
    if density.settings.steps != "auto":
        return Settled(density, {})
    drawn = _drawn(_with_steps(density, steps), rows)
    while steps <= MOST_STEPS:
        finer = _drawn(_with_steps(density, 2 * steps), rows)
        error = relative_difference(drawn, finer)
        if error < _TOLERANCE:
            return Settled(_with_steps(density, steps), {})
        steps, drawn = 2 * steps, finer
    text = (
        f"{MOST_STEPS} steps of the solver leave draws {error:.1%} of a standard deviation from where twice as many "
        "end; train longer, or take conditional standardisation or rounds"
    )
    return Settled(_with_steps(density, MOST_STEPS), {"stiff_field": text})


def finds_its_steps(density: AbstractConditionalDensity) -> bool:
    """Whether a solver chooses its own steps, and may give a draw up."""
    return isinstance(density, (VelocityField, ScoreField)) and density.settings.solver == "dopri5"


def lost_text(lost: int, n: int) -> str:
    """What to know about draws that a solver has given up."""
    return (
        f"{lost} of {n} draws were given up after {MOST_TRIES} steps and left out; train longer, or take "
        "conditional standardisation or rounds"
    )


def relative_difference(one: Float[np.ndarray, "draws size"], two: Float[np.ndarray, "draws size"]) -> float:
    """Root mean square difference of draws, in standard deviations of the set of data that each belongs to.

    Args:
        one: draws, those of one set of data after those of the other.
        two: the same draws, better known.
    """
    by_set = two.reshape(-1, _DRAWS, two.shape[1])
    spread = np.maximum(by_set.std(axis=1, ddof=1, keepdims=True), 1e-12)
    return float(np.sqrt(np.mean(((one.reshape(by_set.shape) - by_set) / spread) ** 2)))


def _with_steps(field: VelocityField | ScoreField, steps: int) -> VelocityField | ScoreField:
    return dataclasses.replace(field, settings=dataclasses.replace(field.settings, steps=steps))


def _drawn(density: AbstractConditionalDensity, context: Contexts) -> Float[np.ndarray, "draws size"]:
    keys = jax.random.split(jax.random.key(0), len(context))
    return np.asarray(_draw(density, keys, context), dtype=float)


@eqx.filter_jit
def _draw(density, keys, context):
    return density.draw(keys, context)
