"""The whole chain: from tables of events over response matrices and a flux to p-values of two models."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wilks._base.errors import MissingExtra
from wilks.data.binning import BinContents
from wilks.inference.fitting import fit
from wilks.inference.hypotheses import hypothesis_test
from wilks.inference.intervals import intervals
from wilks.inference.profiles import profile
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.sampling import sample
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.physics.response.counts import ResponseCounts
from wilks.physics.response.quality import compatibility
from wilks.results.numbers import fixed, probability
from wilks.results.provenance import Provenance
from wilks.studies.measurement import Findings, calibration_of
from wilks.studies.study import Effort, Study, StudyReport
from wilks.studies.tabular import StudyTable

from .experiment import YEARS, Tables, generate
from .folder import read_tables
from .hypotheses import Judgement, by_toys, judge_models, table_of
from .matrices import Matrices, build_matrices
from .predictions import of_models, with_background, with_flux
from .report import assemble

EVENTS = 100.0 * YEARS
"""True events of a model in the data's exposure."""

NORMS = np.linspace(0.5, 1.5, 50)
_WALKER_STEPS = 3000
_MOST_TOYS_OF_RATIO = 1000


class Chain(NamedTuple):
    """Everything between the tables and the report.

    Args:
        tables: where it starts.
        matrices: response matrices.
        data: the measurement without background, in 8 bins.
        full_data: with background and noise.
        one: models folded with one matrix.
        varied: with a matrix per detector variation.
        background: noise, background and models, a matrix per variation.
        flux: the same from cross sections, a flux and a matrix per variation.
    """

    tables: Tables
    matrices: Matrices
    data: BinContents
    full_data: BinContents
    one: EnsembleCounts
    varied: EnsembleCounts
    background: EnsembleCounts
    flux: EnsembleCounts


def crosssection(*, folder: Path | None = None, posterior: bool = True, effort: Effort | None = None) -> StudyReport:
    """Which of two models describes the data, and with what weight.

    Args:
        folder: of tables in the layout of ReMU's tutorial; by default tables are generated from the effort's seed.
        posterior: also sample the posterior of the mixture (needs ``wilks[sampling]``).
        effort: toys, seed, processes; 2000 toys in this process by default.
    """
    effort = effort or Effort()
    tables = generate(effort.seed) if folder is None else read_tables(folder, seed=effort.seed)
    chain = build_chain(tables, effort.seed)
    results, tests = Findings(effort), {}
    results.add("compatibility", partial(_compatibility, chain.matrices))
    for name, likelihood in (("one_matrix", chain.one), ("detectors", chain.varied)):
        tests[name] = judge_models(likelihood, chain.data, EVENTS, effort)
        results.add(name, partial(_tabulated, name, tests[name], likelihood))
    left_out = _sample(chain, effort, results) if posterior else {}
    results.add("background", lambda: fit(chain.background, chain.full_data, throw=False))
    _measure_flux(chain, effort, results)
    report = assemble(chain, study_of(chain), results, tests, effort)
    return dataclasses.replace(report, flags={**report.flags, **left_out})


def build_chain(tables: Tables, seed: int) -> Chain:
    """Response matrices, counts and likelihoods of tables."""
    matrices, reco = build_matrices(tables, seed), tables.bins.reco
    return Chain(
        tables,
        matrices,
        reco.fill(tables.data),
        reco.fill(tables.full_data),
        of_models(matrices.one, matrices.best.truth.binning, tables),
        of_models(matrices.varied, matrices.signal_bins, tables),
        with_background(matrices, tables),
        with_flux(matrices, tables),
    )


def study_of(chain: Chain) -> Study:
    """The last question of the chain: weights of both models' cross sections."""
    return Study(
        name="crosssection",
        title="Two models of a cross section, folded with a flux and an uncertain detector",
        citation="toy experiment of ReMU's tutorial, doi:10.5281/zenodo.1217572",
        likelihood=chain.flux,
        data=chain.full_data,
        simulator=chain.flux,
        parameters_of_interest=("A", "B"),
    )


def _compatibility(matrices: Matrices) -> StudyTable:
    """Whether both models give the same matrix, for each choice of truth bins."""
    choices = {"true_x only": matrices.coarse, "true_x and true_y": matrices.fine, "merged": matrices.merged}
    rows, provenance = [], Provenance.collect()
    for name, (first, second) in choices.items():
        found = compatibility(first, second)
        rows.append(
            (
                name,
                str(first.shape[1]),
                str(len(found.truth_bins)),
                fixed(found.distance, 1),
                str(found.degrees),
                probability(found.p_chi2),
            )
        )
    return StudyTable(
        title="Do both models give the same response matrix?",
        sentences=(_merged_sentence(matrices.best),),
        columns=("truth bins", "number", "with enough events", "squared distance", "dof", "p"),
        rows=tuple(rows),
        how="squared Mahalanobis distance of the mean matrices with their closed-form covariances",
        provenance=provenance,
    )


def _merged_sentence(best: ResponseCounts) -> str:
    entries = best.truth.entries
    return f"sparse bins merged to {len(entries)} with {entries.min()} to {entries.max()} simulated events each"


def _tabulated(name: str, tests: tuple[Judgement, ...], likelihood: EnsembleCounts) -> StudyTable:
    size = len(likelihood.predictor.weights)
    title = "Two models with one response matrix" if size == 1 else f"Two models under {size} detector variations"
    fitted = [test.fitted for test in tests if test.fitted is not None]
    flags = {flag: text for best in fitted for flag, text in best.flags.items()}
    made = table_of(tests, title, (), fitted[-1].provenance)
    return StudyTable(**{**vars(made), "flags": flags})


def _sample(chain: Chain, effort: Effort, results: Findings) -> dict[str, str]:
    """The posterior of both weights with flat priors; a flag instead where the packages for it are not installed."""
    algorithm = Ensemble(steps=_WALKER_STEPS)
    try:
        found = sample(effort.seed, chain.varied, chain.data, algorithm=algorithm, progress=effort.progress)
    except MissingExtra as missing:
        return {"no_posterior": f"the chapter on the posterior is left out: {missing}"}
    results.add("posterior", lambda: found)
    return {}


def _measure_flux(chain: Chain, effort: Effort, results: Findings) -> None:
    likelihood, data = chain.flux, chain.full_data
    best = results.add("fit", lambda: fit(likelihood, data, throw=False))
    if not best.status.converged:
        return
    results.add("intervals", lambda: intervals(likelihood, data, ("A", "B")))
    for name, other in ("AB", "BA"):
        alone = likelihood.space.fix({other: 0.0})
        if effort.toys:
            results.add(f"goodness_{name}", partial(by_toys, likelihood, data, effort, space=alone))
        results.add(f"without_{other}", partial(_ratio, chain, other, effort))
        results.add(f"scan_{name}", partial(profile, likelihood, data, name, NORMS, space=alone))


def _ratio(chain: Chain, absent: str, effort: Effort) -> Any:
    """Whether the data need a model beside the other one."""
    study = study_of(chain)
    fewer = Effort(min(effort.toys, _MOST_TOYS_OF_RATIO), effort.seed, effort.executor, effort.progress)
    return hypothesis_test(
        study.likelihood, study.data, {absent: 0.0}, statistic="ratio", calibration=calibration_of(study, fewer)
    )
