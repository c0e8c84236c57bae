"""The names of TensorFlow that model functions use, on jax.numpy: with ``tf = fd.tf`` old functions run as they are."""

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Num, Shaped


def cast(x: ArrayLike, dtype: Any) -> Num[Array, "*shape"]:
    """Numbers of a type; real numbers have double precision whatever is asked for."""
    kind = jnp.dtype(dtype).kind
    return jnp.asarray(x, dtype={"f": jnp.float64, "i": jnp.int64}.get(kind, dtype))


def constant(value: Any, dtype: Any = None, **_: Any) -> Shaped[Array, "*shape"]:
    """An array; real numbers have double precision, whole ones become real unless a type is given."""
    array = jnp.asarray(value)
    if dtype is None:
        return array.astype(jnp.float64) if array.dtype.kind in "fiu" else array
    return cast(array, dtype)


def reduce_sum(x: ArrayLike, axis: Any = None, keepdims: bool = False) -> Num[Array, "*shape"]:
    """Sum along axes, all by default."""
    return jnp.sum(jnp.asarray(x), axis=axis, keepdims=keepdims)


def where(condition: Any, x: Any = None, y: Any = None) -> Shaped[Array, "*shape"]:
    """One of two numbers; without them the places where the condition holds."""
    held = jnp.asarray(condition)
    return jnp.argwhere(held) if x is None else jnp.where(held, jnp.asarray(x), jnp.asarray(y))


_MATH = {
    "abs": jnp.abs,
    "cos": jnp.cos,
    "erf": jax.scipy.special.erf,
    "exp": jnp.exp,
    "is_finite": jnp.isfinite,
    "is_nan": jnp.isnan,
    "lgamma": jax.scipy.special.gammaln,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "pow": jnp.power,
    "reduce_sum": reduce_sum,
    "sigmoid": jax.nn.sigmoid,
    "sin": jnp.sin,
    "sqrt": jnp.sqrt,
    "square": jnp.square,
    "tanh": jnp.tanh,
}

tf = SimpleNamespace(
    **{name: function for name, function in _MATH.items() if name not in ("erf", "is_finite", "is_nan", "lgamma")},
    math=SimpleNamespace(**_MATH),
    dtypes=SimpleNamespace(cast=cast),
    cast=cast,
    clip_by_value=jnp.clip,
    constant=constant,
    convert_to_tensor=constant,
    linspace=jnp.linspace,
    ones=lambda shape, dtype=None: jnp.ones(shape),
    ones_like=lambda x, dtype=None: jnp.ones_like(jnp.asarray(x), dtype=float),
    where=where,
    zeros=lambda shape, dtype=None: jnp.zeros(shape),
    zeros_like=lambda x, dtype=None: jnp.zeros_like(jnp.asarray(x), dtype=float),
    float32=jnp.float64,
    float64=jnp.float64,
    int32=jnp.int64,
    int64=jnp.int64,
)
"""A namespace like that of TensorFlow."""
