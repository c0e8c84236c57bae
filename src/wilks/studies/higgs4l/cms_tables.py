"""Mode ``cms``: the Higgs signal strength from CMS open data of 7 and 8 TeV, as tabulated in the package."""

from dataclasses import replace

from wilks.data.histogram import Histogram, total
from wilks.physics.collider.build import build
from wilks.physics.collider.samples import REST
from wilks.physics.collider.tables import cms as tables
from wilks.physics.collider.templates import Templates
from wilks.studies.chapters import measured, picture
from wilks.studies.measurement import measure
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, StudyReport

from .posing import AXIS, BACKGROUND, LABELS, SIGNAL, Treatment, assemble, pose

TITLE = "The Higgs boson in four leptons: signal strength from CMS open data, 7 and 8 TeV"
PROCESSES = {"TTBar": "top", "DY": "Z + jets", "ZZ": "ZZ", "HZZ": "Higgs boson"}


def cms(*, cost: str = "poisson", template_statistics: str = "conway", effort: Effort | None = None) -> StudyReport:
    """Signal strength from three channels (4 mu, 4 e, 2 mu 2 e) of 37 bins, 70 to 181 GeV.

    Args:
        cost: ``poisson``, ``pearson``, ``neyman`` or ``cnp``.
        template_statistics: errors of the simulation: ``conway``, ``poisson``, ``marginal``, ``full`` or ``none``.
        effort: toys, seed, processes; 2000 toys in this process by default.
    """
    effort = effort or Effort()
    treatment = Treatment(cost, template_statistics)
    model = build(grouped())
    study = pose(model, treatment, title=TITLE, citation=tables.CITATION, interest=(SIGNAL, BACKGROUND))
    results = measure(study, effort)
    chapters = (
        opening(),
        *measured(study, results, LABELS, edges=model.edges, **AXIS),
        Chapter("Where the data come from", f"{study.citation}."),
    )
    settings = {"mode": "cms", "cost": cost, "template_statistics": template_statistics}
    return assemble(study, results, chapters, headline(results), settings, effort)


def grouped() -> dict[str, Templates]:
    """Templates of each channel in the groups s_s and s_b, with data."""
    return {channel: _templates(channel).grouped(**{SIGNAL: ("HZZ",), BACKGROUND: REST}) for channel in tables.CHANNELS}


def opening() -> Chapter:
    """What the data and the simulation are, with the picture before any fit."""
    parts = [_templates(channel) for channel in tables.CHANNELS]
    observed = total([part.data for part in parts if part.data is not None], label="data")
    expected = {
        label: total([part.histograms[name] for part in parts], label=label) for name, label in PROCESSES.items()
    }
    text = (
        f"Four-lepton events of {' and '.join(f'20{year}' for year in tables.YEARS)} in three channels, "
        f"{len(observed.axis)} bins each: {observed.values().sum():.0f} events are observed, the simulation expects "
        f"{_sum(expected.values()):.1f}, {_sum([expected['Higgs boson']]):.2f} of them Higgs bosons."
        "\n\nFew simulated events of Z + jets carry large weights, so the statistical error of the simulation matters "
        "here; it enters bin by bin, profiled in closed form."
    )
    return Chapter("What is measured", text, draw=picture("expectation", expected, observed))


def _sum(histograms) -> float:
    return sum(float(h.values().sum()) for h in histograms)


def _templates(channel: str) -> Templates:
    simulated: dict[str, Histogram] = tables.templates(channel)
    made = Templates(simulated, tables.data(channel), citation=tables.CITATION)
    luminosity_fb = sum(tables.LUMINOSITY_PB.values()) / 1000.0
    return replace(made, luminosity_fb=luminosity_fb)
