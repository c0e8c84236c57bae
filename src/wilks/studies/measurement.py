"""The procedures that every measurement of a strength goes through, in the order in which a reader wants them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from wilks.inference.calibration import AbstractCalibration, Asymptotic, ByToys
from wilks.inference.contours import contour
from wilks.inference.coverage import bias, coverage, coverage_curve
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.hypotheses import hypothesis_test
from wilks.inference.intervals import interval, intervals
from wilks.results.fits import FitResult
from wilks.results.result import AbstractResult

from .study import Effort, Study

LEVELS = {"intervals": 0.6827, "intervals_95": 0.95}
CONTOURS = {"contour": 0.6827, "contour_95": 0.95}
DISTANCES = {"goodness": "saturated", "goodness_pearson": "pearson", "goodness_ks": "ks"}


class Findings(dict[str, AbstractResult]):
    """Results by name; each is announced when it is found."""

    def __init__(self, effort: Effort) -> None:
        super().__init__()
        self._effort = effort

    def add(self, name: str, find: Callable[[], Any]) -> Any:
        """Find, keep and announce one result."""
        result = find()
        self[name] = result
        self._effort.announce(name, result)
        return result


def measure(study: Study, effort: Effort) -> Findings:
    """Fit, intervals, contours, significance, goodness of fit; and with toys coverage and bias.

    If the fit finds no minimum, there is nothing but the fit.

    Args:
        study: what to measure.
        effort: how much work to do.
    """
    found = Findings(effort)
    best = found.add("fit", lambda: fit(study.likelihood, study.data, throw=False))
    if not best.status.converged:
        return found
    names = tuple(n for n in study.parameters_of_interest if n in best.free)
    for key, level in LEVELS.items():
        found.add(key, partial(intervals, study.likelihood, study.data, names, level=level))
    if len(names) == 2:
        pair = (names[1], names[0])  # signal upwards, as everyone draws it
        for key, level in CONTOURS.items():
            found.add(key, partial(contour, study.likelihood, study.data, pair, level=level))
    if len(names) > 1:
        found.add("discovery", partial(_discovery, study, names[0], effort))
    for key, distance in DISTANCES.items():
        found.add(key, partial(_goodness, study, distance, effort))
    if effort.toys:
        _check_procedures(study, best, names, effort, found)
    return found


def calibration_of(study: Study, effort: Effort) -> AbstractCalibration:
    """By toys if there are any."""
    if not effort.toys:
        return Asymptotic()
    return ByToys(
        effort.seed, effort.toys, simulator=study.simulator, executor=effort.executor, progress=effort.progress
    )


def _discovery(study: Study, signal: str, effort: Effort) -> AbstractResult:
    return hypothesis_test(
        study.likelihood, study.data, {signal: 0.0}, statistic="q0", calibration=calibration_of(study, effort)
    )


def _goodness(study: Study, distance: str, effort: Effort) -> AbstractResult:
    return goodness_of_fit(study.likelihood, study.data, statistic=distance, calibration=calibration_of(study, effort))


def _check_procedures(study: Study, best: FitResult, names: tuple[str, ...], effort: Effort, found: Findings) -> None:
    """Toys at the best fit: does the interval cover, does the region cover, is the fit unbiased?"""
    run: dict[str, Any] = {"executor": effort.executor, "progress": effort.progress}
    procedure = partial(interval, study.likelihood, name=names[0])
    found.add("coverage", lambda: coverage(effort.seed, study.simulator, procedure, best.values, effort.toys, **run))
    found.add(
        "coverage_curve",
        lambda: coverage_curve(effort.seed, study.simulator, study.likelihood, best.values, names, effort.toys, **run),
    )
    found.add("bias", lambda: bias(effort.seed, study.simulator, study.likelihood, best.values, effort.toys, **run))
