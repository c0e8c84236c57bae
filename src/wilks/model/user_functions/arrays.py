"""Arrays that record what is done with them and, unlike JAX's, can be written to entry by entry as numpy's can."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .scalars import refuse


def bare(value: Any) -> Any:
    """The arrays and types inside recording arrays, casts, and containers of them."""
    if isinstance(value, TracedArray):
        return value.value
    if isinstance(value, Cast):
        return value.kind
    if isinstance(value, (list, tuple)):
        return [bare(v) for v in value] if isinstance(value, list) else tuple(map(bare, value))
    return {k: bare(v) for k, v in value.items()} if isinstance(value, dict) else value


def recording(value: Any) -> Any:
    """Arrays as recording arrays, also inside containers; anything else as it is."""
    if isinstance(value, (jax.Array, np.ndarray)):
        return TracedArray(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(recording, value)) if type(value) in (list, tuple) else tuple(map(recording, value))
    return value


def is_traced(*values: Any) -> bool:
    """Whether bare values hold a number that is known inside the compiled program only."""
    return any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(values))


def apply(plain: Callable[..., Any], traced: Callable[..., Any] | None, *args: Any, **settings: Any) -> Any:
    """A function of recording arrays: the traced version if one is traced, else numpy's own."""
    args, settings = bare(args), bare(settings)
    if not is_traced(args, settings):
        return recording(plain(*args, **settings))
    if traced is None:
        refuse(f"it uses {getattr(plain, '__name__', plain)} of a value")
    return recording(traced(*args, **settings))


def _forward(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: apply(function, function, self, other)


def _backward(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: apply(function, function, other, self)


def _in_place(function: Callable[[Any, Any], Any], write: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def change(self: "TracedArray", other: Any) -> "TracedArray":
        item = bare(other)
        self.value = function(self.value, item) if is_traced(self.value, item) else write(self.value, item)
        return self

    return change


def _known(convert: Callable[[Any], Any], what: str) -> Callable[["TracedArray"], Any]:
    """What only an array whose numbers are known can do."""

    def known(self: "TracedArray") -> Any:
        if is_traced(self.value):
            refuse(f"it {what} the value of a parameter")
        return convert(self.value)

    return known


class TracedArray:
    """An array with numpy's manners around a traced array, or around numpy's own where its numbers are constants."""

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
    __matmul__, __rmatmul__ = _forward(operator.matmul), _backward(operator.matmul)
    __iadd__ = _in_place(operator.add, operator.iadd)
    __isub__ = _in_place(operator.sub, operator.isub)
    __imul__ = _in_place(operator.mul, operator.imul)
    __itruediv__ = _in_place(operator.truediv, operator.itruediv)
    __lt__, __le__ = _forward(operator.lt), _forward(operator.le)
    __gt__, __ge__ = _forward(operator.gt), _forward(operator.ge)
    __eq__, __ne__ = _forward(operator.eq), _forward(operator.ne)
    __bool__ = _known(bool, "branches on")
    __float__ = _known(float, "takes as a float")
    __complex__ = _known(complex, "takes as a complex number")
    __int__ = _known(int, "takes as an integer")
    __index__ = _known(operator.index, "counts by")

    def __neg__(self) -> Any:
        return recording(-self.value)

    def __pos__(self) -> Any:
        return recording(+self.value)

    def __abs__(self) -> Any:
        return recording(abs(self.value))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, where: Any) -> Any:
        return apply(operator.getitem, lambda array, at: jnp.asarray(array)[at], self, where)

    def __setitem__(self, where: Any, item: Any) -> None:
        place, new = bare(where), bare(item)
        if not is_traced(self.value, place, new):
            self.value[place] = new
            return
        array, new = jnp.asarray(self.value), jnp.asarray(new)
        if not np.can_cast(new.dtype, array.dtype, "same_kind"):
            refuse(f"it writes {new.dtype} into an array of {array.dtype}")
        self.value = array.at[place].set(new.astype(array.dtype))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        if not callable(found):
            return recording(found)
        return lambda *args, **settings: apply(found, getattr(jnp.asarray(self.value), name, None), *args, **settings)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The constant itself, for functions that know numpy's arrays only."""
        if is_traced(self.value):
            refuse("it makes an array of numpy's from the value of a parameter")
        return np.array(self.value, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Any:
        """Numpy's functions of entries, where one of numpy's arrays meets a recording one."""
        if method != "__call__" or "out" in settings:
            return NotImplemented
        return apply(ufunc, getattr(jnp, ufunc.__name__, None), *inputs, **settings)

    def __array_function__(self, function: Any, types: Any, args: tuple, settings: dict) -> Any:
        """Numpy's other functions, where they are called by code that was not copied."""
        return apply(function, _counterpart(function), *args, **settings)


def _counterpart(function: Any) -> Any:
    """JAX's version of one of numpy's functions."""
    home = jnp.linalg if str(function.__module__).startswith("numpy.linalg") else jnp
    return getattr(home, function.__name__, None)


class Cast:
    """A type of numbers that is called like a function: ``complex(re, im)``, ``np.float64(x)``."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __call__(self, *args: Any) -> Any:
        """The number in this type; two arguments are real and imaginary part."""
        return apply(self.kind, self._traced, *args)

    def _traced(self, first: Any, *second: Any) -> Any:
        if second:
            return first + 1j * second[0]
        if jnp.iscomplexobj(first) and not issubclass(self.kind, complex | np.complexfloating):
            refuse(f"it takes a complex number as {self.kind.__name__}")
        return jnp.asarray(first).astype(self.kind)
