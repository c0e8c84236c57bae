"""The networks of the sterile study, and what their training costs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.operations.widening import WidenedPosterior
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior import NeuralPosterior
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.ratio_losses import DirectRatio
from wilks.inference.sbi.ratios import NeuralRatio, train_ratio
from wilks.inference.sbi.score_paths import ScoreMatching
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.results.numbers import number
from wilks.results.provenance import Provenance
from wilks.studies.study import Effort
from wilks.studies.tabular import StudyTable

from .problem import Posed

Result = TypeVar("Result")

_SPLINES = SplineFlow(layers=4, bins=8, width=48)
_FIELD = Residual(width=128)  # wider fields cost more per draw than they gain
_BATCH = 256
SMALL = 4  # how much smaller training is for experiments of a few numbers


@dataclass(frozen=True)
class Training:
    """How much is simulated, trained and checked.

    Args:
        pairs: pseudo-experiments per network; truncated rounds share them.
        steps: optimiser steps per network; truncated rounds share them.
        rounds: truncated rounds of score matching.
        checks: pseudo-experiments of each test of calibration.
        draws: posterior draws at the data.
    """

    pairs: int = 100_000
    steps: int = 5_000
    rounds: int = 3
    checks: int = 200
    draws: int = 20_000


@dataclass(frozen=True)
class Stopwatch:
    """CPU seconds of this process, by what they were spent on."""

    seconds: dict[str, float] = field(default_factory=dict)

    def measured(self, what: str, work: Callable[[], Result]) -> Result:
        """Do something and remember how long it took."""
        begun = time.process_time()
        result = work()
        self.seconds[what] = self.seconds.get(what, 0.0) + time.process_time() - begun
        return result


class Networks(NamedTuple):
    """Trained for one problem.

    Args:
        flow: flow matching; serves any data.
        score: score matching in truncated rounds; holds for the observed data, within the whole prior.
        spline: splines; serves any data, with cheap densities.
        ratio: direct likelihood ratio.
        ledger: rounds of score matching.
    """

    flow: NeuralPosterior
    score: WidenedPosterior
    spline: NeuralPosterior
    ratio: NeuralRatio
    ledger: tuple[dict[str, Any], ...]


def train_networks(posed: Posed, training: Training, effort: Effort, watch: Stopwatch) -> tuple[Networks, Pairs]:
    """All networks of a problem, and the pseudo-experiments that three of them share.

    Args:
        posed: what to learn.
        training: how much.
        effort: seed and processes.
        watch: takes the time.
    """
    seed, summary, space = effort.seed, posed.likelihoods, posed.space
    pairs = watch.measured("simulation", lambda: _simulated(posed, training.pairs, effort))
    shared: dict[str, Any] = {
        "encoder": summary,
        "pairs": pairs,
        "budget": _budget(training.steps, len(pairs)),
        "progress": effort.progress,
    }
    flow = watch.measured(
        "flow matching",
        lambda: train_posterior(
            seed + 1, posed.exact, space, path=FlowMatching(network=_FIELD), coordinate="normal", **shared
        ),
    )
    score = watch.measured("score matching", lambda: _score(posed, training, effort))
    spline = watch.measured(
        "splines",
        lambda: train_posterior(seed + 3, posed.exact, space, path=_SPLINES, coordinate="normal", **shared),
    )
    linear = {**shared, "encoder": posed.summary}  # steadier for a ratio than heights of narrow likelihoods
    ratio = watch.measured(
        "ratio", lambda: train_ratio(seed + 4, posed.exact, space, loss=DirectRatio(), coordinate="normal", **linear)
    )
    assert isinstance(ratio, NeuralRatio)
    return Networks(flow, WidenedPosterior(space, score), spline, ratio, score.ledger), pairs


def train_small(posed: Posed, training: Training, effort: Effort, number_: int) -> NeuralPosterior:
    """A posterior by splines for experiments of a few numbers.

    Args:
        posed: what to learn.
        training: how much; a quarter of it is enough.
        effort: seed and processes.
        number_: of the network, for its seed.
    """
    less = Training(max(training.pairs // SMALL, 200), max(training.steps // SMALL, 10))
    return train_posterior(
        effort.seed + 10 + number_, posed.exact, posed.space, path=_SPLINES, coordinate="normal",
        encoder=posed.summary, pairs=_simulated(posed, less.pairs, effort), budget=_budget(less.steps, less.pairs),
        progress=effort.progress,
    )  # fmt: skip


def ledger_table(networks: Networks, pairs: Pairs, others: dict[str, NeuralPosterior]) -> StudyTable:
    """Every simulation and every step, network by network."""
    rows = [_row("flow matching", networks.flow, len(pairs), pairs.failed), *_rounds(networks)]
    rows += [
        _row("splines", networks.spline, len(pairs), pairs.failed),
        ("ratio", str(len(pairs)), str(pairs.failed), str(len(pairs) - pairs.failed), "-", "-"),
    ]
    rows += [_row(name, q, q.settings["pairs"], 0) for name, q in others.items()]
    flags = {f"{name}_{flag}": text for name, q in _posteriors(networks, others) for flag, text in q.flags.items()}
    return StudyTable(
        title="Pseudo-experiments and networks",
        sentences=("flow matching, splines and ratio share their pseudo-experiments",),
        columns=("network", "simulated", "failed", "trained on", "steps", "held-out loss"),
        rows=tuple(rows),
        flags=flags,
        how="data drawn from the likelihood at values of the priors; networks see the likelihood of each splitting, "
        "ratios and networks of experiments of a few numbers a sufficient statistic",
        provenance=Provenance.collect(seed=pairs.provenance.seed),
    )


def _budget(steps: int, pairs: int) -> Budget:
    """Steps of small batches, which learn more per CPU second than large ones."""
    return Budget(steps=max(steps, 10), batch=min(_BATCH, pairs // 4))


def _simulated(posed: Posed, n: int, effort: Effort) -> Pairs:
    return simulate_pairs(effort.seed, posed.exact, posed.space, n, executor=effort.executor, progress=effort.progress)


def _score(posed: Posed, training: Training, effort: Effort) -> NeuralPosterior:
    return train_posterior(
        effort.seed + 2, posed.exact, posed.space, path=ScoreMatching(network=_FIELD), rounds=training.rounds,
        data=posed.data if training.rounds > 1 else None, pairs=training.pairs, encoder=posed.likelihoods,
        coordinate="box" if training.rounds > 1 else "normal", standardise="none", progress=effort.progress,
        budget=_budget(training.steps // training.rounds, training.pairs // training.rounds), executor=effort.executor,
    )  # fmt: skip


def _rounds(networks: Networks) -> list[tuple[str, ...]]:
    """Rows of score matching: one per round, or one at all."""
    score = networks.score.posterior
    if not networks.ledger:
        return [_row("score matching", score, score.settings["pairs"], 0)]
    return [
        (
            f"score matching, round {line['round']}: {number(100 * line['prior_mass'], 3)} % of the prior",
            str(line["simulated"]),
            str(line["failed"]),
            str(line["trained_on"]),
            str(score.record.done),
            _loss(score) if line is networks.ledger[-1] else "-",
        )
        for line in networks.ledger
    ]


def _row(name: str, posterior: NeuralPosterior, simulated: int, failed: int) -> tuple[str, ...]:
    done = str(posterior.record.done)
    return (name, str(simulated), str(failed), str(posterior.settings["pairs"]), done, _loss(posterior))


def _loss(posterior: NeuralPosterior) -> str:
    return number(min(posterior.record.held_out), 4) if posterior.record.held_out else "-"


def _posteriors(networks: Networks, others: dict[str, NeuralPosterior]) -> list[tuple[str, NeuralPosterior]]:
    main = [("flow", networks.flow), ("score", networks.score.posterior), ("spline", networks.spline)]
    return [*main, *others.items()]
