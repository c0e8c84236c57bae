"""What a complete analysis is made of, how much work it may do, and what it reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult

Announce = Callable[[str, AbstractResult], None]


def _in_silence(name: str, result: AbstractResult) -> None:
    """Nobody listens."""


@dataclass(frozen=True, eq=False)
class Study:
    """A question put to data: all that a physics wing hands over to the procedures.

    Args:
        name: as in ``wilks run NAME``.
        title: heading of its report.
        citation: where the data come from.
        likelihood: judges the data.
        data: observed data as the likelihood takes them.
        simulator: makes toys.
        parameters_of_interest: what is measured; the signal first.
        notices: sentences that every result should carry.
    """

    name: str
    title: str
    citation: str
    likelihood: AbstractLikelihood
    data: Any
    simulator: AbstractSimulator
    parameters_of_interest: tuple[str, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Effort:
    """How much work a study may do, and who hears of it.

    Args:
        toys: toys per procedure; 0 leaves out what needs toys.
        seed: seed of all random numbers.
        executor: None, a number of processes, an executor, or a Dask client; no number depends on it.
        progress: called with (done, total, failed, seconds) while toys run.
        announce: called with name and result as soon as a result is there.
    """

    toys: int = 2000
    seed: int = 1
    executor: Any = None
    progress: Progress | None = None
    announce: Announce = _in_silence


@dataclass(frozen=True)
class Chapter:
    """One part of a report.

    Args:
        title: heading.
        text: paragraphs of plain text, separated by empty lines.
        results: names of the results that it shows.
        draw: makes its figures, caption -> figure; matplotlib is loaded only then.
    """

    title: str
    text: str = ""
    results: tuple[str, ...] = ()
    draw: Callable[[], Mapping[str, Any]] = dict


@dataclass(frozen=True, eq=False)
class StudyReport:
    """What a study found; prints itself.

    Args:
        name: as in ``wilks run NAME``.
        title: heading.
        status: word of the status of its fit.
        sentence: the result in one sentence.
        results: every result by name, in the order in which they were found.
        chapters: the parts of the report, which show the results.
        numbers: the headline numbers, as plain values for programs.
        flags: name -> sentence; what a careful reader must know.
        provenance: how it was made.
    """

    name: str
    title: str
    status: str
    sentence: str
    results: Mapping[str, AbstractResult]
    chapters: tuple[Chapter, ...]
    numbers: Mapping[str, Any]
    provenance: Provenance
    flags: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        flags = "\n".join(f"! {name}: {sentence}" for name, sentence in self.flags.items())
        return "\n\n".join(
            part for part in (self.title, *map(str, self.results.values()), self.sentence, flags) if part
        )

    def __repr__(self) -> str:
        return str(self)
