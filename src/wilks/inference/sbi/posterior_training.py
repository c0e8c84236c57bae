"""Training of neural posteriors: from a simulator and priors to `NeuralPosterior`, in one round or several."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption, check_option
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .atomic_rounds import train_by_atoms
from .atoms import Atoms
from .budget import Budget
from .coordinates import COORDINATES, inferred_space
from .density import AbstractDensityFamily
from .flows import SplineFlow
from .mixture_density import MixtureDensity
from .online import judging_pairs
from .pairs import Pairs
from .paths import FlowMatching
from .posterior import NeuralPosterior
from .posterior_fits import STANDARDISE, Fit, fit_posterior
from .restricted import Restricted, refuse_other_space
from .rounds import Plan, counts_of_rounds, first_round, train_in_rounds
from .simulation import refuse_other_names, simulate_pairs
from .switches import refuse_switches
from .training_inputs import Encoder
from .truncation import Truncation


def train_posterior(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    path: AbstractDensityFamily | None = None,
    rounds: int = 1,
    data: Any = None,
    pairs: int | tuple[int, ...] | Pairs | str | Path = 100_000,
    proposal: Restricted | None = None,
    targets: tuple[str, ...] | None = None,
    encoder: Encoder = "auto",
    budget: Budget | None = None,
    coordinate: str = "auto",
    standardise: str = "auto",
    scale: str = "auto",
    truncation: Truncation | None = None,
    correction: Atoms | None = None,
    warm_start: bool = False,
    weights: Float[np.ndarray, " pairs"] | None = None,
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    allow_invalid: bool = False,
    throw: bool = True,
) -> NeuralPosterior:
    """Train a posterior for a simulator: no likelihood is needed.

    What to use when: `FlowMatching` as a rule; `ScoreMatching` for curved, sharp or heavy-tailed posteriors and fewest
    evaluations per draw; `SplineFlow` where many densities are needed. One round gives a posterior for any data; more
    rounds spend the simulations where the posterior of the given data lies, and it then holds for these data alone.

    Switches (parameters with the prior `Choice`) are never inferred: the network sees which alternative was simulated,
    and `wilks.inference.sbi.operations.choose` or ``average`` says which is meant; `train_odds` learns their odds. A
    fixed summary as encoder sees the data alone, and the alternative stands beside it.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``; equal seeds give equal networks.
        simulator: ``simulate(key, values)`` makes one set of data.
        space: its parameters; every free one needs a proper prior.
        path: ``FlowMatching()`` unless given.
        rounds: 1, or more with ``data``.
        data: observed data for which later rounds are truncated.
        pairs: how many to simulate over all rounds (a tuple: in each), `Pairs`, a folder of them, or ``"online"``:
            fresh ones inside every training step, for simulators that compile.
        proposal: part of the prior where simulations succeed (`restrict`): pairs are simulated there, given ones taken
            there, and the posterior is confined to it. It is the posterior of the whole prior, as a valid set of data
            excludes parameters where simulations fail.
        targets: parameters to infer; all other free ones are drawn from their priors and thereby marginalised.
        encoder: ``"auto"``, settings of an encoder such as ``Mlp()`` or ``BlockEncoder()``, or a fixed summary.
        budget: length of the training of each round.
        coordinate: ``"auto"`` (try some for a tenth of the budget each; ``"normal"`` alone where no prior has an edge;
            ``"box"`` in rounds), ``"box"``, ``"normal"`` or ``"affine"``.
        standardise: ``"auto"`` (decided with the coordinate), ``"none"``, ``"conditional"`` (a small network learns
            mean and spread beforehand) or ``"linear"`` (least squares give them: best where data are near linear in the
            parameters).
        scale: scaling of the data: ``"auto"``, ``"counts"``, ``"standard"``, ``"robust"`` or ``"none"``.
        truncation: how rounds cut the prior.
        correction: ``Atoms()`` lets rounds propose from the last posterior and corrects for it (NPE-C), in place of
            cuts; for flows and mixtures.
        warm_start: begin each round with the weights of the last.
        weights: weight of each of the given pairs in the loss, e.g. prior over proposal.
        executor: where simulations run, see `wilks.execution`.
        store: folder of pairs and checkpoints; an interrupted run that is called again continues there.
        progress: called with (done, total, failed, seconds), counted in training steps.
        allow_invalid: accept more than 1 % of failed simulations.
        throw: raise when training diverges; else return the last good network with a flag.

    Raises:
        InvalidParameter: for a free parameter without a proper prior.
        InvalidOption: for rounds without data, or settings that do not go together.
        TrainingDiverged: if ten steps in a row give no finite loss.
    """
    refuse_other_names(simulator, space)
    _check(rounds, data, pairs, coordinate, standardise, space, proposal)
    if correction is not None:
        _check_correction(path, coordinate, standardise, rounds)
        path, coordinate, standardise = path or SplineFlow(), "normal", "none"
    seed, folder = as_seed(key), None if store is None else Path(store)
    fit = Fit(
        key=jax.random.fold_in(jax.random.key(seed), 1),
        space=space,
        targets=inferred_space(space, targets),
        path=path or FlowMatching(),
        encoder=encoder,
        budget=budget or Budget(),
        coordinate="box" if rounds > 1 and coordinate == "auto" else coordinate,
        standardise=standardise,
        scale=scale,
        store=folder,
        progress=progress,
        throw=throw,
        atoms=correction,
    )
    if proposal is not None:
        refuse_other_space(proposal, space)
    if pairs == "online":
        some = judging_pairs(seed, simulator, space, allow_invalid=allow_invalid)
        return fit_posterior(fit, some, online=simulator)
    given = pairs if isinstance(pairs, Pairs) else Pairs.load(pairs) if isinstance(pairs, (str, Path)) else None
    if given is not None and weights is None and proposal is None:
        given.refuse_other_law()
    if rounds > 1:
        counts = counts_of_rounds(pairs, given, rounds)
        plan = Plan(
            seed, simulator, space, data, counts, truncation or Truncation(), warm_start, executor, allow_invalid,
            proposal,
        )  # fmt: skip
        return train_in_rounds(plan, fit, given) if correction is None else train_by_atoms(plan, fit, given)
    if given is None:
        (n,) = counts_of_rounds(pairs, None, 1)
        where = None if folder is None else folder / "pairs"
        given = simulate_pairs(
            seed, simulator, space, n, proposal=proposal, executor=executor, store=where, allow_invalid=allow_invalid
        )
    first = first_round(given, proposal, fit.targets)
    return fit_posterior(
        fit,
        first.pairs,
        weights=None if weights is None else weights[first.kept],
        region=first.region,
        ledger=() if proposal is None else (first.line,),
    )


def _check(
    rounds: int,
    data: Any,
    pairs: Any,
    coordinate: str,
    standardise: str,
    space: ParameterSpace,
    proposal: Restricted | None,
) -> None:
    check_option("coordinate", coordinate, ("auto", *COORDINATES))
    check_option("standardise", standardise, ("auto", *STANDARDISE))
    if rounds < 1:
        raise InvalidOption(f"{rounds} rounds asked for; ask for at least 1")
    if rounds > 1 and data is None:
        raise InvalidOption("truncated rounds need the observed data: give data=, or take rounds=1")
    if rounds > 1:
        refuse_switches(space, "training in rounds")
    if pairs == "online" and proposal is not None:
        raise InvalidOption(
            "online pairs are drawn from the whole prior; give a number of pairs, or leave out proposal="
        )
    if pairs == "online" and rounds > 1:
        raise InvalidOption("online pairs and truncated rounds do not go together; give a number of pairs")


def _check_correction(path: Any, coordinate: str, standardise: str, rounds: int) -> None:
    if rounds < 2:
        raise InvalidOption("a correction by atoms needs rounds=2 or more, and data=; one round needs no correction")
    if path is not None and not isinstance(path, (SplineFlow, MixtureDensity)):
        raise InvalidOption(
            f"{type(path).__name__} has no density that a correction by atoms could afford; allowed: SplineFlow, "
            "MixtureDensity; fields take rounds by truncation"
        )
    if coordinate not in ("auto", "normal") or standardise not in ("auto", "none"):
        raise InvalidOption(
            f"a correction by atoms needs the exact prior: coordinate {coordinate!r} must be 'auto' or 'normal', "
            f"standardise {standardise!r} 'auto' or 'none'"
        )
