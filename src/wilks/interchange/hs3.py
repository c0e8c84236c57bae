"""HS3 documents (HEP Statistics Serialization Standard) of template models: read, build the likelihood, write.

Read are ``histfactory_dist``, ``gaussian_dist``, ``poisson_dist`` and ``product_dist``, with data that are binned or
single numbers; anything else is refused by name. Modifiers mean what they mean to ROOT
(`wilks.interchange.hs3_modifiers`).
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import InvalidFile, InvalidModel, UnknownName, near_names
from wilks.likelihood.binned import CountsData
from wilks.likelihood.constraints import Constraints
from wilks.likelihood.counts import PoissonCounts
from wilks.model.template_model import TemplatePredictor

from .histfactory import Workspace
from .hs3_export import export_hs3
from .hs3_fields import is_hs3, read_tables, referenced
from .hs3_model import Hs3Model, read_model
from .jsonpatch import patched
from .strict_json import SIZE_LIMIT_MB, JsonSource, Place, json_digest, read_json, write_json
from .workspace_schema import check_workspace


@dataclasses.dataclass(frozen=True, repr=False)
class Hs3Workspace:
    """A checked HS3 document; each of its analyses, or of its likelihoods if it has no analyses, is a measurement.

    Parameters keep their names, except those of single bins: ``gamma_stat_SR_bin_0`` becomes ``gamma_stat_SR[0]``.
    Explicit constraints, named by a modifier or in ``aux_distributions``, take the place of those that modifiers imply.

    Args:
        document: the parsed JSON, as it was read.
        models: what each measurement means.
        file: name for messages.
        notices: what is allowed but probably not meant.

    >>> mu = {"type": "normfactor", "parameter": "mu"}
    >>> axes = [{"name": "x", "min": 0.0, "max": 1.0, "nbins": 1}]
    >>> workspace = Hs3Workspace.read({
    ...     "metadata": {"hs3_version": "0.2"},
    ...     "distributions": [{"name": "SR", "type": "histfactory_dist", "axes": axes, "samples": [
    ...         {"name": "s", "data": {"contents": [5.0]}, "modifiers": [mu]}]}],
    ...     "data": [{"name": "observed", "type": "binned", "axes": axes, "contents": [7.0]}],
    ...     "likelihoods": [{"name": "main", "distributions": ["SR"], "data": ["observed"]}],
    ... })
    >>> round(float(workspace.likelihood().excess({"mu": 1.4}, workspace.data())), 12)
    0.0
    """

    document: dict[str, Any]
    models: dict[str, Hs3Model]
    file: str = "<document>"
    notices: tuple[str, ...] = ()

    @classmethod
    def read(cls, source: JsonSource, *, size_limit_mb: float = SIZE_LIMIT_MB) -> "Hs3Workspace":
        """Read and check a document with all its measurements.

        Args:
            source: path, open file, or parsed document.
            size_limit_mb: largest accepted file in 10^6 bytes.

        Raises:
            InvalidFile: naming file, JSON path, value and expectation.
        """
        document, root = read_json(source, size_limit_mb=size_limit_mb)
        return _checked(document, root)

    @classmethod
    def from_likelihood(
        cls, likelihood: Any, data: Any, *, poi: str = "", measurement: str = "measurement"
    ) -> "Hs3Workspace":
        """Write a likelihood of template counts with its data; finite simulation in closed form becomes a staterror.

        Read again it is the same likelihood, apart from the staterrors that stand for a closed form. A workspace of
        pyhf becomes HS3 by ``from_likelihood(workspace.likelihood(), workspace.data())``.

        Args:
            likelihood: a `PoissonCounts` of a `TemplatePredictor` or `LinearTemplates`.
            data: observed counts as `PoissonCounts.prepare` takes them.
            poi: the parameter of interest, or "".
            measurement: name of the analysis.

        Raises:
            InvalidModel: naming what cannot be written.
        """
        document = export_hs3(likelihood, data, poi=poi, measurement=measurement)
        return _checked(document, Place("<export>"))

    @property
    def measurements(self) -> tuple[str, ...]:
        """Names of the measurements."""
        return tuple(self.models)

    @property
    def channels(self) -> tuple[tuple[str, int], ...]:
        """Channels of the first measurement in order, each with its number of bins."""
        return tuple((channel.name, channel.bins) for channel in self._model(None).channels)

    def poi(self, measurement: str | None = None) -> str | None:
        """Name of the parameter of interest, None if there is none.

        Args:
            measurement: name of a measurement; None is the first.
        """
        return self._model(measurement).poi

    def predictor(self, measurement: str | None = None, codes: Mapping[str, str] | None = None) -> TemplatePredictor:
        """The template model.

        Args:
            measurement: name of a measurement; None is the first.
            codes: interpolation codes, by default ``{"normsys": "4", "histosys": "4p"}``, which is code 4 of ROOT.

        Raises:
            UnknownName: for a measurement that does not exist.
            InvalidOption: for unknown codes.
        """
        model = self._model(measurement)
        return TemplatePredictor.from_channels(
            model.channels, parameters=model.parameters, auxiliary=model.auxiliary, codes=codes
        )

    def likelihood(self, measurement: str | None = None, codes: Mapping[str, str] | None = None) -> PoissonCounts:
        """The likelihood of the counts with all constraint terms; arguments as for `predictor`."""
        return PoissonCounts(self.predictor(measurement, codes))

    def data(self, measurement: str | None = None) -> CountsData:
        """Observed counts and auxiliary data in the likelihood's order."""
        predictor = self.predictor(measurement)
        auxiliary = Constraints.of(predictor.auxiliary, predictor.space).observed
        return CountsData(np.array(self._model(measurement).counts), auxiliary, np.ones(0))

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the document; its digest stays the same."""
        return write_json(self.document, path)

    def digest(self) -> str:
        """SHA-256 of the content; formatting and the order of keys do not enter."""
        return json_digest(self.document)

    def _model(self, name: str | None) -> Hs3Model:
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise UnknownName(f"{self.file}: no measurement {name!r}; {near_names(name, self.measurements)}")
        return self.models[name]

    def __repr__(self) -> str:
        channels = ", ".join(f"{name} ({bins} bins)" for name, bins in self.channels)
        lines = [f"Hs3Workspace {self.file}", f"  channels: {channels}"]
        lines.append(f"  measurements: {', '.join(self.measurements)}")
        return "\n".join([*lines, *(f"  notice: {notice}" for notice in self.notices)])


def open_workspace(
    source: JsonSource, *, patch: JsonSource | None = None, patch_name: str | None = None
) -> Workspace | Hs3Workspace:
    """A workspace of pyhf or an HS3 document, told apart by their content.

    Args:
        source: path, open file, or parsed document.
        patch: RFC 6902 patch or pyhf patch set to apply before the checks.
        patch_name: which patch of a set.

    Raises:
        InvalidFile: naming file, JSON path, value and expectation.
        UnknownName: for a patch that the set does not hold.
    """
    document, root = read_json(source)
    if patch is not None:
        document = patched(document, patch, patch_name)
    if is_hs3(document):
        return _checked(document, root)
    return Workspace(document, root.file, check_workspace(document, Place(root.file)))


def _checked(document: Any, root: Place) -> Hs3Workspace:
    tables = read_tables(document, root)
    models: dict[str, Hs3Model] = {}
    asked = {
        name: (referenced(tables.likelihoods, entry["likelihood"], place / "likelihood", "likelihood"), (entry, place))
        for name, (entry, place) in tables.analyses.items()
    } or {name: (likelihood, None) for name, likelihood in tables.likelihoods.items()}
    for name, (likelihood, analysis) in asked.items():
        try:
            models[name] = read_model(tables, likelihood, analysis)
            TemplatePredictor.from_channels(
                models[name].channels, parameters=models[name].parameters, auxiliary=models[name].auxiliary
            )
        except InvalidModel as error:
            raise InvalidFile(f"{likelihood[1]}: {error}") from error
    notices = [notice for model in models.values() for notice in model.notices]
    if len(models) > 1:
        notices.append(f"{root.file}: {len(models)} measurements; the first, {next(iter(models))!r}, is used")
    return Hs3Workspace(document, models, root.file, tuple(dict.fromkeys(notices)))
