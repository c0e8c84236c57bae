"""A user's function of named parameters, written in plain numpy for one point, as part of compiled models."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Inexact

from wilks._base.errors import InvalidModel
from wilks._base.typing import Theta, Values
from wilks.parameters.space import ParameterSpace

from .callbacks import PointByPoint, announce, values_at
from .calls import PlainFunction
from .identity import identified
from .probes import Probes, probe, without_effect
from .rungs import POINT_BY_POINT, TRACED, describe_failure, is_constant

_TOLERANCE = 1e-10  # relative agreement of a compiled function with its plain call
_ROUNDING = 1e-13  # the same for entries that cancel, relative to the largest entry


class UserFunction(eqx.Module):
    """An array as a function of named parameters: called with floats or inside compiled code, batched, differentiated.

    Keep it as an ordinary field of a module (not a static one), so that fits can find it and notice when the function
    has changed since. Made by :func:`user_function`.

    Args:
        space: the parameters.
        plain: the user's function.
        shape: shape of its result.
        complex_valued: whether its results are complex numbers.
        rung: how it is evaluated inside compiled code: 1 traced as it is, 2 with recording numbers in arrays of
            objects, 3 as a copy on a tracing numpy, 4 called point by point.
        reason: why it is on rung 4, else empty.
        without_effect: free parameters that do not change the result.
        entries: all numbers of a result that is known to depend on no parameter.
    """

    space: ParameterSpace
    plain: PlainFunction = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    complex_valued: bool = eqx.field(static=True)
    rung: int = eqx.field(static=True)
    reason: str = eqx.field(static=True)
    without_effect: tuple[str, ...] = eqx.field(static=True)
    entries: tuple[float | complex, ...] | None = eqx.field(static=True)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.plain.name

    @property
    def constant(self) -> Inexact[np.ndarray, "..."] | None:
        """The result if it is known to depend on no parameter, else None."""
        return None if self.entries is None else np.array(self.entries).reshape(self.shape)

    def __call__(self, values: Values) -> Inexact[Array, "..."]:
        """The function's array at named values; outside compiled code it is the plain call.

        Raises:
            UnknownName: if values are missing.
            InvalidModel: outside compiled code, if the result is no array of finite numbers of the known shape.
            Exception: outside compiled code, whatever the function raises.
        """
        theta = self.space.pack(values)
        if not isinstance(theta, Tracer):
            return jnp.asarray(self.numbers(np.asarray(theta)))
        return _evaluate(self.plain, self.rung, self._by_points(), theta)

    def numbers(self, theta: np.ndarray) -> np.ndarray:
        """The plain call at one point, in the order of the space.

        Raises:
            InvalidModel: if the result is no array of finite numbers of the known shape.
            Exception: whatever the function raises, with a note on the point.
        """
        result = self.plain.at(theta)
        if result.shape != self.shape:
            raise InvalidModel(
                f"the function {self.name!r} returns an array of shape {result.shape} at {self.plain.text(theta)}; "
                f"elsewhere it is {self.shape}"
            )
        return result.astype(complex) if self.complex_valued else result

    def refuse_changes(self) -> None:
        """Make sure that the function is still the one that was handed over.

        Raises:
            InvalidModel: if its text or a number of its module that it reads has changed.
        """
        self.plain.identified.refuse_changes(self.name)

    def _by_points(self) -> PointByPoint:
        return PointByPoint(self.plain, self.space, self.shape, self.complex_valued)


def user_function(
    function: Callable[[Any], Any],
    space: ParameterSpace,
    *,
    shape: tuple[int, ...] | None = None,
    name: str | None = None,
    extras: Mapping[str, float] | None = None,
) -> UserFunction:
    """Make a plain numpy function of one point part of compiled, batched and differentiated models.

    It is tried in this order, and a way is taken only if its values agree with the plain call to 1e-10 at three points
    spread over the space: with JAX numbers; with recording numbers, which serve ``np.array([[1, p["v2"]], ...])``; as a
    copy whose ``numpy``, ``math`` and ``cmath`` are tracing ones; and point by point, with central differences as
    derivatives, which is slow and said in a notice. Branches on values of parameters (``if p["v1"] > 0``) end there.

    Args:
        function: from a dict of parameter values to a number, an array or nested lists.
        space: the parameters that the dict holds.
        shape: shape that the result must have; by default that of the first result.
        name: how messages call it; by default the function's own name.
        extras: further names in the dict with constant values; a parameter of the space goes before.

    Raises:
        UnknownName: if the function asks for a parameter that does not exist.
        InvalidModel: if it returns something else than finite numbers of one shape.
        Exception: whatever the function itself raises, with a note on the point.

    Example:
        >>> from wilks.parameters.parameter import Parameter
        >>> space = ParameterSpace((Parameter("a", 1.0), Parameter("b", 2.0)))
        >>> matrix = user_function(lambda p: np.array([[1, p["a"]], [p["a"], p["b"] ** 2]]), space)
        >>> matrix.rung, matrix.shape
        (2, (2, 2))
        >>> jax.jit(lambda a: matrix({"a": a, "b": 3.0}))(0.5).tolist()
        [[1.0, 0.5], [0.5, 9.0]]
    """
    constants = {n: float(v) for n, v in (extras or {}).items() if n not in space}
    called = name or getattr(function, "__name__", type(function).__name__)
    plain = PlainFunction(identified(function), called, space.names, tuple(constants.items()))
    probes = probe(plain, space, shape)
    rung, reason = _choose(plain, probes)
    found = UserFunction(
        space=space,
        plain=plain,
        shape=probes.results.shape[1:],
        complex_valued=probes.results.dtype.kind == "c",
        rung=rung,
        reason=reason,
        without_effect=without_effect(plain, space, probes),
        entries=tuple(probes.results[0].ravel().tolist()) if _is_constant(rung, plain, space) else None,
    )
    if rung == POINT_BY_POINT:
        announce(found._by_points(), reason, probes.theta[0])
    return found


def user_functions_in(tree: Any) -> list[UserFunction]:
    """All users' functions that a model or likelihood holds."""

    def is_user_function(node: Any) -> bool:
        return isinstance(node, UserFunction)

    return [leaf for leaf in jax.tree.leaves(tree, is_leaf=is_user_function) if is_user_function(leaf)]


def _choose(plain: PlainFunction, probes: Probes) -> tuple[int, str]:
    """The first rung that gives the plain values, or the last one with the reason why no other does."""
    reason = ""
    for rung, traced in TRACED.items():
        try:
            with jax.numpy_rank_promotion("allow"):
                found = np.asarray(jax.jit(jax.vmap(lambda at, call=traced: call(plain, at)))(probes.theta))
        except Exception as error:  # whatever a function does with numbers that are none
            reason = describe_failure(error)
            continue
        if _agree(found, probes.results):
            return rung, ""
        reason = "its compiled values differ from those of the plain call"
    return POINT_BY_POINT, reason


def _is_constant(rung: int, plain: PlainFunction, space: ParameterSpace) -> bool:
    if rung == POINT_BY_POINT:
        return False
    with jax.numpy_rank_promotion("allow"):
        return is_constant(rung, plain, jnp.asarray(space.starts))


def _agree(found: np.ndarray, expected: np.ndarray) -> bool:
    if found.shape != expected.shape:
        return False
    largest = np.abs(expected).reshape(len(expected), -1).max(axis=1, initial=0.0)
    room = _ROUNDING * largest.reshape(-1, *(1,) * (expected.ndim - 1))
    return bool(np.all(np.abs(found - expected) <= _TOLERANCE * np.abs(expected) + room))


def _evaluate(plain: PlainFunction, rung: int, by_points: PointByPoint, theta: Theta) -> Array:
    if rung == POINT_BY_POINT:
        return values_at(by_points, theta)
    with jax.numpy_rank_promotion("allow"):
        result = TRACED[rung](plain, theta)
    return result.astype(by_points.dtype)
