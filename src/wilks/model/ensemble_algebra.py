"""The algebra of ensembles: chains, concatenations, sums, fixed parameters; linear ones collapse exactly.

``systematics="product"`` takes every variation of one with every variation of the other (the first, outermost one
slowest); ``"paired"`` takes variation s with variation s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, InvalidParameter, UnknownName, check_option, near_names
from wilks._base.typing import Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .ensemble_labels import NO_LABELS, EnsembleLabels, check_joint, joined, joined_variations, shared
from .ensembles import (
    AbstractEnsemble,
    FixedEnsemble,
    Limit,
    LinearEnsemble,
    Points,
    Predicted,
    ResampledEnsemble,
    as_ensemble,
    common_weights,
    predicted,
)
from .predictor import AbstractPredictor

SYSTEMATICS = ("product", "paired")


class ComposedEnsemble(AbstractEnsemble):
    """outer(inner(x)), evaluated in turn."""

    space: ParameterSpace
    outer: AbstractEnsemble
    inner: AbstractEnsemble
    weights: Float[np.ndarray, " variations"]
    limits: tuple[Limit, ...]
    systematics: str = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def predict(self, points: Points) -> Predicted:
        """Predictions of the outer ensemble at those of the inner one."""
        return _onwards(self.outer, predicted(self.inner, points), self.systematics)


class ConcatenatedEnsemble(AbstractEnsemble):
    """Predictions of several ensembles one after the other, or their sum."""

    space: ParameterSpace
    parts: tuple[AbstractEnsemble, ...]
    places: tuple[range | tuple[int, ...], ...] = eqx.field(static=True)
    scales: tuple[float, ...] | None = eqx.field(static=True)
    weights: Float[np.ndarray, " variations"]
    systematics: str = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def predict(self, points: Points) -> Predicted:
        """Predictions of all parts, joined (or added with their scales)."""
        xp: Any = np if isinstance(points, np.ndarray) else jnp
        pieces = [predicted(part, _share(points, where)) for part, where in zip(self.parts, self.places, strict=True)]
        if self.systematics == "product" and len(self.weights) > 1:
            if points.shape[0] > 1:
                raise InvalidModel("a product of variations cannot take another parameter vector per variation")
            pieces = _crossed(xp, pieces, [len(part.weights) for part in self.parts])
        size = max(piece.shape[0] for piece in pieces)
        pieces = [xp.broadcast_to(piece, (size, *piece.shape[1:])) for piece in pieces]
        if self.scales is None:
            return xp.concatenate(pieces, axis=1)
        return xp.sum(xp.stack([scale * piece for scale, piece in zip(self.scales, pieces, strict=True)]), axis=0)


def templates(
    tables: Mapping[str, Any],
    *,
    lower: float = 0.0,
    names: Sequence[str] = (),
    unit: str | Sequence[str] = "",
    variations: Sequence[str] = (),
) -> LinearEnsemble:
    """One weight per named table, starting at 1 in [lower, inf).

    Args:
        tables: vectors of equal length, or one vector per variation each: shape (variations, length).
        lower: lower bound of all weights.
        names: names of the numbers in a vector, one each; `compose` compares them with what the outer predictor takes.
        unit: their unit, one for all or one each; compared in the same way.
        variations: names of the variations; paired ensembles must agree on them.
    """
    if not tables:
        raise InvalidModel("no templates given; give at least one")
    arrays = {name: np.atleast_2d(np.asarray(table, dtype=float)) for name, table in tables.items()}
    length, size = next(iter(arrays.values())).shape[1], max(array.shape[0] for array in arrays.values())
    for name, array in arrays.items():
        if array.ndim != 2 or array.shape[1] != length or array.shape[0] not in (1, size):
            raise InvalidModel(f"template {name!r} has shape {np.shape(tables[name])}; expected ({size}, {length})")
    space = ParameterSpace(tuple(Parameter(name, 1.0, lower=lower) for name in arrays))
    matrices = np.stack([np.broadcast_to(a, (size, length)) for a in arrays.values()], axis=2)
    return LinearEnsemble(
        space, matrices, labels=EnsembleLabels.of(length, names, unit).with_variations(variations, size)
    )


def passthrough(*names: str, lower: float = -np.inf, unit: str = "") -> LinearEnsemble:
    """Parameters that are themselves the prediction, starting at 1 in [lower, inf)."""
    space = ParameterSpace(tuple(Parameter(name, 1.0, lower=lower, unit=unit) for name in names))
    return LinearEnsemble(space, np.eye(len(names)), labels=EnsembleLabels.of(len(names), (), unit))


def compose(outer: AbstractPredictor, inner: AbstractPredictor, *, systematics: str = "product") -> AbstractEnsemble:
    """The outer prediction at what the inner one predicts; parameters, starts and bounds are those of the inner one.

    A linear outer ensemble and an inner one with stored matrices are multiplied exactly, once.

    Raises:
        InvalidModel: if lengths, names, units, numbers of variations or weights do not fit.
    """
    check_option("systematics", systematics, SYSTEMATICS)
    first, second = as_ensemble(outer), as_ensemble(inner)
    if len(first.space) != second.outputs:
        raise InvalidModel(
            f"the outer predictor takes {len(first.space)} numbers, the inner one gives {second.outputs}"
        )
    given = labels_of(second)
    check_joint(given, first.space)
    stored = first.linear and isinstance(second, LinearEnsemble)
    if stored and isinstance(first, ComposedEnsemble) and len(second.weights) == 1:  # its limits need the inner chain
        return compose(first.outer, compose(first.inner, second), systematics=first.systematics)
    weights = common_weights((first, second), systematics)  # refuses numbers of variations that do not fit
    labels = _chained_labels(first, second, systematics, given)
    limits = _chained_limits(first, second)
    if stored:
        both = np.asarray(_onwards(first, _at_unit_vectors(second), systematics))
        return _stored(second.space, both, weights, limits, labels)
    return ComposedEnsemble(
        space=second.space,
        outer=first,
        inner=second,
        weights=weights,
        limits=limits,
        systematics=systematics,
        outputs=first.outputs,
        linear=first.linear and second.linear,
    )


def concatenate(
    parts: Sequence[AbstractPredictor], *, share: bool = False, systematics: str = "product"
) -> AbstractEnsemble:
    """Predictions one after the other.

    Args:
        parts: at least one.
        share: equal names are one parameter; otherwise they are an error.
        systematics: see the top of this file.
    """
    return _combine(parts, None, share, systematics)


def add(
    parts: Sequence[AbstractPredictor],
    *,
    scales: Sequence[float] | None = None,
    share: bool = True,
    systematics: str = "product",
) -> AbstractEnsemble:
    """Sum of predictions of equal length, each times its scale."""
    factors = tuple(float(s) for s in scales) if scales is not None else (1.0,) * len(parts)
    if len(factors) != len(parts):
        raise InvalidModel(f"{len(factors)} scales for {len(parts)} predictors; expected one each")
    return _combine(parts, factors, share, systematics)


def fix(predictor: AbstractPredictor, **values: float) -> AbstractEnsemble:
    """The predictor with some parameters at fixed values, and only the others left.

    Raises:
        UnknownName: with the nearest names.
    """
    part = as_ensemble(predictor)
    for name in values:
        if name not in part.space:
            raise UnknownName(f"no parameter {name!r}; {near_names(name, part.space.names)}")
    return _fixed(part, values)


def collapse(ensemble: AbstractEnsemble) -> LinearEnsemble:
    """A linear ensemble with its matrices stored.

    Raises:
        InvalidModel: if it is not linear; `linearise` it at a point.
    """
    if not ensemble.linear:
        raise InvalidModel(f"{type(ensemble).__name__} is not linear; linearise it at a point")
    both = _at_unit_vectors(ensemble)
    return _stored(ensemble.space, both, ensemble.weights, limits_of(ensemble), labels_of(ensemble))


def _at_unit_vectors(ensemble: AbstractEnsemble) -> Float[np.ndarray, "each outputs vectors"]:
    """Predictions at every unit vector, and at zero."""
    if isinstance(ensemble, LinearEnsemble) and len(ensemble.columns) == len(ensemble.space):
        matrices, constants = ensemble.matrices, ensemble.constants[..., None]
        both = np.empty((max(len(matrices), len(constants)), *matrices.shape[1:2], matrices.shape[2] + 1))
        both[...] = constants
        both[..., :-1] += matrices
        return both
    size = len(ensemble.space)
    return np.asarray(predicted(ensemble, np.eye(size, size + 1)[None]))


def _stored(
    space: ParameterSpace,
    both: Float[np.ndarray, "each outputs vectors"],
    weights: Float[np.ndarray, " variations"],
    limits: tuple[Limit, ...],
    labels: EnsembleLabels,
) -> LinearEnsemble:
    """The linear ensemble with these predictions at every unit vector, and at zero."""
    rows = both[..., -1]
    matrices = both[..., :-1] - rows[..., None]
    return LinearEnsemble(space, matrices, constants=rows, weights=weights, limits=limits, labels=labels)


def labels_of(ensemble: AbstractEnsemble) -> EnsembleLabels:
    """What an ensemble's predicted numbers and its variations are called, as far as that is known."""
    if isinstance(ensemble, (LinearEnsemble, ResampledEnsemble)):
        return ensemble.labels
    if isinstance(ensemble, ComposedEnsemble):
        return _chained_labels(ensemble.outer, ensemble.inner, ensemble.systematics, labels_of(ensemble.inner))
    if isinstance(ensemble, FixedEnsemble):
        return labels_of(ensemble.part)
    if isinstance(ensemble, ConcatenatedEnsemble):
        parts = [labels_of(part) for part in ensemble.parts]
        if all(part is NO_LABELS for part in parts):
            return NO_LABELS
        sizes = [part.outputs for part in ensemble.parts]
        numbers = joined(parts, sizes) if ensemble.scales is None else shared(parts)
        counts = [len(part.weights) for part in ensemble.parts]
        return replace(numbers, variations=joined_variations(parts, counts, ensemble.systematics))
    return NO_LABELS


def _chained_labels(
    outer: AbstractEnsemble, inner: AbstractEnsemble, systematics: str, given: EnsembleLabels
) -> EnsembleLabels:
    """Numbers as the outer ensemble calls them, variations of both; ``given`` are the labels of the inner one."""
    parts = (labels_of(outer), given)
    if parts[0] is NO_LABELS and given is NO_LABELS:
        return NO_LABELS
    counts = (len(outer.weights), len(inner.weights))
    return replace(parts[0], variations=joined_variations(parts, counts, systematics))


def limits_of(ensemble: AbstractEnsemble) -> tuple[Limit, ...]:
    """Where an ensemble is supported, beyond the bounds of its own parameters."""
    if isinstance(ensemble, (LinearEnsemble, ComposedEnsemble)):
        return ensemble.limits
    if isinstance(ensemble, FixedEnsemble):
        values = {n: float(ensemble.values[i]) for i, n in enumerate(ensemble.part.space.names)}
        fixed = {n: v for n, v in values.items() if n not in ensemble.space}
        return tuple(Limit(_fixed(limit.inner, fixed), limit.bounded) for limit in limits_of(ensemble.part))
    return ()


def beyond_limits(ensemble: AbstractEnsemble, values: Values) -> dict[str, float]:
    """The inner numbers of a chain that leave their bounds at the named values, and by how much."""
    limits = limits_of(ensemble)
    theta = np.array([float(values[name]) for name in ensemble.space.names])
    found: dict[str, float] = {}
    for limit in limits:
        if Limit.surely_kept(limit, theta):  # binding the method would cost more
            continue
        excess = np.asarray(Limit.excess(limit, theta))
        found.update({limit.bounded.names[i]: float(excess[i]) for i in np.flatnonzero(excess > 0)})
    return found


def linearise(predictor: AbstractPredictor, values: Values) -> LinearEnsemble:
    """The tangent at a point, by automatic differentiation.

    Args:
        predictor: any predictor of a vector, or an ensemble.
        values: the point.
    """
    ensemble = as_ensemble(predictor)
    theta = jnp.asarray(ensemble.space.pack(values))
    value, slope = _tangent(ensemble, theta)
    constants = np.asarray(value - slope @ theta)
    return LinearEnsemble(ensemble.space, np.asarray(slope), constants=constants, weights=ensemble.weights)


def _fixed(part: AbstractEnsemble, values: dict[str, float]) -> AbstractEnsemble:
    fixed = FixedEnsemble(part, values)
    return collapse(fixed) if isinstance(part, LinearEnsemble) else fixed


@eqx.filter_jit
def _tangent(ensemble: AbstractEnsemble, theta: Array) -> tuple[Array, Array]:
    return ensemble.at(theta), jax.jacfwd(ensemble.at)(theta)


def _chained_limits(outer: AbstractEnsemble, inner: AbstractEnsemble) -> tuple[Limit, ...]:
    """The limits of the inner ensemble, those of the outer one, and the bounds of the outer one's parameters."""
    found = list(limits_of(inner))
    for limit in limits_of(outer):
        found.append(Limit(compose(limit.inner, inner), limit.bounded))
    if np.isfinite(outer.space.uppers).any() or (outer.space.lowers > 0).any():
        found.append(Limit(inner, outer.space))
    return tuple(found)


def _onwards(outer: AbstractEnsemble, between: Points, systematics: str) -> Predicted:
    """What an outer ensemble makes of the predictions of an inner one."""
    if systematics == "paired" or between.shape[0] == 1:
        return predicted(outer, between)
    return _each_with_each(outer, between)


def _each_with_each(outer: AbstractEnsemble, between: Points) -> Predicted:
    """Every variation of the outer ensemble at every inner prediction, the outer one slowest."""
    xp: Any = np if isinstance(between, np.ndarray) else jnp
    variations, inputs, points = between.shape
    side_by_side = xp.moveaxis(between, 0, 1).reshape(1, inputs, variations * points)
    found = predicted(outer, side_by_side)
    crossed = found.reshape(found.shape[0], outer.outputs, variations, points)
    return xp.moveaxis(crossed, 2, 1).reshape(found.shape[0] * variations, outer.outputs, points)


def _crossed(xp: Any, pieces: list[Any], sizes: list[int]) -> list[Any]:
    """Predictions of parts repeated over the product of their variations, the first one slowest."""
    index = np.indices(sizes).reshape(len(sizes), -1)
    return [xp.broadcast_to(p, (n, *p.shape[1:]))[i] for p, n, i in zip(pieces, sizes, index, strict=True)]


def _share(points: Points, places: range | tuple[int, ...]) -> Float[Array | np.ndarray, "each own points"]:
    """The parameters of one part."""
    return points[:, places.start : places.stop] if isinstance(places, range) else points[:, np.array(places)]


def _in_a_row(places: tuple[int, ...]) -> range | tuple[int, ...]:
    """Neighbouring places as a range, which takes a view and no copy."""
    row = range(places[0], places[0] + len(places)) if places else range(0)
    return row if places == tuple(row) else places


def _combine(
    given: Sequence[AbstractPredictor], scales: tuple[float, ...] | None, share: bool, systematics: str
) -> AbstractEnsemble:
    check_option("systematics", systematics, SYSTEMATICS)
    if not given:
        raise InvalidModel("no predictors given; give at least one")
    parts = tuple(as_ensemble(part) for part in given)
    if scales is not None and len({part.outputs for part in parts}) > 1:
        raise InvalidModel(f"the terms of a sum predict {[part.outputs for part in parts]} numbers; expected equal")
    if scales is not None:
        shared([labels_of(part) for part in parts])
    space = parts[0].space
    for part in parts[1:]:
        common = [name for name in part.space.names if name in space]
        if common and not share:
            raise InvalidParameter(f"parameters {', '.join(common[:5])} occur in two parts; rename or share them")
        space = space | part.space
    places = tuple(_in_a_row(tuple(space.indices(part.space.names))) for part in parts)
    outputs = parts[0].outputs if scales is not None else sum(part.outputs for part in parts)
    linear = all(part.linear for part in parts)
    weights = common_weights(parts, systematics)
    joined = ConcatenatedEnsemble(
        space=space,
        parts=parts,
        places=places,
        scales=scales,
        weights=weights,
        systematics=systematics,
        outputs=outputs,
        linear=linear,
    )
    return collapse(joined) if all(isinstance(part, LinearEnsemble) for part in parts) else joined
