"""Response matrices as predictors: from events in truth bins to expected counts in reco bins."""

import numpy as np

from wilks.data.response_matrices import ResponseMatrices
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .ensemble_labels import NO_LABELS
from .ensembles import LinearEnsemble

_ROUNDING = float(np.finfo(float).eps)


def response(matrices: ResponseMatrices, *, name: str = "truth") -> LinearEnsemble:
    """Expected counts as a linear map of the events in truth bins, one prediction per variation.

    The number of events in a truth bin is a parameter ``NAME[i]`` between 0 and the simulated events of that bin:
    beyond, the matrix says less than the data could.

    Args:
        matrices: variations of the matrix.
        name: beginning of the names of the parameters.
    """
    bins = [
        Parameter(f"{name}[{i}]", 0.5 * entries, lower=0.0, upper=entries + _ROUNDING)
        for i, entries in enumerate(matrices.truth_entries.tolist())
    ]
    return LinearEnsemble(
        ParameterSpace(tuple(bins)),
        matrices.matrices,
        weights=matrices.weights,
        columns=matrices.columns,
        labels=NO_LABELS.with_variations(matrices.variations, len(matrices)),
    )
