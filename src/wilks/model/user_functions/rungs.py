"""The ways in which a plain function can be traced, in the order in which they are tried."""

from collections.abc import Callable

from jaxtyping import Array, Inexact

from wilks._base.typing import Theta

from .assembly import assemble
from .calls import PlainFunction
from .scalars import TracedScalar

POINT_BY_POINT = 4
"""The last way: not traced at all, see `wilks.model.user_functions.callbacks`."""


def _as_it_is(plain: PlainFunction, theta: Theta) -> Inexact[Array, "..."]:
    """Called with JAX numbers."""
    return assemble(plain.identified.function(plain.point([theta[i] for i in range(theta.shape[0])])))


def _with_recording_numbers(plain: PlainFunction, theta: Theta) -> Inexact[Array, "..."]:
    """Called with numbers that numpy keeps in arrays of objects."""
    numbers = [TracedScalar(theta[i]) for i in range(theta.shape[0])]
    return assemble(plain.identified.function(plain.point(numbers)))


TRACED: dict[int, Callable[[PlainFunction, Theta], Inexact[Array, "..."]]] = {
    1: _as_it_is,
    2: _with_recording_numbers,
}
"""Ways of tracing by number."""


def describe_failure(error: Exception) -> str:
    """Why a function could not be traced, in a few words."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__
