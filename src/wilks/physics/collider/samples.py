"""Samples of data and simulation: cross sections, normalisation, event weights, files; and tables of them."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidFile, InvalidModel, UnknownName, check_option, near_names
from wilks.data.events import Events

from .tables.sample_figures import DATA_FILE, DATA_PERIODS, SAMPLES_2020, SampleFigures

KINDS = ("data", "signal", "background")
WEIGHTS = (
    "mcWeight",
    "scaleFactor_PILEUP",
    "scaleFactor_ELE",
    "scaleFactor_MUON",
    "scaleFactor_LepTRIGGER",
)
"""Branches whose product, times the normalisation, is the weight of a simulated event."""

HIGGS = ("ggH125_ZZ4lep", "VBFH125_ZZ4lep", "WH125_ZZ4lep", "ZH125_ZZ4lep")
"""Samples of the Higgs boson of 125 GeV."""


@dataclass(frozen=True)
class Rest:
    """All simulated samples that no other group names."""


REST = Rest()
"""All simulated samples that no other group names."""

_TUTORIAL = ("Zee", "Zmumu", "ttbar_lep", "llll", "llvv", "ZqqZll", *HIGGS)
_DOWNLOAD = "https://atlas-opendata.web.cern.ch/atlas-opendata/samples/2020/4lep/"


@dataclass(frozen=True)
class Normalisation:
    """How simulation is scaled to data.

    Args:
        name: name of the preset.
        luminosity_fb: integrated luminosity in fb^-1.
        k_factors: factor on the cross section, by sample; 1 for the others.
    """

    name: str
    luminosity_fb: float
    k_factors: Mapping[str, float]


NORMALISATIONS: Mapping[str, Normalisation] = {
    "tutorial": Normalisation("tutorial", 10.0, {}),
    # gg to ZZ is not simulated; the release scales the quark-initiated samples instead
    "release": Normalisation("release", 10.064, {"llll": 1.3, "ZqqZll": 1.3, "llvv": 1.3}),
}


@dataclass(frozen=True)
class Sample:
    """One sample of data or simulation.

    Args:
        name: unique in its table.
        kind: ``data``, ``signal`` or ``background``.
        dsid: dataset number, absent for data.
        xsec_pb: cross section in pb.
        sumw: sum of weights of all generated events.
        red_eff: share of the generated events that the release keeps.
        k_factor: further factor on the cross section.
        label: text for plots; the name when empty.
        colour: colour for plots.
        files: files below the folder of the release.
        size: bytes of the file, if known.

    Raises:
        InvalidModel: if a simulated sample cannot be normalised.
    """

    name: str
    kind: str = "background"
    dsid: int | None = None
    xsec_pb: float = math.nan
    sumw: float = math.nan
    red_eff: float = 1.0
    k_factor: float = 1.0
    label: str = ""
    colour: str = ""
    files: tuple[str, ...] = ()
    size: int | None = None

    def __post_init__(self) -> None:
        check_option(f"sample {self.name!r}: kind", self.kind, KINDS)
        for what in ("xsec_pb", "sumw", "red_eff", "k_factor"):
            value = getattr(self, what)
            if not self.is_data and not (math.isfinite(value) and value > 0):
                raise InvalidModel(f"sample {self.name!r}: {what} is {value}; it must be a positive number")

    @property
    def is_data(self) -> bool:
        """Whether it is collision data."""
        return self.kind == "data"

    @property
    def weight_columns(self) -> frozenset[str]:
        """Columns that the event weight needs; none for data."""
        return frozenset() if self.is_data else frozenset(WEIGHTS)

    def normalisation(self, luminosity_fb: float | int) -> float:
        """Weight of an event of weight 1: L 1000 xsec k / (sumw red_eff); 1 for data.

        Args:
            luminosity_fb: integrated luminosity in fb^-1, positive.

        Raises:
            InvalidData: if the luminosity is not positive.
        """
        if not luminosity_fb > 0:
            raise InvalidData(f"luminosity {luminosity_fb} fb^-1; it must be positive")
        if self.is_data:
            return 1.0
        return luminosity_fb * 1000.0 * self.xsec_pb * self.k_factor / (self.sumw * self.red_eff)

    def weights(self, events: Events, luminosity_fb: float | int) -> Float[np.ndarray, " events"]:
        """Weight of each event; exactly 1 for data, whose weight branches are never read.

        Args:
            events: one batch with ``weight_columns``.
            luminosity_fb: integrated luminosity in fb^-1.
        """
        norm = self.normalisation(luminosity_fb)
        product = np.full(len(events), norm)
        for name in WEIGHTS if not self.is_data else ():
            product *= events[name]
        return product

    def paths(self, folder: str | Path) -> tuple[Path, ...]:
        """Files of the sample in a folder, which may or may not have ``Data`` and ``MC`` inside.

        Args:
            folder: folder of the release.

        Raises:
            InvalidFile: naming the file that is missing, its size and where to get it.
        """
        found = tuple(_located(Path(folder), file) for file in self.files)
        for file, path in zip(self.files, found, strict=True):
            if path is None:
                what = f"{Path(file).name} ({_size(self.size)})"
                raise InvalidFile(f"sample {self.name!r}: {what} is not in {folder}; get {_DOWNLOAD}{file}")
        return tuple(path for path in found if path is not None)


@dataclass(frozen=True)
class SampleTable:
    """Samples by name, in order.

    Args:
        samples: samples with different names.

    Raises:
        InvalidModel: if a name occurs twice.
    """

    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise InvalidModel(f"two samples are named {twice[0]!r}; names must differ, dataset numbers need not")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the samples."""
        return tuple(sample.name for sample in self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Sample:
        if name not in self.names:
            raise UnknownName(f"no sample {name!r} in the table; {near_names(name, self.names)}")
        return self.samples[self.names.index(name)]

    def select(self, names: Sequence[str]) -> "SampleTable":
        """Table of some samples, in the given order.

        Raises:
            UnknownName: for an unknown name.
        """
        return SampleTable(tuple(self[name] for name in names))

    def normalised(self, preset: str) -> "SampleTable":
        """Table with the k-factors of a preset, a key of ``NORMALISATIONS``.

        Raises:
            InvalidOption: for another preset.
        """
        check_option("normalisation", preset, NORMALISATIONS)
        factors = NORMALISATIONS[preset].k_factors
        return SampleTable(tuple(replace(sample, k_factor=factors.get(sample.name, 1.0)) for sample in self))

    def present(self, folder: str | Path, *, allow_missing: bool = False) -> "SampleTable":
        """Table of the samples whose files are in a folder.

        Args:
            folder: folder of the release.
            allow_missing: whether to go on without some of the simulated samples.

        Raises:
            InvalidFile: naming every sample that is missing, with its size.
        """
        missing = [s for s in self if any(_located(Path(folder), file) is None for file in s.files)]
        if missing and not allow_missing:
            names = ", ".join(f"{s.name} ({_size(s.size)})" for s in missing)
            raise InvalidFile(
                f"{folder} lacks {len(missing)} of {len(self)} samples: {names}; get them from {_DOWNLOAD} "
                "or allow missing samples"
            )
        return SampleTable(tuple(sample for sample in self if sample not in missing))

    @classmethod
    def from_json(cls, path: str | Path) -> "SampleTable":
        """Table from a file in the format of the release: name -> {DSID, xsec, sumw, red_eff}.

        Args:
            path: file; further keys kind, k_factor, label, colour, files, size are optional.

        Raises:
            InvalidFile: naming sample and key that are missing or unknown.
        """
        try:
            rows = json.loads(Path(path).read_text(encoding="utf-8"))
        except json.JSONDecodeError as broken:
            raise InvalidFile(f"{path}: no valid JSON: {broken}") from broken
        return cls(tuple(_from_row(name, row, str(path)) for name, row in rows.items()))

    def to_json(self, path: str | Path) -> None:
        """Write the table; :meth:`from_json` reads it back unchanged.

        Args:
            path: file to write.
        """
        rows = {sample.name: _to_row(sample) for sample in self}
        Path(path).write_text(json.dumps(rows, indent=1), encoding="utf-8")


def atlas_2020() -> SampleTable:
    """All samples of the four-lepton study, and the data."""
    return SampleTable((*(_from_figures(row) for row in SAMPLES_2020), _data()))


def tutorial_files() -> SampleTable:
    """The ten simulated samples of the tutorial, and the data."""
    return atlas_2020().select([*_TUTORIAL, "data"])


def _data() -> Sample:
    return Sample("data", "data", label="Data", colour="black", files=(DATA_FILE,))


def data_periods() -> Sample:
    """The same data in four files, one per period; never together with the merged file."""
    return replace(_data(), files=DATA_PERIODS)


def _from_figures(row: SampleFigures) -> Sample:
    return Sample(
        row.name, row.kind, row.dsid, row.xsec_pb, row.sumw, row.red_eff,
        label=row.label, colour=row.colour, files=(row.folder_and_file,), size=row.size,
    )  # fmt: skip


def _located(folder: Path, file: str) -> Path | None:
    places = (folder / file, folder / Path(file).name, *(folder / part / Path(file).name for part in ("Data", "MC")))
    return next((place for place in places if place.is_file()), None)


def _size(size: int | None) -> str:
    return f"{size:,} bytes" if size else "size unknown"


_ROW = {"DSID": "dsid", "xsec": "xsec_pb", "sumw": "sumw", "red_eff": "red_eff"}
_EXTRA = ("kind", "k_factor", "label", "colour", "files", "size")


def _from_row(name: str, row: Mapping[str, Any], path: str) -> Sample:
    extra: dict[str, Any] = {key: row[key] for key in _EXTRA if key in row}
    needed = [] if extra.get("kind") == "data" else list(_ROW)
    lacking = [key for key in needed if key not in row]
    unknown = [key for key in row if key not in (*_ROW, *_EXTRA, "events")]
    if lacking or unknown:
        what = f"lacks {lacking[0]!r}" if lacking else f"has the unknown key {unknown[0]!r}"
        raise InvalidFile(f"{path}: sample {name!r} {what}; expected {', '.join(_ROW)}")
    fields: dict[str, Any] = {field: row[key] for key, field in _ROW.items() if key in row}
    fields |= extra | {"files": tuple(extra.get("files", ()))}
    return Sample(name, **fields)


def _to_row(sample: Sample) -> dict[str, Any]:
    figures = {} if sample.is_data else {key: getattr(sample, field) for key, field in _ROW.items()}
    return figures | {key: getattr(sample, key) for key in _EXTRA}
