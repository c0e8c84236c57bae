"""The ways in which a plain function can be traced, in the order in which they are tried."""

import dis
import functools
import types
from collections.abc import Callable

import jax
from jax.extend.core import Literal
from jaxtyping import Array, Inexact

from wilks._base.closed_code import codes_of
from wilks._base.typing import Theta

from .arrays import TracedArray
from .assembly import assemble
from .calls import PlainFunction
from .copies import tracing_copy
from .identity import functions_within
from .scalars import CannotTrace, TracedScalar, traced_honestly

POINT_BY_POINT = 4
"""The last way: not traced at all, see `wilks.model.user_functions.callbacks`."""


def _as_it_is(plain: PlainFunction, theta: Theta) -> Inexact[Array, "..."]:
    """Called with JAX numbers, whose errors nobody may swallow: a branch on a value would go unnoticed."""
    if any(map(_handles_errors, functions_within(plain.identified.function))):
        raise CannotTrace("it handles exceptions, which may hide a branch on a value")
    return assemble(plain.identified.function(plain.point([theta[i] for i in range(theta.shape[0])])))


def _with_recording_numbers(plain: PlainFunction, theta: Theta) -> Inexact[Array, "..."]:
    """Called with numbers that numpy keeps in arrays of objects."""
    numbers = [TracedScalar(theta[i]) for i in range(theta.shape[0])]
    return assemble(traced_honestly(lambda: plain.identified.function(plain.point(numbers))))


def _as_a_copy(plain: PlainFunction, theta: Theta) -> Inexact[Array, "..."]:
    """A copy called with recording arrays, its numpy, math and cmath replaced by tracing ones."""
    numbers = [TracedArray(theta[i]) for i in range(theta.shape[0])]
    copy = tracing_copy(plain.identified.function)
    return assemble(traced_honestly(lambda: copy(plain.point(numbers))))


def _handles_errors(function: types.FunctionType) -> bool:
    steps = (step for code in codes_of(function.__code__) for step in dis.get_instructions(code))
    return any(step.opname == "PUSH_EXC_INFO" for step in steps)  # the first step of every handler


TRACED: dict[int, Callable[[PlainFunction, Theta], Inexact[Array, "..."]]] = {
    1: _as_it_is,
    2: _with_recording_numbers,
    3: _as_a_copy,
}
"""Ways of tracing by number."""


def is_constant(rung: int, plain: PlainFunction, theta: Theta) -> bool:
    """Whether a traced function's result depends on none of its parameters, wherever they are.

    Args:
        rung: way of tracing.
        plain: the function.
        theta: any point.
    """
    program = jax.make_jaxpr(functools.partial(TRACED[rung], plain))(theta).jaxpr
    reached = set(program.invars)
    for step in program.eqns:
        if any(not isinstance(entry, Literal) and entry in reached for entry in step.invars):
            reached.update(step.outvars)
    return not any(not isinstance(result, Literal) and result in reached for result in program.outvars)


def describe_failure(error: Exception) -> str:
    """Why a function could not be traced, in a few words."""
    lines = str(error).strip().splitlines() or [""]
    return lines[0] if isinstance(error, CannotTrace) else f"{type(error).__name__}: {lines[0][:120]}"
