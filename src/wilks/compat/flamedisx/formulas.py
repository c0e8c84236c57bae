"""Short functions of flamedisx that scripts and model functions call."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.special import ndtri

from wilks.physics.xenon.splitting import safe_probability as safe_p

__all__ = ["cart_to_pol", "cov_to_std", "float_type", "int_type", "np_to_tf", "pol_to_cart", "safe_p", "tf_log10"]
__all__ += ["tf_to_np", "wilks_crit"]


def float_type() -> Any:
    """Type of real numbers: double precision, always."""
    return jnp.float64


def int_type() -> Any:
    """Type of whole numbers."""
    return jnp.int64


def tf_log10(x: ArrayLike) -> Float[jnp.ndarray, "*shape"]:
    """Logarithm to base 10."""
    return jnp.log10(x)


def tf_to_np(x: Any) -> Any:
    """An array, or a tuple of arrays, of numpy."""
    return tuple(tf_to_np(y) for y in x) if isinstance(x, (list, tuple)) else np.asarray(x)


def np_to_tf(x: Any) -> Any:
    """An array, or a tuple of arrays, of JAX, in double precision."""
    return tuple(np_to_tf(y) for y in x) if isinstance(x, (list, tuple)) else jnp.asarray(x, dtype=float)


def cart_to_pol(x: Any, y: Any) -> tuple[Any, Any]:
    """Radius and angle in (-pi, pi]."""
    return (x**2 + y**2) ** 0.5, np.arctan2(y, x)


def pol_to_cart(r: Any, theta: Any) -> tuple[Any, Any]:
    """x and y."""
    return r * np.cos(theta), r * np.sin(theta)


def cov_to_std(
    cov: Float[np.ndarray, "size size"],
) -> tuple[Float[np.ndarray, " size"], Float[np.ndarray, "size size"]]:
    """Standard errors and correlation coefficients of a covariance matrix."""
    errors = np.sqrt(np.diag(cov))
    return errors, cov / np.outer(errors, errors)


def wilks_crit(confidence_level: float) -> float:
    """Critical value of 2 delta ln L of a one-sided limit: the squared normal quantile (Wilks' theorem)."""
    return float(ndtri(confidence_level)) ** 2
