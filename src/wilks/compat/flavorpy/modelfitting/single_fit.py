"""FlavorPy's `Fit` of one start, and its hand-over to lmfit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wilks._base.errors import InvalidModel, MissingExtra

from .figures_table import pandas
from .fit_options import DEFAULT_METHODS, FitOptions
from .model import FlavorModel
from .points import check_complete, completed, numbers_of
from .search import search
from .starts import generator_of


@dataclass(frozen=True)
class FitStage:
    """The end of one stage of a fit, with the names of lmfit's results.

    Args:
        params: values by name.
        chisqr: chi-square of the dimensionless observables.
    """

    params: dict[str, float]
    chisqr: float


class Fit:
    """A fit from one start: a smooth descent, then rounds of simplices.

    Args:
        model: the model.
        params: the start, e.g. ``model.parameterspace.random_pt()``.
        methods: names of lmfit's methods; see `FitOptions` for what they and the other options mean here.
        nr_methods: number of stages.
        shuffle_methods: see `FitOptions`.
        max_time: see `FitOptions`.
        retry_time: see `FitOptions`.
        dig_deeper: as many stages once more.
        dig_deeper_threshold: see `FitOptions`.

    Raises:
        InvalidModel: without a model or a start.
    """

    def __init__(
        self,
        model: FlavorModel | None = None,
        params: Any = None,
        methods: Sequence[str] | None = None,
        nr_methods: int = 4,
        shuffle_methods: bool = True,
        max_time: float | int = 45,
        retry_time: float | int = 5,
        dig_deeper: bool = False,
        dig_deeper_threshold: float | int = 1000,
    ) -> None:
        if model is None or params is None:
            raise InvalidModel("a Fit needs a model and params, e.g. Fit(model, model.parameterspace.random_pt())")
        self.model, self.params = model, params
        self.methods = list(DEFAULT_METHODS if methods is None else methods)
        self.nr_methods, self.shuffle_methods = nr_methods, shuffle_methods
        self.max_time, self.retry_time = max_time, retry_time
        self.dig_deeper, self.dig_deeper_threshold = dig_deeper, dig_deeper_threshold

    def make_fit(self) -> list[FitStage]:
        """The end of every stage."""
        options = FitOptions(self.methods, self.nr_methods, dig_deeper=self.dig_deeper)
        objective, dimensions = self.model.objective(), self.model.parameterspace.dimensions()
        start = numbers_of(self.params, dimensions)
        check_complete(start, dimensions, "params")
        theta = np.array([[start[name] for name in objective.space.names]])
        found = search(objective, theta, theta[:0], options.stages, generator_of(None), rows=options.stages)
        stages = []
        for end, chi2 in zip(found.ends.theta.tolist(), found.ends.chi2.tolist(), strict=True):
            values = completed(dict(zip(objective.space.names, end, strict=True)), dimensions)
            stages.append(FitStage({d.name: float(values[d.name]) for d in dimensions}, chi2))
        return stages

    def fit_results_into_dataframe(self, fit_results: Sequence[Any]) -> Any:
        """A frame with chisq and parameters, one row per stage."""
        rows = [{"chisq": float(r.chisqr), **{name: float(r.params[name]) for name in r.params}} for r in fit_results]
        return pandas().DataFrame(rows)


class LmfitMinimizer:
    """lmfit's Minimizer on a model's residual: every method and attribute of it works.

    Args:
        model: the model.
        params: lmfit.Parameters, e.g. ``model.parameterspace.random_pt()``.
        nan_policy: as for lmfit.
        options: further arguments of ``lmfit.Minimizer``.

    Raises:
        MissingExtra: if lmfit is not installed.
    """

    def __init__(self, model: FlavorModel, params: Any, nan_policy: str = "omit", **options: Any) -> None:
        try:
            import lmfit
        except ImportError:
            raise MissingExtra("lmfit", "peers") from None
        self.model = model
        self.minimizer = lmfit.Minimizer(model.residual, params, nan_policy=nan_policy, **options)

    def __getattr__(self, name: str) -> Any:
        if name in ("model", "minimizer") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.minimizer, name)
