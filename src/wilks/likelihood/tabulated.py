"""Likelihoods from published Delta chi-square profiles of one, two or three quantities.

Use when an experiment publishes its result as a table or a curve rather than as counts. The data are the best values;
toys move them: a table is understood as one of a family that shifts with its best value.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.draws import uniforms
from wilks._base.errors import InvalidData, InvalidModel
from wilks._base.typing import Key, LogProb, Values
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from .curve_table import CurveTable
from .curves import Curve
from .interface import AbstractCellLikelihood, AbstractSimulator, Cells
from .surfaces import Surface

BestValues = Float[Array | np.ndarray, "*lanes quantities"]
"""Best value of every quantity: what a toy fluctuates."""

Profile = Curve | Surface


class TabulatedProfiles(AbstractCellLikelihood[BestValues], AbstractSimulator[BestValues]):
    """Independent Delta chi-square profiles of predicted quantities.

    excess = sum over profiles of c(m - d + best)/2 with m the prediction and d the datum; ``log_prob`` is normalised:
    data are distributed as exp(-c/2) around the prediction.

    Args:
        predictor: predicted quantities as a vector.
        profiles: curves and surfaces that take the quantities in order: one for a curve, two or three for a surface.

    Raises:
        InvalidModel: if profiles and prediction do not have the same number of quantities.

    >>> from wilks.likelihood.curves import gaussian_curve
    >>> from wilks.model.linear import LinearTemplates
    >>> likelihood = TabulatedProfiles(LinearTemplates.of({"x": [1.0]}), [gaussian_curve(3.0, 0.5)])
    >>> float(likelihood.excess({"x": 4.0}, likelihood.best))
    2.0
    """

    space: ParameterSpace
    predictor: AbstractPredictor[Float[Array, " quantities"]]
    curves: CurveTable
    surfaces: tuple[Surface, ...]
    places: tuple[tuple[int, ...], ...] = eqx.field(
        static=True
    )  # quantities of the curves together, then of each surface

    def __init__(self, predictor: AbstractPredictor[Float[Array, " quantities"]], profiles: Sequence[Profile]) -> None:
        self.space, self.predictor = predictor.space, predictor
        sizes = [profile.size if isinstance(profile, Surface) else 1 for profile in profiles]
        start = np.shape(predictor(predictor.space.unpack(predictor.space.starts)))
        if start != (sum(sizes),):
            raise InvalidModel(f"the prediction has shape {start}, the profiles take {sum(sizes)} quantities")
        firsts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        self.curves = CurveTable.of([profile for profile in profiles if isinstance(profile, Curve)])
        self.surfaces = tuple(profile for profile in profiles if isinstance(profile, Surface))
        alone = [int(first) for first, profile in zip(firsts, profiles, strict=False) if isinstance(profile, Curve)]
        together = [
            tuple(range(int(first), int(first) + profile.size))
            for first, profile in zip(firsts, profiles, strict=False)
            if isinstance(profile, Surface)
        ]
        self.places = (tuple(alone), *together)

    @property
    def best(self) -> Float[np.ndarray, " quantities"]:
        """Published best values: the observed data."""
        return np.asarray(self._published)

    def mean(self, values: Values) -> Float[Array, "terms cells"]:
        """Predicted quantities: one cell per profile, as many terms as the largest profile has quantities."""
        predicted = self.predictor(values)
        terms = self._terms
        columns = [jnp.pad(predicted[np.array(self.places[0], dtype=int)][None], ((0, terms - 1), (0, 0)))]
        for place in self.places[1:]:
            columns.append(jnp.pad(predicted[np.array(place)][:, None], ((0, terms - len(place)), (0, 0))))
        return jnp.concatenate(columns, axis=1)

    def judge(self, mean: Float[Array, "terms cells"], data: BestValues) -> Cells:
        """Half of Delta chi-square and its derivatives per profile."""
        moved = self._moved(data)
        count, terms = len(self.curves), self._terms
        alone = self.curves.evaluate(mean[0, :count] - moved[np.array(self.places[0], dtype=int)])
        excess, slope = [alone.value], [jnp.pad(alone.slope[None], ((0, terms - 1), (0, 0)))]
        square = ((0, terms - 1), (0, terms - 1), (0, 0))
        expected = [jnp.pad(alone.weight[None, None], square)]
        observed = [jnp.pad(alone.curvature[None, None], square)]
        for i, (place, surface) in enumerate(zip(self.places[1:], self.surfaces, strict=True)):
            here = surface.evaluate(mean[: len(place), count + i] - moved[np.array(place)])
            short = (0, terms - len(place))
            excess.append(here.value[None])
            slope.append(jnp.pad(here.gradient[:, None], (short, (0, 0))))
            expected.append(jnp.pad(here.weight[..., None], (short, short, (0, 0))))
            observed.append(jnp.pad(here.hessian[..., None], (short, short, (0, 0))))
        halves = [0.5 * jnp.concatenate(part, axis=-1) for part in (excess, slope, expected, observed)]
        return Cells(*halves, inside=jnp.all(jnp.isfinite(mean), axis=0))

    def saturated(self, data: BestValues) -> LogProb:
        """Minus the logarithm of the integrals of exp(-c/2)."""
        norms = [jnp.sum(jnp.asarray(self.curves.log_norm)), *(jnp.asarray(s.draws.log_norm) for s in self.surfaces)]
        return -jnp.sum(jnp.stack(norms))

    def prepare(self, data: Any) -> BestValues:
        """Best values checked; None stands for the published ones.

        Raises:
            InvalidData: if there are not as many finite numbers as quantities.
        """
        if data is None:
            return self.best
        array = np.asarray(data, dtype=float)
        if array.shape != self.best.shape or not np.isfinite(array).all():
            raise InvalidData(f"best values {array.tolist()}; expected {len(self.best)} finite numbers")
        return array

    def simulate(self, key: Key, values: Values) -> BestValues:
        """Best values drawn around the prediction, with noise from exp(-c/2) of each profile."""
        predicted = self.predictor(values)
        count = len(self.curves)
        uniform = uniforms(key, count + sum(surface.size + 1 for surface in self.surfaces))
        point = jnp.zeros_like(predicted).at[np.array(self.places[0], dtype=int)].set(self.curves.draw(uniform[:count]))
        for place, surface in zip(self.places[1:], self.surfaces, strict=True):
            drawn = surface.draws.draw(uniform[count : count + surface.size + 1])
            point, count = point.at[np.array(place)].set(drawn), count + surface.size + 1
        return predicted + self._published - point

    def expected(self, values: Values) -> BestValues:
        """Best values equal to the prediction."""
        return self.predictor(values)

    @property
    def _terms(self) -> int:
        return max((1, *(surface.size for surface in self.surfaces)))

    def _moved(self, data: BestValues) -> Float[Array, " quantities"]:
        return jnp.asarray(data) - self._published

    @property
    def _published(self) -> Float[Array, " quantities"]:
        best = jnp.zeros(sum(len(place) for place in self.places))
        best = best.at[np.array(self.places[0], dtype=int)].set(jnp.asarray(self.curves.best))
        for place, surface in zip(self.places[1:], self.surfaces, strict=True):
            best = best.at[np.array(place)].set(jnp.asarray(surface.best))
        return best
