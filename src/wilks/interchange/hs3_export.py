"""From a likelihood of template counts to the HS3 document that means the same."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wilks._base.errors import InvalidModel
from wilks.likelihood.counts import PoissonCounts
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
from wilks.model.nuisances import bin_name, collect_nuisances
from wilks.model.predictor import Auxiliary
from wilks.parameters.parameter import Parameter

from .histfactory_export import channels_of, check_statistics, writable

HS3_VERSION = "0.2"
"""The version that is written."""


def export_hs3(likelihood: Any, data: Any, *, poi: str, measurement: str) -> dict[str, Any]:
    """HS3 document of a Poisson likelihood with its data.

    Raises:
        InvalidModel: naming what cannot be written.
    """
    if not isinstance(likelihood, PoissonCounts):
        raise InvalidModel(
            f"HS3 is written of Poisson likelihoods; {type(likelihood).__name__} cannot be written as one"
        )
    check_statistics(likelihood)
    predictor = writable(likelihood.predictor)
    prepared = likelihood.prepare(data)
    channels = tuple(
        _plain(channel, staterrors=likelihood.statistics is not None) for channel in channels_of(predictor)
    )
    observed = dict(zip(likelihood.constraints.parameters, np.asarray(prepared.auxiliary).tolist(), strict=True))
    usual = {n.parameter.name: n.measurement for n in collect_nuisances(channels, {}, {})}
    terms = [term for term in predictor.auxiliary if not _is_usual(term, usual[term.parameter], observed)]
    document: dict[str, Any] = {
        "metadata": {"hs3_version": HS3_VERSION},
        "distributions": [_distribution(channel) for channel in channels],
        "data": list(_data(channels, np.asarray(prepared.counts))),
        "likelihoods": [
            {
                "name": "likelihood",
                "distributions": [channel.name for channel in channels],
                "data": [f"observed_{channel.name}" for channel in channels],
            }
        ],
        "domains": [
            {
                "name": "default_domain",
                "type": "product_domain",
                "axes": [_bounds(parameter) for parameter in predictor.space.parameters],
            }
        ],
        "parameter_points": [
            {
                "name": "default_values",
                "parameters": [
                    *({"name": p.name, "value": p.start, "const": p.fixed} for p in predictor.space.parameters),
                    *({"name": f"nom_{t.parameter}", "value": observed[t.parameter], "const": True} for t in terms),
                ],
            }
        ],
        "analyses": [
            {
                "name": measurement,
                "likelihood": "likelihood",
                "parameters_of_interest": [poi] if poi else [],
                "domains": ["default_domain"],
                "init": "default_values",
            }
        ],
    }
    if terms:
        document["distributions"] += [_constraint(term) for term in terms]
        document["likelihoods"][0]["aux_distributions"] = [f"{term.parameter}_constraint" for term in terms]
        means = [_mean(term) for term in terms if term.kind == "poisson"]
        document |= {"functions": means} if means else {}
    return document


def _plain(channel: Channel, *, staterrors: bool) -> Channel:
    """A channel without luminosities, which are factors with a constraint, and with staterrors for variances."""
    samples = []
    for sample in channel.samples:
        modifiers: list[Modifier] = [NormFactor(m.name) if isinstance(m, Lumi) else m for m in sample.modifiers]
        if staterrors and sample.variances is not None:
            modifiers.append(StatError(f"staterror_{channel.name}", np.sqrt(sample.variances)))
        samples.append(dataclasses.replace(sample, variances=None, modifiers=tuple(modifiers)))
    return Channel(channel.name, samples)


def _is_usual(term: Auxiliary, usual: Auxiliary | None, observed: Mapping[str, float]) -> bool:
    """Whether a constraint is the one that its modifier implies."""
    return usual is not None and (term.kind, term.width, observed[term.parameter]) == (
        usual.kind,
        usual.width,
        usual.observed,
    )


def _distribution(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "type": "histfactory_dist",
        "axes": [_axis(channel)],
        "samples": [_sample(sample, channel) for sample in channel.samples],
    }


def _axis(channel: Channel) -> dict[str, Any]:
    return {"name": f"obs_{channel.name}", "min": 0.0, "max": float(channel.bins), "nbins": channel.bins}


def _data(channels: tuple[Channel, ...], counts: np.ndarray) -> Iterator[dict[str, Any]]:
    pieces = np.split(counts, np.cumsum([channel.bins for channel in channels])[:-1])
    for channel, piece in zip(channels, pieces, strict=True):
        yield {
            "name": f"observed_{channel.name}",
            "type": "binned",
            "axes": [_axis(channel)],
            "contents": piece.tolist(),
        }


def _sample(sample: TemplateSample, channel: Channel) -> dict[str, Any]:
    errors = [m.sigma for m in sample.modifiers if isinstance(m, StatError)]
    if len(errors) > 1:
        raise InvalidModel(
            f"channel {channel.name!r}, sample {sample.name!r}: {len(errors)} staterrors; HS3 has the errors of a "
            "sample once"
        )
    return {
        "name": sample.name,
        "data": {"contents": sample.values.tolist(), **({"errors": errors[0].tolist()} if errors else {})},
        "modifiers": [_modifier(modifier, sample) for modifier in sample.modifiers],
    }


def _modifier(modifier: Modifier, sample: TemplateSample) -> dict[str, Any]:
    name = modifier.name
    bins = [bin_name(name, i) for i in range(len(sample.values))]
    match modifier:
        case NormSys(hi=hi, lo=lo):
            data = {"hi": float(hi), "lo": float(lo)}
            return {"name": name, "type": "normsys", "parameter": name, "constraint": "Gauss", "data": data}
        case HistoSys(hi=hi, lo=lo):
            data = {"hi": {"contents": hi.tolist()}, "lo": {"contents": lo.tolist()}}
            return {"name": name, "type": "histosys", "parameter": name, "constraint": "Gauss", "data": data}
        case ShapeFactor():
            return {"name": name, "type": "shapefactor", "parameters": bins}
        case ShapeSys(sigma=sigma):
            positive = sample.values > 0
            relative = np.where(positive, sigma / np.where(positive, sample.values, 1.0), 0.0)
            data = {"vals": relative.tolist()}
            return {"name": name, "type": "shapesys", "parameters": bins, "constraint": "Poisson", "data": data}
        case StatError(constraint=constraint):
            kind = "Gauss" if constraint == "gaussian" else "Poisson"
            return {"name": name, "type": "staterror", "parameters": bins, "constraint": kind}
    return {"name": name, "type": "normfactor", "parameter": name}


def _constraint(term: Auxiliary) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": f"{term.parameter}_constraint", "x": f"nom_{term.parameter}"}
    if term.kind == "gaussian":
        return {**entry, "type": "gaussian_dist", "mean": term.parameter, "sigma": term.width}
    return {**entry, "type": "poisson_dist", "mean": f"{term.parameter}_mean"}


def _mean(term: Auxiliary) -> dict[str, Any]:
    return {"name": f"{term.parameter}_mean", "type": "product", "factors": [term.parameter, term.width]}


def _bounds(parameter: Parameter) -> dict[str, Any]:
    ends = {"min": parameter.lower, "max": parameter.upper}
    return {"name": parameter.name, **{key: end for key, end in ends.items() if np.isfinite(end)}}
