"""What an experiment hands over to the procedures: likelihood, data, simulator, and what a reader must know of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Values
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.model.user_functions.function import UserFunction, user_function
from wilks.parameters.space import ParameterSpace
from wilks.results.text import Summary, as_html, as_text

from .spaces import PLANE


@dataclass(frozen=True)
class Source:
    """Where figures come from.

    Args:
        what: which figures, for example ``"rates"`` or ``"flux U235"``.
        citation: paper, with equation or table.
        path: file that was read; empty for figures typed into Wilks.
        digest: SHA-256 of the file's content; empty for typed figures.
    """

    what: str
    citation: str
    path: str = ""
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Study:
    """An experiment, or several joined, as a statistical question.

    Args:
        name: short name, for example ``"rates"``.
        likelihood: judges the data.
        data: observed data as the likelihood takes them.
        simulator: makes pseudo-experiments; often the likelihood itself.
        interest: names of the parameters of interest.
        events: names of the sets of recorded events that went in, by which overlaps of studies are seen,
            for example ``("RENO-near", "RENO-far")``.
        flags: name -> sentence; what a careful reader must know.
        sources: where the figures come from.
    """

    name: str
    likelihood: AbstractLikelihood
    data: Any
    simulator: AbstractSimulator
    interest: tuple[str, ...]
    events: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def __str__(self) -> str:
        return as_text(_summary(self))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html(_summary(self))


def experiment(
    name: str,
    prediction: AbstractPredictor | Callable[[Any], Any],
    data: Any,
    covariance: Any,
    space: ParameterSpace,
    *,
    events: tuple[str, ...] = (),
    interest: tuple[str, ...] = (),
    citation: str = "user",
) -> Study:
    """An experiment of one's own: a prediction for one point, measured values and their covariance.

    Args:
        name: short name.
        prediction: from a map of parameter values to the predicted values, in numpy or jax.numpy for one point; or a
            predictor.
        data: measured values.
        covariance: their covariance, symmetric and positive definite.
        space: the parameters that the prediction reads.
        events: names of the recorded events, by which overlaps with other studies are seen.
        interest: parameters of interest; by default the sterile plane where the space has it, else all.
        citation: where the data are from.

    Raises:
        InvalidModel: if prediction, data and covariance do not fit together.

    >>> from wilks.parameters.parameter import Parameter
    >>> space = ParameterSpace((Parameter("x", 1.0),))
    >>> study = experiment("lines", lambda p: [p["x"], 2 * p["x"]], [1.0, 2.2], np.eye(2), space)
    >>> study.interest
    ('x',)
    """
    measured = np.asarray(data, dtype=float)
    predictor = prediction
    if not isinstance(predictor, AbstractPredictor):
        predictor = UserPrediction(space, user_function(predictor, space, shape=measured.shape, name=name))
    likelihood = GaussianResiduals(predictor, covariance=np.asarray(covariance, dtype=float))
    chosen = interest or tuple(p for p in PLANE if p in space) or space.free
    source = Source("data", citation)
    return Study(name, likelihood, likelihood.prepare(measured), likelihood, chosen, events, {}, (source,))


class UserPrediction(AbstractPredictor[Float[Array, " values"]]):
    """Predicted values from a user's function.

    Args:
        space: its parameters.
        function: the function.
    """

    space: ParameterSpace
    function: UserFunction

    def __call__(self, values: Values) -> Float[Array, " values"]:
        """Values at one point."""
        return jnp.real(self.function(values))


_ADVICE = (
    f"{PLANE[1]} has many minima; start a fit at the best of them: fit(study.likelihood, study.data, "
    "start=oscillation.best_start(study))"
)


def _summary(study: Study) -> Summary:
    space = study.likelihood.space
    constrained = [p for p in space.parameters if p.is_free and p.name not in study.interest]
    sentences = (
        f"parameters of interest: {', '.join(study.interest)}",
        f"other free parameters: {len(constrained)}" if constrained else "",
        f"events: {', '.join(study.events)}" if study.events else "",
        _ADVICE if all(name in space.free for name in PLANE) else "",
    )
    rows = tuple((s.what, s.citation, s.path, s.digest[:12]) for s in study.sources)
    columns = ("source", "citation", "file", "sha256") if rows else ()
    return Summary(study.name, sentences, columns, rows, tuple(study.flags.items()))
