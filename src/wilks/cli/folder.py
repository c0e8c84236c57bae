"""The folder that a command writes: results.json, report.html, and the figures one by one."""

import json
from pathlib import Path

from wilks.results.store import to_json

from .outcome import Outcome
from .report import Section, write_figures, write_report


def write_folder(outcome: Outcome, folder: Path) -> None:
    """Write ``results.json``, ``report.html`` and ``figures/``."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {**outcome.document(), "results": {name: to_json(r) for name, r in outcome.results.items()}}
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    figures = {**outcome.figures, **outcome.draw()}
    write_figures(folder, figures)
    everything = Section(outcome.title, "\n\n".join(outcome.notes), tuple(outcome.results.values()), figures)
    write_report(folder / "report.html", outcome.title, list(outcome.sections) or [everything])
