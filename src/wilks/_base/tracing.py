"""What JAX raises where code asks a traced parameter for its value."""

import jax

from wilks._base import runtime  # noqa: F401

UNTRACEABLE = (
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.ConcretizationTypeError,
)
ADVICE = (
    "a part of it asks for the value of a parameter, as plain numpy and branches do; write it with jax.numpy, or give "
    "the plain function to wilks.model.FunctionPredictor"
)
