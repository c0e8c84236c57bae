"""How a study leaves the command line: results printed as they are found, then the folder, or one JSON document."""

import contextlib
import importlib
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import click

from wilks.execution.progress import NotedProgress, Progress
from wilks.results.result import AbstractResult
from wilks.studies.study import Effort, StudyReport

from .delivery import Delivery, deliver, notice
from .outcome import Outcome
from .progress import progress_of


@contextlib.contextmanager
def effort_of(toys: int, seed: int, workers: int, delivery: Delivery, *, what: str = "toys") -> Iterator[Effort]:
    """The effort that the options ask for; results are printed at once unless one JSON document is wanted.

    All procedures share the same processes, so that what these have compiled is compiled once. ``what`` is counted in
    the display of progress.
    """
    with contextlib.ExitStack() as opened:
        bars = _Bars(delivery.quiet, what)
        opened.callback(bars.close)
        executor = opened.enter_context(_processes(workers)) if workers > 1 else None
        listeners = {} if delivery.as_json else {"announce": _say}
        yield Effort(toys, seed, executor, bars, **listeners)


def deliver_study(report: StudyReport, delivery: Delivery) -> None:
    """Write the folder, end the printed results with headline and flags, or print the JSON document.

    Raises:
        Untrustworthy: as `wilks.cli.outcome.deliver`.
    """
    outcome = _outcome(report)
    if delivery.output is not None:
        writer = importlib.import_module("wilks.cli.folder")  # loads matplotlib
        command = " ".join(["wilks", *sys.argv[1:]])
        sections = _sections(report)
        written = replace(outcome, provenance=replace(outcome.provenance, command=command), sections=sections)
        figures = {caption: figure for section in sections for caption, figure in section.figures.items()}
        writer.write_folder(replace(written, figures=figures), delivery.output)
        notice(f"wrote {delivery.output / 'report.html'} and {delivery.output / 'results.json'}", delivery.quiet)
    if not delivery.as_json:  # the results themselves have been printed already
        flags = [f"! {name}: {sentence}" for name, sentence in report.flags.items()]
        outcome = replace(outcome, results={}, notes=["\n".join([report.sentence, *flags])])
    deliver(outcome, replace(delivery, output=None))


def _outcome(report: StudyReport) -> Outcome:
    return Outcome(
        command="run",
        title=report.title,
        status=report.status,
        result=report.numbers,
        results=report.results,
        provenance=report.provenance,
        flags=report.flags,
    )


def _sections(report: StudyReport) -> list[Any]:
    section = importlib.import_module("wilks.cli.report").Section
    return [
        section(chapter.title, chapter.text, tuple(report.results[n] for n in chapter.results), dict(chapter.draw()))
        for chapter in report.chapters
    ]


def _say(name: str, result: AbstractResult) -> None:
    click.echo(f"[{name.replace('_', ' ')}]\n{result}\n")
    sys.stdout.flush()


def _processes(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))  # fork breaks JAX's threads


class _Bars:
    """Opens a display of progress when toys begin and closes it when they end, so that results print in between."""

    def __init__(self, quiet: bool, what: str) -> None:
        self._quiet = quiet
        self._what = what
        self._open = contextlib.ExitStack()
        self._callback: Progress | None = None
        self._note = ""

    def note(self, text: str) -> None:
        """Keep the words for the next state of this piece of work."""
        self._note = text

    def __call__(self, done: int, total: int, failed: int, seconds: float) -> None:
        if self._callback is None:
            self._callback = self._open.enter_context(progress_of(self._what, quiet=self._quiet))
        if isinstance(self._callback, NotedProgress):
            self._callback.note(self._note)
        if self._callback is not None:
            self._callback(done, total, failed, seconds)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Take the display away."""
        self._open.close()
        self._callback, self._note = None, ""
