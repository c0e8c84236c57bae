"""Treatments of finite simulation by name.

What to use when:

============  ====================================================================================================
conway        always, unless you have a reason: one scale per bin, Gaussian (HistFactory's staterror)
poisson       one scale per bin with a Poisson count of simulated events (HistFactory's shapesys); few such events
marginal      an average over the true mean of each bin instead of a best scale; a density, but no chi-square law
full          one scale per source and bin (Barlow and Beeston): few simulated events, and sources of unequal weights
============  ====================================================================================================

The first two keep the relative error of the nominal prediction (``"nominal"``, their default) or let it follow the
norms (``"scaled"``); the errors of the others always follow the norms.
"""

import numpy as np

from wilks._base.errors import InvalidModel, InvalidOption, check_option
from wilks.model.predictor import AbstractPredictor, AbstractSourcePredictor, AbstractTemplatePredictor

from .finite_simulation import AbstractTemplateStatistics
from .marginal_statistics import MarginalStatistics
from .source_statistics import SourceStatistics
from .template_statistics import ERRORS, MODELS, TemplateStatistics

TREATMENTS = (*MODELS, "marginal", "full")


def treatment_of(predictor: AbstractPredictor, name: str, errors: str | None) -> AbstractTemplateStatistics | None:
    """The treatment of a predictor's simulation; None for ``"none"``.

    Args:
        predictor: expected counts that know their simulation.
        name: ``"none"`` or one of `TREATMENTS`.
        errors: ``"nominal"``, ``"scaled"``, or None for that of the treatment.

    Raises:
        InvalidOption: for a name that does not exist, or errors that the treatment does not know.
        InvalidModel: if the predictor does not say what the treatment needs.
    """
    check_option("template statistics", name, ("none", *TREATMENTS))
    if errors is not None:
        check_option("template errors", errors, ERRORS)
    if name == "none":
        return None
    if not isinstance(predictor, AbstractTemplatePredictor):
        raise InvalidModel(
            f"template statistics need a predictor that knows its simulation, not {type(predictor).__name__}"
        )
    if name in MODELS:
        return TemplateStatistics(name, errors or "nominal", np.asarray(predictor.relative_error()))
    if errors == "nominal":
        raise InvalidOption(
            f"template errors 'nominal' do not exist for template statistics {name!r}, whose errors follow the norms; "
            "leave them out"
        )
    if name == "marginal":
        return MarginalStatistics()
    if not isinstance(predictor, AbstractSourcePredictor):
        raise InvalidModel(
            f"{type(predictor).__name__} does not tell its simulated sources apart, which template statistics 'full' "
            "need; use LinearTemplates"
        )
    return SourceStatistics(events=np.asarray(predictor.simulated_events()))
