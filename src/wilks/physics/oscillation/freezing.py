"""Nuisances with auxiliary measurements turned into a fixed covariance, taken without a sterile neutrino."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Values
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from .dayabay.likelihood import DayaBayLikelihood
from .pulls import WithPulls, null_values, pulled_covariance


class Held(AbstractPredictor[Float[Array, " values"]]):
    """A prediction with some of its parameters held.

    Args:
        space: the others.
        inner: the prediction.
        held: values by name.
    """

    space: ParameterSpace
    inner: AbstractPredictor[Float[Array, " values"]]
    held: tuple[tuple[str, float], ...] = eqx.field(static=True)

    def __call__(self, values: Values) -> Float[Array, " values"]:
        """Prediction at the named values."""
        free = {name: values[name] for name in self.space.names}
        return self.inner({**free, **{name: jnp.asarray(value) for name, value in self.held}})


def frozen(likelihood: AbstractLikelihood) -> AbstractLikelihood:
    """The likelihood with its pulled nuisances held and their effect in the covariance, C + J S J^T at s = 0.

    For measured values that are linear in the nuisances this is the profile over them where J does not depend on the
    sterile neutrino, and an approximation elsewhere. The auxiliary measurements stay among the values, so that data
    fit both likelihoods.

    Args:
        likelihood: Gaussian residuals, or a joint of them; parts without pulls stay as they are.

    Raises:
        InvalidModel: if a pulled nuisance of one part acts on another one too.
    """
    if isinstance(likelihood, Joint):
        _refuse_shared(likelihood.parts)
        return Joint({name: frozen(part) for name, part in likelihood.parts.items()})
    if isinstance(likelihood, GaussianResiduals) and pulls_of(likelihood):
        return _frozen_part(likelihood)
    return likelihood


def pulls_of(likelihood: AbstractLikelihood) -> tuple[str, ...]:
    """Parameters with an auxiliary measurement."""
    if isinstance(likelihood, Joint):
        return tuple(dict.fromkeys(name for part in likelihood.parts.values() for name in pulls_of(part)))
    if isinstance(likelihood, GaussianResiduals) and isinstance(likelihood.predictor, WithPulls):
        return likelihood.predictor.pulls
    return likelihood.pulls.parameters if isinstance(likelihood, DayaBayLikelihood) else ()


def _frozen_part(likelihood: GaussianResiduals) -> GaussianResiduals:
    predictor, names = likelihood.predictor, pulls_of(likelihood)
    space, null = predictor.space, null_values(predictor.space)
    rest = space.part(n for n in space.names if n not in names)
    held = Held(rest, predictor, tuple((n, null[n]) for n in names))
    return GaussianResiduals(held, covariance=pulled_covariance(likelihood, names))


def _refuse_shared(parts: Mapping[str, AbstractLikelihood]) -> None:
    for name, part in parts.items():
        for other, rest in parts.items():
            both = set(pulls_of(part)) & set(rest.space.names) if other != name else set()
            if both:
                raise InvalidModel(
                    f"the nuisance {min(both)!r} of part {name!r} acts on part {other!r} too and cannot be frozen part "
                    "by part; keep it free"
                )
