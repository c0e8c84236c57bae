"""Mode ``events``: from the 4lep ROOT files of ATLAS open data to the signal strength."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from wilks._base.errors import InvalidFile, check_option
from wilks.data.axes import Regular
from wilks.interchange import root
from wilks.physics.collider import selection as selections
from wilks.physics.collider.bin_policies import with_negative_bins
from wilks.physics.collider.build import build, with_vacant_bins_merged
from wilks.physics.collider.cutflow import Cutflow, CutSums
from wilks.physics.collider.events import MASS, mass_4l
from wilks.physics.collider.identity import FIGURES, IDENTITY, check_overlaps
from wilks.physics.collider.samples import HIGGS, REST, Sample, SampleTable, atlas_2020, data_periods, tutorial_files
from wilks.physics.collider.selection import Selection
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED
from wilks.physics.collider.tables.sample_figures import CITATION
from wilks.physics.collider.tables.tutorial import TUTORIAL
from wilks.physics.collider.templates import Templates, fill
from wilks.results.numbers import number, with_error
from wilks.results.result import AbstractResult
from wilks.studies.chapters import measured, picture
from wilks.studies.measurement import measure
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, StudyReport
from wilks.studies.tabular import StudyTable

from .official_tables import compare, cost_chapter
from .posing import AXIS, BACKGROUND, LABELS, SIGNAL, Treatment, assemble, by_process, pose

TITLE = "The Higgs boson in four leptons: signal strength from event files"
SELECTIONS = ("official", "tutorial")
_AXES: Mapping[str, Regular] = {"official": OFFICIAL_EXTENDED.axis, "tutorial": TUTORIAL.axis}
_PATTERN = "*.4lep.root"


def events(
    folder: str | Path,
    *,
    selection: str = "official",
    cost: str = "poisson",
    template_statistics: str = "conway",
    luminosity_fb: float | int | None = None,
    normalisation: str = "tutorial",
    allow_missing: bool = False,
    effort: Effort | None = None,
) -> StudyReport:
    """Cuts, cutflow, weights, histograms and fit of a folder of four-lepton files.

    Args:
        folder: with the files in it, or in ``Data`` and ``MC`` inside.
        selection: ``official`` or ``tutorial``.
        cost: as for `wilks.studies.higgs4l.official`.
        template_statistics: the same.
        luminosity_fb: the same.
        normalisation: the same.
        allow_missing: go on without samples whose files are missing; every result then says so.
        effort: toys, seed, processes; 2000 toys in this process by default.

    Raises:
        InvalidFile: if files are missing or cannot be read.
        InvalidData: if files overlap, or hold something else than they should.
    """
    effort = effort or Effort()
    treatment = Treatment(cost, template_statistics, luminosity_fb, normalisation)
    templates = filled(Path(folder), selection, treatment, allow_missing)
    groups = {SIGNAL: HIGGS, BACKGROUND: REST} if set(templates.names) & set(HIGGS) else {BACKGROUND: REST}
    model = build({"4l": _fittable(templates.grouped(**groups))})
    study = pose(model, treatment, title=TITLE, citation=CITATION, interest=tuple(groups))
    results = measure(study, effort)
    results.add("cutflow", lambda: cutflow_table(templates.cutflow, results["fit"]))
    if "intervals" in results:
        compare(study, model, effort, results)
    chapters = (
        _opening(templates, selection, treatment),
        *measured(study, results, LABELS, edges=model.edges, **AXIS),
        *cost_chapter(results),
        Chapter("Where the data come from", f"{study.citation}."),
    )
    settings = {"mode": "events", "selection": selection, "selection_digest": templates.selection}
    numbers = {"cutflow": _plain(templates.cutflow), **headline(results)}
    return assemble(study, results, chapters, numbers, {**settings, **treatment.settings}, effort)


def filled(folder: Path, selection: str, treatment: Treatment, allow_missing: bool) -> Templates:
    """Histograms of the four-lepton mass by sample, from the files of a folder.

    Args:
        folder: with the files in it, or in ``Data`` and ``MC`` inside.
        selection: ``official`` or ``tutorial``; each with the samples and bins of its own.
        treatment: luminosity and normalisation.
        allow_missing: go on without samples whose files are missing.

    Raises:
        InvalidFile: naming every missing sample with its size, or the data if they are missing.
        InvalidData: if files hold the same events.
    """
    check_option("selection", selection, SELECTIONS)
    cuts = selections.official() if selection == "official" else selections.tutorial()
    wanted = _with_data(folder, _samples(selection).normalised(treatment.normalisation))
    present = wanted.present(folder, allow_missing=allow_missing)
    if not any(sample.is_data for sample in present):
        raise InvalidFile(f"{folder} holds no data: neither data.4lep.root nor data_A to data_D; put them there")
    if len(present) == 1:
        raise InvalidFile(f"{folder} holds data and no simulated sample; a fit needs templates")
    _refuse_overlaps(folder, present)
    sources = {sample.name: _stream(sample, folder, cuts) for sample in present}
    return fill(sources, wanted, cuts, mass_4l, _AXES[selection], treatment.luminosity, allow_missing=allow_missing)


def cutflow_table(cutflow: Cutflow, history: AbstractResult) -> StudyTable:
    """Events and sums of weights after each cut, all samples in one table."""
    rows = [
        (name, step, str(int(sums.events[i])), with_error(float(sums.sumw[i]), float(sums.sumw2[i]) ** 0.5))
        for name, sums in cutflow.samples.items()
        for i, step in enumerate(sums.steps)
    ]
    return StudyTable(
        title="Cutflow",
        columns=("sample", "after", "events", "sum of weights"),
        rows=tuple(rows),
        how="errors: square root of the sum of squared weights; data have weight 1",
        provenance=history.provenance,
    )


def _samples(selection: str) -> SampleTable:
    """The samples of the tutorial, or those with an event in the official histograms, and the data."""
    if selection == "tutorial":
        return tutorial_files()
    return atlas_2020().select([*OFFICIAL_EXTENDED.samples, "data"])


def _with_data(folder: Path, table: SampleTable) -> SampleTable:
    """The data in four files where the merged file is not there."""
    data = table["data"]
    if SampleTable((data,)).present(folder, allow_missing=True):
        return table
    periods = SampleTable((data_periods(),)).present(folder, allow_missing=True)
    return SampleTable(tuple(replace(s, files=data_periods().files) if periods and s.is_data else s for s in table))


def _stream(sample: Sample, folder: Path, cuts: Selection) -> Iterable:
    columns = cuts.columns | MASS | sample.weight_columns | {"channelNumber"}
    columns |= frozenset() if sample.is_data else FIGURES
    return root.events(sample.paths(folder), columns, needed_by=cuts.needed_by)


def _refuse_overlaps(folder: Path, present: SampleTable) -> None:
    """Refuse files that hold the same events, as far as files lie there that the table does not name.

    Files of the table are different datasets by themselves: their dataset numbers are checked while they are read.
    """
    found = [path for place in (folder, folder / "Data", folder / "MC") for path in sorted(place.glob(_PATTERN))]
    read = {path.resolve() for sample in present for path in sample.paths(folder)}
    for kind in ("data", "mc"):
        files = [path for path in found if path.name.startswith(kind)]
        if any(path.resolve() not in read for path in files):
            check_overlaps({path.name: root.events(path, IDENTITY) for path in files})


def _fittable(grouped: Templates) -> Templates:
    """Bins that can be fitted: where samples are missing, negative and vacant bins are merged away, and it is said."""
    if not any(notice.startswith("incomplete") for notice in grouped.notices):
        return with_negative_bins(grouped, "keep")
    return with_vacant_bins_merged(with_negative_bins(grouped, "merge"))


def _opening(templates: Templates, selection: str, treatment: Treatment) -> Chapter:
    data = templates.data
    assert data is not None
    text = (
        f"Events of {len(templates.cutflow.samples)} files pass the {selection} selection: "
        f"{number(float(data.values(flow=True).sum()), 6)} in data, {data.values().sum():.0f} of them between "
        f"{data.axis.edges[0]:g} and {data.axis.edges[-1]:g} GeV. Simulation is scaled to {treatment.luminosity:g} "
        "fb^-1."
    )
    processes = by_process(templates).histograms
    return Chapter("What is measured", text, ("cutflow",), picture("expectation", processes, data))


def _plain(cutflow: Cutflow) -> dict[str, dict[str, list]]:
    return {name: _sums(sums) for name, sums in cutflow.samples.items()}


def _sums(sums: CutSums) -> dict[str, list]:
    return {
        "steps": list(sums.steps),
        "events": sums.events.tolist(),
        "sumw": sums.sumw.tolist(),
        "sumw2": sums.sumw2.tolist(),
    }
