"""The headline numbers of the flavour study as plain values, for programs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wilks.results.fits import FitResult
from wilks.results.minima import Minima
from wilks.results.predictions import Predictions
from wilks.results.result import AbstractResult
from wilks.results.samples import Samples
from wilks.studies.numbers import headline

_MOST_MINIMA = 12


def chi2_of(fit: FitResult) -> float:
    """Chi-square at the minimum, the offset of its ordering included."""
    return 2.0 * fit.excess


def document(results: Mapping[str, AbstractResult], images: tuple[tuple[int, ...], ...]) -> dict[str, Any]:
    """Chi-square, parameters and contributions of the best fit, and every other result under its name.

    Args:
        results: what was found.
        images: groups of minima that predict the same.
    """
    found = headline(results)
    for name, result in results.items():
        if isinstance(result, FitResult):
            found |= _fit(name, result)
        elif type(result) in _WRITTEN:
            found[name] = _WRITTEN[type(result)](result)
    if "minima" in found:
        found["minima"]["images"] = [list(group) for group in images]
    return found


def _fit(name: str, result: FitResult) -> dict[str, Any]:
    own = {"chi2": chi2_of(result), "contributions": dict(result.contributions)}
    return own if name == "fit" else {name: {**own, "values": result.values, "status": result.status.word}}


def _minima(result: Minima) -> dict[str, Any]:
    lowest = [
        {"chi2": 2.0 * m.excess, "hits": m.hits, "values": m.values, "status": m.status.word}
        for m, _ in zip(result, range(_MOST_MINIMA), strict=False)
    ]
    return {"distinct": len(result), "starts": result.starts, "unseen": result.unseen, "lowest": lowest}


def _samples(result: Samples) -> dict[str, Any]:
    worst = {"rhat": np.nanmax(result.rhat), "ess_bulk": np.nanmin(result.ess_bulk), "tau": np.nanmax(result.tau)}
    return {
        **{name: float(value) for name, value in worst.items()},
        "converged": result.converged,
        "verdict": result.verdict,
        "acceptance": float(np.mean(result.acceptance)),
        "draws": len(result),
    }


def _predictions(result: Predictions) -> dict[str, Any]:
    lower, upper = result.band()
    return {
        name: {"median": result.central[i], "interval": [lower[i], upper[i]], "undefined": result.undefined(name)}
        for i, name in enumerate(result.names)
    }


_WRITTEN: dict[type[AbstractResult], Any] = {Minima: _minima, Samples: _samples, Predictions: _predictions}
