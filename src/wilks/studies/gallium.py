"""The gallium anomaly: GALLEX, SAGE and BEST under six absorption cross sections."""

from collections.abc import Sequence

from wilks._base.errors import check_option
from wilks.inference.fitting import fit
from wilks.physics.oscillation.gallium import best_extractions
from wilks.physics.oscillation.gallium import gallium as experiment
from wilks.physics.oscillation.gallium_table import EXPOSURES, GALLIUM_CROSS_SECTIONS

from .anomaly.analysis import judge
from .anomaly.question import Question
from .measurement import Findings
from .study import Effort, StudyReport


def gallium(
    *,
    cross_section: str = "bahcall",
    exposures: Sequence[str] = tuple(EXPOSURES),
    exact: bool = False,
    nodes: int = 40,
    effort: Effort | None = None,
) -> StudyReport:
    """Do radioactive sources make fewer germanium atoms in gallium than expected, and with which cross section?

    Args:
        cross_section: cross section to look at closely; averages are given for all.
        exposures: which measurements.
        exact: region by Feldman and Cousins.
        nodes: tested nodes per axis of the plane.
        effort: toys per node, seed, processes.

    Raises:
        InvalidOption: for an unknown cross section.
        UnknownName: for an unknown exposure.
    """
    check_option("gallium cross section", cross_section, GALLIUM_CROSS_SECTIONS)
    question = Question(
        name="gallium",
        title="Radioactive sources in gallium, measured and expected",
        introduction=_INTRODUCTION,
        assumption="cross section",
        chosen=cross_section,
        experiments={name: experiment(name, exposures=exposures) for name in GALLIUM_CROSS_SECTIONS},
        points=tuple(exposures),
    )

    def more(findings: Findings) -> None:
        """Rates of BEST from its single extractions."""
        if any(name.startswith("BEST") for name in exposures):
            study = best_extractions()
            findings.add("extractions", lambda: fit(study.likelihood, study.data, throw=False))

    return judge(question, exact=exact, nodes=nodes, more=more, effort=effort)


_INTRODUCTION = (
    "Sources of 51Cr and 37Ar emit neutrinos of known energies; in a vessel of gallium they make germanium, whose "
    "atoms are extracted and counted. Six exposures of GALLEX, SAGE and BEST are divided by the rate expected with "
    "Bahcall's cross section.\n\n"
    "Other cross sections scale the expectation. The ground state alone is a lower bound that rests on the measured "
    "life of 71Ge. Errors of a cross section are common to all exposures and enter where they are quoted."
)
