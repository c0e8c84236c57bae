"""How pyhf orders and normalises the same workspace, for comparisons with its flat vectors (JOSS 6 (2021) 2823)."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Int

from .strict_json import Place
from .workspace_schema import collect_uses

_KIND_ORDER = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")

_PER_PARAMETER = ("inits", "auxdata", "sigmas", "factors")


@dataclasses.dataclass(frozen=True)
class PyhfOrder:
    """Permutations into pyhf's order: ``theta[order.parameters]`` and ``counts[order.bins]`` are pyhf's vectors.

    Args:
        parameters: position of each of pyhf's parameters in the order of Wilks.
        bins: position of each of pyhf's bins.
    """

    parameters: Int[np.ndarray, " parameters"]
    bins: Int[np.ndarray, " bins"]


def pyhf_order(document: Mapping[str, Any]) -> PyhfOrder:
    """Permutations for a checked workspace: pyhf sorts channels by name, and parameters by kind, then by first use."""
    uses = collect_uses(document, Place("<workspace>"))
    ours = [parameter for name in sorted(uses) for parameter in uses[name].names(name)]
    position = {name: i for i, name in enumerate(ours)}
    theirs = [position[parameter] for name in _pyhf_names(document) for parameter in uses[name].names(name)]
    sizes = [len(channel["samples"][0]["data"]) for channel in document["channels"]]
    starts = np.cumsum([0, *sizes])
    order = sorted(range(len(sizes)), key=lambda c: document["channels"][c]["name"])
    bins = np.concatenate([np.arange(starts[c], starts[c] + sizes[c]) for c in order])
    return PyhfOrder(np.array(theirs, dtype=int), bins)


def pyhf_constant(document: Mapping[str, Any], measurement: Mapping[str, Any]) -> float:
    """What pyhf's ``logpdf`` adds to the log density: terms of bins that it fixes because nothing constrains them.

    By default -ln(2 pi)/2 for each fixed staterror bin and -1 for each fixed shapesys bin.
    """
    settings = {entry["name"]: entry for entry in measurement["config"]["parameters"]}
    total = 0.0
    for kind, name, i in _fixed_bins(document):
        chosen = {key: settings[name][key][i] for key in _PER_PARAMETER if key in settings.get(name, {})}
        total += _constant_term(kind, **chosen)
    return total


def _constant_term(
    kind: str, inits: float = 1.0, auxdata: float = 1.0, sigmas: float = 1.0, factors: float = 1.0
) -> float:
    if kind == "staterror":
        return -0.5 * ((auxdata - inits) / sigmas) ** 2 - math.log(sigmas) - 0.5 * math.log(2 * math.pi)
    mean = inits * factors
    return auxdata * math.log(mean) - mean - math.lgamma(auxdata + 1.0)


def _fixed_bins(document: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Bins of staterrors and shapesys without content or without uncertainty."""
    contents: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
    for channel in document["channels"]:
        for sample in channel["samples"]:
            nominal = np.array(sample["data"], dtype=float)
            for modifier in sample["modifiers"]:
                if modifier["type"] in ("staterror", "shapesys"):
                    key = modifier["type"], modifier["name"]
                    before = contents.get(key, (0.0, 0.0))
                    variance = np.array(modifier["data"], dtype=float) ** 2
                    contents[key] = before[0] + nominal, before[1] + variance
    for (kind, name), (nominal, variance) in contents.items():
        for i in np.flatnonzero((nominal <= 0) | (variance <= 0)):
            yield kind, name, int(i)


def _pyhf_names(document: Mapping[str, Any]) -> list[str]:
    """Modifier names in the order of pyhf's parameters."""
    found: dict[str, list[str]] = {kind: [] for kind in _KIND_ORDER}
    for channel in sorted(document["channels"], key=lambda c: c["name"]):
        for sample in sorted(channel["samples"], key=lambda s: s["name"]):
            for modifier in sorted(sample["modifiers"], key=lambda m: m["name"]):
                found[modifier["type"]].append(modifier["name"])
    found["staterror"].sort()
    return list(dict.fromkeys(name for kind in _KIND_ORDER for name in found[kind]))
