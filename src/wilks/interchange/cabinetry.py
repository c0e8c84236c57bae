"""Configurations of cabinetry: from a YAML file and trees of events to template histograms and a workspace."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wilks._base.errors import check_option
from wilks.data.histogram import Histogram

from .cabinetry_parts import Settings, TemplateKey
from .cabinetry_schema import read_settings
from .cabinetry_templates import SOURCES, TemplateFunction, template_histograms
from .cabinetry_workspace import workspace_document
from .histfactory import Workspace


@dataclass(frozen=True, repr=False)
class Configuration:
    """A checked configuration.

    Args:
        settings: its parts.
        file: name for messages.

    >>> configuration = Configuration.read({
    ...     "General": {"Measurement": "fit", "POI": "mu", "InputPath": "{SamplePath}", "HistogramFolder": "h"},
    ...     "Regions": [{"Name": "SR", "Variable": "m", "Binning": [100, 120, 140], "Filter": "(pt > 25) & (n == 4)"}],
    ...     "Samples": [
    ...         {"Name": "Data", "Tree": "events", "SamplePath": "data.root", "Data": True},
    ...         {"Name": "Signal", "Tree": "events", "SamplePath": "signal.root", "Weight": "weight"},
    ...     ],
    ...     "NormFactors": [{"Name": "mu", "Samples": "Signal", "Nominal": 1, "Bounds": [0, 10]}],
    ... })
    >>> configuration.settings.regions[0].filter.columns
    ('pt', 'n')
    """

    settings: Settings
    file: str = "<document>"

    @classmethod
    def read(cls, source: str | os.PathLike[str] | Mapping[str, Any]) -> "Configuration":
        """Read and check a configuration; YAML is read by the safe loader, and expressions run no code.

        Args:
            source: path of a YAML file, or its parsed content.

        Raises:
            InvalidFile: naming file, place in it, value and expectation.
            MissingExtra: if PyYAML is not installed.
        """
        return cls(*read_settings(source))

    def histograms(
        self,
        *,
        source: str = "trees",
        overrides: Mapping[tuple[str, ...], TemplateFunction] | None = None,
    ) -> dict[TemplateKey, Histogram]:
        """Histogram of each region, sample, systematic and template that a fit needs, in this order.

        Each tree is read once, chunk by chunk. Bins are ``[low, high)``, the last one too.

        Args:
            source: ``"trees"``, or ``"histograms"`` if InputPath is ``FILE:NAME`` of histograms in ROOT files.
            overrides: functions that make histograms themselves, by wildcard patterns such as
                ``("SR*", "Signal", "*", "Up")`` of region, sample, systematic and template (``"Nominal"`` for both
                where there is no variation). They get the parts of the configuration, ``(region, sample, systematic
                or None, template)``, and return any histogram that `uhi.read` takes. The first match counts.

        Raises:
            InvalidOption: for an unknown source, or a pattern that has not four parts.
            UnknownName: if a pattern matches no template, or a tree lacks a column.
            InvalidFile: if a setting is missing, or a file cannot be used.
            InvalidData: if a variable or weight is not finite, or a histogram has other bins than its region.
            MissingExtra: if uproot is not installed.
        """
        check_option("source", source, SOURCES)
        return template_histograms(self.settings, source, overrides or {})

    def workspace(self, histograms: Mapping[TemplateKey, Histogram]) -> Workspace:
        """The workspace: channels, free factors, systematics and the measurement.

        Templates are smoothed where the configuration says so. A NormPlusShape becomes a normsys (sum of the varied
        template over the nominal sum) and, with more than one bin, a histosys of shapes with the nominal sum; with
        Symmetrize, factor and shape are mirrored each on its own. Simulated samples get a staterror unless
        DisableStaterror. A value under Fixed counts before a Nominal.

        Args:
            histograms: those of :meth:`histograms`.

        Raises:
            InvalidData: naming a histogram that is missing, or a template that cannot be smoothed (an empty nominal
                bin) or split (a sum that is not above 0).
            InvalidFile: if no fit can come of it, with the place in the workspace.
        """
        return Workspace.read(workspace_document(self.settings, histograms))

    def __repr__(self) -> str:
        settings = self.settings
        systematics = ", ".join(one.name for one in settings.systematics) or "none"
        return "\n".join(
            [
                f"Configuration {self.file}: {settings.general.measurement}",
                f"  regions: {', '.join(region.name for region in settings.regions)}",
                f"  samples: {', '.join(sample.name for sample in settings.samples)}",
                f"  free factors: {', '.join(factor.name for factor in settings.norm_factors)}",
                f"  systematics: {systematics}",
            ]
        )
