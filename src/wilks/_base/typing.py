"""The vocabulary of types shared by all floors; importing it also makes the runtime's settings."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from jaxtyping import Array, Float, PRNGKeyArray

from wilks._base import runtime  # noqa: F401  every floor that touches JAX comes through here first

Scalar: TypeAlias = Float[Array, ""]
"""One real number inside a computation."""

Theta: TypeAlias = Float[Array, " parameters"]
"""Parameter values as a bare vector in the order of a space."""

Values: TypeAlias = Mapping[str, Any]
"""Named parameter values in physical units; each value is a float or a scalar array."""

LogProb: TypeAlias = Float[Array, ""]
"""A natural logarithm of a probability (density)."""

Key: TypeAlias = PRNGKeyArray
"""A typed JAX random key."""
