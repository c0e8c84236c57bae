"""The headline numbers of a measurement as plain values, for programs."""

from collections.abc import Mapping
from typing import Any

from wilks.results.comparisons import CostComparison
from wilks.results.fits import FitResult
from wilks.results.hypotheses import GoodnessOfFit, HypothesisTest
from wilks.results.intervals import Contour, Intervals
from wilks.results.result import AbstractResult
from wilks.results.toys import Bias, Coverage, CoverageCurve


def headline(results: Mapping[str, AbstractResult]) -> dict[str, Any]:
    """-2 ln L, values, errors and intervals by parameter, and every other result under its name."""
    document: dict[str, Any] = {}
    for name, result in results.items():
        if isinstance(result, FitResult) and name == "fit":
            document.update(_fit(result))
        elif isinstance(result, Intervals):
            _add_ends(document, name, result)
        elif type(result) in _WRITTEN:
            document[name] = _WRITTEN[type(result)](result)
    return document


def _fit(result: FitResult) -> dict[str, Any]:
    return {
        "twice_nll": result.twice_nll,
        "parameters": {n: {"value": v, "error": result.errors.get(n)} for n, v in result.values.items()},
        "correlation": result.correlation,
        "ndf": result.ndf,
        "sentence": result.status.value,
    }


def _add_ends(document: dict[str, Any], name: str, result: Intervals) -> None:
    """``interval`` at 68.27 %, ``interval_95`` at 95 %."""
    for item in result.items:
        entry = document["parameters"].setdefault(item.name, {"value": item.best, "error": None})
        entry[name.replace("intervals", "interval")] = [item.lower, item.upper]


def _contour(result: Contour) -> dict[str, Any]:
    return {
        "names": list(result.names),
        "level": result.level,
        "dof": result.dof,
        "threshold": result.threshold,
        "points": [piece.tolist() for piece in result.pieces],
    }


def _test(result: HypothesisTest) -> dict[str, Any]:
    fields = (
        "statistic", "observed", "p_value", "p_interval", "z", "n", "exceedances", "failed", "p_asymptotic",
        "z_asymptotic",
    )  # fmt: skip
    return {field: getattr(result, field) for field in fields}


def _goodness(result: GoodnessOfFit) -> dict[str, Any]:
    fields = (
        "statistic", "observed", "dof", "p_value", "p_asymptotic", "p_toys", "p_toys_interval", "n", "exceedances",
        "failed", "refit",
    )  # fmt: skip
    return {field: getattr(result, field) for field in fields}


def _coverage(result: Coverage) -> dict[str, Any]:
    fields = ("name", "level", "fraction", "interval", "n", "covered", "failed", "open_", "truth")
    return {field.rstrip("_"): getattr(result, field) for field in fields}


def _curve(result: CoverageCurve) -> dict[str, Any]:
    d = (1.0, 2.3, 4.0, 6.18, 9.0)
    return {
        "names": list(result.names),
        "d": list(d),
        "fraction": [float(result.fraction(x)) for x in d],
        "error": [float(result.error(x)) for x in d],
        "nominal": [float(result.nominal(x)) for x in d],
        "n": result.n,
        "failed": result.failed,
    }


def _bias(result: Bias) -> dict[str, Any]:
    return {
        name: {
            "truth": result.truth[i],
            "bias": result.residual_mean[i],
            "bias_error": result.residual_error[i],
            "pull_mean": result.pull_mean[i],
            "pull_width": result.pull_width[i],
        }
        for i, name in enumerate(result.names)
    }


def _costs(result: CostComparison) -> dict[str, Any]:
    return {
        cost: {
            **{name: {"value": result.theta[k, i], "error": result.sigma[k, i]} for i, name in enumerate(result.names)},
            "minimum": result.minimum[k],
            "ndf": result.ndf[k],
            "excess_events": result.excess_events[k],
        }
        for k, cost in enumerate(result.costs)
    }


_WRITTEN: dict[type[AbstractResult], Any] = {
    Contour: _contour,
    HypothesisTest: _test,
    GoodnessOfFit: _goodness,
    Coverage: _coverage,
    CoverageCurve: _curve,
    Bias: _bias,
    CostComparison: _costs,
}
