"""HistFactory workspaces in pyhf's JSON (schema 1.0.0): read, fit, edit, write."""

import dataclasses
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import UnknownName, check_option, near_names
from wilks.likelihood.binned import CountsData
from wilks.likelihood.constraints import Constraints
from wilks.likelihood.counts import PoissonCounts
from wilks.model.predictor import AbstractTemplatePredictor
from wilks.model.template_model import TemplatePredictor

from .histfactory_export import export_likelihood, export_predictor
from .histfactory_model import STATISTICS, build_predictor
from .jsonpatch import patched
from .pyhf_conventions import PyhfOrder, pyhf_constant, pyhf_order
from .strict_json import SIZE_LIMIT_MB, JsonSource, Place, json_digest, read_json, write_json
from .workspace_edits import combine_workspaces, prune_workspace, rename_workspace, sort_workspace
from .workspace_schema import check_workspace, collect_uses


@dataclasses.dataclass(frozen=True, repr=False)
class Workspace:
    """A checked workspace: channels of samples with modifiers, observations, and measurements.

    Args:
        document: the parsed JSON, as it was read; do not change it, every operation returns a new workspace.
        file: name for messages.
        notices: what is allowed but probably not meant.

    >>> signal = {"name": "mu", "type": "normfactor", "data": None}
    >>> workspace = Workspace.read({
    ...     "channels": [{"name": "SR", "samples": [{"name": "s", "data": [5.0], "modifiers": [signal]}]}],
    ...     "observations": [{"name": "SR", "data": [7]}],
    ...     "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    ...     "version": "1.0.0",
    ... })
    >>> likelihood, data = workspace.likelihood(), workspace.data()
    >>> round(float(likelihood.excess({"mu": 1.4}, data)), 12)
    0.0
    """

    document: dict[str, Any]
    file: str = "<document>"
    notices: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        source: JsonSource,
        *,
        patch: JsonSource | None = None,
        patch_name: str | None = None,
        size_limit_mb: float = SIZE_LIMIT_MB,
    ) -> "Workspace":
        """Read and check a workspace.

        Args:
            source: path, open file, or parsed document.
            patch: RFC 6902 patch or pyhf patch set to apply before the checks; a background-only workspace whose
                parameter of interest comes with its signal patches is read this way.
            patch_name: which patch of a set.
            size_limit_mb: largest accepted file in 10^6 bytes.

        Raises:
            InvalidFile: naming file, JSON path, value and expectation.
            UnknownName: for a patch that the set does not hold.
        """
        document, root = read_json(source, size_limit_mb=size_limit_mb)
        if patch is not None:
            document = patched(document, patch, patch_name)
        return cls._checked(document, root.file)

    @classmethod
    def _checked(cls, document: dict[str, Any], file: str) -> "Workspace":
        return cls(document, file, check_workspace(document, Place(file)))

    @classmethod
    def from_predictor(
        cls, predictor: AbstractTemplatePredictor, data: Any, *, poi: str = "", measurement: str = "measurement"
    ) -> "Workspace":
        """Write a template model with its data as a workspace; variances of samples become a staterror per channel.

        Args:
            predictor: a `TemplatePredictor` or `LinearTemplates`.
            data: observed counts as `PoissonCounts.prepare` takes them.
            poi: the parameter of interest, or "".
            measurement: name of the measurement that holds starts, bounds and constraints.

        Raises:
            InvalidModel: naming what the format cannot express.
        """
        return cls._checked(export_predictor(predictor, data, poi=poi, measurement=measurement), "<export>")

    @classmethod
    def from_likelihood(
        cls, likelihood: Any, data: Any, *, poi: str = "", measurement: str = "measurement"
    ) -> "Workspace":
        """Write a likelihood of counts with its data as a workspace; see `from_predictor`.

        Raises:
            InvalidModel: naming what the format cannot express (other costs, other treatments of simulation).
        """
        return cls._checked(export_likelihood(likelihood, data, poi=poi, measurement=measurement), "<export>")

    # What it means ------------------------------------------------------------------------------------------------

    @property
    def measurements(self) -> tuple[str, ...]:
        """Names of the measurements."""
        return tuple(measurement["name"] for measurement in self.document["measurements"])

    @property
    def channels(self) -> tuple[tuple[str, int], ...]:
        """Channels in order, each with its number of bins."""
        return tuple((c["name"], len(c["samples"][0]["data"])) for c in self.document["channels"])

    def poi(self, measurement: str | None = None) -> str | None:
        """Name of the parameter of interest, None if the measurement names none.

        Args:
            measurement: name of a measurement; None is the first.
        """
        name = self._measurement(measurement)["config"]["poi"]
        uses = collect_uses(self.document, Place(self.file))
        return uses[name].names(name)[0] if name in uses else name or None

    def predictor(
        self,
        measurement: str | None = None,
        codes: Mapping[str, str] | None = None,
        *,
        statistics: str = "explicit",
    ) -> TemplatePredictor:
        """The template model.

        Args:
            measurement: whose settings to use; None is the first.
            codes: interpolation codes, by default ``{"normsys": "4", "histosys": "4p"}``.
            statistics: staterrors as ``"explicit"`` parameters, or ``"profiled"`` in closed form.

        Raises:
            UnknownName: for a measurement that does not exist.
            InvalidOption: for unknown codes or statistics.
            InvalidModel: if staterrors cannot be profiled in closed form.
        """
        check_option("statistics", statistics, STATISTICS)
        return build_predictor(self.document, self._measurement(measurement), codes=codes, statistics=statistics)

    def likelihood(
        self,
        measurement: str | None = None,
        codes: Mapping[str, str] | None = None,
        *,
        statistics: str = "explicit",
    ) -> PoissonCounts:
        """The likelihood of the counts with all constraint terms; arguments as for `predictor`."""
        predictor = self.predictor(measurement, codes, statistics=statistics)
        return PoissonCounts(predictor, template_statistics="conway" if statistics == "profiled" else None)

    def data(self, measurement: str | None = None, *, statistics: str = "explicit") -> CountsData:
        """Observed counts and auxiliary data in the likelihood's order; arguments as for `predictor`."""
        predictor = self.predictor(measurement, statistics=statistics)
        observed = {entry["name"]: entry["data"] for entry in self.document["observations"]}
        counts = np.concatenate([np.array(observed[name], dtype=float) for name, _ in self.channels])
        auxiliary = Constraints.of(predictor.auxiliary, predictor.space).observed
        return CountsData(counts, auxiliary, np.ones(len(counts) if statistics == "profiled" else 0))

    def _measurement(self, name: str | None) -> dict[str, Any]:
        if name is None:
            return self.document["measurements"][0]
        if name not in self.measurements:
            raise UnknownName(f"{self.file}: no measurement {name!r}; {near_names(name, self.measurements)}")
        return self.document["measurements"][self.measurements.index(name)]

    # Comparison with pyhf -----------------------------------------------------------------------------------------

    def pyhf_order(self) -> PyhfOrder:
        """Permutations of parameters and bins into pyhf's order."""
        return pyhf_order(self.document)

    def pyhf_constant(self, measurement: str | None = None) -> float:
        """pyhf's ``logpdf`` minus ``log_prob``: terms that pyhf keeps for bins it fixes by itself."""
        return pyhf_constant(self.document, self._measurement(measurement))

    # The document -------------------------------------------------------------------------------------------------

    def digest(self) -> str:
        """SHA-256 of the content; formatting and the order of keys do not enter."""
        return json_digest(self.document)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the document; its digest stays the same."""
        return write_json(self.document, path)

    def patch(self, source: JsonSource, name: str | None = None) -> "Workspace":
        """Apply an RFC 6902 patch, or one patch of a pyhf patch set after its digests were verified.

        Raises:
            InvalidFile: if the patch is malformed, does not fit, or was made for another workspace.
            UnknownName: for a patch that the set does not hold.
        """
        return self._checked(patched(self.document, source, name), self.file)

    def prune(
        self,
        *,
        channels: Collection[str] = (),
        samples: Collection[str] = (),
        modifiers: Collection[str] = (),
        modifier_types: Collection[str] = (),
        measurements: Collection[str] = (),
    ) -> "Workspace":
        """Leave out parts by name."""
        document = prune_workspace(
            self.document,
            channels=channels,
            samples=samples,
            modifiers=modifiers,
            modifier_types=modifier_types,
            measurements=measurements,
        )
        return self._checked(document, self.file)

    def rename(
        self,
        *,
        channels: Mapping[str, str] | None = None,
        samples: Mapping[str, str] | None = None,
        modifiers: Mapping[str, str] | None = None,
        measurements: Mapping[str, str] | None = None,
    ) -> "Workspace":
        """Give parts new names."""
        document = rename_workspace(
            self.document, channels=channels, samples=samples, modifiers=modifiers, measurements=measurements
        )
        return self._checked(document, self.file)

    def combine(self, other: "Workspace", *, join: str = "none") -> "Workspace":
        """Put two workspaces together; ``join`` is ``"none"``, ``"outer"``, ``"left outer"`` or ``"right outer"``."""
        document = combine_workspaces(self.document, other.document, join=join)
        return self._checked(document, f"{self.file} + {other.file}")

    def sorted(self) -> "Workspace":
        """All parts in alphabetical order."""
        return self._checked(sort_workspace(self.document), self.file)

    def __repr__(self) -> str:
        channels = ", ".join(f"{name} ({bins} bins)" for name, bins in self.channels)
        lines = [f"Workspace {self.file}", f"  channels: {channels}", f"  measurements: {', '.join(self.measurements)}"]
        return "\n".join([*lines, *(f"  notice: {notice}" for notice in self.notices)])
