"""Three or more neutrinos with the splitting Dm2_31, not Dm2_32, as the parameter."""

import equinox as eqx

from wilks._base.errors import InvalidModel
from wilks._base.typing import Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.survival import AbstractSurvival
from wilks.physics.oscillation.terms import Terms

GIVEN, REPLACED, SMALL = "dm2_31_eV2", "dm2_32_eV2", "dm2_21_eV2"
"""The new parameter, the one of the inner model, and the splitting between them."""


class LeadingSplitting31(AbstractSurvival):
    """A model in which |Dm2_31| takes the place of |Dm2_32|: |Dm2_32| = |Dm2_31| - o Dm2_21 for the ordering o.

    Args:
        inner: model with the parameters dm2_32_eV2 and dm2_21_eV2.
        ordering: +1 for normal, -1 for inverted ordering; that of the inner model.

    Raises:
        InvalidModel: if the inner model has not both.
    """

    space: ParameterSpace
    inner: AbstractSurvival
    ordering: int = eqx.field(static=True)

    def __init__(self, inner: AbstractSurvival, ordering: int = 1) -> None:
        for name in (REPLACED, SMALL):
            if name not in inner.space:
                raise InvalidModel(f"{type(inner).__name__} has no free parameter {name!r}; expected both splittings")
        old, small = inner.space[REPLACED], inner.space[SMALL]
        new = Parameter(
            GIVEN,
            old.start + ordering * small.start,
            lower=old.lower,
            upper=old.upper,
            unit=old.unit,
            latex=r"$|\Delta m^2_{31}|$",
        )
        self.space = ParameterSpace(tuple(new if p.name == REPLACED else p for p in inner.space.parameters))
        self.inner, self.ordering = inner, ordering

    def terms(self, values: Values) -> Terms:
        """Terms of the inner model."""
        smaller = values[GIVEN] - self.ordering * values[SMALL]
        return self.inner.terms({n: smaller if n == REPLACED else values[n] for n in self.inner.space.names})
