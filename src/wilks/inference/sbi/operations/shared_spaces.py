"""Whether several posteriors are over the same parameters with the same priors."""

from collections.abc import Iterable

from wilks._base.errors import InvalidOption, InvalidParameter
from wilks.inference.sbi.proposals import Proposal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


def space_of_all(posteriors: Iterable[Proposal]) -> ParameterSpace:
    """The space that all posteriors share.

    Raises:
        InvalidOption: if there are none.
        InvalidParameter: naming the first parameter in which two differ.
    """
    spaces = [posterior.space for posterior in posteriors]
    if not spaces:
        raise InvalidOption("no posteriors given; give at least one")
    first = spaces[0]
    for number, other in enumerate(spaces[1:], start=2):
        if other.names != first.names:
            raise InvalidParameter(
                f"posterior 1 has the parameters {', '.join(first.names)}, posterior {number} "
                f"{', '.join(other.names)}; train all with one space"
            )
        for one, two in zip(first.parameters, other.parameters, strict=True):
            if _law(one) != _law(two):
                raise InvalidParameter(
                    f"parameter {one.name!r}: posterior 1 has {_text(one)}, posterior {number} {_text(two)}; train all "
                    "with one space, or widen a truncated one"
                )
        if other.joint != first.joint:
            raise InvalidParameter(f"posteriors 1 and {number} have other joint priors; train all with one space")
    return first


def _law(parameter: Parameter) -> tuple[object, ...]:
    return (parameter.is_free, parameter.lower, parameter.upper, repr(parameter.prior))


def _text(parameter: Parameter) -> str:
    return f"the prior {parameter.prior} in [{parameter.lower:g}, {parameter.upper:g}]"
