"""Tabulates likelihoods of two parameters once per node, in the simplest form that describes them."""

import dataclasses
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel, InvalidOption, check_option
from wilks._base.typing import Values
from wilks.parameters.space import ParameterSpace

from .interface import AbstractLikelihood
from .signal_grids import NodeTable, SignalGrid, along_shapes
from .signals import AbstractSignal, GridSignal, LinearSignal, RationalSignal
from .whitening import Whitening, predicted

FORMS = ("auto", "linear", "rational", "grid")

_BATCH = 64  # nodes evaluated at once
_EXACT = 1e-6  # departure in standard deviations that counts as rounding
_PROBES = 12  # nodes at which nuisances are probed for linearity


def tabulate(
    likelihood: AbstractLikelihood,
    grid: SignalGrid,
    *,
    form: str = "auto",
    linearity: float = 0.05,
    space: ParameterSpace | None = None,
    at: Values | None = None,
    batch: int = _BATCH,
) -> AbstractSignal:
    """The signal of a likelihood of Gaussian residuals, its prediction evaluated once per node.

    Free parameters besides the two of the grid are nuisances: the prediction is taken as linear in them, and what
    that costs is measured. Auxiliary measurements of them belong into the likelihood, as residuals of their own.

    Args:
        likelihood: `GaussianResiduals`, or a `Joint` of them.
        grid: nodes of the amplitude and the shape.
        form: ``"linear"``, ``"rational"`` or ``"grid"``; ``"auto"`` takes the first that is exact.
        linearity: largest departure from the form, in standard deviations of the measured values (whitened norm)
            on the grid, that is accepted; one above 1e-6 is flagged.
        space: which parameters are free and which are held at which value; the likelihood's own by default.
        at: values of nuisances around which they are linear; their starts by default.
        batch: nodes evaluated at once.

    Raises:
        InvalidModel: for other likelihoods; for a form that does not describe the prediction, with the measured
            departure.
        InvalidOption: for a grid outside the bounds, or an unknown form.
    """
    check_option("form", form, FORMS)
    table = _Sampler.of(likelihood, grid, space or likelihood.space, at, batch)
    tilts = _tilts(table, linearity)
    if form == "grid" or (form == "auto" and tilts.shared is None):
        return _measured(table, _grid_signal(table, tilts))
    if form != "rational":
        signal, departure = _linear_signal(table, tilts)
        if departure <= _EXACT or (form == "linear" and departure <= linearity):
            return _flagged(_measured(table, signal), "linear_signal", departure, "linear in its amplitude")
        if form == "linear":
            raise InvalidModel(_refusal(grid, "linear", departure, linearity))
    signal, departure = _rational_signal(table, tilts)
    if departure <= _EXACT or (form == "rational" and departure <= linearity):
        return _flagged(
            _measured(table, signal), "rational_signal", departure, "a ratio of linear functions of its amplitude"
        )
    if form == "rational":
        raise InvalidModel(_refusal(grid, "rational", departure, linearity))
    return _measured(table, _grid_signal(table, tilts))


class _Tilts(NamedTuple):
    """Derivatives by the nuisances: the same at all nodes, or one set per node; and flags."""

    shared: Float[np.ndarray, "nuisances cells"] | None
    nodes: Float[np.ndarray, "amplitudes shapes nuisances_cells"] | None
    flags: tuple[tuple[str, str], ...]


class _Sampler(NamedTuple):
    """A likelihood on its grid: evaluates the prediction of all measured values at any points."""

    likelihood: AbstractLikelihood
    grid: SignalGrid
    whitening: Whitening
    space: ParameterSpace  # of the signal: amplitude, shape, nuisances
    rest: dict[str, float]  # parameters that are held
    amplitudes: Float[np.ndarray, " amplitudes"]  # with the point without signal where it is allowed
    batch: int

    @classmethod
    def of(
        cls, likelihood: AbstractLikelihood, grid: SignalGrid, space: ParameterSpace, at: Values | None, batch: int
    ) -> "_Sampler":
        amplitude, shape = (space[name] for name in grid.names)
        for p, nodes in ((amplitude, grid.amplitudes), (shape, grid.shapes)):
            if nodes[0] < p.lower or nodes[-1] > p.upper:
                raise InvalidOption(
                    f"nodes of {p.name!r} run from {nodes[0]:g} to {nodes[-1]:g}, outside its bounds "
                    f"[{p.lower:g}, {p.upper:g}]; narrow the grid or widen the bounds"
                )
        amplitudes = grid.amplitudes
        if amplitude.lower == 0 < amplitudes[0]:
            amplitudes = np.concatenate([[0.0], amplitudes])
        starts = dict(zip(space.names, space.complete(at).tolist(), strict=True))
        nuisances = [n for n in space.free if n not in grid.names]
        axes = ((amplitude, amplitudes), (shape, grid.shapes))
        ends = (amplitude.upper if math.isfinite(amplitude.upper) else float(amplitudes[-1]), float(grid.shapes[-1]))
        own = [_within(p, float(nodes[0]), end) for (p, nodes), end in zip(axes, ends, strict=True)]
        own += [_moved(space[n], starts[n]) for n in nuisances]
        rest = {n: v for n, v in starts.items() if n not in nuisances and n not in grid.names}
        return cls(likelihood, grid, Whitening.of(likelihood), ParameterSpace(tuple(own)), rest, amplitudes, batch)

    @property
    def reference(self) -> Float[np.ndarray, " nuisances"]:
        """Values of the nuisances around which they are linear."""
        return np.array(self.space.starts[2:])

    def theta(self, amplitudes: np.ndarray, shapes: np.ndarray) -> Float[np.ndarray, "nodes parameters"]:
        """Points of all pairs of amplitudes and shapes, in the order of the likelihood's space."""
        base = np.array([self.rest.get(n, math.nan) for n in self.likelihood.space.names])
        for name, value in zip(self.space.names[2:], self.reference, strict=True):
            base[self.likelihood.space.index(name)] = value
        points = np.tile(base, (len(amplitudes) * len(shapes), 1))
        first, second = self.likelihood.space.indices(self.grid.names)
        points[:, first] = np.repeat(amplitudes, len(shapes))
        points[:, second] = np.tile(shapes, len(amplitudes))
        return points

    def raw(self, amplitudes: np.ndarray, shapes: np.ndarray) -> Float[np.ndarray, "amplitudes shapes cells"]:
        """Predictions at all pairs of amplitudes and shapes."""
        found = self.predictions(self.theta(amplitudes, shapes))
        return found.reshape(len(amplitudes), len(shapes), -1)

    def predictions(self, points: Float[np.ndarray, "nodes parameters"]) -> Float[np.ndarray, "nodes cells"]:
        """Predictions at points.

        Raises:
            InvalidModel: if one is not finite.
        """
        found = np.asarray(_predict(self.likelihood, points, min(self.batch, len(points))))
        if not np.isfinite(found).all():
            where = points[int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])]
            place = ", ".join(f"{n} = {v:g}" for n, v in zip(self.likelihood.space.names, where, strict=True))
            raise InvalidModel(f"the prediction is not finite at {place}; move the grid away from there")
        return found


def _moved(parameter: Any, start: float) -> Any:
    return ParameterSpace((parameter,)).replace(parameter.name, start=start).parameters[0]


def _within(parameter: Any, lower: float, upper: float) -> Any:
    start = min(max(parameter.start, lower), upper)
    return ParameterSpace((parameter,)).replace(parameter.name, lower=lower, upper=upper, start=start).parameters[0]


@eqx.filter_jit
def _predict(likelihood, points, batch):
    return jax.lax.map(lambda theta: predicted(likelihood, theta), points, batch_size=batch)


@eqx.filter_jit
def _differentiate(likelihood, points, where, batch):
    def derivative(theta):
        tangents = jnp.eye(theta.shape[0])[np.array(where, dtype=int)]
        return jax.vmap(lambda t: jax.jvp(lambda x: predicted(likelihood, x), (theta,), (t,))[1])(tangents)

    return jax.lax.map(derivative, points, batch_size=batch)


def _linear_signal(table: _Sampler, tilts: _Tilts) -> tuple[LinearSignal, float]:
    """The linear form, and its largest departure from the prediction."""
    top = float(table.amplitudes[-1])
    probes = table.amplitudes[[0, -1]]
    null, full = table.whitening.turn_many(table.raw(probes, table.grid.shapes))
    slopes = (full - null) / (top - probes[0])
    null = (null - probes[0] * slopes)[0]
    signal = LinearSignal(
        space=table.space, grid=table.grid, whitening=table.whitening, null=null,
        rule=along_shapes(table.grid.shapes), slopes=slopes, shared=_shared(tilts, "linear"),
        reference=table.reference, roughness=math.nan, flags=tilts.flags,
    )  # fmt: skip
    checks = np.array([0.25, 0.5, 0.75]) * top
    exact = table.whitening.turn_many(table.raw(checks, table.grid.shapes))
    found = null + checks[:, None, None] * slopes
    return signal, _departure(found - exact)


def _rational_signal(table: _Sampler, tilts: _Tilts) -> tuple[RationalSignal, float]:
    """The rational form through three amplitudes, and its largest departure from the prediction."""
    if table.amplitudes[0] != 0:
        raise InvalidModel(f"the rational form starts at {table.grid.names[0]} = 0, which lies outside its bounds")
    top = float(table.amplitudes[-1])
    none, half, full = table.raw(np.array([0.0, 0.5, 1.0]) * top, table.grid.shapes)
    constant = none[0]
    # (a + b s)/(1 + c s) at s = top/2 and top: b = (mu - a)/s + c mu at both
    first, second = (half - constant) / (0.5 * top), (full - constant) / top
    gap = half - full
    scale = np.abs(constant) + np.abs(half) + np.abs(full) + 1e-300
    flat = np.abs(gap) <= 1e-13 * scale
    denominator = np.where(flat, 0.0, (second - first) / np.where(flat, 1.0, gap))
    numerator = second + denominator * full
    lost = 1.0 + top * denominator <= 0  # a pole inside the range: no ratio of positive sums
    denominator, numerator = np.where(lost, 0.0, denominator), np.where(lost, second, numerator)
    signal = RationalSignal(
        space=table.space, grid=table.grid, whitening=table.whitening, constant=constant,
        rule=along_shapes(table.grid.shapes), numerator=numerator, denominator=denominator,
        shared=_shared(tilts, "rational"), reference=table.reference, roughness=math.nan, flags=tilts.flags,
    )  # fmt: skip
    s = np.array([0.2, 0.7, 0.9])[:, None, None] * top
    exact = table.raw(s[:, 0, 0], table.grid.shapes)
    found = (constant + s * numerator) / (1.0 + s * denominator)
    return signal, _departure(table.whitening.turn_many(found - exact))


def _grid_signal(table: _Sampler, tilts: _Tilts) -> GridSignal:
    amplitudes, shapes = table.amplitudes, table.grid.shapes
    means = table.whitening.turn_many(table.raw(amplitudes, shapes))
    if amplitudes[0] == 0:
        means[0] = means[0, 0]  # without signal there is no shape
    space = ParameterSpace(
        (_within(table.space.parameters[0], float(amplitudes[0]), float(amplitudes[-1])), *table.space.parameters[1:])
    )
    tilt_table = None if tilts.nodes is None else NodeTable.through(amplitudes, shapes, tilts.nodes)
    return GridSignal(
        space=space, grid=table.grid, whitening=table.whitening, means=NodeTable.through(amplitudes, shapes, means),
        tilt_table=tilt_table, shared=tilts.shared, reference=table.reference, roughness=math.nan, flags=tilts.flags,
    )  # fmt: skip


def _measured(table: _Sampler, signal: Any) -> Any:
    """The signal with its largest error halfway between shapes, at the largest amplitude."""
    shapes, top = table.grid.shapes, float(table.amplitudes[-1])
    halfway = np.sqrt(shapes[1:] * shapes[:-1]) if shapes[0] > 0 else 0.5 * (shapes[1:] + shapes[:-1])
    exact = table.whitening.turn_many(table.raw(np.array([top]), halfway))[0]
    found = np.asarray(_interpolated(signal, top, halfway))
    return dataclasses.replace(signal, roughness=_departure(found - exact))


@eqx.filter_jit
def _interpolated(signal, amplitude, shapes):
    return jax.lax.map(lambda shape: signal.main(jnp.asarray(amplitude), shape), shapes)


def _shared(tilts: _Tilts, form: str) -> Float[np.ndarray, "nuisances cells"]:
    if tilts.shared is None:
        raise InvalidModel(
            f"the form {form!r} needs nuisances that act alike at all nodes, but here they act on the signal too; "
            "use form='grid', or hold them fixed"
        )
    return tilts.shared


def _tilts(table: _Sampler, linearity: float) -> _Tilts:
    """Derivatives by the nuisances, and how far the prediction departs from them within one standard deviation."""
    names = table.space.names[2:]
    cells = sum(table.whitening.sizes)
    if not names:
        return _Tilts(np.zeros((0, cells)), None, ())
    where = table.likelihood.space.indices(names)
    points = table.theta(table.amplitudes, table.grid.shapes)
    raw = np.asarray(_differentiate(table.likelihood, points, where, min(table.batch, len(points))))
    nodes = table.whitening.turn_many(raw)
    bent = _nuisance_departure(table, points, nodes, where)
    if bent > linearity:
        raise InvalidModel(
            f"the prediction departs by {bent:.2g} standard deviations from a linear function of the nuisances "
            f"{', '.join(names)} within their errors, more than linearity={linearity:g}; raise that bound, hold them "
            "fixed, or use the likelihood itself with the general procedures"
        )
    flags = ()
    if bent > _EXACT:
        sentence = f"nuisances are taken as linear; within their errors the prediction departs by {bent:.2g} sigma"
        flags = (("linear_nuisances", sentence),)
    if np.abs(nodes - nodes[:1]).max() <= 1e-9 * np.abs(nodes).max():
        return _Tilts(nodes[0], None, flags)
    return _Tilts(None, nodes.reshape(len(table.amplitudes), len(table.grid.shapes), -1), flags)


def _nuisance_departure(table: _Sampler, points: np.ndarray, tilts: np.ndarray, where: tuple[int, ...]) -> float:
    """Largest whitened distance between the prediction and its linear form, each nuisance moved by its error."""
    chosen = np.unique(np.linspace(0, len(points) - 1, _PROBES).astype(int))
    worst = 0.0
    for i in chosen:
        information = tilts[i] @ tilts[i].T
        try:
            errors = np.sqrt(np.diag(np.linalg.inv(information)))
        except np.linalg.LinAlgError:
            errors = np.full(len(where), np.nan)
        if not np.isfinite(errors).all():
            names = ", ".join(table.space.names[2:])
            raise InvalidModel(
                f"the data do not fix the nuisances {names}; add their auxiliary measurements as residuals"
            )
        moved = np.repeat(points[i][None], 2 * len(where), axis=0)
        steps = np.concatenate([np.diag(errors), -np.diag(errors)])
        moved[:, list(where)] += steps
        found = table.whitening.turn_many(table.predictions(np.concatenate([points[i][None], moved])))
        worst = max(worst, _departure(found[1:] - found[0] - steps @ tilts[i]))
    return worst


def _departure(difference: np.ndarray) -> float:
    return float(np.sqrt(np.max(np.sum(difference**2, axis=-1), initial=0.0)))


def _flagged(signal: Any, name: str, departure: float, what: str) -> Any:
    if departure <= _EXACT:
        return signal
    sentence = f"the signal is taken as {what}; the prediction departs by {departure:.2g} sigma"
    return dataclasses.replace(signal, flags=(*signal.flags, (name, sentence)))


def _refusal(grid: SignalGrid, form: str, departure: float, bound: float) -> str:
    return (
        f"the prediction departs by {departure:.3g} standard deviations from a {form} function of {grid.names[0]} "
        f"within the grid, more than linearity={bound:g}; use form='auto' or form='grid', or raise linearity to have "
        "the result flagged"
    )
