"""Predictors side by side: predictions added, or one after the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wilks._base.errors import InvalidModel, check_option
from wilks.model.ensemble_algebra import add, concatenate
from wilks.model.ensembles import AbstractEnsemble, LinearEnsemble

from .ensembles import ScaledEnsemble, renamed, space_of
from .predictors import COMBINATIONS, AbstractEnsemblePredictor, AbstractPredictor, ensemble_of


class SummedPredictor(AbstractEnsemblePredictor):
    """The sum of predictions; the parameters are those of all, in order.

    Args:
        predictors: at least one.
        scale_factors: one per predictor, 1 by default: a number, or an array of shape (variations, 1).
        combine_systematics: ``"cartesian"`` or ``"same"``, as for `ComposedPredictor`.
    """

    def __init__(
        self,
        predictors: Sequence[AbstractPredictor],
        scale_factors: Sequence[Any] | None = None,
        combine_systematics: str = "cartesian",
    ) -> None:
        self.predictors, self.scale_factors = list(predictors), scale_factors
        self.combine_systematics = combine_systematics
        check_option("combination of systematics", combine_systematics, COMBINATIONS)
        factors = [1.0] * len(self.predictors) if scale_factors is None else list(scale_factors)
        if len(factors) != len(self.predictors):
            raise InvalidModel(f"{len(factors)} scale factors for {len(self.predictors)} predictors; give one each")
        parts = [_scaled(part, factor) for part, factor in zip(_numbered(self.predictors), factors, strict=True)]
        ensemble = add(parts, systematics=COMBINATIONS[combine_systematics])
        AbstractEnsemblePredictor.__init__(self, ensemble, *_joined(self.predictors))

    @property
    def kind(self) -> str:
        """Its kind."""
        return "sum"


class ConcatenatedPredictor(AbstractEnsemblePredictor):
    """Predictions one after the other.

    Args:
        predictors: at least one.
        share_parameters: all take the same parameters; otherwise those of all in order.
        combine_systematics: ``"cartesian"`` or ``"same"``, as for `ComposedPredictor`.
    """

    def __init__(
        self,
        predictors: Sequence[AbstractPredictor],
        share_parameters: bool = False,
        combine_systematics: str = "cartesian",
    ) -> None:
        self.predictors, self.share_parameters = list(predictors), share_parameters
        self.combine_systematics = combine_systematics
        check_option("combination of systematics", combine_systematics, COMBINATIONS)
        parts = _shared(self.predictors) if share_parameters else _numbered(self.predictors)
        ensemble = concatenate(parts, share=share_parameters, systematics=COMBINATIONS[combine_systematics])
        AbstractEnsemblePredictor.__init__(
            self, ensemble, *_joined(self.predictors[:1] if share_parameters else self.predictors)
        )

    @property
    def kind(self) -> str:
        """Its kind."""
        return "concatenation"


def _numbered(predictors: Sequence[AbstractPredictor]) -> list[AbstractEnsemble]:
    """Ensembles whose parameters are numbered through."""
    parts, first = [], 0
    for predictor in predictors:
        parts.append(renamed(ensemble_of(predictor), space_of(predictor.bounds, predictor.defaults, first)))
        first += len(predictor.defaults)
    return parts


def _shared(predictors: Sequence[AbstractPredictor]) -> list[AbstractEnsemble]:
    """Ensembles of the same parameters, those of the first."""
    sizes = [len(predictor.defaults) for predictor in predictors]
    if len(set(sizes)) > 1:
        raise InvalidModel(f"predictors that share parameters take {sizes} of them; expected equal numbers")
    space = space_of(predictors[0].bounds, predictors[0].defaults)
    return [renamed(ensemble_of(predictor), space) for predictor in predictors]


def _joined(predictors: Sequence[AbstractPredictor]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds and defaults of all parameters."""
    bounds = np.concatenate([predictor.bounds for predictor in predictors])
    return bounds, np.concatenate([predictor.defaults for predictor in predictors])


def _scaled(part: AbstractEnsemble, factor: Any) -> AbstractEnsemble:
    size = np.asarray(factor, dtype=float)
    if size.ndim == 0 and float(size) == 1.0:
        return part
    if not isinstance(part, LinearEnsemble):
        return ScaledEnsemble(part, size)
    return LinearEnsemble(
        part.space,
        part.matrices * size[..., None],
        constants=part.constants * size,
        weights=part.weights,
        columns=part.columns,
    )
