"""From a checked workspace document to the template model that it means."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from wilks._base.errors import InvalidModel
from wilks.model.modifiers import (
    Channel,
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
    TemplateSample,
)
from wilks.model.nuisances import collect_nuisances
from wilks.model.predictor import Auxiliary
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter

from .measurement_schema import ParameterUse, ranges
from .strict_json import Place
from .workspace_schema import collect_uses

STATISTICS = ("explicit", "profiled")
"""Staterror as one parameter per bin, or in the closed form that costs no parameter."""


def build_predictor(
    document: Mapping[str, Any],
    measurement: Mapping[str, Any],
    *,
    codes: Mapping[str, str] | None = None,
    statistics: str = "explicit",
) -> TemplatePredictor:
    """The model of a checked workspace with the settings of one measurement.

    Args:
        document: a checked workspace.
        measurement: one of its measurements.
        codes: interpolation codes as `TemplatePredictor.from_channels` takes them.
        statistics: one of `STATISTICS`.

    Raises:
        InvalidModel: if staterrors cannot be profiled in closed form.
    """
    uses = collect_uses(document, Place("<workspace>"))
    channels = read_channels(document)
    settings = {entry["name"]: entry for entry in measurement["config"]["parameters"] if entry["name"] in uses}
    if statistics == "profiled":
        channels = tuple(_with_variances(channel) for channel in channels)
        _refuse_settings_of_staterrors(settings, uses)
        uses = {name: use for name, use in uses.items() if use.kind != "staterror"}
    luminosity = {
        name: Auxiliary(name, "gaussian", settings[name]["sigmas"][0], settings[name]["auxdata"][0])
        for name, use in uses.items()
        if use.kind == "lumi"
    }
    defaults = {n.parameter.name: n.measurement for n in collect_nuisances(channels, {}, luminosity)}
    parameters: dict[str, Parameter] = {}
    auxiliary = dict(luminosity)
    for name, setting in settings.items():
        for i, parameter in enumerate(_parameters(name, setting, uses[name])):
            parameters[parameter.name] = parameter
            if (default := defaults[parameter.name]) is not None:
                auxiliary[parameter.name] = _measurement(default, setting, i)
    return TemplatePredictor.from_channels(channels, parameters=parameters, auxiliary=auxiliary, codes=codes)


def read_channels(document: Mapping[str, Any]) -> tuple[Channel, ...]:
    """The channels of a checked workspace, in its order."""
    return tuple(
        Channel(
            channel["name"],
            [
                TemplateSample(s["name"], s["data"], modifiers=[_read_modifier(m) for m in s["modifiers"]])
                for s in channel["samples"]
            ],
        )
        for channel in document["channels"]
    )


def _read_modifier(entry: Mapping[str, Any]) -> Modifier:
    name, data = entry["name"], entry["data"]
    match entry["type"]:
        case "normfactor":
            return NormFactor(name)
        case "normsys":
            return NormSys(name, hi=float(data["hi"]), lo=float(data["lo"]))
        case "histosys":
            return HistoSys(name, hi=data["hi_data"], lo=data["lo_data"])
        case "lumi":
            return Lumi(name)
        case "shapefactor":
            return ShapeFactor(name)
        case "shapesys":
            return ShapeSys(name, data)
    return StatError(name, data)


def _parameters(name: str, setting: Mapping[str, Any], use: ParameterUse) -> Iterator[Parameter]:
    for parameter, (start, lower, upper) in zip(use.names(name), ranges(setting, use), strict=True):
        yield Parameter(parameter, start, lower=lower, upper=upper, fixed=setting.get("fixed", False))


def _measurement(default: Auxiliary, setting: Mapping[str, Any], index: int) -> Auxiliary:
    """A constraint with the auxiliary datum and the width (sigma or tau) that the measurement sets."""
    width = setting.get("sigmas" if default.kind == "gaussian" else "factors")
    observed = setting.get("auxdata")
    return dataclasses.replace(
        default,
        width=default.width if width is None else float(width[index]),
        observed=default.observed if observed is None else float(observed[index]),
    )


def _with_variances(channel: Channel) -> Channel:
    """A channel whose staterrors have become variances of its samples."""
    names = {m.name for sample in channel.samples for m in sample.modifiers if isinstance(m, StatError)}
    if len(names) > 1:
        raise InvalidModel(
            f"channel {channel.name!r} has the staterrors {', '.join(map(repr, sorted(names)))}; only one per channel "
            "can be profiled in closed form, use statistics='explicit'"
        )
    samples = []
    for sample in channel.samples:
        errors = [m for m in sample.modifiers if isinstance(m, StatError)]
        variances = errors[0].sigma ** 2 if errors else None
        others = [m for m in sample.modifiers if not isinstance(m, StatError)]
        samples.append(TemplateSample(sample.name, sample.values, variances, others))
    return Channel(channel.name, samples)


def _refuse_settings_of_staterrors(settings: dict[str, Any], uses: Mapping[str, ParameterUse]) -> None:
    for name in settings:
        if uses[name].kind == "staterror":
            raise InvalidModel(
                f"the measurement sets staterror {name!r}, which has no parameters when profiled in closed form; "
                "use statistics='explicit'"
            )
