"""Markov chains around points: the stretch move on FlavorPy's chi-square, compiled, with diagnostics of every chain."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption, check_option
from wilks._base.notices import notice
from wilks.execution.progress import Progress
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.interface import Chains, Posed
from wilks.inference.sampling.origin import Origin
from wilks.inference.sampling.target import Target
from wilks.parameters.space import ParameterSpace

from .objective import Objective

_POLICIES = ("omit", "propagate", "raise")
_WITHOUT_EFFECT = ("workers", "float_behavior", "is_weighted", "run_mcmc_kwargs", "reuse_sampler", "pos", "ntemps")


@dataclass(frozen=True)
class ChainSettings:
    """How long chains are.

    Args:
        steps: steps of every walker, the burn-in included.
        burn: steps thrown away.
        thin: only every so many steps are kept.
        walkers: number of walkers.
        nan_policy: "raise" refuses points at which the chi-square is no number; otherwise they count as impossible.
    """

    steps: int
    burn: int
    thin: int
    walkers: int
    nan_policy: str

    def sampler(self, free: int) -> Ensemble:
        """The sampler for so many free parameters.

        Raises:
            InvalidOption: for settings that make no sense, with the number needed.
        """
        check_option("nan_policy", self.nan_policy, _POLICIES)
        for name, number in (("mcmc_steps", self.steps), ("nwalkers", self.walkers), ("thin", self.thin)):
            if number < 1:
                raise InvalidOption(f"{name} = {number}; give at least 1")
        if not free:
            raise InvalidOption("no parameter varies, so there is nothing to sample; let one vary")
        if self.walkers < 2 * free + 2:
            raise InvalidOption(f"nwalkers = {self.walkers} for {free} free parameters; give at least {2 * free + 2}")
        even = self.walkers + self.walkers % 2  # they move in two halves
        return Ensemble(walkers=even, steps=self.steps, burn=self.burn, thin=self.thin, start="ball")


class ChainOfRow(NamedTuple):
    """What the chain around one point gives.

    Args:
        theta: draws, step by step and walker by walker, in the order of the space.
        report: acceptance, tau, rhat, ess by parameter, whether it converged, and the verdict in words.
    """

    theta: Float[np.ndarray, "draws parameters"]
    report: dict[str, Any]


def run_chain(
    objective: Objective,
    space: ParameterSpace,
    centre: Float[np.ndarray, " parameters"],
    settings: ChainSettings,
    seed: int,
    progress: Progress | None,
) -> ChainOfRow:
    """Draws around one point.

    Args:
        objective: -chi2/2 as a log density.
        space: its parameters, those that do not vary fixed.
        centre: where walkers start, in a ball of relative radius 1e-4; fixed parameters stay there.
        settings: length of the chain.
        seed: equal seeds give equal draws.
        progress: called with the number of steps done.

    Raises:
        InvalidOption: if the settings make no sense, or the density is zero around the centre.
    """
    free = space.free_mask
    sampler = settings.sampler(int(free.sum()))
    _check_inside(space, centre)
    target = Target(objective, jnp.zeros(0), jnp.asarray(centre), jnp.asarray(centre[free]), space)
    origin = Origin(centre[free], np.eye(int(free.sum())), np.ones(int(free.sum())), {})
    found = sampler.run(Posed(target, origin, seed, None, progress))
    if settings.nan_policy == "raise" and "undefined_density" in found.flags:
        raise InvalidOption(f"nan_policy='raise': {found.flags['undefined_density']}")
    draws = np.swapaxes(found.position[: settings.walkers], 0, 1).reshape(-1, int(free.sum()))
    theta = np.tile(centre, (len(draws), 1))
    theta[:, free] = draws
    return ChainOfRow(theta, _report(found, space.free))


def reported(reports: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Reports of all rows, by kind."""
    return {name: [report[name] for report in reports] for name in (reports[0] if reports else {})}


def check_emcee_options(options: dict[str, Any]) -> None:
    """Refuse unknown options, and say which of the known ones do nothing here.

    Raises:
        InvalidOption: listing the known ones.
    """
    for name in options:
        if name not in _WITHOUT_EFFECT:
            raise InvalidOption(
                f"mcmc_fit has no option {name!r}; options of emcee known here: {', '.join(_WITHOUT_EFFECT)}"
            )
        notice(f"mcmc_fit: the option {name!r} of emcee has no effect; chains are compiled and run by Wilks")


@dataclass(frozen=True)
class ProgressLine:
    """A line on standard error that says how far a chain is.

    Args:
        row: label of the point.
    """

    row: Any

    def __call__(self, done: int, total: int, failed: int, seconds: float) -> None:
        """Write the line anew."""
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{self.row}: {done}/{total} steps, {seconds:.1f} s{end}")
        sys.stderr.flush()


def _check_inside(space: ParameterSpace, centre: Float[np.ndarray, " parameters"]) -> None:
    for name, value, low, high in zip(space.names, centre, space.lowers, space.uppers, strict=True):
        if not low <= value <= high:
            raise InvalidOption(f"start of {name!r}: {value} lies outside [{low}, {high}]; move it inside")


def _report(found: Chains, names: tuple[str, ...]) -> dict[str, Any]:
    diagnostics = found.diagnostics
    columns = {"tau": diagnostics.tau, "rhat": diagnostics.rhat, "ess": diagnostics.ess_bulk}
    named = {key: dict(zip(names, column.tolist(), strict=True)) for key, column in columns.items()}
    verdict = "not converged: " + "; ".join(found.shortcomings) if found.shortcomings else "converged"
    mean = float(np.mean(found.acceptance))
    return {"acceptance": mean, **named, "converged": not found.shortcomings, "verdict": verdict}
