"""Workspaces from configurations of cabinetry and their template histograms."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wilks._base.errors import InvalidData
from wilks.data.histogram import Histogram
from wilks.data.smoothing import smoothed_variation
from wilks.data.variations import FactorAndShape, mirrored_factor

from .cabinetry_parts import Region, Sample, Settings, Systematic, TemplateKey, requests
from .workspace_schema import VERSION


def workspace_document(settings: Settings, histograms: Mapping[TemplateKey, Histogram]) -> dict[str, Any]:
    """The workspace of a configuration in pyhf's JSON.

    Args:
        settings: a configuration.
        histograms: all that `requests` names.

    Raises:
        InvalidData: naming a histogram that is missing or has other bins, or a template that cannot be smoothed or
            split into a factor and a shape.
    """
    for request in requests(settings):
        if request.key not in histograms:
            raise InvalidData(f"{request.key}: no such histogram; give those of histograms()")
    return {
        "channels": [_channel(settings, region, histograms) for region in settings.regions],
        "observations": [
            {"name": region.name, "data": _bins(histograms, region, settings.data)} for region in settings.regions
        ],
        "measurements": [_measurement(settings)],
        "version": VERSION,
    }


def _bins(histograms: Mapping[TemplateKey, Histogram], region: Region, sample: Sample) -> list[float]:
    return histograms[TemplateKey(region.name, sample.name)].values().tolist()


def _channel(settings: Settings, region: Region, histograms: Mapping[TemplateKey, Histogram]) -> dict[str, Any]:
    samples = [
        {
            "name": sample.name,
            "data": _bins(histograms, region, sample),
            "modifiers": _modifiers(settings, region, sample, histograms),
        }
        for sample in settings.simulated
        if region.name in sample.regions
    ]
    return {"name": region.name, "samples": samples}


def _modifiers(
    settings: Settings, region: Region, sample: Sample, histograms: Mapping[TemplateKey, Histogram]
) -> list[dict[str, Any]]:
    modifiers: list[dict[str, Any]] = []
    if not sample.disable_staterror:
        errors = histograms[TemplateKey(region.name, sample.name)].errors()
        name = f"staterror_{region.name.replace(' ', '-')}"
        modifiers.append({"name": name, "type": "staterror", "data": errors.tolist()})
    for factor in settings.norm_factors:
        if region.name in factor.regions and sample.name in factor.samples:
            modifiers.append({"name": factor.name, "type": "normfactor", "data": None})
    for systematic in settings.acting(region, sample):
        if systematic.kind == "Normalization":
            modifiers.append(_normsys(systematic, *_factors(systematic)))
        else:
            modifiers.extend(_norm_plus_shape(region, sample, systematic, histograms))
    return modifiers


def _normsys(systematic: Systematic, hi: float, lo: float) -> dict[str, Any]:
    return {"name": systematic.parameter, "type": "normsys", "data": {"hi": hi, "lo": lo}}


def _factors(systematic: Systematic) -> tuple[float, float]:
    hi, down = 1 + (systematic.up.normalization or 0.0), systematic.down.normalization
    return hi, mirrored_factor(hi) if down is None else 1 + down


def _norm_plus_shape(
    region: Region, sample: Sample, systematic: Systematic, histograms: Mapping[TemplateKey, Histogram]
) -> list[dict[str, Any]]:
    """A factor on the yield, and a shape of nominal yield where there is more than one bin."""
    nominal = histograms[TemplateKey(region.name, sample.name)].values()
    up = _varied(TemplateKey(region.name, sample.name, systematic.name, "Up"), systematic, nominal, histograms)
    down_key = TemplateKey(region.name, sample.name, systematic.name, "Down")
    down = None if systematic.down.symmetrize else _varied(down_key, systematic, nominal, histograms)
    who = f"region {region.name!r}, sample {sample.name!r}, systematic {systematic.name!r}"
    split = FactorAndShape.of(nominal, up, down, who=who)
    modifiers = [_normsys(systematic, split.hi, split.lo)]
    if len(nominal) > 1:
        shapes = {"hi_data": split.up.tolist(), "lo_data": split.down.tolist()}
        modifiers.append({"name": systematic.parameter, "type": "histosys", "data": shapes})
    return modifiers


def _varied(
    key: TemplateKey, systematic: Systematic, nominal: np.ndarray, histograms: Mapping[TemplateKey, Histogram]
) -> np.ndarray:
    values, smoothing = histograms[key].values(), systematic.smoothing
    if smoothing is None or key.region not in smoothing.regions or key.sample not in smoothing.samples:
        return values
    return smoothed_variation(nominal, values, who=str(key))


def _measurement(settings: Settings) -> dict[str, Any]:
    parameters: dict[str, dict[str, Any]] = {}
    for factor in settings.norm_factors:
        setting: dict[str, Any] = {"name": factor.name}
        if factor.nominal is not None:
            setting["inits"] = [factor.nominal]
        if factor.bounds is not None:
            setting["bounds"] = [list(factor.bounds)]
        parameters[factor.name] = setting
    for name, value in settings.general.fixed.items():
        parameters[name] = {**parameters.get(name, {"name": name}), "inits": [value], "fixed": True}
    config = {"poi": settings.general.poi, "parameters": list(parameters.values())}
    return {"name": settings.general.measurement, "config": config}
