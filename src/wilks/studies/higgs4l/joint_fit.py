"""Mode ``joint``: one signal strength for ATLAS and CMS, each experiment with a background strength of its own."""

from wilks.likelihood.joint import Joint
from wilks.parameters.parameter import Parameter
from wilks.physics.collider.build import build
from wilks.physics.collider.samples import HIGGS, REST
from wilks.physics.collider.tables import cms as cms_figures
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED
from wilks.physics.collider.templates import Templates
from wilks.studies.chapters import measured
from wilks.studies.measurement import measure
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, Study, StudyReport

from .cms_tables import grouped
from .posing import AXIS, BACKGROUND, LABELS, SIGNAL, Treatment, assemble

TITLE = "The Higgs boson in four leptons: one signal strength for ATLAS and CMS open data"
STRENGTH = "mu"


def joint(
    *,
    template_statistics: str = "conway",
    luminosity_fb: float | int | None = None,
    normalisation: str = "tutorial",
    effort: Effort | None = None,
) -> StudyReport:
    """Signal strength ``mu`` shared by ATLAS (13 TeV) and CMS (7 and 8 TeV); backgrounds ``atlas_b`` and ``cms_b``.

    Args:
        template_statistics: errors of the simulation: ``conway``, ``poisson``, ``marginal``, ``full`` or ``none``.
        luminosity_fb: integrated luminosity of ATLAS in fb^-1; that of the normalisation if None.
        normalisation: of ATLAS, ``tutorial`` or ``release``.
        effort: toys, seed, processes; 2000 toys in this process by default.
    """
    effort = effort or Effort()
    treatment = Treatment("poisson", template_statistics, luminosity_fb, normalisation)
    templates = treatment.scaled(Templates.from_table(OFFICIAL_EXTENDED))
    models = {
        "ATLAS": build({"4l": templates.grouped(**{SIGNAL: HIGGS, BACKGROUND: REST})}, _norms("atlas_b")),
        "CMS": build(grouped(), _norms("cms_b")),
    }
    likelihood = Joint({name: m.likelihood(template_statistics=treatment.statistics) for name, m in models.items()})
    study = Study(
        name="higgs4l",
        title=TITLE,
        citation=f"{OFFICIAL_EXTENDED.citation}; {cms_figures.CITATION}",
        likelihood=likelihood,
        data={name: model.counts for name, model in models.items()},
        simulator=likelihood,
        parameters_of_interest=(STRENGTH, "atlas_b", "cms_b"),
    )
    results = measure(study, effort)
    edges = {name: model.edges for name, model in models.items()}
    chapters = (
        Chapter("What is measured", _TEXT),
        *measured(study, results, LABELS, edges=edges, **AXIS),
        Chapter("Where the data come from", f"{study.citation}."),
    )
    return assemble(study, results, chapters, headline(results), {"mode": "joint", **treatment.settings}, effort)


def _norms(background: str) -> dict[str, Parameter]:
    return {SIGNAL: Parameter(STRENGTH, 1.0, lower=0.0), BACKGROUND: Parameter(background, 1.0, lower=0.0)}


_TEXT = (
    "The same boson, two detectors, three beam energies. The strength mu multiplies the Higgs samples of both "
    "experiments; each experiment keeps a background strength of its own, because luminosity, missing samples and "
    "selection are its own. The two likelihoods are multiplied, not averaged."
)
