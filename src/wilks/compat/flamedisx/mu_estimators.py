"""Estimators of expected numbers, which old scripts name: accepted, and not needed since these numbers are exact."""

from collections.abc import Mapping
from typing import Any

from wilks._base.errors import InvalidOption
from wilks._base.notices import notice


class CrossInterpolatedMu:
    """Accepted without effect."""


class GridInterpolatedMu:
    """Accepted without effect."""


class SimulateEachCallMu:
    """Accepted without effect."""


class ConstantMu:
    """Accepted without effect, like its ``input_mu``.

    Args:
        options: kept.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.options = options


class CombinedMu:
    """Accepted without effect."""

    @classmethod
    def from_estimators(cls, spec_dict: Mapping[Any, Any], default: Any = CrossInterpolatedMu) -> "CombinedMu":
        """The same, with an estimator for each combination of parameters."""
        return cls()


ESTIMATORS = (CrossInterpolatedMu, GridInterpolatedMu, SimulateEachCallMu, ConstantMu, CombinedMu)


def accept_estimators(given: Any) -> None:
    """Take any description of estimators, and say once that it has no effect.

    Raises:
        InvalidOption: for something that is no estimator, such as a function that gives the expected number itself.
    """
    if given is None:
        return
    for item in given.values() if isinstance(given, Mapping) else (given,):
        if item not in ESTIMATORS and not isinstance(item, ESTIMATORS):
            raise InvalidOption(
                f"mu_estimators holds {item!r}; expected numbers are computed exactly, leave it out (a source with a "
                "given number is fd.ColumnSource)"
            )
    notice("mu_estimators have no effect: expected numbers are computed exactly at every point")
