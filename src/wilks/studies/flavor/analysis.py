"""The flavour study from beginning to end: global fit, orderings, goodness of fit, chain, predictions."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from wilks.inference.calibration import ByToys
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.multistart import Multistart
from wilks.inference.predictions import predict
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.sampling import sample
from wilks.physics.flavor.starts import wide_starts
from wilks.results.fits import FitResult
from wilks.results.hypotheses import GoodnessOfFit
from wilks.results.samples import Samples
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort, Study, StudyReport

from .posing import Question, model_of
from .report import assemble

_WALKERS, _THIN = 40, 10


@dataclass(frozen=True)
class Depth:
    """How hard a model is searched and explored.

    Args:
        starts: fits per ordering, from points drawn by `wilks.physics.flavor.starts.wide_starts`.
        steps: steps of each of 40 walkers; a quarter is burn-in, every tenth of the others is kept.
    """

    starts: int = 512
    steps: int = 4000


def flavor(
    *,
    model: str = "seed",
    release: str = "5.3",
    ordering: str | None = None,
    correlations: str = "1d",
    depth: Depth | None = None,
    effort: Effort | None = None,
) -> StudyReport:
    """Fit a model of mass matrices to a NuFIT release, and say what it predicts.

    Args:
        model: ``seed`` (three real couplings), ``a4`` (modular A4) or ``s4`` (the Weinberg operator under S4').
        release: of NuFIT: 5.2, 5.3, 6.0 or 6.1.
        ordering: of the neutrino masses, NO or IO; the model's own if None. The other one is fitted for comparison.
        correlations: ``1d``, or ``full`` with release 5.3.
        depth: starts and steps.
        effort: toys, seed, processes; 200 toys in this process by default.
    """
    depth, effort = depth or Depth(), effort or Effort(toys=200)
    question = Question(model, release, ordering, correlations)
    study = question.pose(question.chosen)
    results = _explore(question, study, depth, effort)
    return assemble(question, study, results, depth.__dict__, effort)


def _explore(question: Question, study: Study, depth: Depth, effort: Effort) -> Findings:
    """Everything that is found, in the order in which a reader wants it; without a minimum nothing but the fit."""
    found = Findings(effort)
    best: FitResult = found.add("fit", partial(_global_fit, study, depth, effort))
    if best.minima is None or not best.status.converged:
        return found
    found.add("minima", lambda: best.minima)
    if question.other is not None:
        other = question.pose(question.other)
        found.add(f"fit_{question.other}", partial(_global_fit, other, depth, effort))
    if effort.toys:
        found.add("goodness", partial(_goodness, study, best, effort))
    samples: Samples = found.add("samples", partial(_chain, study, best, depth, effort))
    found.add("predictions", lambda: predict(model_of(study), samples))
    return found


def _global_fit(study: Study, depth: Depth, effort: Effort) -> FitResult:
    start = Multistart(depth.starts, key=effort.seed, draw=wide_starts)
    return fit(study.likelihood, study.data, start=start, throw=False)


def _goodness(study: Study, best: FitResult, effort: Effort) -> GoodnessOfFit:
    """Data and toys are fitted from the global minimum."""
    run: dict[str, Any] = {"executor": effort.executor, "progress": effort.progress}
    calibration = ByToys(effort.seed, effort.toys, simulator=study.simulator, **run)
    return goodness_of_fit(study.likelihood, study.data, start=best, calibration=calibration)


def _chain(study: Study, best: FitResult, depth: Depth, effort: Effort) -> Samples:
    algorithm = Ensemble(walkers=_WALKERS, steps=depth.steps, thin=_THIN)
    return sample(effort.seed, study.likelihood, study.data, algorithm=algorithm, start=best, executor=effort.executor)
