"""How an anomaly is judged: averages and best fits under every assumption, then one of them closely."""

from collections.abc import Callable
from functools import partial
from typing import Any

from wilks.inference.calibration import AbstractCalibration, Asymptotic, ByToys
from wilks.inference.contours import contour
from wilks.inference.fitting import fit
from wilks.inference.null_tests import null_significance
from wilks.likelihood.signal_grids import SignalGrid
from wilks.physics.oscillation.plane import grid_signal, sterile_grid
from wilks.physics.oscillation.pulls import AverageRatio, average_ratio
from wilks.physics.oscillation.spaces import PLANE
from wilks.results.numbers import fixed, number
from wilks.results.provenance import Provenance
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort, StudyReport
from wilks.studies.tabular import StudyTable

from .question import Question
from .report import Best, assemble

LEVEL = 0.90
AMPLITUDES, SPLITTINGS = (3e-3, 1.0), (0.1, 20.0)
_FINER = 3  # tabulated splittings per tested one, so that toys find their best fit between tested nodes


def judge(
    question: Question,
    *,
    exact: bool = False,
    nodes: int = 40,
    more: Callable[[Findings], Any] = lambda findings: None,
    effort: Effort | None = None,
) -> StudyReport:
    """How far measured rates fall below the expected ones, and whether a sterile neutrino would explain it.

    Args:
        question: ratios, expectations, and the assumption to look at closely.
        exact: region by Feldman and Cousins, every toy with its own best fit; else asymptotic.
        nodes: tested nodes of the mixing and of the splitting each.
        more: adds further results before the report is made.
        effort: toys per node, seed, processes.
    """
    effort = effort or Effort()
    results = Findings(effort)
    averages = {name: average_ratio(experiment) for name, experiment in question.experiments.items()}
    results.add("averages", partial(_averages_table, question, averages))
    grid = sterile_grid((*AMPLITUDES, nodes), (*SPLITTINGS, _FINER * (nodes - 1) + 1))
    best = {name: _best(experiment, grid) for name, experiment in question.experiments.items()}
    results.add("sterile", partial(_sterile_table, question, best))
    _look_closely(question, grid, best[question.chosen], exact, effort, results)
    more(results)
    return assemble(question, averages, best, results, effort)


def _averages_table(question: Question, averages: dict[str, AverageRatio]) -> StudyTable:
    rows = tuple(
        (name, fixed(a.ratio, 4), fixed(a.error, 4), fixed(a.deficit, 1), fixed(a.chi2, 1), str(a.points - 1))
        for name, a in averages.items()
    )
    return StudyTable(
        title=f"Measured over expected rate by {question.assumption}",
        columns=(question.assumption, "ratio", "error", "sigma below 1", "chi2", "dof"),
        rows=rows,
        flags={flag: text for e in question.experiments.values() for flag, text in e.flags.items()},
        how="averages weighted with all errors and correlations, those of the expectation included",
        provenance=Provenance.collect(),
    )


def _best(experiment: Any, grid: SignalGrid) -> Best:
    signal = grid_signal(experiment, grid, freeze_covariance=True)
    test = null_significance(signal, experiment.data, calibration=Asymptotic())
    s, m = contour(signal, experiment.data, PLANE, level=LEVEL).best
    return Best(float(s), float(m), test.observed)


def _sterile_table(question: Question, best: dict[str, Best]) -> StudyTable:
    rows = tuple((name, number(b.s, 2), number(b.dm2, 3), fixed(b.gain, 1)) for name, b in best.items())
    return StudyTable(
        title=f"Best sterile neutrino by {question.assumption}",
        sentences=("gain: chi2 without a sterile neutrino minus that of the best fit",),
        columns=(question.assumption, "sin2_2theta_ee", "dm2_41 [eV^2]", "gain"),
        rows=rows,
        how="lowest point of the plane; uncertain expectations enter as covariances",
        provenance=Provenance.collect(),
    )


def _look_closely(
    question: Question, grid: SignalGrid, best: Best, exact: bool, effort: Effort, results: Findings
) -> None:
    """Fit, region, and significance of one assumption."""
    likelihood, data = question.likelihood, question.experiment.data
    start: dict[str, float] = dict(zip(PLANE, (best.s, best.dm2), strict=True))
    results.add("fit", lambda: fit(likelihood, data, start=start, throw=False))
    signal = grid_signal(question.experiment, grid, freeze_covariance=True)
    by_toys = exact and effort.toys > 0
    results.add("contour" if by_toys else "region", lambda: contour(signal, data, PLANE, level=LEVEL))
    if by_toys:
        tested = (signal.grid.amplitudes, signal.grid.shapes[::_FINER])
        exactly = partial(contour, method="feldman-cousins", calibration=_toys(effort), grid=tested)
        results.add("region", lambda: exactly(signal, data, PLANE, level=LEVEL))
    calibration: AbstractCalibration = _toys(effort) if effort.toys else Asymptotic()
    results.add("null", lambda: null_significance(signal, data, calibration=calibration))


def _toys(effort: Effort) -> ByToys:
    return ByToys(effort.seed, effort.toys, executor=effort.executor, progress=effort.progress)
