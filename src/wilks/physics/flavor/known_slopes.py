"""Numbers whose slopes are known: derivatives take these, and do not retrace how a number was found."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.typing import Scalar

Rows = Float[Array, "*terms"]


@jax.custom_jvp
def with_slopes(value: Scalar, by_y: Rows, by_shift: Rows, y: Rows, shift: Rows) -> Scalar:
    """A number of the model and of the data that is differentiated by what is known of its slopes.

    Args:
        value: the number.
        by_y: its slopes in the model's numbers.
        by_shift: its slopes in the shifts of the data.
        y: the model's numbers.
        shift: the shifts of the data.
    """
    return value


@with_slopes.defjvp
def _along_slopes(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Scalar, Scalar]:
    value, by_y, by_shift, _, _ = primals
    return value, jnp.sum(by_y * tangents[3]) + jnp.sum(by_shift * tangents[4])
