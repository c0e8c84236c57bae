"""The folder that a command writes: results.json, report.html, and the figures one by one."""

import json
from dataclasses import replace
from pathlib import Path

from wilks.results.store import to_json

from .outcome import Outcome
from .report import Section, render, write_figures, write_report


def write_folder(outcome: Outcome, folder: Path) -> None:
    """Write ``results.json``, ``report.html`` and ``figures/``."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {**outcome.document(), "results": {name: to_json(r) for name, r in outcome.results.items()}}
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    figures = {**outcome.figures, **outcome.draw()}
    drawn = {id(figure): render(figure) for figure in figures.values()}  # each is drawn once, for both uses
    once = {caption: drawn[id(figure)] for caption, figure in figures.items()}
    write_figures(folder, once)
    sections = [
        replace(section, figures={caption: drawn.get(id(f), f) for caption, f in section.figures.items()})
        for section in outcome.sections
    ]
    everything = Section(outcome.title, "\n\n".join(outcome.notes), tuple(outcome.results.values()), once)
    write_report(folder / "report.html", outcome.title, sections or [everything])
