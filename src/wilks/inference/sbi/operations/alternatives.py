"""A posterior at one alternative of its switches, and its average over all of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.inference.sbi.blocks import blocks_of
from wilks.inference.sbi.odds import NeuralOdds
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import random_key
from wilks.inference.sbi.switches import switch_blocks
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples

from .at_data import PosteriorAtData, at_data
from .ensembles import ensemble


class ChosenPosterior(AbstractPosterior):
    """q(theta | x, c) at one alternative c of every switch; made by `choose`.

    Args:
        space: parameters, the switches fixed.
        posterior: for data that tell the alternative.
        blocks: what is added to data for that.
    """

    space: ParameterSpace
    posterior: Any
    blocks: dict[str, np.ndarray]

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Draws at data that do not tell the alternative.

        Args:
            key: random key or seed.
            data: observed data in the form that the simulator gives.
            n: number of draws.
            density: also compute the log density of each where it is not free.
        """
        samples = self.posterior.sample(random_key(key), self._told(data), n, density=density)
        draws = samples.draws.copy()
        for name in self.blocks:
            draws[..., samples.index(name)] = self.space[name].start
        return dataclasses.replace(samples, draws=draws)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """Density of the free parameters at the alternative."""
        return self.posterior.log_prob(values, self._told(data))

    def _told(self, data: Any) -> dict[str, Any]:
        return {**blocks_of(data), **self.blocks}


def choose(posterior: Any, alternatives: Mapping[str, str] | None = None, /, **named: str) -> ChosenPosterior:
    """A posterior at one alternative of every switch, e.g. ``choose(posterior, flux="HM")``.

    It takes data without a word on switches, and serves every procedure: weights, checks of calibration, maxima.

    Args:
        posterior: trained on a space with switches.
        alternatives: switch -> alternative; may also be given by name.

    Raises:
        UnknownName: for a switch or an alternative that does not exist.
        InvalidParameter: for a parameter that is no switch.
        InvalidOption: if a switch is left open.
    """
    space = posterior.space.choose(alternatives, **named)
    if space.switches:
        raise InvalidOption(f"the switch {space.switches[0]!r} is left open; choose an alternative of it, too")
    told = switch_blocks(posterior.space, space.starts[None])
    return ChosenPosterior(space, posterior, {name: np.asarray(rows[0]) for name, rows in told.items()})


def average(posterior: Any, odds: NeuralOdds, data: Any) -> PosteriorAtData:
    """The posterior of all other parameters whatever the alternative: sum over c of q(c|x) q(theta|x,c).

    The columns of the switches in its draws are numbers of alternatives, drawn by their posterior probabilities.

    Args:
        posterior: trained on a space with switches.
        odds: trained on the same space.
        data: observed data in the form that the simulator gives; the average holds for these alone.
    """
    names, weights = odds.space.switches, np.exp(odds.log_probabilities(data))
    members = [choose(posterior, dict(zip(names, one, strict=True))) for one in odds.alternatives]
    floor = np.finfo(float).tiny  # a weight may underflow, and a mixture takes positive ones
    return at_data(ensemble(members, np.maximum(weights, floor).tolist()), data)
