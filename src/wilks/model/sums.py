"""Sums of predictors over the same bins: shapes that are not templates join those that are."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Values
from wilks.parameters.space import NamedValues, ParameterSpace

from .predictor import AbstractPredictor, AbstractTemplatePredictor, Auxiliary, TemplateParts


class SummedPredictor(AbstractTemplatePredictor):
    """Expected counts of several predictors together; equal names are one shared parameter.

    Predictors that are no template predictors count as exactly known.
    """

    space: ParameterSpace
    bin_names: tuple[tuple[str, int], ...] = eqx.field(static=True)
    auxiliary: tuple[Auxiliary, ...] = eqx.field(static=True)
    terms: tuple[AbstractPredictor, ...]

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """Sum of all predictions."""
        return sum((term(self._share(term, values)) for term in self.terms[1:]), self._first(values))

    def _first(self, values: Values) -> Float[Array, " bins"]:
        return self.terms[0](self._share(self.terms[0], values))

    def parts(self, values: Values) -> TemplateParts:
        """Sums of exact and simulated parts and of variances."""
        zero = jnp.zeros(sum(size for _, size in self.bin_names))
        exact, simulated, variance = zero, zero, zero
        for term in self.terms:
            share = self._share(term, values)
            if isinstance(term, AbstractTemplatePredictor):
                parts = term.parts(share)
                exact, simulated = exact + parts.exact, simulated + parts.simulated
                variance = variance + parts.variance
            else:
                exact = exact + term(share)
        return TemplateParts(exact, simulated, variance)

    def relative_error(self) -> Float[np.ndarray, " bins"]:
        """Relative error of the simulated part at the start values."""
        parts = self.parts(self.space.unpack(self.space.starts))
        content, error = np.asarray(parts.simulated), np.sqrt(np.asarray(parts.variance))
        return np.divide(error, content, out=np.zeros_like(error), where=content > 0)

    def _share(self, term: AbstractPredictor, values: Values) -> NamedValues:
        """The values that one term reads."""
        theta = self.space.pack(values)
        names = term.space.names
        return NamedValues(names, theta[np.array(self.space.indices(names), dtype=int)])


def add_predictors(terms: Sequence[AbstractPredictor]) -> SummedPredictor:
    """Sum predictors of expected counts over the same bins.

    Args:
        terms: at least one; the channels are those of the first template predictor.

    Raises:
        InvalidModel: if bins differ, or one parameter has two different auxiliary measurements.
        InvalidParameter: if two definitions of one parameter differ.
    """
    if not terms:
        raise InvalidModel("a sum of predictors needs at least one")
    bin_names = _common_bins(terms)
    space = terms[0].space
    for term in terms[1:]:
        space = space | term.space
    return SummedPredictor(space, bin_names, _joined_measurements(terms), tuple(terms))


def _common_bins(terms: Sequence[AbstractPredictor]) -> tuple[tuple[str, int], ...]:
    named = [term.bin_names for term in terms if isinstance(term, AbstractTemplatePredictor)]
    sizes = [np.asarray(term(term.space.unpack(term.space.starts))).shape for term in terms]
    bin_names = named[0] if named else (("main", int(np.prod(sizes[0]))),)
    for other in named[1:]:
        if other != bin_names:
            raise InvalidModel(f"the terms of a sum have different channels: {bin_names} and {other}")
    bins = sum(size for _, size in bin_names)
    for term, shape in zip(terms, sizes, strict=True):
        if shape != (bins,):
            raise InvalidModel(f"{type(term).__name__} predicts shape {shape}; the other terms have {bins} bins")
    return bin_names


def _joined_measurements(terms: Sequence[AbstractPredictor]) -> tuple[Auxiliary, ...]:
    joined: dict[str, Auxiliary] = {}
    for term in terms:
        for measurement in term.auxiliary if isinstance(term, AbstractTemplatePredictor) else ():
            known = joined.setdefault(measurement.parameter, measurement)
            if known != measurement:
                raise InvalidModel(
                    f"parameter {measurement.parameter!r} has two auxiliary measurements, {known} and {measurement}; "
                    "make them equal or rename the parameter"
                )
    return tuple(joined.values())
