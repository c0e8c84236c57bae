"""From a flavour model and data on observables to a likelihood that can be fitted, and the observed data."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.draws import uniforms
from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks._base.typing import Key, LogProb, Scalar, Values
from wilks.likelihood.interface import AbstractCellLikelihood, AbstractNamedTerms, AbstractSimulator, Cells
from wilks.parameters.space import ParameterSpace

from .chi2_terms import ChiSquareTerms
from .data_sets import Data, Origin, by_ordering
from .fitted import POWERS, SPLITTINGS, check_joint, fitted_names, number
from .joint_tables import QUANTITIES
from .model import FlavorModel
from .observables import Observables
from .settings import SCALE_PARAMETER
from .term_group import TermGroup, stacked

BestValues = Float[Array | np.ndarray, "*lanes observables"]
"""Best value of each term in its coordinate: the data, which toys move; one row per ordering if there are two."""


class FlavorLikelihood(
    AbstractCellLikelihood[BestValues], AbstractSimulator[BestValues], AbstractNamedTerms[BestValues]
):
    """Chi-square of a flavour model's observables; minus half of it is the log density.

    With a model of ``scale="profile"`` the factor of the neutrino mass matrix takes its best value at every point. The
    data's offset above the other ordering is part of the excess, so that orderings can be compared. With a model of
    ``ordering="auto"`` every point is judged by the data of the ordering that its spectrum looks like.

    Args:
        model: predicts the observables.
        terms: data: ``nufit(...)``, a `GaussianTable`, several of different observables, or for ``ordering="auto"`` a
            mapping from ``"NO"`` and ``"IO"`` to either.
        fitted: ``"all"`` for the usual observables of the model's sectors, or names.

    Raises:
        InvalidModel: if model and data assume different orderings, or the fitted observables do not go together.
        UnknownName: if an observable is not predicted, or there are no data on it.
    """

    space: ParameterSpace
    model: FlavorModel
    group: TermGroup
    fitted: tuple[str, ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)  # the same in the order of the terms
    orderings: int = eqx.field(static=True)
    origin: Origin = eqx.field(static=True)

    def __init__(self, model: FlavorModel, terms: Data, fitted: str | Sequence[str] = "all") -> None:
        sets = by_ordering(terms, model.ordering)
        known = tuple(jax.eval_shape(lambda at: _predicted(model, model.space.unpack(at)), model.space.starts))
        self.fitted = fitted_names(fitted, known, sets[0], model.scale)
        coupled = _coupled(self.fitted, sets[0], model.scale)
        alone = [name for name in self.fitted if name not in coupled]
        groups = [TermGroup.of(data, coupled, alone) for data in sets]
        self.space, self.model, self.names = model.space, model, (*coupled, *alone)
        self.orderings, self.origin = len(groups), Origin.of(sets)
        self.group = groups[0] if len(groups) == 1 else stacked(groups)

    @property
    def best(self) -> Float[np.ndarray, "*orderings observables"]:
        """Published best values in the terms' coordinates: the observed data."""
        return np.asarray(self._published)

    def mean(self, values: Values) -> Float[Array, "terms cells"]:
        """The model's numbers: a column of those that share the neutrino scale, then one each; zeros elsewhere.

        An undefined phase is inf and costs nothing.
        """
        return self.group.arranged(self._numbers(values, _predicted(self.model, values)))

    def judge(self, mean: Float[Array, "terms cells"], data: BestValues) -> Cells:
        """Half of the chi-square and its derivatives per cell."""
        y = self.group.listed(mean)
        return self._of_ordering(y, data, lambda group, best: group.judge(y, best - group.published))

    def contributions(self, values: Values, data: BestValues) -> Mapping[str, Scalar]:
        """Chi-square by observable, and the offset above the other ordering.

        Of correlated data, that of (s12^2, m21^2) stands under m21^2, that of (s23^2, m3l^2, d/pi) under m3l^2, and
        what s13^2 adds under s13^2.
        """
        y = self._numbers(values, _predicted(self.model, values))
        each, offset = self._of_ordering(
            y, data, lambda group, best: (group.shares(y, best - group.published), jnp.asarray(group.offset))
        )
        return {name: each[self.names.index(name)] for name in self.fitted} | {"ordering": offset}

    def saturated(self, data: BestValues) -> LogProb:
        """Minus the logarithm of the integrals of exp(-chi2/2) over the best values; of NO if there are two."""
        return -self._first.log_norm

    def prepare(self, data: Any) -> BestValues:
        """Best values checked: None for the published ones, a mapping from observables to values, or an array.

        Raises:
            UnknownName: for an observable that is not fitted.
            InvalidData: if a value is not finite, or their number is wrong.
        """
        if data is None:
            return self.best
        array = self._vector(data) if isinstance(data, Mapping) else np.asarray(data, dtype=float)
        if array.shape != self.best.shape or not np.isfinite(array).all():
            raise InvalidData(
                f"best values {array.tolist()}; expected a finite number for each of {', '.join(self.names)}"
                + (" and each ordering" if self.orderings > 1 else "")
            )
        return array

    def simulate(self, key: Key, values: Values) -> BestValues:
        """Best values drawn around the prediction, with noise from exp(-chi2/2) of each term.

        A profiled neutrino scale stands at its best for the published data. Best values of an ordering that the point
        does not have stay as published.
        """
        y = self._numbers(values, _predicted(self.model, values))
        uniform = uniforms(key, self._first.numbers_per_draw)

        def drawn(group: TermGroup, best: Array) -> Array:
            return group.predicted(y) + best - group.draw(uniform)

        return self._placed(y, self._of_ordering(y, self._published, drawn))

    def expected(self, values: Values) -> BestValues:
        """Best values equal to the prediction; that of an undefined phase stays as published."""
        y = self._numbers(values, _predicted(self.model, values))
        return self._placed(y, self._of_ordering(y, self._published, lambda group, _: group.predicted(y)))

    def neutrino_scale(self, values: Values, data: BestValues) -> Scalar:
        """Lambda in eV: at its best for the data where it is profiled, else the model's own."""
        predicted = _predicted(self.model, values)
        if not len(self.group.scaled):
            return self.model.default_scale(predicted, values)
        y = self._numbers(values, predicted)

        def found(group: TermGroup, best: Array) -> Array:
            return group.log_factor(y, best - group.published)

        return jnp.exp(0.5 * self._of_ordering(y, data, found))

    def _numbers(self, values: Values, predicted: Observables) -> Float[Array, " observables"]:
        """What the model says of each term; an undefined phase is inf, a mass without scale nan."""
        factor = self._factor(values, predicted)
        y = jnp.stack(
            [jnp.asarray(number(predicted, n), dtype=float) * factor ** POWERS.get(n, 0.0) for n in self.names]
        )
        y = jnp.where(self._first.cyclic & jnp.isnan(y), jnp.inf, y)
        if not any(name in POWERS for name in self.names):
            return y
        lost = np.array([name in POWERS for name in self.names]) & predicted.flags["scale_undefined"]
        return jnp.where(lost, jnp.nan, y)

    def _factor(self, values: Values, predicted: Observables) -> Scalar:
        """Lambda^2 where it is not profiled: a parameter, or the average of what the two splittings want."""
        if self.model.scale == "profile" or not any(name in POWERS for name in self.names):
            return jnp.ones(())
        if self.model.scale == "free":
            return jnp.asarray(values[SCALE_PARAMETER]) ** 2
        splittings = [number(predicted, name) for name in SPLITTINGS]
        best = self._of_label(
            splittings[1] < 0, self._published, lambda group, best: group.single.coordinates.values(best)
        )
        wanted = [best[self.names.index(n)] / at for n, at in zip(SPLITTINGS, splittings, strict=True)]
        return 0.5 * (wanted[0] + wanted[1])

    @property
    def _first(self) -> TermGroup:
        """Terms of the only ordering, or of NO."""
        return self.group if self.orderings == 1 else jax.tree.map(lambda array: array[0], self.group)

    @property
    def _published(self) -> BestValues:
        if self.orderings == 1:
            return self.group.published
        return jax.vmap(lambda group: group.published)(self.group)

    def _inverted(self, y: Float[Array, " observables"]) -> Bool[Array, ""]:
        """Whether a point has the inverted ordering, where m3l^2 and r are negative."""
        return y[self.names.index("m3l^2" if "m3l^2" in self.names else "r")] < 0

    def _of_ordering(
        self, y: Float[Array, " observables"], data: BestValues, function: Callable[[TermGroup, Any], Any]
    ) -> Any:
        """A function of the terms and data of the point's ordering."""
        inverted = jnp.array(False) if self.orderings == 1 else self._inverted(y)
        return self._of_label(inverted, data, function)

    def _of_label(self, inverted: Bool[Array, ""], data: BestValues, function: Callable[[TermGroup, Any], Any]) -> Any:
        if self.orderings == 1:
            return function(self.group, jnp.asarray(data))
        both = jax.vmap(function)(self.group, jnp.asarray(data))  # both, as tables are not copied for every point
        return jax.tree.map(lambda array: jnp.where(inverted, array[1], array[0]), both)

    def _placed(self, y: Float[Array, " observables"], best: Float[Array, " observables"]) -> BestValues:
        """Best values of the point's ordering among those of both."""
        if self.orderings == 1:
            return best
        return jnp.asarray(self._published).at[self._inverted(y).astype(int)].set(best)

    def _vector(self, data: Mapping[str, float]) -> np.ndarray:
        vector, group = self.best.copy(), self.group
        logs = (*group.scaled.coordinates.logs, *group.single.coordinates.logs)
        for name, value in data.items():
            if name not in self.names:
                raise UnknownName(f"{name!r} is not fitted; {near_names(name, self.names)}")
            row = self.names.index(name)
            vector[..., row] = np.log10(float(value)) if logs[row] else float(value)
        return vector


def build(
    model: FlavorModel, terms: Data, fitted: str | Sequence[str] = "all"
) -> tuple[FlavorLikelihood, Float[np.ndarray, "*orderings observables"]]:
    """Likelihood and observed data of a flavour model.

    Args:
        model: predicts the observables.
        terms: data on them, e.g. ``nufit("5.3", "NO")``; several sets add up, and for ``ordering="auto"`` a mapping
            gives those of both orderings.
        fitted: ``"all"`` for the usual observables of the model's sectors, or names.

    Raises:
        InvalidModel: if model and data assume different orderings, or the fitted observables do not go together.
        UnknownName: if an observable is not predicted, or there are no data on it.
    """
    likelihood = FlavorLikelihood(model, terms, fitted)
    return likelihood, likelihood.best


def _predicted(model: FlavorModel, values: Values) -> Observables:
    """What a model says at a point; several programs that ask trace it once."""
    return _traced(model, {name: jnp.asarray(value) for name, value in values.items()})


@eqx.filter_jit
def _traced(model: FlavorModel, values: dict[str, Array]) -> Observables:
    return model.dimensionless(values)


def _coupled(fitted: Sequence[str], data: ChiSquareTerms, scale: str) -> tuple[str, ...]:
    """Names of the terms that share the neutrino scale or are correlated with those that do."""
    if data.correlated is not None:
        check_joint(fitted, QUANTITIES, scale)
        return (*QUANTITIES, *(name for name in fitted if name in POWERS and name not in QUANTITIES))
    return tuple(name for name in fitted if scale == "profile" and name in POWERS)
