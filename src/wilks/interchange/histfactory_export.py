"""From a template model to the workspace document that means the same."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from wilks._base.errors import InvalidModel
from wilks.likelihood.counts import PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import (
    MODIFIER_KINDS,
    Channel,
    HistoSys,
    Modifier,
    NormFactor,
    NormSys,
    ShapeSys,
    StatError,
    TemplateSample,
)
from wilks.model.nuisances import collect_nuisances
from wilks.model.predictor import AbstractPredictor, Auxiliary
from wilks.model.template_model import DEFAULT_CODES, TemplatePredictor
from wilks.parameters.parameter import Parameter

from .measurement_schema import ParameterUse, ranges
from .strict_json import Place
from .workspace_schema import VERSION, collect_uses


def export_likelihood(likelihood: Any, data: Any, *, poi: str, measurement: str) -> dict[str, Any]:
    """Workspace of a Poisson likelihood.

    Raises:
        InvalidModel: naming what the format cannot express.
    """
    if not isinstance(likelihood, PoissonCounts):
        raise InvalidModel(f"a workspace is a Poisson likelihood; {type(likelihood).__name__} cannot be written as one")
    check_statistics(likelihood)
    staterrors = likelihood.statistics is not None
    return _export(writable(likelihood.predictor), likelihood, data, poi, measurement, staterrors=staterrors)


def check_statistics(likelihood: PoissonCounts) -> None:
    """Refuse treatments of finite simulation that no staterror expresses.

    Raises:
        InvalidModel: naming the treatment.
    """
    statistics = likelihood.statistics
    if statistics is not None and (statistics.model, statistics.errors) != ("conway", "nominal"):
        raise InvalidModel(
            f"template statistics {statistics.model!r} with {statistics.errors} errors cannot be written as a "
            "staterror; use 'conway' with nominal errors"
        )


def export_predictor(predictor: AbstractPredictor, data: Any, *, poi: str, measurement: str) -> dict[str, Any]:
    """Workspace of a template model; variances become staterrors.

    Raises:
        InvalidModel: naming what the format cannot express.
    """
    return _export(writable(predictor), PoissonCounts(predictor), data, poi, measurement, staterrors=True)


Writable: TypeAlias = TemplatePredictor | LinearTemplates


def writable(predictor: AbstractPredictor) -> Writable:
    """The predictor, if it is one of templates.

    Raises:
        InvalidModel: otherwise.
    """
    if isinstance(predictor, TemplatePredictor | LinearTemplates):
        return predictor
    raise InvalidModel(
        f"{type(predictor).__name__} cannot be written as a workspace; use a TemplatePredictor or LinearTemplates"
    )


def _export(
    predictor: Writable, likelihood: PoissonCounts, data: Any, poi: str, measurement: str, *, staterrors: bool
) -> dict[str, Any]:
    channels = channels_of(predictor)
    prepared = likelihood.prepare(data)
    observed = dict(zip(likelihood.constraints.parameters, np.asarray(prepared.auxiliary).tolist(), strict=True))
    document: dict[str, Any] = {
        "channels": [_channel_entry(channel, staterrors=staterrors) for channel in channels],
        "observations": _observations(channels, np.asarray(prepared.counts)),
        "measurements": [{"name": measurement, "config": {"poi": poi, "parameters": []}}],
        "version": VERSION,
    }
    terms = {t.parameter: t for t in predictor.auxiliary}
    uses = collect_uses(document, Place("<export>"))
    parameters = {p.name: p for p in predictor.space.parameters}
    luminosity = {name: terms[name] for name, use in uses.items() if use.kind == "lumi"}
    defaults = {n.parameter.name: n.measurement for n in collect_nuisances(channels, {}, luminosity)}
    settings = document["measurements"][0]["config"]["parameters"]
    for name, use in uses.items():
        setting = _setting(use, use.names(name), parameters, defaults, terms, observed)
        if setting:
            settings.append({"name": name, **setting})
    return document


def channels_of(predictor: Writable) -> tuple[Channel, ...]:
    """Channels of a model that formats of HistFactory can hold.

    Raises:
        InvalidModel: for interpolation codes that they cannot express.
    """
    if isinstance(predictor, LinearTemplates):
        return _linear_channels(predictor)
    for kind, code in predictor.codes.items():
        if code != DEFAULT_CODES[kind]:
            raise InvalidModel(f"{kind} code {code} cannot be written: a workspace means code {DEFAULT_CODES[kind]}")
    return predictor.channels


def _linear_channels(predictor: LinearTemplates) -> tuple[Channel, ...]:
    channels, start = [], 0
    for channel, bins in predictor.bin_names:
        rows = slice(start, start + bins)
        start += bins
        samples = []
        for i, name in enumerate(predictor.space.names):
            simulated = bool(np.any(predictor.variances[:, i] > 0))
            variances = predictor.variances[rows, i] if simulated else None
            samples.append(TemplateSample(name, predictor.templates[rows, i], variances, [NormFactor(name)]))
        channels.append(Channel(channel, samples))
    return tuple(channels)


def _observations(channels: tuple[Channel, ...], counts: np.ndarray) -> list[dict[str, Any]]:
    stops = np.cumsum([channel.bins for channel in channels])
    pieces = np.split(counts, stops[:-1])
    return [{"name": channel.name, "data": piece.tolist()} for channel, piece in zip(channels, pieces, strict=True)]


def _channel_entry(channel: Channel, *, staterrors: bool) -> dict[str, Any]:
    samples = []
    for sample in channel.samples:
        place = f"channel {channel.name!r}, sample {sample.name!r}"
        modifiers = [_modifier_entry(modifier, place) for modifier in sample.modifiers]
        if staterrors and sample.variances is not None:
            sigma = np.sqrt(sample.variances).tolist()
            modifiers.append({"name": f"staterror_{channel.name}", "type": "staterror", "data": sigma})
        samples.append({"name": sample.name, "data": sample.values.tolist(), "modifiers": modifiers})
    return {"name": channel.name, "samples": samples}


def _modifier_entry(modifier: Modifier, place: str) -> dict[str, Any]:
    data: Any = None
    match modifier:
        case NormSys(hi=hi, lo=lo):
            data = {"hi": float(hi), "lo": float(lo)}
        case HistoSys(hi=hi, lo=lo):
            data = {"hi_data": hi.tolist(), "lo_data": lo.tolist()}
        case StatError(constraint="poisson"):
            raise InvalidModel(f"{place}: staterror {modifier.name!r} with a Poisson constraint cannot be written")
        case ShapeSys(sigma=sigma) | StatError(sigma=sigma):
            data = sigma.tolist()
    return {"name": modifier.name, "type": MODIFIER_KINDS[type(modifier)], "data": data}


def _setting(
    use: ParameterUse,
    names: tuple[str, ...],
    parameters: Mapping[str, Parameter],
    defaults: Mapping[str, Auxiliary | None],
    terms: Mapping[str, Auxiliary],
    observed: Mapping[str, float],
) -> dict[str, Any]:
    """Starts, bounds, fixing and constraint of one modifier's parameters where they differ from the defaults."""
    if names[0] not in parameters:  # a staterror that stands for closed-form statistics
        return {}
    mine = [parameters[name] for name in names]
    setting: dict[str, Any] = {}
    usual = ranges({}, use)
    if use.kind == "lumi" or [p.start for p in mine] != [start for start, _, _ in usual]:
        setting["inits"] = [p.start for p in mine]
    if use.kind == "lumi" or [(p.lower, p.upper) for p in mine] != [(low, high) for _, low, high in usual]:
        setting["bounds"] = [_bounds(p) for p in mine]
    setting |= _constraint(use, names, defaults, terms, observed)
    constrained = [p for p in mine if p.name in terms or use.kind in ("normfactor", "shapefactor")]
    held = {p.fixed for p in constrained}
    if len(held) > 1:
        raise InvalidModel(
            f"some bins of {names[0].partition('[')[0]!r} are fixed and some free; a workspace fixes all"
        )
    return setting | ({"fixed": True} if held == {True} else {})


def _bounds(parameter: Parameter) -> list[float]:
    bounds = [parameter.lower, parameter.upper]
    if not np.all(np.isfinite(bounds)):
        raise InvalidModel(
            f"parameter {parameter.name!r}: bounds [{bounds[0]:g}, {bounds[1]:g}] cannot be written; give finite ones"
        )
    return bounds


def _constraint(
    use: ParameterUse,
    names: tuple[str, ...],
    defaults: Mapping[str, Auxiliary | None],
    terms: Mapping[str, Auxiliary],
    observed: Mapping[str, float],
) -> dict[str, Any]:
    """Auxiliary data and widths where they are not what the modifiers imply."""
    mine = [terms.get(name) for name in names]
    if use.kind in ("normfactor", "shapefactor"):
        if any(mine):
            raise InvalidModel(f"a constraint on the {use.kind} {names[0]!r} cannot be written")
        return {}
    setting: dict[str, Any] = {}
    width = "factors" if use.kind == "shapesys" else "sigmas"
    wanted = "poisson" if use.kind == "shapesys" else "gaussian"
    for term in mine:
        if term is not None and term.kind != wanted:
            raise InvalidModel(f"a {term.kind} constraint on {term.parameter!r} ({use.kind}) cannot be written")
    usual = [defaults[name] for name in names]
    if use.kind == "lumi" or any(m and u and m.width != u.width for m, u in zip(mine, usual, strict=True)):
        setting[width] = [m.width if m else 1.0 for m in mine]
    if use.kind == "lumi" or any(
        m and u and observed[m.parameter] != u.observed for m, u in zip(mine, usual, strict=True)
    ):
        setting["auxdata"] = [observed[m.parameter] if m else 1.0 for m in mine]
    return setting
