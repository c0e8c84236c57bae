"""Mode ``official``: the Higgs signal strength from ATLAS open data, as tabulated in the package."""

from typing import Any

from wilks.inference.comparisons import compare_costs
from wilks.inference.coverage import bias
from wilks.likelihood.counts import ChiSquareCounts
from wilks.physics.collider.build import CountingModel, build
from wilks.physics.collider.samples import HIGGS, REST
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED
from wilks.physics.collider.templates import Templates
from wilks.results.comparisons import CostComparison
from wilks.results.fits import FitResult
from wilks.results.numbers import number
from wilks.results.toys import Bias
from wilks.studies.chapters import Results, measured, picture
from wilks.studies.measurement import Findings, measure
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, Study, StudyReport

from .posing import AXIS, BACKGROUND, LABELS, SIGNAL, Treatment, assemble, by_process, pose

TITLE = "The Higgs boson in four leptons: signal strength from ATLAS open data, 13 TeV"
_BIASED = "pearson"


def official(
    *,
    cost: str = "poisson",
    template_statistics: str = "conway",
    luminosity_fb: float | int | None = None,
    normalisation: str = "tutorial",
    effort: Effort | None = None,
) -> StudyReport:
    """Signal strength s_s and background strength s_b from the official selection, 30 bins from 80 to 250 GeV.

    Args:
        cost: ``poisson``, ``pearson``, ``neyman`` or ``cnp``.
        template_statistics: errors of the simulation: ``conway``, ``poisson``, ``marginal``, ``full`` or ``none``.
        luminosity_fb: integrated luminosity in fb^-1; that of the normalisation if None.
        normalisation: ``tutorial`` (10 fb^-1, k = 1) or ``release`` (10.064 fb^-1, k-factors for gg to ZZ).
        effort: toys, seed, processes; 2000 toys in this process by default.
    """
    effort = effort or Effort()
    treatment = Treatment(cost, template_statistics, luminosity_fb, normalisation)
    templates = treatment.scaled(Templates.from_table(OFFICIAL_EXTENDED))
    model = build({"4l": templates.grouped(**{SIGNAL: HIGGS, BACKGROUND: REST})})
    study = pose(model, treatment, title=TITLE, citation=OFFICIAL_EXTENDED.citation, interest=(SIGNAL, BACKGROUND))
    results = measure(study, effort)
    if "intervals" in results:
        compare(study, model, effort, results)
    chapters = (
        opening(templates, OFFICIAL_EXTENDED.source),
        *measured(study, results, LABELS, edges=model.edges, **AXIS),
        *cost_chapter(results),
        Chapter("Where the data come from", f"{study.citation}. Tabulated: {OFFICIAL_EXTENDED.source}."),
    )
    return assemble(study, results, chapters, headline(results), {"mode": "official", **treatment.settings}, effort)


def opening(templates: Templates, source: str) -> Chapter:
    """What the data and the simulation are, with the picture before any fit."""
    data = templates.data
    assert data is not None
    higgs = sum(float(templates.histograms[name].values().sum()) for name in templates.names if name in HIGGS)
    expected = templates.total
    text = (
        f"Events with four leptons: {source}. {data.values().sum():.0f} events are observed in {len(data.axis)} bins; "
        f"the simulation of {len(templates.names)} samples expects {expected.values().sum():.1f}, {higgs:.2f} of them "
        f"Higgs bosons, at {templates.luminosity_fb:g} fb^-1."
        "\n\nTwo strengths are fitted: s_s multiplies all Higgs samples, s_b all others. The statistical error of the "
        "simulation enters bin by bin, profiled in closed form."
    )
    return Chapter("What is measured", text, draw=picture("expectation", by_process(templates).histograms, data))


def compare(study: Study, model: CountingModel, effort: Effort, results: Findings) -> None:
    """The same data under four costs, and with toys what Pearson's chi-square does on average."""
    results.add("costs", lambda: compare_costs(model.predictor, study.data))
    best = results["fit"]
    if effort.toys and isinstance(best, FitResult):
        judge = ChiSquareCounts(model.predictor, cost=_BIASED)
        run: dict[str, Any] = {"executor": effort.executor, "progress": effort.progress}
        results.add(
            f"bias_{_BIASED}", lambda: bias(effort.seed, study.simulator, judge, best.values, effort.toys, **run)
        )


def cost_chapter(results: Results) -> tuple[Chapter, ...]:
    """What the choice of a cost does, in events and in strengths; nothing without a comparison."""
    costs = results.get("costs")
    if not isinstance(costs, CostComparison):
        return ()
    excess = dict(zip(costs.costs, costs.excess_events, strict=True))
    minimum = dict(zip(costs.costs, costs.minimum, strict=True))
    text = (
        "With all strengths free, a Poisson fit gives back exactly the number of observed events. Pearson's "
        f"chi-square expects {number(excess['pearson'], 3)} events more, exactly half of its minimum "
        f"{number(minimum['pearson'], 4)}; Neyman's expects {number(-excess['neyman'], 3)} fewer, exactly its minimum. "
        "The mixture CNP is better, not right."
    )
    average = results.get(f"bias_{_BIASED}")
    if isinstance(average, Bias):
        text += "\n\n" + _on_average(average)
    shown = tuple(name for name in ("costs", f"bias_{_BIASED}") if name in results)
    return (Chapter("Why not a chi-square?", text, shown, picture("compared", results)),)


def _on_average(found: Bias) -> str:
    parts = [
        f"{name} by {number(float(found.residual_mean[i]), 2)} ({number(float(found.pull_mean[i]), 2)} of its error)"
        for i, name in enumerate(found.names)
    ]
    return (
        f"This is no accident of these data: over {found.n} toys of known strength, each drawn as Poisson counts, "
        f"Pearson's chi-square misses {' and '.join(parts)}. The error it quotes does not know of that."
    )
