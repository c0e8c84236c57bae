"""The role of likelihoods that are known up to a term of the data alone, and where they are refused."""

from typing import TypeVar

from wilks._base.errors import InvalidModel

from .interface import AbstractLikelihood
from .joint import Joint

Data = TypeVar("Data")


class AbstractUnnormalised(AbstractLikelihood[Data]):
    """Judges parameters, not data: ``log_prob`` lacks a term of the data, as neural ratios do.

    Fits, intervals, contours and samplers take it like any likelihood; evidences and goodness of fit refuse it.
    """


def is_unnormalised(likelihood: AbstractLikelihood) -> bool:
    """Whether a likelihood, or a part of a joint, is known up to a term of the data only."""
    if isinstance(likelihood, Joint):
        return any(is_unnormalised(part) for part in likelihood.parts.values())
    return isinstance(likelihood, AbstractUnnormalised)


def refuse_unnormalised(likelihood: AbstractLikelihood) -> None:
    """Refuse a likelihood without normalisation, alone or in a joint, where that matters.

    Raises:
        InvalidModel: saying what to use.
    """
    parts = likelihood.parts.values() if isinstance(likelihood, Joint) else (likelihood,)
    for part in parts:
        if isinstance(part, Joint):
            refuse_unnormalised(part)
        if isinstance(part, AbstractUnnormalised):
            raise InvalidModel(
                f"{type(part).__name__} is known up to a term of the data and gives no evidence and no goodness of "
                "fit; take the exact likelihood, or `train_likelihood`"
            )
