"""One fit of a posterior to pairs: preparation of the data, choice of the coordinate, training."""

import dataclasses
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32

from wilks._base.digests import digest
from wilks._base.errors import InvalidData
from wilks._base.typing import Key
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .atoms import AtomicHeldOutLoss, AtomicLoss, Atoms
from .budget import USUAL_BATCH, Budget
from .checkpoints import Checkpoints, digest_of_pairs, identity_of
from .coordinates import COORDINATES, AbstractCoordinate, Affine, to_network, with_held
from .density import AbstractDensityFamily
from .drawing import Observed, coarse, encode_scaled, log_densities, shares_inside
from .embeddings import AbstractEncoderFamily, BlockEncoder, scaled_layout
from .estimator import (
    Estimator,
    EstimatorLoss,
    HeldOutLoss,
    Preparation,
    Standardiser,
    StandardiserLoss,
    linear_standardiser,
    standardise_rows,
    standardiser,
)
from .leaves import arrays_of
from .networks import subkeys
from .online import OnlinePairs
from .pairs import VALID, Pairs, refuse_outside
from .paths import FlowMatching
from .posterior import NeuralPosterior
from .posterior_interface import AbstractRegion
from .solver_steps import SETS, settle_steps
from .summaries import AbstractSummary
from .training import Trained, held_out_rows, train
from .training_inputs import Encoder, prepare_data

STANDARDISE = ("none", "conditional", "linear")

_CANDIDATES = (("box", "none"), ("normal", "none"), ("box", "conditional"))
_UNBOUNDED = (("normal", "none"), ("normal", "linear"))  # where no prior has an edge, a box would only bend normal laws
_MOST_LINEAR = 500  # features up to which least squares are tried unasked
_ROWS_PER_FEATURE = 5
_TRIAL = 0.1  # part of the budget that each candidate gets
_HEAD_START = 0.2  # nats per parameter that a learned standardisation gains in a trial and others make up for later
_JUDGES = 256  # held-out pairs by which candidates are compared
_MASS_DRAWS = 16  # draws per held-out pair for the probability inside the box, averaged over all pairs
_STANDARDISER = 0.1  # part of the budget that trains the standardisation
_FEW = 20  # batches below which pairs are few


class Fit(NamedTuple):
    """Everything that decides a fit besides the pairs.

    Args:
        key: random key of weights and training.
        space: all parameters of the simulator.
        targets: parameters to infer.
        path: settings of the density.
        encoder: settings of the encoder, a fixed summary, or ``"auto"``.
        budget: length of the training.
        coordinate: ``"auto"``, ``"box"``, ``"normal"`` or ``"affine"``.
        standardise: ``"none"``, ``"conditional"`` or ``"linear"``; ``"auto"`` chooses it with the coordinate.
        scale: scaling of the data, see `fit_scaling`.
        store: folder of checkpoints.
        progress: called with (done, total, failed, seconds), counted in steps.
        throw: raise when the training diverges; else go on with the last good network.
        atoms: how rounds after the first are corrected for their proposals, where these are no cuts of the prior.
    """

    key: Key
    space: ParameterSpace
    targets: ParameterSpace
    path: AbstractDensityFamily
    encoder: Encoder
    budget: Budget
    coordinate: str
    standardise: str
    scale: str
    store: Path | None
    progress: Progress | None
    throw: bool = True
    atoms: Atoms | None = None


class _Ready(NamedTuple):
    """Pairs as the networks see them."""

    theta: Float[np.ndarray, "pairs targets"]
    weights: Float[np.ndarray, " pairs"] | None
    first: Float32[np.ndarray, " pairs"] | None
    x: dict[str, np.ndarray]
    preparation: Preparation
    family: AbstractEncoderFamily
    dropped: list[str]
    pairs: str = ""


class _Candidate(NamedTuple):
    """A coordinate with its standardisation, its rows, and a network for them."""

    name: str
    coordinate: AbstractCoordinate
    standard: Standardiser | None
    rows: dict[str, Any]
    network: Estimator


def fit_posterior(
    fit: Fit,
    pairs: Pairs,
    *,
    online: AbstractSimulator | None = None,
    weights: Float[np.ndarray, " pairs"] | None = None,
    first: Float32[np.ndarray, " pairs"] | None = None,
    start: NeuralPosterior | None = None,
    region: AbstractRegion | None = None,
    only_for: str = "",
    ledger: tuple[dict[str, Any], ...] = (),
) -> NeuralPosterior:
    """Train one posterior on pairs.

    Args:
        fit: what decides the training.
        pairs: simulations; those that failed are left out.
        online: simulator that makes fresh pairs inside every training step; the given pairs then scale and judge.
        weights: weight of each pair in the loss.
        first: 1 for pairs of the prior, 0 for pairs of later proposals, which the fit's atoms then correct.
        start: posterior of an earlier round whose weights the networks begin with.
        region: where the posterior is confined to.
        only_for: digest of the only data for which it holds.
        ledger: what was simulated so far.
    """
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    ready = _ready(fit, pairs, weights, first)
    candidates = [_candidate(fit, ready, *choice) for choice in _choices(fit, ready)]
    scores: dict[str, float] = {}
    budget = fit.budget
    if len(candidates) > 1:
        candidates, scores = _tried(fit, ready, candidates, online)
        budget = fit.budget.part(1.0 - len(scores) * _TRIAL)
    chosen = candidates[0]
    if start is not None and _same_shapes(start.estimator, chosen.network):
        learned = jax.tree.leaves(start.estimator)
        chosen = chosen._replace(network=jax.tree.unflatten(jax.tree.structure(chosen.network), learned))
    trained = _train(fit, chosen, ready, budget, "main", online)
    network, stiff = _settled(fit, trained.network, ready)
    flags = _flags(ready, fit.budget) | trained.record.flags | pairs.flags | stiff
    settings = _settings(fit, chosen, ready, scores)
    return NeuralPosterior(
        space=with_held(fit.targets, fit.space),
        coordinate=chosen.coordinate,
        estimator=network,
        standard=chosen.standard,
        preparation=ready.preparation,
        layout=pairs.layout,
        record=trained.record,
        ledger=ledger,
        region=region,
        only_for=only_for,
        settings=settings,
        flags=flags,
        provenance=Provenance.collect(
            seed=pairs.provenance.seed,
            model_digest=pairs.provenance.model_digest,
            data_digest=only_for,
            settings={**settings, "precision": "float32 networks, float64 parameters"},
            started=started,
            duration_s=time.perf_counter() - clock,
        ),
    )


def _ready(fit: Fit, pairs: Pairs, weights: Any, first: Any) -> _Ready:
    prepared = prepare_data(pairs, fit.encoder, fit.scale, fit.space.switches)
    theta = pairs.valid.columns(fit.targets.names)
    refuse_outside(theta, fit.targets)
    own = None if weights is None else np.asarray(weights, dtype=np.float32)[pairs.status == VALID]
    if fit.atoms is not None:
        fit.atoms.refuse_small(fit.budget.batch_for(len(theta)))
    ready = _Ready(theta, own, None if first is None else first[pairs.status == VALID], *prepared)
    return ready if fit.store is None else ready._replace(pairs=digest_of_pairs(pairs, weights))


def _choices(fit: Fit, ready: _Ready) -> list[tuple[str, str]]:
    """Coordinates and standardisations to try."""
    features = sum(int(np.prod(x.shape[1:])) for x in ready.x.values())
    few = features <= min(_MOST_LINEAR, len(ready.theta) // _ROWS_PER_FEATURE)
    hides = isinstance(fit.encoder, BlockEncoder) and fit.encoder.drop_blocks > 0.0
    if fit.coordinate == "auto":
        tries = _CANDIDATES if Affine(fit.targets).leaks else _UNBOUNDED if few else _UNBOUNDED[:1]
    else:
        tries = ((fit.coordinate, "none"),)
    if fit.standardise != "auto":
        tries = tuple((name, fit.standardise) for name in dict.fromkeys(name for name, _ in tries))
    return [(name, how) for name, how in tries if how == "none" or not hides]


def _candidate(fit: Fit, ready: _Ready, name: str, standardise: str) -> _Candidate:
    coordinate = COORDINATES[name](fit.targets)
    z = np.asarray(to_network(coordinate, jnp.asarray(ready.theta)))
    if not np.all(np.isfinite(z)):
        row, column = np.argwhere(~np.isfinite(z))[0]
        raise InvalidData(
            f"{int((~np.isfinite(z)).any(axis=1).sum())} pairs lie exactly on a bound, where the coordinate 'normal' "
            f"is infinite; the first is row {row}: {fit.targets.names[column]} = {ready.theta[row, column]}; take 'box'"
        )
    keys = subkeys(jax.random.fold_in(fit.key, 1), 4)
    rows: dict[str, Any] = {"y": z.astype(np.float32), "x": ready.x}
    if ready.weights is not None:
        rows["w"] = ready.weights
    if ready.first is not None:
        rows["first"] = ready.first
    layout, size, n = scaled_layout(ready.x), len(fit.targets), len(z)
    standard = None
    if standardise == "conditional":
        fresh = standardiser(keys[2], ready.family, layout, size)
        folder = None if fit.store is None else fit.store / f"standardiser-{name}"
        points = _checkpoints(fit, ready, folder, f"standardiser {name}", name)
        budget = fit.budget.part(_STANDARDISER)
        standard = train(keys[3], StandardiserLoss(), fresh, rows, budget=budget, checkpoints=points).network
        rows = {**rows, "y": np.asarray(standardise_rows(standard, ready.x, rows["y"]))}
    path = fit.path
    if standardise == "linear":
        kept = np.delete(np.arange(n), held_out_rows(jax.random.fold_in(fit.key, 2), n, fit.budget))
        standard = linear_standardiser({name: x[kept] for name, x in ready.x.items()}, rows["y"][kept], layout)
        rows = {**rows, "y": np.asarray(standardise_rows(standard, ready.x, rows["y"]))}
        if isinstance(path, FlowMatching):  # what is left is near N(0, 1), whose field is known
            path = dataclasses.replace(path, baseline="gaussian")
    encoder = ready.family.build(keys[0], layout, size)
    density = path.build(keys[1], size, encoder.features, n)
    return _Candidate(f"{name} {standardise}", coordinate, standard, rows, Estimator(encoder, density))


def _train(
    fit: Fit, candidate: _Candidate, ready: _Ready, budget: Budget, stage: str, online: AbstractSimulator | None
) -> Trained:
    key = jax.random.fold_in(fit.key, 2)
    folder = None if fit.store is None else fit.store / stage.replace(" ", "-")
    batch = budget.batch or USUAL_BATCH
    source = None
    if online is not None:
        source = OnlinePairs(online, fit.space, candidate.coordinate, candidate.standard, ready.preparation, batch)
    corrected = fit.atoms if "first" in candidate.rows else None
    return train(
        key,
        EstimatorLoss() if corrected is None else AtomicLoss(corrected),
        candidate.network,
        candidate.rows,
        budget=budget if online is None else dataclasses.replace(budget, batch=batch),
        held_out=HeldOutLoss() if corrected is None else AtomicHeldOutLoss(corrected),
        source=source,
        checkpoints=_checkpoints(fit, ready, folder, stage, candidate.name),
        progress=fit.progress,
        throw=fit.throw,
    )


def _tried(
    fit: Fit, ready: _Ready, candidates: list[_Candidate], online: AbstractSimulator | None
) -> tuple[list[_Candidate], dict[str, float]]:
    """The best candidate, and mean ln q of the held-out truths for each."""
    where = held_out_rows(jax.random.fold_in(fit.key, 2), len(ready.theta), fit.budget)[:_JUDGES]
    scores, grown = {}, {}
    for candidate in candidates:
        trained = _train(fit, candidate, ready, fit.budget.part(_TRIAL), f"trial {candidate.name}", online)
        grown[candidate.name] = candidate._replace(network=trained.network)
        scores[candidate.name] = _score(grown[candidate.name], ready, where)
    handicap = _HEAD_START * len(fit.targets)
    best = max(scores, key=lambda name: _rank(scores[name]) - handicap * name.endswith("conditional"))
    return [grown[best]], scores


def _rank(score: float) -> float:
    return score if np.isfinite(score) else -np.inf


def _score(candidate: _Candidate, ready: _Ready, where: np.ndarray) -> float:
    """Mean of ln q(theta|x) in physical units, normalised to the support, over some pairs."""
    x = {name: array[where] for name, array in ready.x.items()}
    size = ready.theta.shape[1]
    observed = Observed(*(np.asarray(a) for a in encode_scaled(candidate.network.encoder, candidate.standard, x, size)))
    density, coordinate = coarse(candidate.network.density), candidate.coordinate
    log_q = log_densities(density, coordinate, ready.theta[where], observed)
    if coordinate.leaks:
        keys = jax.random.split(jax.random.key(0), len(where))
        log_q = log_q - np.log(shares_inside(density, coordinate, keys, observed, _MASS_DRAWS))
    return float(np.mean(log_q))


def _settled(fit: Fit, network: Estimator, ready: _Ready) -> tuple[Estimator, dict[str, str]]:
    """The network with the steps of its solver settled on held-out data, and what that has shown."""
    where = held_out_rows(jax.random.fold_in(fit.key, 2), len(ready.theta), fit.budget)[:SETS]
    context, _, _ = encode_scaled(
        network.encoder, None, {n: x[where] for n, x in ready.x.items()}, ready.theta.shape[1]
    )
    settled = settle_steps(network.density, jnp.asarray(context))
    return eqx.tree_at(lambda e: e.density, network, settled.density), settled.flags


def _checkpoints(fit: Fit, ready: _Ready, folder: Path | None, stage: str, name: str) -> Checkpoints | None:
    if folder is None:
        return None
    identity = identity_of(
        stage, fit.key, ready.pairs, path=fit.path, encoder=fit.encoder, budget=fit.budget,
        targets=list(fit.targets.names), coordinate=name, scale=fit.scale, atoms=fit.atoms,
        summary=digest(fit.encoder) if isinstance(fit.encoder, AbstractSummary) else "",
    )  # fmt: skip
    return Checkpoints(folder, identity)


def _same_shapes(one: Any, two: Any) -> bool:
    shapes = [{name: (a.shape, a.dtype) for name, a in arrays_of(tree).items()} for tree in (one, two)]
    return shapes[0] == shapes[1]


def _flags(ready: _Ready, budget: Budget) -> dict[str, str]:
    flags, n = {}, len(ready.theta)
    if n < _FEW * (budget.batch or USUAL_BATCH):
        flags["few_simulations"] = f"only {n} valid pairs: batches of {budget.batch_for(n)}; expect a wide posterior"
    if ready.dropped:
        shown = ", ".join(ready.dropped[:10]) + (", ..." if len(ready.dropped) > 10 else "")
        flags["constant_features"] = f"{len(ready.dropped)} features of the data never vary and are left out: {shown}"
    return flags


def _settings(fit: Fit, chosen: _Candidate, ready: _Ready, scores: dict[str, float]) -> dict[str, Any]:
    return {
        "procedure": "train_posterior",
        "path": repr(fit.path),
        "encoder": repr(ready.family),
        "budget": repr(fit.budget),
        "coordinate": chosen.name,
        "trials": scores,
        "pairs": len(ready.theta),
    }
