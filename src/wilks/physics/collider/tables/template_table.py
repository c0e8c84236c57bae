"""A typed table of binned data and simulation, with where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks.data.axes import Regular
from wilks.data.histogram import Histogram

ATLAS_OPEN_DATA = (
    "ATLAS Collaboration, 13 TeV samples of the 2020 open data release, ATL-OREACH-PUB-2020-001, "
    "CERN Open Data record 15005"
)
CMS_OPEN_DATA = (
    "N. Z. Jomhari, A. Geiser, A. A. Bin Anuar, Higgs-to-four-lepton analysis example using 2011-2012 data, "
    "CERN Open Data (2017), DOI 10.7483/OPENDATA.CMS.JKB8.RR42; CMS Collaboration, Phys. Lett. B 716 (2012) 30"
)


@dataclass(frozen=True)
class TemplateTable:
    """Observed counts and expected events per bin and sample, to nine significant digits.

    Args:
        axis: axis of all histograms.
        luminosity_fb: integrated luminosity to which the samples are normalised, in fb^-1.
        citation: publication of the data.
        source: what exactly was tabulated.
        counts: observed events per bin.
        samples: (expected events, their variances from the finite simulation) per bin, by sample name.

    Raises:
        InvalidData: if a column has not one number per bin.
    """

    axis: Regular
    luminosity_fb: float
    citation: str
    source: str
    counts: tuple[int, ...]
    samples: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]

    def __post_init__(self) -> None:
        columns = {"counts": (self.counts,), **self.samples}
        for name, rows in columns.items():
            if any(len(row) != len(self.axis) for row in rows):
                raise InvalidData(f"table {self.source!r}: column {name!r} has not {len(self.axis)} numbers")

    @property
    def data(self) -> Histogram:
        """Observed events."""
        return Histogram.from_counts(self.axis, self.counts, label="data")

    @property
    def histograms(self) -> dict[str, Histogram]:
        """Expected events with variances, by sample name."""
        return {name: self.histogram(name) for name in self.samples}

    def histogram(self, name: str) -> Histogram:
        """Expected events of one sample.

        Args:
            name: name of the sample.

        Raises:
            UnknownName: if the table has no such sample.
        """
        if name not in self.samples:
            raise UnknownName(f"table {self.source!r} has no sample {name!r}; {near_names(name, self.samples)}")
        values, variances = self.samples[name]
        return Histogram.from_weights(self.axis, values, variances, label=name)
