"""From grouped templates to a posed study and its report: cost, normalisation, treatment of the simulation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wilks._base.errors import InvalidOption, check_option
from wilks.likelihood.treatments import TREATMENTS
from wilks.physics.collider.build import COSTS, CountingModel, renormalised
from wilks.physics.collider.samples import HIGGS, NORMALISATIONS
from wilks.physics.collider.templates import Templates
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.studies.chapters import sentence_of
from wilks.studies.study import Chapter, Effort, Study, StudyReport

SIGNAL, BACKGROUND = "s_s", "s_b"
LABELS = {SIGNAL: "Higgs boson (s_s)", BACKGROUND: "background (s_b)", "mu": "Higgs boson (mu)"}
AXIS = {"quantity": "four-lepton mass", "unit": "GeV"}

PROCESSES: Mapping[str, tuple[str, ...]] = {
    "top": ("ttbar_lep", "ttW", "single_top_wtchan"),
    "WZ and others": ("lllv", "llvv"),
    "Z + jets": ("Zee", "Zmumu", "Ztautau"),
    "ZZ": ("llll", "ZqqZll"),
    "Higgs boson": HIGGS,
}
"""Samples by process, as stacked in figures; the last lies on top."""


@dataclass(frozen=True)
class Treatment:
    """How the data are judged and the simulation is scaled.

    Args:
        cost: ``poisson``, ``pearson``, ``neyman`` or ``cnp``; all but the first are biased at low counts.
        template_statistics: ``conway``, ``poisson``, ``marginal``, ``full`` or ``none``; with the Poisson cost only.
        luminosity_fb: integrated luminosity in fb^-1; that of the normalisation if None.
        normalisation: ``tutorial`` or ``release``; see `wilks.physics.collider.samples.NORMALISATIONS`.

    Raises:
        InvalidOption: for a value that does not exist, or a luminosity that is not positive.
    """

    cost: str = "poisson"
    template_statistics: str = "conway"
    luminosity_fb: float | int | None = None
    normalisation: str = "tutorial"

    def __post_init__(self) -> None:
        check_option("cost", self.cost, COSTS)
        check_option("template statistics", self.template_statistics, (*TREATMENTS, "none"))
        check_option("normalisation", self.normalisation, NORMALISATIONS)
        if self.luminosity_fb is not None and not self.luminosity_fb > 0:
            raise InvalidOption(f"luminosity {self.luminosity_fb} fb^-1; it must be positive")

    @property
    def luminosity(self) -> float:
        """Integrated luminosity in fb^-1."""
        return float(self.luminosity_fb or NORMALISATIONS[self.normalisation].luminosity_fb)

    @property
    def statistics(self) -> str | None:
        """Template statistics as likelihoods take them."""
        return None if self.template_statistics == "none" else self.template_statistics

    @property
    def settings(self) -> dict[str, Any]:
        """For provenance."""
        return {
            "cost": self.cost,
            "template_statistics": self.template_statistics if self.cost == "poisson" else "none",
            "luminosity_fb": self.luminosity,
            "normalisation": self.normalisation,
        }

    def scaled(self, templates: Templates) -> Templates:
        """Tabulated templates of k = 1 at this luminosity and normalisation."""
        return renormalised(templates, self.normalisation, self.luminosity)


def by_process(templates: Templates) -> Templates:
    """Samples summed by process, those without any event left out."""
    present = {name: [s for s in samples if s in templates.names] for name, samples in PROCESSES.items()}
    return templates.grouped(**{name: samples for name, samples in present.items() if samples})


def pose(model: CountingModel, treatment: Treatment, *, title: str, citation: str, interest: Iterable[str]) -> Study:
    """The study of one counting model."""
    return Study(
        name="higgs4l",
        title=title,
        citation=citation,
        likelihood=model.likelihood(treatment.cost, template_statistics=treatment.statistics),
        data=model.counts,
        simulator=model.simulator(template_statistics=treatment.statistics),
        parameters_of_interest=tuple(interest),
        notices=model.notices,
    )


def assemble(
    study: Study,
    results: Mapping[str, AbstractResult],
    chapters: Iterable[Chapter],
    numbers: Mapping[str, Any],
    settings: Mapping[str, Any],
    effort: Effort,
) -> StudyReport:
    """The report, with the flags of all its results and the notices of the study."""
    best: Any = results["fit"]
    return StudyReport(
        name=study.name,
        title=study.title,
        status=best.status.word,
        sentence=sentence_of(results, study.parameters_of_interest[0]) or best.status.value,
        results=results,
        chapters=tuple(chapters),
        numbers=numbers,
        provenance=Provenance.collect(
            seed=effort.seed if effort.toys else None,
            model_digest=best.provenance.model_digest,
            data_digest=best.provenance.data_digest,
            settings={"study": study.name, "toys": effort.toys, **settings},
            started=best.provenance.started,
            duration_s=sum(result.provenance.duration_s for result in results.values()),
        ),
        flags=_flags(study, results),
    )


def _flags(study: Study, results: Mapping[str, AbstractResult]) -> dict[str, str]:
    """Notices of the data first, then each flag of the results once."""
    flags: dict[str, str] = {}
    for position, sentence in enumerate(study.notices, start=1):
        name, colon, rest = sentence.partition("incomplete: ")
        flags["incomplete" if colon and not name else f"notice_{position}"] = rest or sentence
    own = [result for name, result in results.items() if not name.startswith(("costs", "bias_"))]
    for result in own:  # those of costs that are compared are not flags of the measurement
        for flag, sentence in result.flags.items():
            flags.setdefault(flag, sentence)
    return flags
