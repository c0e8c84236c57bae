"""The parts of a configuration of cabinetry: regions, samples, free factors and systematics, as frozen records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wilks.data.axes import ContinuousAxis
from wilks.data.expressions import Expression

from .strict_json import Place

NOMINAL = "Nominal"
"""Stands for the systematic and the template of a histogram without variation."""

SIDES = ("Up", "Down")
"""The templates of a systematic."""


@dataclass(frozen=True)
class General:
    """Settings of the whole measurement.

    Args:
        measurement: its name.
        input_path: where the inputs are, with ``{RegionPath}``, ``{SamplePath}``, ``{VariationPath}``.
        histogram_folder: where cabinetry keeps histograms; Wilks keeps them in memory.
        poi: parameter of interest, or "".
        fixed: values of parameters that a fit does not change.
        variation_path: what stands for ``{VariationPath}`` where no template says otherwise.
        place: where it stands.
    """

    measurement: str
    input_path: str
    histogram_folder: str
    poi: str
    fixed: Mapping[str, float]
    variation_path: str
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Region:
    """Part of the phase space; a channel of the workspace.

    Args:
        name: its name.
        variable: what is binned.
        axis: its bins.
        filter: which events it has; all when absent.
        region_path: what stands for ``{RegionPath}``.
        place: where it stands.
    """

    name: str
    variable: Expression | None
    axis: ContinuousAxis | None
    filter: Expression | None
    region_path: str | None
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Sample:
    """A simulated process, or the data.

    Args:
        name: its name.
        tree: tree in its files.
        filter: which of its events count, instead of the filter of the region.
        weight: weight of its events; 1 when absent.
        sample_path: what stands for ``{SamplePath}``, one or several.
        data: whether it is observed.
        disable_staterror: whether the simulation is taken as exact.
        regions: where it contributes.
        place: where it stands.
    """

    name: str
    tree: str | None
    filter: Expression | None
    weight: Expression | None
    sample_path: tuple[str, ...] | None
    data: bool
    disable_staterror: bool
    regions: tuple[str, ...]
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class NormFactor:
    """A free factor on samples.

    Args:
        name: of the parameter.
        samples: where it acts.
        regions: where it acts.
        nominal: start; that of the format when absent.
        bounds: lower and upper; those of the format when absent.
        place: where it stands.
    """

    name: str
    samples: tuple[str, ...]
    regions: tuple[str, ...]
    nominal: float | None
    bounds: tuple[float, float] | None
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Template:
    """One side of a systematic: what differs from the nominal settings.

    Args:
        tree: another tree.
        weight: another weight.
        variable: another variable.
        filter: another filter.
        region_path: other paths.
        sample_path: other paths.
        variation_path: other paths.
        normalization: relative change of the yield.
        symmetrize: whether it is the mirror image of the other side.
        place: where it stands.
    """

    tree: str | None
    weight: Expression | None
    variable: Expression | None
    filter: Expression | None
    region_path: str | None
    sample_path: tuple[str, ...] | None
    variation_path: str | None
    normalization: float | None
    symmetrize: bool
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Smoothing:
    """Where the templates of a systematic are smoothed.

    Args:
        algorithm: ``"353QH, twice"``.
        samples: where it acts.
        regions: where it acts.
    """

    algorithm: str
    samples: tuple[str, ...]
    regions: tuple[str, ...]


@dataclass(frozen=True)
class Systematic:
    """A systematic uncertainty.

    Args:
        name: its name.
        kind: ``"Normalization"`` or ``"NormPlusShape"``.
        up: one standard deviation up.
        down: one standard deviation down.
        samples: where it acts.
        regions: where it acts.
        smoothing: of its templates.
        parameter: name of the parameter.
        place: where it stands.
    """

    name: str
    kind: str
    up: Template
    down: Template
    samples: tuple[str, ...]
    regions: tuple[str, ...]
    smoothing: Smoothing | None
    parameter: str
    place: Place = field(repr=False, compare=False)

    def side(self, template: str) -> Template:
        """One of its templates, ``"Up"`` or ``"Down"``."""
        return self.up if template == "Up" else self.down


@dataclass(frozen=True)
class Settings:
    """All parts of a configuration, checked.

    Args:
        general: settings of the whole.
        regions: at least one.
        samples: one of them the data.
        norm_factors: free factors.
        systematics: constrained variations.
    """

    general: General
    regions: tuple[Region, ...]
    samples: tuple[Sample, ...]
    norm_factors: tuple[NormFactor, ...]
    systematics: tuple[Systematic, ...]

    @property
    def data(self) -> Sample:
        """The observed sample."""
        return next(sample for sample in self.samples if sample.data)

    @property
    def simulated(self) -> tuple[Sample, ...]:
        """All other samples."""
        return tuple(sample for sample in self.samples if not sample.data)

    def acting(self, region: Region, sample: Sample) -> tuple[Systematic, ...]:
        """Systematics that act on a sample in a region."""
        return tuple(one for one in self.systematics if region.name in one.regions and sample.name in one.samples)


class TemplateKey(NamedTuple):
    """Which template histogram.

    Args:
        region: name of the region.
        sample: name of the sample.
        systematic: name of the systematic; ``"Nominal"`` without variation.
        template: ``"Up"`` or ``"Down"``; ``"Nominal"`` without variation.
    """

    region: str
    sample: str
    systematic: str = NOMINAL
    template: str = NOMINAL

    def __str__(self) -> str:
        varied = f", systematic {self.systematic!r} {self.template}" if self.systematic != NOMINAL else ""
        return f"region {self.region!r}, sample {self.sample!r}{varied}"


@dataclass(frozen=True)
class Request:
    """One template histogram that a fit needs, with the settings that lead to it.

    Args:
        region: where.
        sample: of what.
        systematic: which variation; ``None`` without one.
        template: ``"Up"``, ``"Down"``, or ``"Nominal"``.
    """

    region: Region
    sample: Sample
    systematic: Systematic | None = None
    template: str = NOMINAL

    @property
    def key(self) -> TemplateKey:
        """Its names."""
        name = NOMINAL if self.systematic is None else self.systematic.name
        return TemplateKey(self.region.name, self.sample.name, name, self.template)

    def setting(self, name: str) -> Any:
        """What holds for it: the setting of the varied template, else of the sample, else of the region, or ``None``.

        Args:
            name: field of :class:`Template`, :class:`Sample` or :class:`Region`.
        """
        varied = None if self.systematic is None else self.systematic.side(self.template)
        settings = (getattr(part, name, None) for part in (varied, self.sample, self.region))
        return next((setting for setting in settings if setting is not None), None)


def requests(settings: Settings) -> list[Request]:
    """All template histograms that a fit needs, region by region and sample by sample.

    Args:
        settings: a configuration.
    """
    wanted: list[Request] = []
    for region in settings.regions:
        for sample in settings.samples:
            if region.name not in sample.regions:
                continue
            wanted.append(Request(region, sample))
            for systematic in settings.acting(region, sample):
                sides = ("Up",) if systematic.down.symmetrize else SIDES
                if systematic.kind == "NormPlusShape":
                    wanted.extend(Request(region, sample, systematic, side) for side in sides)
    return wanted
