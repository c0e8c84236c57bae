"""What an experiment hands over to the procedures: likelihood, data, simulator, and what a reader must know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.results.text import Summary, as_html, as_text


@dataclass(frozen=True)
class Source:
    """Where figures come from.

    Args:
        what: which figures, for example ``"rates"`` or ``"flux U235"``.
        citation: paper, with equation or table.
        path: file that was read; empty for figures typed into Wilks.
        digest: SHA-256 of the file's content; empty for typed figures.
    """

    what: str
    citation: str
    path: str = ""
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Study:
    """An experiment, or several joined, as a statistical question.

    Args:
        name: short name, for example ``"rates"``.
        likelihood: judges the data.
        data: observed data as the likelihood takes them.
        simulator: makes pseudo-experiments; often the likelihood itself.
        interest: names of the parameters of interest.
        events: names of the sets of recorded events that went in, by which overlaps of studies are seen,
            for example ``("RENO-near", "RENO-far")``.
        flags: name -> sentence; what a careful reader must know.
        sources: where the figures come from.
    """

    name: str
    likelihood: AbstractLikelihood
    data: Any
    simulator: AbstractSimulator
    interest: tuple[str, ...]
    events: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def __str__(self) -> str:
        return as_text(_summary(self))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html(_summary(self))


def _summary(study: Study) -> Summary:
    space = study.likelihood.space
    constrained = [p for p in space.parameters if p.is_free and p.name not in study.interest]
    sentences = (
        f"parameters of interest: {', '.join(study.interest)}",
        f"other free parameters: {len(constrained)}" if constrained else "",
        f"events: {', '.join(study.events)}" if study.events else "",
    )
    rows = tuple((s.what, s.citation, s.path, s.digest[:12]) for s in study.sources)
    columns = ("source", "citation", "file", "sha256") if rows else ()
    return Summary(study.name, sentences, columns, rows, tuple(study.flags.items()))
