"""Tables of results as CSV text, one row per fit, toy, node, interval or parameter."""

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import InvalidOption

from .comparisons import CostComparison
from .fits import FitResult, FitTable
from .intervals import Contour, Interval, Intervals
from .minima import Minima
from .result import AbstractResult
from .samples import Samples
from .scans import Scan, ScanTable
from .status import Status
from .toys import Bias, CoverageCurve, Toys

Columns = dict[str, Sequence[Any] | np.ndarray]


def to_csv(result: AbstractResult, path: str | Path | None = None) -> str:
    """CSV text of a result that is a table (numbers to full precision, ``nan`` and ``inf`` in words).

    Args:
        result: a fit, a table of fits, toys, a scan, intervals, a contour, a bias or a comparison.
        path: file to write the text to as well.

    Raises:
        InvalidOption: for a result that is no table.
    """
    if type(result) not in _COLUMNS:
        names = ", ".join(kind.__name__ for kind in _COLUMNS)
        raise InvalidOption(f"a {type(result).__name__} is no table; CSV exists for {names}")
    columns = _COLUMNS[type(result)](result)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_plain(c) for c in columns.values()), strict=True))
    if path is not None:
        Path(path).write_text(stream.getvalue(), encoding="utf-8")
    return stream.getvalue()


def _plain(column: Iterable[Any]) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _words(codes: np.ndarray) -> list[str]:
    return [Status.from_code(int(code)).word for code in codes.ravel()]


def _by_name(names: tuple[str, ...], theta: np.ndarray) -> Columns:
    return {name: theta[..., i].ravel() for i, name in enumerate(names)}


def _fit(result: FitResult) -> Columns:
    missing = np.full(len(result.names), np.nan)
    return {
        "parameter": result.names,
        "value": result.theta,
        "error": missing if result.sigma is None else result.sigma,
        "unit": result.units,
        "fixed": result.fixed,
        "at_bound": [n in (*result.at_lower, *result.at_upper) for n in result.names],
        "start": result.start,
    }


def _fit_table(table: FitTable) -> Columns:
    return {
        **_by_name(table.names, table.theta),
        "nll": table.nll,
        "excess": table.excess,
        "status": _words(table.status),
        "rung": table.rung,
        "edm": table.edm,
        "iterations": table.iterations,
    }


def _minima(minima: Minima) -> Columns:
    return {
        **_by_name(minima.names, minima.theta),
        "nll": minima.nll,
        "excess": minima.excess,
        "hits": minima.hits,
        "status": _words(minima.status),
    }


def _toys(toys: Toys) -> Columns:
    statistic = {} if toys.t is None else {toys.statistic or "t": toys.t}
    return {
        **_by_name(toys.names, toys.theta),
        "nll": toys.nll,
        "excess": toys.excess,
        **statistic,
        "status": _words(toys.status),
        "rung": toys.rung,
    }


def _scan(scan: Scan) -> Columns:
    return {
        **_by_name(scan.parameters, scan.theta),
        "two_delta_nll": scan.delta.ravel(),
        "status": _words(scan.status),
    }


def _scan_table(table: ScanTable) -> Columns:
    lanes, nodes = table.delta.shape
    return {
        "lane": np.repeat(np.arange(lanes), nodes),
        table.name: np.tile(table.grid, lanes),
        "two_delta_nll": table.delta.ravel(),
        "status": _words(table.status),
    }


def _intervals(intervals: Intervals) -> Columns:
    fields = ("name", "unit", "best", "lower", "upper", "lower_open", "upper_open", "level", "method", "threshold")
    return {
        **{field: [getattr(item, field) for item in intervals.items] for field in fields},
        "status": [item.status.word for item in intervals.items],
    }


def _interval(interval: Interval) -> Columns:
    return _intervals(Intervals(items=(interval,), provenance=interval.provenance, how=interval.how))


def _contour(contour: Contour) -> Columns:
    points = np.concatenate([np.zeros((0, 2)), *contour.pieces])
    return {
        "piece": list(itertools.chain(*([i] * len(p) for i, p in enumerate(contour.pieces)))),
        contour.names[0]: points[:, 0],
        contour.names[1]: points[:, 1],
        "at_bound": np.concatenate([np.zeros(0, dtype=bool), *contour.at_bound]),
    }


def _bias(bias: Bias) -> Columns:
    fields = (
        "truth",
        "residual_mean",
        "residual_error",
        "pull_mean",
        "pull_mean_error",
        "pull_width",
        "pull_width_error",
        "median",
        "at_bound_fraction",
    )
    return {"parameter": bias.names, **{field: getattr(bias, field) for field in fields}}


def _curve(curve: CoverageCurve) -> Columns:
    return {
        "d": curve.t,
        "fraction": curve.fraction(curve.t),
        "error": curve.error(curve.t),
        "nominal": curve.nominal(curve.t),
    }


def _costs(comparison: CostComparison) -> Columns:
    return {
        "cost": comparison.costs,
        **_by_name(comparison.names, comparison.theta),
        **{f"{name}_error": column for name, column in _by_name(comparison.names, comparison.sigma).items()},
        "minimum": comparison.minimum,
        "ndf": comparison.ndf,
        "excess_events": comparison.excess_events,
        "empty_bins": comparison.empty_bins,
        "status": _words(comparison.status),
    }


def _samples(samples: Samples) -> Columns:
    chain, draw = np.indices(samples.log_prob.shape)
    return {
        "chain": chain.ravel(),
        "draw": draw.ravel(),
        **_by_name(samples.names, samples.draws),
        "log_prob": samples.log_prob.ravel(),
    }


_COLUMNS: dict[type[AbstractResult], Callable[[Any], Columns]] = {
    FitResult: _fit,
    FitTable: _fit_table,
    Minima: _minima,
    Toys: _toys,
    Samples: _samples,
    Scan: _scan,
    ScanTable: _scan_table,
    Interval: _interval,
    Intervals: _intervals,
    Contour: _contour,
    Bias: _bias,
    CoverageCurve: _curve,
    CostComparison: _costs,
}
