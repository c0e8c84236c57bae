"""The global picture of 3+1 neutrinos from electron-neutrino disappearance: each experiment, then all together."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.compatibility import compatibility
from wilks.inference.contours import contour
from wilks.inference.fitting import fit
from wilks.inference.null_tests import null_significance
from wilks.likelihood.joint import Joint
from wilks.likelihood.signal_grids import SignalGrid
from wilks.likelihood.signals import AbstractSignal
from wilks.physics.oscillation.closure import Closure, closure
from wilks.physics.oscillation.join import join
from wilks.physics.oscillation.plane import grid_signal, sterile_grid
from wilks.physics.oscillation.spaces import PLANE
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort, StudyReport
from wilks.studies.tabular import StudyTable

from .loading import GALLIUM, Experiments, load
from .report import assemble

LEVEL = 0.90
AMPLITUDES, SPLITTINGS = (3e-3, 1.0), (0.12, 14.0)
NODES = 40
_FINER = 3  # tabulated splittings per tested one, so that toys find their best fit between tested nodes


class Planes(NamedTuple):
    """Signals on one grid.

    Args:
        experiments: one per experiment.
        together: all experiments.
        sides: reactors and gallium, for their agreement.
        data: of the joint, by experiment.
    """

    experiments: Mapping[str, AbstractSignal]
    together: AbstractSignal
    sides: Mapping[str, AbstractSignal]
    data: Mapping[str, Any]


def sterile(
    *,
    folder: Path | None = None,
    exact: bool = False,
    nodes: int = NODES,
    flux: str = "HM",
    cross_section: str = "bahcall",
    compare: bool = True,
    effort: Effort | None = None,
) -> StudyReport:
    """Where in the plane of sin^2 2theta_ee and dm2_41 a sterile neutrino may be.

    Nuisances enter as covariances that are taken without a sterile neutrino, which results are flagged with.

    Args:
        folder: folder with ``globesfit/`` and ``prospect/``; without it the experiments whose figures ship with Wilks.
        exact: regions by Feldman and Cousins, every toy with its own best fit; else asymptotic ones.
        nodes: tested nodes of the mixing and of the splitting each; three times as many splittings are tabulated.
        flux: flux model of the integrated rates.
        cross_section: absorption cross section of gallium.
        compare: also compare with published numbers, which takes most of the time without toys.
        effort: toys per node, seed, processes.
    """
    effort = effort or Effort()
    experiments = load(folder, flux=flux, cross_section=cross_section)
    planes = tabulated(experiments, sterile_grid((*AMPLITUDES, nodes), (*SPLITTINGS, _FINER * (nodes - 1) + 1)))
    results = Findings(effort)
    closed = closure(folder) if compare else Closure(())
    if compare:
        results.add("closure", partial(_closure_table, closed))
    for name, signal in planes.experiments.items():
        _judge(name, signal, planes.data[name], exact, effort, results)
    _judge("all", planes.together, planes.data, exact, effort, results)
    start: dict[str, float] = dict(zip(PLANE, _best(results["region_all"]), strict=True))
    results.add("fit", lambda: fit(planes.together, planes.data, start=start, throw=False))
    results.add("agreement", partial(_agreement, planes))
    return assemble(experiments, closed, results, effort, exact)


def tabulated(experiments: Experiments, grid: SignalGrid) -> Planes:
    """Signals of every experiment, of all together, and of reactors alone."""
    signal = partial(grid_signal, grid=grid, freeze_covariance=True)
    studies = experiments.studies
    single = {name: signal(study) for name, study in studies.items()}
    reactors = join(experiments.reactors, name="reactors")
    sides = {"reactors": signal(reactors), GALLIUM: single[GALLIUM]}
    return Planes(single, signal(experiments.all), sides, {name: study.data for name, study in studies.items()})


def _judge(name: str, signal: AbstractSignal, data: Any, exact: bool, effort: Effort, results: Findings) -> None:
    """The asymptotic contour, the region by toys, and how surprising the data are without a sterile neutrino."""
    curve = f"contour_{name}" if exact and effort.toys else f"region_{name}"
    results.add(curve, lambda: contour(signal, data, PLANE, level=LEVEL))
    if exact and effort.toys:
        results.add(
            f"region_{name}",
            lambda: contour(
                signal,
                data,
                PLANE,
                level=LEVEL,
                method="feldman-cousins",
                calibration=_toys(effort, effort.toys),
                grid=(signal.grid.amplitudes, signal.grid.shapes[::_FINER]),
            ),
        )
    calibration = _toys(effort, effort.toys) if effort.toys else Asymptotic()
    results.add(f"null_{name}", lambda: null_significance(signal, data, calibration=calibration))


def _toys(effort: Effort, number: int) -> ByToys:
    return ByToys(effort.seed, number, executor=effort.executor, progress=effort.progress)


def _agreement(planes: Planes) -> AbstractResult:
    """Parameter goodness of fit of reactors and gallium."""
    reactors = {name: data for name, data in planes.data.items() if name != GALLIUM}
    data = {"reactors": reactors, GALLIUM: planes.data[GALLIUM]}
    return compatibility(Joint(planes.sides), data)


def _best(region: Any) -> tuple[float, float]:
    return region.best


def _closure_table(closed: Closure) -> StudyTable:
    summary = closed.summary()
    return StudyTable(
        title="Published numbers and ours",
        sentences=summary.sentences,
        columns=summary.columns,
        rows=summary.rows,
        flags=dict(summary.flags),
        how="differences in units of the quoted error, or of a tolerance where no error is quoted",
        provenance=Provenance.collect(),
    )
