"""Mode ``tutorial``: each number of the ATLAS open data tutorial by its own recipe, next to the right one."""

import html
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wilks.data.histogram import Histogram
from wilks.inference.contours import contour
from wilks.inference.coverage import coverage_curve
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.intervals import intervals
from wilks.physics.collider.build import CountingModel, build
from wilks.physics.collider.lint import TUTORIAL_PROCEDURE, Findings, lint
from wilks.physics.collider.samples import HIGGS, REST, tutorial_files
from wilks.physics.collider.selection import tutorial as tutorial_selection
from wilks.physics.collider.tables.tutorial import RECONSTRUCTED, TUTORIAL
from wilks.physics.collider.templates import Templates
from wilks.results.text import as_html
from wilks.studies.chapters import measured, picture
from wilks.studies.measurement import Findings as Results
from wilks.studies.measurement import calibration_of
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, Study, StudyReport
from wilks.studies.tabular import StudyTable

from . import tutorial_recipe as recipe_of
from .event_files import filled
from .posing import AXIS, BACKGROUND, LABELS, SIGNAL, Treatment, assemble, pose
from .tutorial_recipe import TutorialHistograms
from .tutorial_rows import Recipe, TutorialRow, best_values, reasons, rows

TITLE = "The four-lepton tutorial, number by number"
_NUMBERS = ("cell", "quantity", "printed", "by its recipe", "agrees", "within", "right")


@dataclass(frozen=True, eq=False)
class TutorialReport:
    """Every number of the tutorial beside the right one; prints itself as text and HTML.

    Args:
        rows: one per printed number, in the order of the notebook.
        label: ``reconstructed``, or where the histograms come from.
        findings: traps in the tutorial's selection and recipe.
        report: everything behind it.
    """

    rows: tuple[TutorialRow, ...]
    label: str
    findings: Findings
    report: StudyReport

    def __str__(self) -> str:
        return "\n\n".join(str(self.report.results[name]) for name in ("numbers", "reasons", "findings"))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        tables = (self.report.results[name].summary() for name in ("numbers", "reasons", "findings"))
        return "\n".join([f"<h2>{html.escape(self.report.title)}</h2>", *map(as_html, tables)])


def tutorial(
    *, folder: Path | None = None, allow_missing: bool = False, effort: Effort | None = None
) -> TutorialReport:
    """Each number that the tutorial prints, by its own recipe and by the right one.

    Without files the histograms H_125 and H_bkg are reconstructed: consistent with what the tutorial prints, but not
    its own. With the eleven files of the tutorial they are filled anew.

    Args:
        folder: of the tutorial's ROOT files.
        allow_missing: go on without some of them.
        effort: toys, seed, processes; 2000 toys in this process by default.
    """
    effort = effort or Effort()
    templates = reconstructed() if folder is None else filled(folder, "tutorial", Treatment(), allow_missing)
    label = "reconstructed" if folder is None else "filled from the given files"
    model = build({"4l": _grouped(templates)})
    study = pose(
        model,
        Treatment(template_statistics="conway" if folder else "none"),
        title=f"{TITLE} ({label} histograms)",
        citation=TUTORIAL.citation,
        interest=(SIGNAL, BACKGROUND),
    )
    results = Results(effort)
    _measure_right(study, results, effort)
    recipe = _follow(_histograms(model), effort)
    made = rows(recipe, results)
    findings = lint(tutorial_selection(), tutorial_files(), templates=templates, procedure=TUTORIAL_PROCEDURE)
    _tabulate(made, findings, recipe, label, results)
    numbers = {
        "label": label,
        "rows": [row.plain for row in made],
        "findings": [vars(finding) for finding in findings],
        **headline(results),
    }
    chapters = _chapters(study, model, results, recipe, label)
    report = assemble(study, results, chapters, numbers, {"mode": "tutorial", "histograms": label}, effort)
    return TutorialReport(made, label, findings, report)


def tutorial_study(**options) -> StudyReport:
    """The report behind `tutorial`."""
    return tutorial(**options).report


def reconstructed() -> Templates:
    """The reconstructed histograms, already in the groups s_s and s_b, without statistical errors."""
    figures = RECONSTRUCTED
    exact = np.zeros(len(figures.axis))
    parts = {SIGNAL: figures.signal, BACKGROUND: figures.background}
    histograms = {
        name: Histogram.from_weights(figures.axis, values, exact, label=f"{name} ({figures.label})")
        for name, values in parts.items()
    }
    return Templates(histograms, TUTORIAL.data, luminosity_fb=TUTORIAL.luminosity_fb, citation=figures.citation)


def _grouped(templates: Templates) -> Templates:
    if SIGNAL in templates.names:
        return templates
    return templates.grouped(**{SIGNAL: HIGGS, BACKGROUND: REST})


def _histograms(model: CountingModel) -> TutorialHistograms:
    columns = dict(zip(model.predictor.space.names, np.asarray(model.predictor.templates).T, strict=True))
    return TutorialHistograms(model.counts["4l"], columns[SIGNAL], columns[BACKGROUND])


def _measure_right(study: Study, results: Results, effort: Effort) -> None:
    """The right results that the rows need, the fit first."""
    like, data, calibration = study.likelihood, study.data, calibration_of(study, effort)
    results.add("fit", lambda: fit(like, data))
    results.add("intervals", lambda: intervals(like, data))
    results.add("contour", lambda: contour(like, data, (BACKGROUND, SIGNAL)))
    nominal = {SIGNAL: 1.0, BACKGROUND: 1.0}
    results.add("before", lambda: goodness_of_fit(like, data, values=nominal, refit=False, calibration=calibration))
    results.add("goodness", lambda: goodness_of_fit(like, data, calibration=calibration))
    if effort.toys:
        run = {"executor": effort.executor, "progress": effort.progress}
        truth, names = best_values(results), (SIGNAL, BACKGROUND)
        results.add(
            "coverage_curve",
            lambda: coverage_curve(effort.seed, study.simulator, like, truth, names, effort.toys, **run),
        )


def _follow(h: TutorialHistograms, effort: Effort) -> Recipe:
    """The tutorial's recipe from beginning to end."""
    before, both = recipe_of.before_fit(h), recipe_of.scan_both(h)
    after = recipe_of.after_fit(h, both)
    return Recipe(
        before,
        recipe_of.scan_signal(h),
        recipe_of.scan_background(h),
        both,
        after,
        recipe_of.p_value(before * len(h.data), len(h.data)),
        recipe_of.p_value(after, len(h.data) - 2),
        recipe_of.grid_coverage(effort.seed, h, both, effort.toys) if effort.toys else None,
    )


def _tabulate(made: tuple[TutorialRow, ...], findings: Findings, recipe: Recipe, label: str, results: Results) -> None:
    """Numbers, reasons and findings as results that print."""
    provenance = results["fit"].provenance
    agreeing = sum(row.agrees is True for row in made)
    tried = sum(row.agrees is not None for row in made)
    sentences = [f"{agreeing} of {tried} printed numbers come out of the tutorial's own recipe; histograms: {label}"]
    if recipe.coverage is not None:
        n = len(recipe.coverage.delta)
        sentences.append(
            f"of {n} toys of that recipe, {recipe.coverage.on_edge} have their best fit on the edge of the grid and "
            f"{recipe.coverage.negative} a negative count"
        )
    for name, table in {
        "numbers": StudyTable(
            title="Numbers of the tutorial",
            sentences=tuple(sentences),
            columns=_NUMBERS,
            rows=tuple(row.cells for row in made),
            how="right: Poisson likelihood, both strengths free, profile intervals at 68.27 %, toys refitted",
            provenance=provenance,
        ),
        "reasons": StudyTable(
            title="What to do instead, and why",
            sentences=reasons(made),
            how="",
            provenance=provenance,
        ),
        "findings": StudyTable(
            title=f"{len(findings)} findings in the tutorial",
            sentences=_in_words(findings),
            how="found by lint(selection, samples, procedure=...)",
            provenance=provenance,
        ),
    }.items():
        results.add(name, lambda table=table: table)


def _in_words(findings: Findings) -> tuple[str, ...]:
    """One line per trap, its places together."""
    places: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        places.setdefault((finding.code, finding.sentence), []).append(finding.place)
    return tuple(f"{code} ({', '.join(where)}): {sentence}" for (code, sentence), where in places.items())


def _chapters(study: Study, model: CountingModel, results: Results, recipe: Recipe, label: str) -> tuple[Chapter, ...]:
    opening = (
        "A tutorial for students fits the Higgs boson in four leptons with a chi-square on a grid. Every number it "
        "prints is computed here again by its own recipe, and beside it stands the right one with the reason for the "
        "difference."
    )
    if label == "reconstructed":
        opening += (
            "\n\nThe data and three backgrounds are exact. The Higgs histogram and the sum of the backgrounds are "
            f"reconstructed: {RECONSTRUCTED.note}. One printed number, the error of s_s in cell [12], they do not give."
        )
    curve = picture("tutorial_coverage", results, recipe.coverage, recipe_of.thresholds())
    return (
        Chapter("Number by number", opening, ("numbers", "reasons")),
        Chapter("What a careful reader finds", "", ("findings",)),
        *measured(study, results, {n: f"{text}, {label}" for n, text in LABELS.items()}, edges=model.edges, **AXIS)[:2],
        Chapter(
            "The level of 2.3",
            "Does the region at 2.3 hold the truth in 68 % of all toys? With the likelihood, yes. With Pearson's "
            "chi-square on the grid it holds less, because the fit is pulled away from the truth.",
            ("coverage_curve",) if "coverage_curve" in results else (),
            curve if recipe.coverage is not None else dict,
        ),
        Chapter("Where the data come from", f"{study.citation}."),
    )
