"""The models that the flavour study knows by name: a simple one in plain numpy, and two of the literature."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.errors import check_option
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.flavor.examples import WorkedModel, modular_a4, modular_s4
from wilks.physics.flavor.model import FlavorModel

SEED_POINT: Mapping[str, float] = {"v1": 1.5, "v2": 1.1, "v3": 1.3}
"""Point at which the example of the simple model begins."""


def charged_leptons(params: Mapping[str, Any]) -> Float[np.ndarray, "3 3"]:
    """Diagonal, with the two measured mass ratios."""
    return np.array([[0.0048 * 0.0565, 0, 0], [0, 0.0565, 0], [0, 0, 1]])


def neutrinos(params: Mapping[str, Any]) -> Any:
    """Ones on the diagonal, and one number per column beside it; not symmetric."""
    v1, v2, v3 = params["v1"], params["v2"], params["v3"]
    return np.array([[1, v2, v3], [v1, 1, v3], [v1, v2, 1]])


def seed_model(ordering: str = "NO", convention: str = "physical") -> WorkedModel:
    """The simple example of FlavorPy's documentation: three real numbers in the neutrino mass matrix.

    Args:
        ordering: NO or IO.
        convention: physical, or flavorpy for the numbers that FlavorPy prints.
    """
    space = ParameterSpace(tuple(Parameter(name, start) for name, start in SEED_POINT.items()))
    model = FlavorModel(
        space, mass_matrix_e=charged_leptons, mass_matrix_n=neutrinos, ordering=ordering, convention=convention
    )
    fitted = ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "m21^2", "m3l^2")
    citation = "FlavorPy 0.2.0, simple example of its documentation (A. Baur)"
    return WorkedModel(f"three real couplings, {ordering}", model, fitted, citation)


class Named(NamedTuple):
    """A model that can be chosen by name.

    Args:
        make: from an ordering to the model.
        ordering: taken unless the user says another.
    """

    make: Callable[[str], WorkedModel]
    ordering: str


MODELS: Mapping[str, Named] = {
    "seed": Named(seed_model, "NO"),
    "a4": Named(modular_a4, "IO"),
    "s4": Named(modular_s4, "NO"),
}
"""Name -> model."""


def find_model(name: str) -> Named:
    """The model of a name.

    Raises:
        InvalidOption: listing the names.
    """
    check_option("model", name, MODELS)
    return MODELS[name]
