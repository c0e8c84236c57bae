"""The tutorial from beginning to end: simulation, rates, fits, intervals, a search, goodness of fit and coverage."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from wilks._base.errors import InvalidOption
from wilks.inference.coverage import coverage_curve
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.intervals import intervals
from wilks.inference.limits import limit
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.source import compiled_expected
from wilks.results.fits import FitResult
from wilks.results.provenance import Provenance
from wilks.studies.measurement import Findings, calibration_of
from wilks.studies.study import Effort, Study, StudyReport

from .marginals import Marginal, compare_marginals
from .marginals import table_of as marginals_table
from .posing import absorption_likelihood, lifetime_likelihood, log_rates, recoils, search_likelihood, yields_likelihood
from .printed import LIFETIME, Row, compare_fits, compare_simulation
from .printed import table_of as printed_table
from .rates import Rates, rates_of, rates_table
from .report import assemble
from .sample import Sample, read_sample, seed_of, simulate_sample
from .simulations import TRIALS, Simulated, Slice, simulate, slices_of, slices_table, survivors_table

LEVELS = {"intervals": 0.68, "intervals_90": 0.90}
_GUESS = {"absorption_length": 62.0, "er_rate_multiplier": 0.02}  # the tutorial's


class Chain(NamedTuple):
    """What stands between the options and the report.

    Args:
        preset: selection of events.
        source: electronic recoils at their defaults.
        sample: the events that are fitted.
        simulated: events that are looked at.
        expected: events expected of 1000.
        lifetime: likelihood of rate and lifetime.
        rates: differential rates of the sample.
        slices: precision of the charge by depth.
    """

    preset: str
    source: ERSource
    sample: Sample
    simulated: Simulated
    expected: float
    lifetime: Unbinned
    rates: Rates
    slices: tuple[Slice, ...]


def xenon(
    *,
    file: Path | None = None,
    preset: str = "2.1.0",
    trials: int = 25,
    yields: bool = True,
    effort: Effort | None = None,
) -> StudyReport:
    """The electron lifetime of a xenon detector from a handful of events, and what else they tell.

    Args:
        file: table of events, see `wilks.studies.xenon.sample.read_sample`; simulated by default.
        preset: selection of events: "2.1.0", "1.4" or "tutorial" (of flamedisx and of its tutorial).
        trials: events to simulate, cut ones included.
        yields: also fit six parameters; where this is new, compiling takes half a minute.
        effort: toys, seed, processes; no toys by default.

    Raises:
        InvalidOption: if there is no event to fit.
        InvalidData: for events that the cuts would not have let through.
    """
    effort = effort or Effort(toys=0)
    results = Findings(effort)
    chain = build_chain(file, preset, trials, effort.seed)
    study = study_of(chain)
    results.add("simulated", lambda: survivors_table(chain.simulated, chain.expected, Provenance.collect()))
    results.add("rates", lambda: rates_table(chain.rates, Provenance.collect()))
    marginals: tuple[Marginal, ...] = ()
    rows: tuple[Row, ...] = ()
    best = results.add("fit", lambda: fit(study.likelihood, study.data, throw=False))
    if best.status.converged:
        for name, level in LEVELS.items():
            results.add(name, partial(intervals, study.likelihood, study.data, level=level))
        _fit_own_functions(chain, yields, results)
        results.add("slices", lambda: slices_table(chain.slices, Provenance.collect()))
        _search(chain, results)
        marginals = _judge(chain, best, effort.seed, results)
        _throw_toys(study, best, effort, results)
        rows = _compare(chain, results)
    return assemble(chain, study, results, marginals, rows, effort)


def build_chain(file: Path | None, preset: str, trials: int, seed: int) -> Chain:
    """Source, events, likelihood and rates."""
    source = recoils(preset)
    sample = simulate_sample(source, trials, seed) if file is None else read_sample(file)
    if not len(sample.events):
        raise InvalidOption(f"none of {trials} simulated events survives the cuts; simulate more, or take another seed")
    simulated = simulate(preset, seed)
    return Chain(
        preset,
        source,
        sample,
        simulated,
        TRIALS / source.comb.total * float(compiled_expected(source, None)),
        lifetime_likelihood(source),
        rates_of(source, sample),
        slices_of(simulated.poor),
    )


def study_of(chain: Chain) -> Study:
    """The first question: rate and lifetime."""
    return Study(
        name="xenon",
        title="Electronic recoils in a xenon TPC: electron lifetime, yields and a search for WIMPs",
        citation="example of flamedisx's tutorial; J. Aalbers et al., Phys. Rev. D 102 (2020) 072010, arXiv:2003.12483",
        likelihood=chain.lifetime,
        data=chain.sample.events,
        simulator=chain.lifetime,
        parameters_of_interest=(LIFETIME,),
    )


def _fit_own_functions(chain: Chain, yields: bool, results: Findings) -> None:
    """The same events with model functions of a user."""
    length, events = absorption_likelihood(chain.preset), chain.sample.events
    best = results.add("fit_absorption", lambda: fit(length, events, start=_GUESS, throw=False))
    if best.status.converged:
        results.add("intervals_absorption", lambda: intervals(length, events, ("absorption_length",), level=0.90))
    if yields:
        results.add("fit_yields", lambda: fit(yields_likelihood(chain.preset), events, throw=False))


def _search(chain: Chain, results: Findings) -> None:
    """How many WIMPs may be among the events; their spectrum changes with time, so times must be known."""
    if "event_time" not in chain.sample.events:
        return
    likelihood = search_likelihood(chain.source, chain.preset)
    results.add(
        "limit", lambda: limit(likelihood, chain.sample.events, "wimp_rate_multiplier", level=0.90, method="profile")
    )


def _judge(chain: Chain, best: FitResult, seed: int, results: Findings) -> tuple[Marginal, ...]:
    """Distributions of the events beside those of the fitted model."""
    at = {LIFETIME: best.values[LIFETIME]}
    simulated = chain.source.draw(seed_of(seed, 6), TRIALS, at)
    logs = tuple(log_rates(chain.source, at, events) for events in (chain.sample.events, simulated))
    marginals = compare_marginals(chain.sample.events, simulated, logs)  # type: ignore[arg-type]  # two of them
    results.add("marginals", lambda: marginals_table(marginals, len(simulated), Provenance.collect(seed=seed)))
    return marginals


def _throw_toys(study: Study, best: FitResult, effort: Effort, results: Findings) -> None:
    """Goodness of fit and coverage of the lifetime's interval, by toys at the fit."""
    if not effort.toys:
        return
    run: dict[str, Any] = {"executor": effort.executor, "progress": effort.progress}
    results.add(
        "goodness",
        lambda: goodness_of_fit(
            study.likelihood, study.data, statistic="likelihood", calibration=calibration_of(study, effort)
        ),
    )
    results.add(
        "coverage_curve",
        lambda: coverage_curve(
            effort.seed, study.simulator, study.likelihood, best.values, (LIFETIME,), effort.toys, **run
        ),
    )


def _compare(chain: Chain, results: Findings) -> tuple[Row, ...]:
    """The tutorial's printed numbers beside those found here."""
    fits = {name: r for name, r in results.items() if isinstance(r, FitResult) and r.status.converged}
    found: Any = results["intervals"]
    length = chain.source.starts[LIFETIME] * chain.source.drift_velocity
    rows = (
        *compare_simulation(len(chain.simulated.flat), chain.expected, float(length)),
        *compare_fits(fits, found[LIFETIME]),
    )
    results.add("printed", lambda: printed_table(rows, Provenance.collect()))
    return rows
