"""Numbers that record what is done with them, one object per number: numpy keeps them in arrays of objects."""

import contextvars
import operator
from collections.abc import Callable
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np


class CannotTrace(TypeError):
    """A user's function does something with a value that only an ordinary number can do."""


_refusals: contextvars.ContextVar[list[str]] = contextvars.ContextVar("refusals")


def refuse(reason: str) -> NoReturn:
    """Stop the tracing, also of a function that swallows the error: see `traced_honestly`."""
    _refusals.get([]).append(reason)
    raise CannotTrace(reason)


def traced_honestly(call: Callable[[], Any]) -> Any:
    """The result of a call in which nothing was refused.

    Raises:
        CannotTrace: if something was, whether or not the function let the error through.
    """
    refused: list[str] = []
    token = _refusals.set(refused)
    try:
        result = call()
    finally:
        _refusals.reset(token)
    if refused:
        raise CannotTrace(refused[0])
    return result


# Methods by which numpy applies its functions to the objects of an array.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(jnp, name)
    for name in (
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "square", "reciprocal"),
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "hypot"),
        *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
        *("conjugate", "conj", "absolute", "fabs", "degrees", "radians", "deg2rad", "rad2deg"),
    )
}


def _traced(value: Any) -> bool:
    return isinstance(value, TracedScalar)


def _bare(value: Any) -> Any:
    return value.value if _traced(value) else value


def _is_number(value: Any) -> bool:
    simple = isinstance(value, (bool, int, float, complex, np.number))
    return simple or _traced(value) or (isinstance(value, jax.Array) and value.ndim == 0)


def _refusing(what: str) -> Callable[..., NoReturn]:
    return lambda self, *others: refuse(f"it {what}")


def _forward(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def combine(self: "TracedScalar", other: Any) -> Any:
        return TracedScalar(function(self.value, _bare(other))) if _is_number(other) else NotImplemented

    return combine


def _backward(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def combine(self: "TracedScalar", other: Any) -> Any:
        return TracedScalar(function(_bare(other), self.value)) if _is_number(other) else NotImplemented

    return combine


class TracedScalar:
    """A traced number with the arithmetic of a Python number, but without a value that could be compared or printed."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]  # no value to be looked up by

    def __init__(self, value: Any) -> None:
        self.value = value

    __add__, __radd__ = _forward(operator.add), _backward(operator.add)
    __sub__, __rsub__ = _forward(operator.sub), _backward(operator.sub)
    __mul__, __rmul__ = _forward(operator.mul), _backward(operator.mul)
    __truediv__, __rtruediv__ = _forward(operator.truediv), _backward(operator.truediv)
    __floordiv__, __rfloordiv__ = _forward(operator.floordiv), _backward(operator.floordiv)
    __mod__, __rmod__ = _forward(operator.mod), _backward(operator.mod)
    __pow__, __rpow__ = _forward(operator.pow), _backward(operator.pow)

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refusing("compares values of parameters")
    __bool__ = _refusing("branches on the value of a parameter")

    def __neg__(self) -> "TracedScalar":
        return TracedScalar(-self.value)

    def __pos__(self) -> "TracedScalar":
        return self

    def __abs__(self) -> "TracedScalar":
        return TracedScalar(jnp.abs(self.value))

    @property
    def real(self) -> "TracedScalar":
        """Real part."""
        return TracedScalar(jnp.real(self.value))

    @property
    def imag(self) -> "TracedScalar":
        """Imaginary part."""
        return TracedScalar(jnp.imag(self.value))

    def __getattr__(self, name: str) -> Callable[..., "TracedScalar"]:
        if name not in _FUNCTIONS:
            raise AttributeError(f"it uses .{name} of a value")
        return lambda *others: TracedScalar(_FUNCTIONS[name](self.value, *map(_bare, others)))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Any:
        """Numpy's functions: of numbers alone by JAX, of arrays entry by entry."""
        if method == "__call__" and not settings and all(map(_is_number, inputs)):
            return TracedScalar(getattr(jnp, ufunc.__name__)(*map(_bare, inputs)))
        return getattr(ufunc, method)(*map(_as_objects, inputs), **settings)


def _as_objects(value: Any) -> Any:
    """A traced number as an array of one object, which numpy treats entry by entry."""
    if not _traced(value):
        return value
    box = np.empty((), dtype=object)
    box[()] = value
    return box
