"""A predictor from a plain function of named values."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Values
from wilks.parameters.space import ParameterSpace

from .predictor import AbstractPredictor
from .user_functions.function import UserFunction, user_function


class FunctionPredictor(AbstractPredictor[Float[Array, " bins"]]):
    """Expected counts per bin by a function that is written with numpy or ``jax.numpy``.

    It is compiled where that gives the function's own numbers, and called point by point, with a notice, where not
    (`wilks.model.user_functions.function.user_function`).

    Args:
        function: from a mapping of parameter values to a vector of real numbers.
        space: the parameters it may ask for.

    Raises:
        UnknownName: if the function asks for another parameter.
        InvalidModel: if it does not return a vector of finite real numbers, always of one length.

    >>> import numpy as np
    >>> from wilks.parameters.parameter import Parameter
    >>> space = ParameterSpace((Parameter("rate", 5.0, lower=0.0), Parameter("slope", 1.0)))
    >>> model = FunctionPredictor(lambda p: p["rate"] * np.exp(-p["slope"] * np.arange(3.0)), space)
    >>> model({"rate": 2.0, "slope": 0.0}).tolist()
    [2.0, 2.0, 2.0]
    """

    space: ParameterSpace
    function: UserFunction

    def __init__(self, function: Callable[[Any], Any], space: ParameterSpace) -> None:
        self.space, self.function = space, user_function(function, space)
        if len(self.function.shape) != 1 or self.function.complex_valued:
            kind = "complex numbers" if self.function.complex_valued else f"shape {self.function.shape}"
            raise InvalidModel(f"{self.function.name} returns {kind}; expected one real number per bin")

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """The function's numbers."""
        return self.function(values)
